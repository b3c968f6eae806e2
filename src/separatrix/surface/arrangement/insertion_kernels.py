"""One neuron inserted into the lattice: which cells it cuts (``mark_cells``), before the cut itself (``split_cells``).

On every closed cell the neuron is affine, so the signs at the vertices decide. A cell with a positive and a negative vertex
is split: the positive part keeps its id, the negative part and the zero set are new cells. With [c+ : c0] = +1 and
[c- : c0] = -1 the boundary of the boundary stays zero.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
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
from separatrix.surface.arrangement.sign_kernels import lowest_bit
from separatrix.surface.arrangement.touching_kernels import NODE_EDGE, is_any_zero, pass_on, touched_edges

VERTICES, EDGES, CELLS, FACETS, COFACES, NODES = range(6)  # columns of ``used``: rows that are taken
NEURON, FIRST_WORD, LAST_WORD, TOUCHING = range(4)  # columns of ``where``
AHEAD = 8  # cells


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
def put_in_bucket(edge, start, first_word, last_word, heads, edges, positive, negative):
    """Put an edge into the bucket of the first neuron from ``start`` on that cuts it."""
    a, b = edges[edge, EDGE_A], edges[edge, EDGE_B]
    edges[edge, EDGE_NEXT] = NONE
    for word in range(first_word + start // 64, last_word):
        cut = (positive[a, word] & negative[b, word]) | (negative[a, word] & positive[b, word])
        if word == first_word + start // 64:
            cut = (cut >> np.uint64(start % 64)) << np.uint64(start % 64)
        if cut != np.uint64(0):
            neuron = 64 * (word - first_word) + lowest_bit(cut)
            edges[edge, EDGE_NEXT] = heads[neuron]
            heads[neuron] = edge
            return


@compiled_in_place
def fill_buckets(where, used, heads, seen, live, touching, nodes, edges, cells, positive, negative):
    """Start of a step: every edge into its bucket and its list, every cell its own root, which signs occur in ``seen``.

    ``live`` (words,): the neurons that are to be inserted; those that do not take both signs are taken out. ``touching``: the
    heads of the lists of ``nodes``.
    """
    first, last = where[FIRST_WORD], where[LAST_WORD]
    heads[:] = touching[:] = NONE
    seen[:] = 0
    see_signs(np.int64(0), used[VERTICES], first, last, seen, positive, negative)
    for w in range(live.shape[0]):
        live[w] &= seen[1, w] & seen[2, w]
    plus, minus = positive[:, first:], negative[:, first:]
    has_zeros = is_any_zero(np.int64(0), seen, live)
    used[NODES] = 0
    for edge in range(used[EDGES]):
        if edge + 2 * AHEAD < used[EDGES]:
            for end in (EDGE_A, EDGE_B):
                prefetch(plus, edges[edge + 2 * AHEAD, end])
                prefetch(minus, edges[edge + 2 * AHEAD, end])
        put_in_bucket(edge, np.int64(0), first, last, heads, edges, positive, negative)
        if has_zeros:
            put_in_list(edge, np.int64(0), first, used, live, touching, nodes, edges, positive, negative)
    for cell in range(used[CELLS]):
        cells[cell, CELL_ROOT] = cell


@compiled_part_in_place
def put_in_list(edge, start, first, used, live, touching, nodes, edges, positive, negative):
    """A new node for an edge that a neuron from ``start`` on touches."""
    nodes[used[NODES], NODE_EDGE] = edge
    used[NODES] += pass_on(used[NODES], start, first, live, touching, nodes, edges, positive, negative)


@compiled_part_in_place
def see_signs(start, stop, first, last, seen, positive, negative):
    """Add to ``seen``, rows for zero, positive and negative, the signs of the vertices from ``start`` to ``stop``."""
    for vertex in range(start, stop):
        for word in range(first, last):
            seen[0, word - first] |= ~(positive[vertex, word] | negative[vertex, word])
            seen[1, word - first] |= positive[vertex, word]
            seen[2, word - first] |= negative[vertex, word]


@compiled_part_in_place
def _ask_ahead(i, last, split, cells, cofaces):
    """Fetch what listed cells behind ``i`` and before ``last`` need: rows, blocks of cofaces, rows of the cofaces."""
    if i + 3 * AHEAD < last:
        prefetch(cells, split[i + 3 * AHEAD])
    if i + 2 * AHEAD < last:
        prefetch(cofaces, cells[split[i + 2 * AHEAD], CELL_COFACES])
    if i + AHEAD < last:
        start = np.int64(cells[split[i + AHEAD], CELL_COFACES])
        for at in range(start, start + cofaces[start - 1]):
            prefetch(cells, cofaces[at])


@compiled_in_place
def mark_cells(
    where, used, offsets, heads, live, touching, nodes, edges, cells, facets, cofaces, positive, negative, split, touched, parts,
    origin, room,
):  # fmt: skip
    """List the cells that the neuron splits in ``split``, by dimension, and number their parts.

    ``offsets`` (2, n + 2): where the split and the touched cells of each dimension begin. Split edges are those of the
    neuron's bucket; cofaces of split cells are split. Where the neuron touches edges (``where[TOUCHING]``), cells of which a
    vertex is zero are listed in ``touched`` with their signs, and split where their facets show both. ``parts`` takes for each
    split cell the number of its cofaces and the ids of their negative parts, ``origin`` the number of a split edge of it, -1
    where none is known. ``room`` (2,) becomes a bound on what ``facets`` and ``cofaces`` grow by. There is no branch on whether a
    coface is known already: a wrong guess of the processor would wait for the cache.
    """
    word = where[FIRST_WORD] + where[NEURON] // 64
    bit = np.uint64(1) << np.uint64(where[NEURON] % 64)
    count, touch_count, visits, n_facets = 0, 0, 0, 0
    offsets[:] = 0
    edge = heads[where[NEURON]]
    while edge != NONE:
        cell = edges[edge, EDGE_CELL]
        cells[cell, CELL_STATE], cells[cell, CELL_PARTS] = SPLIT, used[CELLS] + count
        split[count], origin[count] = cell, count
        count += 1
        edge = edges[edge, EDGE_NEXT]
    first = used[CELLS] - count  # a split edge has one more cell in it, all others have two
    if where[TOUCHING]:
        touch_count = touched_edges(
            where[NEURON], where[FIRST_WORD], live, touching, nodes, edges, cells, positive, negative, touched
        )
    for dim in range(1, offsets.shape[1] - 1):
        offsets[0, dim + 1], offsets[1, dim + 1] = count, touch_count
        last = offsets[0, dim + 1]
        for i in range(offsets[0, dim], last):
            _ask_ahead(i, last, split, cells, cofaces)
            start = cells[split[i], CELL_COFACES]
            size = np.int64(cofaces[start - 1])
            parts[visits + i] = size
            for at in range(start, start + size):
                cell = cofaces[at]
                is_new = cells[cell, CELL_STATE] != SPLIT
                split[count], origin[count] = cell, origin[i]
                part = first + 2 * count if is_new else np.int64(cells[cell, CELL_PARTS])
                visits += 1
                cells[cell, CELL_PARTS], cells[cell, CELL_STATE], parts[visits + i] = part, SPLIT, part
                n_facets += is_new * np.int64(cells[cell, CELL_SIZE])
                count += is_new
        if where[TOUCHING]:
            count, touch_count, n_facets = _mark_touched(
                word, bit, dim, first, count, touch_count, n_facets, offsets, cells, facets, cofaces, positive, split,
                touched, origin,
            )  # fmt: skip
    offsets[0, -1], offsets[1, -1] = count, touch_count
    # blocks of facets of the whole cell, of a part of it, of the zero set; two of cofaces, two more for the zero set
    room[0] = 2 * n_facets + visits + (3 + 3 * (SPARE + 1)) * count
    room[1] = 2 * visits + 6 * count
    if touch_count:
        _add_zero_ridges(cells, facets, cofaces, split, touched, offsets, room)


@compiled_part_in_place
def _mark_touched(
    word, bit, dim, first, count, touch_count, n_facets, offsets, cells, facets, cofaces, positive, split, touched, origin
):  # fmt: skip
    """List the unmarked cofaces of the touched cells of one dimension, as split or as touched; the counts after it."""
    for i in range(offsets[1, dim], offsets[1, dim + 1]):
        start = cells[touched[i], CELL_COFACES]
        for at in range(start, start + cofaces[start - 1]):
            cell = cofaces[at]
            if cells[cell, CELL_STATE] != UNMARKED:
                continue
            state = _touched_state(cells, facets, positive, cell, word, bit)
            cells[cell, CELL_STATE] = state
            if state == SPLIT:
                cells[cell, CELL_PARTS] = first + 2 * count
                n_facets += np.int64(cells[cell, CELL_SIZE])
                split[count], origin[count] = cell, NONE
                count += 1
            else:
                touched[touch_count] = cell
                touch_count += 1
    return count, touch_count, n_facets


@compiled_part_in_place
def _touched_state(cells, facets, positive, cell, word, bit):
    """The mark of a cell with a zero vertex and no split facet, from its facets."""
    has_positive, has_negative = False, False
    start = cells[cell, CELL_FACETS]
    for at in range(start, start + cells[cell, CELL_SIZE]):
        sign = cell_sign(cells, positive, facets[at] >> 1, word, bit)
        has_positive |= sign > 0
        has_negative |= sign < 0
    if has_positive:
        return SPLIT if has_negative else TOUCHED_POSITIVE
    return TOUCHED_NEGATIVE if has_negative else TOUCHED_ZERO


@compiled_part_in_place
def _add_zero_ridges(cells, facets, cofaces, split, touched, offsets, room):
    """Add to ``room`` what ridges of split cells in the zero set, on their positive facets, may take.

    Each is a facet of a zero set, which becomes a coface of it. Blocks of cofaces that are full are doubled: all that one
    cell ever takes then is below 4 (cofaces before + new ones) + 2 new ones + 16.
    """
    for i in range(offsets[0, 3], offsets[0, -1]):
        start = cells[split[i], CELL_FACETS]
        for at in range(start, start + cells[split[i], CELL_SIZE]):
            facet = facets[at] >> 1
            if cells[facet, CELL_STATE] == TOUCHED_POSITIVE:
                first = cells[facet, CELL_FACETS]
                for other in range(first, first + cells[facet, CELL_SIZE]):
                    if cells[facets[other] >> 1, CELL_STATE] == TOUCHED_ZERO:
                        room[0] += 1
                        room[1] += 6
    for i in range(offsets[1, -1]):
        if cells[touched[i], CELL_STATE] == TOUCHED_ZERO:
            room[1] += 4 * np.int64(cofaces[cells[touched[i], CELL_COFACES] - 1]) + 16
