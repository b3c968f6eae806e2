"""Basins that were cut short in the middle: what was finished is taken up, and the answer is the same to the last bit."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.study.analysis import Analysis

EXAMPLES = Path(__file__).parents[2] / "examples"
STAGE = "basins of the log-density"
SAMPLES = np.random.default_rng(0).uniform(-2, 2, (1_100, 2))


def run(**options: object) -> Analysis:
    return sx.analyze(
        sx.data.network("blobs-tanh"), sx.Box.cube(2, -2, 2), samples=SAMPLES, potential="log-density", surface=False,
        passes=False, **options,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.fixture(scope="module")
def whole() -> Analysis:
    return run()


def parts(folder: Path) -> list[Path]:
    return sorted(folder.glob("part-*.piece.npz"))


@pytest.mark.parametrize(("seconds", "is_torn", "workers"), [(0.0, False, 1), (9e9, False, 2), (0.0, True, 4)])
def test_basins_go_on_in_the_middle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Analysis, seconds: float, is_torn: bool, workers: int
) -> None:
    monkeypatch.setattr("separatrix.study.parts.SECONDS_APART", seconds)
    begun: list[int] = []

    def interrupt(stage: str, done: int, total: int) -> None:
        if stage == STAGE and done > total / 3:
            raise KeyboardInterrupt

    def note(stage: str, done: int, total: int) -> None:
        if stage == STAGE and total:
            begun.append(done)

    first = run(resume=tmp_path, progress=interrupt, workers=workers)
    assert not first.is_finished and parts(tmp_path)
    if is_torn:
        parts(tmp_path)[0].write_bytes(parts(tmp_path)[0].read_bytes()[:-40])
    again = run(resume=tmp_path, progress=note)
    assert again.is_finished and begun[0] > 0 and not parts(tmp_path)
    there, here = again.flow[0].basins, whole.flow[0].basins
    assert there is not None and here is not None and there.reason == here.reason
    for name in ("label", "steps", "level", "accepted"):
        assert np.asarray(getattr(there, name)).tobytes() == np.asarray(getattr(here, name)).tobytes()
    assert any("taken up" in text for text in again.notes)


def test_parts_of_other_pieces_are_not_taken() -> None:
    from separatrix.flow.basin_result import PieceResult
    from separatrix.study.parts import BasinParts

    found = {n: PieceResult.empty(np.full((size, 2), float(n))) for n, size in ((2, 3), (0, 4))}
    kept = BasinParts.of(found)
    back = kept.results([4, 9, 3])
    assert list(back) == [2, 0] and back[0].end.tolist() == found[0].end.tolist() and back[2].reason == found[2].reason
    assert kept.results([4, 9, 4]) == kept.results([4, 9]) == {}


@pytest.mark.slow
def test_the_example_of_many_trajectories(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("many_trajectories", EXAMPLES / "many_trajectories.py")
    assert spec is not None and spec.loader is not None
    example = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(example)
    found = example.main(["--count", "12000", "--workers", "2", "--folder", str(tmp_path)])
    assert len(found.flow[0].basins.label) == 12_000
    assert "12,000 trajectories in" in capsys.readouterr().out
