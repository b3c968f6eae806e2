"""The zero set of a piecewise linear function on a conforming mesh, as oriented simplices (marching simplices)."""

from __future__ import annotations

from functools import cache
from itertools import combinations

import numpy as np

from separatrix.errors import SeparatrixError


@cache
def _patterns(n: int) -> tuple[tuple[tuple[tuple[int, int], ...], ...], ...]:
    """For every set of positive vertices (a bit mask) of a positively oriented n-simplex: the cells of {L = 0}, each a
    tuple of n cut edges, ordered so that (differences of the corners, normal towards L > 0) is positively oriented.
    """
    corners = np.vstack([np.zeros(n), np.eye(n)])
    found = []
    for mask in range(2 ** (n + 1)):
        inside = [v for v in range(n + 1) if mask >> v & 1]
        outside = [v for v in range(n + 1) if not mask >> v & 1]
        cells: list[tuple[tuple[int, int], ...]] = []
        if len(inside) == 2 and len(outside) == 2:
            a, b, c, d = *inside, *outside
            ring = ((a, c), (a, d), (b, d), (b, c))
            cells = [(ring[0], ring[1], ring[2]), (ring[0], ring[2], ring[3])]
        elif inside and outside:
            cells = [tuple((a, b) for a in inside for b in outside)]
        found.append(tuple(_oriented(cell, corners, inside, outside) for cell in cells))
    return tuple(found)


def _oriented(
    cell: tuple[tuple[int, int], ...], corners: np.ndarray, inside: list[int], outside: list[int]
) -> tuple[tuple[int, int], ...]:
    points = np.array([0.5 * (corners[a] + corners[b]) for a, b in cell])
    normal = corners[inside].mean(axis=0) - corners[outside].mean(axis=0)
    frame = np.vstack([points[1:] - points[0], normal])
    if np.linalg.det(frame) < 0 and len(cell) > 1:
        return (cell[1], cell[0], *cell[2:])
    return cell


def zero_set(coords: np.ndarray, levels: np.ndarray, simplices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(edges, facets): the cut edges (E, 2), the vertex with L < 0 first, and the cells of {L = 0}, (F, n) rows of edges.

    ``coords`` (n_vertices, n), ``levels`` (n_vertices,) without zeros, ``simplices`` (N, n + 1). Cells are oriented with
    the normal towards L > 0; every cell keeps to one simplex. Row f of the facets comes from the simplex order.
    """
    n = coords.shape[1]
    masks = ((levels[simplices] > 0) << np.arange(n + 1)).sum(axis=1)
    differences = coords[simplices[:, 1:]] - coords[simplices[:, :1]]
    flipped = np.linalg.det(differences) < 0
    pieces: list[np.ndarray] = []
    for mask in np.unique(masks):
        rows = np.flatnonzero(masks == mask)
        for cell in _patterns(n)[mask]:
            ends = np.array(cell)
            found = simplices[rows][:, ends]  # (rows, n, 2), positive vertex first
            if n > 1:
                found[flipped[rows]] = found[flipped[rows]][:, [1, 0, *range(2, n)]]
            pieces.append(found)
    if not pieces:
        return np.zeros((0, 2), dtype=np.int64), np.zeros((0, n), dtype=np.int64)
    corners = np.concatenate(pieces)
    keys = corners[:, :, 1] * len(coords) + corners[:, :, 0]
    unique, facets = np.unique(keys, return_inverse=True)
    edges = np.stack([unique // len(coords), unique % len(coords)], axis=1)
    return edges, facets.reshape(keys.shape)


def check_ridges(facets: np.ndarray, on_boundary: np.ndarray) -> None:
    """Every ridge of a surface lies in two facets, or in one and on the side of the box.

    ``facets`` (F, n), ``on_boundary`` (V, n, 2): which sides of the box each vertex lies on. Raises SeparatrixError
    where this fails, which would contradict the theorem: an error of ours.
    """
    n = facets.shape[1]
    if n < 2 or not len(facets):
        return
    kept = [list(rest) for rest in combinations(range(n), n - 1)]
    ridges = np.sort(np.concatenate([facets[:, rest] for rest in kept]), axis=1)
    unique, counts = np.unique(ridges, axis=0, return_counts=True)
    is_free = on_boundary[unique].all(axis=1).reshape(len(unique), -1).any(axis=1)
    if not np.where(is_free, counts == 1, counts == 2).all():
        raise SeparatrixError("a ridge of the smooth surface does not lie in two facets; please report this network")
