"""The faces of a box as a lattice: the start of every subdivision."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np

from separatrix.surface.arrangement.lattice import NONE, SPARE, Lattice

INSIDE = 2  # a coordinate that runs over its whole interval; 0 and 1 are its ends


def box_lattice(lower: np.ndarray, upper: np.ndarray, words: int) -> Lattice:
    """The 3^n faces of [lower, upper] with signed incidence; word 0 of the bits: x_i - lower_i, upper_i - x_i.

    The boundary of a product of intervals: the face of cell c at the end (0 or 1) of its i-th interval has incidence
    (-1)^i (-1)^(1 - end). Edges run from the lower end to the upper.
    """
    n = lower.shape[0]
    lattice, corners = _faces(n).copy(words), 2**n
    ends = np.array(list(itertools.product((0, 1), repeat=n)), dtype=np.uint64)
    lattice.x[:corners] = np.where(ends == 1, upper, lower)
    lattice.error[:corners] = 0.0
    lattice.positive[:corners] = lattice.negative[:corners] = 0
    lattice.positive[:corners, 0] = (np.uint64(1) << (2 * np.arange(n, dtype=np.uint64) + 1 - ends)).sum(axis=1)
    return lattice


@cache
def _faces(n: int) -> Lattice:
    """The faces of a box in n dimensions, which are the same for all of them."""
    faces: list[tuple[int, ...]] = sorted(
        itertools.product((0, 1, INSIDE), repeat=n), key=lambda face: face.count(INSIDE)
    )
    corners = 2**n
    lattice = Lattice(n, 1)
    number = {face: i if i < corners else i - corners for i, face in enumerate(faces)}
    cells, incidences = len(faces) - corners, 2 * n * 3 ** (n - 1)
    lattice.reserve(corners, n * 2 ** (n - 1), cells, incidences + (SPARE + 1) * cells, incidences + 2 * cells)
    lattice.n_vertices = corners
    for face in faces[corners:]:
        _add(lattice, face, number)
    lattice.edges, lattice.cells = lattice.edges[: lattice.n_edges].copy(), lattice.cells[: lattice.n_cells].copy()
    lattice.facets, lattice.cofaces = (
        lattice.facets[: lattice.n_facets].copy(),
        lattice.cofaces[: lattice.n_cofaces].copy(),
    )
    return lattice


def _add(lattice: Lattice, face: tuple[int, ...], number: dict[tuple[int, ...], int]) -> None:
    """One face of dimension 1 or more: its row and its incidences."""
    cell, dim = number[face], face.count(INSIDE)
    free = [i for i, end in enumerate(face) if end == INSIDE]
    corner = number[tuple(0 if end == INSIDE else end for end in face)]
    lattice.cells[cell] = (lattice.n_facets + 1, lattice.n_cofaces + 2, corner, cell, dim, 0, NONE, 2 * dim)
    lattice.n_cells += 1
    cofaces = [number[(*face[:i], INSIDE, *face[i + 1 :])] for i, end in enumerate(face) if end != INSIDE]
    block = [len(cofaces), len(cofaces), *cofaces]
    lattice.cofaces[lattice.n_cofaces : lattice.n_cofaces + len(block)] = block
    lattice.n_cofaces += len(block)
    if dim == 1:
        start, end = (number[(*face[: free[0]], side, *face[free[0] + 1 :])] for side in (0, 1))
        lattice.edges[lattice.n_edges] = (start, end, cell, NONE)
        lattice.cells[cell, 0] = lattice.n_edges
        lattice.n_edges += 1
        return
    block = [2 * dim + SPARE]
    for position, i in enumerate(free):
        for side in (0, 1):
            facet = number[(*face[:i], side, *face[i + 1 :])]
            is_negative = (position + side) % 2 == 0
            block.append(2 * facet + is_negative)
    lattice.facets[lattice.n_facets : lattice.n_facets + len(block)] = block
    lattice.n_facets += len(block) + SPARE
