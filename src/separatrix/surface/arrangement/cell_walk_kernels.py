"""Compiled walk over the top cells: the affine forms of a network with structure, changed by the neurons that change (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.lattice import (
    CELL_COFACES,
    CELL_FACETS,
    NODE_COFACE,
    NODE_FACET,
    NODE_NEXT_COFACE,
    NODE_NEXT_FACET,
    NONE,
)
from separatrix.surface.arrangement.sign_kernels import length_up, lowest_bit, square_sum

POSITION, IS_FRESH = range(2)  # of ``state``
LEAST = 2.0**-500  # more than what squares lose where they vanish


@compiled_in_place
def walk_order(tops, cells, nodes, resume, order):
    """The top cells so that the next one is a neighbour of the last one where that can be: the order of a search in depth.

    ``resume`` (cells,): scratch, -2 for top cells; after it the node of a cell where the search goes on. ``order`` (2, tops):
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
            node, found = resume[cell], np.int64(NONE)
            while node != NONE and found == NONE:
                coface = cells[nodes[node, NODE_FACET] >> 1, CELL_COFACES]
                while coface != NONE:
                    other = nodes[coface, NODE_COFACE]
                    if resume[other] == -2:
                        found = np.int64(other)
                    coface = nodes[coface, NODE_NEXT_COFACE]
                node = nodes[node, NODE_NEXT_FACET]
            resume[cell] = node
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
def add_column(r, d, offset, starts, rows, entries, step, mark, changed, count):
    """Add column r, times the vector d, to what the next layer's forms change by; changing rows are listed behind ``count``."""
    for place in range(starts[r], starts[r + 1]):
        i, w = offset + rows[place], entries[place]
        for t in range(step.shape[0]):
            step[t, i] += w * d[t]
        if not mark[i]:
            mark[i] = True
            changed[count] = i
            count += 1
    return count


@compiled_part_in_place
def take_step(changed, count, step, mark, G):
    """Add what the forms of a layer change by."""
    for k in range(count):
        i = changed[k]
        mark[i] = False
        for t in range(step.shape[0]):
            G[t, i] += step[t, i]
            step[t, i] = 0.0


@compiled_part_in_place
def begin_anew(
    now, first, ends, bit_rows, left, offsets, starts, rows, entries, bias, G, H, D, step, mark, changed, d
):  # fmt: skip
    """The forms of all layers in the cell with the bits ``now`` from those of the first layer."""
    n, layers = G.shape[0] - 1, ends.shape[0]
    for i in range(offsets[1], G.shape[1]):
        for t in range(n):
            G[t, i] = 0.0
        G[n, i] = bias[i]
    for q in range(layers):
        for r in range(offsets[q], offsets[q + 1]):
            D[r] = 1.0
        for w in range(first if q == 0 else ends[q - 1], ends[q]):
            for b in range(64):
                r = bit_rows[w - first, b]
                if r >= 0:
                    D[r] = slope_of(np.uint64(1) << np.uint64(b), now[0, w - first], now[1, w - first], left[r])
        count = 0
        for r in range(offsets[q], offsets[q + 1]):
            some = False
            for t in range(n + 1):
                H[t, r] = d[t] = D[r] * G[t, r]
                some |= d[t] != 0.0
            if some and offsets[q + 1] < G.shape[1]:
                count = add_column(
                    r, d, offsets[q + 1], starts, rows, entries, step, mark, changed, count
                )  # fmt: skip
        if count:
            take_step(changed, count, step, mark, G)


@compiled_part_in_place
def go_on(
    now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, terms, sizes, spent,
    G, H, D, step, mark, lists, d, squares,
):  # fmt: skip
    """From the forms in the cell with the bits ``now`` to those in the cell with the bits ``new``."""
    n, layers = G.shape[0] - 1, ends.shape[0]
    count = 0
    for q in range(layers):
        here, there = lists[q & 1], lists[(q + 1) & 1]
        for w in range(first if q == 0 else ends[q - 1], ends[q]):
            plus, minus = new[0, w - first], new[1, w - first]
            other = (plus ^ now[0, w - first]) | (minus ^ now[1, w - first])
            now[0, w - first], now[1, w - first] = plus, minus
            while other != np.uint64(0):
                b = lowest_bit(other)
                other &= other - np.uint64(1)
                r = bit_rows[w - first, b]
                slope = slope_of(np.uint64(1) << np.uint64(b), plus, minus, left[r])
                if slope != D[r]:
                    D[r] = slope
                    if not mark[r]:
                        mark[r] = True
                        here[count] = r
                        count += 1
        after, changes = 0, 0
        squares[:] = 0.0
        for k in range(count):
            r, some = here[k], False
            mark[r] = False
            for t in range(n + 1):
                value = D[r] * G[t, r]
                d[t] = value - H[t, r]
                squares[t] += d[t] * d[t]
                H[t, r] = value
                some |= d[t] != 0.0
            if some and offsets[q + 1] < G.shape[1]:
                changes += 1
                after = add_column(
                    r, d, offsets[q + 1], starts, rows, entries, step, mark, there, after
                )  # fmt: skip
        if changes:
            share = 0.0
            for t in range(n + 1):
                if squares[t] != 0.0:
                    share = max(share, (np.sqrt(squares[t]) + LEAST) / sizes[q, t])
            spent[q + 1] += 1.1 + (min(changes, terms[q + 1]) + 4) * 1.01 * share
            take_step(there, after, step, mark, G)
        count = after


@compiled_part_in_place
def enter_cell(
    number, state, corners_from, corners, positive, negative, now, new, first, ends, limit,
    bit_rows, left, offsets, starts, rows, entries, bias, terms, sizes, spent, G, H, D, step, mark, lists, d, squares,
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
    if state[IS_FRESH]:
        go_on(
            now, new, first, ends, bit_rows, left, offsets, starts, rows, entries, terms, sizes, spent,
            G, H, D, step, mark, lists, d, squares,
        )  # fmt: skip
    is_fresh = state[IS_FRESH] != 0
    for q in range(spent.shape[0]):
        is_fresh = is_fresh and spent[q] <= limit
    if is_fresh:
        return
    for w in range(words):
        now[0, w], now[1, w] = new[0, w], new[1, w]
    spent[:] = 0.0
    begin_anew(
        now, first, ends, bit_rows, left, offsets, starts, rows, entries, bias, G, H, D, step, mark, lists[0], d
    )  # fmt: skip
    state[IS_FRESH] = 1


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
    positive, negative, now, new, first, ends, limit,
    bit_rows, left, offsets, starts, rows, entries, bias, terms, sizes, spent, G, H, D, step, mark, lists, d, squares,
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
                number, state, corners_from, corners, positive, negative, now, new, first, ends, limit,
                bit_rows, left, offsets, starts, rows, entries, bias, terms, sizes, spent,
                G, H, D, step, mark, lists, d, squares,
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
    positive, negative, now, new, first, ends, limit,
    bit_rows, left, offsets, starts, rows, entries, bias, terms, sizes, spent, G, H, D, step, mark, lists, d, squares,
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
                number, state, corners_from, corners, positive, negative, now, new, first, ends, limit,
                bit_rows, left, offsets, starts, rows, entries, bias, terms, sizes, spent,
                G, H, D, step, mark, lists, d, squares,
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
