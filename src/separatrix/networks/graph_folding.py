"""Elementwise constants and batch norms of a traced graph, folded into its affine layers in float64 (§1).

A reader appends ``Scale`` nodes (x -> scale * x + shift); :func:`folded` leaves affine layers, activations and sums
only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.networks.layers import Affine, Layer, Node


@dataclass(frozen=True, eq=False)
class Scale(Layer):
    """x -> scale * x + shift, coordinate by coordinate; exists only while a graph is read."""

    scale: np.ndarray
    shift: np.ndarray

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """A softmax or log-softmax over the classes; exists only while a graph is read."""

    is_log: bool
    place: str

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


def consumers(nodes: Sequence[Node], index: int) -> list[int]:
    """The nodes that take the value of node ``index``."""
    return [i for i, node in enumerate(nodes) if index in node.parents]


def pruned(nodes: Sequence[Node], last: int) -> list[Node]:
    """The nodes that node ``last`` depends on, renumbered, ``last`` at the end; the input stays."""
    needed, stack = {0, last}, [last]
    while stack:
        for parent in nodes[stack.pop()].parents:
            if parent not in needed:
                needed.add(parent)
                stack.append(parent)
    order = {old: new for new, old in enumerate(sorted(needed))}
    return [Node(nodes[old].layer, tuple(order[p] for p in nodes[old].parents)) for old in order]


def folded(nodes: Sequence[Node]) -> list[Node]:
    """The graph without Scale nodes: each joins the affine layer before it, those after it, or becomes one itself."""
    graph = list(nodes)
    for index in range(1, len(graph)):
        graph[index] = _after_parent(graph, index)
    graph = pruned(graph, len(graph) - 1)
    for index in range(1, len(graph)):
        if isinstance(graph[index].layer, Scale):
            _into_consumers(graph, index)
    return pruned(graph, len(graph) - 1)


def _after_parent(graph: list[Node], index: int) -> Node:
    """Node ``index`` with its parent folded in, where the parent serves this Scale node alone."""
    node = graph[index]
    if not isinstance(node.layer, Scale) or len(consumers(graph, node.parents[0])) > 1:
        return node
    scale, shift, before = node.layer.scale, node.layer.shift, graph[node.parents[0]]
    if isinstance(before.layer, Affine) and before.parents:
        weight, bias = scale[:, None] * before.layer.weight, scale * before.layer.bias + shift
        return Node(Affine(weight, bias), before.parents)
    if isinstance(before.layer, Scale):
        return Node(Scale(scale * before.layer.scale, scale * before.layer.shift + shift), before.parents)
    return node


def _into_consumers(graph: list[Node], index: int) -> None:
    node, users = graph[index], consumers(graph, index)
    layer = node.layer
    assert isinstance(layer, Scale)
    if not users or not all(isinstance(graph[user].layer, Affine) for user in users):
        graph[index] = Node(Affine(np.diag(layer.scale), layer.shift), node.parents)
        return
    for user in users:
        after = graph[user].layer
        assert isinstance(after, Affine)
        graph[user] = Node(Affine(after.weight * layer.scale, after.bias + after.weight @ layer.shift), node.parents)
