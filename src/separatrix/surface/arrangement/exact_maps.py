"""Affine maps of doubles as integer matrices: finite doubles are integers times powers of two (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

Factor = tuple[Any, np.ndarray]  # W, an array or a CSR array, and b
ExactFactor = Any  # a flint integer matrix or a SparseExact


def integer_rows(array: np.ndarray) -> tuple[list[list[int]], int]:
    """Integers m (rows, columns) and an exponent e with array = m 2^e exactly; e is as large as it can be."""
    mantissa, exponent = odd_parts(array)
    present = mantissa != 0
    if not present.any():
        return [[0] * array.shape[1] for _ in range(array.shape[0])], 0
    least = int(exponent[present].min())
    shift = np.where(present, exponent - least, 0)
    if int((np.frexp(mantissa.astype(np.float64))[1] + shift).max()) <= 62:
        return (mantissa << shift).tolist(), least
    pairs = zip(mantissa.tolist(), shift.tolist(), strict=True)
    return [[m << s for m, s in zip(*row, strict=True)] for row in pairs], least


def odd_parts(array: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 arrays m, odd or 0, and e with array = m 2^e exactly; e = 0 where m = 0."""
    fraction, exponent = np.frexp(array)
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    present = mantissa != 0
    lowest = np.where(present, np.frexp((mantissa & -mantissa).astype(np.float64))[1].astype(np.int64) - 1, 0)
    return mantissa >> lowest, np.where(present, exponent.astype(np.int64) - 53 + lowest, 0)


class SparseExact:
    """[[W, b], [0, 1]] times a power of two, in integers, for a CSR array W: times a flint matrix, row by row."""

    def __init__(self, weight: Any, bias: np.ndarray) -> None:
        rows, exponent = integer_rows(np.concatenate([weight.data, bias])[None, :])
        entries = [entry << exponent for entry in rows[0]] if exponent > 0 else rows[0]
        self.one = 1 if exponent > 0 else 1 << -exponent
        self.entries, self.bias = entries[: weight.data.size], entries[weight.data.size :]
        self.columns, self.starts = weight.indices.tolist(), weight.indptr.tolist()

    def __mul__(self, forms: Any) -> Any:
        """The product with a flint integer matrix (k + 1, c)."""
        from flint import fmpz_mat

        rows = [[int(entry) for entry in row] for row in forms.tolist()]
        found = [self.row(i, rows, rows[-1]) for i in range(len(self.bias))]
        return fmpz_mat([*found, [self.one * entry for entry in rows[-1]]])

    def row(self, i: int, rows: Any, last: list[int]) -> list[int]:
        """Row i of the product with a matrix given by its rows (a list or a dictionary) and its last row."""
        total = [self.bias[i] * entry for entry in last]
        for place in range(self.starts[i], self.starts[i + 1]):
            w = self.entries[place]
            for j, entry in enumerate(rows[self.columns[place]]):
                total[j] += w * entry
        return total

    def columns_of(self, rows: Any) -> list[int]:
        """The columns that these rows multiply, ascending."""
        found: set[int] = set()
        for i in rows:
            found.update(self.columns[self.starts[i] : self.starts[i + 1]])
        return sorted(found)


def exact_affine(factors: Sequence[Factor]) -> list[ExactFactor]:
    """The maps (W, b), first applied first, as integer matrices [[W, b], [0, 1]] times powers of two, dense ones composed."""
    if any(not isinstance(weight, np.ndarray) for weight, _ in factors):
        return [
            exact_affine([(weight, bias)])[0] if isinstance(weight, np.ndarray) else SparseExact(weight, bias)
            for weight, bias in factors
        ]
    from flint import fmpz_mat

    total = None
    for weight, bias in factors:
        rows, exponent = integer_rows(np.column_stack([weight, bias]))
        one = 1
        if exponent > 0:
            rows = [[entry << exponent for entry in row] for row in rows]
        else:
            one = 1 << -exponent
        matrix = fmpz_mat([*rows, [0] * weight.shape[1] + [one]])
        total = matrix if total is None else matrix * total
    return [total]


def exact_slopes(slope: np.ndarray) -> tuple[list[int], int]:
    """The doubles ``slope`` (m,) as integers over one common positive denominator."""
    rows, exponent = integer_rows(slope[None, :])
    if exponent > 0:
        return [entry << exponent for entry in rows[0]], 1
    return rows[0], 1 << -exponent
