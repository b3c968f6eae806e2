"""The output of an ONNX file itself, by onnx's reference evaluator in float64. onnx is imported here."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.inliner
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

from separatrix.errors import printable
from separatrix.networks.onnx.files import FileModel, FileNode
from separatrix.networks.onnx.ports import Asked
from separatrix.networks.onnx.tensors import is_floating, tensor_array

ENTRIES_AT_ONCE = 1 << 21
Kind = onnx.AttributeProto


class Erf(OpRun):
    """The error function in float64; the evaluator's own is computed in float32."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


class Gelu(OpRun):
    """GELU in float64; the evaluator's own is put together in float32."""

    op_domain = ""

    def _run(self, x: np.ndarray, approximate: str | None = None) -> tuple[np.ndarray]:
        if approximate == "tanh":
            return (0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),)
        return (0.5 * x * (1.0 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2.0))),)


class Pad(OpRun):
    """Pad with widths that may be negative, which the evaluator does not take."""

    op_domain = ""

    def _run(
        self, x: np.ndarray, *inputs: Any, pads: Any = None, mode: str | None = None, value: float | None = None
    ) -> Any:
        given = [*inputs, None, None, None]
        widths = np.asarray(given[0] if pads is None else pads).reshape(2, -1)
        number = value if pads is not None else given[1]
        axes = range(x.ndim) if given[2] is None else [int(axis) for axis in np.asarray(given[2])]
        for (before, after), axis in zip(widths.T.tolist(), axes, strict=True):
            stop = x.shape[axis] + min(after, 0)
            x = np.take(x, range(-min(before, 0), stop), axis)
            sides = [(0, 0)] * x.ndim
            sides[axis] = (max(before, 0), max(after, 0))
            if (mode or "constant") == "constant":
                x = np.pad(x, sides, constant_values=0.0 if number is None else float(np.asarray(number).reshape(())))
            else:
                x = np.pad(x, sides, mode=mode)  # pyright: ignore
        return (x,)


class BatchNormalization(OpRun):
    """A batch norm in evaluation mode; the evaluator takes the batch's own statistics before opset 14."""

    op_domain = ""

    def _run(
        self,
        x: np.ndarray,
        scale: np.ndarray,
        shift: np.ndarray,
        mean: np.ndarray,
        variance: np.ndarray,
        epsilon: float | None = None,
        **_: Any,
    ) -> tuple[np.ndarray]:
        sides = (-1, *(1,) * (x.ndim - 2))
        deviation = np.sqrt(variance + (1e-5 if epsilon is None else epsilon))
        return ((x - mean.reshape(sides)) * (scale / deviation).reshape(sides) + shift.reshape(sides),)


class MaxPool(OpRun):
    """Max pooling by its definition; the evaluator's own swaps uneven pads and miscounts windows of SAME_LOWER."""

    op_domain = ""

    def _run(self, x: np.ndarray, **given: Any) -> tuple[np.ndarray]:
        window = given["kernel_shape"]
        axes, mode = len(window), given.get("auto_pad") or "NOTSET"
        strides, gaps = given.get("strides") or [1] * axes, given.get("dilations") or [1] * axes
        pads = (given.get("pads") if mode == "NOTSET" else None) or [0] * (2 * axes)
        for i, (width, step, gap) in enumerate(zip(window, strides, gaps, strict=True)):
            axis, span = i + 2, (width - 1) * gap + 1
            size, before, after = x.shape[axis], pads[i], pads[i + axes]
            if mode.startswith("SAME"):
                count = -(-size // step)
                short = max(0, (count - 1) * step + span - size)
                before = short // 2 if mode == "SAME_UPPER" else short - short // 2
            else:
                room = size + before + after - span
                count = (-(-room // step) if given.get("ceil_mode") else room // step) + 1
                count -= bool(given.get("ceil_mode")) and (count - 1) * step >= size + before
            sides = [(0, 0)] * x.ndim
            sides[axis] = (before, max(0, (count - 1) * step + span - size - before))
            wide = np.pad(x, sides, constant_values=-np.inf)
            starts = np.arange(count) * step
            x = np.max([np.take(wide, starts + k * gap, axis) for k in range(width)], axis=0)
        return (x,)


class GlobalMaxPool(OpRun):
    """The maximum over all axes but rows and channels; the evaluator's own is for two spatial axes alone."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class _FlatSoftmax(OpRun):
    """A softmax over all axes from one on, as before opset 13; the evaluator takes one axis."""

    op_domain = ""
    is_log = False

    def _run(self, x: np.ndarray, axis: int | None = None) -> tuple[np.ndarray]:
        first = (1 if axis is None else axis) % x.ndim
        rows = x.reshape(prod(x.shape[:first]), -1)
        rows = rows - rows.max(axis=1, keepdims=True)
        total = np.exp(rows).sum(axis=1, keepdims=True)
        return ((rows - np.log(total) if self.is_log else np.exp(rows) / total).reshape(x.shape),)


OWN_OPERATORS = [Erf, Gelu, Pad, BatchNormalization, MaxPool, GlobalMaxPool]
OLD_SOFTMAX = [type("Softmax", (_FlatSoftmax,), {}), type("LogSoftmax", (_FlatSoftmax,), {"is_log": True})]


def own_output(
    model: FileModel, nodes: Sequence[FileNode], asked: Asked, x: np.ndarray, at_once: Sequence[int]
) -> np.ndarray:
    """The file's output on the rows of ``x``, (n, width), weights and casts widened to float64.

    ``at_once``: sizes of portions, for files that take any number of rows. Only the nodes that the output needs are run, a
    few weights at a time. Whatever the evaluator raises is passed on.
    """
    proto = _runnable(model, nodes, asked)
    sizes = list(at_once) if asked.rows is None else [asked.rows] * (len(x) // asked.rows)
    portions: list[dict[str, Any]] = [{asked.input: rows} for rows in _fed(asked, x, sizes)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for part, wanted in _stretches(proto, model, asked.output):
            used = {name for node in part.graph.node for name in node.input}
            constants = {name: model.array(name) for name in used | set(wanted) if name in model.constants}
            evaluator: Any = ReferenceEvaluator(part, new_ops=OWN_OPERATORS + (OLD_SOFTMAX if model.opset < 13 else []))
            for values in portions:
                results = evaluator.run(wanted, {**values, **constants})
                values.update(zip(wanted, results, strict=True))
            del constants
    own = [
        np.asarray(values[asked.output], np.float64).reshape(n, -1) for values, n in zip(portions, sizes, strict=True)
    ]
    return np.concatenate(own)


def _stretches(proto: Any, model: FileModel, output: str) -> Iterator[tuple[Any, list[str]]]:
    """The model cut into models of consecutive nodes with few weights, and what later ones need of each."""
    nodes, starts, entries = list(proto.graph.node), [0], 0
    for i, node in enumerate(nodes):
        size = sum(prod(model.constants[name].dims) for name in node.input if name in model.constants)
        if entries + size > ENTRIES_AT_ONCE and i > starts[-1]:
            starts.append(i)
            entries = 0
        entries += size
    for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True):
        later = {name for node in nodes[end:] for name in node.input} | {output}
        part = onnx.ModelProto(ir_version=proto.ir_version)
        part.opset_import.extend(proto.opset_import)
        part.graph.name = "stretch"
        part.graph.node.extend(nodes[start:end])
        yield part, [name for node in nodes[start:end] for name in node.output if name and name in later]


def fault(model: FileModel, nodes: Sequence[FileNode]) -> str | None:
    """What is wrong with the first node that does not follow the standard; functions and branches are not looked at."""
    context = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = model.proto.ir_version, {"": model.opset}
    for node in nodes:
        if not node.domain and not node.captured and (node.domain, node.operator) not in model.functions:
            try:
                onnx.checker.check_node(node.proto, context)
            except onnx.checker.ValidationError as error:
                return f"the node '{printable(node.place, 60)}' does not follow the standard: {printable(error, 300)}"
            except UnicodeError:
                return f"the node '{printable(node.place, 60)}' holds bytes that are no text"
    return None


def _runnable(model: FileModel, nodes: Sequence[FileNode], asked: Asked) -> Any:
    """A model of these nodes in float64, its functions written out, without tensors."""
    proto = onnx.ModelProto(ir_version=model.proto.ir_version)
    proto.opset_import.extend(model.proto.opset_import)
    called = _called(model, nodes)
    proto.functions.extend(f for f in model.proto.functions if (f.domain, f.name) in called)
    for function in proto.functions:
        _widen(function.node, model)
        _widen_attributes(function.attribute_proto, model)
        _fill_up(function.node, model)
    proto.graph.name = "read"
    proto.graph.node.extend(node.proto for node in nodes)
    _widen(proto.graph.node, model)
    _fill_up(proto.graph.node, model)
    proto.graph.input.extend(port for port in model.proto.graph.input if port.name == asked.input)
    proto.graph.output.append(onnx.ValueInfoProto(name=asked.output))
    return onnx.inliner.inline_local_functions(proto) if called else proto


def _called(model: FileModel, nodes: Sequence[FileNode]) -> set[tuple[str, str]]:
    """Functions of the file that the nodes call, directly or not."""
    found, waiting = set(), list(nodes)
    while waiting:
        node = waiting.pop()
        key = (node.domain, node.operator)
        if key in model.functions and key not in found:
            found.add(key)
            waiting += model.functions[key].nodes
    return found


def _fed(asked: Asked, x: np.ndarray, sizes: Sequence[int]) -> Iterator[np.ndarray]:
    """The points in portions that the file takes."""
    start = 0
    for n in sizes:
        yield x[start : start + n].reshape((n, *asked.shape) if asked.batch else asked.shape)
        start += n


def _widen(nodes: Any, model: FileModel) -> None:
    """Casts and constants of nodes in float64."""
    for node in nodes:
        for attribute in node.attribute:
            if node.op_type == "Cast" and attribute.name == "to" and is_floating(attribute.i):
                attribute.i = onnx.TensorProto.DOUBLE
        _widen_attributes(node.attribute, model)


def _fill_up(nodes: Any, model: FileModel) -> None:
    """Inputs that calls of functions leave out, which the evaluator wants to be named."""
    for node in nodes:
        function = model.functions.get((node.domain, node.op_type))
        if function is not None:
            node.input.extend([""] * (len(function.inputs) - len(node.input)))


def _widen_attributes(attributes: Any, model: FileModel) -> None:
    for attribute in attributes:
        if attribute.type == Kind.GRAPH:
            _widen(attribute.g.node, model)
            for tensor in attribute.g.initializer:
                _widen_tensor(tensor, model, attribute.name)
        elif attribute.name in ("value_float", "value_floats") and attribute.type in (Kind.FLOAT, Kind.FLOATS):
            numbers = np.array(attribute.f if attribute.type == Kind.FLOAT else attribute.floats, np.float64)
            attribute.CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(numbers)))
        elif attribute.type == Kind.TENSOR and is_floating(attribute.t.data_type):
            _widen_tensor(attribute.t, model, attribute.name)


def _widen_tensor(tensor: Any, model: FileModel, where: str) -> None:
    if is_floating(tensor.data_type):
        array = tensor_array(tensor, model.folder, where)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
