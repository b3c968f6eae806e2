"""Boundary matrices as they come from outside, read into sparse columns of exact integers.

What is read: scipy sparse matrices and arrays, numpy arrays, nested lists, and, for numbers of any size, arrays of dtype
object or a tuple (rows, columns, values, shape). Repeated entries are added, zeros dropped. Every number is checked to be an
integer; nothing is rounded.
"""

from __future__ import annotations

import numbers
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable

INT64 = np.iinfo(np.int64)
EXACT_DOUBLES = 2.0**53
MOST_CELLS = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Columns:
    """A boundary operator by columns: ``faces[starts[b]:starts[b + 1]]`` are the faces of cell b.

    ``starts`` int64 (n + 1,), ``faces`` int64 or int32, ``coefficients`` int64, or Python integers (dtype object) beyond it;
    no face twice in a column, no coefficient zero.
    """

    n_faces: int
    starts: np.ndarray
    faces: np.ndarray
    coefficients: np.ndarray

    @property
    def n_cells(self) -> int:
        """The number of columns."""
        return len(self.starts) - 1


def read_matrix(matrix: Any, name: str) -> Columns:
    """The columns of one boundary matrix of the user's; InputError or KindError names the entry that cannot be used."""
    if hasattr(matrix, "tocoo") and hasattr(matrix, "shape"):
        return _from_sparse(matrix, name)
    if isinstance(matrix, tuple) and len(matrix) == 4:
        rows, columns, values, shape = matrix
        return _from_triples(_indices(rows, name), _indices(columns, name), values, _shape(shape, name), name)
    dense = _dense(matrix, name)
    rows, columns = np.nonzero(_integers(dense.ravel(), name).reshape(dense.shape))
    return _from_triples(rows, columns, dense[rows, columns], _shape(dense.shape, name), name)


def _from_sparse(matrix: Any, name: str) -> Columns:
    if len(matrix.shape) != 2:
        raise InputError(f"{name}: expected a matrix with two axes, came shape {tuple(matrix.shape)}")
    coo = matrix.tocoo()
    return _from_triples(_indices(coo.row, name), _indices(coo.col, name), coo.data, _shape(coo.shape, name), name)


def read_columns(n_faces: int, starts: Any, faces: Any, coefficients: Any, name: str) -> Columns:
    """Columns given as arrays, checked; entries of one column are added where a face occurs twice."""
    starts, faces = _indices(starts, name), _indices(faces, name, keep_int32=True)
    values = _integers(_dense_values(coefficients, name), name)
    if len(starts) == 0 or starts[0] != 0 or starts[-1] != len(faces) or (np.diff(starts) < 0).any():
        raise InputError(f"{name}: starts must rise from 0 to the number of faces, {len(faces)}")
    if len(values) != len(faces):
        raise InputError(f"{name}: expected one coefficient a face, came {len(values)} for {len(faces)} faces")
    if len(faces) and (faces.min() < 0 or faces.max() >= n_faces):
        raise InputError(f"{name}: faces must be numbers from 0 to {n_faces - 1}, came {faces.min()} to {faces.max()}")
    if _is_canonical(starts, faces, values):
        return Columns(n_faces, starts, faces, values)
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    return _sorted_columns(faces.astype(np.int64), columns, values, (n_faces, len(starts) - 1))


def _is_canonical(starts: np.ndarray, faces: np.ndarray, values: np.ndarray) -> bool:
    """Whether no coefficient is zero and no column has a face twice; a column may have its faces in any order."""
    if len(faces) == 0:
        return True
    if (values == 0).any():
        return False
    if len(faces) > 50_000:
        from separatrix.homology.reduction_kernels import has_repeats

        return not has_repeats(starts, faces.astype(np.int32, copy=False), int(faces.max()) + 1)
    columns = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    order = np.lexsort((faces, columns))
    return not ((np.diff(faces[order]) == 0) & (np.diff(columns[order]) == 0)).any()


def _dense(matrix: Any, name: str) -> np.ndarray:
    if isinstance(matrix, np.ma.MaskedArray):
        raise KindError(f"{name}: expected a matrix without masked entries, came a masked array; fill it first")
    if isinstance(matrix, (str, bytes, dict, set)) or matrix is None:
        raise KindError(f"{name}: expected a matrix (scipy sparse, numpy, nested lists), came {type(matrix).__name__}")
    if isinstance(matrix, (list, tuple)):
        widths = {len(row) if isinstance(row, (list, tuple, np.ndarray)) else -1 for row in matrix}
        if -1 in widths or len(widths) > 1:
            raise InputError(f"{name}: expected rows of one length, came lengths {sorted(widths)} (-1: no row)")
        if not widths:
            raise InputError(f"{name}: an empty list has no number of columns; give numpy.zeros((0, n), dtype=int)")
        dense = np.empty((len(matrix), widths.pop()), dtype=object)
        for i, row in enumerate(matrix):
            for j, entry in enumerate(row):
                dense[i, j] = entry
        return dense
    dense = np.asarray(matrix)
    if dense.ndim != 2:
        raise InputError(f"{name}: expected a matrix with two axes, came shape {dense.shape}")
    return dense


def _shape(shape: Any, name: str) -> tuple[int, int]:
    try:
        rows, columns = (operator.index(n) for n in shape)
    except (TypeError, ValueError):
        raise InputError(f"{name}: expected a shape of two integers, came {printable(shape)}") from None
    if not (0 <= rows <= MOST_CELLS and 0 <= columns <= MOST_CELLS):
        raise InputError(f"{name}: expected from 0 to {MOST_CELLS} cells, came the shape {printable((rows, columns))}")
    return rows, columns


def _indices(values: Any, name: str, keep_int32: bool = False) -> np.ndarray:
    indices = np.asarray(values)
    if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iu"):
        raise InputError(
            f"{name}: expected a list of integers as indices, came dtype {indices.dtype}, shape {indices.shape}"
        )
    if indices.dtype == np.uint64 and indices.size and indices.max() > np.uint64(INT64.max):
        raise InputError(f"{name}: an index is beyond 2^63")
    kind = np.int32 if keep_int32 and indices.dtype == np.int32 else np.int64
    return np.require(
        indices, dtype=kind, requirements=("C", "W")
    )  # loops are compiled for arrays that may be written to


def _integers(values: np.ndarray, name: str) -> np.ndarray:
    """Numbers as int64, or as Python integers where one is beyond int64; refused where one is no integer."""
    kind = values.dtype.kind
    if kind == "b":
        raise KindError(f"{name}: expected integers, came truth values; signs are needed: give -1, 0, 1")
    if kind == "i" or (kind == "u" and (values.size == 0 or values.max() <= np.uint64(INT64.max))):
        return np.ascontiguousarray(values, dtype=np.int64)
    if kind == "f":
        bad = ~np.isfinite(values) | (values != np.floor(values)) | (np.abs(values) >= EXACT_DOUBLES)
        if bad.any():
            value = values[np.flatnonzero(bad)[0]]
            raise InputError(
                f"{name}: expected integers, came {float(value)!r}; "
                + (
                    "floats from 2^53 on are not exact: give integers"
                    if abs(value) >= EXACT_DOUBLES
                    else "scale to integers"
                )
            )
        return np.ascontiguousarray(values, dtype=np.int64)
    if kind not in "uO":
        raise KindError(f"{name}: expected integers, came dtype {values.dtype}")
    return narrowed([_integer(value, name) for value in values.tolist()])


def narrowed(values: list[int]) -> np.ndarray:
    """Python integers as int64 where all fit, else as an array of dtype object."""
    if not values or (min(values) >= INT64.min and max(values) <= INT64.max):
        return np.array(values, dtype=np.int64)
    wide = np.empty(len(values), dtype=object)
    wide[:] = values
    return wide


def _integer(value: Any, name: str) -> int:
    if isinstance(value, (bool, np.bool_)):
        raise KindError(f"{name}: expected integers, came the truth value {value}; signs are needed: give -1, 0, 1")
    if isinstance(value, (float, np.floating)):
        return int(_integers(np.array([value], dtype=np.float64), name)[0])
    if isinstance(value, numbers.Rational):
        if value.denominator != 1:
            raise InputError(f"{name}: expected integers, came the fraction {printable(value)}; scale to integers")
        value = value.numerator
    try:
        return operator.index(value)
    except TypeError:
        raise KindError(f"{name}: expected integers, came {type(value).__name__} {printable(value, 60)!r}") from None


def _from_triples(rows: np.ndarray, columns: np.ndarray, values: Any, shape: tuple[int, int], name: str) -> Columns:
    values = _dense_values(values, name)
    if not len(rows) == len(columns) == len(values):
        raise InputError(
            f"{name}: {len(rows)} rows, {len(columns)} columns and {len(values)} values do not go together"
        )
    for indices, n, what in ((rows, shape[0], "row"), (columns, shape[1], "column")):
        if len(indices) and (indices.min() < 0 or indices.max() >= n):
            bad = int(indices[(indices < 0) | (indices >= n)][0])
            raise InputError(f"{name}: expected {what} numbers from 0 to {n - 1}, came {bad}")
    return _sorted_columns(rows, columns, _integers(values, name), shape)


def _dense_values(values: Any, name: str) -> np.ndarray:
    if isinstance(values, np.ndarray):
        dense = values
    else:
        dense = np.empty(len(values), dtype=object)
        dense[:] = list(values)
    if dense.ndim != 1:
        raise InputError(f"{name}: expected a list of values, came shape {dense.shape}")
    return dense


def _sorted_columns(rows: np.ndarray, columns: np.ndarray, values: np.ndarray, shape: tuple[int, int]) -> Columns:
    """Columns with ascending faces; repeated entries are added exactly, zeros dropped."""
    order = np.lexsort((rows, columns))
    rows, columns, values = rows[order], columns[order], values[order]
    if len(values):
        first = np.r_[True, (np.diff(rows) != 0) | (np.diff(columns) != 0)]
        begins = np.flatnonzero(first)
        longest = int(np.diff(np.r_[begins, len(values)]).max())
        if values.dtype != object and longest * max(-int(values.min()), int(values.max())) > INT64.max:
            values = values.astype(object)
        values = np.add.reduceat(values, begins)
        rows, columns = rows[begins], columns[begins]
        if values.dtype == object:
            values = narrowed(values.tolist())
        keep = values != 0
        rows, columns, values = rows[keep], columns[keep], values[keep]
    starts = np.zeros(shape[1] + 1, dtype=np.int64)
    np.cumsum(np.bincount(columns, minlength=shape[1]), out=starts[1:])
    return Columns(shape[0], starts, rows, values)
