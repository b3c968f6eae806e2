"""Values at vertices of dense steps behind the forms that a walk carries, by products (§6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, raised
from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.step_values import products, products_at
from separatrix.surface.arrangement.walk_plan import Block


def behind_crease(
    before: StepBounds, word: int, lattice: Any, ids: np.ndarray, h: np.ndarray, errors: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Values ``h`` of a step, whose bits begin at ``word``, taken behind its crease, with the bounds of ``each_input``."""
    from separatrix.surface.arrangement.activation_kernels import activated

    lengths = np.empty(h.shape[0])
    activated(ids, h, lattice.positive, lattice.negative, word, before.creased, before.left, lengths)
    if ((before.left != 0.0) & (before.left != 1.0)).any():
        errors = before.growth * errors + 2.0**-52 * np.abs(lengths)
    return h, lengths, np.asarray(raised(errors + np.sqrt(float(h.shape[1])) * TINIEST))


def dense_block(
    before: StepBounds, step: LinearStep, words: tuple[int, int], lattice: Lattice, block: Block, *, proves: bool
) -> Block:
    """The block of a step from that of the step before it, which is used up; its bits are written where it ``proves``.

    ``words``: where the bits of both begin. Columns of the numbers: s (-1 where the input is exactly 0), g, the bound of the
    2-norm of the error, that of the values, 0.
    """
    (ids, values, numbers), bound = block, StepBounds.of(step)
    inputs = behind_crease(before, words[0], lattice, ids, values, numbers[:, 2])
    if proves:
        return ids, *products_at(lattice, bound, (ids, *inputs), words[1], step.repeats)
    out = np.empty((ids.size, bound.bias.size)), np.empty((ids.size, 5))
    unused = np.empty((2, ids.size, step.words), dtype=np.uint64)
    products(bound, inputs, step.repeats, (*unused, 0), out)
    return ids, *out
