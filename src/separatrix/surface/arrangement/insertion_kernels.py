"""One neuron inserted into the lattice: which cells it cuts (``mark_cells``), and the cut (``split_cells``).

On every closed cell the neuron is affine, so the signs at the vertices decide. A cell with a positive and a negative vertex
is split: the positive part keeps its id, the negative part and the zero set are new cells. With [c+ : c0] = +1 and
[c- : c0] = -1 the boundary of the boundary stays zero.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_FACETS,
    CELL_MINUS,
    CELL_ROOT,
    CELL_STATE,
    CELL_WITNESS,
    CELL_ZERO,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    EDGE_NEXT,
    NODE_COFACE,
    NODE_FACET,
    NODE_NEXT_COFACE,
    NODE_NEXT_FACET,
    NONE,
    SPLIT,
    TOUCHED_NEGATIVE,
    TOUCHED_POSITIVE,
    TOUCHED_ZERO,
    UNMARKED,
)

VERTICES, EDGES, CELLS, NODES = range(4)  # columns of ``used``: rows that are taken
NEURON, FIRST_WORD, LAST_WORD, TOUCHING = range(4)  # columns of ``where``


@compiled_part_in_place
def vertex_sign(positive, negative, vertex, word, bit):
    """The sign of a vertex: 1, -1 or 0."""
    if positive[vertex, word] & bit:
        return 1
    return -1 if negative[vertex, word] & bit else 0


@compiled_part_in_place
def cell_sign(cells, positive, cell, word, bit):
    """The sign of a cell that is not split: as marked, else that of any of its vertices, none of which is zero."""
    state = cells[cell, CELL_STATE]
    if state == UNMARKED:
        return 1 if positive[cells[cell, CELL_WITNESS], word] & bit else -1
    if state == TOUCHED_POSITIVE:
        return 1
    return -1 if state == TOUCHED_NEGATIVE else 0


@compiled_part_in_place
def _lowest_bit(word):
    """Number of the lowest bit that is set, of a word that is not zero."""
    number = 0
    for width in (32, 16, 8, 4, 2, 1):
        if word & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)) == 0:
            word >>= np.uint64(width)
            number += width
    return number


@compiled_part_in_place
def put_in_bucket(edge, start, first_word, last_word, heads, edges, positive, negative):
    """Put an edge into the bucket of the first neuron from ``start`` on that cuts it."""
    a, b = edges[edge, EDGE_A], edges[edge, EDGE_B]
    edges[edge, EDGE_NEXT] = NONE
    for word in range(first_word + start // 64, last_word):
        cut = (positive[a, word] & negative[b, word]) | (negative[a, word] & positive[b, word])
        if word == first_word + start // 64:
            cut = (cut >> np.uint64(start % 64)) << np.uint64(start % 64)
        if cut:
            neuron = 64 * (word - first_word) + _lowest_bit(cut)
            edges[edge, EDGE_NEXT] = heads[neuron]
            heads[neuron] = edge
            return


@compiled_in_place
def fill_buckets(where, used, heads, seen, edges, cells, positive, negative):
    """Start of a step: every edge into its bucket, every cell its own root, which signs occur at all in ``seen``."""
    first, last = where[FIRST_WORD], where[LAST_WORD]
    heads[:] = NONE
    seen[:] = 0
    for edge in range(used[EDGES]):
        put_in_bucket(edge, np.int64(0), first, last, heads, edges, positive, negative)
    for cell in range(used[CELLS]):
        cells[cell, CELL_ROOT] = cell
    see_signs(np.int64(0), used[VERTICES], first, last, seen, positive, negative)


@compiled_part_in_place
def see_signs(start, stop, first, last, seen, positive, negative):
    """Add to ``seen``, rows for zero, positive and negative, the signs of the vertices from ``start`` to ``stop``."""
    for vertex in range(start, stop):
        for word in range(first, last):
            seen[0, word - first] |= ~(positive[vertex, word] | negative[vertex, word])
            seen[1, word - first] |= positive[vertex, word]
            seen[2, word - first] |= negative[vertex, word]


@compiled_in_place
def mark_cells(where, used, offsets, heads, edges, cells, nodes, positive, negative, split, touched):
    """List the cells that the neuron splits in ``split``, by dimension, and number their parts; returns a bound on new nodes.

    ``offsets`` (2, n + 2): where the split and the touched cells of each dimension begin. Split edges are those of the
    neuron's bucket; cofaces of split cells are split. Where a vertex is zero (``where[TOUCHING]``), cells of which a
    vertex is zero are listed in ``touched`` with their signs, and split where their facets show both.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    bit = np.uint64(1) << np.uint64(where[NEURON] % 64)
    count, touch_count, bound = 0, 0, 0
    offsets[:] = 0
    edge = heads[where[NEURON]]
    while edge != NONE:
        cell = edges[edge, EDGE_CELL]
        cells[cell, CELL_STATE] = SPLIT
        cells[cell, CELL_MINUS] = used[CELLS] + count
        cells[cell, CELL_ZERO] = used[VERTICES] + count
        split[count] = cell
        count += 1
        edge = edges[edge, EDGE_NEXT]
    n_split_edges = count
    if where[TOUCHING]:
        touch_count = _touch_edges(word, bit, used, edges, cells, positive, negative, touched)
    for dim in range(1, offsets.shape[1] - 1):
        offsets[0, dim + 1], offsets[1, dim + 1] = count, touch_count
        for i in range(offsets[0, dim], offsets[0, dim + 1]):
            node = cells[split[i], CELL_COFACES]
            while node != NONE:
                bound += 2
                cell = nodes[node, NODE_COFACE]
                if cells[cell, CELL_STATE] != SPLIT:
                    cells[cell, CELL_STATE] = SPLIT
                    split[count] = cell
                    count += 1
                node = nodes[node, NODE_NEXT_COFACE]
        for i in range(offsets[1, dim], offsets[1, dim + 1]):
            node = cells[touched[i], CELL_COFACES]
            while node != NONE:
                cell = nodes[node, NODE_COFACE]
                if cells[cell, CELL_STATE] == UNMARKED:
                    state = _touched_state(cells, nodes, positive, negative, cell, word, bit)
                    cells[cell, CELL_STATE] = state
                    if state == SPLIT:
                        split[count] = cell
                        count += 1
                    else:
                        touched[touch_count] = cell
                        touch_count += 1
                node = nodes[node, NODE_NEXT_COFACE]
    offsets[0, -1], offsets[1, -1] = count, touch_count
    for i in range(n_split_edges, count):
        cells[split[i], CELL_MINUS] = used[CELLS] + 2 * i - n_split_edges
        cells[split[i], CELL_ZERO] = used[CELLS] + 2 * i - n_split_edges + 1
    if touch_count:
        bound += _zero_ridges(cells, nodes, split, offsets)
    return bound + 2 * (count - n_split_edges)


@compiled_part_in_place
def _touch_edges(word, bit, used, edges, cells, positive, negative, touched):
    """Mark the edges that have a zero end."""
    count = 0
    for edge in range(used[EDGES]):
        a = vertex_sign(positive, negative, edges[edge, EDGE_A], word, bit)
        b = vertex_sign(positive, negative, edges[edge, EDGE_B], word, bit)
        if a == 0 or b == 0:
            cell = edges[edge, EDGE_CELL]
            state = TOUCHED_ZERO if a + b == 0 else (TOUCHED_POSITIVE if a + b > 0 else TOUCHED_NEGATIVE)
            cells[cell, CELL_STATE] = state
            touched[count] = cell
            count += 1
    return count


@compiled_part_in_place
def _touched_state(cells, nodes, positive, negative, cell, word, bit):
    """The mark of a cell with a zero vertex and no split facet, from its facets."""
    has_positive, has_negative = False, False
    node = cells[cell, CELL_FACETS]
    while node != NONE:
        sign = cell_sign(cells, positive, nodes[node, NODE_FACET] >> 1, word, bit)
        has_positive |= sign > 0
        has_negative |= sign < 0
        node = nodes[node, NODE_NEXT_FACET]
    if has_positive:
        return SPLIT if has_negative else TOUCHED_POSITIVE
    return TOUCHED_NEGATIVE if has_negative else TOUCHED_ZERO


@compiled_part_in_place
def _zero_ridges(cells, nodes, split, offsets):
    """How many ridges of split cells lie in the zero set, on their positive facets."""
    count = 0
    for i in range(offsets[0, 3], offsets[0, -1]):
        node = cells[split[i], CELL_FACETS]
        while node != NONE:
            facet = nodes[node, NODE_FACET] >> 1
            if cells[facet, CELL_STATE] == TOUCHED_POSITIVE:
                ridge = cells[facet, CELL_FACETS]
                while ridge != NONE:
                    count += cells[nodes[ridge, NODE_FACET] >> 1, CELL_STATE] == TOUCHED_ZERO
                    ridge = nodes[ridge, NODE_NEXT_FACET]
            node = nodes[node, NODE_NEXT_FACET]
    return count


@compiled_in_place
def join_signs(where, used, edges, cells, positive, negative, split, rows, count):
    """Rows of the split edges, and the signs of their new vertices: those of both ends where these do not contradict.

    The ends may contradict each other in the neuron itself, where the vertex is zero, and in later ones of the step,
    which are left to be decided. Returns False where they do so elsewhere.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    before = (np.uint64(1) << np.uint64(where[NEURON] % 64)) - np.uint64(1)
    is_right = True
    for i in range(count):
        row = cells[split[i], CELL_FACETS]
        rows[i] = row
        a, b, vertex = edges[row, EDGE_A], edges[row, EDGE_B], used[VERTICES] + i
        for w in range(positive.shape[1]):
            plus, minus = positive[a, w] | positive[b, w], negative[a, w] | negative[b, w]
            both = plus & minus
            if both and (w < word or (w == word and both & before)):
                is_right = False
            positive[vertex, w] = plus & ~both
            negative[vertex, w] = minus & ~both
    return is_right
