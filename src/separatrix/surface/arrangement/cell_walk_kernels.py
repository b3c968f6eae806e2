"""Compiled walk over the top cells: the affine forms of a network with structure, changed by the neurons that change (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.lattice import CELL_COFACES, CELL_FACETS, CELL_SIZE, NONE
from separatrix.surface.arrangement.sign_kernels import length_up, lowest_bit, square_sum

POSITION, IS_BEGUN = range(2)  # of ``state``


@compiled_in_place
def walk_order(tops, cells, facets, cofaces, resume, order):
    """The top cells so that the next one is a neighbour of the last one where that can be: the order of a search in depth.

    ``resume`` (cells,): scratch, -2 for top cells; then where in ``facets`` the search goes on for a cell. ``order`` (2, tops):
    the order, and the stack.
    """
    count = 0
    for top in tops:
        if resume[top] != -2:
            continue
        resume[top] = cells[top, CELL_FACETS]
        order[0, count], order[1, 0] = top, top
        count += 1
        size = 1
        while size:
            cell = order[1, size - 1]
            at, found = resume[cell], np.int64(NONE)
            end = cells[cell, CELL_FACETS] + cells[cell, CELL_SIZE]
            while at < end and found == NONE:
                start = cells[facets[at] >> 1, CELL_COFACES]
                for i in range(start, start + cofaces[start - 1]):
                    if resume[cofaces[i]] == -2:
                        found = np.int64(cofaces[i])
                at += 1
            resume[cell] = at
            if found == NONE:
                size -= 1
                continue
            resume[found] = cells[found, CELL_FACETS]
            order[0, count], order[1, size] = found, found
            count += 1
            size += 1


@compiled_part_in_place
def slope_of(bit, plus, minus, left):
    """What the crease multiplies by: 1, the slope below zero, or 0 where the sign is 0."""
    if plus & bit:
        return 1.0
    return left if minus & bit else 0.0


@compiled_part_in_place
def exchange(r, before, after, offset, starts, rows, entries, sums, mark, changed, count):
    """In the sums of the next layer the products with what row r was are exchanged for those with what it is.

    Whole numbers: what is taken away is what was added. Rows that change are listed behind ``count``.
    """
    for place in range(starts[r], starts[r + 1]):
        i, w = offset + rows[place], entries[place]
        for t in range(sums.shape[0]):
            sums[t, i] += np.int64(w * after[t]) - np.int64(w * before[t])
        if not mark[i]:
            mark[i] = True
            changed[count] = i
            count += 1
    return count


@compiled_part_in_place
def pass_row(r, q, is_last, offsets, starts, rows, entries, scales, sums, G, H, D, mark, changed, count, before, after):
    """Row r of layer q behind the crease, and what it adds to the next layer."""
    some = False
    for t in range(G.shape[0]):
        value = D[r] * G[t, r]
        if not is_last:
            before[t], after[t] = H[t, r] * scales[q + 1, t], value * scales[q + 1, t]
        some |= value != H[t, r]
        H[t, r] = value
    if some and not is_last:
        return exchange(r, before, after, offsets[q + 1], starts, rows, entries, sums, mark, changed, count)
    return count


@compiled_part_in_place
def read_rows(q, changed, count, scales, sums, mark, G):
    """The forms of layer q from its sums where these have changed."""
    for k in range(count):
        i = changed[k]
        mark[i] = False
        for t in range(G.shape[0]):
            G[t, i] = np.float64(sums[t, i]) / scales[q, t]


@compiled_part_in_place
def go_on(
    is_first, now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
    before, after,
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
        following = 0
        for k in range(count):
            mark[here[k]] = False
            following = pass_row(
                here[k], q, is_last, offsets, starts, rows, entries, scales, sums, G, H, D, mark, there, following, before, after
            )  # fmt: skip
        if not is_last:
            read_rows(q + 1, there, following, scales, sums, mark, G)
            if q + 1 < ends.shape[0]:
                for k in range(following):
                    mark[there[k]] = True
        count = following


@compiled_part_in_place
def enter_cell(
    number, state, corners_from, corners, positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists, before, after,
):  # fmt: skip
    """Forms of the cell ``number`` of the order: its bits are those of its corners together."""
    words = new.shape[1]
    for w in range(words):
        new[0, w] = new[1, w] = np.uint64(0)
    for k in range(corners_from[number], corners_from[number + 1]):
        v = corners[k]
        for w in range(words):
            new[0, w] |= positive[v, first + w]
            new[1, w] |= negative[v, first + w]
    go_on(
        state[IS_BEGUN] == 0, now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, scales, sums,
        G, H, D, mark, lists, before, after,
    )  # fmt: skip
    state[IS_BEGUN] = 1


@compiled_part_in_place
def has_wanted(number, corners_from, corners, wanted):
    """Whether a corner of the cell ``number`` is still wanted."""
    found = False
    for k in range(corners_from[number], corners_from[number + 1]):
        found |= wanted[corners[k]]
    return found


@compiled_part_in_place
def at_point(forms, low, x, out):
    """out = the forms from column ``low`` on at the point x."""
    n = x.shape[0]
    for i in range(out.shape[0]):
        out[i] = forms[n, low + i]
    for t in range(n):
        c = x[t]
        for i in range(out.shape[0]):
            out[i] += c * forms[t, low + i]


@compiled_in_place
def walked_rows(
    state, corners_from, corners, wanted, x, ids, lengths, out,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists, before, after,
):  # fmt: skip
    """The values of the last layer at vertices that are wanted, in their rows of ``out``, with bounds of their ``lengths``.

    ``ids``: which, in the order of the walk. Returns how many: fewer than there is room for where the walk is at its end.
    """
    filled, low = 0, offsets[ends.shape[0]]
    while state[POSITION] < corners_from.shape[0] - 1:
        number = state[POSITION]
        if has_wanted(number, corners_from, corners, wanted):
            if filled == ids.shape[0]:
                return filled
            enter_cell(
                number, state, corners_from, corners, positive, negative, now, new, first, ends,
                bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists, before, after,
            )  # fmt: skip
            for k in range(corners_from[number], corners_from[number + 1]):
                v = corners[k]
                if not wanted[v]:
                    continue
                if filled == ids.shape[0]:
                    return filled
                at_point(G, low, x[v], out[v])
                lengths[filled] = length_up(square_sum(out[v]), out.shape[1])
                ids[filled], wanted[v] = v, False
                filled += 1
        state[POSITION] += 1
    return filled


@compiled_in_place
def walked_zeros(
    state, corners_from, corners, wanted, x, bounds, at_value, at_slope, ids, count, total, F, e_F, A, e_A,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists, before, after,
):  # fmt: skip
    """The forms that vanish at the vertices that are wanted: values ``F``, gradients ``A``, bounds ``e_F``, ``e_A`` of errors.

    As many as there is room for, ``count``; ``total`` counts all. ``bounds`` (3, rows): p, q, c;
    ``at_value`` (2, layers, n + 1), ``at_slope`` (3, layers): what they are multiplied by.
    """
    filled, n, layers = 0, x.shape[1], ends.shape[0]
    while state[POSITION] < corners_from.shape[0] - 1:
        number = state[POSITION]
        if has_wanted(number, corners_from, corners, wanted):
            enter_cell(
                number, state, corners_from, corners, positive, negative, now, new, first, ends,
                bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists, before, after,
            )  # fmt: skip
            for k in range(corners_from[number], corners_from[number + 1]):
                v = corners[k]
                if not wanted[v]:
                    continue
                if filled == ids.shape[0]:
                    return filled
                ids[filled], wanted[v] = v, False
                for q in range(layers):
                    s, g = at_value[0, q, n], at_value[1, q, n]
                    for t in range(n):
                        s += at_value[0, q, t] * abs(x[v, t])
                        g += at_value[1, q, t] * abs(x[v, t])
                    for w in range(first if q == 0 else ends[q - 1], ends[q]):
                        zero = ~(positive[v, w] | negative[v, w])
                        while zero != np.uint64(0):
                            r = bit_rows[w - first, lowest_bit(zero)]
                            zero &= zero - np.uint64(1)
                            if r < 0:
                                continue
                            total[filled] += 1
                            slope = bounds[0, r] * at_slope[0, q] + bounds[1, r] * at_slope[1, q] + at_slope[2, q]
                            length = 0.0
                            for t in range(n):
                                length = max(length, abs(G[t, r]))
                            place = count[filled]
                            if not length > slope or place == F.shape[1]:
                                continue
                            F[filled, place], e_A[filled, place] = G[n, r], slope
                            for t in range(n):
                                A[filled, place, t] = G[t, r]
                                F[filled, place] += G[t, r] * x[v, t]
                            e_F[filled, place] = bounds[0, r] * s + bounds[1, r] * g + bounds[2, r]
                            count[filled] += 1
                filled += 1
        state[POSITION] += 1
    return filled
