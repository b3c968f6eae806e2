"""Points that a user calls data: arrays, pairs of points and labels, files. Nothing is unpickled or rescaled."""

from __future__ import annotations

import csv
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.domains import points
from separatrix.errors import InputError, KindError, UnreadableFileError, printable
from separatrix.networks.array_files import BROKEN, NpzFile, first_bytes, regular_file

EXPECTED = "expected .npy, .npz with x and optionally y, or .csv with a header (last column `label` optional)"


@dataclass(frozen=True, eq=False)
class DataPoints:
    """Points in the units of a network's input, with labels where they are known.

    ``x``: (n, …) numbers, one point a row (images (n, 28, 28) are flattened where they are used); ``y``: (n,) int64
    class numbers, or None; ``description``: what they are, for people.
    """

    x: np.ndarray
    y: np.ndarray | None = None
    description: str = ""

    def __len__(self) -> int:
        return self.x.shape[0]

    def rows(self, dim: int, n_classes: int | None = None) -> np.ndarray:
        """The points as float64 (n, dim). Raises InputError for other shapes, NaN, or labels outside the classes."""
        array = points(self.x, dim, self.description or "data")
        if self.y is not None and n_classes is not None and len(self.y):
            low, high = int(self.y.min()), int(self.y.max())
            if low < 0 or high >= n_classes:
                raise InputError(
                    f"{self.description or 'data'}: labels run from {low} to {high}, expected class numbers from 0 to "
                    f"{n_classes - 1}; number the classes in the order of the network's outputs"
                )
        return array

    def __repr__(self) -> str:
        labels = "no labels" if self.y is None else f"{len(np.unique(self.y))} different labels"
        shape = self.x.shape
        return f"DataPoints({self.description or 'points'}: {shape[0]} points of shape {shape[1:]}, {labels})"


def data_points(source: Any, description: str = "") -> DataPoints:
    """DataPoints from an array (n, …), a tuple (x, y), a path, the name of embedded data (``mnist``), or DataPoints.

    >>> data_points(([[0.0, 1.0], [1.0, 1.0]], [0, 1]))
    DataPoints(points: 2 points of shape (2,), 2 different labels)
    """
    if isinstance(source, DataPoints):
        return source
    if isinstance(source, (str, os.PathLike)):
        from separatrix.data.named_points import is_name, named_points

        return named_points(os.fsdecode(source)) if is_name(source) else load_points(source)
    if isinstance(source, tuple):
        if len(source) != 2:
            raise InputError(f"data: expected an array or a pair (x, y), came a tuple of {len(source)}")
        return DataPoints(_numbers(source[0], "data: x"), _labels(source[1], len(source[0]), "data"), description)
    return DataPoints(_numbers(source, "data"), None, description)


def load_points(path: str | os.PathLike[str]) -> DataPoints:
    """Points from a file: ``.npy``, ``.npz`` with ``x`` and optionally ``y``, ``.csv`` with a header.

    In the units of the network's input, nothing is rescaled. Raises UnreadableFileError for what is missing, torn, of
    another kind, or holds pickles, and InputError for contents that are no points.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = Path(f"{folder}/two.csv").write_text("a,b,label\\n0,1,0\\n1,1,1\\n")
    ...     load_points(f"{folder}/two.csv")
    DataPoints(two.csv: 2 points of shape (2,), 2 different labels)
    """
    text = regular_file(path, "a file with points (.npy, .npz, .csv)")
    readers = {".npy": _read_npy, ".npz": _read_npz, ".csv": _read_csv}
    suffix = Path(text).suffix.lower()
    if suffix not in readers:
        raise UnreadableFileError(
            f"{printable(text)}: the ending {printable(suffix or '(none)', 20)} is not known; {EXPECTED}"
        )
    x, y = readers[suffix](text)
    name = printable(Path(text).name)
    return DataPoints(_numbers(x, name), None if y is None else _labels(y, len(x), name), name)


def _numbers(x: Any, what: str) -> np.ndarray:
    try:
        array = np.asarray(x)
    except (ValueError, TypeError, RuntimeError, MemoryError):
        raise InputError(f"{what}: the rows have different lengths; expected an array of shape (n, dim)") from None
    if array.dtype.kind not in "fiub":
        raise KindError(f"{what}: expected numbers, came an array of {array.dtype}")
    if array.ndim < 2:
        raise InputError(f"{what}: expected shape (n, dim), one row a point, came {array.shape}")
    return array


def _labels(y: Any, n: int, what: str) -> np.ndarray:
    array = np.asarray(y)
    if array.dtype.kind == "f" and np.isfinite(array).all() and (array == np.floor(array)).all():
        array = array.astype(np.int64)
    if array.dtype.kind not in "iub":
        raise KindError(f"{what}: labels must be class numbers 0, 1, 2, …, came an array of {array.dtype}")
    if array.shape != (n,):
        raise InputError(f"{what}: expected one label a point, shape ({n},), came {array.shape}")
    return array.astype(np.int64)


def _read_npy(path: str) -> tuple[np.ndarray, None]:
    first_bytes(path, 8)
    try:
        return np.load(path, allow_pickle=False), None
    except BROKEN:  # numpy's own words advise to unpickle what may be hostile
        raise UnreadableFileError(
            f"{printable(path)}: no array of numbers can be read; it is torn, of another kind, or holds pickled objects, "
            "which are never run; write it with numpy.save"
        ) from None


def _read_npz(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    with NpzFile(path, expected="x, and optionally y,") as file:
        if "x" not in file.keys:
            names = ", ".join(printable(key, 40) for key in file.keys[:10])
            raise InputError(f"{printable(path)}: expected an array x (and optionally y), came {names}")
        return file.array("x"), file.array("y") if "y" in file.keys else None


def _read_csv(path: str) -> tuple[np.ndarray, np.ndarray | None]:
    name = printable(path)
    first_bytes(path, 1)
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            header = next(csv.reader(file), [])
            if header and all(_is_number(cell) for cell in header):
                raise InputError(
                    f"{name}: the first line holds numbers only; expected a header with the columns' names"
                )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                table = np.loadtxt(file, delimiter=",", quotechar='"', ndmin=2, dtype=np.float64)
    except InputError:
        raise
    except UnicodeDecodeError:
        raise UnreadableFileError(f"{name}: is no text in UTF-8; {EXPECTED}") from None
    except (OSError, ValueError, csv.Error) as error:
        raise UnreadableFileError(f"{name}: is no table of numbers: {printable(error)}") from None
    if table.size == 0:
        table = table.reshape(0, len(header))
    if table.shape[1] != len(header):
        raise InputError(f"{name}: the header names {len(header)} columns, the rows have {table.shape[1]}")
    if header[-1].strip().lower() == "label":
        return table[:, :-1], table[:, -1]
    return table, None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
