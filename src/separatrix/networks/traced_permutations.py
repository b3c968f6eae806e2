"""Reorderings of values, moved behind what does not mind the order (§1).

A file with the channels last transposes before and after every convolution. Moved behind activations, scales, sums and
poolings, the reorderings meet, cancel, or join the matrix of a dense layer.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.networks.layers import Activation, Node, Sum
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_layers import Pool, Scale, Selection, pruned

Order = np.ndarray | None


def reordered(nodes: Sequence[Node]) -> list[Node]:
    """The same graph, its reorderings as late as they can be."""
    walk = _Walk()
    for node in nodes:
        walk.take(node)
    last = walk.plain(len(nodes) - 1)
    if last == 0 and isinstance(nodes[-1].layer, Selection):
        width = nodes[-1].layer.n_inputs
        return [nodes[0], Node(Scale(np.ones(width), np.zeros(width)), (0,))]
    return pruned(walk.nodes, last)


class _Walk:
    """``number`` and ``orders`` say for every old node: its value is that of a new node, entry i at place order[i]."""

    def __init__(self) -> None:
        self.nodes: list[Node] = []
        self.number: list[int] = []
        self.orders: list[Order] = []
        self._materialised: dict[int, int] = {}

    def _append(self, layer: object, parents: tuple[int, ...]) -> int:
        self.nodes.append(Node(layer, parents))  # pyright: ignore[reportArgumentType]
        return len(self.nodes) - 1

    def plain(self, old: int) -> int:
        """A new node with the value of an old one, in its own order."""
        order = self.orders[old]
        if order is None:
            return self.number[old]
        if old not in self._materialised:
            self._materialised[old] = self._append(Selection(order, order.size), (self.number[old],))
        return self._materialised[old]

    def _keep(self, layer: object, parents: tuple[int, ...], order: Order = None) -> None:
        if order is not None and np.array_equal(order, np.arange(order.size)):
            order = None
        self.number.append(self._append(layer, parents))
        self.orders.append(order)

    def take(self, node: Node) -> None:
        """Add an old node."""
        layer = node.layer
        if not node.parents:
            self._keep(layer, ())
            return
        first = node.parents[0]
        order, number = self.orders[first], self.number[first]
        if isinstance(layer, Selection):
            self._select(layer, first)
        elif order is None or not isinstance(layer, (Activation, Scale, Pool, SparseAffine, Sum)):
            self._keep(layer, tuple(self.plain(parent) for parent in node.parents))
        elif isinstance(layer, Sum):
            orders = [self.orders[parent] for parent in node.parents]
            if all(other is not None and np.array_equal(order, other) for other in orders):
                self._keep(layer, tuple(self.number[parent] for parent in node.parents), order)
            else:
                self._keep(layer, tuple(self.plain(parent) for parent in node.parents))
        else:
            moved, outputs = _moved(layer, order)
            self._keep(moved, (number,), outputs)

    def _select(self, layer: Selection, parent: int) -> None:
        order, number = self.orders[parent], self.number[parent]
        index = layer.index if order is None else np.where(layer.index < 0, -1, order[layer.index])
        is_order = index.size == layer.n_inputs and np.array_equal(np.sort(index), np.arange(index.size))
        if not is_order:
            self._keep(Selection(index, layer.n_inputs), (number,))
            return
        self.number.append(number)
        self.orders.append(None if np.array_equal(index, np.arange(index.size)) else index)


def _moved(layer: object, order: np.ndarray) -> tuple[object, Order]:
    """The layer on the value before its reordering, and the order in which its outputs then stand."""
    if isinstance(layer, Activation):
        return layer, order
    if isinstance(layer, Scale):
        scale, shift = np.empty_like(layer.scale), np.empty_like(layer.shift)
        scale[order], shift[order] = layer.scale, layer.shift
        return Scale(scale, shift), order
    if isinstance(layer, Pool):
        windows = np.where(layer.windows < 0, -1, order[layer.windows])
        lowest = np.where(windows < 0, layer.n_inputs, windows).min(axis=1)
        rows = np.argsort(lowest, kind="stable")
        return Pool(windows[rows], layer.signs[rows], layer.n_inputs), _inverse(rows)
    assert isinstance(layer, SparseAffine)
    inverse = _inverse(order)  # W P x: column order[j] of the new matrix is column j of the old one
    matrix = layer.rows()[:, inverse].tocsr()
    matrix.sort_indices()
    lowest = np.full(layer.n_outputs, layer.n_inputs)
    used = np.diff(matrix.indptr) > 0
    lowest[used] = matrix.indices[matrix.indptr[:-1][used]]
    rows = np.argsort(lowest, kind="stable")
    return SparseAffine.of(matrix[rows], layer.bias[rows]), _inverse(rows)


def _inverse(order: np.ndarray) -> np.ndarray:
    inverse = np.empty_like(order)
    inverse[order] = np.arange(order.size)
    return inverse
