"""Loops that are compiled: numba with a cache on disk where there is a folder for it, without one elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba


def compiled(function: Callable[..., Any]) -> Any:
    """``function`` compiled at its first call, without the interpreter's lock and with IEEE arithmetic (no fast-math).

    Kernels take float64 and int64 arrays, C-contiguous, so that one compilation serves every call. Import modules of
    kernels where they are used, not at the top: numba takes half a second to load.

    >>> @compiled
    ... def total(x):
    ...     s = 0.0
    ...     for value in x:
    ...         s += value
    ...     return s
    >>> import numpy as np
    >>> total(np.ones(3))
    3.0
    """
    options = {"nogil": True, "error_model": "numpy"}
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return numba.njit(**options)(function)
