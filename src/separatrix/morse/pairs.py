"""Between which sinks saddles are sought, and where a join of the tree looks too low (§3).

All pairs while there are few sinks. With many, every sink's nearest neighbours and all pairs of the classes' highest sinks.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.morse.merge_tree import Join, MergeTree
from separatrix.potentials.base import Potential

Pair = tuple[int, int]
NEIGHBOURS = 8
TRIED_AGAIN = 2
PATH_POINTS, SLACK = 33, 1e-2


def all_pairs(n: int) -> list[Pair]:
    """Every pair of n sinks, the lower row first."""
    return [(i, j) for i in range(n) for j in range(i + 1, n)]


def first_pairs(sinks: CriticalPoints, sink_class: np.ndarray | None, most: int) -> tuple[list[Pair], int]:
    """(pairs to be searched, how many are left out because they are more than ``most``)."""
    n = len(sinks)
    every = all_pairs(n)
    if len(every) <= most:
        return every, 0
    square = _squares(sinks.points)
    np.fill_diagonal(square, np.inf)
    heads = range(0) if sink_class is None else [int(np.flatnonzero(sink_class == k)[0]) for k in np.unique(sink_class)]
    wanted = {(min(i, j), max(i, j)) for i in heads for j in heads if i != j}
    nearest = np.argsort(square, axis=1, kind="stable")
    for rank in range(min(NEIGHBOURS, n - 1)):
        ranked = {(min(i, j), max(i, j)) for i, j in enumerate(nearest[:, rank].tolist())}
        if rank and len(wanted | ranked) > most:
            break
        wanted |= ranked
    return sorted(wanted), len(every) - len(wanted)


def nearest_pairs(points: np.ndarray, left: tuple[int, ...], right: tuple[int, ...], count: int) -> list[Pair]:
    """The ``count`` nearest pairs between two groups of sinks, nearest first."""
    square = _squares(points)[np.ix_(left, right)]
    order = np.argsort(square, axis=None, kind="stable")[:count]
    found = [(left[int(k) // len(right)], right[int(k) % len(right)]) for k in order]
    return [(min(pair), max(pair)) for pair in found]


def doubtful_pairs(tree: MergeTree, before: MergeTree | None) -> list[Pair]:
    """Pairs of sinks between which a better pass may have been missed, each once, in the order of their rows.

    Between groups that are not joined; across every join that was not in the tree ``before`` (None: across every join);
    between sinks of a class that meet only over a sink of another class.
    """
    points, found = tree.sinks.points, set()
    groups = tree.groups
    for i, group in enumerate(groups):
        for other in groups[i + 1 :]:
            found.update(nearest_pairs(points, group, other, TRIED_AGAIN))
    known = set() if before is None else {(join.value, join.left, join.right) for join in before.joins}
    for join in tree.joins:
        if (join.value, join.left, join.right) not in known:
            found.update(nearest_pairs(points, join.left, join.right, TRIED_AGAIN))
            found.add((min(join.ends), max(join.ends)))
        found.update(_of_split_classes(tree, join))
    return sorted(found)


def missed_pairs(tree: MergeTree, potential: Potential) -> list[Pair]:
    """Pairs of near sinks between which a better pass is there: all along the segment f is higher than at the best one known.

    Sampled at PATH_POINTS points of each segment, to the NEIGHBOURS nearest sinks of each.
    """
    points, values, n = tree.sinks.points, tree.sinks.values, len(tree.sinks)
    square = _squares(points)
    np.fill_diagonal(square, np.inf)
    nearest = np.argsort(square, axis=1, kind="stable")[:, : min(NEIGHBOURS, n - 1)]
    shares, found = np.linspace(0.0, 1.0, PATH_POINTS)[None, :, None], set()
    for row in range(n):
        others = nearest[row]
        if not others.size:
            continue
        paths = points[row] + shares * (points[others] - points[row])[:, None, :]
        least = np.asarray(potential.value(paths.reshape(-1, points.shape[1]))).reshape(others.size, -1).min(axis=1)
        known = tree.pass_heights[row, others]
        drop = np.minimum(values[row], values[others]) - known
        with np.errstate(invalid="ignore"):
            missed = least > np.where(np.isfinite(known), known + SLACK * drop, -np.inf)
        found.update((min(row, int(j)), max(row, int(j))) for j in others[missed])
    return sorted(found)


def _of_split_classes(tree: MergeTree, join: Join) -> list[Pair]:
    """Pairs of sinks of one class on both sides of ``join`` whose way to each other leads over another class."""
    classes, found = tree.sink_class, []
    if classes is None:
        return found
    for label in np.unique(classes[list(join.left)]):
        left, right = (tuple(row for row in side if classes[row] == label) for side in (join.left, join.right))
        if not left or not right:
            continue
        pairs = nearest_pairs(tree.sinks.points, left, right, TRIED_AGAIN)
        way = tree.route(*pairs[0])
        if any(classes[there] != label for _here, _saddle, there in way):
            found += pairs
    return found


def _squares(points: np.ndarray) -> np.ndarray:
    """Squared distances between all points."""
    square = (points * points).sum(axis=1)
    return np.maximum(square[:, None] - 2.0 * points @ points.T + square, 0.0)
