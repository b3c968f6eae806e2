"""``separatrix equation``: LaTeX on stdout, clear refusals on stderr."""

import pytest

from separatrix.cli import main


def test_it_prints_the_equation_and_its_reduction(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equation", "mnist-tanh", "--potential", "probability:3", "--box", "0", "1"]) == 0
    printed = capsys.readouterr().out
    assert r"\dot{x} & = P_{T(x)}\big( p_3 (1 - p_3)\,W_1^\top D W_2^\top (e_3 - q) \big)" in printed
    assert main(["equation", "mnist-tanh", "--potential", "log-density", "--reduced"]) == 0
    assert r"\operatorname{rank}\, W_1 & = 256" in capsys.readouterr().out


def test_it_prints_the_solution_where_there_is_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["equation", "circles-relu", "--solution"]) == 0
    assert r"x(t) & = x(0) + t\, g" in capsys.readouterr().out
    assert main(["equation", "blobs-tanh", "--solution"]) == 2
    assert "no formula" in capsys.readouterr().err
    assert main(["equation", "blobs-tanh", "--potential", "height"]) == 2
