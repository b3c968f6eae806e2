"""Compiled loops over cells at a step's start: which can be cut, and a simplex of vertices for each of them (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_DIM,
    CELL_FACETS,
    CELL_SIZE,
    CELL_STATE,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
)

AHEAD = 16  # edges


@compiled_in_place
def crossed_polygons(cells, cofaces, edges, n_edges, positive, negative, first, last, rest, found):
    """The 2-cells that neurons with bits from word ``first`` to ``last`` can cut: an edge is cut or has an end where one is 0.

    ``rest``: the bits of the last word that are used. ``found`` (cells,): the list; how many there are is returned. States of
    cells are left as they are.
    """
    count, plus, minus = 0, positive[:, first:], negative[:, first:]
    for e in range(n_edges):
        if e + AHEAD < n_edges:
            for end in (EDGE_A, EDGE_B):
                prefetch(plus, edges[e + AHEAD, end])
                prefetch(minus, edges[e + AHEAD, end])
        a, b = edges[e, EDGE_A], edges[e, EDGE_B]
        some = np.uint64(0)
        for w in range(first, last):
            used = rest if w == last - 1 else ~np.uint64(0)
            on, off, other_on, other_off = positive[a, w], negative[a, w], positive[b, w], negative[b, w]
            some |= (on & other_off) | (off & other_on) | (~((on | off) & (other_on | other_off)) & used)
        if some == np.uint64(0):
            continue
        start = cells[edges[e, EDGE_CELL], CELL_COFACES]
        for at in range(start, start + cofaces[start - 1]):
            cell = cofaces[at]
            if cells[cell, CELL_STATE] == 0:
                cells[cell, CELL_STATE] = 1
                found[count] = cell
                count += 1
    for i in range(count):
        cells[found[i], CELL_STATE] = 0
    return count


@compiled_in_place
def simplices(cells, facets, edges, n_edges, order, positive, negative, scratch, out):
    """For every cell dim + 1 affinely independent vertices of it, -1 behind them.

    ``order``: the cells of dimension 2 and more, dimensions ascending. A facet's simplex, and a vertex of another facet's
    simplex with a bit that the first simplex lacks: the bits of a simplex that spans its cell are the cell's, so that vertex
    lies off the closed facet and, in the closed cell, off its affine hull. ``scratch`` (2, words): as many words as have bits of
    neurons that are affine on the cells.
    """
    for e in range(n_edges):
        c = edges[e, EDGE_CELL]
        out[c, 0], out[c, 1] = edges[e, EDGE_A], edges[e, EDGE_B]
    words = scratch.shape[1]
    for c in order:
        dim = cells[c, CELL_DIM]
        start = cells[c, CELL_FACETS]
        base = facets[start] >> 1
        for w in range(words):
            scratch[0, w] = scratch[1, w] = np.uint64(0)
        for k in range(dim):
            u = out[base, k]
            out[c, k] = u
            for w in range(words):
                scratch[0, w] |= positive[u, w]
                scratch[1, w] |= negative[u, w]
        found = -1
        for at in range(start + 1, start + cells[c, CELL_SIZE]):
            facet = facets[at] >> 1
            for k in range(dim):
                u = out[facet, k]
                for w in range(words):
                    if (positive[u, w] & ~scratch[0, w]) | (negative[u, w] & ~scratch[1, w]) != np.uint64(0):
                        found = u
                        break
                if found >= 0:
                    break
            if found >= 0:
                break
        out[c, dim] = found
