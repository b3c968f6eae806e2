"""The best pass known between every two classes of a tree of sinks (§10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, printable
from separatrix.morse.merge_tree import MergeTree
from separatrix.records import Provenance, Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ClassPasses(Record):
    """The best pass known between every two classes. f is climbed: the higher the pass, the nearer the classes.

    - ``classes`` (k,): those that have a sink
    - ``heights`` (k, k): value of the pass, on the diagonal of the highest sink, -inf where none is known
    - ``saddle`` (k, k): its row in ``MergeTree.saddles``, -1 none; ``saddle_ids``: names of all saddles of the tree
    - ``sinks`` (k, k, 2): a sink of either class between which the way over it is shortest, -1 none
    - ``is_lower_bound``: as in the tree. ``certainty``: verified at best, for the class of a sink is a rounded prediction
    """

    classes: np.ndarray
    heights: np.ndarray
    saddle: np.ndarray
    sinks: np.ndarray
    saddle_ids: tuple[str, ...] = ()
    is_lower_bound: bool = True
    potential: str = ""

    def __len__(self) -> int:
        return len(self.classes)

    def _pairs(self) -> list[tuple[int, int]]:
        """Rows of the pairs of classes that are joined, the highest pass first."""
        k = len(self.classes)
        pairs = [(i, j) for i in range(k) for j in range(i + 1, k) if self.heights[i, j] > -np.inf]
        return sorted(pairs, key=lambda pair: -self.heights[pair])

    def columns(self) -> dict[str, Any]:
        """One row a pair of classes that are joined, from the highest pass down.

        ``depth``: of the pass below the lower of the two classes' highest sinks.
        """
        pairs, top = self._pairs(), np.diagonal(self.heights)
        return {
            "class": [int(self.classes[i]) for i, _ in pairs],
            "other": [int(self.classes[j]) for _, j in pairs],
            "height": [float(self.heights[pair]) for pair in pairs],
            "depth": [float(min(top[i], top[j]) - self.heights[i, j]) for i, j in pairs],
            "saddle": [self.saddle_ids[self.saddle[pair]] for pair in pairs],
            "sink": [f"s{self.sinks[i, j, 0]}" for i, j in pairs],
            "other_sink": [f"s{self.sinks[i, j, 1]}" for i, j in pairs],
            "is_lower_bound": [self.is_lower_bound] * len(pairs),
        }

    def __repr__(self) -> str:
        n, joined = len(self), len(self._pairs())
        bound = ", heights are lower bounds" if self.is_lower_bound else ""
        of_classes = f"{n} class{'es' * (n != 1)}, {joined} of {n * (n - 1) // 2} pairs joined"
        return f"ClassPasses({printable(self.potential, 60)}: {of_classes}{bound})"


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
    return ClassPasses(
        classes=classes,
        heights=heights,
        saddle=saddle,
        sinks=sinks,
        saddle_ids=tree.saddles.ids,
        is_lower_bound=tree.is_lower_bound,
        potential=tree.potential,
        domain=tree.domain,
        certainty=Certainty.weakest((tree.certainty, Certainty.VERIFIED)),
        provenance=Provenance("the best of the passes between the sinks of every two classes"),
    )
