"""What is read off the forms that a walk carries: values at vertices, values of pairs, forms that vanish (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.cell_walk_kernels import POSITION, enter_cell
from separatrix.surface.arrangement.sign_kernels import length_up, lowest_bit, square_sum


@compiled_part_in_place
def at_point(forms, low, x, out):
    """out = the forms from column ``low`` on at the point x; lines as the compiler turns into vectors."""
    n, m = x.shape[0], out.shape[0]
    first, second, constant = forms[0, low : low + m], forms[1, low : low + m], forms[n, low : low + m]
    for i in range(m):
        out[i] = constant[i] + x[0] * first[i] + x[1] * second[i]
    for t in range(2, n):
        line = forms[t, low : low + m]
        for i in range(m):
            out[i] += x[t] * line[i]


@compiled_part_in_place
def slope_up(forms, low, m, n):
    """An upper bound of the Frobenius norm of the slopes of the m forms from column ``low`` on."""
    total = 0.0
    for t in range(n):
        total += square_sum(forms[t, low : low + m])
    return length_up(total, n * m + 8)


@compiled_in_place
def walked_rows(
    state, chosen, corners_from, corners, owner, wanted, x, ids, slopes, out,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The values of the last layer at vertices that are wanted, a row of ``out`` each, and bounds of the slopes of their forms.

    ``chosen``: the cells of the order that own them; ``ids``: which. Returns how many: fewer than there is room for at the end.
    """
    filled, low = 0, offsets[ends.shape[0]]
    while state[POSITION] < chosen.shape[0]:
        number = chosen[state[POSITION]]
        enter_cell(
            number, state, corners_from, corners, positive, negative, now, new, first, ends,
            bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
        )  # fmt: skip
        slope = -1.0
        for k in range(corners_from[number], corners_from[number + 1]):
            v = corners[k]
            if owner[v] != number or not wanted[v]:
                continue
            if filled == ids.shape[0]:
                return filled
            if slope < 0.0:
                slope = slope_up(G, low, out.shape[1], x.shape[1])
            at_point(G, low, x[v], out[filled])
            slopes[filled] = slope
            ids[filled], wanted[v] = v, False
            filled += 1
        state[POSITION] += 1
    return filled


@compiled_in_place
def walked_pairs(
    state, chosen, corners_from, corners, owner, pairs, creased, x, out,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The values of the last layer's bits ``pairs`` at vertices, in ``out`` (1, number) as ``place_of_pair`` finds them."""
    low, n, words = offsets[ends.shape[0]], x.shape[1], pairs.shape[1] - 1
    for number in chosen:
        enter_cell(
            number, state, corners_from, corners, positive, negative, now, new, first, ends,
            bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
        )  # fmt: skip
        for k in range(corners_from[number], corners_from[number + 1]):
            v = corners[k]
            if owner[v] != number:
                continue
            place = np.int64(pairs[v, words])
            for w in range(words):
                rest = pairs[v, w]
                while rest != np.uint64(0):
                    i = low + creased[64 * w + lowest_bit(rest)]
                    rest &= rest - np.uint64(1)
                    value = G[n, i]
                    for t in range(n):
                        value += x[v, t] * G[t, i]
                    out[0, place] = value
                    place += 1


@compiled_part_in_place
def is_repeated(A, e_A, count, G, r, slope):
    """Whether the gradient of row r has the direction of one of the ``count`` rows of A, as far as their errors tell."""
    n = A.shape[1]
    for k in range(count):
        along = size = 0.0
        for t in range(n):
            along += A[k, t] * G[t, r]
            size += A[k, t] * A[k, t]
        along /= size
        off = 0.0
        for t in range(n):
            off = max(off, abs(G[t, r] - along * A[k, t]))
        if off <= slope + abs(along) * e_A[k]:
            return True
    return False


@compiled_in_place
def walked_zeros(
    state, chosen, corners_from, corners, owner, wanted, x, bounds, at_value, at_slope, ids, count, total, F, e_F, A, e_A,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The forms that vanish at the vertices that are wanted: values ``F``, gradients ``A``, bounds ``e_F``, ``e_A`` of errors.

    As many as there is room for, ``count``; ``total`` counts all. ``bounds`` (3, rows): p, q, c;
    ``at_value`` (2, layers, n + 1), ``at_slope`` (3, layers): what they are multiplied by.
    """
    filled, n, layers = 0, x.shape[1], ends.shape[0]
    while state[POSITION] < chosen.shape[0]:
        number = chosen[state[POSITION]]
        enter_cell(
            number, state, corners_from, corners, positive, negative, now, new, first, ends,
            bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
        )  # fmt: skip
        for k in range(corners_from[number], corners_from[number + 1]):
            v = corners[k]
            if owner[v] != number or not wanted[v]:
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
                        if not length > slope:
                            continue
                        place = count[filled]
                        if place == F.shape[1] or is_repeated(A[filled], e_A[filled], place, G, r, slope):
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
