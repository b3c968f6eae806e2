"""Runs that were cut short go on where they were and give the same answer; so do more workers and clusters."""

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints, chosen
from separatrix.study.analysis import Analysis
from separatrix.study.analyze import analyze
from separatrix.study.fingerprints import fingerprint
from separatrix.study.flow_chapter import FlowChapter
from separatrix.study.pieces import Pieces
from separatrix.study.question import asked
from separatrix.study.stages import Stages

BOX = sx.Box.cube(2, -2, 2)


def run(**options: object) -> Analysis:
    return analyze(sx.data.network("blobs-sigmoid"), BOX, sx.data.toy("blobs", 120), **options)  # type: ignore[arg-type]


def answer(value: object) -> object:
    """Everything in a record but times: what two runs must have in common, to the last bit."""
    if isinstance(value, np.ndarray):
        return value.dtype.str, value.shape, value.tobytes()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        names = [f.name for f in dataclasses.fields(value) if f.name not in ("seconds", "timings", "notes", "warnings")]
        return type(value).__name__, [(name, answer(getattr(value, name))) for name in names]
    return [answer(item) for item in value] if isinstance(value, tuple) else repr(value)


@pytest.fixture(scope="module")
def whole() -> Analysis:
    return run()


@pytest.fixture(scope="module")
def without_passes() -> Analysis:
    return run(passes=False)


@pytest.mark.parametrize("stage", ["theorems", "sinks of the log-odds of 3 classes", "basins of the log-density"])
def test_an_interrupt_keeps_what_is_finished(tmp_path: Path, without_passes: Analysis, stage: str) -> None:
    def interrupt(name: str, done: int, total: int) -> None:
        if name == stage:
            raise KeyboardInterrupt

    part = run(resume=tmp_path, progress=interrupt, passes=False)
    assert (not part.is_finished and len(part.flow) < 4) or part.flow[0].basins is None
    assert any("interrupted" in note for note in part.notes)
    assert part.save(tmp_path / "saved") and not sx.Analysis.load(tmp_path / "saved").is_finished
    rest = run(resume=tmp_path, passes=False)
    assert rest.is_finished and answer(rest) == answer(without_passes)
    if stage == "basins of the log-density":
        assert any("were taken up" in note for note in rest.notes)


def test_a_killed_run_goes_on(tmp_path: Path, whole: Analysis) -> None:
    code = f"""
import os
import separatrix as sx
from separatrix.study.analyze import analyze

def die(stage, done, total):
    if stage == "basins of the log-density":
        os._exit(9)

analyze(sx.data.network("blobs-sigmoid"), sx.Box.cube(2, -2, 2), sx.data.toy("blobs", 120), resume={str(tmp_path)!r},
        progress=die)
"""
    assert subprocess.run([sys.executable, "-c", code], check=False, env=dict(os.environ)).returncode == 9
    assert len(list(tmp_path.glob("*.piece.npz"))) == 9
    rest = run(resume=tmp_path)
    assert answer(rest) == answer(whole)


def test_a_second_run_takes_up_everything(tmp_path: Path, whole: Analysis) -> None:
    run(resume=tmp_path)
    for path in tmp_path.glob("sinks-of-log-density*"):
        path.write_bytes(path.read_bytes()[:100])
    n_whole = len(list(tmp_path.glob("*.piece.npz"))) - 1
    again = run(resume=tmp_path)
    assert answer(again) == answer(whole) and any(f"{n_whole} finished pieces" in note for note in again.notes)


def test_a_store_of_another_run_is_refused_by_name(tmp_path: Path) -> None:
    def run_again(net: str = "blobs-sigmoid", domain: object = BOX, data: object = None, **options: object) -> None:
        analyze(sx.data.network(net), domain, data or sx.data.toy("blobs", 20), resume=tmp_path, surface=False, passes=False,
                basins=False, **{"potential": "log-odds:0", **options})  # type: ignore[arg-type]  # fmt: skip

    run_again()
    before = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir() if path.name != ".lock")
    for name, other in (
        ("network", {"net": "blobs-tanh"}), ("domain", {"domain": sx.Box.cube(2, -2, 3)}), ("seed", {"rng": 1}),
        ("set of data", {"data": sx.data.toy("blobs", 21)}), ("effort", {"effort": 2.0}),
        ("list of potentials", {"potential": "log-odds:1"}),
    ):  # fmt: skip
        with pytest.raises(InputError, match=f"another {name}"):
            run_again(**other)
    plan = tmp_path / "plan.json"
    plan.write_text(plan.read_text().replace('version of separatrix": "', 'version of separatrix": "9.'))
    with pytest.raises(InputError, match=r"another version of separatrix \(9\."):
        run_again()
    after = sorted((path.name, path.stat().st_mtime_ns) for path in tmp_path.iterdir() if path.name != ".lock")
    assert [name for name, _ in after] == [name for name, _ in before]
    assert [entry for entry in after if entry[0] != "plan.json"] == [
        entry for entry in before if entry[0] != "plan.json"
    ]


def test_two_runs_in_one_folder_and_what_a_killed_one_leaves(tmp_path: Path) -> None:
    (tmp_path / ".sinks.0123.piece.npz.abcd").write_bytes(b"torn")
    (tmp_path / ".plan.json.4dc075ef").write_bytes(b"{")
    with Pieces(tmp_path).held({"seed": "0"}):
        assert {path.name for path in tmp_path.glob(".*")} == {".lock"}
        with (
            pytest.raises(InputError, match=rf"another run \(process {os.getpid()}\) is at work"),
            Pieces(tmp_path).held({}),
        ):
            pass
    (tmp_path / "plan.json").write_bytes(b"{torn")
    with Pieces(tmp_path).held({"seed": "1"}):
        pass
    Pieces(tmp_path).clear()
    assert not tmp_path.exists()


def test_a_full_disk_is_told_and_loses_nothing(
    tmp_path: Path, without_passes: Analysis, monkeypatch: pytest.MonkeyPatch
) -> None:
    written, real = [], os.fsync

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 5:
            raise OSError(28, "No space left on device")
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(InputError, match="No space left on device"):
        run(resume=tmp_path, passes=False)
    assert len(list(tmp_path.glob("*.piece.npz"))) == 3 and not list(tmp_path.glob(".*.piece.npz.*"))
    assert answer(run(resume=tmp_path, passes=False)) == answer(without_passes)


def test_workers_do_not_change_the_answer(whole: Analysis) -> None:
    assert answer(run(workers=2)) == answer(whole)


@pytest.mark.slow
def test_a_cluster_does_not_change_the_answer(without_passes: Analysis) -> None:
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
    ) as cluster:
        assert answer(run(cluster=cluster.scheduler_address, passes=False)) == answer(without_passes)


def test_fingerprints_tell_questions_apart() -> None:
    net = sx.data.network("blobs-sigmoid")
    parts = [
        sx.log_odds(net, 0), sx.log_odds(net, 1), sx.log_density(net), sx.class_probability(net, 0), sx.confidence(net),
        sx.log_odds(sx.data.network("blobs-tanh"), 0), BOX, sx.Box.cube(2, -2, 2.5), sx.WholeSpace(2), (1, 2), (12,),
        np.zeros(2), np.zeros(2, dtype=np.float32), np.zeros((2, 1)), "a", None,
    ]  # fmt: skip
    assert len({fingerprint(part) for part in parts}) == len(parts)
    assert fingerprint(sx.log_odds(net, 0), BOX) == fingerprint(sx.log_odds(net, 0), sx.Box.cube(2, -2, 2))


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="no folder"), Pieces(tmp_path / "file" / "below").held({}):
        pass


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGINT for one process there")
def test_an_interrupt_that_a_library_swallows_is_raised_again() -> None:
    swallowed = []

    def swallow(stage: str, done: int, total: int) -> None:
        if stage == "theorems" and not swallowed:
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(1.0)
            except KeyboardInterrupt:
                swallowed.append(stage)

    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        found = run(progress=swallow)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)
    assert swallowed and not found.is_finished and not found.flow


def test_manifolds_are_those_of_the_sinks_that_passes_or_samples_added(tmp_path: Path) -> None:
    question = asked(sx.data.network("blobs-sigmoid"), BOX, None, potential="log-density", basins=False)
    whole, part = (FlowChapter(question, Pieces(tmp_path), Stages(), 1) for _ in range(2))
    whole.run()
    assert len(whole.sinks[0]) == 3 and whole.strips[0, "slow"].frames.shape[0] == 3

    class Search:
        """Leaves two of the sinks, as a run without passes may have found them."""

        def joined(self, sinks: dict[int, CriticalPoints]) -> dict[int, object]:
            sinks[0] = chosen(sinks[0], np.array([0, 2]))
            return {}

        def extended(self, number: int, sinks: CriticalPoints) -> None:
            return None

    part.run(Search())  # type: ignore[arg-type]
    assert part.pieces.n_resumed == 1 and part.strips[0, "slow"].frames.shape[0] == 2
