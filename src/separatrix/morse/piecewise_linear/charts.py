"""A cell in coordinates of its own: x = v_0 + M t, z = z_0 + E t on its affine hull, t in R^s (§5).

v_0 and the ends of the columns of M are vertices of the cell, so that z_0 and E are differences of values at vertices. Where
z has fewer than s independent directions on the cell, the chart is one of its image: z = z_0 + E u, u in R^r.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import scipy.linalg

from separatrix.complexes.cells import Cells
from separatrix.morse.piecewise_linear.cell_tables import CellTables
from separatrix.numerics.rounding import UNIT

DEPENDENT = 1e-9
Exact = Callable[[int], tuple[Fraction, ...]]


@dataclass(frozen=True, eq=False)
class Places:
    """Vertices: ``points`` (V, n) with errors ``spread`` (V,) in the 2-norm, ``z`` (V, m) with ``z_error`` (V, m)."""

    points: np.ndarray
    spread: np.ndarray
    z: np.ndarray
    z_error: np.ndarray


@dataclass(frozen=True, eq=False)
class Chart:
    """One cell: ``frame`` (n, s) = M with ``frame_error``, ``base`` the number of v_0; ``z`` (m,), ``z_error`` (m,),
    ``slopes`` (m, s) = E with ``slopes_error``; ``lower``, ``upper`` (s,): a box that holds the cell; the cell lies where
    ``facets`` (F, s) t >= ``least`` (F,). ``is_flat``: a chart of the image; a point of it is a set of the cell.
    """

    base: int
    frame: np.ndarray
    frame_error: float
    z: np.ndarray
    z_error: np.ndarray
    slopes: np.ndarray
    slopes_error: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    facets: np.ndarray
    least: np.ndarray
    is_flat: bool


def chart(cells: Cells, tables: CellTables, places: Places, k: int, cell: int, exact: Exact) -> Chart | None:
    """The chart of a k-cell, None where its vertices are too close to a plane of less dimensions for doubles.

    ``exact(v)``: z at vertex v in rational numbers.
    """
    starts, members = tables.vertices(k)
    vertices = members[starts[cell] : starts[cell + 1]]
    x, base = places.points[vertices], int(vertices[0])
    axes = vertices[_pivots((x[1:] - x[0]).T)[:k] + 1]
    frame = (places.points[axes] - places.points[base]).T
    spread = float(places.spread[axes].max(initial=0.0) + places.spread[base]) + UNIT * float(np.abs(frame).max())
    solved = _coordinates(frame, spread, x - x[0], places.spread[vertices] + places.spread[base])
    if solved is None:
        return None
    if is_dependent((places.z[axes] - places.z[base]).T):
        rank = _rank([exact(int(v)) for v in (base, *axes.tolist())])
        if rank < k:
            return _flat_chart(places, vertices, axes, rank)
    normals = _facet_normals(cells, tables, (k, cell), vertices, solved[0])
    return _made(places, base, axes, (frame, spread), (*solved, normals), is_flat=False)


def _flat_chart(places: Places, vertices: np.ndarray, axes: np.ndarray, rank: int) -> Chart | None:
    """The chart of the image of a cell on which z has ``rank`` independent directions, exactly; ``rank`` > 0."""
    base = int(vertices[0])
    shifts = places.z[vertices] - places.z[base]
    axes = axes[_pivots((places.z[axes] - places.z[base]).T)[:rank]]
    error = np.linalg.norm(places.z_error[vertices] + places.z_error[base], axis=1) + UNIT * np.abs(shifts).max()
    frame = (places.z[axes] - places.z[base]).T
    solved = _coordinates(frame, float(error.max()), shifts, error)
    if solved is None:
        return None
    normals = np.concatenate([np.eye(rank), -np.eye(rank), *_sides(solved[0])])
    return _made(places, base, axes, (frame, float(error.max())), (*solved, normals), is_flat=True)


def _made(
    places: Places,
    base: int,
    axes: np.ndarray,
    frame: tuple[np.ndarray, float],
    bounds: tuple[np.ndarray, float, np.ndarray],
    *,
    is_flat: bool,
) -> Chart:
    t, error, normals = bounds
    lost = (error + (t.shape[1] + 4) * UNIT * np.abs(t).max()) * np.abs(normals).sum(axis=1)
    slopes = (places.z[axes] - places.z[base]).T
    slopes_error = (places.z_error[axes] + places.z_error[base]).T + UNIT * np.abs(slopes)
    lower, upper, least = t.min(axis=0) - error, t.max(axis=0) + error, (t @ normals.T).min(axis=0) - lost * (1 + 1e-9)
    z, z_error = places.z[base], places.z_error[base]
    return Chart(base, *frame, z, z_error, slopes, slopes_error, lower, upper, normals, least, is_flat)


def _sides(u: np.ndarray) -> list[np.ndarray]:
    """Directions orthogonal to the sides of the convex hull of the rows ``u`` (V, r), pointing in; none where r = 1."""
    from scipy.spatial import ConvexHull, QhullError

    if u.shape[1] == 1 or u.shape[0] <= u.shape[1]:
        return []
    try:
        return [-ConvexHull(u).equations[:, :-1]]
    except QhullError:
        return []


def _rank(rows: list[tuple[Fraction, ...]]) -> int:
    """The rank of the differences of rational rows to the first."""
    from flint import fmpq, fmpq_mat

    shifts = [[a - b for a, b in zip(row, rows[0], strict=True)] for row in rows[1:]]
    return fmpq_mat([[fmpq(v.numerator, v.denominator) for v in row] for row in shifts]).rank()


def _coordinates(
    frame: np.ndarray, frame_error: float, shifts: np.ndarray, shift_error: np.ndarray
) -> tuple[np.ndarray, float] | None:
    """(t (V, s), error): t with M t = shift for every vertex of the cell, from s well chosen rows, with a proved bound.

    For C near the inverse of those rows R and alpha >= |I - C R| (row sums): |t - t'| <= |C (shift - R t')| / (1 - alpha).
    """
    s = frame.shape[1]
    rows = _pivots(frame.T)[:s]
    part = frame[rows]
    try:
        inverse = np.linalg.inv(part)
    except np.linalg.LinAlgError:
        return None
    t = shifts[:, rows] @ inverse.T
    size = np.abs(inverse)
    defect = np.abs(np.eye(s) - inverse @ part) + size @ ((s + 4) * UNIT * np.abs(part) + frame_error)
    alpha = float(defect.sum(axis=1).max()) * (1.0 + 1e-9)
    if not np.isfinite(inverse).all() or not alpha < 0.5:
        return None
    residual = np.abs(shifts[:, rows] - t @ part.T)
    residual += np.abs(t) @ ((s + 4) * UNIT * np.abs(part) + frame_error).T + 4 * UNIT * np.abs(shifts[:, rows])
    residual += shift_error[:, None]
    error = float((residual @ size.T).max()) / (1.0 - alpha) * (1.0 + 1e-9)
    return (t, error) if np.isfinite(error) else None


def _pivots(columns: np.ndarray) -> np.ndarray:
    """The order in which a QR decomposition with pivoting takes the columns."""
    found: Any = scipy.linalg.qr(columns, mode="r", pivoting=True)
    return found[1]


def _facet_normals(
    cells: Cells, tables: CellTables, cell: tuple[int, int], vertices: np.ndarray, t: np.ndarray
) -> np.ndarray:
    """A direction for every facet, roughly orthogonal to it and pointing into the cell, (F, s); any choice is valid."""
    k, number = cell
    starts, members = tables.vertices(k - 1)
    found = []
    for facet in cells.faces[k][cells.starts[k][number] : cells.starts[k][number + 1]].tolist():
        on = np.isin(vertices, members[starts[facet] : starts[facet + 1]], assume_unique=True)
        edges = t[on][1:] - t[on][0]
        normal = np.linalg.svd(edges)[2][-1] if edges.size else np.ones(k)
        inward = float(((t[~on] - t[on][0]) @ normal).sum())
        found.append(normal if inward >= 0 else -normal)
    return np.array(found).reshape(-1, k)


def always_rises(made: Chart) -> bool:
    """Whether one direction is proved to raise all entries of z on the cell: every convex mean of them rises along it."""
    direction = np.linalg.lstsq(made.slopes, np.ones(made.slopes.shape[0]), rcond=None)[0]
    size = (np.abs(made.slopes) * (made.slopes.shape[1] + 4) * UNIT + made.slopes_error) @ np.abs(direction)
    return bool((made.slopes @ direction > size * (1.0 + 1e-9)).all())


def is_dependent(slopes: np.ndarray) -> bool:
    """Whether the columns of ``slopes`` (m, s) are dependent to rounding."""
    if slopes.shape[0] < slopes.shape[1]:
        return True
    size = np.linalg.norm(slopes, axis=0)
    if size.min() <= DEPENDENT * size.max():
        return True
    singular = np.linalg.svd(slopes / size, compute_uv=False)
    return bool(singular[-1] <= DEPENDENT * singular[0])
