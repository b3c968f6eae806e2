"""The best pass known between every two classes of a tree of sinks (§10)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.errors import InputError
from separatrix.morse.merge_tree import MergeTree


@dataclass(frozen=True, eq=False)
class ClassPasses:
    """The best pass known between every two classes.

    ``classes`` (k,): those that have a sink; ``heights`` (k, k): value of the pass, on the diagonal of the highest sink,
    -inf where none is known; ``saddle`` (k, k): its row in ``MergeTree.saddles``, -1 none; ``sinks`` (k, k, 2): a sink of
    either class between which the way over it is shortest, -1 none.
    """

    classes: np.ndarray
    heights: np.ndarray
    saddle: np.ndarray
    sinks: np.ndarray


def class_passes(tree: MergeTree) -> ClassPasses:
    """The best pass known between every two classes of a tree's sinks."""
    if tree.sink_class is None:
        raise InputError(f"the sinks of the {tree.potential} have no classes: the potential comes from no network")
    classes = np.unique(tree.sink_class)
    members = [np.flatnonzero(tree.sink_class == label) for label in classes]
    k = len(classes)
    heights, saddle, sinks = np.full((k, k), -np.inf), np.full((k, k), -1), np.full((k, k, 2), -1)
    ways = [tree.ways(row) for row in range(len(tree.sinks))]
    for i in range(k):
        heights[i, i] = tree.sinks.values[members[i]].max()
        for j in range(i):
            block = tree.pass_heights[np.ix_(members[j], members[i])]
            best = float(block.max())
            if best == -np.inf:
                continue
            pairs = [(int(members[j][a]), int(members[i][b])) for a, b in np.argwhere(block == best)]
            # of the pairs of sinks over the same pass, the one with the fewest other passes on the way
            one, other = min(pairs, key=lambda pair: (len(ways[pair[0]][pair[1]] or ()), pair))
            heights[i, j] = heights[j, i] = best
            saddle[i, j] = saddle[j, i] = tree.pass_of[one, other]
            sinks[j, i], sinks[i, j] = (one, other), (other, one)
    return ClassPasses(classes, heights, saddle, sinks)
