"""The lattice's incidences as rows by dimension, and the check that the boundary of the boundary is zero."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_DIM,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    NODE_COFACE,
    NODE_FACET,
)

STRIDE, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of splitmix64 (Steele, Lea, Flood)
SEED = 20240229


@compiled_in_place
def place_cells(n_cells, cells, places, firsts, ends):
    """Sort the cells by dimension, in the order of their ids: ``places`` says which one of its dimension each is.

    ``firsts`` (n + 2,): where the cells of a dimension begin in the row of all; ``ends`` (n + 2,) is scratch.
    """
    for dim in range(firsts.shape[0]):
        firsts[dim] = ends[dim] = 0
    for cell in range(n_cells):
        dim = cells[cell, CELL_DIM]
        places[cell] = ends[dim]
        ends[dim] += 1
    for dim in range(1, firsts.shape[0]):
        firsts[dim] = firsts[dim - 1] + ends[dim - 1]


@compiled_in_place
def list_incidences(used, cells, edges, nodes, places, firsts, ends, starts, faces):
    """Fill ``starts`` (cells + 1,) and ``faces`` with the facets of the cells by dimension: twice the id, plus 1 for -1.

    In passes over the rows of edges and nodes: a walk along the lists would wait for one cache miss after the other.
    ``used``: numbers of edges, cells and nodes; ``ends`` (cells,) is scratch. Facets of a cell come in the order of their
    rows.
    """
    n_edges, n_cells, n_nodes = used[0], used[1], used[2]
    for cell in range(n_cells):
        ends[cell] = 2 if cells[cell, CELL_DIM] == 1 else 0
    for node in range(n_nodes):
        ends[nodes[node, NODE_COFACE]] += 1
    for cell in range(n_cells):
        starts[firsts[cells[cell, CELL_DIM]] + places[cell] + 1] = ends[cell]
    starts[0] = 0
    for place in range(n_cells):
        starts[place + 1] += starts[place]
    for cell in range(n_cells):
        ends[cell] = starts[firsts[cells[cell, CELL_DIM]] + places[cell]]
    for edge in range(n_edges):
        at = ends[edges[edge, EDGE_CELL]]
        faces[at], faces[at + 1] = 2 * edges[edge, EDGE_A] + 1, 2 * edges[edge, EDGE_B]
    for node in range(n_nodes):
        cell = nodes[node, NODE_COFACE]
        at = ends[cell]
        ends[cell] = at + 1
        faces[at] = nodes[node, NODE_FACET]


@compiled_part_in_place
def _weight(number):
    """Pseudo-random: the numbers of one dimension are ridges of the next but one."""
    x = np.uint64(number + SEED) * np.uint64(STRIDE)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(SECOND)
    return x ^ (x >> np.uint64(31))


@compiled_in_place
def number_facets(firsts, starts, places, faces, signs, sums):
    """Facets by their number and sign instead of twice their id; the first cell whose boundary has a boundary, or -1.

    That is its place in the row of all. Modulo 2^64, against pseudo-random weights of the ridges: a boundary that is not zero
    is missed with probability 2^-60. ``sums`` takes the boundary of every cell's facets against the weights.
    """
    for place in range(starts.shape[0] - 1):
        total = np.uint64(0)
        for at in range(starts[place], starts[place + 1]):
            number, is_negative = np.int64(faces[at] >> 1), faces[at] & 1
            if place >= firsts[2]:
                number = np.int64(places[number])
            faces[at], signs[at] = number, 1 - 2 * is_negative
            total = total - _weight(number) if is_negative else total + _weight(number)
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
