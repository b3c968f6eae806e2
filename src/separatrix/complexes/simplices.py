"""Rows of vertex numbers: all faces of given simplices by sorting, and their incidence."""

from __future__ import annotations

from dataclasses import dataclass
from math import comb

import numpy as np

from separatrix.complexes.cell_complex import check_size
from separatrix.complexes.cells import Cells

LARGEST_KEY = 2**62


@dataclass(frozen=True, eq=False)
class Simplices:
    """All simplices by dimension k: ``rows[k]`` int32 (n, k + 1) in lexicographic order, ``faces[k]`` int32 (n, k + 1).

    Column i of ``faces[k]`` is the number of the face without vertex i; ``faces[0]`` has no columns.
    """

    rows: tuple[np.ndarray, ...]
    faces: tuple[np.ndarray, ...]

    def incidence(self) -> Cells:
        """The cells: the face without vertex i has incidence number (-1)^i."""
        starts, flat, signs = [], [], []
        for k, faces in enumerate(self.faces):
            n = len(self.rows[k])
            starts.append(np.arange(n + 1, dtype=np.int64) * (k + 1 if k else 0))
            flat.append(np.ascontiguousarray(faces).ravel())
            signs.append(np.tile(np.where(np.arange(k + 1) % 2, -1, 1).astype(np.int8), n if k else 0))
        return Cells(tuple(len(rows) for rows in self.rows), tuple(starts), tuple(flat), tuple(signs))


def all_faces(facets: dict[int, np.ndarray], n_vertices: int) -> Simplices:
    """The facets (by dimension, rows ascending) and all their faces, from the top dimension down.

    Every vertex from 0 to ``n_vertices`` - 1 is in a facet.
    """
    dim = max(facets, default=-1)
    # One facet alone has so many faces of faces: refused here, before those of half its size have been made.
    check_size(max((comb(dim + 1, k) * k * (k - 1) for k in range(2, dim + 2)), default=0), "simplicial complex")
    rows: list[np.ndarray] = []
    faces: list[np.ndarray] = []
    above: np.ndarray | None = None
    for k in range(dim, 0, -1):
        own = facets.get(k, np.zeros((0, k + 1), dtype=np.int32))
        n_above = 0 if above is None else len(above)
        check_size((n_above * (k + 2) + len(own)) * (k + 1), "simplicial complex")
        parts = [np.delete(above, i, axis=1) for i in range(k + 2)] if above is not None else []
        found, inverse = unique_rows(np.concatenate([*parts, own]), n_vertices)
        if above is not None:
            faces.append(np.ascontiguousarray(inverse[: n_above * (k + 2)].reshape(k + 2, n_above).T.astype(np.int32)))
        rows.append(found)
        above = found
    if dim >= 0:
        if above is not None:
            faces.append(np.ascontiguousarray(above[:, ::-1]))  # the face without vertex 0 is vertex 1
        rows.append(np.arange(n_vertices, dtype=np.int32).reshape(-1, 1))
        faces.append(np.zeros((n_vertices, 0), dtype=np.int32))
    return Simplices(tuple(reversed(rows)), tuple(reversed(faces)))


def unique_rows(rows: np.ndarray, base: int) -> tuple[np.ndarray, np.ndarray]:
    """Different rows (entries from 0 to base - 1) in lexicographic order, and the place of every row among them.

    A row is read as a number in the given base; where that would pass 2^62, its beginning is replaced by its rank.

    >>> unique_rows(np.array([[1, 2], [0, 3], [1, 2]], dtype=np.int32), 4)[1].tolist()
    [1, 0, 1]
    """
    keys, span = rows[:, 0].astype(np.int64), base
    for j in range(1, rows.shape[1]):
        if span * base > LARGEST_KEY:
            first, keys = _ranked(keys)
            span = len(first)
        keys = keys * base + rows[:, j]
        span *= base
    first, inverse = _ranked(keys)
    return rows[first], inverse


def _ranked(keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where every different key stands first, in ascending order of the keys, and the rank of every key, int64.

    Faces of sorted simplices come in runs that are sorted already, which a stable sort makes use of: ``numpy.unique``
    took seven times as long.
    """
    order = np.argsort(keys, kind="stable")
    ascending = keys[order]
    is_new = np.ones(len(keys), dtype=bool)
    np.not_equal(ascending[1:], ascending[:-1], out=is_new[1:])
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[order] = np.cumsum(is_new) - 1
    return order[is_new], ranks
