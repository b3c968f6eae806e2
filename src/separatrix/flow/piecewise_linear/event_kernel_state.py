"""What the event-driven flow of one hidden layer knows of a point, kept up to date by changes of rank one (§5).

On a region, with Z the creases that are slid along (*members*) and F the coordinates that move, put A = A0 + V_s^T W with
the slopes s of the neurons off Z, U = W_F A_F^T, K = A_F A_F^T, and for j in Z the columns W_F w_j. With y = grad Phi(z)
and multipliers lambda_j in [c_j, 0], c_j = V_j . y, the flow is

    v = (A^T y + sum_Z lambda_j w_j)_F,   du/dt = U y + sum_Z lambda_j W_F w_j,   dz/dt = A_F v,

so that an event costs n k + m k products, not n m.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from separatrix.numerics.compilation import compiled_part

MEMBERS, MOVING, SOLVES, CURVED, STALLED, EVENTS, QUIET = range(7)
TIME, STEP, RESIDUAL, REST, RELEASE = range(5)


class Form(NamedTuple):
    """The network and what bounds the flow: shapes as in OneLayer, ``columns`` (n, m) = W^T, ``norms`` (m,) of the rows.

    ``lower`` and ``upper`` hold the flow; beyond ``low_limit`` and ``high_limit`` a row has left. ``scale`` (1,): of grad f.
    """

    base: np.ndarray
    constant: np.ndarray
    weight: np.ndarray
    columns: np.ndarray
    bias: np.ndarray
    output: np.ndarray
    norms: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    low_limit: np.ndarray
    high_limit: np.ndarray
    sign: np.ndarray
    scale: np.ndarray


class State(NamedTuple):
    """One row: point ``x`` (n,), preactivations ``u`` (m,), ``slope`` (m,) 0 or 1, contrasts ``z`` (k,), ``y`` = grad Phi.

    ``place`` (m,): the slot of a member of Z, -1 off Z; ``members``: the crease in each slot, ``multiplier`` its lambda,
    ``low`` its bound c_j, ``gram`` (slots, m) its column W_F w_j. ``moving`` (n,): 1 on F; ``front``: the list of F. ``pull``
    (n,) is A^T y; ``v`` (n,), ``r`` (m,) and ``rz`` (k,) the velocities; ``fresh`` (m,): the solve in which a crease was left.
    ``counts`` and ``numbers`` hold scalars, ``room`` (2, m or n) is scratch.
    """

    x: np.ndarray
    u: np.ndarray
    slope: np.ndarray
    z: np.ndarray
    y: np.ndarray
    place: np.ndarray
    members: np.ndarray
    multiplier: np.ndarray
    low: np.ndarray
    gram: np.ndarray
    moving: np.ndarray
    front: np.ndarray
    A: np.ndarray
    U: np.ndarray
    K: np.ndarray
    pull: np.ndarray
    g: np.ndarray
    v: np.ndarray
    r: np.ndarray
    rz: np.ndarray
    fresh: np.ndarray
    counts: np.ndarray
    numbers: np.ndarray
    room: np.ndarray


@compiled_part
def softmax(sign, z, y):
    """y = sign softmax(z); sign itself for one contrast."""
    k = z.shape[0]
    if k == 1:
        y[0] = sign
        return
    top = z[0]
    for i in range(1, k):
        top = max(top, z[i])
    total = 0.0
    for i in range(k):
        y[i] = np.exp(z[i] - top)
        total += y[i]
    for i in range(k):
        y[i] *= sign / total


@compiled_part
def add_multiple(target, factor, source):
    """target += factor source."""
    for i in range(target.shape[0]):
        target[i] += factor * source[i]


@compiled_part
def combine(factors, rows, target):
    """target = factors^T rows; factors below 1e-30 do not count."""
    for i in range(target.shape[0]):
        target[i] = 0.0
    for a in range(factors.shape[0]):
        if abs(factors[a]) > 1e-30:
            add_multiple(target, factors[a], rows[a])


@compiled_part
def copy_into(target, source):
    """target = source."""
    for i in range(target.shape[0]):
        target[i] = source[i]


@compiled_part
def move_pixel(net, st, i, direction):
    """Coordinate ``i`` starts to move (direction 1) or is held (-1)."""
    A, U, K, gram, members, weight = st.A, st.U, st.K, st.gram, st.members, net.weight
    column = net.columns[i]
    for a in range(A.shape[0]):
        if A[a, i] != 0.0:
            add_multiple(U[a], direction * A[a, i], column)
            for b in range(A.shape[0]):
                K[a, b] += direction * A[a, i] * A[b, i]
    for slot in range(st.counts[MEMBERS]):
        add_multiple(gram[slot], direction * weight[members[slot], i], column)
    st.moving[i] = 1 if direction > 0 else 0


@compiled_part
def gram_column(net, st, j, column):
    """column = W_F w_j."""
    moving, normal, columns = st.moving, net.weight[j], net.columns
    for i in range(column.shape[0]):
        column[i] = 0.0
    for i in range(moving.shape[0]):
        if moving[i] == 1 and normal[i] != 0.0:
            add_multiple(column, normal[i], columns[i])


@compiled_part
def change_slope(net, st, j, column, factor):
    """A, U, K with factor V_j w_j^T added to A; ``column`` = W_F w_j."""
    A, U, K, out, normal = st.A, st.U, st.K, net.output[j], net.weight[j]
    square = factor * factor * column[j]
    for a in range(A.shape[0]):
        for b in range(A.shape[0]):
            K[a, b] += factor * (out[a] * U[b, j] + out[b] * U[a, j]) + square * out[a] * out[b]
    for a in range(A.shape[0]):
        if out[a] != 0.0:
            add_multiple(A[a], factor * out[a], normal)
            add_multiple(U[a], factor * out[a], column)


@compiled_part
def join(net, st, j, ceiling):
    """Crease ``j`` becomes a member, its multiplier where it was: c_j = ``ceiling`` for slope 1, 0 for slope 0."""
    slot = st.counts[MEMBERS]
    gram_column(net, st, j, st.gram[slot])
    if st.slope[j] == 1.0:
        change_slope(net, st, j, st.gram[slot], -1.0)
    st.members[slot], st.place[j] = j, slot
    st.multiplier[slot] = ceiling if st.slope[j] == 1.0 else 0.0
    st.u[j] = 0.0
    st.counts[MEMBERS] += 1


@compiled_part
def leave(net, st, slot, slope):
    """The crease in ``slot`` is left to the side of ``slope``."""
    j, last = st.members[slot], st.counts[MEMBERS] - 1
    st.slope[j] = slope
    if slope == 1.0:
        change_slope(net, st, j, st.gram[slot], 1.0)
    if slot != last:
        other = st.members[last]
        st.members[slot], st.place[other] = other, slot
        st.multiplier[slot], st.low[slot] = st.multiplier[last], st.low[last]
        copy_into(st.gram[slot], st.gram[last])
    st.place[j] = -1
    st.fresh[j] = st.counts[SOLVES]
    st.counts[MEMBERS] = last


@compiled_part
def flip(net, st, j):
    """Crease ``j``, convex, is crossed."""
    column = st.gram[st.counts[MEMBERS]]
    gram_column(net, st, j, column)
    change_slope(net, st, j, column, 1.0 - 2.0 * st.slope[j])
    st.slope[j] = 1.0 - st.slope[j]
    st.u[j] = 0.0
    st.fresh[j] = st.counts[SOLVES] + 1


@compiled_part
def preactivations(net, x, u):
    """u = W x + b."""
    columns = net.columns
    copy_into(u, net.bias)
    for i in range(x.shape[0]):
        if x[i] != 0.0:
            add_multiple(u, x[i], columns[i])


@compiled_part
def contrasts(net, st):
    """z and y from x, u and the slopes."""
    x, u, slope, z, base, output = st.x, st.u, st.slope, st.z, net.base, net.output
    for a in range(z.shape[0]):
        total = net.constant[a]
        for i in range(x.shape[0]):
            total += base[a, i] * x[i]
        for j in range(u.shape[0]):
            if slope[j] == 1.0:
                total += output[j, a] * u[j]
        z[a] = total
    softmax(net.sign[0], z, st.y)


@compiled_part
def refresh_point(net, st):
    """u, z and y afresh from x; members stay at 0, neurons that rounding put on the wrong side are put on their crease."""
    u, r, slope, place = st.u, st.r, st.slope, st.place
    preactivations(net, st.x, r)
    for j in range(u.shape[0]):
        on_side = r[j] > 0.0 if slope[j] == 1.0 else r[j] < 0.0
        u[j] = r[j] if on_side and place[j] < 0 and u[j] != 0.0 else 0.0
    contrasts(net, st)


@compiled_part
def refresh_region(net, st):
    """A, U, K and the members' columns afresh."""
    A, U, K, moving, columns = st.A, st.U, st.K, st.moving, net.columns
    for a in range(A.shape[0]):
        copy_into(A[a], net.base[a])
        U[a, :] = 0.0
        K[a, :] = 0.0
    for j in range(st.u.shape[0]):
        if st.slope[j] == 1.0 and st.place[j] < 0:
            for a in range(A.shape[0]):
                add_multiple(A[a], net.output[j, a], net.weight[j])
    for i in range(moving.shape[0]):
        if moving[i] == 1:
            for a in range(A.shape[0]):
                add_multiple(U[a], A[a, i], columns[i])
                for b in range(A.shape[0]):
                    K[a, b] += A[a, i] * A[b, i]
    for slot in range(st.counts[MEMBERS]):
        gram_column(net, st, st.members[slot], st.gram[slot])
