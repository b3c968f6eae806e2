"""What tells a potential from another one in a later run: networks, formulas, and a user's word for functions in Python."""

from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError
from separatrix.study.analysis import Analysis
from separatrix.study.analyze import analyze
from separatrix.study.fingerprints import Unidentified, fingerprint
from separatrix.study.pieces import Pieces

NET, AWAY = sx.data.network("blobs-tanh"), sx.Box.cube(2, -3, -0.5)


def wells(c: float, version: str = "") -> sx.Potential:
    """0 on the unit square with its slopes; in the box AWAY with a ridge at -c."""

    def value(x: np.ndarray) -> np.ndarray:
        return -(np.minimum(x, 0) ** 4 * (x + c) ** 2).sum(axis=1)

    def gradient(x: np.ndarray) -> np.ndarray:
        low = np.minimum(x, 0)
        return -(4 * low**3 * (x + c) ** 2 + 2 * low**4 * (x + c))

    return sx.Potential.custom(value, gradient, dim=2, version=version)


def run(folder: Path | None, *potentials: object) -> Analysis:
    return analyze(NET, AWAY, potential=potentials, basins=False, surface=False, passes=False, resume=folder)


def lowest(found: Analysis) -> float:
    return float(found.flow[0].sinks.points.min().round(6))


def test_functions_in_python_are_never_taken_for_others(tmp_path: Path) -> None:
    first, again = run(tmp_path, wells(1.0), "log-odds:0"), run(tmp_path, wells(2.0), "log-odds:0")
    assert (lowest(first), lowest(again)) == (-1.0, -2.0)
    assert {path.name.split(".")[0] for path in tmp_path.glob("*.npz")} >= {"sinks-of-log-odds-of-class-0"}
    assert not list(tmp_path.glob("*custom*"))
    assert sum("no pieces were kept of the custom potential" in note for note in again.notes) == 1
    assert any("taken up" in note for note in again.notes)


def test_functions_with_a_version_are_taken_up_and_changed_ones_refused(tmp_path: Path) -> None:
    first, again = run(tmp_path, wells(1.0, "1")), run(tmp_path, wells(1.0, "1"))
    assert lowest(first) == lowest(again) == -1.0 and any("taken up" in note for note in again.notes)
    for other in (wells(1.0, "2"), wells(2.0, "1"), wells(1.0)):
        with pytest.raises(InputError, match="another list of potentials"):
            run(tmp_path, other)


def test_formulas_are_known_by_their_text_and_variables() -> None:
    keys = [fingerprint(sx.expression(text, names)) for text, names in (("x - y", "x y"), ("x - y", "y x"),
            ("x - 1.0*y", "x y"), ("x" + " + 0*y" * 300 + " - y", "x y"), ("x" + " + 0*y" * 300 + " + y", "x y"))]  # fmt: skip
    assert len(set(keys)) == len(keys)
    assert keys[0] == fingerprint(sx.expression("x - y", ["x", "y"]))


def test_what_cannot_be_compared_has_no_key(tmp_path: Path) -> None:
    class Own(type(sx.log_odds(NET, 0))):  # type: ignore[misc]
        """A user's potential of a network: what is taken of it may be anything."""

    own = Own(NET, sx.log_odds(NET, 0).head, np.eye(3), "own")
    store = Pieces(tmp_path)
    for part in (wells(1.0), own, lambda: 1, {"a": 1}, np.array([None])):
        with pytest.raises(Unidentified):
            fingerprint(part)
        assert store.key("sinks", (part,)) == "" == store.key("basins", store.key("sinks", part), 1)
    own.version = "1"
    assert store.key("sinks", own) != store.key("sinks", sx.log_odds(NET, 0))
    assert all(fingerprint(sx.data.network(row)) for row in ("mnist-conv-tanh", "mnist-relu"))


def test_two_potentials_of_one_name() -> None:
    with pytest.raises(InputError, match="two different ones have the name 'custom potential'"):
        run(None, wells(1.0), wells(2.0))
    with pytest.raises(InputError, match="two different ones"):
        run(None, sx.log_odds(sx.data.network("blobs-sigmoid"), 0), "log-odds:0")
    assert len(run(None, sx.log_odds(NET, 0), "log-odds:0").flow) == 1
