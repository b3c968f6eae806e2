"""Triangulations of polyhedral complexes: by pulling vertices, without new ones, and by barycentres (§6).

Pulling in the order of the vertices' numbers: T(v) = {v}, and T(c) = a * T(F) over the facets F of c without a, a the least
vertex of c. Common faces are cut alike because a face's least vertex is its own. The chain map is
phi(c) = sum over F of [c : F] a * phi(F).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.errors import InputError

SIMPLEX_LIMIT = 40_000_000


@dataclass(frozen=True, eq=False)
class Simplices:
    """Simplices of dimension k in the cells of one dimension, sorted by cell.

    - ``vertices`` (n, k + 1) int32; ``cells`` (n,) int32: the cell that each one lies in
    - ``signs`` (n,) int8: 1 where the order of the vertices gives the cell's orientation, else -1
    """

    vertices: np.ndarray
    cells: np.ndarray
    signs: np.ndarray


def least_vertices(cells: Cells) -> list[np.ndarray]:
    """The smallest number of a vertex of every cell, by dimension, int32."""
    found = [np.arange(cells.counts[0], dtype=np.int32)]
    for k in range(1, cells.dim + 1):
        if (cells.lengths(k) == 0).any():
            raise InputError(f"a cell of dimension {k} has no faces; it cannot be triangulated")
        below = found[-1][cells.faces[k]]
        found.append(np.minimum.reduceat(below, cells.starts[k][:-1]) if below.size else below)
    return found


def simplex_counts(cells: Cells, least: list[np.ndarray]) -> list[np.ndarray]:
    """How many simplices pulling gives for every cell, by dimension, int64."""
    found = [np.ones(cells.counts[0], dtype=np.int64)]
    for k in range(1, cells.dim + 1):
        owners = cells.owners(k)
        kept = least[k - 1][cells.faces[k]] != least[k][owners]
        weight = np.where(kept, found[-1][cells.faces[k]], 0)
        found.append(np.add.reduceat(weight, cells.starts[k][:-1]) if weight.size else weight)
    return found


def pulled(cells: Cells, top: int | None = None) -> list[Simplices]:
    """Pulling triangulations of all cells, one entry a dimension up to ``top``.

    Raises InputError for more than 40 million simplices in a dimension.
    """
    top = cells.dim if top is None else top
    least = least_vertices(cells)
    counts = simplex_counts(cells, least)
    for k in range(top + 1):
        if counts[k].sum() > SIMPLEX_LIMIT:
            raise InputError(
                f"the triangulation would have {int(counts[k].sum()):,} simplices of dimension {k}, more than "
                f"{SIMPLEX_LIMIT:,}; triangulate a subcomplex"
            )
    vertices = np.arange(cells.counts[0], dtype=np.int32)
    found = [Simplices(vertices[:, None], vertices, np.ones(vertices.size, dtype=np.int8))]
    for k in range(1, top + 1):
        found.append(_coned(cells, k, least, counts[k - 1], found[-1]))
    return found


def _coned(cells: Cells, k: int, least: list[np.ndarray], below: np.ndarray, simplices: Simplices) -> Simplices:
    """The simplices of the k-cells: those of the facets without the least vertex, and that vertex in front."""
    owners, faces = cells.owners(k), cells.faces[k]
    entries = np.flatnonzero(least[k - 1][faces] != least[k][owners])
    faces, owners, signs = faces[entries], owners[entries], cells.signs[k][entries]
    lengths = below[faces]
    starts = np.cumsum(below) - below
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if ends.size else 0
    rows = np.repeat(starts[faces] - (ends - lengths), lengths) + np.arange(total)
    cell = np.repeat(owners, lengths)
    vertices = np.empty((total, k + 1), dtype=np.int32)
    vertices[:, 0] = least[k][cell]
    vertices[:, 1:] = simplices.vertices[rows]
    return Simplices(vertices, cell, np.repeat(signs, lengths) * simplices.signs[rows])


def barycentric(cells: Cells, top: int | None = None) -> list[Simplices]:
    """Flags of cells v < e < … < c, one entry a dimension of c up to ``top``: simplices of the barycentric subdivision.

    Its vertices are the cells, numbered dimension by dimension from 0 up; a row holds them by falling dimension.
    """
    top = cells.dim if top is None else top
    offsets = np.concatenate([[0], np.cumsum(cells.counts)])
    if offsets[-1] >= 2**31:
        raise InputError("too many cells for a barycentric subdivision; take a subcomplex")
    vertices = np.arange(cells.counts[0], dtype=np.int32)
    found = [Simplices(vertices[:, None], vertices, np.ones(vertices.size, dtype=np.int8))]
    counts = np.ones(cells.counts[0], dtype=np.int64)
    for k in range(1, top + 1):
        faces, owners = cells.faces[k], cells.owners(k)
        lengths = counts[faces]
        if lengths.sum() > SIMPLEX_LIMIT:
            raise InputError(
                f"the barycentric subdivision would have {int(lengths.sum()):,} simplices of dimension {k}, more than "
                f"{SIMPLEX_LIMIT:,}; pull vertices instead, or take a subcomplex"
            )
        starts, ends = np.cumsum(counts) - counts, np.cumsum(lengths)
        rows = np.repeat(starts[faces] - (ends - lengths), lengths) + np.arange(int(lengths.sum()))
        cell = np.repeat(owners, lengths)
        flags = np.empty((rows.size, k + 1), dtype=np.int32)
        flags[:, 0] = cell + offsets[k]
        flags[:, 1:] = found[-1].vertices[rows]
        signs = np.repeat(cells.signs[k], lengths) * found[-1].signs[rows]
        found.append(Simplices(flags, cell, signs))
        counts = np.bincount(cell, minlength=cells.counts[k])
    return found


def maximal(cells: Cells) -> list[np.ndarray]:
    """Which cells are no faces of others, a mask a dimension."""
    found = [np.ones(count, dtype=bool) for count in cells.counts]
    for k in range(1, cells.dim + 1):
        found[k - 1][cells.faces[k]] = False
    return found
