"""Loops that are compiled: numba with a cache on disk where there is a folder for it, without one elsewhere.

numba renews a cached kernel when the file of the kernel changes, and not when a file changes from which it calls others. The
stamp of the cache therefore covers all sources of the kernel's folder.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from pathlib import Path
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
    return _kernel(function, {})


def compiled_in_place(function: Callable[..., Any]) -> Any:
    """The same for a kernel that makes no arrays: without counting references, which is an atomic operation each time."""
    return _kernel(function, _in_place())


def _kernel(function: Callable[..., Any], more: dict[str, Any]) -> Any:
    """``function`` with its cache."""
    options = {"nogil": True, "error_model": "numpy", **more}
    try:
        kernel = numba.njit(cache=True, **options)(function)
    except RuntimeError:  # neither the package's folder nor the user's can be written to
        return numba.njit(**options)(function)
    index: Any = getattr(getattr(kernel, "_cache", None), "_cache_file", None)
    if not hasattr(index, "_source_stamp"):  # a numba that keeps its stamp elsewhere: right before quick
        return numba.njit(**options)(function)
    index._source_stamp = (index._source_stamp, _digest(Path(function.__code__.co_filename).parent))
    return kernel


def compiled_part(function: Callable[..., Any]) -> Any:
    """A part of a kernel: compiled within the kernels that call it, not to be called from Python."""
    return _part(function, {})


def compiled_part_in_place(function: Callable[..., Any]) -> Any:
    """The same for a part that makes no arrays: without counting references."""
    return _part(function, _in_place())


def written_in_place(function: Callable[..., Any]) -> Any:
    """A part that makes no arrays and that one kernel calls once: written into it, which compiles once instead of twice."""
    return _part(function, {"inline": "always", **_in_place()})


def _part(function: Callable[..., Any], more: dict[str, Any]) -> Any:
    options: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, **_only_linked(), **more}
    return numba.njit(nogil=True, error_model="numpy", **options)(function)


@cache
def _in_place() -> dict[str, Any]:
    """numba's option against reference counts, where it has it; a kernel that makes an array all the same does not compile."""
    known: Any = getattr(getattr(getattr(numba, "core", None), "cpu", None), "CPUTargetOptions", None)
    return {"_nrt": False} if hasattr(known, "_nrt") else {}


@cache
def _only_linked() -> dict[str, Any]:
    """The compiler of parts that is quicker than numba's own, where numba is built as that compiler expects it."""
    try:
        from separatrix.numerics.part_compiler import PartCompiler, is_known
    except ImportError:  # a numba that has moved what is replaced there
        return {}
    return {"pipeline_class": PartCompiler} if is_known() else {}


@cache
def _digest(folder: Path) -> str:
    """The sources of a folder as one number."""
    content = hashlib.sha256()
    for file in sorted(folder.glob("*.py")):
        content.update(file.name.encode() + file.read_bytes())
    return content.hexdigest()
