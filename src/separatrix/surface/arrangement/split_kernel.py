"""The cut itself: marked cells become their positive part, new cells the negative part and the zero set."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.insertion_kernels import (
    CELLS,
    EDGES,
    FIRST_WORD,
    LAST_WORD,
    NEURON,
    NODES,
    VERTICES,
    put_in_bucket,
    see_signs,
    vertex_sign,
)
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_DIM,
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

ZERO_FACET, OPEN_EDGE = 1, 2  # what must never be met
POSITIVE, NEGATIVE = 5, 6  # behind the marks: facets that have no mark
BLOCK = 32  # cells whose facets are looked up together


@compiled_in_place
def split_cells(where, used, offsets, heads, seen, edges, cells, nodes, positive, negative, split, touched, found):
    """Split the listed cells in ascending dimension, clear all marks, bring ``used`` up to date; 0 or what went wrong.

    ``found`` (BLOCK, most facets of a cell + 2, 2) int32 is scratch. The facets of several cells are looked up at once,
    without a branch, before any of these cells is split: the lookups are cache misses, which the processor then waits
    for together.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    bit = np.uint64(1) << np.uint64(where[NEURON] % 64)
    n_edges, wrong = used[EDGES], 0
    for i in range(offsets[0, 2]):
        _split_edge(split[i], n_edges + i, word, bit, edges, cells, positive)
    for block in range(offsets[0, 2], offsets[0, -1], BLOCK):
        size = min(BLOCK, offsets[0, -1] - block)
        _read_facets(block, size, word, bit, cells, nodes, positive, split, found)
        for p in range(size):
            cell = np.int64(split[block + p])
            if block + p < offsets[0, 3]:
                row = n_edges + block + p
                wrong |= _split_polygon(cell, row, p, word, bit, used, edges, cells, nodes, positive, negative, found)
            else:
                wrong |= _split_polytope(cell, p, used, cells, nodes, found)
    for i in range(offsets[0, -1]):
        cells[split[i], CELL_STATE] = UNMARKED
    for i in range(offsets[1, -1]):
        cells[touched[i], CELL_STATE] = UNMARKED
    _sort_new_edges(where, used, offsets, heads, seen, edges, cells, positive, negative, split)
    used[VERTICES] += offsets[0, 2]
    used[EDGES] += offsets[0, 3]
    used[CELLS] += 2 * offsets[0, -1] - offsets[0, 2]
    return wrong


@compiled_part_in_place
def _sort_new_edges(where, used, offsets, heads, seen, edges, cells, positive, negative, split):
    """Put both parts of split edges and the new edges into the buckets of later neurons; see the new vertices' signs."""
    for i in range(offsets[0, 2] + offsets[0, 3]):
        if i < offsets[0, 2]:
            edge = np.int64(cells[split[i], CELL_FACETS])
        else:
            edge = used[EDGES] + i - offsets[0, 2]
        put_in_bucket(edge, where[NEURON] + 1, where[FIRST_WORD], where[LAST_WORD], heads, edges, positive, negative)
    start, stop = used[VERTICES], used[VERTICES] + offsets[0, 2]
    see_signs(start, stop, where[FIRST_WORD], where[LAST_WORD], seen, positive, negative)


@compiled_part_in_place
def _read_facets(block, size, word, bit, cells, nodes, positive, split, found):
    """Nodes and marks of the facets of the cells listed from ``block`` on, a row of ``found`` each from column 2 on.

    Column 0: number of facets, next node; column 1: list of the rows that are not finished.
    """
    n_active, depth = size, 0
    for p in range(size):
        found[p, 0, 1], found[p, 1, 0] = cells[split[block + p], CELL_FACETS], p
    while n_active:
        n_left = 0
        for q in range(n_active):
            p = found[q, 1, 0]
            node = found[p, 0, 1]
            facet, after = nodes[node, NODE_FACET] >> 1, nodes[node, NODE_NEXT_FACET]
            state, has_bit = cells[facet, CELL_STATE], positive[cells[facet, CELL_WITNESS], word] & bit != 0
            found[p, depth + 2, 0] = node
            found[p, depth + 2, 1] = state + (state == UNMARKED) * (NEGATIVE - has_bit)
            found[p, 0, 0], found[p, 0, 1] = depth + 1, after
            found[n_left, 1, 0] = p
            n_left += after != NONE
        n_active, depth = n_left, depth + 1


@compiled_part_in_place
def _new_part(cells, cell, part):
    """A new cell within ``cell``, without facets and of its dimension."""
    cells[part, CELL_FACETS] = NONE
    cells[part, CELL_COFACES] = NONE
    cells[part, CELL_ROOT] = cells[cell, CELL_ROOT]
    cells[part, CELL_DIM] = cells[cell, CELL_DIM]
    cells[part, CELL_STATE] = UNMARKED


@compiled_part_in_place
def _join(nodes, cells, used, cell, facet, is_negative):
    """A new incidence [cell : facet]."""
    node = used[NODES]
    nodes[node, NODE_FACET] = 2 * facet + is_negative
    nodes[node, NODE_COFACE] = cell
    nodes[node, NODE_NEXT_FACET] = cells[cell, CELL_FACETS]
    nodes[node, NODE_NEXT_COFACE] = cells[facet, CELL_COFACES]
    cells[cell, CELL_FACETS] = node
    cells[facet, CELL_COFACES] = node
    used[NODES] = node + 1


@compiled_part_in_place
def _list_under(nodes, cells, node, cell, facet):
    """List an incidence under ``cell``, which takes it over or keeps it."""
    nodes[node, NODE_COFACE] = cell
    nodes[node, NODE_NEXT_FACET] = cells[cell, CELL_FACETS]
    cells[cell, CELL_FACETS] = node
    cells[cell, CELL_WITNESS] = cells[facet, CELL_WITNESS]


@compiled_part_in_place
def _split_edge(cell, new_row, word, bit, edges, cells, positive):
    """[e+ : v] = [e : negative end], [e- : v] = -[e+ : v]: both parts run the way of the edge."""
    row, minus, vertex = cells[cell, CELL_FACETS], cells[cell, CELL_MINUS], cells[cell, CELL_ZERO]
    a, b = edges[row, EDGE_A], edges[row, EDGE_B]
    _new_part(cells, np.int64(cell), np.int64(minus))
    cells[minus, CELL_FACETS] = new_row
    edges[new_row, EDGE_CELL] = minus
    edges[new_row, EDGE_NEXT] = NONE
    if positive[a, word] & bit:
        edges[row, EDGE_B] = vertex
        edges[new_row, EDGE_A], edges[new_row, EDGE_B] = vertex, b
        cells[cell, CELL_WITNESS], cells[minus, CELL_WITNESS] = a, b
    else:
        edges[row, EDGE_A] = vertex
        edges[new_row, EDGE_A], edges[new_row, EDGE_B] = a, vertex
        cells[cell, CELL_WITNESS], cells[minus, CELL_WITNESS] = b, a


@compiled_part_in_place
def _split_polygon(cell, new_row, p, word, bit, used, edges, cells, nodes, positive, negative, found):
    """A 2-cell: its zero set is a new edge, whose ends are zero vertices of edges of the cell."""
    minus, zero = np.int64(cells[cell, CELL_MINUS]), np.int64(cells[cell, CELL_ZERO])
    _new_part(cells, cell, minus)
    _new_part(cells, cell, zero)
    cells[zero, CELL_FACETS], cells[zero, CELL_DIM] = new_row, 1
    cells[cell, CELL_FACETS] = NONE
    tail, head, ends, wrong = NONE, NONE, 0, 0
    for i in range(2, 2 + found[p, 0, 0]):
        node, state = np.int64(found[p, i, 0]), found[p, i, 1]
        facet, is_negative = np.int64(nodes[node, NODE_FACET] >> 1), np.int64(nodes[node, NODE_FACET] & 1)
        row = cells[facet, CELL_FACETS]
        if state == SPLIT:
            part, vertex = np.int64(cells[facet, CELL_MINUS]), cells[facet, CELL_ZERO]
            _list_under(nodes, cells, node, cell, facet)
            _join(nodes, cells, used, minus, part, is_negative)
            cells[minus, CELL_WITNESS] = cells[part, CELL_WITNESS]
            # -[c : F] [e : negative end], where [e : negative end] = [e+ : v]
            if (edges[row, EDGE_A] == vertex) == (is_negative == 1):
                tail = vertex
            else:
                head = vertex
            ends += 1
        elif state in (POSITIVE, TOUCHED_POSITIVE):
            _list_under(nodes, cells, node, cell, facet)
            if state == TOUCHED_POSITIVE:  # -[c : F] [F : v] for its zero end v
                vertex, is_tail = edges[row, EDGE_A], is_negative == 1
                if vertex_sign(positive, negative, vertex, word, bit) != 0:
                    vertex, is_tail = edges[row, EDGE_B], is_negative == 0
                tail, head = (vertex, head) if is_tail else (tail, vertex)
                ends += 1
        elif state in (NEGATIVE, TOUCHED_NEGATIVE):
            _list_under(nodes, cells, node, minus, facet)
        else:
            wrong |= ZERO_FACET
    if ends != 2 or tail == NONE or head == NONE:
        return wrong | OPEN_EDGE
    edges[new_row, EDGE_A], edges[new_row, EDGE_B] = tail, head
    edges[new_row, EDGE_CELL], edges[new_row, EDGE_NEXT] = zero, NONE
    cells[zero, CELL_WITNESS] = tail
    _join(nodes, cells, used, cell, zero, np.int64(0))
    _join(nodes, cells, used, minus, zero, np.int64(1))
    return wrong


@compiled_part_in_place
def _split_polytope(cell, p, used, cells, nodes, found):
    """A cell of dimension 3 or more."""
    minus, zero, wrong = np.int64(cells[cell, CELL_MINUS]), np.int64(cells[cell, CELL_ZERO]), 0
    _new_part(cells, cell, minus)
    _new_part(cells, cell, zero)
    cells[zero, CELL_DIM] = cells[cell, CELL_DIM] - 1
    cells[cell, CELL_FACETS] = NONE
    for i in range(2, 2 + found[p, 0, 0]):
        node, state = np.int64(found[p, i, 0]), found[p, i, 1]
        facet, is_negative = np.int64(nodes[node, NODE_FACET] >> 1), np.int64(nodes[node, NODE_FACET] & 1)
        if state == SPLIT:
            part, section = np.int64(cells[facet, CELL_MINUS]), np.int64(cells[facet, CELL_ZERO])
            _list_under(nodes, cells, node, cell, facet)
            _join(nodes, cells, used, minus, part, is_negative)
            _join(nodes, cells, used, zero, section, 1 - is_negative)
            cells[minus, CELL_WITNESS] = cells[part, CELL_WITNESS]
            cells[zero, CELL_WITNESS] = cells[section, CELL_WITNESS]
        elif state in (POSITIVE, TOUCHED_POSITIVE):
            _list_under(nodes, cells, node, cell, facet)
            if state == TOUCHED_POSITIVE:
                _join_zero_ridges(facet, zero, is_negative, used, cells, nodes)
        elif state in (NEGATIVE, TOUCHED_NEGATIVE):
            _list_under(nodes, cells, node, minus, facet)
        else:
            wrong |= ZERO_FACET
    _join(nodes, cells, used, cell, zero, np.int64(0))
    _join(nodes, cells, used, minus, zero, np.int64(1))
    return wrong


@compiled_part_in_place
def _join_zero_ridges(facet, zero, is_negative, used, cells, nodes):
    """Ridges of the cell in the zero set, seen from the positive side so that each is met once: -[c : F] [F : R]."""
    node = cells[facet, CELL_FACETS]
    while node != NONE:
        ridge = np.int64(nodes[node, NODE_FACET] >> 1)
        if cells[ridge, CELL_STATE] == TOUCHED_ZERO:
            _join(nodes, cells, used, zero, ridge, 1 - (is_negative ^ np.int64(nodes[node, NODE_FACET] & 1)))
            cells[zero, CELL_WITNESS] = cells[ridge, CELL_WITNESS]
        node = nodes[node, NODE_NEXT_FACET]
