"""The affine forms of narrow steps on a cell as combinations of the forms that a walk carries, with a bound on the rounding (§6).

The form of coordinate i of step k on a cell is sum_j w_ij D_j G_j + b_i, j over few coordinates of the step before, D_j the
slope that the cell's signs give: step by step a sum of coefficients c times carried forms G and a constant. A coefficient is a
product of doubles, so with N terms in all and errors e_G of the forms

    |A - exact| <= sum |c| e_G + gamma_N sum |c| |G|.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from separatrix.surface.arrangement.step_bounds import StepBounds

MOST_TERMS = 256  # of a form


def tail_forms(bounds: Sequence[StepBounds], top: int) -> tuple[np.ndarray, ...]:
    """What ``walked_zeros`` knows of steps whose coordinates are numbered through, the first ``top`` of them carried.

    ``ends`` (steps,): where their words end; ``numbers`` (words, 64): the coordinate of a bit, -1: none; ``bit_at`` (m,): the
    bit of a coordinate counted from the first word of the lattice, -1: none; ``left`` (m,): slopes below zero; ``starts``
    (m + 1,), ``columns``, ``entries``, ``bias`` (m,): the rows of those that are not carried, none for the others.
    """
    widths, words = [b.bias.size for b in bounds], [-(-b.creased.size // 64) for b in bounds]
    offsets = np.concatenate([[0], np.cumsum(widths)]).astype(np.int64)
    ends = 1 + np.cumsum(words).astype(np.int64)
    numbers, bit_at = np.full((sum(words), 64), -1, dtype=np.int64), np.full(offsets[-1], -1, dtype=np.int64)
    counts, columns, entries = np.zeros(offsets[-1], dtype=np.int64), [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for q, bound in enumerate(bounds):
        bits, begin = np.arange(bound.creased.size), int(ends[q]) - words[q]
        numbers[begin - 1 + bits // 64, bits % 64] = offsets[q] + bound.creased
        bit_at[offsets[q] + bound.creased] = 64 * begin + bits
        if q >= top:
            row, column = np.nonzero(bound.weight)
            counts[offsets[q] : offsets[q + 1]] = np.bincount(row, minlength=widths[q])
            columns.append(offsets[q - 1] + column)
            entries.append(bound.weight[row, column])
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    left, bias = (np.concatenate(parts) for parts in zip(*((b.left, b.bias) for b in bounds), strict=True))
    return ends, numbers, bit_at, left, starts, np.concatenate(columns), np.concatenate(entries), bias
