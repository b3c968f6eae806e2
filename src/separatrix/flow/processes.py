"""Calls on other processes: those of this machine (loky), or of a Dask cluster that is named around them.

A process that ends before its work is done (killed, out of memory) is replaced and its calls are made again; calls have
their own seeds, so that this changes no answer.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from typing import Any, cast

from threadpoolctl import threadpool_limits

from separatrix.errors import SeparatrixError, printable

LOGGER = logging.getLogger("separatrix.study")
MOST_LOSSES = 5
_client: ContextVar[Any] = ContextVar("client", default=None)
_losses: ContextVar[list[str] | None] = ContextVar("losses", default=None)


@contextlib.contextmanager
def noted_losses() -> Iterator[list[str]]:
    """A list to which every loss of a process within this context adds a line."""
    found: list[str] = []
    token = _losses.set(found)
    try:
        yield found
    finally:
        _losses.reset(token)


@contextlib.contextmanager
def on_cluster(client: Any) -> Iterator[None]:
    """Calls within go to the workers of this Dask client."""
    token = _client.set(client)
    try:
        yield
    finally:
        _client.reset(token)


def is_on_cluster() -> bool:
    """Whether calls go to a cluster."""
    return _client.get() is not None


def one_threaded(work: Callable[..., Any], job: tuple[Any, ...]) -> Any:
    """``work(*job)`` with one BLAS thread."""
    with threadpool_limits(limits=1):
        return work(*job)


def calls_elsewhere(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int
) -> Iterator[tuple[int, Any]]:
    """(number, ``work(*job)``) for every job, as they finish, on ``workers`` processes or the cluster.

    Raises SeparatrixError where processes are lost again and again; what a call raises comes through.
    """
    client = _client.get()
    yield from _on_dask(client, work, jobs) if client is not None else _on_loky(work, jobs, workers)


def _on_loky(work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int) -> Iterator[tuple[int, Any]]:
    from joblib import Parallel, delayed

    waiting, n_losses = set(range(len(jobs))), 0
    while waiting:
        # no memory maps: they would lie in the temporary folder
        parallel = Parallel(n_jobs=workers, return_as="generator_unordered", max_nbytes=None, backend="loky")
        calls = (delayed(_numbered)(work, number, jobs[number]) for number in sorted(waiting))
        try:
            for number, result in cast("Iterator[tuple[int, Any]]", parallel(calls)):
                waiting.discard(number)
                n_losses = 0
                yield number, result
        except BrokenProcessPool as error:
            n_losses += 1
            _tell(f"a worker process was killed; it is replaced, and {len(waiting)} pieces of work are made again")
            if n_losses > MOST_LOSSES:
                raise SeparatrixError(
                    f"worker processes were killed {n_losses} times without an answer between; is there enough memory? Use "
                    f"fewer workers ({printable(error, 120)})"
                ) from None


def _on_dask(client: Any, work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError

    waiting, n_losses = set(range(len(jobs))), 0
    while waiting:
        # what all calls share travels once to every worker, and to workers that come late from the others
        shared = client.scatter([work], broadcast=True, hash=False)[0]
        futures = {client.submit(one_threaded, shared, jobs[n], pure=False): n for n in sorted(waiting)}
        known = set(client.scheduler_info(n_workers=-1)["workers"])
        try:
            for future in as_completed(futures):
                result = future.result()
                waiting.discard(futures[future])
                n_losses = 0
                yield futures[future], result
        except (KilledWorker, FutureCancelledError) as error:
            n_losses += 1
            if n_losses > MOST_LOSSES:
                raise SeparatrixError(
                    f"workers of the cluster were lost {n_losses} times without an answer between ({printable(error, 120)})"
                ) from None
        finally:
            client.cancel(list(futures))
            for name in sorted(known - set(client.scheduler_info(n_workers=-1)["workers"])):
                _tell(f"the cluster lost its worker {printable(name, 60)}; its work was made again")


def _tell(text: str) -> None:
    LOGGER.warning("%s", text)
    losses = _losses.get()
    if losses is not None:
        losses.append(text)


def _numbered(work: Callable[..., Any], number: int, job: tuple[Any, ...]) -> tuple[int, Any]:
    return number, one_threaded(work, job)
