"""Compiled loops of the signs: values of all vertices at a step's start, and their proved signs (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place

ROOM = 1.0 + 2.0**-40  # covers the roundings of a bound, a sum of some hundred products that are not negative
FLOOR = 2.0**-960  # covers what they lose by underflow


@compiled_part_in_place
def square_sum(a):
    """The sum of squares in eight strands."""
    s0 = s1 = s2 = s3 = s4 = s5 = s6 = s7 = 0.0
    m = a.shape[0]
    last = m - m % 8
    for i in range(0, last, 8):
        s0 += a[i] * a[i]
        s1 += a[i + 1] * a[i + 1]
        s2 += a[i + 2] * a[i + 2]
        s3 += a[i + 3] * a[i + 3]
        s4 += a[i + 4] * a[i + 4]
        s5 += a[i + 5] * a[i + 5]
        s6 += a[i + 6] * a[i + 6]
        s7 += a[i + 7] * a[i + 7]
    for i in range(last, m):
        s0 += a[i] * a[i]
    return ((s0 + s1) + (s2 + s3)) + ((s4 + s5) + (s6 + s7))


@compiled_part_in_place
def length_up(square, m):
    """An upper bound of the 2-norm of m doubles from the computed sum of their squares; squares may underflow."""
    return np.sqrt(square) * (1.0 + (m + 8) * 2.0**-52) + np.sqrt(float(m)) * 2.0**-500


@compiled_part_in_place
def lowest_bit(word):
    """Number of the lowest bit that is set, of a word that is not zero."""
    number = 0
    for width in (32, 16, 8, 4, 2, 1):
        if word & ((np.uint64(1) << np.uint64(width)) - np.uint64(1)) == np.uint64(0):
            word >>= np.uint64(width)
            number += width
    return number


@compiled_part_in_place
def are_neighbours(creased):
    """Whether the coordinates, ascending, stand side by side."""
    return creased.shape[0] > 0 and creased[creased.shape[0] - 1] - creased[0] == creased.shape[0] - 1


@compiled_part_in_place
def copied(j, copies, positive, negative, v, word):
    """Copy the bits of the row of which row j is a multiple; False where there is none."""
    k, factor = copies[0, j], copies[1, j]
    if k == -1:
        return False
    bit, w = np.uint64(1) << np.uint64(j & 63), word + (j >> 6)
    plus = minus = np.uint64(0)
    if k >= 0:
        at = np.uint64(k & 63)
        plus = (positive[v, word + (k >> 6)] >> at) & np.uint64(1)
        minus = (negative[v, word + (k >> 6)] >> at) & np.uint64(1)
        if factor < 0:
            plus, minus = minus, plus
    positive[v, w] = (positive[v, w] & ~bit) | (bit * plus)
    negative[v, w] = (negative[v, w] & ~bit) | (bit * minus)
    return True


@compiled_part_in_place
def bias_alone(i, h, weight, rows):
    """Whether coordinate i is exactly its bias: every weight that is not 0 meets an input that is exactly 0."""
    terms = 0
    for k in range(h.shape[0]):
        terms += weight[i, k] != 0.0 and h[k] != 0.0
    return rows[1, i] == 0.0 and terms == 0


@compiled_part_in_place
def bits_of_word(a, bound, creased, start, positive, negative, v, w):
    """Write the bits of 64 signs from ``start`` on that the bounds of the values ``a`` prove; the bits of those that are open."""
    plus = minus = np.uint64(0)
    last = min(64, creased.shape[0] - start)
    if are_neighbours(creased):
        low = creased[0] + start
        x, y = a[low : low + last], bound[low : low + last]
        for b in range(last):
            plus |= np.uint64(x[b] > y[b]) << np.uint64(b)
            minus |= np.uint64(-x[b] > y[b]) << np.uint64(b)
    else:
        for b in range(last):
            i = creased[start + b]
            plus |= np.uint64(a[i] > bound[i]) << np.uint64(b)
            minus |= np.uint64(-a[i] > bound[i]) << np.uint64(b)
    both = ~(plus | minus)
    if last < 64:
        both &= (np.uint64(1) << np.uint64(last)) - np.uint64(1)
    positive[v, w], negative[v, w] = plus | both, minus | both
    return both


@compiled_in_place
def proved_signs(
    h,
    values,
    errors,
    lengths,
    weight,
    bias,
    rows,
    exact_bias,
    norms,
    creased,
    copies,
    positive,
    negative,
    word,
    bound,
    out,
):
    """Add the bias to the products ``values`` and set the bits that (1) proves; both bits stand for a sign that is open.

    errors: E of the inputs h, lengths: |h| (-1: exactly 0). out (rows, 5): s (-1 where h is 0), g, the bound (2), |A|, 0.
    bound (m,): scratch.
    """
    gamma = norms[0]
    m, count = bias.shape[0], creased.shape[0]
    for v in range(values.shape[0]):
        a = values[v]
        is_exact = lengths[v] < 0.0
        length, e = (0.0, 0.0) if is_exact else (lengths[v], errors[v])
        s, g = (e + gamma * length) * ROOM, (length + e) * ROOM
        for i in range(m):
            a[i] += bias[i]
            bound[i] = (rows[0, i] * s + rows[1, i] * g + rows[2, i]) * ROOM
            if is_exact:
                bound[i] = exact_bias[i]
        out[v, 0], out[v, 1] = (-1.0 if is_exact else s), g
        out[v, 2] = (norms[1] * e + norms[2] * length + norms[3] * g + norms[4]) * ROOM + FLOOR
        out[v, 3], out[v, 4] = length_up(square_sum(a), m), 0.0
        for start in range(0, count, 64):
            w = word + (start >> 6)
            both = bits_of_word(a, bound, creased, start, positive, negative, v, w)
            while both != np.uint64(0):
                j = start + lowest_bit(both)
                both &= both - np.uint64(1)
                if not copied(j, copies, positive, negative, v, word):
                    i, bit = creased[j], np.uint64(1) << np.uint64(j & 63)
                    if is_exact or bias_alone(i, h[v], weight, rows):
                        if bias[i] > exact_bias[i] or (bias[i] == 0.0 and exact_bias[i] == 0.0):
                            negative[v, w] &= ~bit
                        if -bias[i] > exact_bias[i] or (bias[i] == 0.0 and exact_bias[i] == 0.0):
                            positive[v, w] &= ~bit


@compiled_in_place
def walked_signs(values, ids, numbers, rows, creased, positive, negative, word, bound, is_open):
    """Set the bits of the vertices ``ids`` that the bounds p s + q g + c + d of ``values`` prove; rows of both, and
    of ``numbers``, whose columns 0, 1 and 4 are s, g and d, are those of ``ids``.

    Both bits stand for a sign that is open.
    """
    m, count = bound.shape[0], creased.shape[0]
    for r in range(ids.shape[0]):
        v, some = ids[r], np.uint64(0)
        s, g, d = numbers[r, 0], numbers[r, 1], numbers[r, 4]
        for i in range(m):
            bound[i] = (rows[0, i] * s + rows[1, i] * g + rows[2, i] + d) * ROOM
        for start in range(0, count, 64):
            some |= bits_of_word(values[r], bound, creased, start, positive, negative, v, word + (start >> 6))
        is_open[r] = some != np.uint64(0)


@compiled_in_place
def signs_of_biases(
    ids, starts, columns, bit_of, left, word_before, bias, exact_bias, is_exact, copies,
    creased, positive, negative, word, is_open,
):  # fmt: skip
    """The open signs of coordinates that are exactly their bias, at the vertices ``ids``: all that they take is off.

    ``starts``, ``columns``: the places of the weight that are not 0, row by row; ``bit_of`` (k,): the bit of an input in the step
    before, whose bits begin at ``word_before``, -1: none; ``left`` (k,): its slopes below zero; ``is_exact`` (m,): whether no
    other place of the exact row can differ from 0. ``is_open``: where signs stay open.
    """
    for r in range(ids.shape[0]):
        v, some = ids[r], np.uint64(0)
        for start in range(0, creased.shape[0], 64):
            w = word + (start >> 6)
            both = positive[v, w] & negative[v, w]
            while both != np.uint64(0):
                j = start + lowest_bit(both)
                bit = both & ~(both - np.uint64(1))
                both &= both - np.uint64(1)
                if copied(j, copies, positive, negative, v, word):
                    continue
                i, on = creased[j], 0
                for at in range(starts[i], starts[i + 1]):
                    b = bit_of[columns[at]]
                    there = word_before + (max(b, 0) >> 6)
                    mask = np.uint64(1) << np.uint64(max(b, 0) & 63)
                    is_off = (positive[v, there] & mask) == np.uint64(0)
                    is_off &= left[columns[at]] == 0.0 or (negative[v, there] & mask) == np.uint64(0)
                    on += b < 0 or not is_off
                if on == 0 and is_exact[i]:
                    if bias[i] > exact_bias[i] or (bias[i] == 0.0 and exact_bias[i] == 0.0):
                        negative[v, w] &= ~bit
                    if -bias[i] > exact_bias[i] or (bias[i] == 0.0 and exact_bias[i] == 0.0):
                        positive[v, w] &= ~bit
            some |= positive[v, w] & negative[v, w]
        is_open[r] = some != np.uint64(0)
