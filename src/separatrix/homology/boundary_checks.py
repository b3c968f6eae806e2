"""The law of chain complexes, verified exactly: the boundary of a boundary is zero (§7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

import numpy as np

from separatrix.errors import InputError
from separatrix.homology.boundary_matrices import INT64, Columns
from separatrix.homology.homology_record import short

SMALL = 20_000


def check_boundary_of_boundary(operators: Sequence[Columns]) -> None:
    """Raise InputError that names a cell whose boundary has a boundary; int64 only where no sum can leave it."""
    for k, (lower, upper) in enumerate(pairwise(operators), start=2):
        if len(upper.faces) == 0 or len(lower.faces) == 0:
            continue
        fits = (
            upper.coefficients.dtype != object
            and lower.coefficients.dtype != object
            and _bound(lower, upper) <= INT64.max
        )
        if len(upper.faces) > SMALL and fits:
            from separatrix.homology.reduction_kernels import first_with_boundary

            cell = int(first_with_boundary(*_arrays(lower), *_arrays(upper), lower.n_faces))
            if cell >= 0:
                _refuse(k, lower, upper, cell)
            continue
        for cell in np.flatnonzero(np.diff(upper.starts)).tolist():
            if any(_second_boundary(lower, upper, cell).values()):
                _refuse(k, lower, upper, cell)


def _bound(lower: Columns, upper: Columns) -> int:
    """A bound on every partial sum of the product."""
    entries = int(np.diff(upper.starts).max())
    return entries * _largest(lower.coefficients) * _largest(upper.coefficients)


def _largest(values: np.ndarray) -> int:
    return max(-int(values.min()), int(values.max()))


def _arrays(columns: Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    return columns.starts, columns.faces.astype(np.int32, copy=False), columns.coefficients


def _second_boundary(lower: Columns, upper: Columns, cell: int) -> dict[int, int]:
    total: dict[int, int] = defaultdict(int)
    for face, coefficient in column(upper, cell):
        for below, other in column(lower, face):
            total[below] += coefficient * other
    return total


def column(columns: Columns, cell: int) -> list[tuple[int, int]]:
    """Faces and coefficients of one cell as Python integers."""
    span = slice(columns.starts[cell], columns.starts[cell + 1])
    return list(zip(columns.faces[span].tolist(), columns.coefficients[span].tolist(), strict=True))


def _refuse(degree: int, lower: Columns, upper: Columns, cell: int) -> None:
    wrong = {below: value for below, value in _second_boundary(lower, upper, cell).items() if value}
    below = min(wrong)
    hint = "; it vanishes modulo 2, so signs seem to be missing" if all(v % 2 == 0 for v in wrong.values()) else ""
    raise InputError(
        f"ChainComplex: the boundary of the boundary of cell {cell} of degree {degree} is not zero: it has cell {below} of "
        f"degree {degree - 2} {short(wrong[below])} times{hint}"
    )
