"""The output of an ONNX file itself, by onnx's reference evaluator in float64. onnx is imported here."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from math import prod
from typing import Any

import numpy as np
import onnx
import onnx.checker
import onnx.inliner
from onnx.reference import ReferenceEvaluator

from separatrix.errors import UnreadableFileError, printable
from separatrix.networks.memory_pages import SLACK, give_back
from separatrix.networks.onnx.files import FileModel, FileNode
from separatrix.networks.onnx.ports import Asked
from separatrix.networks.onnx.reference_operators import OLD_SOFTMAX, OWN_OPERATORS
from separatrix.networks.onnx.tensors import is_floating, sparse_array, tensor_array

ENTRIES_AT_ONCE = 1 << 21
Kind = onnx.AttributeProto
INT64 = onnx.TensorProto.INT64
LISTS = (Kind.TENSORS, Kind.SPARSE_TENSORS)


def own_output(
    model: FileModel,
    nodes: Sequence[FileNode],
    asked: Asked,
    x: np.ndarray,
    at_once: Sequence[int],
    values_a_point: float,
) -> np.ndarray:
    """The file's output on the rows of ``x``, (n, width), weights and casts widened to float64.

    ``at_once``: sizes of portions, for files that take any number of rows; ``values_a_point``: about how many a node has. Only
    the nodes that the output needs are run, with a few weights and values at a time. Whatever the evaluator raises is passed
    on.
    """
    proto = _runnable(model, nodes, asked)
    sizes = list(at_once) if asked.rows is None else [asked.rows] * (len(x) // asked.rows)
    portions: list[dict[str, Any]] = [{asked.input: rows} for rows in _fed(asked, x, sizes)]
    most = max(1, int(ENTRIES_AT_ONCE / 8 / max(values_a_point * max(sizes), 1.0)))
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for part, used, wanted, ended in _stretches(proto, model, asked.output, most):
            constants = {name: _constant(model, name) for name in used | set(wanted) if name in model.constants}
            evaluator: Any = ReferenceEvaluator(part, new_ops=OWN_OPERATORS + (OLD_SOFTMAX if model.opset < 13 else []))
            for values in portions:
                results = evaluator.run(wanted, {**values, **constants})
                values.update(zip(wanted, results, strict=True))
                for name in ended:
                    values.pop(name, None)
            give_back(SLACK)
            del constants
    own = []
    for values, n in zip(portions, sizes, strict=True):
        found = np.asarray(values[asked.output], np.float64)
        has_rows = not asked.is_free_row or found.shape[:1] == (n,)
        own.append(found.reshape(n, -1) if has_rows else np.empty((n, 0)))  # other rows than points: nothing to compare
    return np.concatenate(own)


def _constant(model: FileModel, name: str) -> np.ndarray:
    """A tensor of the file, integers in their own type, whose arithmetic wraps."""
    array, tensor = model.array(name), model.constants[name]
    kind = tensor.values.data_type if isinstance(tensor, onnx.SparseTensorProto) else tensor.data_type
    return (
        array.astype(onnx.helper.tensor_dtype_to_np_dtype(kind)) if array.dtype == np.int64 and kind != INT64 else array
    )


def _stretches(
    proto: Any, model: FileModel, output: str, most: int
) -> Iterator[tuple[Any, set[str], list[str], list[str]]]:
    """The model cut into models of at most ``most`` consecutive nodes with few weights; the names of what each takes, of what
    later ones take of it, and of what none takes after it.
    """
    nodes, starts, entries = list(proto.graph.node), [0], 0
    taken = [_taken(node) for node in nodes]
    for i, names in enumerate(taken):
        size = sum(prod(model.constants[name].dims) for name in names if name in model.constants)
        if i > starts[-1] and (entries + size > ENTRIES_AT_ONCE or i - starts[-1] >= most):
            starts.append(i)
            entries = 0
        entries += size
    last = {name: i for i, names in enumerate(taken) for name in names} | {output: len(nodes)}
    for start, end in zip(starts, [*starts[1:], len(nodes)], strict=True):
        part = onnx.ModelProto(ir_version=proto.ir_version)
        part.opset_import.extend(proto.opset_import)
        part.graph.name = "stretch"
        part.graph.node.extend(nodes[start:end])
        used: set[str] = set().union(*taken[start:end])
        made = [name for node in nodes[start:end] for name in node.output if name and last.get(name, -1) >= end]
        yield part, used, made, [name for name in used if last[name] < end]


def _taken(node: Any) -> set[str]:
    """Names of the values that a node takes, its branches and bodies included."""
    found = set(node.input)
    for attribute in node.attribute:
        if attribute.type == Kind.GRAPH:
            found = found.union(*map(_taken, attribute.g.node))
    return found


def fault(model: FileModel, nodes: Sequence[FileNode]) -> str | None:
    """What is wrong with the first node that does not follow the standard; functions and branches are not looked at."""
    context = onnx.checker.C.CheckerContext()
    context.ir_version, context.opset_imports = model.proto.ir_version, {"": model.opset}
    for node in nodes:
        if any(attribute.t.data_location == onnx.TensorProto.EXTERNAL for attribute in node.proto.attribute):
            continue  # onnx would look for its file in the working folder
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
    start, point = 0, asked.shape[1:] if asked.is_free_row else asked.shape
    for n in sizes:
        yield x[start : start + n].reshape((n, *point) if asked.rows is None or asked.batch else point)
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
        if attribute.type in LISTS or (attribute.type == Kind.SPARSE_TENSOR and attribute.name != "sparse_value"):
            raise UnreadableFileError(
                f"{model.source}: holds tensors in the attribute '{printable(attribute.name, 60)}', which no operator has"
            )
        if attribute.type == Kind.GRAPH:
            _widen(attribute.g.node, model)
            for tensor in attribute.g.initializer:
                _widen_tensor(tensor, model, attribute.name)
        elif attribute.name in ("value_float", "value_floats") and attribute.type in (Kind.FLOAT, Kind.FLOATS):
            numbers = np.array(attribute.f if attribute.type == Kind.FLOAT else attribute.floats, np.float64)
            attribute.CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(numbers)))
        elif attribute.type == Kind.SPARSE_TENSOR and attribute.name == "sparse_value":
            array = sparse_array(attribute.sparse_tensor, model.folder, attribute.name)
            attribute.CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(array)))
        elif attribute.type == Kind.TENSOR:
            _widen_tensor(attribute.t, model, attribute.name)


def _widen_tensor(tensor: Any, model: FileModel, where: str) -> None:
    """A tensor with its numbers in it: onnx would look for external ones in the working folder."""
    if is_floating(tensor.data_type):
        array = tensor_array(tensor, model.folder, where)
        tensor.CopyFrom(onnx.numpy_helper.from_array(array, tensor.name))
    elif tensor.data_location == onnx.TensorProto.EXTERNAL:
        array = tensor_array(tensor, model.folder, where)
        stored = array.astype(onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type))
        tensor.CopyFrom(onnx.numpy_helper.from_array(stored, tensor.name))
