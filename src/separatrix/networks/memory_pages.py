"""Room for the large arrays of a reader in pages of their own, which go back to the system as soon as the array is let go.

What the C library frees in the middle of its heap stays with the process, so that a reader which lets go of a weight when it
has folded it would hold both all the same. Whoever knows that nobody else needs an array may also write its room again.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import weakref
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from math import prod
from typing import Any

import numpy as np

LARGE, SLACK = 1 << 18, 1 << 23  # bytes
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


def give_back(slack: int = 0) -> None:
    """Lets the C library return what it keeps of freed memory to the system, where it knows how to.

    ``slack``: only where the process has grown by so many bytes since the last time, for pages that come back cost time.
    """
    if (trim := _trim()) is None:
        return
    if slack and _resident() < _left.bytes + slack:
        return
    trim(0)
    _left.bytes = _resident()


@dataclass
class _Left:
    """How much memory the process had after the last return."""

    bytes: int = 0


_left = _Left()


def _resident() -> int:
    """Bytes of memory that the process holds; as many as there may be where that is not said."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * mmap.PAGESIZE
    except (OSError, ValueError, IndexError):
        return sys.maxsize


@cache
def _trim() -> Any:
    """glibc's malloc_trim; None for other C libraries."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):  # TypeError: Windows takes no None
        return None
    trim.argtypes, trim.restype = [ctypes.c_size_t], ctypes.c_int
    return trim
