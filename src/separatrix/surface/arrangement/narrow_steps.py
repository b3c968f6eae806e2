"""Values at vertices of narrow steps behind the forms that a walk carries, and their signs as far as bounds prove them (§6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.walk_plan import Block, WalkPlan


def values_behind(plan: WalkPlan, words: Sequence[int], lattice: Lattice, block: Block) -> Block:
    """The block of the last step of a plan's tail, from that of the last step whose forms are carried, which is used up.

    ``words``: where the bits of every step begin.
    """
    bounds = (plan.bounds[-1], *plan.tail)
    for k, (before, bound) in enumerate(zip(bounds, bounds[1:], strict=False), len(plan.steps) - 1):
        block = next_block(before, bound, words[k], lattice, block)
    return block


def next_block(before: StepBounds, bound: StepBounds, word: int, lattice: Lattice, block: Block) -> Block:
    """The block of a narrow step from that of the step before it, whose bits begin at ``word``."""
    from separatrix.surface.arrangement.tail_kernels import tail_rows

    ids, values, numbers = block
    out, found = np.empty((ids.size, bound.bias.size)), np.empty((ids.size, 5))
    tail_rows(
        ids, values, numbers, lattice.positive, lattice.negative, word, before.creased, before.left[before.creased],
        before.growth, np.empty(64), *bound.entries, bound.bias, bound.norms, out, found,
    )  # fmt: skip
    return ids, out, found


def prove_signs(rows: np.ndarray, creased: np.ndarray, word: int, lattice: Lattice, block: Block) -> np.ndarray:
    """Write the bits of a step, from ``word`` on, that the bounds of its values prove; (r,) booleans: where one is open.

    ``rows`` (3, m): p, q, c of the bounds. Both bits stand for a sign that is open.
    """
    from separatrix.surface.arrangement.sign_kernels import walked_signs

    ids, values, numbers = block
    is_open = np.zeros(ids.size, dtype=bool)
    walked_signs(
        values,
        ids,
        numbers,
        rows,
        creased,
        lattice.positive,
        lattice.negative,
        word,
        np.empty(values.shape[1]),
        is_open,
    )
    return is_open
