"""Arrays that grow row by row: pages made ready before they are written to, and whether unused room costs nothing.

The first write to a page costs a fault, and in a virtual machine whose host has to find the page a long one: a gigabyte can
take seconds. A thread has the system ready the pages behind the rows that are used. That changes no value; where the system
cannot do it nothing happens.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

POPULATE_WRITE = 23  # of madvise: Linux 5.14 and later
SMALLEST, AHEAD = 1 << 26, 1 << 25  # bytes: of an array that is worth it, made ready at once
PAGE = 1 << 12


class ReadyPages:
    """How far the pages of growing arrays are ready, by the address of the array."""

    def __init__(self) -> None:
        self._until: dict[int, int] = {}

    def advance(self, array: np.ndarray, used: int) -> None:
        """Make the pages behind the first ``used`` rows of a C-contiguous array ready, once half of those before are used."""
        if array.nbytes < SMALLEST:
            return
        start = array.ctypes.data
        position, until = start + used * array.strides[0], self._until.get(start, 0)
        if position + AHEAD // 2 < until:
            return
        first = max(position, until) // PAGE * PAGE + PAGE
        last = min(position + AHEAD, start + array.nbytes) // PAGE * PAGE
        self._until[start] = position + AHEAD
        populate = _populate()
        if populate is not None and first < last:
            _thread().submit(_made_ready, populate, array, first, last - first)


@cache
def is_address_space_free() -> bool:
    """Whether room that is never touched costs nothing: no limit of addresses, and a system that promises more than it has."""
    if not sys.platform.startswith("linux"):
        return False
    import resource

    try:
        with open("/proc/sys/vm/overcommit_memory", "rb") as file:
            return file.read().strip() != b"2" and resource.getrlimit(resource.RLIMIT_AS)[0] == resource.RLIM_INFINITY
    except OSError:
        return False


def _made_ready(populate: Callable[..., int], array: np.ndarray, first: int, size: int) -> None:
    """``array`` is there until it is done: the pages are its own."""
    populate(first, size, POPULATE_WRITE)


@cache
def _populate() -> Callable[..., int] | None:
    if not sys.platform.startswith("linux"):
        return None
    try:
        found = ctypes.CDLL(None).madvise
    except (OSError, AttributeError):
        return None
    found.argtypes, found.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int
    return found


@cache
def _thread() -> ThreadPoolExecutor:
    """Of this process: a fork takes no threads with it."""
    return ThreadPoolExecutor(1, thread_name_prefix="pages")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_thread.cache_clear)
