"""Room for large arrays in pages of their own, which go back to the system as soon as the array is let go.

What the C library frees in the middle of its heap stays with the process, so that a reader which lets go of a weight when it
has folded it would hold both all the same.
"""

from __future__ import annotations

import mmap
from math import prod
from typing import Any

import numpy as np

LARGE = 1 << 18  # bytes


def room(shape: tuple[int, ...], kind: Any = np.float64, order: Any = "C") -> np.ndarray:
    """A new array of zeros, ``order`` "C" or "F".

    >>> room((2, 3), np.int64).sum()
    np.int64(0)
    """
    dtype = np.dtype(kind)
    size = prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.zeros(shape, dtype, order)
    return np.ndarray(shape, dtype, mmap.mmap(-1, size), order=order)
