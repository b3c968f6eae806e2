"""Exact values of a few coordinates of steps with sparse factors: only what they depend on is computed (§6).

A neuron of a convolution sees a window; that of the next one a window of windows. The rows that are wanted say, factor by factor
backwards, which rows of the one before they need.
"""

from __future__ import annotations

from collections.abc import Sequence
from operator import mul
from typing import Any

import numpy as np

from separatrix.surface.arrangement.exact_maps import SparseExact
from separatrix.surface.arrangement.linear_steps import LinearStep

Rows = dict[int, list[int]]
FEW = 4  # a product with all rows of a dense factor costs less than so many single rows times their number


def rows_behind(
    steps: Sequence[LinearStep], signs: Sequence[np.ndarray], wanted: Sequence[int], start: list[list[int]]
) -> list[list[int]]:
    """Rows ``wanted`` of the last of ``steps``, before its crease, of the map after ``start`` (n + 1 rows), and the last row.

    All of them up to one positive factor. ``signs`` (of the creased coordinates, for each step but the last): the masks.
    """
    stages: list[tuple[Any, Any]] = []  # a factor and its rows, or None and what the crease multiplies by
    for number, step in enumerate(steps):
        stages += zip(step.exact_factors, step.exact_tables, strict=True)
        if number + 1 < len(steps):
            stages.append((None, _factors(step, signs[number])))
    needs: list[Any] = [None] * len(stages)  # None: all rows
    here: Any = sorted(set(wanted))
    for k in range(len(stages) - 1, -1, -1):
        needs[k], factor = here, stages[k][0]
        if isinstance(factor, SparseExact):
            here = factor.columns_of(range(len(factor.bias)) if here is None else here)
        elif factor is not None:
            here = None
    rows: Rows = dict(enumerate(start[:-1]))
    last = start[-1]
    for (factor, table), need in zip(stages, needs, strict=True):
        rows, last = _stage(factor, table, need, rows, last)
    return [*(rows[i] for i in wanted), last]


def _factors(step: LinearStep, signs: np.ndarray) -> tuple[list[int], int]:
    """What the crease multiplies every coordinate by, and the factor of the constant; 0 counts as off."""
    numerators, denominator = step.exact_slopes
    found = [denominator] * len(numerators)
    for i, sign in zip(step.creased.tolist(), signs.tolist(), strict=True):
        if sign <= 0:
            found[i] = numerators[i] if sign < 0 else 0
    return found, denominator


def _stage(factor: Any, table: Any, need: Any, rows: Rows, last: list[int]) -> tuple[Rows, list[int]]:
    from flint import fmpz_mat

    if factor is None:
        factors, common = table
        chosen = rows if need is None else {i: rows[i] for i in need}
        return {i: [factors[i] * entry for entry in row] for i, row in chosen.items()}, [common * x for x in last]
    if isinstance(factor, SparseExact):
        chosen = range(len(factor.bias)) if need is None else need
        return {i: factor.row(i, rows, last) for i in chosen}, [factor.one * entry for entry in last]
    if need is not None and FEW * len(need) < len(table):
        columns = list(zip(*(rows[i] for i in sorted(rows)), strict=True))
        columns = [(*column, entry) for column, entry in zip(columns, last, strict=True)]
        chosen = {i: [sum(map(mul, table[i], column)) for column in columns] for i in need}
        return chosen, [table[-1][-1] * entry for entry in last]
    product = [
        [int(entry) for entry in row] for row in (factor * fmpz_mat([*(rows[i] for i in sorted(rows)), last])).tolist()
    ]
    return dict(enumerate(product[:-1])), product[-1]
