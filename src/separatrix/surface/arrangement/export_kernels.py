"""The lattice's incidences as rows by dimension, and the check that the boundary of the boundary is zero."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_DIM,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    NODE_COFACE,
    NODE_FACET,
)


@compiled_in_place
def place_cells(n_cells, cells, places, firsts, ends):
    """Sort the cells by dimension, in the order of their ids: ``places`` says where each one stands.

    ``firsts`` (n + 2,): where the cells of a dimension begin in the row of all; ``ends`` (n + 2,) is scratch.
    """
    for dim in range(firsts.shape[0]):
        firsts[dim] = 0
    for cell in range(n_cells):
        firsts[cells[cell, CELL_DIM] + 1] += 1
    for dim in range(1, firsts.shape[0]):
        firsts[dim] += firsts[dim - 1]
    for dim in range(firsts.shape[0]):
        ends[dim] = firsts[dim]
    for cell in range(n_cells):
        place = ends[cells[cell, CELL_DIM]]
        ends[cells[cell, CELL_DIM]] += 1
        places[cell] = place


@compiled_in_place
def list_incidences(used, edges, nodes, places, firsts, starts, faces, signs):
    """Fill ``starts`` (cells + 1,), ``faces`` and ``signs`` with the facets of the cells in their places.

    In passes over the rows of edges and nodes: a walk along the lists would wait for one cache miss after the other.
    ``used``: numbers of edges, cells and nodes. Facets of a cell come in the order of their rows.
    """
    n_edges, n_cells, n_nodes = used[0], used[1], used[2]
    for place in range(n_cells + 1):
        starts[place] = 2 if place < firsts[2] else 0
    for node in range(n_nodes):
        starts[places[nodes[node, NODE_COFACE]]] += 1
    total = 0
    for place in range(n_cells + 1):
        total += starts[place]
        starts[place] = total  # the end of the row, which moves to its start below
    for edge in range(n_edges):
        place = places[edges[edge, EDGE_CELL]]
        at = starts[place] - 2
        starts[place] = at
        faces[at], faces[at + 1] = edges[edge, EDGE_A], edges[edge, EDGE_B]
        signs[at], signs[at + 1] = -1, 1
    for node in range(n_nodes - 1, -1, -1):
        place = places[nodes[node, NODE_COFACE]]
        at = starts[place] - 1
        starts[place] = at
        facet = nodes[node, NODE_FACET]
        number, below = places[facet >> 1], 0
        for dim in range(1, firsts.shape[0] - 1):
            below = firsts[dim] if number >= firsts[dim] else below
        faces[at] = number - below
        signs[at] = 1 - 2 * (facet & 1)


@compiled_in_place
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
