"""Meshes of level sets by marching simplices, on grids and on triangulated complexes (§10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from separatrix.errors import InputError
from separatrix.morse.levels.grid import Grid, cube_simplices
from separatrix.morse.levels.level_record import DRAWN, LevelMesh
from separatrix.surface.smooth.marching import zero_set

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelSets

Array = np.ndarray
LEAST = 1e-300  # what is on the level counts as above it: {f >= c} is closed


def level_mesh(sets: LevelSets, c: float) -> LevelMesh:
    """The level set {f = c} of the piecewise linear function."""
    return cut_mesh(sets, c)[0]


def cut_mesh(sets: LevelSets, c: float) -> tuple[LevelMesh, Array]:
    """The level set and, for each of its vertices, the edge (below, above) of the grid that it cuts, numbers of vertices."""
    if sets.dim > DRAWN:
        raise InputError(
            f"mesh: expected at most {DRAWN} dimensions, came {sets.dim}; betti(c, '=') counts without a mesh"
        )
    simplices = crossed(sets, c)
    used, rows = np.unique(simplices, return_inverse=True)
    points = vertex_points(sets, used)
    heights = sets.values.ravel()[used] - c
    heights[heights == 0.0] = LEAST
    edges, facets = zero_set(points, heights, rows.reshape(simplices.shape))
    low, high = heights[edges[:, 0]], heights[edges[:, 1]]
    share = (low / (low - high))[:, None]
    placed = (1.0 - share) * points[edges[:, 0]] + share * points[edges[:, 1]]
    return LevelMesh(placed, facets), used[edges]


def vertex_points(sets: LevelSets, vertices: Array) -> Array:
    """Coordinates of vertices of the grid or of the complex."""
    return Grid(sets.domain, sets.shape).points(vertices) if sets.shape else sets.vertices[vertices]


def crossed(sets: LevelSets, c: float) -> Array:
    """The simplices with vertices on both sides of the level, (n, dim + 1)."""
    if not sets.shape:
        above = (sets.values >= c)[sets.simplices]
        return sets.simplices[above.any(axis=1) & ~above.all(axis=1)]
    above = (sets.values >= c).reshape([n + 1 for n in sets.shape])
    some = np.zeros(sets.shape, dtype=np.int64)
    corners = np.stack(np.meshgrid(*[[0, 1]] * sets.dim, indexing="ij"), axis=-1).reshape(-1, sets.dim)
    for corner in corners.tolist():
        some += above[tuple(slice(a, a + n) for a, n in zip(corner, sets.shape, strict=True))]
    cubes = np.stack(np.nonzero((some > 0) & (some < len(corners))), axis=1)
    offsets = cube_simplices(sets.dim)
    places = cubes[:, None, None, :] + offsets[None]
    numbers = np.ravel_multi_index(tuple(np.moveaxis(places, -1, 0)), above.shape).reshape(-1, sets.dim + 1)
    side = above.ravel()[numbers]
    return numbers[side.any(axis=1) & ~side.all(axis=1)]
