"""Values of a step at all vertices, with the bits that their bounds prove: vertex by vertex, or by a walk over the cells (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import CellWalk, is_walked, solved
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.walk_bounds import WalkBounds


class StepValues:
    """What is computed: ``values`` (V, m) and ``numbers`` (V, 4) = s, g of bound (1), the bounds of |A - exact| and of |A|."""

    def __init__(self, lattice: Lattice, bounds: StepBounds, word: int, copies: np.ndarray) -> None:
        count = lattice.n_vertices
        self.lattice, self.bounds, self.word, self.copies = lattice, bounds, word, copies
        self.values, self.numbers = np.empty((count, bounds.bias.size)), np.empty((count, 4))
        self._scratch = np.empty(bounds.bias.size)

    def compute(self, rows: Any, h: np.ndarray, lengths: np.ndarray, errors: np.ndarray) -> None:
        """A = h W^T + b at the vertices ``rows``, a slice or ids, from their inputs ``h`` (r, k), bounds of |h| (-1: exactly 0)
        and of |h - exact|.
        """
        from separatrix.surface.arrangement.sign_kernels import proved_signs

        arrays = (self.values, self.lattice.positive, self.lattice.negative, self.numbers)
        values, positive, negative, numbers = (array[rows] for array in arrays)  # copies where rows are ids
        b = self.bounds
        b.times(h, out=values)
        proved_signs(
            h, values, errors, lengths, b.weight, b.bias, b.rows, b.exact_bias, b.norms, b.creased, self.copies,
            positive, negative, self.word, self._scratch, numbers,
        )  # fmt: skip
        if not isinstance(rows, slice):
            for array, part in zip(arrays, (values, positive, negative, numbers), strict=True):
                array[rows] = part

    def walk(self, walk: CellWalk, lipschitz: float) -> list[np.ndarray]:
        """All of it by a walk; ids in blocks of vertices where a sign is left open, to be computed one by one.

        ``lipschitz``: a constant of the step's inputs in x. The bounds of the walk's values are not those of a product with h:
        ``bounds`` is replaced by what covers both.
        """
        from separatrix.surface.arrangement.sign_kernels import walked_signs

        self.bounds = replace(self.bounds, rows=np.maximum(self.bounds.rows, walk.bounds.rows[-1]))
        lattice, rest = self.lattice, []
        for ids, lengths in walk.values(self.values):
            s, g, norm = walk.bounds_of_values(ids, lipschitz)
            self.numbers[ids] = np.stack([s, g, norm, lengths], axis=1)
            is_open = np.zeros(ids.size, dtype=bool)
            walked_signs(
                self.values, ids, s, g, self.bounds.rows, self.bounds.creased, lattice.positive, lattice.negative, self.word,
                self._scratch, is_open,
            )  # fmt: skip
            if is_open.any():
                rest.append(ids[is_open])
        return rest


def walk_bounds(
    lattice: Lattice, steps: Sequence[LinearStep], bounds: Sequence[StepBounds], box: tuple[np.ndarray, np.ndarray]
) -> WalkBounds | None:
    """The bounds of a walk that gives the values of the last of ``steps``; None where none pays, or doubles do not reach."""
    if not is_walked(steps, lattice):
        return None
    found = WalkBounds.of(steps, bounds, np.append(np.maximum(np.abs(box[0]), np.abs(box[1])), 1.0))
    return found if found.are_finite else None


def refine(
    walk: CellWalk, lattice: Lattice, box: tuple[np.ndarray, np.ndarray], largest: float, layers: int | None = None
) -> None:
    """Place those vertices again whose positions are not known within ``largest``, from the forms that vanish there.

    ``layers``: of how many steps, by default all but the walk's last.
    """
    wanted = ~(lattice.error[: lattice.n_vertices] <= largest)
    for ids, rows in walk.vanishing(wanted, box, layers):
        x, radius = solved(rows, lattice.x[ids])
        better = radius < lattice.error[ids]
        lattice.x[ids[better]], lattice.error[ids[better]] = x[better], radius[better]
