"""The cut itself: marked cells become their positive part, new cells the negative part and the zero set."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.facet_kinds import (
    BLOCK,
    FACET,
    KIND,
    ask_for_blocks,
    ask_for_rows,
    read_kinds,
    replace_cofaces,
)
from separatrix.surface.arrangement.insertion_kernels import (
    CELLS,
    COFACES,
    EDGES,
    FACETS,
    FIRST_WORD,
    LAST_WORD,
    NEURON,
    TOUCHING,
    VERTICES,
    put_in_bucket,
    put_in_list,
    see_signs,
    vertex_sign,
)
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_DIM,
    CELL_FACETS,
    CELL_PARTS,
    CELL_ROOT,
    CELL_SIZE,
    CELL_STATE,
    CELL_WITNESS,
    EDGE_A,
    EDGE_B,
    EDGE_CELL,
    EDGE_NEXT,
    NONE,
    SPARE,
    SPLIT,
    TOUCHED_NEGATIVE,
    TOUCHED_POSITIVE,
    TOUCHED_ZERO,
    UNMARKED,
)
from separatrix.surface.arrangement.touching_kernels import first_zero, is_any_zero

ZERO_FACET, OPEN_EDGE = 1, 2  # what must never be met


@compiled_in_place
def split_cells(
    where, used, offsets, heads, seen, live, touching, nodes, edges, cells, facets, cofaces, positive, negative, split, touched,
    parts, origin, found, begins,
):  # fmt: skip
    """Split the listed cells in ascending dimension, clear all marks, bring ``used`` up to date; 0 or what went wrong.

    ``parts``, ``origin``: as ``mark_cells`` leaves them. ``found`` (BLOCK times most facets of a cell, 4) int32 and ``begins``
    (BLOCK + 1,) are scratch. What the facets of several cells are is looked up at once, before any of these cells is split:
    the lookups are cache misses, which the processor then waits for together.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    bit = np.uint64(1) << np.uint64(where[NEURON] % 64)
    n_edges, last, wrong, part = used[EDGES], offsets[0, -1], 0, 0
    for i in range(offsets[0, 2]):
        part = _new_parts(np.int64(split[i]), part, parts, used, cells, cofaces)
        _split_edge(split[i], n_edges + i, used[VERTICES] + i, word, bit, edges, cells, positive)
    for block in range(offsets[0, 2], last, BLOCK):
        stop = min(block + BLOCK, last)
        ask_for_blocks(stop, min(stop + BLOCK, last), last, split, cells, facets)
        ask_for_rows(block, stop, split, cells, facets, found, begins)
        for i in range(block, stop):
            part = _new_parts(np.int64(split[i]), part, parts, used, cells, cofaces)
            if origin[i] != NONE:
                _see_edge(np.int64(split[i]), np.int64(origin[i]), split, used, cells)
        n_negative = read_kinds(begins[stop - block], word, bit, cells, cofaces, positive, found)
        wrong |= replace_cofaces(n_negative, found, cells, cofaces)
        for i in range(block, stop):
            cell, first, end = np.int64(split[i]), begins[i - block], begins[i - block + 1]
            _share_facets(cell, first, end, found, used, cells, facets)
            if where[TOUCHING]:
                wrong |= _find_witnesses(cell, first, end, found, cells)
            if i < offsets[0, 3]:
                wrong |= _close_polygon(
                    cell, n_edges + i, first, end, found, word, bit, used, edges, cells, positive, negative
                )
            else:
                _close_polytope(cell, where[TOUCHING], first, end, found, used, cells, facets, cofaces)
    for i in range(offsets[0, -1]):
        cells[split[i], CELL_STATE] = UNMARKED
    for i in range(offsets[1, -1]):
        cells[touched[i], CELL_STATE] = UNMARKED
    _sort_new_edges(where, used, offsets, heads, seen, live, touching, nodes, edges, cells, positive, negative, split)
    used[VERTICES] += offsets[0, 2]
    used[EDGES] += offsets[0, 3]
    used[CELLS] += 2 * offsets[0, -1] - offsets[0, 2]
    return wrong


@compiled_part_in_place
def _sort_new_edges(where, used, offsets, heads, seen, live, touching, nodes, edges, cells, positive, negative, split):
    """Put both parts of split edges and the new edges into the buckets and lists of later neurons; see the new signs.

    The positive part of an edge has the node of that, and needs one of its own only for what its new end is zero at.
    """
    start, first, last, n_split = where[NEURON] + 1, where[FIRST_WORD], where[LAST_WORD], offsets[0, 2]
    see_signs(used[VERTICES], used[VERTICES] + n_split, first, last, seen, positive, negative)
    has_zeros = is_any_zero(start, seen, live)
    for i in range(n_split + offsets[0, 3]):
        is_listed, vertex = has_zeros, used[VERTICES] + i
        if i < n_split:
            edge = np.int64(cells[split[i], CELL_FACETS])
            is_listed = has_zeros and first_zero(vertex, vertex, start, first, live, positive, negative) >= 0
        else:
            edge = used[EDGES] + i - n_split
        put_in_bucket(edge, start, first, last, heads, edges, positive, negative)
        if is_listed:
            put_in_list(edge, start, first, used, live, touching, nodes, edges, positive, negative)


@compiled_part_in_place
def _new_parts(cell, part, parts, used, cells, cofaces):
    """The new cells within ``cell`` with their cofaces: parts of its own, and both halves around the zero set.

    ``part``: where the parts of its cofaces stand in ``parts``; returns where those of the next cell do.
    """
    minus, dim, count = np.int64(cells[cell, CELL_PARTS]), cells[cell, CELL_DIM], np.int64(parts[part])
    first = used[COFACES] + 2
    cells[minus, CELL_COFACES], cells[minus, CELL_ROOT] = first, cells[cell, CELL_ROOT]
    cells[minus, CELL_DIM], cells[minus, CELL_STATE] = dim, UNMARKED
    cofaces[first - 2] = cofaces[first - 1] = count
    for i in range(count):
        cofaces[first + i] = parts[part + 1 + i]
    used[COFACES] = first + count
    if dim > 1:
        zero, second = minus + 1, first + count + 2
        cells[zero, CELL_COFACES], cells[zero, CELL_ROOT] = second, cells[cell, CELL_ROOT]
        cells[zero, CELL_DIM], cells[zero, CELL_STATE] = dim - 1, UNMARKED
        cofaces[second - 2] = cofaces[second - 1] = count + 2
        for i in range(count):
            cofaces[second + i] = parts[part + 1 + i] + 1
        cofaces[second + count], cofaces[second + count + 1] = cell, minus
        used[COFACES] = second + count + 2
    return part + 1 + count


@compiled_part_in_place
def _see_edge(cell, origin, split, used, cells):
    """Vertices of the three parts of a cell: the ends of a split edge of it, and the new vertex on that."""
    minus = np.int64(cells[cell, CELL_PARTS])
    cells[cell, CELL_WITNESS] = cells[split[origin], CELL_WITNESS]
    cells[minus, CELL_WITNESS] = cells[used[CELLS] + origin, CELL_WITNESS]
    cells[minus + 1, CELL_WITNESS] = used[VERTICES] + origin


@compiled_part_in_place
def _split_edge(cell, new_row, vertex, word, bit, edges, cells, positive):
    """[e+ : v] = [e : negative end], [e- : v] = -[e+ : v]: both parts run the way of the edge."""
    row, minus = cells[cell, CELL_FACETS], cells[cell, CELL_PARTS]
    a, b = edges[row, EDGE_A], edges[row, EDGE_B]
    cells[minus, CELL_FACETS], cells[minus, CELL_SIZE] = new_row, 2
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
def _share_facets(cell, first, end, found, used, cells, facets):
    """The facets of both parts of a cell of dimension 2 or more: its own on that side, halves of split ones, the zero set.

    The positive part keeps the block of the cell where that has room.
    """
    minus = np.int64(cells[cell, CELL_PARTS])
    plus_at, minus_at = np.int64(cells[cell, CELL_FACETS]), used[FACETS] + 1
    if end - first + 1 > facets[plus_at - 1]:
        plus_at = minus_at
        minus_at = plus_at + end - first + 1 + SPARE + 1
        facets[plus_at - 1] = end - first + 1 + SPARE
        cells[cell, CELL_FACETS] = plus_at
    plus_start, minus_start = plus_at, minus_at
    for row in range(first, end):
        entry, kind = found[row, FACET], found[row, KIND]
        facets[plus_at] = entry
        facets[minus_at] = 2 * cells[entry >> 1, CELL_PARTS] + (entry & 1) if kind == SPLIT else entry
        plus_at += kind < TOUCHED_NEGATIVE
        minus_at += (kind == SPLIT) | (kind >= TOUCHED_NEGATIVE)
    facets[plus_at], facets[minus_at] = 2 * (minus + 1), 2 * (minus + 1) + 1
    facets[minus_start - 1] = minus_at - minus_start + 1 + SPARE
    used[FACETS] = minus_at + 1 + SPARE
    cells[cell, CELL_SIZE] = plus_at - plus_start + 1
    cells[minus, CELL_FACETS], cells[minus, CELL_SIZE] = minus_start, minus_at - minus_start + 1


@compiled_part_in_place
def _find_witnesses(cell, first, end, found, cells):
    """Vertices of both parts of a cell from their facets, where no split edge of the cell is known; 0 or ZERO_FACET."""
    minus, wrong = np.int64(cells[cell, CELL_PARTS]), 0
    for row in range(first, end):
        facet, kind = found[row, FACET] >> 1, found[row, KIND]
        if kind < TOUCHED_NEGATIVE:
            cells[cell, CELL_WITNESS] = cells[facet, CELL_WITNESS]
        if kind == SPLIT or kind >= TOUCHED_NEGATIVE:
            part = cells[facet, CELL_PARTS] if kind == SPLIT else facet
            cells[minus, CELL_WITNESS] = cells[part, CELL_WITNESS]
        wrong |= (kind == TOUCHED_ZERO) * ZERO_FACET
    return wrong


@compiled_part_in_place
def _close_polygon(cell, new_row, first, end, found, word, bit, used, edges, cells, positive, negative):
    """The zero set of a 2-cell: a new edge, whose ends are zero vertices of edges of the cell."""
    zero = np.int64(cells[cell, CELL_PARTS]) + 1
    tail, head, ends = np.int64(NONE), np.int64(NONE), 0
    for i in range(first, end):
        kind = found[i, KIND]
        if kind != SPLIT and kind != TOUCHED_POSITIVE:
            continue
        edge, is_tail = found[i, FACET] >> 1, found[i, FACET] & 1 == 1  # -[c : F] [F : v] for the zero end v of F
        row = cells[edge, CELL_FACETS]
        vertex = np.int64(edges[row, EDGE_A])
        if kind == SPLIT:  # -[c : F] [e : negative end], where [e : negative end] = [e+ : v]
            new = used[VERTICES] + cells[edge, CELL_PARTS] - used[CELLS]
            is_tail = is_tail == (vertex == new)
            vertex = new
        elif vertex_sign(positive, negative, vertex, word, bit) != 0:
            vertex, is_tail = np.int64(edges[row, EDGE_B]), not is_tail
        tail, head = (vertex, head) if is_tail else (tail, vertex)
        ends += 1
    if ends != 2 or tail == NONE or head == NONE:
        return OPEN_EDGE
    edges[new_row, EDGE_A], edges[new_row, EDGE_B] = tail, head
    edges[new_row, EDGE_CELL], edges[new_row, EDGE_NEXT] = zero, NONE
    cells[zero, CELL_FACETS], cells[zero, CELL_SIZE], cells[zero, CELL_WITNESS] = new_row, 2, tail
    return 0


@compiled_part_in_place
def _close_polytope(cell, is_touching, first, end, found, used, cells, facets, cofaces):
    """The zero set of a cell of dimension 3 or more: those of its split facets, and ridges that lie in it."""
    zero, start = np.int64(cells[cell, CELL_PARTS]) + 1, used[FACETS] + 1
    at = start
    for i in range(first, end):
        entry = found[i, FACET]
        facets[at] = 2 * cells[entry >> 1, CELL_PARTS] + 3 - (entry & 1)
        at += found[i, KIND] == SPLIT
    if is_touching:
        for i in range(first, end):
            if found[i, KIND] == TOUCHED_POSITIVE:
                at = _list_zero_ridges(found[i, FACET], zero, at, used, cells, facets, cofaces)
        cells[zero, CELL_WITNESS] = cells[facets[start] >> 1, CELL_WITNESS]
    facets[start - 1] = at - start + SPARE
    used[FACETS] = at + SPARE
    cells[zero, CELL_FACETS], cells[zero, CELL_SIZE] = start, at - start


@compiled_part_in_place
def _list_zero_ridges(entry, zero, at, used, cells, facets, cofaces):
    """Ridges of the cell in the zero set, seen from the positive side so that each is met once: -[c : F] [F : R]."""
    start = np.int64(cells[entry >> 1, CELL_FACETS])
    for i in range(start, start + cells[entry >> 1, CELL_SIZE]):
        ridge = np.int64(facets[i] >> 1)
        if cells[ridge, CELL_STATE] == TOUCHED_ZERO:
            facets[at] = 2 * ridge + 1 - ((entry ^ facets[i]) & 1)
            at += 1
            _add_coface(ridge, zero, used, cells, cofaces)
    return at


@compiled_part_in_place
def _add_coface(facet, cell, used, cells, cofaces):
    """One more coface; a block without room for it moves to the end, twice as long."""
    at = np.int64(cells[facet, CELL_COFACES])
    count = np.int64(cofaces[at - 1])
    if count == cofaces[at - 2]:
        new = used[COFACES] + 2
        for i in range(count):
            cofaces[new + i] = cofaces[at + i]
        cofaces[new - 2] = 2 * count + 4
        used[COFACES] = new + 2 * count + 4
        cells[facet, CELL_COFACES] = at = new
    cofaces[at + count] = cell
    cofaces[at - 1] = count + 1
