"""Neurons that vanish identically on a cell of a network with structure, found without the vertex's position (§6).

Max pooling of values that agree (a constant area of an image, seen by a window twice) gives neurons that are 0 on whole cells.
Whether one is, depends on the few neurons that it sees and their signs: its exact affine form is kept by them.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.exact_maps import SparseExact
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.sparse_rows import rows_behind

MOST_SEEN = 4096  # neurons that one sees
MOST_KEPT = 1_000_000


class VanishingRows:
    """For the steps of one network with ``n`` inputs."""

    def __init__(self, steps: Sequence[LinearStep], n: int) -> None:
        self.steps = list(steps)
        self._unit = [[int(i == j) for j in range(n + 1)] for i in range(n + 1)]
        self._seen: dict[tuple[int, int], list[np.ndarray] | None] = {}
        self._known: dict[tuple[int, int, bytes], bool] = {}

    def vanish(self, index: int, places: Sequence[int], signs: Sequence[np.ndarray]) -> np.ndarray:
        """(len(places),): whether the creased coordinates ``places`` of step ``index`` are identically 0 under these ``signs``
        (int8, of the creased coordinates of every step before); False also where a coordinate sees too much to ask.
        """
        found, missing = np.zeros(len(places), dtype=bool), []
        for k, place in enumerate(places):
            seen = self._sees(index, place)
            if seen is None:
                continue
            key = (index, place, b"".join(sign[at].tobytes() for sign, at in zip(signs, seen, strict=True)))
            if key in self._known:
                found[k] = self._known[key]
            else:
                missing.append((k, place, key))
        if missing:
            wanted = self.steps[index].creased[[place for _, place, _ in missing]].tolist()
            forms = rows_behind(self.steps[: index + 1], signs, wanted, self._unit)[:-1]
            if len(self._known) + len(missing) > MOST_KEPT:
                self._known.clear()
            for (k, _, key), form in zip(missing, forms, strict=True):
                found[k] = self._known[key] = not any(form)
        return found

    def _sees(self, index: int, place: int) -> list[np.ndarray] | None:
        """The creased coordinates of every step before that a coordinate of step ``index`` depends on; None: too many."""
        if (index, place) not in self._seen:
            self._seen[index, place] = self._traced(index, int(self.steps[index].creased[place]))
        return self._seen[index, place]

    def _traced(self, index: int, row: int) -> list[np.ndarray] | None:
        here, found = [row], []
        for k in range(index, 0, -1):
            for factor in reversed(self.steps[k].exact_factors):
                if not isinstance(factor, SparseExact):
                    return None
                here = factor.columns_of(here)
            if len(here) > MOST_SEEN:
                return None
            found.append(np.flatnonzero(np.isin(self.steps[k - 1].creased, here)))
        return found[::-1]
