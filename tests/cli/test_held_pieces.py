"""A command has its folder for itself from the first piece to the last file; finished pieces go when all files are written."""

from pathlib import Path

import numpy as np
import pytest

from separatrix.cli import main, results
from separatrix.errors import InputError
from separatrix.study.pieces import Pieces

RUN = ["analyze", "blobs-tanh", "--box", "-2", "2", "--potential", "log-odds:0", "--no-basins", "--no-surface", "--no-passes",
       "--quiet"]  # fmt: skip


def test_no_command_touches_the_folder_of_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with Pieces(tmp_path / "pieces").held({"seed": "of another"}):
        (tmp_path / "pieces" / "a.piece.npz").write_bytes(b"its piece")
        before = sorted(path.name for path in tmp_path.rglob("*"))
        for extra in ([], ["--no-resume"]):
            assert main([*RUN, "--out", str(tmp_path), *extra]) == 2
            assert "another run" in " ".join(capsys.readouterr().err.split())
            assert sorted(path.name for path in tmp_path.rglob("*")) == before
    assert main([*RUN, "--out", str(tmp_path)]) == 2
    assert "(of another, now 0)" in " ".join(capsys.readouterr().err.split())
    assert main([*RUN, "--out", str(tmp_path), "--no-resume"]) == 0
    assert not (tmp_path / "pieces").exists()


def test_pieces_stay_and_are_locked_until_the_last_file_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, text: str) -> None:
        assert (tmp_path / "out" / "report.html").exists()
        with pytest.raises(InputError, match="another run"), Pieces(tmp_path / "out" / "pieces").held({}):
            pass
        raise InputError(f"{path}: cannot be written: No space left on device")

    x = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    for name in ("mine.npy", "renamed.npy"):
        np.save(tmp_path / name, x)
    command = [
        *RUN,
        "--data",
        str(tmp_path / "mine.npy"),
        "--out",
        str(tmp_path / "out"),
        "--json",
        str(tmp_path / "all.json"),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(results, "write_text", full)
        assert main(command) == 2
    kept = sorted((tmp_path / "out" / "pieces").glob("*.npz"))
    assert len(kept) == 1 and "No space left" in capsys.readouterr().err
    command[command.index("--data") + 1] = str(tmp_path / "renamed.npy")  # the same data
    assert main(command) == 0
    assert "one finished piece was taken up" in (tmp_path / "all.json").read_text()
    assert not (tmp_path / "out" / "pieces").exists()


def test_a_refused_command_leaves_no_folder(tmp_path: Path) -> None:
    assert main([*RUN, "--out", str(tmp_path / "out"), "--potential", "no such"]) == 2
    assert not list(tmp_path.iterdir())
