"""New vertices from the simplices of the cells that contain them, with bounds that do not grow by generation (§6).

A vertex v in a cell of dimension k (as it was at the step's start) with vertices u_0..u_k of a simplex is fixed by k neurons
of the step: M lambda = e, the rows of M the neurons' values f_j(u_m), scaled, and a row of ones. With C ~ M^-1,
r = M lambda - e, delta_jm the bounds of the entries, w = |C| (|r| + delta |lambda|), q = || |C| delta + |I - C M| ||_inf < 1:

    d = |w|_inf / (1 - q) >= |lambda - exact|_inf,   L = |lambda| + d,   t_j = |r_j| + sum_m delta_jm L_m.

For a row a_m = f_i(u_m) with errors e_m and any coefficients c (here C^T a), y = a - M^T c:

    |f_i(v) - sum_m lambda_m a_m| <= sum_m L_m e_m + sum_j |c_j| t_j + d sum_m |y_m| + rounding,

because a . (lambda - exact) = c . M (lambda - exact) + y . (lambda - exact) and the exact M maps the exact lambda to e.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.numerics.compilation import compiled_part_in_place
from separatrix.surface.arrangement.pair_kernels import PAIR_ERROR, PAIR_VALUE, place_of_pair
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, length_up

MOST_ROWS = 24
UNIT = 2.0**-53


# matrices of ``room`` (4, MOST_ROWS + 1, n + 1) and rows of ``lines`` (7, n + 1), the scratch of one vertex: single arrays,
# because a tuple of arrays costs two atomic operations for every array that is taken out of it
M, DELTA, WORK, C = range(4)
LAMBDA, WEIGHT, T, OFF, VALUE, ERROR, FACTOR = range(7)


def scratch(n: int) -> tuple[np.ndarray, np.ndarray]:
    """``room`` and ``lines`` in dimension n."""
    return np.zeros((4, MOST_ROWS + 1, n + 1)), np.zeros((7, n + 1))


@compiled_part_in_place
def entry(u, j, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word):
    """The value of bit j at the old vertex u and the bound (1) of its error; both 0 where the sign is 0.

    ``values`` (V, m), or where ``pairs`` has entries those of pairs, with the bounds; ``numbers`` (V, 5) as ``proved_signs``
    writes them, ``rows`` of bound (1), the radius of the bias, the coordinates with bits, and the bits, the step's from ``word``
    on. Infinite where a value is not kept.
    """
    w, bit, i = word + (j >> 6), np.uint64(1) << np.uint64(j & 63), creased[j]
    if (positive[u, w] | negative[u, w]) & bit == np.uint64(0):
        return 0.0, 0.0
    if pairs.shape[0] > 0:
        place = place_of_pair(pairs, values, u, j)
        if place < 0:
            return np.inf, np.inf
        return values[PAIR_VALUE, place], values[PAIR_ERROR, place]
    value = values[u, i]
    s, g = numbers[u, 0], numbers[u, 1]
    if s < 0.0:
        return value, exact_bias[i]
    return value, (rows[0, i] * s + rows[1, i] * g + rows[2, i] + numbers[u, 4]) * ROOM


@compiled_part_in_place
def fill_row(
    j, row, simplices, root, k, room, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word
):
    """Row ``row`` of M: the values of bit j at the simplex, scaled by a power of two; False where they are all 0."""
    largest = 0.0
    for m in range(k + 1):
        room[M, row, m], room[DELTA, row, m] = entry(
            simplices[root, m], j, values, pairs, numbers, rows, exact_bias, creased, positive, negative, word
        )
        largest = max(largest, abs(room[M, row, m]))
    if not largest > 0.0:
        return False
    scale = math.ldexp(1.0, min(max(1 - math.frexp(largest)[1], -1000), 1000))
    for m in range(k + 1):
        room[M, row, m] *= scale
        room[DELTA, row, m] = room[DELTA, row, m] * scale + FLOOR
    return True


@compiled_part_in_place
def choose(n_rows, k, room):
    """Move k independent rows to the front: elimination of the differences of the rows, the largest pivot first."""
    for r in range(n_rows):
        room[C, r, 0] = 0.0  # 1 for a row that is taken
        for m in range(k):
            room[WORK, r, m] = room[M, r, m + 1] - room[M, r, 0]
    for _ in range(k):
        best, pivot, at = 0.0, -1, 0
        for r in range(n_rows):
            for m in range(k):
                if room[C, r, 0] == 0.0 and abs(room[WORK, r, m]) > best:
                    best, pivot, at = abs(room[WORK, r, m]), r, m
        if pivot < 0:
            return
        room[C, pivot, 0] = 1.0
        for r in range(n_rows):
            if room[C, r, 0] == 0.0:
                factor = room[WORK, r, at] / room[WORK, pivot, at]
                for m in range(k):
                    room[WORK, r, m] -= factor * room[WORK, pivot, m]
                room[WORK, r, at] = 0.0
    front = 0
    for r in range(n_rows):
        if room[C, r, 0] == 1.0:
            for m in range(k + 1):
                room[M, front, m], room[DELTA, front, m] = room[M, r, m], room[DELTA, r, m]
            front += 1


@compiled_part_in_place
def invert(k, room):
    """C ~ M^-1 for the leading k + 1 rows and columns by Gauss-Jordan elimination; what it returns is checked later."""
    for r in range(k + 1):
        for m in range(k + 1):
            room[WORK, r, m] = room[M, r, m]
            room[C, r, m] = 1.0 if r == m else 0.0
    for c in range(k + 1):
        pivot = c
        for r in range(c + 1, k + 1):
            if abs(room[WORK, r, c]) > abs(room[WORK, pivot, c]):
                pivot = r
        inverse = 1.0 / room[WORK, pivot, c]
        for part in (WORK, C):
            for m in range(k + 1):
                value = room[part, pivot, m]
                room[part, pivot, m] = room[part, c, m]
                room[part, c, m] = value * inverse
        for r in range(k + 1):
            if r != c:
                factor = room[WORK, r, c]
                for m in range(k + 1):
                    room[WORK, r, m] -= factor * room[WORK, c, m]
                    room[C, r, m] -= factor * room[C, c, m]


@compiled_part_in_place
def barycentric(k, room, lines):
    """lambda, L, t and the row sums OFF of |I - C M|; returns d, or inf where q is not below 1/4."""
    size = (k + 8) * 1.01 * UNIT
    q = 0.0
    for m in range(k + 1):
        lines[LAMBDA, m] = room[C, m, k]
        row = off = 0.0
        for p in range(k + 1):
            value, total, spread = (1.0 if m == p else 0.0), 0.0, 0.0
            for j in range(k + 1):
                term = room[C, m, j] * room[M, j, p]
                value -= term
                total += abs(term)
                spread += abs(room[C, m, j]) * room[DELTA, j, p]
            off += abs(value) + size * (total + 1.0)
            row += spread
        lines[OFF, m] = off
        row += off
        q = max(q, row)
        if not row < 0.25:
            return np.inf
    q = q * ROOM + FLOOR
    for j in range(k + 1):
        value, total, off = (-1.0 if j == k else 0.0), 1.0, 0.0
        for m in range(k + 1):
            term = room[M, j, m] * lines[LAMBDA, m]
            value += term
            total += abs(term)
            off += room[DELTA, j, m] * abs(lines[LAMBDA, m])
        lines[T, j] = off
        lines[WEIGHT, j] = abs(value) + size * total
    d = 0.0
    for m in range(k + 1):
        w = 0.0
        for j in range(k + 1):
            w += abs(room[C, m, j]) * (lines[WEIGHT, j] + lines[T, j])
        d = max(d, w)
    d = d / (1.0 - q) * ROOM + FLOOR
    for j in range(k + 1):
        total = lines[WEIGHT, j]
        for m in range(k + 1):
            total += room[DELTA, j, m] * (abs(lines[LAMBDA, m]) + d)
        lines[T, j] = total * ROOM + FLOOR
    for m in range(k + 1):
        lines[WEIGHT, m] = abs(lines[LAMBDA, m]) + d
    return d


@compiled_part_in_place
def combined(k, d, room, lines):
    """(sum of lambda_m a_m, bound of its error) for the row VALUE, a, with errors ERROR; FACTOR takes the coefficients."""
    size = (k + 8) * 1.01 * UNIT
    value = bound = rounding = rest = 0.0
    for m in range(k + 1):
        a = lines[VALUE, m]
        value += lines[LAMBDA, m] * a
        bound += lines[WEIGHT, m] * lines[ERROR, m]
        rounding += lines[WEIGHT, m] * abs(a)
    for j in range(k + 1):
        c = 0.0
        for m in range(k + 1):
            c += room[C, m, j] * lines[VALUE, m]
        lines[FACTOR, j] = c
        bound += abs(c) * lines[T, j]
    for m in range(k + 1):
        y, total = lines[VALUE, m], abs(lines[VALUE, m])
        for j in range(k + 1):
            term = lines[FACTOR, j] * room[M, j, m]
            y -= term
            total += abs(term)
        rest += abs(y) + size * total
    return value, (bound + d * rest + size * rounding) * ROOM + FLOOR


@compiled_part_in_place
def distance_up(values, pairs, u, v):
    """An upper bound of the 2-norm of the difference of two rows; infinite where rows are not kept."""
    if pairs.shape[0] > 0:
        return np.inf
    s0 = s1 = s2 = s3 = 0.0
    m = values.shape[1]
    last = m - m % 4
    for i in range(0, last, 4):
        s0 += (values[u, i] - values[v, i]) ** 2
        s1 += (values[u, i + 1] - values[v, i + 1]) ** 2
        s2 += (values[u, i + 2] - values[v, i + 2]) ** 2
        s3 += (values[u, i + 3] - values[v, i + 3]) ** 2
    for i in range(last, m):
        s0 += (values[u, i] - values[v, i]) ** 2
    return length_up((s0 + s1) + (s2 + s3), m + 2)


@compiled_part_in_place
def distance_by_slope(u, v, x, x_error, numbers, lipschitz):
    """A bound of the same distance from the vertices' positions and a Lipschitz constant of the exact values."""
    length = 0.0
    for i in range(x.shape[1]):
        length += (x[u, i] - x[v, i]) ** 2
    apart = length_up(length, x.shape[1] + 2) + x_error[u] + x_error[v]
    return (lipschitz * apart + numbers[u, 2] + numbers[v, 2]) * ROOM


@compiled_part_in_place
def norm_bound(simplices, root, k, d, values, pairs, numbers, x, x_error, lipschitz, is_close, room, lines):
    """A bound of the 2-norm of the error of sum lambda_m A_{u_m}, by norms: |A_u^T C_j| <= sum |C_mj| |A_um - A_u0| + ...

    The distances |A_um - A_u0| are computed where ``is_close``, else bounded by the vertices' positions.
    """
    size = (k + 8) * 1.01 * UNIT
    bound = rounding = rest = 0.0
    first = simplices[root, 0]
    norm = numbers[first, 3]
    for m in range(k + 1):
        u = simplices[root, m]
        bound += lines[WEIGHT, m] * numbers[u, 2]
        rounding += lines[WEIGHT, m] * numbers[u, 3]
        rest += lines[OFF, m] * numbers[u, 3]
        length = 0.0
        if m > 0 and is_close:
            length = distance_up(values, pairs, u, first)
        elif m > 0:
            length = distance_by_slope(u, first, x, x_error, numbers, lipschitz)
        lines[VALUE, m] = length
    for j in range(k + 1):
        column = spread = coefficient = 0.0
        for m in range(k + 1):
            column += room[C, m, j]
            spread += abs(room[C, m, j])
            coefficient += abs(room[C, m, j]) * lines[VALUE, m]
        bound += (coefficient + norm * (abs(column) + size * spread)) * lines[T, j]
    return (bound + d * rest + size * rounding) * ROOM + FLOOR
