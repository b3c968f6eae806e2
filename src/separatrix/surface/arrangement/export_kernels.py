"""The lattice's incidences as rows by dimension, and the check that the boundary of the boundary is zero."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.lattice import CELL_DIM, CELL_FACETS, CELL_SIZE, EDGE_A, EDGE_B

STRIDE, FIRST, SECOND = 0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB  # of splitmix64 (Steele, Lea, Flood)
SEED = 20240229
AHEAD = 8  # cells


@compiled_in_place
def place_cells(n_cells, cells, order, places, firsts, ends):
    """Sort the cells by dimension, in the order of their ids: ``order``, and in ``places`` which one of its dimension each is.

    ``firsts`` (n + 2,): where the cells of a dimension begin in ``order``; ``ends`` (n + 2,) is scratch. Returns how many facets
    all cells have together.
    """
    total = 0
    for dim in range(firsts.shape[0]):
        firsts[dim] = ends[dim] = 0
    for cell in range(n_cells):
        ends[cells[cell, CELL_DIM]] += 1
        total += cells[cell, CELL_SIZE]
    for dim in range(1, firsts.shape[0]):
        firsts[dim] = firsts[dim - 1] + ends[dim - 1]
    for dim in range(firsts.shape[0]):
        ends[dim] = firsts[dim]
    for cell in range(n_cells):
        dim = cells[cell, CELL_DIM]
        order[ends[dim]], places[cell] = cell, ends[dim] - firsts[dim]
        ends[dim] += 1
    return total


@compiled_part_in_place
def _weight(number):
    """Pseudo-random: cells of one dimension, by their ids, are ridges of the next but one."""
    x = np.uint64(number + SEED) * np.uint64(STRIDE)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(FIRST)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(SECOND)
    return x ^ (x >> np.uint64(31))


@compiled_part_in_place
def _ask_ahead(p, order, cells, facets, places, sums):
    """Fetch what later cells of ``order`` need: the row, the block of facets, the places and sums of these."""
    if p + 3 * AHEAD < order.shape[0]:
        prefetch(cells, order[p + 3 * AHEAD])
        prefetch(facets, cells[order[p + 2 * AHEAD], CELL_FACETS])
        later = order[p + AHEAD]
        if cells[later, CELL_DIM] > 1:
            first = np.int64(cells[later, CELL_FACETS])
            for at in range(first, first + cells[later, CELL_SIZE]):
                prefetch(places, facets[at] >> 1)
                prefetch(sums, facets[at] >> 1)


@compiled_in_place
def list_incidences(order, cells, edges, facets, places, sums, starts, faces, signs):
    """Fill ``faces`` and ``signs`` with the facets of the cells in their ``order``, each by its number in its own dimension.

    ``starts`` (cells + 1,): where those of a cell begin. Returns the place in ``order`` of the first cell whose boundary has a
    boundary, or -1: modulo 2^64, against pseudo-random weights of the ridges; a boundary that is not zero is missed with
    probability 2^-60. ``sums`` takes the boundary of every cell against the weights.
    """
    at = starts[0] = 0
    for p in range(order.shape[0]):
        _ask_ahead(p, order, cells, facets, places, sums)
        cell, own, whole = order[p], np.uint64(0), np.uint64(0)
        first = np.int64(cells[cell, CELL_FACETS])
        if cells[cell, CELL_DIM] == 1:
            faces[at], faces[at + 1] = edges[first, EDGE_A], edges[first, EDGE_B]
            signs[at], signs[at + 1] = -1, 1
            own = _weight(np.int64(faces[at + 1])) - _weight(np.int64(faces[at]))
            at += 2
        else:
            for i in range(first, first + cells[cell, CELL_SIZE]):
                facet, is_negative = facets[i] >> 1, facets[i] & 1
                weight, below = _weight(np.int64(facet)), sums[facet]
                faces[at], signs[at] = places[facet], 1 - 2 * is_negative
                own = own - weight if is_negative else own + weight
                whole = whole - below if is_negative else whole + below
                at += 1
        if whole != 0:
            return p
        sums[cell], starts[p + 1] = own, at
    return -1
