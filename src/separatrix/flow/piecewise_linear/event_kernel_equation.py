"""Curved motion within a region: every quantity is linear in Y = integral of y dt, so the equation has k dimensions (§5).

    Y' = y(z + M Y),  y = sign softmax,  M = K - U_Z^T G_ZZ^-1 U_Z,  lambda = L y,  L = -G_ZZ^-1 U_Z

    x(t) = x + (A^T Y + sum_Z (L Y)_j w_j)_F,   u(t) = u + U Y + sum_Z (L Y)_j W_F w_j

It is stiff near an equilibrium, hence Shampine's Rosenbrock method of order 4(3) (Press et al., Numerical Recipes in C, 1992,
§16.6). Events are roots of linear functionals of Y(h), or of y(h), found by taking the step again with a shorter h.

After :func:`advance` the row BEND of the small numbers is Y(h) - h y(0), Y_END is y(h), ERROR is in units of the tolerance, and
LENGTH is h. Changes are h times the velocities plus what BEND gives: near rest Y is long and would lose them to rounding.
"""

from __future__ import annotations

from separatrix.flow.piecewise_linear.event_kernel_state import (
    ASKED,
    BEND,
    CHANGE,
    CHOSEN,
    COUNTS,
    ERROR,
    FIELD,
    INNER,
    LEAN,
    LENGTH,
    MEMBER,
    MEMBERS,
    NUMBERS,
    ORDER,
    RATES,
    RIGHT,
    SCALE,
    SHARES,
    SIZE,
    STAGE,
    STAGES,
    WORK,
    Y_END,
    K,
    M,
    Y,
    Z,
    softmax,
)
from separatrix.flow.piecewise_linear.event_kernel_velocity import factor_gram, substitute
from separatrix.numerics.compilation import compiled_part_in_place


@compiled_part_in_place
def find_curve(st, tolerance):
    """The equation at the present point; ``tolerance`` for one step, in z and in x over the scale of the gradient.

    A tolerance of 0 asks for implicit Euler steps.
    """
    small, blocks, creases, marks = st.small, st.blocks, st.creases, st.marks
    k, count = blocks.shape[1], marks[COUNTS, MEMBERS]
    for a in range(k):
        for b in range(k):
            blocks[M, a, b] = blocks[K, a, b]
    if count:
        for slot in range(count):
            marks[CHOSEN, slot] = slot
        marks[COUNTS, SIZE] = count
        factor_gram(st)
        for a in range(k):
            for slot in range(count):
                small[CHANGE, slot] = -creases[RATES + a, marks[MEMBER, slot]]
            substitute(st, CHANGE)
            for slot in range(count):
                blocks[LEAN, a, slot] = small[CHANGE, slot]
        for a in range(k):
            for b in range(k):
                for slot in range(count):
                    blocks[M, a, b] += creases[RATES + a, marks[MEMBER, slot]] * blocks[LEAN, b, slot]
    small[NUMBERS, ASKED] = tolerance


@compiled_part_in_place
def factor_stage(st, h):
    """I / (h/2) - J, J = sign (diag q - q q^T) M, q = y / sign, into the block STAGE, and its factors by elimination."""
    small, blocks, marks, k = st.small, st.blocks, st.marks, st.blocks.shape[1]
    for b in range(k):
        mean = 0.0
        for c in range(k):
            mean += abs(small[Y, c]) * blocks[M, c, b]
        for a in range(k):
            blocks[STAGE, a, b] = -small[Y, a] * (blocks[M, a, b] - mean)
        blocks[STAGE, b, b] += 2.0 / h
        marks[ORDER, b] = b
    for c in range(k):
        best = c
        for a in range(c + 1, k):
            if abs(blocks[STAGE, a, c]) > abs(blocks[STAGE, best, c]):
                best = a
        if best != c:
            for b in range(k):
                other = blocks[STAGE, best, b]
                blocks[STAGE, best, b], blocks[STAGE, c, b] = blocks[STAGE, c, b], other
            marks[ORDER, c], marks[ORDER, best] = marks[ORDER, best], marks[ORDER, c]
        if blocks[STAGE, c, c] == 0.0:
            blocks[STAGE, c, c] = 1e-300
        for a in range(c + 1, k):
            blocks[STAGE, a, c] /= blocks[STAGE, c, c]
            for b in range(c + 1, k):
                blocks[STAGE, a, b] -= blocks[STAGE, a, c] * blocks[STAGE, c, b]


@compiled_part_in_place
def back_substitute(st, right, out):
    """Row ``out`` = solution for the row ``right`` with the factors of :func:`factor_stage`."""
    small, blocks, k = st.small, st.blocks, st.blocks.shape[1]
    for a in range(k):
        small[out, a] = small[right, st.marks[ORDER, a]]
        for b in range(a):
            small[out, a] -= blocks[STAGE, a, b] * small[out, b]
    for a in range(k - 1, -1, -1):
        for b in range(a + 1, k):
            small[out, a] -= blocks[STAGE, a, b] * small[out, b]
        small[out, a] /= blocks[STAGE, a, a]


@compiled_part_in_place
def field(st, Y_row, y_row):
    """Row ``y_row`` = sign softmax(z + M Y)."""
    small, blocks, k = st.small, st.blocks, st.blocks.shape[1]
    for a in range(k):
        small[WORK, a] = small[Z, a]
        for b in range(k):
            small[WORK, a] += blocks[M, a, b] * small[Y_row, b]
    softmax(st, WORK, y_row)


@compiled_part_in_place
def advance(st, h):
    """Y(h) - h y(0) and y(h) from Y = 0 and the present y."""
    small, k = st.small, st.blocks.shape[1]
    small[NUMBERS, LENGTH] = h
    if small[NUMBERS, ASKED] == 0.0:  # a linearly implicit Euler step: Newton's as h grows
        factor_stage(st, 2.0 * h)
        back_substitute(st, Y, INNER)
        small[NUMBERS, ERROR] = 0.0
    else:
        factor_stage(st, h)
        take_stages(st, h)
        small[NUMBERS, ERROR] = error_size(st) / small[NUMBERS, ASKED]
    field(st, INNER, Y_END)
    for a in range(k):
        small[BEND, a] = small[INNER, a] - h * small[Y, a]


@compiled_part_in_place
def take_stages(st, h):
    """The four stages: Y(h) into the row INNER, its error into RIGHT."""
    small, k = st.small, st.blocks.shape[1]
    for a in range(k):
        small[RIGHT, a] = small[Y, a]
    for stage in range(4):
        back_substitute(st, RIGHT, STAGES + stage)
        if stage < 2:
            first, second = (2.0, 0.0) if stage == 0 else (48.0 / 25.0, 6.0 / 25.0)
            for a in range(k):
                small[INNER, a] = first * small[STAGES, a] + second * small[STAGES + stage, a]
            field(st, INNER, FIELD)
        for a in range(k):
            g0, g1, g2 = small[STAGES, a], small[STAGES + 1, a], small[STAGES + 2, a]
            if stage == 0:
                small[RIGHT, a] = small[FIELD, a] - 8.0 / h * g0
            elif stage == 1:
                small[RIGHT, a] = small[FIELD, a] + (372.0 / 25.0 * g0 + 12.0 / 5.0 * g1) / h
            else:
                small[RIGHT, a] = small[FIELD, a] - (112.0 / 125.0 * g0 + 54.0 / 125.0 * g1 + 2.0 / 5.0 * g2) / h
    for a in range(k):
        g0, g1, g2, g3 = small[STAGES, a], small[STAGES + 1, a], small[STAGES + 2, a], small[STAGES + 3, a]
        small[INNER, a] = 19.0 / 9.0 * g0 + 0.5 * g1 + 25.0 / 108.0 * g2 + 125.0 / 108.0 * g3
        small[RIGHT, a] = 17.0 / 54.0 * g0 + 7.0 / 36.0 * g1 + 125.0 / 108.0 * g3


@compiled_part_in_place
def error_size(st):
    """The larger of the errors of z (relative where z moves far) and of x."""
    small, blocks, k, worst = st.small, st.blocks, st.blocks.shape[1], 0.0
    for a in range(k):
        effect, size = 0.0, 0.0
        for b in range(k):
            effect += blocks[M, a, b] * small[RIGHT, b]
            size += abs(blocks[M, a, b] * small[INNER, b])
        worst = max(worst, max(abs(effect) / (1.0 + 1e-3 * size), small[NUMBERS, SCALE] * abs(small[RIGHT, a])))
    return worst


@compiled_part_in_place
def lean(st, vector):
    """SHARES = L times a row of k numbers."""
    small, blocks = st.small, st.blocks
    for slot in range(st.marks[COUNTS, MEMBERS]):
        total = 0.0
        for a in range(blocks.shape[1]):
            total += blocks[LEAN, a, slot] * small[vector, a]
        small[SHARES, slot] = total
