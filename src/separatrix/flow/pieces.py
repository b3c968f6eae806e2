"""Work in pieces of fixed size: the same answer for any number of workers (one BLAS thread a piece).

Tensors on an accelerator do not go to other processes: the batched part of the work runs in this one, piece after piece,
and workers share what follows on the CPU.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Protocol

from separatrix.errors import InputError, KindError, printable
from separatrix.flow.arrays import is_on_accelerator
from separatrix.flow.processes import calls_elsewhere, one_threaded

Progress = Callable[[str, int, int], None]
NUMBERS_IN_PIECE = 2**21


class PieceStore(Protocol):
    """Who keeps results of pieces as they come, so that a run that is killed has them again."""

    def begin(self, sizes: Sequence[int]) -> dict[int, Any]:
        """Results that are known, by number, of the work in pieces of these sizes that begins now."""
        ...

    def add(self, number: int, result: Any) -> None:
        """A result has come."""
        ...


_store: ContextVar[PieceStore | None] = ContextVar("store", default=None)


@contextlib.contextmanager
def kept_by(store: PieceStore) -> Iterator[None]:
    """Pieces of work within are kept in this store."""
    token = _store.set(store)
    try:
        yield
    finally:
        _store.reset(token)


@dataclass(frozen=True)
class InTurn:
    """Work of two parts, ``last(first(*piece))``: a batch on the device of its arrays, then rows on the CPU."""

    first: Callable[..., Any]
    last: Callable[[Any], Any]

    def __call__(self, *piece: Any) -> Any:
        """Both parts of one piece."""
        return self.last(self.first(*piece))


def require_progress(progress: Any, what: str) -> None:
    """Raise KindError for a ``progress`` that cannot be called."""
    if progress is not None and not callable(progress):
        raise KindError(
            f"{what}: progress must be a function of (stage, done, total) or None, came {type(progress).__name__}"
        )


def run_pieces(
    work: Callable[..., Any],
    pieces: Sequence[tuple[Any, ...]],
    sizes: Sequence[int],
    workers: int | None,
    stage: str,
    progress: Progress | None,
) -> list[Any]:
    """``work(*piece)`` for every piece, in order; ``sizes``: what progress counts. Processes where workers > 1; -1: all cores."""
    require_progress(progress, stage or "work in pieces")
    store = _store.get()
    results = {} if store is None else store.begin(sizes)
    waiting = [number for number in range(len(pieces)) if number not in results]
    total, done = sum(sizes), sum(sizes[number] for number in results)
    if progress is not None:
        progress(stage, done, total)
    for place, result in _stream(work, [pieces[number] for number in waiting], workers):
        number = waiting[place]
        results[number] = result
        if store is not None:
            store.add(number, result)
        done += sizes[number]
        if progress is not None:
            progress(stage, done, total)
    return [results[number] for number in range(len(pieces))]


def _stream(
    work: Callable[..., Any], pieces: Sequence[tuple[Any, ...]], workers: int | None
) -> Iterable[tuple[int, Any]]:
    """(number, result) as they finish."""
    here = enumerate(one_threaded(work, piece) for piece in pieces)
    if workers in (None, 1) or len(pieces) <= 1:
        return here
    if any(is_on_accelerator(part) for piece in pieces for part in piece):
        if not isinstance(work, InTurn):
            return here
        work, pieces = work.last, [(one_threaded(work.first, piece),) for piece in pieces]
    if isinstance(workers, bool) or not isinstance(workers, int) or (workers < 1 and workers != -1):
        raise InputError(f"workers: expected a positive number or -1 (all cores), came {printable(repr(workers))}")
    return calls_elsewhere(work, pieces, workers)


def rows_in_piece(most: int, dim: int) -> int:
    """How many rows of ``dim`` numbers go together: at most ``most``, fewer where their arrays would be large. It depends on
    nothing else, so that neither a limit of memory nor the number of workers changes an answer."""
    return max(1, min(most, NUMBERS_IN_PIECE // dim))


def slices(n: int, size: int) -> list[slice]:
    """Consecutive slices of at most ``size`` that cover range(n)."""
    return [slice(start, min(start + size, n)) for start in range(0, n, size)]
