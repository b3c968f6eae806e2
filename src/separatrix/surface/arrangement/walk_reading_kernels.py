"""What is read off the forms that a walk carries: values at vertices, and forms that cut or vanish there (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.cell_walk_kernels import POSITION, enter_cell
from separatrix.surface.arrangement.pair_kernels import BIT, PAIR_ERROR, PAIR_VALUE
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, length_up, lowest_bit, square_sum
from separatrix.surface.arrangement.tail_kernels import terms_of_form


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


@compiled_part_in_place
def along(table, row, x):
    """A row of multipliers times (|x|, 1)."""
    n = x.shape[0]
    total = table[row, n]
    for t in range(n):
        total += table[row, t] * abs(x[t])
    return total


@compiled_in_place
def walked_rows(
    state, chosen, corners_from, corners, owner, wanted, x, x_error, table, ids, numbers, out,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The values of the last layer at vertices that are wanted, a row of ``out`` each, and their ``numbers`` (rows, 5).

    x is off by ``x_error``: d is what that makes of a form of the cell, which holds the exact vertex. ``table`` (4, n + 1): what
    s, g and the norm are made of, and a bound of the slopes' errors. ``chosen``: the cells of the order that own the vertices;
    ``ids``: which. Returns how many: fewer than there is room for at the end.
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
            d = (slope + table[3, 0]) * x_error[v] * ROOM + FLOOR
            numbers[filled, 0], numbers[filled, 1] = along(table, 0, x[v]) * ROOM, along(table, 1, x[v]) * ROOM
            numbers[filled, 2], numbers[filled, 3] = (along(table, 2, x[v]) + d) * ROOM, np.inf
            numbers[filled, 4] = d
            ids[filled], wanted[v] = v, False
            filled += 1
        state[POSITION] += 1
    return filled


@compiled_part_in_place
def is_repeated(A, e_A, count, found):
    """Whether the gradient ``found`` has the direction of one of the ``count`` rows of A, as far as their errors tell."""
    n = A.shape[1]
    for k in range(count):
        along = size = 0.0
        for t in range(n):
            along += A[k, t] * found[t]
            size += A[k, t] * A[k, t]
        along /= size
        off = 0.0
        for t in range(n):
            off = max(off, abs(found[t] - along * A[k, t]))
        if off <= found[n + 1] + abs(along) * e_A[k]:
            return True
    return False


@compiled_part_in_place
def read_form(
    r, x, q, tables, slopes, bounds, G, found, number, corners_from, corners, positive, negative,
    bit_at, left, starts, columns, entries, bias, terms, factors,
):  # fmt: skip
    """The form of coordinate r of step q in ``found`` (n + 3): gradient, value at x, bounds of their errors; False: not known."""
    n, carried = x.shape[0], G.shape[1]
    count, side, constant, size, work = terms_of_form(
        r, carried, number, corners_from, corners, positive, negative, bit_at, left, starts, columns, entries, bias,
        terms, factors,
    )  # fmt: skip
    if count < 0:
        return False
    q = min(q, tables.shape[1] - 1)
    s, g = along(tables[0], q, x), along(tables[1], q, x)
    for t in range(n):
        found[t] = 0.0
    value, e_value, e_slope, spread = constant, 0.0, 0.0, 0.0
    for k in range(count):
        i, factor = terms[side, k], factors[side, k]
        weight = abs(factor)
        value += factor * G[n, i]
        size += weight * abs(G[n, i])
        for t in range(n):
            found[t] += factor * G[t, i]
            spread += weight * abs(G[t, i])
            size += weight * abs(G[t, i]) * abs(x[t])
        e_slope += weight * (bounds[0, i] * slopes[0, q] + bounds[1, i] * slopes[1, q] + slopes[2, q])
        e_value += weight * (bounds[0, i] * s + bounds[1, i] * g + bounds[2, i])
    for t in range(n):
        value += found[t] * x[t]
    unit = 0.0 if r < carried else 1.01 * 2.0**-53 * (work + count + n + 8)
    found[n], found[n + 1], found[n + 2] = value, (e_slope + unit * spread) * ROOM, (e_value + unit * size) * ROOM
    if r >= carried:
        found[n + 1] += FLOOR
        found[n + 2] += FLOOR
    return True


@compiled_in_place
def walked_pairs(
    chosen, corners_from, corners, owner, pairs, places, step, first_number, creased, x, x_error, out, bounds, tables, slopes,
    bit_at, leak, from_row, columns, weights, bias, terms, factors, found,
    state, positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The values of the bits ``pairs`` (V, words) of a step at vertices, bounds of their errors, and the bits.

    ``out`` (3, number), those of vertex v from ``places[v]`` on. ``step``, ``first_number``, ``creased``: which step, the number
    of its first coordinate, its coordinates with bits. x is off by ``x_error``: that adds the slope of the neuron's own form in
    a cell that holds the exact vertex. The rest as in ``walked_zeros``.
    """
    n, words = x.shape[1], pairs.shape[1]
    for number in chosen:
        enter_cell(
            number, state, corners_from, corners, positive, negative, now, new, first, ends,
            bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
        )  # fmt: skip
        for k in range(corners_from[number], corners_from[number + 1]):
            v = corners[k]
            if owner[v] != number:
                continue
            place = places[v]
            for w in range(words):
                rest = pairs[v, w]
                while rest != np.uint64(0):
                    bit = 64 * w + lowest_bit(rest)
                    r = first_number + creased[bit]
                    rest &= rest - np.uint64(1)
                    if read_form(
                        r, x[v], step, tables, slopes, bounds, G, found, number, corners_from, corners, positive, negative,
                        bit_at, leak, from_row, columns, weights, bias, terms, factors,
                    ):  # fmt: skip
                        slope = length_up(square_sum(found[:n]), n) + found[n + 1]
                        out[PAIR_VALUE, place], out[PAIR_ERROR, place] = (
                            found[n],
                            (found[n + 2] + slope * x_error[v]) * ROOM + FLOOR,
                        )
                    else:
                        out[PAIR_VALUE, place] = out[PAIR_ERROR, place] = np.inf
                    out[BIT, place] = bit
                    place += 1


@compiled_part_in_place
def is_flat(r, q, bounds, slopes, G):
    """Whether the gradient of the carried row r of step q is not known to differ from 0."""
    length = 0.0
    for t in range(G.shape[0] - 1):
        length = max(length, abs(G[t, r]))
    return not length > bounds[0, r] * slopes[0, q] + bounds[1, r] * slopes[1, q] + slopes[2, q]


@compiled_in_place
def walked_zeros(
    state, chosen, corners_from, corners, owner, wanted, x, bounds, tables, slopes,
    last, numbers, bit_at, leak, from_row, columns, weights, bias, terms, factors, found,
    ids, count, total, F, e_F, A, e_A,
    positive, negative, now, new, first, ends,
    bit_rows, left, offsets, starts, rows, entries, scales, sums, G, H, D, mark, lists,
):  # fmt: skip
    """The forms that vanish at the vertices that are wanted: values ``F``, gradients ``A``, bounds ``e_F``, ``e_A`` of errors.

    As many as there is room for, ``count``; ``total`` counts all. ``bounds`` (3, rows): p, q, c; ``tables`` (2, layers, n + 1),
    ``slopes`` (3, layers): what they are multiplied by; ``last`` to ``bias``: of ``tail_forms``; ``terms`` to ``found``: scratch.
    """
    filled, n = 0, x.shape[1]
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
            for q in range(last.shape[0]):
                for w in range(first if q == 0 else last[q - 1], last[q]):
                    zero = ~(positive[v, w] | negative[v, w])
                    while zero != np.uint64(0):
                        r = numbers[w - first, lowest_bit(zero)]
                        zero &= zero - np.uint64(1)
                        if r < 0:
                            continue
                        total[filled] += 1
                        if count[filled] == F.shape[1] or (r < G.shape[1] and is_flat(r, q, bounds, slopes, G)):
                            continue
                        if not read_form(
                            r, x[v], q, tables, slopes, bounds, G, found, number, corners_from, corners, positive, negative,
                            bit_at, leak, from_row, columns, weights, bias, terms, factors,
                        ):  # fmt: skip
                            continue
                        length = 0.0
                        for t in range(n):
                            length = max(length, abs(found[t]))
                        place = count[filled]
                        if not length > found[n + 1] or is_repeated(A[filled], e_A[filled], place, found):
                            continue
                        F[filled, place], e_A[filled, place], e_F[filled, place] = found[n], found[n + 1], found[n + 2]
                        for t in range(n):
                            A[filled, place, t] = found[t]
                        count[filled] += 1
            filled += 1
        state[POSITION] += 1
    return filled
