"""``separatrix homology``: groups, generators, explanations and JSON from files; refusals with status 2."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from separatrix.cli import main
from separatrix.data import complexes as known

PLANE = "1 2 3\n1 3 4\n1 4 5\n1 5 6\n1 2 6\n2 3 5\n3 4 6\n2 4 5\n3 5 6\n2 4 6\n"


@pytest.fixture
def plane(tmp_path: Path) -> str:
    (tmp_path / "plane.txt").write_text(PLANE)
    return str(tmp_path / "plane.txt")


def test_the_groups_of_the_projective_plane(plane: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["homology", plane]) == 0
    told = capsys.readouterr().out
    assert (
        "cell_counts=(6, 15, 10)" in told
        and "H_0 = Z\nH_1 = Z/2\nH_2 = 0\nover Z; Euler characteristic 1; proved" in told
    )
    assert main(["homology", plane, "--coefficients", "Z/2"]) == 0
    assert "H_0 = Z/2\nH_1 = Z/2\nH_2 = Z/2\n" in capsys.readouterr().out


def test_generators_and_json(plane: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["homology", plane, "--generators", "--json", str(tmp_path / "out.json")]) == 0
    told = capsys.readouterr().out
    assert "H_1 = Z/2\n  order 2: [" in told
    found = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert (found["betti"], found["torsion"], found["groups"]) == ([1, 0, 0], [[], [2], []], ["Z", "Z/2", "0"])
    (cycle,) = found["generators"][1]
    ends = np.zeros(7, dtype=int)
    for (a, b), coefficient in zip(cycle["cells"], cycle["coefficients"], strict=True):
        ends[b] += coefficient
        ends[a] -= coefficient
    assert cycle["order"] == 2 and not ends.any() and len(cycle["cells"]) >= 3


def test_pairs_and_explanations(plane: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "circle.csv").write_text("1,2\n2,3\n1,3\n")
    assert main(["homology", plane, "--relative-to", str(tmp_path / "circle.csv")]) == 0
    assert "relative to a subcomplex\nH_0 = 0\nH_1 = Z/2\nH_2 = Z\n" in capsys.readouterr().out
    for form, mark in (("text", "H_1 = Z_1 / B_1"), ("markdown", "### Homology"), ("latex", "\\paragraph{Homology}")):
        assert main(["homology", plane, "--explain", "--format", form]) == 0
        assert mark in capsys.readouterr().out


def test_boundary_matrices_and_many_generators(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.savez(tmp_path / "points.npz", d1=np.zeros((40, 1), dtype=int))
    assert main(["homology", str(tmp_path / "points.npz"), "--generators"]) == 0
    told = capsys.readouterr().out
    assert "H_0 = Z^40\n  v0\n" in told and "and 28 more" in told and "H_1 = Z\n  e0\n" in told
    (tmp_path / "big.json").write_text('{"d1": [[0]], "d2": [[' + "3" * 4500 + "]]}")
    assert main(["homology", str(tmp_path / "big.json"), "--generators", "--json", str(tmp_path / "big-out.json")]) == 0
    assert "(4500 digits)" in capsys.readouterr().out
    torsion = json.loads((tmp_path / "big-out.json").read_text())["torsion"]
    assert int(torsion[1][0], 16) == (10**4500 - 1) // 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["{plane}", "--coefficients", "Z/4"],
        ["{plane}", "--coefficients", "R"],
        ["{plane}", "--relative-to", "{folder}/none.txt"],
        ["{plane}", "--relative-to", "{folder}/bad.txt"],
        ["{plane}", "--json", "{folder}/none/out.json"],
        ["{plane}", "--explain", "--format", "html"],
        ["{folder}/none.txt"],
        ["{folder}"],
        ["{folder}/torn.json"],
        [],
    ],
)
def test_what_cannot_be_used_is_said_in_a_few_lines(
    arguments: list[str], plane: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "bad.txt").write_text("1 99\n")
    (tmp_path / "torn.json").write_text('{"d1": [[1, ')
    assert main(["homology", *(a.format(plane=plane, folder=tmp_path) for a in arguments)]) == 2
    complaint = capsys.readouterr().err
    assert complaint and "Traceback" not in complaint and len(complaint.splitlines()) <= 8


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_is_told_with_the_name_of_the_file(plane: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["homology", plane, "--json", "/dev/full"]) == 2
    assert "/dev/full: cannot be written: No space left" in capsys.readouterr().err


def test_a_first_look_loads_no_compiler(plane: str) -> None:
    code = f"""
import sys
from separatrix.cli import main
assert main(["homology", {plane!r}, "--generators"]) == 0
assert not {{"numba", "matplotlib", "pandas"}} & set(sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_facets_written_from_a_known_space_come_back(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    space = known.lens_space(3)
    (tmp_path / "lens.txt").write_text("\n".join(" ".join(map(str, row)) for row in space.cells(3).tolist()))
    assert main(["homology", str(tmp_path / "lens.txt")]) == 0
    assert "H_0 = Z\nH_1 = Z/3\nH_2 = 0\nH_3 = Z\n" in capsys.readouterr().out
