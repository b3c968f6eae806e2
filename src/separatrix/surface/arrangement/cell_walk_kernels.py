"""Compiled walk over the top cells: the affine forms of a network with structure, changed by the neurons that change (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place, written_in_place
from separatrix.numerics.prefetching import prefetch
from separatrix.surface.arrangement.lattice import CELL_COFACES, CELL_FACETS, CELL_SIZE, EDGE_A, EDGE_B, NONE
from separatrix.surface.arrangement.sign_kernels import lowest_bit

POSITION, IS_BEGUN = range(2)  # of ``state``
AHEAD = 4  # cells
CELLS_AHEAD, WORDS_IN_LINE = 2, 8  # cells whose bits are fetched ahead, 64-bit words of a line of the cache


@compiled_part_in_place
def free_neighbours(cell, cells, facets, cofaces, is_free):
    """How many neighbours of a top cell are not in the order yet."""
    count = 0
    for at in range(cells[cell, CELL_FACETS], cells[cell, CELL_FACETS] + cells[cell, CELL_SIZE]):
        start = cells[facets[at] >> 1, CELL_COFACES]
        for i in range(start, start + cofaces[start - 1]):
            count += is_free[cofaces[i]]
    return count


@compiled_in_place
def walk_order(tops, cells, facets, cofaces, is_free, order):
    """The top cells so that the next one is a neighbour of the last one where that can be: a search in depth that goes on where
    the fewest ways lead on from, which leaves few cells behind.

    ``is_free`` (cells,): 1 for top cells, 0 for others; 0 in the end. ``order`` (2, tops): the order, and the stack.
    """
    count = 0
    for top in tops:
        if is_free[top] == 0:
            continue
        is_free[top] = 0
        order[0, count], order[1, 0] = top, top
        count += 1
        size = 1
        while size:
            cell = order[1, size - 1]
            found, fewest = np.int64(NONE), np.int64(0)
            for at in range(cells[cell, CELL_FACETS], cells[cell, CELL_FACETS] + cells[cell, CELL_SIZE]):
                start = cells[facets[at] >> 1, CELL_COFACES]
                for i in range(start, start + cofaces[start - 1]):
                    other = np.int64(cofaces[i])
                    if is_free[other] != 0:
                        ways = free_neighbours(other, cells, facets, cofaces, is_free)
                        if found == NONE or ways < fewest:
                            found, fewest = other, ways
            if found == NONE:
                size -= 1
                continue
            is_free[found] = 0
            order[0, count], order[1, size] = found, found
            count += 1
            size += 1


@compiled_in_place
def corners_of_polygons(first, last, order, cells, edges, facets, starts, corners):
    """The corners of the polygons with the numbers first, …, last - 1 in ``order``: as many as they have sides."""
    for number in range(first, last):
        if number + 4 * AHEAD < last:
            prefetch(cells, order[number + 4 * AHEAD])
        if number + 3 * AHEAD < last:
            prefetch(facets, cells[order[number + 3 * AHEAD], CELL_FACETS])
        if number + 2 * AHEAD < last:
            row = cells[order[number + 2 * AHEAD]]
            for i in range(row[CELL_FACETS], row[CELL_FACETS] + row[CELL_SIZE]):
                prefetch(cells, facets[i] >> 1)
        if number + AHEAD < last:
            row = cells[order[number + AHEAD]]
            for i in range(row[CELL_FACETS], row[CELL_FACETS] + row[CELL_SIZE]):
                prefetch(edges, cells[facets[i] >> 1, CELL_FACETS])
        row, at = cells[order[number]], starts[number]
        for i in range(row[CELL_FACETS], row[CELL_FACETS] + row[CELL_SIZE]):
            side = cells[facets[i] >> 1, CELL_FACETS]
            for end in (EDGE_A, EDGE_B):
                vertex, known = edges[side, end], starts[number]
                while known < at and corners[known] != vertex:
                    known += 1
                if known == at:
                    if at == starts[number + 1]:
                        break
                    corners[at] = vertex
                    at += 1


@compiled_in_place
def first_cells(starts, corners, owner):
    """``owner`` (V,), -1 before: the first cell of the order that a vertex is a corner of."""
    for number in range(starts.shape[0] - 1):
        for k in range(starts[number], starts[number + 1]):
            if owner[corners[k]] < 0:
                owner[corners[k]] = number


@compiled_part_in_place
def slope_of(bit, plus, minus, left):
    """What the crease multiplies by: 1, the slope below zero, or 0 where the sign is 0."""
    if plus & bit:
        return 1.0
    return left if minus & bit else 0.0


@written_in_place
def exchange(r, t, old, new, offset, starts, rows, entries, sums):
    """In column t of the next layer's sums the products with what row r was are exchanged for those with what it is.

    Whole numbers: what is taken away is what was added.
    """
    if old == 0.0 or new == 0.0:  # a neuron that goes on or off
        for place in range(starts[r], starts[r + 1]):
            sums[t, offset + rows[place]] += np.int64(entries[place] * (new - old))
    else:
        for place in range(starts[r], starts[r + 1]):
            w = entries[place]
            sums[t, offset + rows[place]] += np.int64(w * new) - np.int64(w * old)


@written_in_place
def pass_rows(q, here, count, offsets, starts, rows, entries, scales, sums, G, H, D, mark, changed):
    """The listed rows of layer q behind the crease, and what they add to the next layer; how many rows of that change.

    ``H`` has them as multiples of the next layer's units.
    """
    following, offset = 0, offsets[q + 1]
    for k in range(count):
        r, some = here[k], False
        mark[r] = False
        for t in range(G.shape[0]):
            old, new = H[t, r], (D[r] * G[t, r]) * scales[q + 1, t]
            if new != old:
                H[t, r], some = new, True
                exchange(r, t, old, new, offset, starts, rows, entries, sums)
        if some:
            for place in range(starts[r], starts[r + 1]):
                i = offset + rows[place]
                if not mark[i]:
                    mark[i] = True
                    changed[following] = i
                    following += 1
    return following


@compiled_part_in_place
def read_rows(q, changed, count, scales, sums, mark, G):
    """The forms of layer q from its sums where these have changed; the scales are powers of two."""
    for t in range(G.shape[0]):
        unit = 1.0 / scales[q, t]
        for k in range(count):
            G[t, changed[k]] = np.float64(sums[t, changed[k]]) * unit
    for k in range(count):
        mark[changed[k]] = False


@compiled_part_in_place
def go_on(
    is_first, now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """From the forms in the cell with the bits ``now`` to those in the cell with the bits ``new``; at first all rows count."""
    count = 0
    for q in range(ends.shape[0]):
        here, there = lists[q & 1], lists[(q + 1) & 1]
        is_last = offsets[q + 1] == G.shape[1]
        if is_first:
            count = 0
            for r in range(offsets[q], offsets[q + 1]):
                D[r], mark[r], here[count] = 1.0, True, r
                count += 1
        for w in range(first if q == 0 else ends[q - 1], ends[q]):
            plus, minus = new[0, w - first], new[1, w - first]
            other = (plus ^ now[0, w - first]) | (minus ^ now[1, w - first])
            if is_first:
                other = ~np.uint64(0)
            now[0, w - first], now[1, w - first] = plus, minus
            while other != np.uint64(0):
                b = lowest_bit(other)
                other &= other - np.uint64(1)
                r = bit_rows[w - first, b]
                if r < 0:
                    continue
                slope = slope_of(np.uint64(1) << np.uint64(b), plus, minus, left[r])
                if slope != D[r]:
                    D[r] = slope
                    if not mark[r]:
                        mark[r] = True
                        here[count] = r
                        count += 1
        if is_last:  # nothing follows
            for k in range(count):
                mark[here[k]] = False
            return
        count = pass_rows(q, here, count, offsets, starts, rows, entries, scales, sums, G, H, D, mark, there)
        read_rows(q + 1, there, count, scales, sums, mark, G)
        if q + 1 < ends.shape[0]:
            for k in range(count):
                mark[there[k]] = True


@compiled_part_in_place
def enter_cell(
    number, state, corners_from, corners, positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """Forms of the cell ``number`` of the order: its bits are those of its corners together."""
    words = new.shape[1]
    ahead = min(number + CELLS_AHEAD, corners_from.shape[0] - 2)
    for k in range(corners_from[ahead], corners_from[ahead + 1]):
        for w in range(first, first + words, WORDS_IN_LINE):
            prefetch(positive[:, w:], corners[k])
            prefetch(negative[:, w:], corners[k])
    for w in range(words):
        new[0, w] = new[1, w] = np.uint64(0)
    for k in range(corners_from[number], corners_from[number + 1]):
        v = corners[k]
        for w in range(words):
            new[0, w] |= positive[v, first + w]
            new[1, w] |= negative[v, first + w]
    go_on(
        state[IS_BEGUN] == 0, now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, scales, sums,
        G, H, D, mark, lists,
    )  # fmt: skip
    state[IS_BEGUN] = 1
