"""Calls on other processes: those of this machine (loky), or of a Dask cluster that is named around them.

A process that ends before its work is done (killed, out of memory) is replaced and its calls are made again; calls have
their own seeds, so that this changes no answer.
"""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from concurrent.futures.process import BrokenProcessPool
from contextvars import ContextVar
from itertools import islice
from typing import Any

from threadpoolctl import threadpool_limits

from separatrix.errors import SeparatrixError, printable
from separatrix.flow.parcels import filed, packed, unpacked

LOGGER = logging.getLogger("separatrix.study")
MOST_LOSSES, AHEAD, SECONDS_IDLE = 5, 2, 300
SECONDS_WATCHED = 2.0
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"), "1")
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
    from separatrix.flow.cluster import carrying

    token = _client.set(client)
    try:
        with carrying(client):
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
    waiting, n_losses = set(range(len(jobs))), 0
    while waiting:
        try:
            for number, result in _in_flight(work, jobs, sorted(waiting), workers):
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


def ends_with(parent: int) -> None:
    """In a worker: end within some seconds of the process that started it, which may be killed and then tells nobody.

    A worker that finds another parent was orphaned while it started; on Windows a launcher may stand between the two.
    """
    if os.getppid() == parent:
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    elif os.name == "posix":
        os._exit(1)


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(SECONDS_WATCHED)
    os._exit(1)


def _in_flight(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], numbers: Sequence[int], workers: int
) -> Iterator[tuple[int, Any]]:
    """Results as they come, a few calls a process being sent ahead; where nobody asks for the rest, processes are ended."""
    import joblib
    from joblib.externals.loky import get_reusable_executor

    count = joblib.cpu_count() if workers < 1 else workers
    executor = get_reusable_executor(
        max_workers=count, timeout=SECONDS_IDLE, env=ONE_THREAD, initializer=ends_with, initargs=(os.getpid(),)
    )
    unsent, futures, is_done = iter(numbers), dict[Any, int](), False
    try:
        while not is_done:
            for number in islice(unsent, AHEAD * count - len(futures)):
                futures[executor.submit(_called, packed((work, jobs[number]), filed))] = number
            for future in wait(futures, return_when=FIRST_COMPLETED).done:
                number = futures.pop(future)
                yield number, future.result()
            is_done = not futures
    finally:
        if not is_done:
            for future in futures:
                future.cancel()
            executor.shutdown(wait=True, kill_workers=True)


def _on_dask(client: Any, work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]]) -> Iterator[tuple[int, Any]]:
    from distributed import KilledWorker, as_completed
    from distributed.client import FutureCancelledError

    from separatrix.flow.cluster import carried

    waiting, n_losses = set(range(len(jobs))), 0
    while waiting:
        parcels = {n: packed((work, jobs[n]), lambda layer: carried(client, layer)) for n in sorted(waiting)}
        futures = {client.submit(_called, parcel, pure=False): n for n, parcel in parcels.items()}
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


def _called(parcel: bytes) -> Any:
    return one_threaded(*unpacked(parcel))
