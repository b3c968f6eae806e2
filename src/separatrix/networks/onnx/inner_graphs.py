"""Graphs inside nodes of an ONNX file: branches of If, bodies of SequenceMap."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from separatrix.networks.onnx.files import FileNode, file_nodes

GRAPH = 5  # the kind of attribute


@dataclass(frozen=True)
class InnerGraph:
    """A branch or body: nodes, tensors, and the names of its inputs and outputs."""

    nodes: tuple[FileNode, ...]
    tensors: list[Any]
    inputs: list[str]
    outputs: list[str]


def inner_graph(node: FileNode, name: str) -> InnerGraph | None:
    """The graph that is an attribute of a node."""
    proto: Any = node.attributes.get(name)
    if getattr(proto, "type", None) != GRAPH:
        return None
    inputs, outputs = ([port.name for port in ports] for ports in (proto.g.input, proto.g.output))
    return InnerGraph(file_nodes(proto.g.node), list(proto.g.initializer), inputs, outputs)
