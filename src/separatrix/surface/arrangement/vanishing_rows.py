"""Neurons that vanish identically on a cell of a network with structure, found without the vertex's position (§6).

Max pooling of values that agree (a constant area of an image, seen by a window twice) gives neurons that are 0 on whole cells.
Whether one is, depends on the few neurons that it sees and their signs: vertices where these agree are asked about once.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep, first_words
from separatrix.surface.arrangement.residue_forms import ResidueForms
from separatrix.surface.arrangement.sparse_rows import rows_behind

MOST_SEEN = 4096  # neurons that one sees
MOST_KEPT = 1_000_000


class VanishingRows:
    """For the steps of one network with ``n`` inputs; ``residues``: its exact forms, where they are at hand."""

    def __init__(self, steps: Sequence[LinearStep], n: int, residues: ResidueForms | None = None) -> None:
        self.steps, self.words = list(steps), first_words(steps)
        self.residues = ResidueForms(steps, n) if residues is None else residues
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
            wanted = self.steps[index].creased[[place for _, place, _ in missing]]
            if len(self._known) + len(missing) > MOST_KEPT:
                self._known.clear()
            for (k, _, key), is_zero in zip(missing, self._are_zero(index, wanted, signs), strict=True):
                found[k] = self._known[key] = is_zero
        return found

    def _are_zero(self, index: int, wanted: np.ndarray, signs: Sequence[np.ndarray]) -> list[bool]:
        if self.residues.reaches(index):
            none = [np.zeros(0, dtype=np.int64)] * index
            return [not form.any() for form in self.residues.forms(signs, [*none, wanted])[-1]]
        forms = rows_behind(self.steps[: index + 1], signs, wanted.tolist(), self._unit)[:-1]
        return [not any(form) for form in forms]

    def grouped(
        self, index: int, pairs: tuple[np.ndarray, np.ndarray], bits: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """(which, group) for ``pairs`` (vertices, places), int64 (r,): those that can be asked about, as places among the
        pairs, and for each the first of these with its neuron and the same signs at all that it sees.

        ``bits``: positive and negative words of all vertices.
        """
        from separatrix.surface.arrangement.vanishing_kernel import group_sights

        distinct, neurons = np.unique(pairs[1], return_inverse=True)
        sights = [self._places(index, place) for place in distinct.tolist()]
        which = np.flatnonzero(np.array([sight is not None for sight in sights], dtype=bool)[neurons])
        parts = [np.zeros(0, dtype=np.int64) if sight is None else sight for sight in sights]
        starts = np.concatenate([[0], np.cumsum([part.size for part in parts])]).astype(np.int64)
        table = np.full(1 << int(2 * which.size + 1).bit_length(), -1, dtype=np.int64)
        group = np.empty(which.size, dtype=np.int64)
        seen = np.concatenate(parts) if parts else starts
        group_sights(pairs[0][which], neurons[which], starts, seen, *bits, table, group)
        return which, group

    def _places(self, index: int, place: int) -> np.ndarray | None:
        """The bits, counted through all words, of what a coordinate sees."""
        seen = self._sees(index, place)
        if seen is None:
            return None
        return np.concatenate([64 * word + at for word, at in zip(self.words, seen, strict=False)])

    def _sees(self, index: int, place: int) -> list[np.ndarray] | None:
        """The creased coordinates of every step before that a coordinate of step ``index`` depends on; None: too many."""
        if (index, place) not in self._seen:
            self._seen[index, place] = self._traced(index, int(self.steps[index].creased[place]))
        return self._seen[index, place]

    def _traced(self, index: int, row: int) -> list[np.ndarray] | None:
        here, found = np.array([row]), []
        for k in range(index, 0, -1):
            for weight, _ in reversed(self.steps[k].factors):
                if isinstance(weight, np.ndarray):
                    return None
                here = _columns(weight, here)
            if here.size > MOST_SEEN:
                return None
            found.append(np.flatnonzero(np.isin(self.steps[k - 1].creased, here)))
        return found[::-1]


def _columns(weight: object, rows: np.ndarray) -> np.ndarray:
    """The columns that rows of a CSR array multiply, ascending."""
    starts, columns = weight.indptr, weight.indices  # pyright: ignore[reportAttributeAccessIssue]
    parts = [columns[starts[i] : starts[i + 1]] for i in rows.tolist()]
    return np.unique(np.concatenate(parts)) if parts else rows
