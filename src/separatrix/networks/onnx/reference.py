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


def own_output(model: FileModel, nodes: Sequence[FileNode], asked: Asked, x: np.ndarray) -> np.ndarray:
    """The file's output on the rows of ``x``, (n, width), weights and casts widened to float64.

    Only the nodes that the output needs are run, a few weights at a time. Whatever the evaluator raises is passed on.
    """
    proto = _runnable(model, nodes, asked)
    portions: list[dict[str, Any]] = [{asked.input: rows} for rows in _fed(asked, x)]
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        for part, wanted in _stretches(proto, model, asked.output):
            used = {name for node in part.graph.node for name in node.input}
            constants = {name: model.array(name) for name in used | set(wanted) if name in model.constants}
            evaluator: Any = ReferenceEvaluator(part, new_ops=[Erf, Gelu, BatchNormalization])
            for values in portions:
                results = evaluator.run(wanted, {**values, **constants})
                values.update(zip(wanted, results, strict=True))
            del constants
    own = [
        np.asarray(values[asked.output], np.float64).reshape(n, -1)
        for values, n in zip(portions, _sizes(asked, x), strict=True)
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


def _sizes(asked: Asked, x: np.ndarray) -> list[int]:
    return [len(x)] if asked.rows is None else [asked.rows] * (len(x) // asked.rows)


def _fed(asked: Asked, x: np.ndarray) -> Iterator[np.ndarray]:
    """The points in portions that the file takes."""
    start = 0
    for n in _sizes(asked, x):
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
        if attribute.name in ("value_float", "value_floats") and attribute.type in (Kind.FLOAT, Kind.FLOATS):
            numbers = np.array(attribute.f if attribute.type == Kind.FLOAT else attribute.floats, np.float64)
            attribute.CopyFrom(onnx.helper.make_attribute("value", onnx.numpy_helper.from_array(numbers)))
        elif attribute.type == Kind.TENSOR and is_floating(attribute.t.data_type):
            array = tensor_array(attribute.t, model.folder, attribute.name)
            attribute.t.CopyFrom(onnx.numpy_helper.from_array(array, attribute.t.name))
