"""Independent pieces of a study on the cores of this machine (loky) or on a Dask cluster.

Every piece has its own seed and one BLAS thread: neither the number of workers nor their kind changes an answer.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import joblib

from separatrix.errors import InputError, KindError, MissingExtraError, printable
from separatrix.flow.processes import calls_elsewhere, on_cluster, one_threaded

MOST_WORKERS = 4
SECONDS_TO_CONNECT = 20


def worker_count(workers: int | None, cost: float) -> int:
    """How many processes: as asked, else the machine's cores (four at most), and one where the work is small.

    ``cost``: evaluations of the network times the products in one; starting a process takes about a second.
    """
    if workers is None:
        return 1 if cost < 3e8 else min(joblib.cpu_count(), MOST_WORKERS)
    if isinstance(workers, bool) or not isinstance(workers, int) or (workers < 1 and workers != -1):
        raise InputError(f"workers: expected a positive number or -1 (all cores), came {printable(repr(workers), 60)}")
    return joblib.cpu_count() if workers == -1 else workers


def stream(
    work: Callable[..., Any], jobs: Sequence[tuple[Any, ...]], workers: int = 1, cluster: Any = None
) -> Iterator[tuple[int, Any]]:
    """(number, ``work(*job)``) for every job, as they finish; in order where there is one worker."""
    if cluster is None and (workers == 1 or len(jobs) < 2):
        for number, job in enumerate(jobs):
            yield number, one_threaded(work, job)
        return
    with backend(cluster):
        yield from calls_elsewhere(work, jobs, workers)


@contextlib.contextmanager
def backend(cluster: Any) -> Iterator[None]:
    """Where calls run within this context: this machine's processes, or the cluster at that address."""
    if cluster is None:
        yield
        return
    with connected(cluster) as client, on_cluster(client):
        yield


@contextlib.contextmanager
def connected(cluster: Any) -> Iterator[Any]:
    """A client of the Dask scheduler at an address such as ``tcp://host:8786``; a Dask ``Client`` is used as it is, as is None.

    Layers that travel to the workers stay there until the outermost of such contexts ends. Raises MissingExtraError
    without dask and distributed, InputError where no scheduler answers.
    """
    if cluster is None:
        yield None
        return
    try:
        from distributed import Client
    except ImportError:
        raise MissingExtraError("cluster= needs dask and distributed: pip install 'separatrix[cluster]'") from None
    from separatrix.flow.cluster import carrying

    if isinstance(cluster, Client):
        with carrying(cluster):
            yield cluster
        return
    if not isinstance(cluster, str):
        raise KindError(
            f"cluster: expected an address such as tcp://host:8786 or a Dask Client, came a {type(cluster).__name__}"
        )
    try:
        client = Client(cluster, timeout=SECONDS_TO_CONNECT, set_as_default=True)
    except (OSError, ValueError, TimeoutError) as error:
        raise InputError(
            f"cluster: no Dask scheduler answers at {printable(cluster, 80)} ({printable(error, 120)}); expected an "
            "address such as tcp://host:8786 of a running dask scheduler"
        ) from None
    with client, carrying(client):
        yield client
