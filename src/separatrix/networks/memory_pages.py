"""Room for the large arrays of a reader in pages of their own, which go back to the system as soon as the array is let go.

What the C library frees in the middle of its heap stays with the process, so that a reader which lets go of a weight when it
has folded it would hold both all the same. Whoever knows that nobody else needs an array may also write its room again.
"""

from __future__ import annotations

import mmap
import weakref
from collections.abc import Iterable
from math import prod
from typing import Any

import numpy as np

LARGE = 1 << 18  # bytes
_rooms: weakref.WeakValueDictionary[int, mmap.mmap] = weakref.WeakValueDictionary()


def room(shape: tuple[int, ...], kind: Any = np.float64, order: Any = "C") -> np.ndarray:
    """A new array of zeros, ``order`` "C" or "F". Raises MemoryError.

    >>> room((2, 3), np.int64).sum()
    np.int64(0)
    """
    dtype = np.dtype(kind)
    size = prod(shape) * dtype.itemsize
    if size < LARGE:
        return np.zeros(shape, dtype, order)
    try:
        pages = mmap.mmap(-1, size)
    except OSError as error:
        raise MemoryError(f"{size} bytes for an array") from error
    array = np.ndarray(shape, dtype, pages, order=order)
    _rooms[array.ctypes.data] = pages
    return array


def room_again(array: np.ndarray, others: Iterable[np.ndarray]) -> np.ndarray | None:
    """The room of an array, to be written; None where it has none of its own, or where one of ``others`` lies in it.

    For readers alone, which made the array and know all who hold it.
    """
    pages = _rooms.get(array.ctypes.data)
    if pages is None or len(pages) != array.nbytes or any(np.may_share_memory(array, other) for other in others):
        return None
    return np.ndarray(array.shape, array.dtype, pages, strides=array.strides)
