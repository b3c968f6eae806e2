"""Values at vertices of the steps behind the forms that a walk carries, and their signs as far as bounds prove them (§6)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.dense_steps import dense_block
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.walk_plan import Block, WalkPlan


def values_behind(plan: WalkPlan, words: Sequence[int], lattice: Lattice, block: Block) -> Block:
    """The block of the step whose values a plan gives, from that of the last step whose forms are carried, which is used up.

    ``words``: where the bits of every step begin.
    """
    for k in range(len(plan.steps), plan.index + 1):
        block = next_block(plan, k, words, lattice, block)
    return block


def next_block(
    plan: WalkPlan, k: int, words: Sequence[int], lattice: Lattice, block: Block, *, proves: bool = False
) -> Block:
    """The block of step k behind the carried ones from that of the step before it; the bits of a dense one are written where it
    ``proves``.
    """
    from separatrix.surface.arrangement.tail_kernels import tail_rows

    before = plan.bound(k - 1)
    if k >= plan.first_dense:
        step = plan.dense[k - plan.first_dense]
        return dense_block(before, step, (words[k - 1], words[k]), lattice, block, proves=proves)
    (ids, values, numbers), bound = block, plan.bound(k)
    out, found = np.empty((ids.size, bound.bias.size)), np.empty((ids.size, 5))
    tail_rows(values, numbers, before.left, before.growth, *bound.entries, bound.bias, bound.norms, out, found)
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
