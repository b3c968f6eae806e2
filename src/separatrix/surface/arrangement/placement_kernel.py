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
from typing import NamedTuple

import numpy as np

from separatrix.numerics.compilation import compiled_part
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, length_up

MOST_ROWS = 24
UNIT = 2.0**-53


class Known(NamedTuple):
    """What a step knows of its old vertices: ``values`` (V, m), ``numbers`` (V, 4) as ``proved_signs`` writes them, the rows of
    bound (1), the radius of the bias, coordinates with bits, repeated rows, and the bits (vertices, words) from ``word`` on.
    """

    values: np.ndarray
    numbers: np.ndarray
    rows: np.ndarray
    exact_bias: np.ndarray
    creased: np.ndarray
    copies: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    word: int


class Scratch(NamedTuple):
    """Room for one vertex: M and delta with rows to choose from, work; C; lambda, L, t, row sums; a row a with its errors e, c;
    marks."""

    M: np.ndarray
    delta: np.ndarray
    work: np.ndarray
    C: np.ndarray
    lam: np.ndarray
    L: np.ndarray
    t: np.ndarray
    off: np.ndarray
    a: np.ndarray
    e: np.ndarray
    c: np.ndarray
    taken: np.ndarray

    @classmethod
    def of(cls, n: int) -> Scratch:
        """Room in dimension n."""
        M, delta, work = np.zeros((3, MOST_ROWS + 1, n + 1))
        lam, L, t, off, a, e, c = np.zeros((7, n + 1))
        taken = np.zeros(MOST_ROWS + 1, dtype=np.int64)
        return cls(M, delta, work, np.zeros((n + 1, n + 1)), lam, L, t, off, a, e, c, taken)


@compiled_part
def entry(known, u, j):
    """The value of bit j at the old vertex u and the bound (1) of its error; both 0 where the sign is 0."""
    w, bit, i = known.word + (j >> 6), np.uint64(1) << np.uint64(j & 63), known.creased[j]
    if (known.positive[u, w] | known.negative[u, w]) & bit == np.uint64(0):
        return 0.0, 0.0
    s, g = known.numbers[u, 0], known.numbers[u, 1]
    if s < 0.0:
        return known.values[u, i], known.exact_bias[i]
    return known.values[u, i], (known.rows[0, i] * s + known.rows[1, i] * g + known.rows[2, i]) * ROOM


@compiled_part
def fill_row(j, row, simplex, k, known, M, delta):
    """Row ``row`` of M: the values of bit j at the simplex, scaled by a power of two; False where they are all 0."""
    largest = 0.0
    for m in range(k + 1):
        M[row, m], delta[row, m] = entry(known, simplex[m], j)
        largest = max(largest, abs(M[row, m]))
    if not largest > 0.0:
        return False
    scale = math.ldexp(1.0, min(max(1 - math.frexp(largest)[1], -1000), 1000))
    for m in range(k + 1):
        M[row, m] *= scale
        delta[row, m] = delta[row, m] * scale + FLOOR
    return True


@compiled_part
def choose(M, delta, n_rows, k, work, taken):
    """Move k independent rows to the front: elimination of the differences of the rows, the largest pivot first."""
    for r in range(n_rows):
        taken[r] = 0
        for m in range(k):
            work[r, m] = M[r, m + 1] - M[r, 0]
    for _ in range(k):
        best, pivot, at = 0.0, -1, 0
        for r in range(n_rows):
            for m in range(k):
                if taken[r] == 0 and abs(work[r, m]) > best:
                    best, pivot, at = abs(work[r, m]), r, m
        if pivot < 0:
            return
        taken[pivot] = 1
        for r in range(n_rows):
            if taken[r] == 0:
                factor = work[r, at] / work[pivot, at]
                for m in range(k):
                    work[r, m] -= factor * work[pivot, m]
                work[r, at] = 0.0
    front = 0
    for r in range(n_rows):
        if taken[r] == 1:
            for m in range(k + 1):
                M[front, m], delta[front, m] = M[r, m], delta[r, m]
            front += 1


@compiled_part
def invert(M, k, work, C):
    """C ~ M^-1 for the leading k + 1 rows and columns by Gauss-Jordan elimination; what it returns is checked later."""
    for r in range(k + 1):
        for m in range(k + 1):
            work[r, m] = M[r, m]
            C[r, m] = 1.0 if r == m else 0.0
    for c in range(k + 1):
        pivot = c
        for r in range(c + 1, k + 1):
            if abs(work[r, c]) > abs(work[pivot, c]):
                pivot = r
        for m in range(k + 1):
            work[c, m], work[pivot, m] = work[pivot, m], work[c, m]
            C[c, m], C[pivot, m] = C[pivot, m], C[c, m]
        inverse = 1.0 / work[c, c]
        for m in range(k + 1):
            work[c, m] *= inverse
            C[c, m] *= inverse
        for r in range(k + 1):
            if r != c:
                factor = work[r, c]
                for m in range(k + 1):
                    work[r, m] -= factor * work[c, m]
                    C[r, m] -= factor * C[c, m]


@compiled_part
def barycentric(M, delta, C, k, lam, L, t, off):
    """lambda, L, t and the row sums ``off`` of |I - C M|; returns d, or inf where q is not below 1/4."""
    size = (k + 8) * 1.01 * UNIT
    q = 0.0
    for m in range(k + 1):
        lam[m] = C[m, k]
        row = off[m] = 0.0
        for p in range(k + 1):
            value, total, spread = (1.0 if m == p else 0.0), 0.0, 0.0
            for j in range(k + 1):
                value -= C[m, j] * M[j, p]
                total += abs(C[m, j] * M[j, p])
                spread += abs(C[m, j]) * delta[j, p]
            off[m] += abs(value) + size * (total + 1.0)
            row += spread
        row += off[m]
        q = max(q, row)
        if not row < 0.25:
            return np.inf
    q = q * ROOM + FLOOR
    for j in range(k + 1):
        value, total = (-1.0 if j == k else 0.0), 1.0
        t[j] = 0.0
        for m in range(k + 1):
            value += M[j, m] * lam[m]
            total += abs(M[j, m] * lam[m])
            t[j] += delta[j, m] * abs(lam[m])
        L[j] = abs(value) + size * total
    d = 0.0
    for m in range(k + 1):
        w = 0.0
        for j in range(k + 1):
            w += abs(C[m, j]) * (L[j] + t[j])
        d = max(d, w)
    d = d / (1.0 - q) * ROOM + FLOOR
    for j in range(k + 1):
        t[j] = L[j]
        for m in range(k + 1):
            t[j] += delta[j, m] * (abs(lam[m]) + d)
        t[j] = t[j] * ROOM + FLOOR
    for m in range(k + 1):
        L[m] = abs(lam[m]) + d
    return d


@compiled_part
def combined(a, e, M, C, k, lam, L, t, d, c):
    """(sum of lambda_m a_m, bound of its error) for one row a with errors e; c is scratch for the coefficients."""
    size = (k + 8) * 1.01 * UNIT
    value = bound = rounding = rest = 0.0
    for m in range(k + 1):
        value += lam[m] * a[m]
        bound += L[m] * e[m]
        rounding += L[m] * abs(a[m])
    for j in range(k + 1):
        c[j] = 0.0
        for m in range(k + 1):
            c[j] += C[m, j] * a[m]
        bound += abs(c[j]) * t[j]
    for m in range(k + 1):
        y, total = a[m], abs(a[m])
        for j in range(k + 1):
            y -= c[j] * M[j, m]
            total += abs(c[j] * M[j, m])
        rest += abs(y) + size * total
    return value, (bound + d * rest + size * rounding) * ROOM + FLOOR


@compiled_part
def distance_up(a, b):
    """An upper bound of |a - b|_2."""
    s0 = s1 = s2 = s3 = 0.0
    m = a.shape[0]
    last = m - m % 4
    for i in range(0, last, 4):
        s0 += (a[i] - b[i]) ** 2
        s1 += (a[i + 1] - b[i + 1]) ** 2
        s2 += (a[i + 2] - b[i + 2]) ** 2
        s3 += (a[i + 3] - b[i + 3]) ** 2
    for i in range(last, m):
        s0 += (a[i] - b[i]) ** 2
    return length_up((s0 + s1) + (s2 + s3), m + 2)


@compiled_part
def norm_bound(simplex, k, values, numbers, C, L, t, off, d, coefficient):
    """A bound of the 2-norm of the error of sum lambda_m A_{u_m}, by norms: |A_u^T C_j| <= sum |C_mj| |A_um - A_u0| + ..."""
    size = (k + 8) * 1.01 * UNIT
    bound = rounding = 0.0
    for m in range(k + 1):
        bound += L[m] * numbers[simplex[m], 2]
        rounding += L[m] * numbers[simplex[m], 3]
    base = values[simplex[0]]
    norm = numbers[simplex[0], 3]
    for j in range(k + 1):
        coefficient[j] = 0.0
    for m in range(k + 1):
        length = 0.0
        if m > 0:
            length = distance_up(values[simplex[m]], base)
        for j in range(k + 1):
            coefficient[j] += abs(C[m, j]) * length
    for j in range(k + 1):
        column = 0.0
        spread = 0.0
        for m in range(k + 1):
            column += C[m, j]
            spread += abs(C[m, j])
        coefficient[j] += norm * (abs(column) + size * spread)
        bound += coefficient[j] * t[j]
    rest = 0.0
    for m in range(k + 1):
        rest += off[m] * numbers[simplex[m], 3]
    return (bound + d * rest + size * rounding) * ROOM + FLOOR
