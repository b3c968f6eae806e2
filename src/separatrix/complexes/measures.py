"""Points inside cells, and their lengths, areas and volumes, from float64 vertices (§6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from math import comb, factorial
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.cells import Cells, segment_sums
from separatrix.complexes.triangulation import Simplices, pulled
from separatrix.numerics.rounding import UNIT

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

CELLS_AT_ONCE = 1 << 16
SIMPLICES_AT_ONCE = 1 << 13
RAISED = 1.0 + 2.0**-20  # covers the rounding of the bounds themselves
TINY = 2.0**-500  # covers underflow in squares
LEAST = 2.0**-1070  # covers underflow of a volume
FAR, ROOM = 2.0**900, 2.0**100  # sums of coordinates beyond FAR may overflow; they are divided by ROOM


def witnesses(complex_: PolyhedralComplex, k: int) -> np.ndarray:
    """A point in the relative interior of every k-cell, (cell_counts[k], n): up to the rounding of the vertices.

    The mean of such points of the facets, which is a combination of all vertices of the cell with positive weights. Of an
    unbounded cell with a vertex, a point near that vertex on the way to the mean.
    """
    cells, own = complex_.cells, complex_.cell_counts
    scale = ROOM if np.abs(complex_.points).max(initial=0.0) > FAR else 1.0
    point = complex_.points / scale
    for degree in range(1, k + 1):
        count = np.maximum(cells.lengths(degree), 1)[:, None]
        point = segment_sums(point[cells.faces[degree]], cells.starts[degree]) / count
    point = point[: own[k]] * scale
    unbounded = ~complex_.is_bounded(k)
    return _nearer(complex_, k, point, unbounded) if unbounded.any() else point


def _nearer(complex_: PolyhedralComplex, k: int, point: np.ndarray, unbounded: np.ndarray) -> np.ndarray:
    """Points of unbounded cells moved to within the reach of the vertices, where the cell has a vertex of its own."""
    cells, count = complex_.cells, complex_.cell_counts[0]
    own = np.where(np.arange(cells.counts[0]) < count, np.arange(cells.counts[0]), np.iinfo(np.int64).max)
    for degree in range(1, k + 1):
        own = np.minimum.reduceat(own[cells.faces[degree]], cells.starts[degree][:-1])
    own = own[: len(point)]
    rows = np.flatnonzero(unbounded & (own < count))
    vertex = complex_.points[own[rows]]
    step = point[rows] - vertex
    length = np.sqrt((step**2).sum(axis=1))
    reach = 1.0 + np.sqrt((complex_.vertices**2).sum(axis=1)).max(initial=0.0)
    found = point.copy()
    found[rows] = vertex + step * np.minimum(1.0, reach / np.maximum(length, 1.0))[:, None]
    return found


def volumes(complex_: PolyhedralComplex, k: int) -> np.ndarray:
    """The k-dimensional volume of every k-cell, (cell_counts[k],): length, area, volume …; infinite where unbounded.

    Sums over pulling triangulations: exact up to the rounding of the vertices and of the sums.
    """
    found = np.full(complex_.cell_counts[k], np.inf if k else 1.0)
    for part, points, _, simplices in _pieces(complex_, k):
        sizes = _blockwise(simplex_volumes, points, simplices.vertices)
        found[part] = np.bincount(simplices.cells, sizes, part.size)
    return found


def volume_errors(complex_: PolyhedralComplex, k: int) -> np.ndarray:
    """A bound on the error of :func:`volumes` for every k-cell, (cell_counts[k],), infinite where vertices have none.

    Pulling the exact cell gives the same simplices with the exact vertices, so that the bounds of the simplices add up; m
    simplices are summed with an error of at most gamma_m times the sum. Not for unbounded cells, whose bound is infinite.
    """
    found = np.full(complex_.cell_counts[k], np.inf if k else 0.0)
    for part, points, errors, simplices in _pieces(complex_, k):
        corners = np.concatenate([points, errors[:, None]], axis=1)
        bounds = np.bincount(simplices.cells, _blockwise(simplex_volume_errors, corners, simplices.vertices), part.size)
        sums = np.bincount(simplices.cells, _blockwise(simplex_volumes, points, simplices.vertices), part.size)
        found[part] = (bounds + np.bincount(simplices.cells, minlength=part.size) * UNIT * sums) * RAISED
    return found


def _pieces(complex_: PolyhedralComplex, k: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray, Simplices]]:
    """Some bounded k-cells at a time, k > 0: their numbers, vertices, the vertices' errors, and simplices."""
    chosen = np.flatnonzero(complex_.is_bounded(k)) if k else np.zeros(0, dtype=np.int64)
    for first in range(0, chosen.size, CELLS_AT_ONCE):
        part = chosen[first : first + CELLS_AT_ONCE]
        cells, ids = faces_of(complex_.cells, k, part)
        yield part, complex_.points[ids[0]], complex_.point_error[ids[0]], pulled(cells)[-1]


def _blockwise(
    measure: Callable[[np.ndarray, np.ndarray], np.ndarray], points: np.ndarray, rows: np.ndarray
) -> np.ndarray:
    """A measure of simplices, in blocks that stay in the cache."""
    found = np.empty(rows.shape[0])
    for first in range(0, found.size, SIMPLICES_AT_ONCE):
        block = slice(first, first + SIMPLICES_AT_ONCE)
        found[block] = measure(points, rows[block])
    return found


def faces_of(cells: Cells, k: int, chosen: np.ndarray) -> tuple[Cells, list[np.ndarray]]:
    """The k-cells ``chosen`` (ascending) with their faces as a complex of its own, and the numbers its cells had.

    Costs the size of the result, not of ``cells``.
    """
    ids: list[np.ndarray] = [chosen]
    parts = []
    for degree in range(k, 0, -1):
        lengths = (
            cells.lengths(degree)[ids[0]] if ids[0].size == cells.counts[degree] else _lengths(cells, degree, ids[0])
        )
        starts = np.concatenate([[0], np.cumsum(lengths)])
        entries = np.repeat(cells.starts[degree][ids[0]] - starts[:-1], lengths) + np.arange(int(starts[-1]))
        below, faces = np.unique(cells.faces[degree][entries], return_inverse=True)
        parts.append((starts, faces.reshape(-1), cells.signs[degree][entries]))
        ids.insert(0, below)
    parts.append((np.zeros(ids[0].size + 1, dtype=np.int64), cells.faces[0], cells.signs[0]))
    starts, faces, signs = zip(*reversed(parts), strict=True)
    return Cells(tuple(i.size for i in ids), starts, faces, signs), ids


def _lengths(cells: Cells, k: int, chosen: np.ndarray) -> np.ndarray:
    return cells.starts[k][chosen + 1] - cells.starts[k][chosen]


def simplex_volumes(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """k-dimensional volumes of simplices (m, k + 1) in R^n, (m,): |E| / k!, E the (k, n) matrix of the edges from one vertex.

    |E|^2 = det(E E^T) is the sum of the squares of the minors of size k (Cauchy and Binet). Infinite beyond the doubles.
    """
    edges, exponents = _edges(points, vertices)
    minors = _minors(edges)
    size = np.sqrt(sum(minor * minor for minor in minors)) if len(minors) > 1 else np.abs(minors[0])
    return _unscaled(size / factorial(vertices.shape[1] - 1), exponents)


def simplex_volume_errors(points: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    """Bounds (m,) on the error of :func:`simplex_volumes`; the last column of ``points`` (V, n + 1) bounds their errors.

    The edges' wedge product is linear in each edge and at most the product of their lengths l_i, so that edges off by r_i
    change it by at most prod(l_i + r_i) - prod(l_i). A minor is a sum of products, rounded at most k^2 times each, with
    absolute values that sum to at most prod(sqrt(k) l_i).
    """
    edges, exponents = _edges(points[:, :-1], vertices)
    k, n = edges.shape[:2]
    length = np.sqrt((edges * edges).sum(axis=1)) * RAISED + TINY
    moved, whole = np.zeros(vertices.shape[0]), np.ones(vertices.shape[0])
    with np.errstate(over="ignore", invalid="ignore"):
        shift = points[vertices[:, 1:], -1].T + points[vertices[:, 0], -1]
        shift = np.ldexp(shift, -exponents) + 2 * UNIT * length
        for size, step in zip(length, shift, strict=True):
            moved, whole = moved * (size + step) + whole * step, whole * size
        n_minors = comb(n, k)
        rounded = UNIT * (1.01 * k**2 * np.sqrt(n_minors) * k ** (k / 2) + n_minors + 8) * whole
        found = _unscaled((moved + rounded) / factorial(k) * RAISED + TINY, exponents) + LEAST
    return np.where(np.isnan(found), np.inf, found)


def _edges(points: np.ndarray, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The edges from the first vertex of every simplex, (k, n, m), up to powers of two; exponents (k, m).

    Edges are scaled, each by itself, where their products might overflow or vanish.
    """
    corners = points[vertices].transpose(1, 2, 0)
    with np.errstate(over="ignore"):
        edges = np.ascontiguousarray(corners[1:] - corners[:1])
    k = edges.shape[0]
    largest = np.abs(edges).max(axis=1, initial=0.0)
    if largest.size == 0 or (largest.max() < 2.0 ** (480 / k) and largest.min() > 2.0 ** (-480 / k)):
        return edges, np.zeros((k, 1), dtype=np.int64)
    quarter = corners[1:] / 4 - corners[:1] / 4
    edges = np.where((largest < 1.0)[:, None], edges, quarter)
    exponents = np.frexp(np.abs(edges).max(axis=1, initial=0.0))[1].astype(np.int64)
    return np.ldexp(edges, -exponents[:, None]), exponents + 2 * (largest >= 1.0)


def _unscaled(sizes: np.ndarray, exponents: np.ndarray) -> np.ndarray:
    """Products of k edges times the powers of two that were taken out of them, exponents (k, m) or (k, 1)."""
    if not exponents.any():
        return sizes
    with np.errstate(over="ignore", under="ignore"):
        return np.ldexp(sizes, exponents.sum(axis=0))


def _minors(edges: np.ndarray) -> list[np.ndarray]:
    """All minors of size k of matrices (k, n, m), by columns in lexicographic order, expanded row by row."""
    known: dict[tuple[int, ...], Any] = {(): np.ones(edges.shape[2])}
    for size, row in enumerate(edges, 1):
        found = {}
        for columns in combinations(range(edges.shape[1]), size):
            terms = (
                (-1) ** (size - 1 - i) * row[column] * known[columns[:i] + columns[i + 1 :]]
                for i, column in enumerate(columns)
            )
            found[columns] = sum(terms)
        known = found
    return list(known.values())
