"""Signs of a step by a walk, and of the steps behind it as far as the same forms lead to them (§6).

A vertex keeps its signs: where one walk comes to it, the signs of all narrow steps behind are found from the same values, and
the values of a dense step behind these. Walks that follow come to the new vertices only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import CellWalk, mask_of
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.narrow_steps import next_block, prove_signs, values_behind
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_inputs import behind_crease
from separatrix.surface.arrangement.step_values import StepValues, products_at
from separatrix.surface.arrangement.threads import in_threads
from separatrix.surface.arrangement.walk_plan import Block

ROWS_AT_ONCE = 1 << 14


@dataclass(eq=False)
class _Part:
    """Vertices (r,), ascending, which of them have values, values (r, m) and numbers (r, 5)."""

    vertices: np.ndarray
    is_there: np.ndarray
    values: np.ndarray
    numbers: np.ndarray

    def give(self, values: StepValues, rows: np.ndarray) -> None:
        """Hand over some rows."""
        vertices = self.vertices[rows]
        values.values[vertices], values.numbers[vertices] = self.values[rows], self.numbers[rows]


class EarlyValues:
    """Values of a dense step at vertices, found before its start; ``index``: which step."""

    def __init__(self, step: LinearStep, index: int) -> None:
        self.index, self.bounds, self.copies = index, StepBounds.of(step), step.repeats
        self.parts: list[_Part] = []

    def begin(self, vertices: np.ndarray) -> None:
        """Make room for ``vertices`` (ascending)."""
        room = np.empty((vertices.size, self.bounds.bias.size)), np.empty((vertices.size, 5))
        self.parts.append(_Part(vertices, np.zeros(vertices.size, dtype=bool), *room))

    def put(self, lattice: Lattice, inputs: tuple[Any, ...], word: int) -> None:
        """Values, numbers and bits, from ``word`` on, of some of them, from their inputs as ``each_input`` gives them."""
        part = self.parts[-1]
        rows = np.searchsorted(part.vertices, inputs[0])
        part.values[rows], part.numbers[rows] = products_at(lattice, self.bounds, inputs, word, self.copies)
        part.is_there[rows] = True

    def give(self, values: StepValues) -> None:
        """Hand over what there is."""
        while self.parts:
            part = self.parts.pop()
            rows = np.flatnonzero(part.is_there)
            blocks = [rows[start : start + ROWS_AT_ONCE] for start in range(0, rows.size, ROWS_AT_ONCE)]
            in_threads(partial(part.give, values), blocks)

    def keep(self, kept: np.ndarray) -> None:
        """Only the vertices ``kept`` (ascending) are left, numbered anew."""
        for part in self.parts if kept.size else ():
            place = np.minimum(np.searchsorted(kept, part.vertices), kept.size - 1)
            part.is_there &= kept[place] == part.vertices
            part.vertices = place


def walked_signs_of(
    lattice: Lattice,
    walk: CellWalk,
    vertices: np.ndarray,
    words: Sequence[int],
    bounds: Sequence[StepBounds],
    early: EarlyValues | None,
) -> tuple[np.ndarray, np.ndarray]:
    """The bits at ``vertices`` (ascending) of the plan's step and of those behind it, until one is open; then for ``early``.

    ``bounds``: of the plan's step and the narrow ones behind; ``words``: where the bits of all steps begin. The vertices where a
    sign of the plan's step is open, and (V,) the last step whose bits are known, that before the plan's where one is open.
    """
    index, reached = walk.plan.index, np.full(lattice.n_vertices, walk.plan.index - 1, dtype=np.int32)
    rows = [np.maximum(bounds[0].rows, walk.plan.rows), *(bound.rows for bound in bounds[1:])]
    if early is not None:
        early.begin(vertices)

    def settle(block: Block) -> None:
        block = values_behind(walk.plan, words, lattice, block)
        for k, bound in enumerate(bounds):
            if k > 0:
                block = next_block(bounds[k - 1], bound, words[index + k - 1], lattice, block)
            some = prove_signs(rows[k], bound.creased, words[index + k], lattice, block)
            if some.any():
                ids, values, numbers = block
                block = ids[~some], values[~some], numbers[~some]
            reached[block[0]] = index + k
        if early is not None and block[0].size:
            ids, values, numbers = block
            inputs = behind_crease(bounds[-1], words[early.index - 1], lattice, ids, values, numbers[:, 2])
            early.put(lattice, (ids, *inputs), words[early.index])
            reached[ids] = early.index

    walk.rows(mask_of(lattice.n_vertices, vertices), settle)
    return vertices[reached[vertices] < index], reached
