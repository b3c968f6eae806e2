"""Pieces of a computation in threads: kernels and products run without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any, TypeVar

import numpy as np

MOST_THREADS = 4

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def in_threads(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """``work`` on all pieces, in as many threads as there are cores; what it gives, in the order of the pieces."""

    def quiet(piece: Piece) -> Result:
        with np.errstate(all="ignore"):  # which a thread does not take over
            return work(piece)

    threads = min(len(pieces), os.cpu_count() or 1, MOST_THREADS)
    with _controller().limit(limits=1):
        if threads < 2:
            return [quiet(piece) for piece in pieces]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(quiet, pieces))


@cache
def _controller() -> Any:
    """Of the threads of BLAS: looking for the libraries takes as long as many a step."""
    from threadpoolctl import ThreadpoolController

    return ThreadpoolController()
