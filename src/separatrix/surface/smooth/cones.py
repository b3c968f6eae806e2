"""Walls in tetrahedra: cones over the connected parts of the graph that the walls draw on the boundary (§6)."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.surface.components import joined
from separatrix.surface.smooth.envelope import Walls


def face_keys(simplices: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray]:
    """(faces, number): the distinct triangles (F, 3) of tetrahedra (N, 4), vertices ascending, and (N, 4) their numbers."""
    ordered = np.sort(simplices, axis=1)
    every = np.stack([ordered[:, list(face)] for face in combinations(range(4), 3)], axis=1).reshape(-1, 3)
    keys = (every[:, 0] * n_vertices + every[:, 1]) * n_vertices + every[:, 2]
    if n_vertices**3 >= 2**62:
        faces, number = np.unique(every, axis=0, return_inverse=True)
        return faces, number.reshape(-1, 4)
    unique, index, number = np.unique(keys, return_index=True, return_inverse=True)
    assert len(unique) == len(index)
    return every[index], number.reshape(-1, 4)


def cones(walls: Walls, number: np.ndarray, n_vertices: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(triangles (F, 3), types (F, 2), owner (F,), apex_of (A, 2)) of the walls in tetrahedra.

    ``number`` (N, 4): the faces of each tetrahedron; ``n_vertices``: of the walls. The apex of part a has the number
    n_vertices + a; ``apex_of`` lists (apex, vertex) for every vertex of its part. A part of three walls of one type is
    its own triangle.
    """
    order = np.argsort(walls.owner, kind="stable")
    starts = np.searchsorted(walls.owner[order], np.arange(number.max(initial=-1) + 2))
    lengths = starts[number + 1] - starts[number]  # (N, 4) segments on every face
    owner = np.repeat(np.arange(len(number)), lengths.sum(axis=1))
    first = np.repeat(starts[number].ravel(), lengths.ravel())
    within = np.arange(len(first)) - np.repeat(np.cumsum(lengths.ravel()) - lengths.ravel(), lengths.ravel())
    segments = order[first + within]
    ends, types = walls.segments[segments], walls.types[segments]
    corners, local = np.unique(owner[:, None] * (n_vertices + 1) + ends, return_inverse=True)
    local = local.reshape(-1, 2)
    part, n_parts = joined(np.ones(len(corners), dtype=bool), local)
    of_segment = part[local[:, 0]]
    size = np.bincount(of_segment, minlength=n_parts)
    least, most = np.full(n_parts, np.iinfo(np.int64).max), np.full(n_parts, -1)
    code = types[:, 0] * (types.max(initial=0) + 1) + types[:, 1]
    np.minimum.at(least, of_segment, code)
    np.maximum.at(most, of_segment, code)
    flat = (size == 3) & (least == most) & (np.bincount(part, minlength=n_parts) == 3)
    rest = ~flat[of_segment]
    apex_number = np.cumsum(~flat) - 1
    apexes = n_vertices + apex_number[of_segment[rest]]
    triangles = np.concatenate([ends[rest], apexes[:, None]], axis=1)
    one = np.flatnonzero(~rest)[np.argsort(of_segment[~rest], kind="stable")].reshape(-1, 3)
    plain = np.sort(ends[one].reshape(-1, 6), axis=1)[:, ::2]  # every corner stands twice
    vertices = ~flat[part]
    apex_of = np.stack([apex_number[part[vertices]], corners[vertices] % (n_vertices + 1)], axis=1)
    return (
        np.concatenate([plain, triangles]),
        np.concatenate([types[one[:, 0]], types[rest]]),
        np.concatenate([owner[one[:, 0]], owner[rest]]),
        apex_of,
    )
