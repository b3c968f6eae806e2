"""Which input and output of an ONNX file are the points and the logits, and what shape one point has (§1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from separatrix.errors import InputError, UnsupportedLayerError, printable
from separatrix.networks.onnx.files import FileModel, FileNode, Port
from separatrix.networks.onnx.tensors import is_floating, is_integer
from separatrix.networks.traced_values import Shape

ANY_BATCH = 1009
INTEGER_MOVES = frozenset((
    "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Identity", "Slice", "Gather", "GatherND", "GatherElements",
    "Split", "Concat", "Expand", "Tile", "Pad", "DepthToSpace", "SpaceToDepth", "Dropout",
))  # fmt: skip
FROM_INTEGERS = ("Cast", "CastLike", "Shape", "Size", "Scaler")
INPUTS_LIMIT, AXES_LIMIT, LABELS_LISTED = 1 << 20, 12, 1000


@dataclass(frozen=True)
class Asked:
    """The input and output to read, the shape of one point, and the rows traced (0: points have no batch axis).

    ``rows`` is what the file takes at once, None for any number.
    """

    input: str
    output: str
    shape: Shape
    batch: int
    rows: int | None

    @property
    def is_free_row(self) -> bool:
        """Whether a file of any number of rows is read as one row, its batch of one being an axis like others."""
        return self.batch == 0 and self.rows is None


def scores_output(model: FileModel) -> tuple[str, list[str], dict[str, str]]:
    """The value to read as logits or probabilities, notes, and metadata (the labels of ZipMap)."""
    made = {name: node for node in model.nodes for name in node.outputs}
    candidates: list[str] = []
    notes: list[str] = []
    metadata: dict[str, str] = {}
    for port in model.outputs:
        node = made.get(port.name)
        if node is not None and (node.operator, node.domain) == ("ZipMap", "ai.onnx.ml") and node.inputs:
            candidates.append(node.inputs[0])
            labels = node.attributes.get("classlabels_strings") or node.attributes.get("classlabels_int64s") or []
            metadata["classes"] = ", ".join(printable(label, 60) for label in labels[:LABELS_LISTED])
            notes.append("ZipMap at the end was taken off")
        elif port.data_type == 0 or is_floating(port.data_type):
            candidates.append(port.name)
        else:
            notes.append(f"the output {printable(port.name, 60)}, which holds no real numbers, was left out")
    if len(candidates) != 1:
        listed = ", ".join(printable(name, 60) for name in candidates[:10])
        raise UnsupportedLayerError(
            f"{model.source}: has {len(candidates)} outputs of real numbers{f' ({listed})' if listed else ''}; expected "
            "one tensor of logits or probabilities, (n, classes); export the model with that output alone"
        )
    return candidates[0], notes, metadata


def needed_nodes(model: FileModel, output: str) -> list[FileNode]:
    """The nodes that an output depends on, in the file's order."""
    needed, kept = {output}, []
    for node in reversed(model.nodes):
        if not needed.isdisjoint(node.outputs):
            kept.append(node)
            needed.update(node.inputs, node.captured)
    return kept[::-1]


def points_input(model: FileModel, nodes: Sequence[FileNode], output: str) -> Port:
    """The one input that the output depends on."""
    used = {name for node in nodes for name in (*node.inputs, *node.captured)} | {output}
    ports = [port for port in model.inputs if port.name in used and port.name not in model.constants]
    if len(ports) != 1:
        listed = ", ".join(printable(port.name, 60) for port in ports[:10])
        raise UnsupportedLayerError(
            f"{model.source}: its output depends on {len(ports)} inputs{f' ({listed})' if listed else ''}; expected one "
            "tensor; fix the others to constants before the export"
        )
    kind = ports[0].data_type
    if kind not in (0, 9) and not is_floating(kind) and not is_integer(kind):
        raise UnsupportedLayerError(f"{model.source}: its input {printable(ports[0].name, 60)} holds no real numbers")
    if kind == 9 or is_integer(kind):
        _check_integers(model, nodes, {ports[0].name})
    return ports[0]


def _check_integers(model: FileModel, nodes: Sequence[FileNode], integers: set[str]) -> set[str]:
    """The names of ``nodes`` that hold integers where ``integers`` do; UnsupportedLayerError where one is computed with, since
    arithmetic of integers cuts and wraps.
    """
    integers = set(integers)
    for node in nodes:
        taken = [name in integers for name in node.inputs]
        function = model.functions.get((node.domain, node.operator))
        if function is not None and any(taken):
            inner = {name for name, is_one in zip(function.inputs, taken, strict=False) if is_one}
            found = _check_integers(model, function.nodes, inner)
            integers |= {name for name, own in zip(node.outputs, function.outputs, strict=False) if own in found}
        elif node.operator in INTEGER_MOVES and any(taken[:1] if node.operator != "Concat" else taken):
            integers.update(node.outputs)
        elif any(taken) and node.operator not in FROM_INTEGERS:
            raise UnsupportedLayerError(
                f"{model.source}: its input holds integers, and '{printable(node.operator, 40)}' in "
                f"'{printable(node.place, 60)}' computes with them before they are cast to real numbers; arithmetic of integers "
                "cuts and wraps, put the Cast first"
            )
    return integers


def readings(
    model: FileModel, nodes: Sequence[FileNode], port: Port, output: str, given: tuple[int, ...] | None
) -> list[Asked]:
    """The ways to read the input, the likeliest first: with a batch axis in front, or as one point.

    Raises InputError where the shape of a point is not known or too large.
    """
    dims = port.dims if port.dims is not None else (None, *(given or (None,)))
    dims = tuple(dim if isinstance(dim, int) and dim > 0 else None for dim in dims)
    if not 1 <= len(dims) <= AXES_LIMIT:
        raise InputError(f"{model.source}: its input has {len(dims)} axes; expected (n, inputs) or (n, channels, …)")
    first, rest = dims[0], dims[1:]
    ways = []
    if first is None:
        shape = _filled(model, nodes, port, rest, given)
        ways.append(Asked(port.name, output, shape, ANY_BATCH, None))
        ways.append(Asked(port.name, output, (1, *shape), 0, None))
    elif first > 1 and rest and _keeps_batch(model, output, first):
        shape = _filled(model, nodes, port, rest, given)
        if given is None or prod(given) == prod(shape):
            ways.append(Asked(port.name, output, shape, first, first))
        ways.append(Asked(port.name, output, (first, *shape), 0, 1))
    else:
        ones = rest if first == 1 else tuple(1 if dim is None else dim for dim in rest)
        ways.append(Asked(port.name, output, (first, *_filled(model, nodes, port, ones, given)), 0, 1))
    for way in ways:
        if prod(way.shape) > INPUTS_LIMIT:
            raise InputError(
                f"{model.source}: its input has the shape {printable(way.shape, 100)}; more than {INPUTS_LIMIT} inputs "
                "are not read"
            )
    return ways


def _keeps_batch(model: FileModel, output: str, rows: int) -> bool:
    """Whether the output may have as many rows as the input."""
    port = next((port for port in model.outputs if port.name == output), None)
    return port is None or not port.dims or not isinstance(port.dims[0], int) or port.dims[0] in (0, rows)


def _filled(
    model: FileModel, nodes: Sequence[FileNode], port: Port, dims: tuple[int | None, ...], given: tuple[int, ...] | None
) -> Shape:
    """The shape of a point, unknown sides taken from input_shape or the first weight."""
    if None not in dims:
        return tuple(dim for dim in dims if dim is not None)
    if given is not None and len(given) == len(dims):
        return tuple(side if dim is None else dim for dim, side in zip(dims, given, strict=True))
    if dims.count(None) == 1 and given is not None and prod(given) % prod(d for d in dims if d is not None) == 0:
        return tuple(prod(given) // prod(d for d in dims if d is not None) if dim is None else dim for dim in dims)
    width = _first_width(model, nodes) if len(dims) == 1 else None
    if width is None:
        raise InputError(
            f"{model.source}: the shape of its input {printable(port.name, 60)} is not said; pass input_shape=, the shape "
            "of one input without the batch"
        )
    return (width,)


def _first_width(model: FileModel, nodes: Sequence[FileNode]) -> int | None:
    """Inputs of the first dense layer."""
    for node in nodes:
        if node.operator in ("MatMul", "Gemm") and len(node.inputs) > 1 and node.inputs[1] in model.constants:
            dims = model.constants[node.inputs[1]].dims
            if len(dims) == 2 and dims[0] > 0 and dims[1] > 0:
                return int(dims[1] if node.operator == "Gemm" and node.attributes.get("transB") else dims[0])
    return None
