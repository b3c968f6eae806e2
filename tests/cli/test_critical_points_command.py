"""``separatrix critical-points``, ``saddles`` and ``tree``: what they print, write and refuse."""

import json
from pathlib import Path

import pytest

from separatrix.cli import main

WELL = ["--expression", "-(x**2 - 1)**2 - y**2", "--variables", "x y", "--box", "-2", "2"]


def test_a_formula_is_listed_completely(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target, picture = tmp_path / "points.json", tmp_path / "points.svg"
    assert main(["critical-points", *WELL, "--json", str(target), "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    assert "3 critical points" in printed and "the list complete" in printed and "holds" in printed
    content = json.loads(target.read_text())
    assert content["indices"] == [0, 0, 1] and content["is_complete"] is True
    assert picture.read_text().startswith("<?xml")


def test_a_network_has_its_passes_and_its_tree(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["critical-points", "blobs-tanh"]) == 0
    assert "7 critical points of the log-density, 7 proved, the list complete" in capsys.readouterr().out
    assert main(["saddles", "blobs-tanh", "--quiet", "--json", str(tmp_path / "saddles.json")]) == 0
    printed = capsys.readouterr().out
    assert "3 sinks, 3 proved" in printed and "3 critical points" in printed and "not complete" in printed
    assert json.loads((tmp_path / "saddles.json").read_text())["indices"] == [1, 1, 1]
    assert main(["tree", "blobs-tanh", "--quiet", "--plot", str(tmp_path / "tree.svg")]) == 0
    printed = capsys.readouterr().out
    assert "one tree [proved]" in printed or "one tree [verified]" in printed
    assert "lower bounds" not in printed and (tmp_path / "tree.svg").read_text().startswith("<?xml")


def test_they_refuse_what_they_cannot_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for line in (
        ["critical-points"],
        ["critical-points", "blobs-tanh", *WELL],
        ["critical-points", "--expression", "x", "--variables", "x"],
        ["critical-points", "--expression", "x", "--box", "0", "1"],
        ["critical-points", "mnist-tanh"],
        ["critical-points", "blobs-tanh", "--potential", "log-odds"],
        ["critical-points", "blobs-tanh", "--json", str(tmp_path / "none" / "x.json")],
        ["tree", "mnist-relu"],
        ["saddles", "blobs-tanh", "--workers", "0"],
    ):
        assert main(line) == 2, line
        error = capsys.readouterr().err
        assert error and "Traceback" not in error
