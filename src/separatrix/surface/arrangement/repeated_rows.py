"""Neurons that repeat an earlier one up to a factor: their signs are copied, not decided again (§6)."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep


def repeated_rows(step: LinearStep) -> np.ndarray:
    """(2, signs) int64: the first row of which row i is an exact multiple (-1: none before it), and the factor's sign.

    A row that is exactly 0 has the factor 0 and the row -2. Rows of composed maps that are rounded are not compared.
    """
    found = np.full((2, step.n_signs), -1, dtype=np.int64)
    found[1] = 0
    is_exact = ((step.weight_radius == 0) & (step.bias_radius == 0))[step.creased]
    if not is_exact.any():
        return found
    table = np.column_stack([step.weight, step.bias])[step.creased]
    first: dict[bytes, list[int]] = {}
    with np.errstate(all="ignore"):
        shape = table / table[np.arange(step.n_signs), np.abs(table).argmax(axis=1), None]
    shape[~np.isfinite(shape)] = 0.0
    keys = np.round(shape, 6) + 0.0
    if table.any(axis=1).all() and len({key.tobytes() for key in keys}) == step.n_signs:
        return found
    for i in np.flatnonzero(is_exact).tolist():
        if not table[i].any():
            found[:, i] = (-2, 0)
            continue
        for earlier in first.setdefault(keys[i].tobytes(), []):
            factor = _factor(table[earlier], table[i])
            if factor:
                found[:, i] = (earlier, factor)
                break
        else:
            first[keys[i].tobytes()].append(i)
    return found


def _factor(row: np.ndarray, other: np.ndarray) -> int:
    """The sign of c where other = c row exactly; 0 where there is no such c."""
    if ((row != 0) != (other != 0)).any():
        return 0
    present = np.flatnonzero(row)
    pairs = [(Fraction(float(row[k])), Fraction(float(other[k]))) for k in present.tolist()]
    a, b = pairs[0]
    if all(a * y == b * x for x, y in pairs[1:]):
        return 1 if (a > 0) == (b > 0) else -1
    return 0
