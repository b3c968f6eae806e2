"""Where the leaves and joins of a tree of passes are drawn: leaves side by side, heights are values (§10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.morse.merge_tree import MergeTree


@dataclass(frozen=True, eq=False)
class TreeLayout:
    """``order`` (n_sinks,): sinks from left to right; ``place`` (n_sinks,): where each stands, 0 to n_sinks - 1.

    ``stems`` (m, 3): vertical lines as place, value above, value below; ``bars`` (k, 3): one a join, left and right end
    and value; ``middle`` (k,): where the stem of each join begins.
    """

    order: np.ndarray
    place: np.ndarray
    stems: np.ndarray
    bars: np.ndarray
    middle: np.ndarray

    @property
    def span(self) -> tuple[float, float]:
        """Least and greatest value drawn."""
        values = np.concatenate([self.stems[:, 1], self.bars[:, 2]]) if len(self.stems) else np.zeros(1)
        return float(values.min()), float(values.max())


def tree_layout(tree: MergeTree) -> TreeLayout:
    """The layout of a tree: classes side by side where the joins allow it, separate trees next to each other."""
    n = len(tree.sinks)
    children, roots = _nodes(tree)
    order = np.array(
        [leaf for root in _sorted(roots, tree, children) for leaf in _leaves(root, tree, children)], dtype=int
    )
    place = np.empty(n)
    place[order] = np.arange(n)
    at, top = list(place), [float(v) for v in tree.sinks.values]
    stems, bars, middle = [], [], []
    for number, join in enumerate(tree.joins):
        ends = children[n + number]
        stems += [(at[node], top[node], join.value) for node in ends]
        bars.append((min(at[node] for node in ends), max(at[node] for node in ends), join.value))
        middle.append(0.5 * (at[ends[0]] + at[ends[1]]))
        at.append(middle[-1])
        top.append(join.value)
    low = min(top, default=0.0)
    foot = low - 0.06 * (max(top, default=1.0) - low or 1.0)
    stems += [(at[root], top[root], foot) for root in roots]
    return TreeLayout(
        order, place, np.array(stems).reshape(-1, 3), np.array(bars).reshape(-1, 3), np.array(middle).reshape(-1)
    )


def _nodes(tree: MergeTree) -> tuple[dict[int, tuple[int, int]], list[int]]:
    """Children of every join (numbered from n_sinks up), and the nodes that no join takes up."""
    n = len(tree.sinks)
    node, children = list(range(n)), {}
    for number, join in enumerate(tree.joins):
        children[n + number] = (node[join.left[0]], node[join.right[0]])
        for sink in (*join.left, *join.right):
            node[sink] = n + number
    return children, list(dict.fromkeys(node))


def _leaves(node: int, tree: MergeTree, children: dict[int, tuple[int, int]]) -> list[int]:
    """Sinks under a node from left to right, without recursion: a tree may be a long comb."""
    found, waiting = [], [node]
    while waiting:
        here = waiting.pop()
        if here in children:
            waiting += _sorted(list(children[here]), tree, children)[::-1]
        else:
            found.append(here)
    return found


def _sorted(nodes: list[int], tree: MergeTree, children: dict[int, tuple[int, int]]) -> list[int]:
    return sorted(nodes, key=lambda node: _first(node, tree, children))


def _first(node: int, tree: MergeTree, children: dict[int, tuple[int, int]]) -> tuple[int, int]:
    """Class and number of the foremost sink under a node."""
    waiting, best = [node], (np.iinfo(int).max, 0)
    while waiting:
        here = waiting.pop()
        if here in children:
            waiting += children[here]
        else:
            best = min(best, (int(tree.sink_class[here]) if tree.sink_class is not None else 0, here))
    return best
