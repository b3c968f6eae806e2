"""The faces of a box as a lattice: the start of every subdivision."""

from __future__ import annotations

import itertools

import numpy as np

from separatrix.surface.arrangement.lattice import NONE, Lattice

INSIDE = 2  # a coordinate that runs over its whole interval; 0 and 1 are its ends


def box_lattice(lower: np.ndarray, upper: np.ndarray, words: int) -> Lattice:
    """The 3^n faces of [lower, upper] with signed incidence; word 0 of the bits: x_i - lower_i, upper_i - x_i.

    The boundary of a product of intervals: the face of cell c at the end (0 or 1) of its i-th interval has incidence
    (-1)^i (-1)^(1 - end). Edges run from the lower end to the upper.
    """
    n = lower.shape[0]
    faces: list[tuple[int, ...]] = sorted(
        itertools.product((0, 1, INSIDE), repeat=n), key=lambda face: face.count(INSIDE)
    )
    corners = 2**n
    lattice = Lattice(n, words)
    number = {face: i if i < corners else i - corners for i, face in enumerate(faces)}
    lattice.reserve(corners, n * 2 ** (n - 1), len(faces) - corners, 2 * n * 3 ** (n - 1))
    ends = np.array(faces[:corners])
    lattice.n_vertices = corners
    lattice.x[:corners] = np.where(ends == 1, upper, lower)
    lattice.error[:corners] = 0.0
    lattice.positive[:corners] = lattice.negative[:corners] = 0
    bits = np.array([sum(1 << (2 * i + 1 - end) for i, end in enumerate(corner)) for corner in faces[:corners]])
    lattice.positive[:corners, 0] = bits.astype(np.uint64)
    for face in faces[corners:]:
        _add(lattice, face, number)
    return lattice


def _add(lattice: Lattice, face: tuple[int, ...], number: dict[tuple[int, ...], int]) -> None:
    """One face of dimension 1 or more: its row and its incidences."""
    cell, dim = number[face], face.count(INSIDE)
    free = [i for i, end in enumerate(face) if end == INSIDE]
    corner = number[tuple(0 if end == INSIDE else end for end in face)]
    lattice.cells[cell] = (NONE, NONE, corner, cell, dim, 0, NONE, NONE)
    lattice.n_cells += 1
    if dim == 1:
        start, end = (number[(*face[: free[0]], side, *face[free[0] + 1 :])] for side in (0, 1))
        lattice.edges[lattice.n_edges] = (start, end, cell, NONE)
        lattice.cells[cell, 0] = lattice.n_edges
        lattice.n_edges += 1
        return
    for position, i in enumerate(free):
        for side in (0, 1):
            facet = number[(*face[:i], side, *face[i + 1 :])]
            is_negative = (position + side) % 2 == 0
            node = lattice.n_nodes
            lattice.nodes[node] = (2 * facet + is_negative, cell, lattice.cells[cell, 0], lattice.cells[facet, 1])
            lattice.cells[cell, 0] = lattice.cells[facet, 1] = node
            lattice.n_nodes += 1
