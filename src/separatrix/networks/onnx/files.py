"""ONNX files as plain values: the protobuf is parsed and checked once, where it enters. onnx is imported here."""

from __future__ import annotations

import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError

from separatrix.errors import UnreadableFileError, UnsupportedLayerError, printable
from separatrix.networks.array_files import first_bytes
from separatrix.networks.onnx.graph_checks import check_nodes, check_order
from separatrix.networks.onnx.skeleton import FIELDS_LIMIT, TooManyFields, skeleton
from separatrix.networks.onnx.tensors import Stored, sparse_array, tensor_array

FILE_LIMIT, ODD_LIMIT, LARGE = 1 << 26, 1 << 23, 1 << 20
OLDEST_OPSET = 7
STANDARD = ("", "ai.onnx")
Attribute = onnx.AttributeProto


@dataclass(frozen=True)
class Reference:
    """An attribute of a function's node that is an attribute of the function's call."""

    name: str


@dataclass(frozen=True)
class FileNode:
    """A node of the file: operator, names of its inputs and outputs, attributes; ``proto`` for running it again."""

    operator: str
    domain: str
    name: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: Mapping[str, Any]
    proto: Any = field(repr=False)

    @property
    def captured(self) -> set[str]:
        """Names that its branches or bodies may take from around them."""
        graphs = [attribute.g for attribute in self.proto.attribute if attribute.type == Attribute.GRAPH]
        names: set[str] = set()
        while graphs:
            graph = graphs.pop()
            names.update(name for node in graph.node for name in node.input)
            graphs += [a.g for node in graph.node for a in node.attribute if a.type == Attribute.GRAPH]
        return names

    @property
    def place(self) -> str:
        """What the file calls the node, or what it computes."""
        return self.name or next((name for name in self.outputs if name), "")


@dataclass(frozen=True)
class FileFunction:
    """A function of the file; ``defaults``: values of attributes that a call may leave out."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    nodes: tuple[FileNode, ...]
    opset: int
    defaults: Mapping[str, Any]


@dataclass(frozen=True)
class Port:
    """A graph's input or output: element type (0: not said) and dimensions, each a number, a name, or None."""

    name: str
    data_type: int
    dims: tuple[int | str | None, ...] | None


@dataclass(frozen=True)
class FileModel:
    """What a file holds; ``constants``: TensorProtos, or where they stand, by name; ``functions`` by (domain, operator)."""

    path: str
    folder: str
    nodes: tuple[FileNode, ...]
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    constants: Mapping[str, Any]
    functions: Mapping[tuple[str, str], FileFunction]
    opset: int
    proto: Any = field(repr=False)
    _decoded: dict[str, weakref.ref[Any]] = field(default_factory=dict, repr=False)

    @property
    def source(self) -> str:
        """The path for messages."""
        return printable(self.path)

    def array(self, name: str, by_columns: bool = False) -> np.ndarray:
        """A tensor of the file as numbers, read-only; those that somebody still holds are not decoded again."""
        tensor, known = self.constants[name], self._decoded[name]() if name in self._decoded else None
        if known is not None:
            return known.reshape(tuple(tensor.dims))
        where = f"{self.source}: tensor {printable(name, 60)}"
        if isinstance(tensor, onnx.SparseTensorProto):
            array = sparse_array(tensor, self.folder, where)
        else:
            array = tensor_array(tensor, self.folder, where, by_columns and len(tensor.dims) == 2)
        array.flags.writeable = False
        whole = array if array.base is None else array.base
        if isinstance(whole, np.ndarray) and whole.dtype == array.dtype and whole.size == array.size:
            whole.flags.writeable = False
            self._decoded[name] = weakref.ref(whole)
        return array

    def forget(self) -> None:
        """Decode tensors anew from now on: those that were decoded are going to be written over."""
        self._decoded.clear()


def read_file(path: str) -> FileModel:
    """The model in an ONNX file; nothing but this file is opened.

    Raises UnreadableFileError for torn files, graphs that are cyclic, unsorted or name things twice, and
    UnsupportedLayerError for opsets that are not read.
    """
    source = printable(path)
    first_bytes(path, 1)
    try:
        proto, spans = _parsed(path, source)
        return _model(proto, path, source, spans)
    except TooManyFields:
        raise UnreadableFileError(
            f"{source}: has more than {FIELDS_LIMIT} parts, or a list of integers beyond all use; it is refused as too large"
        ) from None
    except (DecodeError, UnicodeError, RecursionError) as error:
        raise UnreadableFileError(
            f"{source}: is no ONNX model or is torn: {printable(error)}; write or copy the file again"
        ) from None


def _parsed(path: str, source: str) -> tuple[Any, dict[int, tuple[int, int]]]:
    """The protobuf, of large files without the bytes of tensors, and where those stand."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        outline = skeleton(file.fileno(), size) if size > LARGE else None
        rest = size if outline is None else len(outline[0])
        limit = ODD_LIMIT if outline is None else FILE_LIMIT
        if rest > limit:
            raise UnreadableFileError(
                f"{source}: has {rest} bytes apart from ordinary weights; more than {limit} are not read"
            )
        proto = onnx.ModelProto()
        proto.ParseFromString(file.read() if outline is None else outline[0])
    return proto, {} if outline is None else outline[1]


def _model(proto: Any, path: str, source: str, spans: Mapping[int, tuple[int, int]]) -> FileModel:
    if not proto.HasField("graph") or not proto.graph.output:
        raise UnreadableFileError(f"{source}: is no ONNX model or is torn: it has no graph with outputs")
    graph = proto.graph
    check_nodes([*graph.node, *(node for function in proto.functions for node in function.node)], source)
    opset = _opset(proto.opset_import, source, 0)
    constants = _constants(graph, path, source, spans)
    model = FileModel(
        path,
        os.path.dirname(os.path.abspath(path)),
        file_nodes(graph.node),
        _ports(graph.input),
        _ports(graph.output),
        constants,
        {(_domain(f.domain), f.name): _function(f, opset, source) for f in proto.functions},
        opset,
        proto,
    )
    inputs = [port.name for port in model.inputs if port.name not in constants]
    check_order(model.nodes, [*inputs, *constants], source)
    return model


def _constants(graph: Any, path: str, source: str, spans: Mapping[int, tuple[int, int]]) -> dict[str, Any]:
    """The tensors of the file by name: protobufs, or where their bytes stand."""
    constants: dict[str, Any] = {}
    dense = ((tensor.name, tensor) for tensor in graph.initializer)
    for number, (name, tensor) in enumerate([*dense, *((part.values.name, part) for part in graph.sparse_initializer)]):
        if name in constants:
            raise UnreadableFileError(f"{source}: holds the tensor '{printable(name, 60)}' twice")
        constants[name] = tensor
        if number in spans and number < len(graph.initializer) and tensor.data_location != 1:
            constants[name] = Stored(path, *spans[number], tensor.data_type, tuple(tensor.dims))
    return constants


def _opset(imports: Any, source: str, default: int) -> int:
    """The version of the standard operators, checked."""
    versions = [entry.version for entry in imports if entry.domain in STANDARD]
    opset, newest = max(versions, default=default), onnx.defs.onnx_opset_version()
    if opset == 0:
        raise UnreadableFileError(f"{source}: does not say its opset, or is torn; write or copy the file again")
    if not OLDEST_OPSET <= opset <= newest:
        advice = "convert it with onnx.version_converter" if opset < OLDEST_OPSET else "update the package onnx"
        raise UnsupportedLayerError(
            f"{source}: is written in opset {opset}; opsets {OLDEST_OPSET} to {newest} are read; {advice}"
        )
    return opset


def _domain(domain: str) -> str:
    return "" if domain in STANDARD else domain


def file_nodes(protos: Any) -> tuple[FileNode, ...]:
    """Nodes of a graph as plain values."""
    return tuple(
        FileNode(
            node.op_type,
            _domain(node.domain),
            node.name,
            tuple(node.input),
            tuple(node.output),
            {attribute.name: _attribute(attribute) for attribute in node.attribute},
            node,
        )
        for node in protos
    )


def _attribute(proto: Any) -> Any:
    """A number, a text, a list of them, or the protobuf itself (tensors and graphs)."""
    if proto.ref_attr_name:
        return Reference(proto.ref_attr_name)
    if proto.type == Attribute.FLOAT:
        return float(proto.f)
    if proto.type == Attribute.INT:
        return int(proto.i)
    if proto.type == Attribute.STRING:
        return proto.s.decode("utf-8", "replace")
    if proto.type in (Attribute.TENSOR, Attribute.SPARSE_TENSOR):
        return proto.t if proto.type == Attribute.TENSOR else proto.sparse_tensor
    if proto.type in (Attribute.FLOATS, Attribute.INTS):
        return list(proto.floats if proto.type == Attribute.FLOATS else proto.ints)
    if proto.type == Attribute.STRINGS:
        return [text.decode("utf-8", "replace") for text in proto.strings]
    return proto


def _ports(protos: Any) -> tuple[Port, ...]:
    return tuple(_port(proto) for proto in protos)


def _port(proto: Any) -> Port:
    kind = proto.type.WhichOneof("value")
    if kind != "tensor_type":
        return Port(proto.name, 0 if kind is None else -1, None)
    tensor = proto.type.tensor_type
    if not tensor.HasField("shape"):
        return Port(proto.name, tensor.elem_type, None)
    dims = tuple(
        int(dim.dim_value) if dim.HasField("dim_value") else (dim.dim_param or None) for dim in tensor.shape.dim
    )
    return Port(proto.name, tensor.elem_type, dims)


def _function(proto: Any, opset: int, source: str) -> FileFunction:
    nodes = file_nodes(proto.node)
    check_order(nodes, proto.input, f"{source}: function {printable(proto.name, 60)}")
    defaults = {attribute.name: _attribute(attribute) for attribute in proto.attribute_proto}
    version = _opset(proto.opset_import, source, opset)
    return FileFunction(tuple(proto.input), tuple(proto.output), nodes, version, defaults)
