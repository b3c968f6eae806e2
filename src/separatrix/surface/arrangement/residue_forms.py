"""Exact affine forms of a few coordinates of networks with structure, by residues, all steps in one pass (§6).

The forms under given masks are integers once every step is multiplied by a power of two, and their size is bounded before they
are computed. So they are computed modulo as many primes as tell such integers apart: a form is 0 where its residues are, and
only the few forms that a vertex is solved from are put together again. The first step has no masks before it and is kept.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.residue_numbers import LANES, MOST_BITS, blocks_for, residues_of_integers
from separatrix.surface.arrangement.residue_stages import AffineStage, CreaseStage

MOST_ENTRIES = 1 << 26  # of the factors of a step
MOST_RESIDUES = 1 << 27  # of the distinct entries of all, and of the forms of the first
MOST_COLUMNS = 32


def are_structured(steps: Sequence[LinearStep]) -> bool:
    """Whether a step has a sparse factor."""
    return any(not isinstance(weight, np.ndarray) for step in steps for weight, _ in step.factors)


class ResidueForms:
    """For the steps of one network with ``n`` inputs: a form is n coefficients and a constant, up to a positive factor.

    ``bits``, ``scales``: of the steps seen so far, what bounds their forms (2^bits) and their common factor, as integers.
    """

    def __init__(self, steps: Sequence[LinearStep], n: int) -> None:
        self.steps, self.n = list(steps), n
        self.maps: list[list[AffineStage]] = []
        self.creases: list[CreaseStage] = []
        self.bits: list[int] = []
        self.scales: list[int] = []
        self._first: list[np.ndarray] = []

    def reaches(self, index: int) -> bool:
        """Whether the forms of step ``index`` are small enough for residues; asked before :meth:`forms`."""
        while len(self.maps) <= index and self._fits(len(self.maps) - 1) and self._is_small(self.steps[len(self.maps)]):
            self._add_step()
        return len(self.maps) > index and self._fits(index)

    def _is_small(self, step: LinearStep) -> bool:
        entries = (np.count_nonzero(w) if isinstance(w, np.ndarray) else w.nnz for w, _ in step.factors)
        return sum(int(count) for count in entries) <= MOST_ENTRIES

    def _fits(self, index: int) -> bool:
        if index < 0:
            return self.n < MOST_COLUMNS
        if self.bits[index] > MOST_BITS:
            return False
        entries = sum(stage.n_distinct + stage.size for stages in self.maps[: index + 1] for stage in stages)
        entries += self.maps[0][-1].size * (self.n + 1)
        return entries * LANES * blocks_for(self.bits[index]) <= MOST_RESIDUES

    def _add_step(self) -> None:
        step, scale, bits = self.steps[len(self.maps)], 1, 0
        if self.maps:
            crease = CreaseStage(self.steps[len(self.maps) - 1], self.scales[-1])
            self.creases.append(crease)
            scale, bits = crease.after, self.bits[-1] + crease.bits
        stages: list[AffineStage] = []
        for factor in step.factors:
            stages.append(AffineStage(factor, scale))
            scale, bits = stages[-1].after, bits + stages[-1].bits
        self.maps.append(stages)
        self.scales.append(scale)
        self.bits.append(bits)

    def forms(self, signs: Sequence[np.ndarray], wanted: Sequence[np.ndarray]) -> list[np.ndarray]:
        """uint32 residues (len(rows), n + 1, lanes) of the rows ``wanted[k]`` of every step k before its crease.

        ``signs`` (int8, of the creased coordinates, of every step but the last of ``wanted``): the masks; 0 counts as off.
        """
        choices = [crease.choices(sign) for crease, sign in zip(self.creases, signs, strict=False)]
        needs = self._needs(choices, wanted)
        blocks = [self._block(block, choices, needs, wanted) for block in range(blocks_for(self.bits[len(wanted) - 1]))]
        return [np.concatenate(parts, axis=2) for parts in zip(*blocks, strict=True)]

    def _needs(self, choices: list[np.ndarray], wanted: Sequence[np.ndarray]) -> list[list[np.ndarray]]:
        """For every step but the first the rows that are needed behind the crease before it and behind each of its factors."""
        marks, needs = np.zeros(self.maps[len(wanted) - 1][-1].size, dtype=bool), []
        for k in range(len(wanted) - 1, 0, -1):
            marks[wanted[k]] = True
            rows = []
            for stage in reversed(self.maps[k]):
                rows.append(np.flatnonzero(marks))
                marks = stage.marked(rows[-1])
            marks[choices[k - 1] < 0] = False
            needs.append([np.flatnonzero(marks), *reversed(rows)])
        return needs[::-1]

    def _block(
        self, block: int, choices: list[np.ndarray], needs: list[list[np.ndarray]], wanted: Sequence[np.ndarray]
    ) -> list[np.ndarray]:
        x = self._first_step(block)
        found = [x[wanted[0]]]
        for k, (active, *rows) in enumerate(needs):
            x = self.creases[k].times(x, active, choices[k], block)
            for stage, here in zip(self.maps[k + 1], rows, strict=True):
                x = stage.times(x, here, block)
            found.append(x[wanted[k + 1]])
        return found

    def _first_step(self, block: int) -> np.ndarray:
        """All forms of step 0, which no mask changes: made once."""
        while len(self._first) <= block:
            number = len(self._first)
            unit = [int(i == j) for i in range(self.n) for j in range(self.n + 1)]
            x = residues_of_integers(unit, number).reshape(self.n, self.n + 1, LANES)
            for stage in self.maps[0]:
                x = stage.times(x, np.arange(stage.size), number)
            self._first.append(x)
        return self._first[block]
