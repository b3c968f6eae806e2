"""``separatrix surface``: what it prints, writes and refuses."""

import json
from pathlib import Path

import numpy as np
import pytest

from separatrix.cli import main


def test_it_prints_cells_groups_and_regions(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    target = tmp_path / "surface.json"
    assert main(["surface", "ring-relu", "--json", str(target), "--plot", str(tmp_path / "ring.svg"), "--explain"]) == 0
    printed = capsys.readouterr().out
    assert "H0 = Z^2, H1 = Z^2" in printed and "[proved]" in printed and "Homology over Z" in printed
    content = json.loads(target.read_text())
    assert content["betti"] == [2, 2] and content["certainty"] == "proved"
    assert (tmp_path / "ring.svg").read_text().startswith("<?xml")


def test_a_slice_through_points_of_a_file(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    points = tmp_path / "points.npy"
    np.save(points, np.array([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]))
    assert main(["surface", "torus-relu", "--through", str(points)]) == 0
    printed = capsys.readouterr().out
    assert "the plane through three points" in printed and "decision regions [proved]" in printed


def test_it_refuses_what_it_cannot_do(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["surface", "mnist-relu"]) == 2
    assert "--through" in capsys.readouterr().err
    assert main(["surface", "ring-relu", "--classes", "0", "5"]) == 2
    assert main(["surface", "ring-relu", "--plot", str(tmp_path / "ring.bmp")]) == 2
    points = tmp_path / "points.npy"
    np.save(points, np.zeros((3, 2)))
    assert main(["surface", "ring-relu", "--through", str(points)]) == 2
    assert "Traceback" not in capsys.readouterr().err
