"""The room of data: MNIST, the embedded networks by name, and the files that users bring."""

import pickle
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.data.point_files import data_points
from separatrix.errors import InputError, KindError, UnreadableFileError


def test_mnist_is_read_once_and_cannot_be_changed() -> None:
    digits = sx.data.mnist()
    assert digits is sx.data.mnist()
    assert digits.x_train.shape == (60000, 28, 28) and digits.x_test.shape == (10000, 28, 28)
    assert digits.to_dataframe()["test"].sum() == 10000
    with pytest.raises(ValueError, match="read-only"):
        digits.x_test[0, 0, 0] = 1


def test_embedded_data_by_name(tmp_path, monkeypatch) -> None:
    """As the shell's ``--data``: all of it, what was held out, or a number of points; files come first."""
    digits = sx.data.mnist()
    whole, few = data_points("mnist-test"), data_points(Path("mnist:400"))
    assert len(whole) == 10000 and len(few) == 400 and few.x.max() == 1.0
    np.testing.assert_array_equal(whole.x[3] * 255.0, digits.x_test[3])
    np.testing.assert_array_equal(few.y[[0, -1]], digits.y_train[[0, -1]])
    assert few.rows(784, 10).shape == (400, 784)
    x, y = sx.data.toy("torus", 10_000, 1)
    np.testing.assert_array_equal(data_points("torus-test").x, x)
    np.testing.assert_array_equal(data_points("torus-test").y, y)
    for wrong in (
        "mnits",
        "mnist:0",
        "mnist:-3",
        "mnist:",
        "mnist:4x",
        "mnist:\u0664",
        "moons-test-test",
        "mnist-train",
    ):
        with pytest.raises(InputError, match="Embedded are mnist, mnist-test, moons"):
            data_points(wrong)
    with pytest.raises(UnreadableFileError, match="no such file"):
        data_points("folder/mnist")
    monkeypatch.chdir(tmp_path)
    Path("moons").write_text("a file")
    with pytest.raises(UnreadableFileError, match="the ending"):
        data_points("moons")


def test_networks_are_listed_as_a_table() -> None:
    listed = sx.data.networks()
    table = listed.to_dataframe()
    assert list(table.columns[:5]) == ["name", "inputs", "widths", "activation", "accuracy"]
    assert len(listed) == len(table) == len(set(listed))
    assert "mnist-sigmoid" in repr(listed) and "[0, 1]^784" in repr(listed)
    assert sx.data.network_box("ball-tanh") == sx.Box.cube(3, -2, 2)


def test_an_unknown_network_is_told_from_the_known_ones() -> None:
    with pytest.raises(InputError, match="did you mean mnist-sigmoid"):
        sx.data.network("mnist_sigmoid")
    with pytest.raises(InputError, match="known: "):
        sx.data.network("\x1b[31m")
    with pytest.raises(InputError):
        sx.data.network("../networks/mnist-sigmoid")


def test_the_toy_of_the_room_is_the_function_whoever_imports_first() -> None:
    for first in ("from separatrix.data.toy_problems import toy", "import separatrix.data"):
        code = f"{first}\nimport separatrix as sx\nassert sx.data.toy('moons', 4)[0].shape == (4, 2)"
        assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_files_of_points(tmp_path: Path) -> None:
    x, y = np.arange(12.0).reshape(3, 2, 2), np.array([2, 0, 1])
    np.save(tmp_path / "a.npy", x)
    np.savez(tmp_path / "a.npz", x=x, y=y)
    (tmp_path / "a.csv").write_text("\ufeffp,q,Label\n0.5,1,0\n1e-3,2,1\n", encoding="utf-8")
    assert sx.data.load_points(tmp_path / "a.npy").rows(4).tolist() == x.reshape(3, 4).tolist()
    pair = sx.data.load_points(str(tmp_path / "a.npz"))
    assert pair.y is not None and pair.y.tolist() == [2, 0, 1] and pair.rows(4, 3).shape == (3, 4)
    table = sx.data.load_points(tmp_path / "a.csv")
    assert table.y is not None and table.y.tolist() == [0, 1] and table.rows(2).tolist() == [[0.5, 1], [1e-3, 2]]
    (tmp_path / "b.csv").write_text("p,q\n1,2\n")
    assert sx.data.load_points(tmp_path / "b.csv").y is None


def test_pixels_are_never_rescaled() -> None:
    data = data_points(np.full((1, 28, 28), 255, dtype=np.uint8))
    assert data.rows(784).max() == 255.0


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"1,2\n3,4\n", "header"),
        ("a.csv", b"p,q\n1,2,3\n", "3"),
        ("a.csv", b"p,q\n1,x\n", "no table"),
        ("a.csv", b"p,q\n\xff\xfe\n", "UTF-8"),
        ("a.csv", b"", "empty"),
        ("a.npy", b"\x93NUMPY\x01\x00torn", "no array"),
        ("a.npy", pickle.dumps([1, 2]), "no array"),
        ("a.npz", b"PK torn", "torn"),
        ("a.txt", b"1 2", "ending"),
    ],
)
def test_bad_files_are_named(tmp_path: Path, name: str, content: bytes, words: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=words):
        sx.data.load_points(tmp_path / name)


def test_bad_points_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "objects.npz", x=np.array([{}], dtype=object))
    np.savez(tmp_path / "other.npz", points=np.eye(2))
    with pytest.raises(UnreadableFileError, match="pickle"):
        sx.data.load_points(tmp_path / "objects.npz")
    with pytest.raises(InputError, match="expected an array x"):
        sx.data.load_points(tmp_path / "other.npz")
    with pytest.raises(UnreadableFileError):
        sx.data.load_points(tmp_path / "absent.npy")
    with pytest.raises(KindError, match="class numbers"):
        data_points((np.eye(2), ["a", "b"]))
    with pytest.raises(InputError, match="one label a point"):
        data_points((np.eye(2), [1]))
    with pytest.raises(InputError, match="labels run from 0 to 7"):
        data_points((np.eye(2), [0, 7])).rows(2, 3)
