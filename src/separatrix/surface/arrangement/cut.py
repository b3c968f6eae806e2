"""A box cut by the neurons of a network, one by one: the exact arrangement (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.complexes.sign_layout import SignLayout
from separatrix.errors import InputError, SeparatrixError
from separatrix.surface.arrangement.arrangement import Arrangement, cells_of
from separatrix.surface.arrangement.box_lattice import box_lattice
from separatrix.surface.arrangement.compaction import keep_closure
from separatrix.surface.arrangement.insertion import MOST_CELLS, Progress, Signs, Watch, insert_step
from separatrix.surface.arrangement.lattice import CELL_DIM, LARGE, Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.pruning import Rule, surviving

LARGEST_DIM = 10  # a box has 3^n faces to begin with
FEWEST_TO_PRUNE = 20_000  # neurons to the power of n: below, the whole complex costs less than compiling what prunes it


def cut(
    steps: Sequence[LinearStep],
    lower: np.ndarray,
    upper: np.ndarray,
    signs: Any = None,
    keep: Rule | None = None,
    *,
    max_cells: int = MOST_CELLS,
    progress: Progress | None = None,
) -> Arrangement:
    """The box [lower, upper] cut by all coordinates of ``steps`` that have signs, one after the other.

    For linear regions leave out the last step, which holds the outputs. ``keep``: a rule of ``pruning`` that says from
    bounds of the last step's rows on top cells which of these are asked for; the others are dropped before each step
    where that pays: not in small complexes, and not before the last step, for what that cuts would not be dropped.
    ``progress("neurons", done, total)`` is called after every neuron. Raises InputError for more than 10 inputs,
    UnresolvedError for more than ``max_cells`` cells, SeparatrixError where a check of the lattice fails.
    """
    n = lower.shape[0]
    if n > LARGEST_DIM:
        raise InputError(
            f"expected at most {LARGEST_DIM} inputs, came {n}; take a slice: net.restrict(AffineSlice.through(…))"
        )
    layout = SignLayout.of(n, [step.creased for step in steps], has_rows=bool(steps) and steps[-1].is_last)
    if signs is None:
        from separatrix.surface.arrangement.exact_signs import exact_signs

        signs = exact_signs(steps, lower, upper)
    lattice, n_dropped = box_lattice(lower, upper, layout.n_words), 0
    signs.begin(lattice)
    watch = Watch(max_cells, progress, sum(step.n_signs for step in steps))
    for i, (step, word) in enumerate(zip(steps, layout.first_words, strict=True)):
        if keep is not None and i + 1 < len(steps) and watch.total**n >= FEWEST_TO_PRUNE:
            n_dropped += prune(lattice, signs, steps[i:], keep)
        if not lattice.n_cells:
            break
        insert_step(lattice, step, word, signs, watch)
    return arrangement_of(lattice, layout, signs, n_dropped)


def prune(lattice: Lattice, signs: Signs, steps: Sequence[LinearStep], rule: Rule) -> int:
    """Drop the top cells on which the rule fails, before the first of ``steps``; how many these are."""
    tops = surviving(lattice, signs, steps, rule)
    if tops is None:
        return 0
    before = int((lattice.cells[: lattice.n_cells, CELL_DIM] == lattice.n).sum())
    signs.keep(keep_closure(lattice, tops))
    return before - tops.size


def arrangement_of(lattice: Lattice, layout: SignLayout, signs: Signs, n_dropped: int = 0) -> Arrangement:
    """The finished lattice as cells by dimension."""
    cells, used = cells_of(lattice), lattice.n_vertices
    if not n_dropped and cells.euler_characteristic != 1:
        raise SeparatrixError("internal check failed: the Euler characteristic of a subdivided box is not 1")
    arrays = (lattice.x, lattice.error, lattice.positive, lattice.negative)
    x, error, positive, negative = (row[:used].copy() if row.nbytes < LARGE else row[:used] for row in arrays)
    return Arrangement(cells, x, error, positive, negative, layout, signs.n_exact_decisions, n_dropped)
