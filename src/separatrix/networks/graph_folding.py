"""Constants, normalisations and selections of a read graph, folded into its affine layers in float64 (§1).

A reader appends ``Scale`` nodes (x -> scale * x + shift) and ``Selection`` nodes (coordinates picked, repeated or
padded with zeros); :func:`folded` leaves affine layers, activations and sums only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.errors import UnsupportedLayerError
from separatrix.networks.layers import Affine, Layer, Node

ENTRIES_LIMIT = 30_000_000


@dataclass(frozen=True, eq=False)
class Scale(Layer):
    """x -> scale * x + shift, coordinate by coordinate; exists only while a graph is read."""

    scale: np.ndarray
    shift: np.ndarray

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


@dataclass(frozen=True, eq=False)
class Selection(Layer):
    """x -> (x[index[0]], x[index[1]], …), 0 where the index is -1; exists only while a graph is read."""

    index: np.ndarray
    n_inputs: int

    def output_width(self, widths: Sequence[int]) -> int:
        """Number of entries picked."""
        return self.index.size


@dataclass(frozen=True, eq=False)
class Softmax(Layer):
    """A softmax or log-softmax over the classes; exists only while a graph is read."""

    is_log: bool
    place: str

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


@dataclass(frozen=True, eq=False)
class Pending(Layer):
    """A function that can be read only as part of a pattern such as u * (1 + erf(u)); exists only while one is read.

    ``kind``: product, quotient, power 2, power 3, exp, log, erf, or positive (a comparison with 0).
    """

    kind: str
    place: str

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]


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
    """The graph without Scale and Selection nodes: each joins the affine layer before it or those after it, or becomes one.

    Raises UnsupportedLayerError where so many become affine layers of their own that their matrices are too large.
    """
    graph = list(nodes)
    n_users = [len(users) for users in _users(graph)]
    for index in range(1, len(graph)):
        graph[index] = _after_parent(graph, index, n_users)
    graph = pruned(_without_identities(graph), len(graph) - 1)
    users, spent = _users(graph), 0
    for index in range(1, len(graph)):
        layer = graph[index].layer
        if isinstance(layer, (Scale, Selection)) and not _into_users(graph, index, users):
            spent += _width(layer) * _input_width(layer)
            if spent > ENTRIES_LIMIT:
                raise UnsupportedLayerError(
                    "constants or selections that stand between two activations would need matrices of more than "
                    f"{ENTRIES_LIMIT} entries; apply them next to a dense layer"
                )
            graph[index] = Node(_matrix(layer), graph[index].parents)
    return pruned(graph, len(graph) - 1)


def _without_identities(graph: Sequence[Node]) -> list[Node]:
    """The graph in which no node takes the value of a Scale node that changes nothing."""
    known = list(range(len(graph)))
    nodes: list[Node] = []
    for index, node in enumerate(graph):
        nodes.append(Node(node.layer, tuple(known[parent] for parent in node.parents)))
        if isinstance(node.layer, Scale) and (node.layer.scale == 1.0).all() and not node.layer.shift.any():
            known[index] = nodes[index].parents[0]
    return nodes


def _users(graph: Sequence[Node]) -> list[list[int]]:
    """For every node the nodes that take its value."""
    users: list[list[int]] = [[] for _ in graph]
    for index, node in enumerate(graph):
        for parent in set(node.parents):
            users[parent].append(index)
    return users


def _width(layer: Scale | Selection) -> int:
    return layer.scale.size if isinstance(layer, Scale) else layer.index.size


def _input_width(layer: Scale | Selection) -> int:
    return layer.scale.size if isinstance(layer, Scale) else layer.n_inputs


def _after_parent(graph: list[Node], index: int, n_users: list[int]) -> Node:
    """Node ``index`` with its parent folded in, where the parent serves this node alone."""
    node = graph[index]
    if not isinstance(node.layer, (Scale, Selection)) or n_users[node.parents[0]] > 1:
        return node
    layer, before = node.layer, graph[node.parents[0]]
    if isinstance(before.layer, Affine) and before.parents:
        return Node(_after(layer, before.layer), before.parents)
    if isinstance(layer, Scale) and isinstance(before.layer, Scale):
        scale, shift = layer.scale * before.layer.scale, layer.scale * before.layer.shift + layer.shift
        return Node(Scale(scale, shift), before.parents)
    if isinstance(layer, Selection) and isinstance(before.layer, Selection):
        picked = np.where(layer.index < 0, -1, before.layer.index[layer.index])
        return Node(Selection(picked, before.layer.n_inputs), before.parents)
    return node


def _after(layer: Scale | Selection, affine: Affine) -> Affine:
    """The affine map ``affine``, then ``layer``."""
    if isinstance(layer, Scale):
        scales = not (layer.scale == 1.0).all()  # a bias alone leaves the weight as it is, without a copy
        weight = layer.scale[:, None] * affine.weight if scales else affine.weight
        return Affine(weight, layer.scale * affine.bias + layer.shift)
    weight, bias = affine.weight[layer.index], affine.bias[layer.index]
    empty = layer.index < 0
    weight[empty], bias[empty] = 0.0, 0.0
    return Affine(weight, bias)


def _before(affine: Affine, layer: Scale | Selection) -> Affine:
    """``layer``, then the affine map ``affine``."""
    if isinstance(layer, Scale):
        return Affine(affine.weight * layer.scale, affine.bias + affine.weight @ layer.shift)
    weight = np.zeros((affine.weight.shape[0], layer.n_inputs))
    used = np.flatnonzero(layer.index >= 0)
    np.add.at(weight.T, layer.index[used], affine.weight.T[used])
    return Affine(weight, affine.bias)


def _matrix(layer: Scale | Selection) -> Affine:
    """``layer`` as a dense affine map."""
    if isinstance(layer, Scale):
        return Affine(np.diag(layer.scale), layer.shift)
    weight = np.zeros((layer.index.size, layer.n_inputs))
    used = np.flatnonzero(layer.index >= 0)
    weight[used, layer.index[used]] = 1.0
    return Affine(weight, np.zeros(layer.index.size))


def _into_users(graph: list[Node], index: int, users: list[list[int]]) -> bool:
    """Folds node ``index`` into the affine layers that take its value, if all of them are affine layers."""
    node = graph[index]
    layer = node.layer
    assert isinstance(layer, (Scale, Selection))
    if not users[index] or not all(isinstance(graph[user].layer, Affine) for user in users[index]):
        return False
    for user in users[index]:
        after = graph[user].layer
        assert isinstance(after, Affine)
        graph[user] = Node(_before(after, layer), node.parents)
    users[node.parents[0]] += users[index]
    return True
