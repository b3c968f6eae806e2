"""Representatives of the homology classes of a superlevel or sublevel set in degrees 0 and dim - 1 (§10).

A class of degree dim - 1 is what surrounds a bounded component U of the complement: the boundary of U is a cycle that
encloses U once and no other component. In degree 0 it is the extreme point of each component.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from separatrix.errors import InputError
from separatrix.morse.levels.level_record import LevelMesh

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelSets

Array = np.ndarray


def generators(sets: LevelSets, c: float, side: str, degree: int) -> tuple[LevelMesh, ...]:
    """One mesh a class of the piecewise linear function's {f >= c} or {f <= c}."""
    if side == "=":
        raise InputError("generators: expected side '>=' or '<='; mesh(c) is the level set itself")
    if not sets.shape:
        raise InputError(
            "generators: the exact complex has them: linear_regions(net, box).subcomplex(…).homology().generators"
        )
    if isinstance(degree, bool) or not isinstance(degree, (int, np.integer)) or degree not in (0, sets.dim - 1):
        raise InputError(
            f"generators: expected degree 0 or {sets.dim - 1}, came {degree!r}; for degree 1 in space take "
            "persistence or homology of a coarser grid's complex"
        )
    diagram = sets.persistence if side == ">=" else sets.persistence_below
    sign = 1.0 if side == ">=" else -1.0
    alive = (diagram.degree == degree) & (sign * diagram.birth >= sign * c) & (sign * diagram.death < sign * c)
    from separatrix.morse.levels.meshes import vertex_points

    if degree == 0:
        points = vertex_points(sets, diagram.birth_cell[alive])
        return tuple(LevelMesh(point[None], np.zeros((1, 1), dtype=np.int64)) for point in points)
    return _boundaries(sets, c, side, diagram.death_cell[alive])


def _boundaries(sets: LevelSets, c: float, side: str, inside: Array) -> tuple[LevelMesh, ...]:
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
    found = []
    for vertex in inside.tolist():
        simplices = mesh.simplices[end[mesh.simplices[:, 0]] == label[vertex]]
        used, rows = np.unique(simplices, return_inverse=True)
        found.append(LevelMesh(mesh.vertices[used], rows.reshape(simplices.shape)))
    return tuple(found)
