"""Whether the nodes of an ONNX file are few and small enough to be read, and in an order in which they can be run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from separatrix.errors import UnreadableFileError, printable

if TYPE_CHECKING:
    from separatrix.networks.onnx.files import FileNode

NODES_LIMIT, NAMES_LIMIT, NUMBERS_LIMIT, TEXT_LIMIT = 20_000, 1 << 16, 1 << 20, 1 << 24


def check_nodes(protos: list[Any], source: str) -> None:
    """Nodes, those of inner graphs too, with lists of a size that a model may have, before they become Python's."""
    n_nodes, waiting = 0, protos
    while waiting:
        node = waiting.pop()
        n_nodes += 1
        for attribute in node.attribute:
            numbers = len(attribute.ints) + len(attribute.floats) + len(attribute.strings)
            if numbers > NUMBERS_LIMIT or len(attribute.s) > TEXT_LIMIT:
                raise UnreadableFileError(
                    f"{source}: the attribute '{printable(attribute.name, 60)}' of the node '{printable(node.name, 60)}' is "
                    "refused as too large; large constants belong into tensors"
                )
            waiting += [*attribute.g.node, *(inner for graph in attribute.graphs for inner in graph.node)]
        if max(len(node.input), len(node.output), len(node.attribute)) > NAMES_LIMIT or n_nodes > NODES_LIMIT:
            raise UnreadableFileError(
                f"{source}: has more than {NODES_LIMIT} nodes, inner graphs included, or one with more than {NAMES_LIMIT} inputs"
            )


def check_order(nodes: Sequence[FileNode], known: Sequence[str], source: str) -> None:
    """Every name is given once, before it is used; UnreadableFileError otherwise."""
    names = {""}
    for name in (*known, *(name for node in nodes for name in node.outputs)):
        if name and name in names:
            raise UnreadableFileError(f"{source}: gives the name '{printable(name, 60)}' to two values")
        names.add(name)
    done = {"", *known}
    for node in nodes:
        for name in node.inputs:
            if name not in done:
                why = (
                    "before it is computed; the graph is cyclic or not sorted"
                    if name in names
                    else "that nothing gives"
                )
                raise UnreadableFileError(
                    f"{source}: the node '{printable(node.place, 60)}' takes the value '{printable(name, 60)}' {why}"
                )
        done.update(node.outputs)
