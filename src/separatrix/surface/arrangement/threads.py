"""Pieces of a computation in threads: kernels and products run without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np

MOST_THREADS = 4

Piece = TypeVar("Piece")
Result = TypeVar("Result")


def in_threads(work: Callable[[Piece], Result], pieces: Sequence[Piece]) -> list[Result]:
    """``work`` on all pieces, in as many threads as there are cores; what it gives, in the order of the pieces."""
    from threadpoolctl import threadpool_limits

    def quiet(piece: Piece) -> Result:
        with np.errstate(all="ignore"):  # which a thread does not take over
            return work(piece)

    threads = min(len(pieces), os.cpu_count() or 1, MOST_THREADS)
    with threadpool_limits(limits=1):
        if threads < 2:
            return [quiet(piece) for piece in pieces]
        with ThreadPoolExecutor(threads) as pool:
            return list(pool.map(quiet, pieces))
