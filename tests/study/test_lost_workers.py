"""Processes that are killed in the middle of their work, on this machine and on a cluster; processes that come late."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.flow.parcels import filed, packed
from separatrix.flow.processes import calls_elsewhere, noted_losses
from separatrix.study.parallel import backend, connected, stream
from tests.study.lost_workers import layers_here, layers_read, own_process, slow_square

SQUARES = {i: i * i for i in range(12)}


def jobs(mark: Path) -> list[tuple[int, str]]:
    return [(i, str(mark)) for i in SQUARES]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_a_killed_process_is_replaced_and_that_is_said(tmp_path: Path) -> None:
    with noted_losses() as losses:
        assert dict(calls_elsewhere(slow_square, jobs(tmp_path / "mark"), 2)) == SQUARES
    assert len(losses) == 1 and "a worker process was killed; it is replaced" in losses[0]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_processes_that_are_always_killed_end_in_a_message(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("separatrix.flow.processes.MOST_LOSSES", 0)
    with pytest.raises(SeparatrixError, match=r"killed 1 times .* fewer workers"):
        list(calls_elsewhere(slow_square, jobs(tmp_path / "mark"), 2))


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGKILL there")
def test_processes_of_a_killed_run_end_with_it() -> None:
    code = """
from separatrix.flow.processes import calls_elsewhere
from tests.study.lost_workers import own_process
for _ in calls_elsewhere(own_process, [(i,) for i in range(10_000)], 2):
    print("at work", flush=True)
"""
    with subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parents[2], stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:  # fmt: skip
        assert run.stdout is not None and run.stdout.readline() == b"at work\n"
        run.kill()
        run.communicate(timeout=60)  # the output ends when no process holds it any more


@pytest.mark.skipif(sys.platform == "win32", reason="a launcher may be the parent there")
def test_a_worker_whose_run_was_killed_while_it_started_ends() -> None:
    code = "import os, time; from separatrix.flow.processes import ends_with; ends_with(os.getpid()); time.sleep(100)"
    assert subprocess.run([sys.executable, "-c", code], timeout=60, check=False).returncode == 1


@contextlib.contextmanager
def process(*words: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process of our own, ended at the end."""
    begun = subprocess.Popen([sys.executable, "-m", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield begun
    finally:
        begun.kill()
        begun.wait()


@pytest.fixture
def scheduler(tmp_path: Path) -> Iterator[str]:
    pytest.importorskip("distributed")
    file = tmp_path / "scheduler.json"
    with process("distributed.cli.dask_scheduler", "--scheduler-file", str(file), "--port", "0", "--no-dashboard"):
        for _ in range(300):
            if file.exists() and file.stat().st_size:
                break
            time.sleep(0.05)
        import json

        yield json.loads(file.read_text())["address"]


def worker(address: str) -> Any:
    return process("distributed.cli.dask_worker", address, "--nthreads", "1", "--no-nanny", "--no-dashboard")


@pytest.mark.slow
def test_a_cluster_whose_workers_come_late_and_are_killed(scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from distributed import Client

    monkeypatch.setattr("separatrix.flow.parcels.SMALL", 1)
    flow = sx.GradientFlow(sx.log_density(sx.data.network("blobs-tanh")), sx.Box.cube(2, -2, 2))
    starts, sinks = np.random.default_rng(0).uniform(-2, 2, (12_000, 2)), flow.sinks(rng=0)
    here = flow.basins(starts, sinks)
    with contextlib.ExitStack() as begun:
        first = begun.enter_context(worker(scheduler))
        begun.enter_context(worker(scheduler))
        client: Any = begun.enter_context(Client(scheduler, timeout=20))
        client.wait_for_workers(2, timeout=20)
        late: list[Any] = []

        def disturb(stage: str, done: int, total: int) -> None:
            if done and not late:
                first.kill()
                late.append(begun.enter_context(worker(scheduler)))
            elif done and len(late) == 1:
                client.wait_for_workers(2, timeout=20)
                late.append("has come")

        with noted_losses() as losses, connected(client):
            with backend(client):
                there = flow.basins(starts, sinks, workers=2, progress=disturb)
            assert set(client.run(layers_here).values()) == {3}  # of the network and its log-odds, also late
            numbers = dict(stream(own_process, [(i,) for i in range(40)], cluster=client))
        assert set(client.run(layers_here).values()) == {0}
        assert any("lost its worker" in line for line in losses)
        assert late[0].pid in numbers.values() and first.pid not in numbers.values()
    for name in ("label", "steps", "level", "accepted"):
        assert np.array_equal(getattr(here, name), getattr(there, name), equal_nan=True)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="unnamed files are Linux's")
def test_a_layer_is_read_once_by_every_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("separatrix.flow.parcels.SMALL", 1)
    potential = sx.log_odds(sx.data.network("blobs-tanh"), 0)
    seen: dict[int, set[tuple[int, int]]] = {}
    for _, (process, n_read, number) in calls_elsewhere(layers_read, [(potential,)] * 30, 2):
        seen.setdefault(process, set()).add((n_read, number))
    assert seen and all(len(found) == 1 and next(iter(found))[0] == 3 for found in seen.values())
    assert len(packed(potential, filed)) < len(packed(potential, lambda layer: None))


def test_what_is_no_cluster_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed")
    monkeypatch.setattr("separatrix.study.parallel.SECONDS_TO_CONNECT", 1)
    with pytest.raises(KindError, match="a Dask Client"), backend(3):
        pass
    for address in ("tcp://127.0.0.1:9", "nonsense"):
        with pytest.raises(InputError, match="no Dask scheduler answers"), backend(address):
            pass
