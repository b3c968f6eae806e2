"""The lattice's incidences as rows by dimension, and the check that the boundary of the boundary is zero."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled
from separatrix.surface.arrangement.lattice import (
    CELL_DIM,
    CELL_FACETS,
    EDGE_A,
    EDGE_B,
    NODE_FACET,
    NODE_NEXT_FACET,
    NONE,
)


@compiled
def place_cells(n_cells, cells, places, order, firsts):
    """Sort the cells by dimension, in the order of their ids: ``order`` lists them, ``places`` says where each one stands.

    ``firsts`` (n + 2,): where the cells of a dimension begin in the row of all.
    """
    firsts[:] = 0
    for cell in range(n_cells):
        firsts[cells[cell, CELL_DIM] + 1] += 1
    for dim in range(1, firsts.shape[0]):
        firsts[dim] += firsts[dim - 1]
    ends = firsts.copy()
    for cell in range(n_cells):
        place = ends[cells[cell, CELL_DIM]]
        ends[cells[cell, CELL_DIM]] += 1
        places[cell] = place
        order[place] = cell


@compiled
def list_incidences(n_cells, cells, edges, nodes, places, order, firsts, starts, faces, signs):
    """Fill ``starts`` (cells + 1,), ``faces`` and ``signs`` with the facets of the cells in their places."""
    at = 0
    for place in range(firsts[2]):
        row = cells[order[place], CELL_FACETS]
        starts[place] = at
        faces[at], faces[at + 1] = edges[row, EDGE_A], edges[row, EDGE_B]
        signs[at], signs[at + 1] = -1, 1
        at += 2
    for dim in range(2, firsts.shape[0] - 1):
        below = firsts[dim - 1]
        for place in range(firsts[dim], firsts[dim + 1]):
            starts[place] = at
            node = cells[order[place], CELL_FACETS]
            while node != NONE:
                facet = nodes[node, NODE_FACET]
                faces[at] = places[facet >> 1] - below
                signs[at] = 1 - 2 * (facet & 1)
                at += 1
                node = nodes[node, NODE_NEXT_FACET]
    starts[n_cells] = at


@compiled
def boundary_of_boundary(firsts, starts, faces, signs, weights, sums):
    """The first cell (its place in the row of all) whose boundary's boundary is not zero, or -1.

    Modulo 2^64, against random weights of the ridges: a boundary that is not zero is missed with probability 2^-60.
    ``sums`` holds the boundary of every cell's facets against the weights.
    """
    for place in range(starts.shape[0] - 1):
        total = np.uint64(0)
        for at in range(starts[place], starts[place + 1]):
            weight = weights[faces[at]]
            total = total + weight if signs[at] > 0 else total - weight
        sums[place] = total
    for dim in range(2, firsts.shape[0] - 1):
        for place in range(firsts[dim], firsts[dim + 1]):
            total = np.uint64(0)
            for at in range(starts[place], starts[place + 1]):
                value = sums[firsts[dim - 1] + faces[at]]
                total = total + value if signs[at] > 0 else total - value
            if total != 0:
                return place
    return -1
