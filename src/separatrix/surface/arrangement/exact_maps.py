"""Affine maps of doubles as integer matrices: finite doubles are integers times powers of two (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np


def integer_rows(array: np.ndarray) -> tuple[list[list[int]], int]:
    """Integers m (rows, columns) and an exponent e with array = m 2^e exactly; e is as large as it can be."""
    fraction, exponent = np.frexp(array)
    mantissa = np.ldexp(fraction, 53).astype(np.int64)
    exponent = exponent.astype(np.int64) - 53
    present = mantissa != 0
    if not present.any():
        return [[0] * array.shape[1] for _ in range(array.shape[0])], 0
    lowest = np.frexp((mantissa & -mantissa).astype(np.float64))[1].astype(np.int64) - 1
    least = int((exponent + np.where(present, lowest, 0))[present].min())
    shift = np.where(present, exponent - least, 0)
    if int(shift.max()) <= 9 and int(shift.min()) >= -52:
        whole = np.where(shift >= 0, mantissa << np.maximum(shift, 0), mantissa >> np.maximum(-shift, 0))
        return whole.tolist(), least
    pairs = zip(mantissa.tolist(), shift.tolist(), strict=True)
    return [[m << s if s >= 0 else m >> -s for m, s in zip(*row, strict=True)] for row in pairs], least


def exact_affine(factors: Sequence[tuple[np.ndarray, np.ndarray]]) -> Any:
    """The composition of the maps (W, b), first applied first, as a flint matrix [[W, b], [0, 1]] times a power of two."""
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
    return total


def exact_slopes(slope: np.ndarray) -> tuple[list[int], int]:
    """The doubles ``slope`` (m,) as integers over one common positive denominator."""
    rows, exponent = integer_rows(slope[None, :])
    if exponent > 0:
        return [entry << exponent for entry in rows[0]], 1
    return rows[0], 1 << -exponent
