"""The tests (E) and (T) of the isotopy theorem on simplices (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled, compiled_part

UNIT = 2.0**-53


@compiled_part
def _cofactors(coords, simplex, cofactors):
    """Fill (n, n) cofactors of the differences d_i = x_i - x_0 and return their determinant; exact on dyadic vertices.

    The gradient of the linear function with values L_i is sum_i cofactors[i] (L_i - L_0) / determinant.
    """
    n = coords.shape[1]
    d = np.empty((3, 3))
    for i in range(n):
        for j in range(n):
            d[i, j] = coords[simplex[i + 1], j] - coords[simplex[0], j]
    if n == 1:
        cofactors[0, 0] = 1.0
        return d[0, 0]
    if n == 2:
        cofactors[0, 0], cofactors[0, 1] = d[1, 1], -d[1, 0]
        cofactors[1, 0], cofactors[1, 1] = -d[0, 1], d[0, 0]
        return d[0, 0] * d[1, 1] - d[0, 1] * d[1, 0]
    for i in range(3):
        p, q = (i + 1) % 3, (i + 2) % 3
        for j in range(3):
            r, s = (j + 1) % 3, (j + 2) % 3
            cofactors[i, j] = d[p, r] * d[q, s] - d[p, s] * d[q, r]
    return d[0, 0] * cofactors[0, 0] + d[0, 1] * cofactors[0, 1] + d[0, 2] * cofactors[0, 2]


@compiled_part
def on_side(coords, simplex, j):
    """Whether a simplex touches {t_j = 0} or {t_j = 1}."""
    found = False
    for v in range(simplex.shape[0]):
        found = found or coords[simplex[v], j] == 0.0 or coords[simplex[v], j] == 1.0
    return found


@compiled_part
def linear_gradient(coords, simplex, levels, slope):
    """Fill ``slope`` (3,) with the gradient of the linear function with ``levels`` (n + 1,); a bound on its errors.

    Every entry is off by at most 16 u max|L| sum|cofactors| / |determinant|: differences of levels are off by 2 u max|L|,
    their products and the sum of n <= 3 of them by 5 u more, the quotient by u.
    """
    n = coords.shape[1]
    cofactors = np.empty((3, 3))
    determinant = _cofactors(coords, simplex, cofactors)
    largest, worst = 0.0, 0.0
    for v in range(n + 1):
        largest = max(largest, abs(levels[v]))
    for j in range(n):
        total, size = 0.0, 0.0
        for i in range(n):
            total += cofactors[i, j] * (levels[i + 1] - levels[0])
            size += abs(cofactors[i, j])
        slope[j] = total / determinant
        worst = max(worst, size)
    return 16.0 * UNIT * largest * worst / abs(determinant)


@compiled_part
def is_transversal(coords, simplex, levels, gradient):
    """(T): sum over j not in S of g_j l_j > 0 for every S within the touched sides, g in ``gradient`` (n, 2), l = grad L.

    ``levels`` (n + 1,) are the values of L at the simplex. The least sum leaves out the touched coordinates whose products
    are positive.
    """
    slope = np.empty(3)
    loose = linear_gradient(coords, simplex, levels, slope)
    total, size = 0.0, 0.0
    for j in range(coords.shape[1]):
        low, high = slope[j] - loose, slope[j] + loose
        a, b = gradient[j, 0], gradient[j, 1]
        product = min(min(a * low, a * high), min(b * low, b * high))
        if not product <= 0.0 and not product > 0.0:
            return False
        if product > 0.0 and on_side(coords, simplex, j):
            continue
        total += product
        size += abs(product)
    return total - 16.0 * UNIT * size > 1e-300


@compiled
def classify(coords, levels, simplices, values, gradients, status):
    """Fill ``status``: 1 where m > 0 on the simplex, 2 where m < 0, 3 where (T) holds, else 0.

    ``values`` (N, 2) and ``gradients`` (N, n, 2) enclose m and grad m; ``levels`` are the values of L at the vertices.
    """
    own = np.empty(coords.shape[1] + 1)
    for row in range(simplices.shape[0]):
        for v in range(simplices.shape[1]):
            own[v] = levels[simplices[row, v]]
        if values[row, 0] > 0.0:
            status[row] = 1
        elif values[row, 1] < 0.0:
            status[row] = 2
        elif is_transversal(coords, simplices[row], own, gradients[row]):
            status[row] = 3
        else:
            status[row] = 0
