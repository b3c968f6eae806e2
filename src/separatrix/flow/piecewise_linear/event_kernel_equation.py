"""Curved motion within a region: every quantity is linear in Y = integral of y dt, so the equation has k dimensions (§5).

    Y' = y(z + M Y),  y = sign softmax,  M = K - U_Z^T G_ZZ^-1 U_Z,  lambda = L y,  L = -G_ZZ^-1 U_Z

    x(t) = x + (A^T Y + sum_Z (L Y)_j w_j)_F,   u(t) = u + U Y + sum_Z (L Y)_j W_F w_j

It is stiff near an equilibrium, hence Shampine's Rosenbrock method of order 4(3) (Press et al., Numerical Recipes in C, 1992,
§16.6). Events are roots of linear functionals of Y(h), or of y(h), found by taking the step again with a shorter h.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import MEMBERS, copy_into, softmax
from separatrix.flow.piecewise_linear.event_kernel_velocity import factored_gram, substitute
from separatrix.numerics.compilation import compiled_part


class Curve(NamedTuple):
    """The equation for Y at a point: ``M`` (k, k), ``L`` (slots, k), ``z`` (k,), ``unit`` (3,): tolerance, error, h.

    A tolerance of 0 asks for implicit Euler steps.

    After :func:`advance`: ``bend`` (k,) = Y(h) - h y(0), ``y`` (k,) = y(h), the error in units of the tolerance, and h.
    Changes are h times the velocities plus what ``bend`` gives: near rest Y is long and would lose them to rounding.
    """

    M: np.ndarray
    L: np.ndarray
    z: np.ndarray
    bend: np.ndarray
    y: np.ndarray
    unit: np.ndarray


@compiled_part
def curve_at(net, st, tolerance):
    """The equation at the present point; ``tolerance`` for one step, in z and in x over the scale of the gradient."""
    k, count = st.z.shape[0], st.counts[MEMBERS]
    M, L = st.K.copy(), np.zeros((count, k))
    if count:
        chosen, right, U, members = np.empty(count, np.int64), np.empty(count), st.U, st.members
        for slot in range(count):
            chosen[slot] = slot
        factor = factored_gram(st, chosen, count)
        for a in range(k):
            for slot in range(count):
                right[slot] = -U[a, members[slot]]
            substitute(factor, count, right)
            for slot in range(count):
                L[slot, a] = right[slot]
        for a in range(k):
            for b in range(k):
                for slot in range(count):
                    M[a, b] += U[a, members[slot]] * L[slot, b]
    unit = np.array([tolerance, 0.0, 0.0])
    return Curve(M, L, st.z, np.zeros(k), st.y.copy(), unit)


@compiled_part
def eliminated(matrix):
    """Gaussian elimination with row exchanges, in place; the order of the rows."""
    k = matrix.shape[0]
    order = np.arange(k)
    for c in range(k):
        best = c
        for a in range(c + 1, k):
            if abs(matrix[a, c]) > abs(matrix[best, c]):
                best = a
        if best != c:
            for b in range(k):
                matrix[c, b], matrix[best, b] = matrix[best, b], matrix[c, b]
            order[c], order[best] = order[best], order[c]
        if matrix[c, c] == 0.0:
            matrix[c, c] = 1e-300
        for a in range(c + 1, k):
            matrix[a, c] /= matrix[c, c]
            for b in range(c + 1, k):
                matrix[a, b] -= matrix[a, c] * matrix[c, b]
    return order


@compiled_part
def back_substitute(matrix, order, right, out):
    """out = solution for ``right`` with the factors of :func:`eliminated`."""
    k = matrix.shape[0]
    for a in range(k):
        out[a] = right[order[a]]
        for b in range(a):
            out[a] -= matrix[a, b] * out[b]
    for a in range(k - 1, -1, -1):
        for b in range(a + 1, k):
            out[a] -= matrix[a, b] * out[b]
        out[a] /= matrix[a, a]


@compiled_part
def field(net, curve, Y, y):
    """y = sign softmax(z + M Y)."""
    k = Y.shape[0]
    z, M, origin = np.empty(k), curve.M, curve.z
    for a in range(k):
        z[a] = origin[a]
        for b in range(k):
            z[a] += M[a, b] * Y[b]
    softmax(net.sign[0], z, y)


@compiled_part
def stage_matrix(net, curve, y, h):
    """I / (h/2) - J with J = sign (diag q - q q^T) M, q = y / sign."""
    k = y.shape[0]
    matrix, M = np.empty((k, k)), curve.M
    for b in range(k):
        mean = 0.0
        for c in range(k):
            mean += abs(y[c]) * M[c, b]
        for a in range(k):
            matrix[a, b] = -y[a] * (M[a, b] - mean)
        matrix[b, b] += 2.0 / h
    return matrix


@compiled_part
def mix(target, first, second):
    """target = factor vector + factor vector, each given as (factor, vector)."""
    for a in range(target.shape[0]):
        target[a] = first[0] * first[1][a] + second[0] * second[1][a]


@compiled_part
def implicit_euler(net, curve, start, h):
    """One linearly implicit Euler step: Newton's as h grows."""
    k = start.shape[0]
    matrix, Y = stage_matrix(net, curve, start, 2.0 * h), np.empty(k)
    back_substitute(matrix, eliminated(matrix), start, Y)
    field(net, curve, Y, curve.y)
    for a in range(k):
        curve.bend[a] = Y[a] - h * start[a]
    curve.unit[1] = 0.0


@compiled_part
def advance(net, curve, start, h):
    """Y(h) - h y(0) and y(h) from Y = 0, y(0) = ``start``."""
    k = start.shape[0]
    curve.unit[2] = h
    if curve.unit[0] == 0.0:
        implicit_euler(net, curve, start, h)
        return
    matrix = stage_matrix(net, curve, start, h)
    order = eliminated(matrix)
    g, f, Y, right = np.empty((4, k)), np.empty(k), np.empty(k), np.empty(k)
    copy_into(right, start)
    for stage in range(4):
        back_substitute(matrix, order, right, g[stage])
        if stage < 2:
            mix(Y, (2.0 if stage == 0 else 48.0 / 25.0, g[0]), (0.0 if stage == 0 else 6.0 / 25.0, g[stage]))
            field(net, curve, Y, f)
        for a in range(k):
            if stage == 0:
                right[a] = f[a] - 8.0 / h * g[0, a]
            elif stage == 1:
                right[a] = f[a] + (372.0 / 25.0 * g[0, a] + 12.0 / 5.0 * g[1, a]) / h
            else:
                right[a] = f[a] - (112.0 / 125.0 * g[0, a] + 54.0 / 125.0 * g[1, a] + 2.0 / 5.0 * g[2, a]) / h
    final, error, bend = Y, right, curve.bend
    for a in range(k):
        final[a] = 19.0 / 9.0 * g[0, a] + 0.5 * g[1, a] + 25.0 / 108.0 * g[2, a] + 125.0 / 108.0 * g[3, a]
        error[a] = 17.0 / 54.0 * g[0, a] + 7.0 / 36.0 * g[1, a] + 125.0 / 108.0 * g[3, a]
    field(net, curve, final, curve.y)
    for a in range(k):
        bend[a] = final[a] - h * start[a]
    curve.unit[1] = error_size(curve.M, final, error, net.scale[0]) / curve.unit[0]


@compiled_part
def error_size(M, Y, error, scale):
    """The larger of the errors of z (relative where z moves far) and of x."""
    worst = 0.0
    for a in range(Y.shape[0]):
        effect, size = 0.0, 0.0
        for b in range(Y.shape[0]):
            effect += M[a, b] * error[b]
            size += abs(M[a, b] * Y[b])
        worst = max(worst, max(abs(effect) / (1.0 + 1e-3 * size), scale * abs(error[a])))
    return worst


@compiled_part
def lean(curve, vector, shares):
    """shares = L vector."""
    L = curve.L
    for slot in range(L.shape[0]):
        shares[slot] = 0.0
        for a in range(vector.shape[0]):
            shares[slot] += L[slot, a] * vector[a]
