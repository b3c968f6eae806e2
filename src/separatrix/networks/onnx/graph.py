"""The graph of an ONNX file as a graph of our layers (§1): constants evaluated, functions of the file entered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import UnreadableFileError, printable
from separatrix.networks.layers import Node
from separatrix.networks.onnx.application import ALWAYS_CONSTANT, applied, sequence
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.constants import RULES as CONSTANT_RULES
from separatrix.networks.onnx.files import FileFunction, FileModel, FileNode, Reference
from separatrix.networks.onnx.graph_checks import NODES_LIMIT
from separatrix.networks.onnx.inner_graphs import InnerGraph, inner_graph
from separatrix.networks.onnx.linear_operators import LINEAR
from separatrix.networks.onnx.operators import RULES, WIDTH_LIMIT
from separatrix.networks.onnx.ports import Asked
from separatrix.networks.onnx.refused_operators import REFUSED
from separatrix.networks.onnx.tensors import tensor_array
from separatrix.networks.traced_labels import check_labels, check_probability, check_softmaxes
from separatrix.networks.traced_layers import Pending
from separatrix.networks.traced_network import READABLE, TracedNetwork, finished
from separatrix.networks.traced_values import Building, Unknown, Unsupported, Value

SEQUENCES = ("SequenceConstruct", "SequenceAt", "ConcatFromSequence", "SplitToSequence")
DEPTH_LIMIT, DECODED_LIMIT = 20, 1 << 29
LAYERS_LIMIT = 10_000
MOST_PATTERNS, MOST_PRODUCTS = 1000, 200
PATTERNS = ("Mul", "Div", "Where")
READABLE_HERE = READABLE + ("; other nodes: rewrite them, or give the part of the model without them")


@dataclass
class Scope:
    """Values by name inside the graph or one call of a function."""

    values: dict[str, Any]
    opset: int
    attributes: Mapping[str, Any] = field(default_factory=dict)
    place: str = ""
    depth: int = 0


@dataclass
class Walk:
    """Nodes read so far: what grows, what was refused, and how much was done, which is bounded."""

    model: FileModel
    building: Building
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    n_nodes: int = 0
    n_decoded: int = 0
    n_patterns: int = 0
    n_products: int = 0

    def looked_up(self, name: str, scope: Scope, by_columns: bool = False) -> Any:
        """A value by name; tensors of the file are decoded when they are needed and not kept."""
        if name == "":
            return None
        if name in scope.values:
            return scope.values[name]
        if scope.depth or name not in self.model.constants:
            return Unknown()
        array = self.model.array(name, by_columns)
        self.n_decoded += array.size
        if self.n_decoded > DECODED_LIMIT:
            raise UnreadableFileError(f"{self.model.source}: uses its tensors too often; it is refused as too large")
        return array

    def run(self, nodes: Sequence[FileNode], scope: Scope) -> None:
        """Read nodes in their order."""
        last_use = {name: i for i, node in enumerate(nodes) for name in node.inputs}
        kept = {name for node in nodes for name in node.captured}
        for i, node in enumerate(nodes):
            self.n_nodes += 1
            inputs = [self.looked_up(name, scope, _is_transposed(node, k)) for k, name in enumerate(node.inputs)]
            results = self.results(node, inputs, scope)
            if self.n_nodes > NODES_LIMIT or len(self.building.nodes) > LAYERS_LIMIT:
                raise UnreadableFileError(
                    f"{self.model.source}: its nodes unfold to more than {NODES_LIMIT}, or to more than {LAYERS_LIMIT} layers"
                )
            for name, result in zip(node.outputs, results, strict=False):
                scope.values[name] = result
            for name in node.outputs[len(results) :]:
                scope.values[name] = Unknown()
            for name in node.inputs:
                if (
                    last_use[name] == i
                    and name not in kept
                    and isinstance(scope.values.get(name), np.ndarray)
                    and not scope.depth
                ):
                    del scope.values[name]

    def results(self, node: FileNode, inputs: list[Any], scope: Scope) -> Sequence[Any]:
        """What a node gives; Unknown where it cannot be read, which is kept for the message."""
        place = f"{scope.place}/{node.place}" if scope.place else node.place
        self.building.place = printable(place, 60)
        function = self.model.functions.get((node.domain, node.operator))
        try:
            attributes = {
                name: scope.attributes[value.name] if isinstance(value, Reference) else value
                for name, value in node.attributes.items()
                if not isinstance(value, Reference) or value.name in scope.attributes
            }
            if not inputs and not node.domain and node.operator in ("If", "SequenceMap", *SEQUENCES[1:]):
                raise Unsupported("without its inputs")
            if node.operator == "If" and not node.domain and not isinstance(inputs[0], Unknown):
                return self.branch(node, inputs[0], scope)
            if node.operator == "SequenceMap" and not node.domain and isinstance(inputs[0], list):
                return self.mapped(node, inputs, scope)
            if function is not None:
                return self.entered(function, inputs, attributes, scope, place)
            if any(isinstance(x, Unknown) for x in inputs):
                return self.unknown(node)
            if node.operator in SEQUENCES and not node.domain:
                return [sequence(Call(self.building, node.operator, scope.opset, inputs, attributes, 1, ""))]
            if any(isinstance(x, list) for x in inputs):
                raise Unsupported("of a list of tensors")
            call = Call(
                self.building, _name(node), scope.opset, inputs, attributes, len(node.outputs), self.model.folder
            )
            self.count_patterns(node, inputs)
            result = applied(call)
            self.n_products += _is_product(self.building.nodes[-1])
            found = result if isinstance(result, tuple) else (result,)
            if any(isinstance(part, Value) and prod(part.shape) > WIDTH_LIMIT for part in found):
                raise Unsupported("makes a value that is too large")
            return found
        except Unsupported as why:
            self.refused.append((_name(node), self.building.place, str(why)))
            return []

    def count_patterns(self, node: FileNode, inputs: Sequence[Any]) -> None:
        """Count the nodes that may be part of an activation written out, each of which is compared with many; Unsupported where
        there are more than any model has.
        """
        is_one = node.operator == "Where" or sum(isinstance(x, Value) for x in inputs) > 1
        self.n_patterns += is_one and node.operator in PATTERNS
        if (
            node.operator in PATTERNS
            and is_one
            and (self.n_patterns > MOST_PATTERNS or self.n_products > MOST_PRODUCTS)
        ):
            raise Unsupported("after too many products of computed values")

    def branch(self, node: FileNode, condition: Any, scope: Scope) -> Sequence[Any]:
        """The outputs of the branch that a constant condition takes."""
        if not isinstance(condition, np.ndarray) or condition.size != 1:
            raise Unsupported("control flow that depends on the data")
        if scope.depth >= DEPTH_LIMIT:
            raise Unsupported("nested too deeply")
        taken = inner_graph(node, "then_branch" if bool(condition.reshape(())) else "else_branch")
        if taken is None:
            raise Unsupported("without its branches")
        return self.inside(node, taken, scope, {})

    def mapped(self, node: FileNode, inputs: Sequence[Any], scope: Scope) -> Sequence[Any]:
        """The lists that a body gives, run on every tensor of lists; other inputs are the same for all."""
        body, lists = inner_graph(node, "body"), [part for part in inputs if isinstance(part, list)]
        if scope.depth >= DEPTH_LIMIT or body is None or not lists or len({len(part) for part in lists}) > 1:
            raise Unsupported("without a body, or of lists of different lengths")
        found = []
        for i in range(len(lists[0])):
            items = [part[i] if isinstance(part, list) else part for part in inputs]
            found.append(self.inside(node, body, scope, dict(zip(body.inputs, items, strict=False))))
        return [list(part) for part in zip(*found, strict=True)]

    def inside(self, node: FileNode, graph: InnerGraph, scope: Scope, bound: Mapping[str, Any]) -> list[Any]:
        """The outputs of a graph inside the graph, which sees the values around it."""
        inner = Scope({**scope.values, **bound}, scope.opset, scope.attributes, scope.place, scope.depth + 1)
        for name in {name for part in graph.nodes for name in (*part.inputs, *part.captured)} - inner.values.keys():
            if not scope.depth and name in self.model.constants:
                inner.values[name] = self.looked_up(name, scope)
        for tensor in graph.tensors:
            inner.values[tensor.name] = tensor_array(tensor, self.model.folder, f"{self.model.source}: {node.place}")
        self.run(graph.nodes, inner)
        return [self.looked_up(name, inner) for name in graph.outputs]

    def unknown(self, node: FileNode) -> list[Any]:
        """Nothing, for a node behind one that cannot be read; Unsupported where it could not be read anyway."""
        name = _name(node)
        if name in REFUSED or name not in (
            *RULES,
            *LINEAR,
            *CONSTANT_RULES,
            *ALWAYS_CONSTANT,
            *SEQUENCES,
            "Constant",
            "If",
        ):
            raise Unsupported(REFUSED.get(name, ""))
        return []

    def entered(
        self, function: FileFunction, inputs: list[Any], attributes: Mapping[str, Any], scope: Scope, place: str
    ) -> Sequence[Any]:
        """The outputs of a function of the file."""
        if scope.depth >= DEPTH_LIMIT:
            raise Unsupported("calls itself or is nested too deeply")
        if function.opset != scope.opset:
            raise Unsupported("a function in another opset than the graph")
        if len(inputs) > len(function.inputs):
            raise Unsupported("with more inputs than the function takes")
        bound = dict(zip(function.inputs, [*inputs, *[None] * len(function.inputs)], strict=False))
        inner = Scope(bound, function.opset, {**function.defaults, **attributes}, place, scope.depth + 1)
        self.run(function.nodes, inner)
        return [self.looked_up(name, inner) for name in function.outputs]


def _is_product(node: Node) -> bool:
    return isinstance(node.layer, Pending) and node.layer.kind == "product"


def _is_transposed(node: FileNode, position: int) -> bool:
    """Whether an input is a matrix on the right, of which a layer keeps the transpose."""
    return position == 1 and node.operator in ("MatMul", "Gemm") and not node.attributes.get("transB")


def _name(node: FileNode) -> str:
    return f"{node.domain}::{node.operator}" if node.domain else node.operator


def read_graph(model: FileModel, nodes: Sequence[FileNode], asked: Asked) -> TracedNetwork:
    """The network of the nodes that one output needs.

    Raises UnsupportedLayerError that names every node that cannot be read.
    """
    building = Building(asked.batch, model.source, owns_constants=True)
    walk = Walk(model, building)
    scope = Scope({asked.input: Value([0], asked.shape)}, model.opset)
    walk.run(nodes, scope)
    output = walk.looked_up(asked.output, scope)
    width = prod(output.shape) if isinstance(output, Value) else 0
    if width and not walk.refused:
        check_labels(building.nodes, output.index, width, model.source)
        check_softmaxes(building.nodes, output.index, model.source)
        if len([n for n in output.shape if n > 1]) > 1:
            building.note(f"outputs of shape {output.shape} were read as the {width} classes of one classification")
    traced = finished(building, [output], READABLE_HERE, walk.refused)
    if width == 1 and traced.tail is None:
        check_probability(traced.nodes, model.source)
    return traced
