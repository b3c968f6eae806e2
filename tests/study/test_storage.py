"""Records come back from disk as they were, and nothing else does."""

import dataclasses
import json
import pickle
import zipfile
from copy import deepcopy
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty, Statement
from separatrix.domains import Box
from separatrix.errors import InputError, UnreadableFileError
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.records import Provenance
from separatrix.study.analysis import Analysis, Check, Claim, DataSummary, NetworkSummary
from separatrix.study.portrait import OffData, Portrait, Strips
from separatrix.study.storage import load_piece, load_record, save_piece, save_record


def example(n_sinks: int = 2, dim: int = 30) -> Analysis:
    """An analysis with every kind of record in it, odd numbers included."""
    rng = np.random.default_rng(0)
    points = rng.random((n_sinks, dim))
    sinks = CriticalPoints(
        points=points, values=rng.random(n_sinks), indices=np.zeros(n_sinks, dtype=np.int64),
        certainty=(Certainty.PROVED, Certainty.VERIFIED)[:n_sinks], evidence=("Krawczyk", "residual")[:n_sinks],
        spectra=tuple(-rng.random(k) for k in range(n_sinks)), active=np.zeros((n_sinks, dim), dtype=np.int8),
        multipliers=np.zeros((n_sinks, dim)), radius=np.full(n_sinks, np.nan), error=np.full(n_sinks, np.inf),
        label=np.arange(100) % (n_sinks + 1) - 1, reasons=("sink",) * 99 + ("flat",), potential="log-density",
        domain=Box.cube(dim, 0, 1), unresolved=(Box.cube(2, -1, 1),),
        provenance=Provenance("search", {"atol": 1e-9}, "0"),
    )  # fmt: skip
    basins = Basins(
        sinks=sinks, label=np.arange(200) % (n_sinks + 1) - 1, reason=("proved region",) * 200, steps=np.arange(200)
    )
    portrait = Portrait(
        potential="log-density", sinks=sinks, sink_class=np.arange(n_sinks), probabilities=np.eye(3)[:n_sinks],
        basins=basins,
        off_data=OffData(nearest_index=np.arange(n_sinks), nearest_distance=rng.random(n_sinks),
                         nearest_label=np.full(n_sinks, -1), nearest_point=points, score=rng.random(n_sinks),
                         neighbour_distances=rng.random(500), quantile=rng.random(n_sinks)),
        slow=Strips(kind="slow", frames=rng.random((n_sinks, 3, dim)), parameter=rng.random((n_sinks, 3)),
                    eigenvalue=np.full(n_sinks, -0.0)),
    )  # fmt: skip
    net = sx.Network.from_arrays([np.eye(2)], [np.zeros(2)])
    return Analysis(
        network=NetworkSummary("net", "2-2", ("tanh",), 2, 2, 6, False, "a file", None, (), {"seed": "0"}, 0.5),
        data=DataSummary(5, 5, 0, 5, "points", np.array([[np.nan, 1.0]]), (28, 28)), flow=(portrait,),
        theorems=tuple(sx.theorems(net)), findings=(Statement("2 < 3 – «yes»", Certainty.PROVED),),
        consistency=(Check("c", "s", None, "d"),), claims=(Claim("C3", "t", "shown", "h"),), timings={"sinks": 0.1},
        domain=sx.WholeSpace(2),
    )  # fmt: skip


def same(a: object, b: object) -> bool:
    """Equality of records, field by field; arrays with their dtype, shape and every bit that counts."""
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and a.shape == b.shape and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if dataclasses.is_dataclass(a) and not isinstance(a, type):
        return type(a) is type(b) and all(same(getattr(a, f.name), getattr(b, f.name)) for f in dataclasses.fields(a))
    if isinstance(a, tuple) and isinstance(b, tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return bool(a == b)


@pytest.mark.parametrize("n_sinks", [0, 1, 2])
def test_an_analysis_comes_back_as_it_was(tmp_path: Path, n_sinks: int) -> None:
    analysis = example(n_sinks)
    assert analysis.save(tmp_path / "run" / "one") == tmp_path / "run" / "one"
    found = sx.Analysis.load(tmp_path / "run" / "one")
    assert same(found, analysis)
    assert found.flow[0].basins is not None and found.flow[0].basins.sinks is found.flow[0].sinks
    assert same(sx.Analysis.load(tmp_path / "run" / "one" / "analysis.json"), analysis)


def test_the_text_is_for_people_and_two_writings_are_equal(tmp_path: Path) -> None:
    for name in ("a", "b"):
        example().save(tmp_path / name)
    text = (tmp_path / "a" / "analysis.json").read_text(encoding="utf-8")
    row = json.loads(text)["tables"]["log-density"][0]
    assert row["id"] == "s0" and row["certainty"] == "proved" and "«yes»" in text
    for name in ("analysis.json", "arrays.npz"):
        assert (tmp_path / "a" / name).read_bytes() == (tmp_path / "b" / name).read_bytes()
    assert sorted(path.name for path in (tmp_path / "a").iterdir()) == ["analysis.json", "arrays.npz"]
    with np.load(tmp_path / "a" / "arrays.npz", allow_pickle=False) as file:
        assert "flow.0.sinks.points" not in file or file["flow.0.sinks.points"].shape == (2, 30)
        assert file["flow.0.slow.frames"].shape == (2, 3, 30)


def test_files_do_not_tell_what_came_from_a_piece(tmp_path: Path) -> None:
    """An undisturbed run has one object where one that was taken up has several equal ones."""
    analysis = example()
    portrait = analysis.flow[0]
    assert portrait.basins is not None
    basins = dataclasses.replace(portrait.basins, sinks=deepcopy(portrait.sinks))
    again = dataclasses.replace(portrait, basins=basins)
    texts = []
    for name, flow in (("one", portrait), ("two", again)):
        dataclasses.replace(analysis, flow=(flow,)).save(tmp_path / name)
        texts.append((tmp_path / name / "analysis.json").read_text(encoding="utf-8"))
    assert texts[0] == texts[1] and '"same_as": "flow.0.sinks"' in texts[0]
    assert (tmp_path / "one" / "arrays.npz").read_bytes() == (tmp_path / "two" / "arrays.npz").read_bytes()


def test_a_piece_is_one_file(tmp_path: Path) -> None:
    portrait = example().flow[0]
    save_piece(portrait, tmp_path / "a.npz")
    assert same(load_piece(tmp_path / "a.npz", Portrait), portrait)
    with pytest.raises(UnreadableFileError, match="expected Basins"):
        load_piece(tmp_path / "a.npz", Basins)


def damaged(folder: Path, old: str, new: str) -> Path:
    example().save(folder)
    path = folder / "analysis.json"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"record": "Strips"', '"record": "Popen"'),
        ('"record": "Strips"', '"record": "Portrait"'),
        ('"record": "Basins"', '"sort": "Basins"'),
        ('"certainty": "proved"', '"certainty": "sure"'),
        ('"same_as": "flow.0.sinks"', '"same_as": "flow.9"'),
        ('"array": "flow.0.slow.frames"', '"array": "../x"'),
        ('"array": "flow.0.slow.frames"', '"array": 3'),
        ('"level": 0.95', '"level": "high"'),
        ('"is_finished": true', '"is_finished": [1]'),
        ('"is_finished": true', '"is_ready": true'),
        ('"dtype": "int64"', '"dtype": "object"'),
        ('"format_version": 1', '"format_version": 99'),
        ('"format": "separatrix record"', '"format": "other"'),
        ('"record": {', '"records": {'),
    ],
)
def test_hostile_texts_are_refused(tmp_path: Path, old: str, new: str) -> None:
    with pytest.raises(UnreadableFileError):
        sx.Analysis.load(damaged(tmp_path, old, new))


def test_torn_and_missing_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        sx.Analysis.load(tmp_path)
    folder = example().save(tmp_path / "a")
    whole = (folder / "arrays.npz").read_bytes()
    (folder / "arrays.npz").write_bytes(whole[:-100])
    with pytest.raises(UnreadableFileError, match="does not belong"):
        sx.Analysis.load(folder)
    (folder / "analysis.json").write_text("[" * 100_000)
    with pytest.raises(UnreadableFileError):
        sx.Analysis.load(folder)
    (folder / "analysis.json").write_bytes(pickle.dumps(1))
    with pytest.raises(UnreadableFileError):
        sx.Analysis.load(folder)


def test_pickled_arrays_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, record=np.array([{}], dtype=object))
    with pytest.raises(UnreadableFileError, match="pickle"):
        load_piece(path, Basins)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("record.npy", b"torn")
    with pytest.raises(UnreadableFileError):
        load_piece(path, Basins)


def test_only_known_kinds_are_stored(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be stored"):
        save_record(dataclasses.replace(example(), surface=object()), tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot be written"):
        save_record(example(), tmp_path / "file" / "below")
    assert load_record(save_record(example().flow[0], tmp_path / "p"), Portrait).potential == "log-density"


def test_names_that_are_no_text_in_the_systems_encoding(tmp_path: Path) -> None:
    named = dataclasses.replace(example(), command="separatrix analyze d\udcc3\udca4ta.npz")
    named.report(tmp_path)
    assert sx.Analysis.load(tmp_path).command == named.command
    save_piece(named.flow[0], tmp_path / "piece.npz")
    assert "d\\udcc3\\udca4ta" in (tmp_path / "report.html").read_text(encoding="utf-8")
