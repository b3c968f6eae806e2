"""Complexes from files: every format, and hostile contents."""

import json
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.data.complex_files import load_complex, load_subcomplex
from separatrix.errors import InputError, KindError, UnreadableFileError
from separatrix.homology.chain_complex import ChainComplex

KLEIN = {"d1": [[0, 0]], "d2": [[0], [2]]}


def test_facets_in_every_format(tmp_path: Path) -> None:
    rows = [[10, 2, 3], [3, 2, 4]]
    (tmp_path / "a.txt").write_text("\ufeff# two triangles\n10 2\t3\n\n 3, 2, 4  # the second\n", encoding="utf-8")
    (tmp_path / "a.csv").write_text("10,2,3\r\n3;2;4\r\n")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (tmp_path / "b.json").write_text(json.dumps({"facets": rows}))
    np.savez(tmp_path / "a.npz", facets=np.array(rows))
    for name in ("a.txt", "a.csv", "a.json", "b.json", "a.npz"):
        read = load_complex(tmp_path / name)
        assert isinstance(read, SimplicialComplex)
        assert read.counts == (4, 5, 2) and [int(v) for v in read.vertices] == [2, 3, 4, 10]
    (tmp_path / "w.txt").write_text("north east 3\n")
    assert list(sx.data.load_complex(tmp_path / "w.txt").vertices) == ["3", "east", "north"]


def test_boundary_matrices_in_every_format(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(json.dumps(KLEIN))
    (tmp_path / "b.json").write_text(json.dumps({"boundaries": [KLEIN["d1"], KLEIN["d2"]]}))
    triples = {"rows": [1], "columns": [0], "values": [2], "shape": [2, 1]}
    (tmp_path / "c.json").write_text(json.dumps({"d2": triples, "d1": [[0, 0]]}))
    np.savez(tmp_path / "a.npz", d1=np.zeros((1, 2), dtype=int), d2=np.array([[0], [2]], dtype=np.int8))
    np.savez(tmp_path / "b.npz", d1=[[0, 0]], **{f"d2_{key}": np.array(value) for key, value in triples.items()})
    for name in ("a.json", "b.json", "c.json", "a.npz", "b.npz"):
        read = load_complex(tmp_path / name)
        assert isinstance(read, ChainComplex)
        assert read.counts == (1, 2, 1) and read.homology().torsion == ((), (2,), ())


def test_integers_of_any_length_are_read(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"d1": [[0]], "d2": [[' + "7" * 5000 + "]]}")
    order = load_complex(tmp_path / "a.json").homology().torsion[1][0]
    assert order == 7 * (10**5000 - 1) // 9


def test_parts_of_a_complex(tmp_path: Path) -> None:
    (tmp_path / "disc.txt").write_text("a b c\n")
    (tmp_path / "rim.json").write_text('[["a", "b"], ["b", "c"], ["a", "c"]]')
    disc = load_complex(tmp_path / "disc.txt")
    assert disc.homology(relative_to=load_subcomplex(tmp_path / "rim.json", disc)).betti == (0, 0, 1)
    cells = ChainComplex([[[-1, -1], [1, 1]], [[1], [-1]]])
    (tmp_path / "part.json").write_text('{"cells": [[0, 1], [0]]}')
    np.savez(tmp_path / "part.npz", cells0=[0, 1], cells1=[0])
    for name in ("part.json", "part.npz"):
        assert cells.homology(relative_to=load_subcomplex(tmp_path / name, cells)).betti == (0, 0, 0)
    for text in ('{"cells": [[2]]}', '{"cells": [[-1]]}', '{"cells": [["a"]]}', '{"cells": [[true]]}', '{"cells": 3}',
                 '{"cells": [[],[],[],[]]}', '{"cells7": [1]}', '{"cells": [3]}'):  # fmt: skip
        (tmp_path / "bad.json").write_text(text)
        with pytest.raises(InputError, match=r"bad\.json"):
            load_subcomplex(tmp_path / "bad.json", cells)
    (tmp_path / "bad.json").write_text('{"cells": [[0]]}')
    with pytest.raises(InputError, match="facets"):
        load_subcomplex(tmp_path / "bad.json", disc)
    (tmp_path / "bad.json").write_text('[["a", "z"]]')
    with pytest.raises(InputError, match="no vertex"):
        load_subcomplex(tmp_path / "bad.json", disc)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.txt", ""),
        ("a.txt", "# nothing\n\n"),
        ("a.txt", "0 1 1\n"),
        ("a.csv", "v0,v1,v2\n0,1,2\n1,2,3\n"),
        ("a.txt", b"\xff\xfe\x00\x00"),
        ("a.txt", " ".join(map(str, range(70)))),
        ("a.json", "{"),
        ("a.json", "3"),
        ("a.json", "[" * 100_000),
        ("a.json", '["abc"]'),
        ("a.json", "[[0, [1]]]"),
        ("a.json", "[[0, true]]"),
        ("a.json", '{"facets": 5}'),
        ("a.json", '{"facets": [[0, 1]], "d1": [[0]]}'),
        ("a.json", '{"e1": [[0]]}'),
        ("a.json", '{"d2": [[0]]}'),
        ("a.json", '{"d1": [[0.5]]}'),
        ("a.json", '{"d1": [[NaN]]}'),
        ("a.json", '{"d1": [["1"]]}'),
        ("a.json", '{"d1": [[1]], "d2": [[1]]}'),
        ("a.json", '{"d1": [[4294967296]], "d2": [[4294967296]]}'),
        ("a.json", '{"d1": [[1, 2], [3]]}'),
        ("a.json", '{"d1": {"rows": [0]}}'),
        ("a.json", '{"d1": {"rows": [0], "columns": [0], "values": [1], "shape": [1000000000000, 1000000000000]}}'),
        ("a.json", '{"d1": {"rows": [5], "columns": [0], "values": [1], "shape": [1, 1]}}'),
        ("a.json", '{"d1": {"rows": [0], "columns": [0], "values": [1, 2], "shape": [1, 1]}}'),
        ("a.json", '{"d1": {"rows": [0], "columns": [0], "values": [1], "shape": "11"}}'),
        ("a.json", '{"boundaries": {"d1": [[1]]}}'),
        ("a.npz", b"PK\x03\x04torn"),
        ("a.npz", b"nothing"),
        ("a.dat", "0 1\n"),
    ],
)
def test_contents_that_are_no_complex_are_refused_by_the_files_name(
    tmp_path: Path, name: str, content: str | bytes
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises((InputError, KindError), match=r"a\.(txt|csv|json|npz|dat)"):
        load_complex(path)


def test_missing_files_folders_and_pickles_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_complex(tmp_path / "none.txt")
    with pytest.raises(UnreadableFileError, match="folder"):
        load_complex(tmp_path)
    np.savez(tmp_path / "objects.npz", d1=np.array([[None]], dtype=object))
    with pytest.raises(UnreadableFileError, match="pickles, which are never run here; store facets") as refused:
        load_complex(tmp_path / "objects.npz")
    assert "allow_pickle" not in str(refused.value) and "sx.load" not in str(refused.value)


def test_a_name_that_stands_twice_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text('{"d1": [[1]], "d1": [[2]]}')
    with pytest.raises(UnreadableFileError, match="twice"):
        load_complex(tmp_path / "a.json")
