"""The geometry of a decision surface that pictures need: simplices, dominant neurons, cycles, creases, the data's part."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.domains import AffineSlice, Box, Domain
from separatrix.study.surface_places import Place
from separatrix.study.surface_portrait import SurfaceDrawing

MOST_SIMPLICES, MOST_CREASES, MOST_CYCLES, MOST_CYCLE_EDGES = 20_000, 6_000, 24, 20_000
RASTER = 180


def drawing_of(surface: Any, homology: Any, place: Place, domain: Domain) -> SurfaceDrawing:
    """What is drawn of a surface in one to three dimensions; empty beyond, and where there is too much."""
    dim = place.box.dim
    vertices, simplices = np.zeros((0, dim)), np.zeros((0, dim), dtype=np.int64)
    neuron = np.zeros(0, dtype=np.int64)
    cycles, cycle = np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    if dim <= 3 and surface.dim == dim - 1 and 0 < surface.cell_counts[-1] <= MOST_SIMPLICES:
        mesh = surface.triangulate()
        found = np.asarray(mesh.cells(dim - 1), dtype=np.int64)
        if len(found) <= MOST_SIMPLICES:
            vertices, simplices = np.asarray(mesh.positions, dtype=np.float64), found
            neuron = _dominant(surface, mesh)
            cycles, cycle = _cycles(surface.complex, homology)
    return SurfaceDrawing(
        vertices, simplices, neuron, cycles, cycle, _creases(surface, dim), _raster(place), _outline(place, domain)
    )


def _dominant(surface: Any, mesh: Any) -> np.ndarray:
    """The neuron that dominates the cell that each simplex of the mesh lies in; -1 where none does."""
    top = surface.dim
    dominant = surface.neurons.dominant
    if mesh is surface.complex or not hasattr(mesh, "carriers"):
        return np.asarray(dominant, dtype=np.int64)
    dimension, number = mesh.carriers(top)
    return np.where((dimension == top) & (number >= 0), dominant[np.maximum(number, 0)], -1).astype(np.int64)


def _cycles(found: Any, homology: Any) -> tuple[np.ndarray, np.ndarray]:
    """Edges of the generators of degree 1 as pairs of vertices, and the number of the generator of each."""
    if found.dim < 1 or len(homology.betti) < 2:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    cells = found.incidence if hasattr(found, "incidence") else found.cells
    ends = np.asarray(cells.faces[1], dtype=np.int64).reshape(-1, 2)
    n_own = int(homology.betti[1]) + len(homology.torsion[1])
    edges, owner = [], []
    for number in range(min(n_own, MOST_CYCLES)):
        chain = np.asarray(homology.generators(1)[number].cells, dtype=np.int64)
        edges.append(ends[chain])
        owner.append(np.full(len(chain), number))
        if sum(map(len, edges)) > MOST_CYCLE_EDGES:
            break
    if not edges:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    return np.concatenate(edges), np.concatenate(owner)


def _creases(surface: Any, dim: int) -> np.ndarray:
    """The edges of the linear regions in the plane, (m, 2, 2); none where there are too many."""
    nothing = np.zeros((0, 2, dim))
    if dim != 2 or not surface.network.is_piecewise_linear:
        return nothing
    ambient = surface.ambient
    if not ambient.is_closed or ambient.cell_counts[1] > MOST_CREASES:
        return nothing
    return ambient.points[np.asarray(ambient.cells.faces[1], dtype=np.int64).reshape(-1, 2)]


def _raster(place: Place) -> np.ndarray:
    """The network's prediction on a grid over a plane box, a background for pictures and no more."""
    if place.box.dim != 2:
        return np.zeros((0, 0), dtype=np.int16)
    steps = (np.arange(RASTER) + 0.5) / RASTER
    x = place.box.lower[0] + place.box.width[0] * steps
    y = place.box.upper[1] - place.box.width[1] * steps
    grid = np.stack(np.meshgrid(x, y), axis=-1).reshape(-1, 2)
    return place.net.predict(grid).reshape(RASTER, RASTER).astype(np.int16)


def _outline(place: Place, domain: Domain) -> np.ndarray:
    """The part of a plane slice that lies in the network's own box: the corners of a convex polygon, (k, 2)."""
    if not isinstance(place.slice, AffineSlice) or not isinstance(domain, Box) or place.box.dim != 2:
        return np.zeros((0, 2))
    low, high = place.box.lower, place.box.upper
    corners = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    origin, directions = place.slice.origin, place.slice.directions
    for normal, level in ((directions.T, domain.upper - origin), (-directions.T, origin - domain.lower)):
        for row, bound in zip(normal, level, strict=True):
            if row.any():
                corners = _clipped(corners, row, float(bound))
            if not len(corners):
                return corners
    return corners


def _clipped(corners: np.ndarray, normal: np.ndarray, bound: float) -> np.ndarray:
    """A convex polygon cut by {normal . t <= bound} (Sutherland and Hodgman)."""
    level = corners @ normal - bound
    kept: list[np.ndarray] = []
    for i in range(len(corners)):
        j = (i + 1) % len(corners)
        if level[i] <= 0:
            kept.append(corners[i])
        if (level[i] < 0 < level[j]) or (level[j] < 0 < level[i]):
            kept.append(corners[i] + level[i] / (level[i] - level[j]) * (corners[j] - corners[i]))
    return np.array(kept).reshape(-1, 2)
