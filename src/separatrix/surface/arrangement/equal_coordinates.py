"""Coordinates of a network with structure that are one and the same function, or zero (§6).

On a slice through images whole areas of pixels are constant, and then convolutions have equal values at many places, whose
differences in max pooling are identically zero. Doubles and their bounds cannot tell that; numbers of equal values can: an
affine row is the list of its entries, each with the number of the coordinate that it multiplies, and rows with equal lists
are equal functions.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.exact_maps import Factor

ZERO = -1
MOST_ENTRIES = 1 << 20  # of a dense factor that is looked into


def merged(factors: Sequence[Factor], numbers: np.ndarray) -> tuple[list[Factor], np.ndarray]:
    """The factors of one step with equal coordinates taken together, and the numbers of the values after the last one.

    ``numbers`` (k,): equal for coordinates of the step's input that are known to be equal, ZERO for those that are 0. Only
    factors with entries -1, 0, 1 change: there sums of entries are exact.
    """
    found: list[Factor] = []
    for weight, bias in factors:
        if not isinstance(weight, np.ndarray) and np.isin(weight.data, (-1.0, 1.0)).all():
            weight = _together(weight, numbers)
        numbers = _numbered(weight, bias, numbers)
        found.append((weight, bias))
    return found, numbers


def after_crease(numbers: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """Numbers of the values behind the crease: equal where value and slope are."""
    pairs = np.stack([numbers.astype(np.float64), slope])
    after = np.unique(pairs, axis=1, return_inverse=True)[1].ravel().astype(np.int64)
    return np.where(numbers == ZERO, ZERO, after)


def _together(weight: Any, numbers: np.ndarray) -> Any:
    """A CSR matrix whose entries stand in the first of equal columns, those of columns that are 0 dropped."""
    from scipy.sparse import csr_array

    _, first, place = np.unique(numbers, return_index=True, return_inverse=True)
    columns = first[place.ravel()][weight.indices]
    entries = np.where(numbers[weight.indices] == ZERO, 0.0, weight.data)
    found = csr_array((entries, columns, weight.indptr.copy()), shape=weight.shape)
    found.sum_duplicates()
    found.eliminate_zeros()
    return found


def _numbered(weight: Any, bias: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Numbers of the values of x -> W x + b, from those of the coordinates of x."""
    if isinstance(weight, np.ndarray) and weight.size > MOST_ENTRIES:
        return np.arange(bias.size)
    if isinstance(weight, np.ndarray):
        rows, columns = np.nonzero(weight)
        entries = weight[rows, columns]
    else:
        rows, columns, entries = np.repeat(np.arange(bias.size), np.diff(weight.indptr)), weight.indices, weight.data
    used = (numbers[columns] != ZERO) & (entries != 0)
    rows, columns, entries = rows[used], numbers[columns[used]], entries[used]
    order = np.lexsort((entries, columns, rows))
    table = np.stack([columns[order].astype(np.float64), entries[order]], axis=1)
    ends = np.searchsorted(rows[order], np.arange(bias.size + 1))
    known: dict[bytes, int] = {}
    found = np.empty(bias.size, dtype=np.int64)
    for i in range(bias.size):
        here = table[ends[i] : ends[i + 1]]
        key = here.tobytes() + np.float64(bias[i] + 0.0).tobytes()
        found[i] = ZERO if not here.size and bias[i] == 0 else known.setdefault(key, i)
    return found
