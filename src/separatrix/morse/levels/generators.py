"""Representatives of the homology classes of {f >= c}, {f <= c} and {f = c} in every degree, as integer cycles (§10).

A class of degree dim - 1 of the first two is what surrounds a bounded component U of the complement: the boundary of U is a cycle
that encloses U once and no other component. In degree 0 it is the extreme point of each component. Between these degrees the
set is thinned first, and its homology over Z is computed; so is that of the mesh of {f = c}.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import InputError
from separatrix.morse.levels.level_record import DRAWN, LevelCycle

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelSets

Array = np.ndarray


def generators(sets: LevelSets, c: float, side: str, degree: int) -> tuple[LevelCycle, ...]:
    """One cycle a class of the piecewise linear function's {f >= c}, {f <= c} or {f = c}."""
    if sets.dim > DRAWN:
        raise InputError(f"generators: expected at most {DRAWN} dimensions, came {sets.dim}; betti(c) counts without")
    if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or not 0 <= degree < sets.dim:
        raise InputError(f"generators: expected a degree from 0 to {sets.dim - 1}, came {degree!r}")
    if side == "=":
        return _of_level(sets, c, int(degree))
    if not sets.shape or 0 < degree < sets.dim - 1:
        return _of_simplices(sets, _spanned(sets, c, side), int(degree))
    diagram = sets.persistence if side == ">=" else sets.persistence_below
    sign = 1.0 if side == ">=" else -1.0
    alive = (diagram.degree == degree) & (sign * diagram.birth >= sign * c) & (sign * diagram.death < sign * c)
    if degree == 0:
        return tuple(_point(point) for point in _points(sets, diagram.birth_cell[alive]))
    return _boundaries(sets, c, side, diagram.death_cell[alive])


def _points(sets: LevelSets, vertices: Array) -> Array:
    from separatrix.morse.levels.meshes import vertex_points

    return vertex_points(sets, vertices)


def _point(place: Array) -> LevelCycle:
    return LevelCycle(place[None], np.zeros((1, 1), dtype=np.int64), np.ones(1, dtype=np.int64))


def _spanned(sets: LevelSets, c: float, side: str) -> list[Array]:
    """The simplices of a set to which {f >= c} or {f <= c} retracts, by dimension, as numbers of vertices."""
    inside = sets.values >= c if side == ">=" else sets.values <= c
    if sets.shape:
        from separatrix.morse.levels.thinning import spanned, thinned

        return spanned(thinned(inside.reshape([n + 1 for n in sets.shape])))
    found = []
    for corners in range(1, sets.simplices.shape[1] + 1):
        rows = [sets.simplices[:, list(own)] for own in combinations(range(sets.simplices.shape[1]), corners)]
        every = np.concatenate(rows)
        found.append(np.unique(np.sort(every[inside[every].all(axis=1)], axis=1), axis=0))
    return found


def _of_simplices(sets: LevelSets, simplices: list[Array], degree: int) -> tuple[LevelCycle, ...]:
    """The generators of a complex on vertices of the grid, or of the complex of linear regions."""
    from separatrix.complexes.simplicial_complex import SimplicialComplex

    rows = [row for part in simplices for row in part.tolist()]
    return _of_complex(SimplicialComplex(rows), lambda numbers: _points(sets, numbers), degree) if rows else ()


def _of_complex(complex_: Any, places: Any, degree: int) -> tuple[LevelCycle, ...]:
    """The generators of the homology over Z of a simplicial complex; ``places``: from its labels to points."""
    if degree > complex_.dim:
        return ()
    labels, cells, found = np.asarray(complex_.vertices), complex_.cells(degree), []
    for chain in complex_.homology().generators(degree):
        used, rows = np.unique(cells[chain.cells], return_inverse=True)
        found.append(LevelCycle(places(labels[used]), rows.reshape(-1, degree + 1), chain.coefficients))
    return tuple(found)


def _of_level(sets: LevelSets, c: float, degree: int) -> tuple[LevelCycle, ...]:
    """The generators of the mesh of {f = c}: a point or all of each component at the ends of the degrees, else by homology."""
    from separatrix.complexes.simplicial_complex import SimplicialComplex
    from separatrix.morse.levels.meshes import level_mesh

    mesh = level_mesh(sets, c)
    if not len(mesh.simplices):
        return ()
    if 0 < degree < sets.dim - 1:
        return _of_complex(SimplicialComplex(mesh.simplices), lambda numbers: mesh.vertices[numbers], degree)
    label = _components(mesh.simplices, len(mesh.vertices))[mesh.simplices[:, 0]]
    if degree == 0:
        return tuple(_point(mesh.vertices[mesh.simplices[row, 0]]) for row in np.unique(label, return_index=True)[1])
    is_open = np.unique(label[_at_rim(mesh.simplices)])
    return tuple(_closed(mesh.vertices, mesh.simplices[label == own]) for own in np.setdiff1d(label, is_open))


def _at_rim(simplices: Array) -> Array:
    """Which simplices (m, k + 1) have a face that no other has, (m,)."""
    m, corners = simplices.shape
    if corners == 1:
        return np.zeros(m, dtype=bool)
    faces = np.concatenate([np.delete(simplices, j, axis=1) for j in range(corners)])
    rank, count = np.unique(np.sort(faces, axis=1), axis=0, return_inverse=True, return_counts=True)[1:]
    return np.asarray((count[rank.ravel()] == 1).reshape(corners, m).any(axis=0))


def _components(simplices: Array, n_vertices: int) -> Array:
    """The number of the component of each vertex of a mesh, (n_vertices,)."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    first = np.repeat(simplices[:, 0], simplices.shape[1])
    graph = coo_array((np.ones(first.size), (first, simplices.ravel())), shape=(n_vertices, n_vertices))
    return connected_components(graph, directed=False)[1]


def _closed(vertices: Array, simplices: Array) -> LevelCycle:
    """A closed part of an oriented mesh as a cycle."""
    used, rows = np.unique(simplices, return_inverse=True)
    return LevelCycle(vertices[used], rows.reshape(simplices.shape), np.ones(len(simplices), dtype=np.int64))


def _boundaries(sets: LevelSets, c: float, side: str, inside: Array) -> tuple[LevelCycle, ...]:
    """The parts of the level set about the components of the complement that hold the vertices ``inside``."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    from separatrix.morse.levels.grid import star
    from separatrix.morse.levels.meshes import cut_mesh

    counts = tuple(n + 1 for n in sets.shape)
    above = (sets.values >= c).reshape(counts)
    out = ~above if side == ">=" else above
    numbers = np.arange(out.size).reshape(counts)
    ends: list[tuple[Array, Array]] = []
    for step in star(sets.dim).steps[: 2**sets.dim - 1].tolist():
        here = tuple(slice(0, n - s) for s, n in zip(step, counts, strict=True))
        there = tuple(slice(s, None) for s in step)
        both = out[here] & out[there]
        ends.append((numbers[here][both], numbers[there][both]))
    first, second = (np.concatenate([pair[k] for pair in ends]) for k in (0, 1))
    graph = coo_array((np.ones(len(first), dtype=np.int8), (first, second)), shape=(out.size, out.size))
    label = connected_components(graph, directed=False)[1]
    mesh, edges = cut_mesh(sets, c)
    end = label[edges[:, 0] if side == ">=" else edges[:, 1]]
    return tuple(
        _closed(mesh.vertices, mesh.simplices[end[mesh.simplices[:, 0]] == label[vertex]]) for vertex in inside.tolist()
    )
