"""What the event-driven flow of one hidden layer knows of a point, kept up to date by changes of rank one (§5).

On a region, with Z the creases that are slid along (*members*) and F the coordinates that move, put A = A0 + V_s^T W with
the slopes s of the neurons off Z, U = W_F A_F^T, K = A_F A_F^T, and for j in Z the columns W_F w_j. With y = grad Phi(z)
and multipliers lambda_j in [c_j, 0], c_j = V_j . y, the flow is

    v = (A^T y + sum_Z lambda_j w_j)_F,   du/dt = U y + sum_Z lambda_j W_F w_j,   dz/dt = A_F v,

so that an event costs n k + m k products, not n m.

All that has one entry a coordinate is a row of one array, and so is what has one entry a crease: compilation is dear in the
number of arrays that functions hand to one another. Rows are known by the names below.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from separatrix.numerics.compilation import compiled_part_in_place

# numbers of numpy, not of Python: numba compiles a function anew for every literal that it is called with
# Form.sides, Form.planes
LOWER, UPPER, LOW_LIMIT, HIGH_LIMIT, BASE = np.arange(5)
BIAS, NORM, OUTPUT = np.arange(3)
# State.points, State.creases
X, V, G, PULL, DX, LAST, ACTIVE = np.arange(7)
U, R, SLOPE, DU, RATES = np.arange(5)
# State.small: scalars first, then rows of one entry a member or a contrast, then the factor of the members' Gram matrix
NUMBERS, MULTIPLIER, LOW, Q, CHANGE, TRIAL, Z, Y, RZ, CONSTANT, SHARES, BEND, Y_END = np.arange(13)
RIGHT, INNER, FIELD, WORK, STAGES, FACTOR = *np.arange(13, 18), np.int64(21)
K, M, LEAN, STAGE = np.arange(4)
# State.marks: counters first
COUNTS, PLACE, FRESH, MEMBER, CHOSEN, MOVES, FRONT, ORDER = np.arange(8)
MEMBERS, MOVING, SOLVES, CURVED, STALLED, EVENTS, QUIET, KIND, INDEX, SIZE, TRACED = np.arange(11)
TIME, STEP, RESIDUAL, REST, RELEASE, SIGN, SCALE, LIMIT, TOLERANCE, ASKED, ERROR, LENGTH = np.arange(12)


class Form(NamedTuple):
    """The network and what bounds the flow, for n inputs, m creases, k contrasts.

    ``weight`` (m, n), ``columns`` (n, m) its transpose. ``sides`` (4 + k, n): LOWER and UPPER hold the flow, beyond LOW_LIMIT
    and HIGH_LIMIT a row has left, BASE + a the affine part of contrast a. ``planes`` (2 + k, m): BIAS, NORM of the crease's
    row, OUTPUT + a its weight in contrast a.
    """

    weight: np.ndarray
    columns: np.ndarray
    sides: np.ndarray
    planes: np.ndarray


class State(NamedTuple):
    """One row of the flow.

    ``points`` (6 + k, n): X; velocity V; G and PULL = A^T y; DX a change; LAST the velocity of the last move; ACTIVE + a: A.
    ``creases`` (4 + k, m): preactivations U and their velocities R; SLOPE 0 or 1; DU a change; RATES + a: U of the text above.
    ``gram`` (slots, m): W_F w_j of the member in a slot. ``small``: the NUMBERS; a slot's MULTIPLIER and its bound LOW = c_j;
    contrasts Z, Y = grad Phi, RZ; the rest is room to work. ``blocks`` (4, k, slots or more): K, and the equation of curved
    motion. ``marks``: COUNTS; PLACE the slot of a member, -1 off Z; FRESH the solve in which a crease was left; MEMBER the
    crease in a slot; MOVES 1 on F and FRONT the list of F; CHOSEN and ORDER are room to work.
    """

    points: np.ndarray
    creases: np.ndarray
    gram: np.ndarray
    small: np.ndarray
    blocks: np.ndarray
    marks: np.ndarray


def new_state(n: int, m: int, constant: np.ndarray, sign: float, scale: float) -> State:
    """Room for one row; ``constant`` (k,) of the contrasts, ``sign`` of Phi, ``scale`` of the gradient."""
    k = constant.shape[0]
    slots = min(m, max(2 * n, 256)) + 1
    small = np.zeros((FACTOR + slots, max(k, slots, LENGTH + 1)))
    small[CONSTANT, :k] = constant
    small[NUMBERS, SIGN], small[NUMBERS, SCALE] = sign, scale
    return State(
        np.zeros((ACTIVE + k, n)),
        np.zeros((RATES + k, m)),
        np.zeros((slots, m)),
        small,
        np.zeros((4, k, small.shape[1])),
        np.zeros((ORDER + 1, max(n, m, k, slots, TRACED + 1)), dtype=np.int64),
    )


@compiled_part_in_place
def softmax(st, z, y):
    """Row ``y`` = sign softmax(row ``z``) of ``st.small``; the sign itself for one contrast."""
    small, k = st.small, st.blocks.shape[1]
    if k == 1:
        small[y, 0] = small[NUMBERS, SIGN]
        return
    top = small[z, 0]
    for i in range(1, k):
        top = max(top, small[z, i])
    total = 0.0
    for i in range(k):
        small[y, i] = np.exp(small[z, i] - top)
        total += small[y, i]
    for i in range(k):
        small[y, i] *= small[NUMBERS, SIGN] / total


@compiled_part_in_place
def add_row(target, row, factor, source, other):
    """target[row] += factor source[other]."""
    for i in range(target.shape[1]):
        target[row, i] += factor * source[other, i]


@compiled_part_in_place
def copy_row(target, row, source, other):
    """target[row] = source[other]."""
    for i in range(target.shape[1]):
        target[row, i] = source[other, i]


@compiled_part_in_place
def combine(st, factors, rows, first, target):
    """rows[target] = sum_a small[factors, a] rows[first + a]; factors below 1e-30 do not count."""
    for i in range(rows.shape[1]):
        rows[target, i] = 0.0
    for a in range(st.blocks.shape[1]):
        if abs(st.small[factors, a]) > 1e-30:
            add_row(rows, target, st.small[factors, a], rows, first + a)


@compiled_part_in_place
def ceiling_of(net, st, y, j):
    """c_j = V_j . y, row ``y`` of ``st.small``."""
    planes, small, c = net.planes, st.small, 0.0
    for a in range(st.blocks.shape[1]):
        c += planes[OUTPUT + a, j] * small[y, a]
    return c


@compiled_part_in_place
def move_pixel(net, st, i, direction):
    """Coordinate ``i`` starts to move (direction 1) or is held (-1)."""
    points, creases, blocks, k = st.points, st.creases, st.blocks, st.blocks.shape[1]
    for a in range(k):
        share = points[ACTIVE + a, i]
        if share != 0.0:
            add_row(creases, RATES + a, direction * share, net.columns, i)
            for b in range(k):
                blocks[K, a, b] += direction * share * points[ACTIVE + b, i]
    for slot in range(st.marks[COUNTS, MEMBERS]):
        add_row(st.gram, slot, direction * net.weight[st.marks[MEMBER, slot], i], net.columns, i)
    st.marks[MOVES, i] = 1 if direction > 0 else 0


@compiled_part_in_place
def gram_column(net, st, j, slot):
    """gram[slot] = W_F w_j."""
    gram, weight, marks = st.gram, net.weight, st.marks
    for i in range(gram.shape[1]):
        gram[slot, i] = 0.0
    for i in range(weight.shape[1]):
        if marks[MOVES, i] == 1 and weight[j, i] != 0.0:
            add_row(gram, slot, weight[j, i], net.columns, i)


@compiled_part_in_place
def change_slope(net, st, j, slot, factor):
    """A, U, K with factor V_j w_j^T added to A; ``slot`` of the column W_F w_j."""
    blocks, creases, planes, k = st.blocks, st.creases, net.planes, st.blocks.shape[1]
    square = factor * factor * st.gram[slot, j]
    for a in range(k):
        for b in range(k):
            out, other = planes[OUTPUT + a, j], planes[OUTPUT + b, j]
            cross = out * creases[RATES + b, j] + other * creases[RATES + a, j]
            blocks[K, a, b] += factor * cross + square * out * other
    for a in range(k):
        out = planes[OUTPUT + a, j]
        if out != 0.0:
            add_row(st.points, ACTIVE + a, factor * out, net.weight, j)
            add_row(creases, RATES + a, factor * out, st.gram, slot)


@compiled_part_in_place
def join(net, st, j, ceiling):
    """Crease ``j`` becomes a member, its multiplier where it was: c_j = ``ceiling`` for slope 1, 0 for slope 0."""
    marks, is_active = st.marks, st.creases[SLOPE, j] == 1.0
    slot = marks[COUNTS, MEMBERS]
    gram_column(net, st, j, slot)
    if is_active:
        change_slope(net, st, j, slot, -1.0)
    marks[MEMBER, slot], marks[PLACE, j] = j, slot
    st.small[MULTIPLIER, slot] = ceiling if is_active else 0.0
    st.creases[U, j] = 0.0
    marks[COUNTS, MEMBERS] += 1


@compiled_part_in_place
def leave(net, st, slot, slope):
    """The crease in ``slot`` is left to the side of ``slope``."""
    marks, small = st.marks, st.small
    j, last = marks[MEMBER, slot], marks[COUNTS, MEMBERS] - 1
    st.creases[SLOPE, j] = slope
    if slope == 1.0:
        change_slope(net, st, j, slot, 1.0)
    if slot != last:
        other = marks[MEMBER, last]
        marks[MEMBER, slot], marks[PLACE, other] = other, slot
        small[MULTIPLIER, slot], small[LOW, slot] = small[MULTIPLIER, last], small[LOW, last]
        copy_row(st.gram, slot, st.gram, last)
    marks[PLACE, j] = -1
    marks[FRESH, j] = marks[COUNTS, SOLVES]
    marks[COUNTS, MEMBERS] = last


@compiled_part_in_place
def refresh_point(net, st):
    """u, z and y afresh from x; members stay at 0, neurons that rounding put on the wrong side are put on their crease."""
    creases, place = st.creases, st.marks
    preactivations(net, st, R)
    for j in range(creases.shape[1]):
        on_side = creases[R, j] > 0.0 if creases[SLOPE, j] == 1.0 else creases[R, j] < 0.0
        creases[U, j] = creases[R, j] if on_side and place[PLACE, j] < 0 and creases[U, j] != 0.0 else 0.0
    contrasts(net, st)


@compiled_part_in_place
def preactivations(net, st, row):
    """Row ``row`` of the creases = W x + b."""
    points, creases = st.points, st.creases
    copy_row(creases, row, net.planes, BIAS)
    for i in range(points.shape[1]):
        if points[X, i] != 0.0:
            add_row(creases, row, points[X, i], net.columns, i)


@compiled_part_in_place
def contrasts(net, st):
    """z and y from x, u and the slopes."""
    points, creases, small, sides, planes = st.points, st.creases, st.small, net.sides, net.planes
    for a in range(st.blocks.shape[1]):
        total = small[CONSTANT, a]
        for i in range(points.shape[1]):
            total += sides[BASE + a, i] * points[X, i]
        for j in range(creases.shape[1]):
            if creases[SLOPE, j] == 1.0:
                total += planes[OUTPUT + a, j] * creases[U, j]
        small[Z, a] = total
    softmax(st, Z, Y)


@compiled_part_in_place
def refresh_region(net, st):
    """A, U, K and the members' columns afresh."""
    points, creases, blocks, marks, k = st.points, st.creases, st.blocks, st.marks, st.blocks.shape[1]
    for a in range(k):
        copy_row(points, ACTIVE + a, net.sides, BASE + a)
        for j in range(creases.shape[1]):
            creases[RATES + a, j] = 0.0
        for b in range(k):
            blocks[K, a, b] = 0.0
    for j in range(creases.shape[1]):
        if creases[SLOPE, j] == 1.0 and marks[PLACE, j] < 0:
            for a in range(k):
                add_row(points, ACTIVE + a, net.planes[OUTPUT + a, j], net.weight, j)
    for i in range(points.shape[1]):
        if marks[MOVES, i] == 1:
            for a in range(k):
                share = points[ACTIVE + a, i]
                add_row(creases, RATES + a, share, net.columns, i)
                for b in range(k):
                    blocks[K, a, b] += share * points[ACTIVE + b, i]
    for slot in range(marks[COUNTS, MEMBERS]):
        gram_column(net, st, marks[MEMBER, slot], slot)
