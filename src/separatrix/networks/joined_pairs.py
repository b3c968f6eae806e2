"""Trees of pairs read back as what they are: largest entries of windows, and logarithms of sums of exponentials (§1).

A network stores max(a, b) = a + relu(b - a) and log(e^a + e^b) = a + softplus(b - a), in trees over windows. Enclosures and
exact pieces go by those nodes. For values and gradients in batches a tree is one step, :class:`Joined`: the first of the
largest entries, which is also where the tree has its slope at ties, pair after pair.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from separatrix.networks.layers import Activation, Layer, Node, Sum
from separatrix.networks.structured_layers import SparseAffine

MOST_ENTRIES = 4  # windows that share pairs are written out where they have at most so many times the tree's entries
MOST_WRITTEN = 2**22


@dataclass(frozen=True, eq=False)
class Joined(Layer):
    """The largest entries of ``windows`` (out, k), numbers of entries with -1 behind the last of a window.

    ``signs`` (out,): 1 for the largest, -1 for the smallest entry. ``is_soft``: log of the sum of the exponentials instead.
    ``pairs``: how many pairs the tree has.
    """

    windows: np.ndarray
    signs: np.ndarray
    n_inputs: int
    is_soft: bool
    pairs: int

    @cached_property
    def membership(self) -> SparseAffine:
        """The map x -> sums of the entries of every window."""
        inside = self.windows >= 0
        starts = np.concatenate([[0], np.cumsum(inside.sum(axis=1))])
        columns = self.windows[inside]
        return SparseAffine(starts, columns, np.ones(columns.size), np.zeros(len(self.windows)), self.n_inputs)

    @cached_property
    def groups(self) -> tuple[np.ndarray, np.ndarray] | None:
        """(m, k) and (out,) where every window lacks one entry of a group, as in a softmax, and which; None for others."""
        windows, (n, width) = self.windows, self.windows.shape
        if n != self.n_inputs or windows.min() < 0 or not (np.diff(np.sort(windows, axis=1), axis=1) > 0).all():
            return None
        group = np.full(n, n)
        np.minimum.at(group, windows, windows.min(axis=1)[:, None])
        if (group == n).any() or (group[windows] != group[windows[:, :1]]).any():
            return None
        sizes = np.bincount(group, minlength=n)
        if (sizes[group] != width + 1).any():
            return None
        lacking = np.bincount(group, np.arange(n), n).astype(np.int64)[group[windows[:, 0]]] - windows.sum(axis=1)
        if not np.array_equal(np.sort(lacking), np.arange(n)):
            return None
        return np.argsort(group, kind="stable").reshape(-1, width + 1), lacking

    def output_width(self, widths: Sequence[int]) -> int:
        """Number of windows."""
        return self.windows.shape[0]


def joined(nodes: Sequence[Node]) -> tuple[Node, ...]:
    """The graph with every tree of pairs as one node; the last node stays the last."""
    graph: list[Node | None] = list(nodes)
    n_users = [0] * len(graph)
    for node in nodes:
        for parent in node.parents:
            n_users[parent] += 1
    n_users[-1] += 1
    for index, node in enumerate(nodes):
        if not isinstance(node.layer, Sum) or (found := _pairs(graph, n_users, index)) is None:
            continue
        inside, (x, layer) = found
        for number in inside:
            graph[number] = None
        n_users[x] -= 1  # the base and the difference become one
        before = graph[x]
        if before is not None and n_users[x] == 1 and (whole := _after(before.layer, layer)) is not None:
            graph[x], x, layer = None, before.parents[0], whole
        graph[index] = Node(layer, (x,))
    return _picked(graph)


def n_values(nodes: Sequence[Node], n_inputs: int) -> int:
    """How many values the nodes have together."""
    widths = [n_inputs]
    for node in nodes[1:]:
        widths.append(node.layer.output_width([widths[i] for i in node.parents]))
    return sum(widths)


def _pairs(graph: list[Node | None], n_users: list[int], index: int) -> tuple[list[int], tuple[int, Joined]] | None:
    """The nodes between x and the sum ``index`` that join pairs of entries of x, with x and the layer; None for other sums."""
    node = graph[index]
    assert node is not None
    if len(node.parents) != 2:
        return None
    base, above = (graph[parent] for parent in node.parents)
    if base is None or above is None or max(n_users[parent] for parent in node.parents) > 1:
        return None
    inside, spread = list(node.parents), None
    if isinstance(above.layer, SparseAffine):
        spread, inside = above.layer, [*inside, above.parents[0]]
        above = graph[above.parents[0]]
    if above is None or not isinstance(above.layer, Activation) or above.layer.name not in ("relu", "softplus"):
        return None
    inside.append(above.parents[0])
    difference = graph[above.parents[0]]
    if difference is None or difference.parents != base.parents or max(n_users[number] for number in inside) > 1:
        return None
    if not isinstance(difference.layer, SparseAffine) or not isinstance(base.layer, SparseAffine):
        return None
    layer = _joined_layer(base.layer, difference.layer, spread, above.layer.name == "softplus")
    return None if layer is None else (inside, (base.parents[0], layer))


def _joined_layer(
    base: SparseAffine, difference: SparseAffine, spread: SparseAffine | None, is_soft: bool
) -> Joined | None:
    """The step base + spread(s(difference)) where it joins pairs; None where it is another function."""
    if not (_has_rows(base, 1, 1) and _has_rows(difference, 2, 2) and (base.entries == 1.0).all()):
        return None
    entries, columns = difference.entries.reshape(-1, 2), difference.columns.reshape(-1, 2)
    n, real, signs = base.n_outputs, np.arange(difference.n_outputs), np.ones(difference.n_outputs)
    if spread is not None:
        if not _has_rows(spread, 0, 1) or spread.columns.size != difference.n_outputs:
            return None
        if not np.array_equal(np.sort(spread.columns), real):
            return None
        real, signs = np.flatnonzero(np.diff(spread.starts)), spread.entries
        entries, columns = entries[spread.columns], columns[spread.columns]
    elif n != real.size:
        return None
    first = base.columns[real]
    is_first = columns == first[:, None]
    second = np.where(is_first[:, 0], columns[:, 1], columns[:, 0])
    wanted = np.where(is_first, -signs[:, None], signs[:, None])
    if not (np.abs(signs) == 1.0).all() or not (is_first.sum(axis=1) == 1).all() or (entries != wanted).any():
        return None
    if is_soft and (signs != 1.0).any():
        return None
    windows, direction = np.full((n, 2), -1), np.zeros(n)
    windows[:, 0] = base.columns
    windows[real, 1], direction[real] = second, signs
    return Joined(windows, direction, base.width, is_soft, real.size)


def _has_rows(layer: SparseAffine, least: int, most: int) -> bool:
    """Whether there is no bias and every row has so many entries."""
    counts = np.diff(layer.starts)
    return bool((counts >= least).all() and (counts <= most).all()) and not layer.bias.any()


def _after(before: Layer, layer: Joined) -> Joined | None:
    """``layer`` behind ``before`` as one step; None where that is none, or would write out too much."""
    if not isinstance(before, Joined) or before.is_soft != layer.is_soft:
        return None
    inner = np.where(layer.windows >= 0, before.signs[layer.windows], 0.0)  # 0: one entry alone, of either sign
    signs = layer.signs.copy()
    for column in inner.T:
        signs = np.where(signs == 0.0, column, signs)
    if ((inner != 0.0) & (inner != signs[:, None])).any():
        return None
    if layer.windows.size * before.windows.shape[1] > MOST_WRITTEN:
        return None
    parts = np.where(layer.windows[:, :, None] >= 0, before.windows[layer.windows], -1).reshape(len(signs), -1)
    behind = np.argsort(parts < 0, axis=1, kind="stable")
    windows = np.take_along_axis(parts, behind, axis=1)
    windows = windows[:, : max(1, int((windows >= 0).sum(axis=1).max()))]
    pairs = before.pairs + layer.pairs
    if not layer.is_soft and (windows >= 0).sum() > MOST_ENTRIES * (pairs + layer.signs.size):
        return None
    return replace(layer, windows=windows, signs=signs, n_inputs=before.n_inputs, pairs=pairs)


def _picked(graph: list[Node | None]) -> tuple[Node, ...]:
    """The nodes that are left, with new numbers."""
    number: dict[int, int] = {}
    found: list[Node] = []
    for index, node in enumerate(graph):
        if node is not None:
            number[index] = len(found)
            found.append(Node(node.layer, tuple(number[parent] for parent in node.parents)))
    return tuple(found)
