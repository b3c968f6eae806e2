"""Straight moves of the event-driven flow: velocities, and the first crease, face or limit along them (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import (
    MEMBERS,
    MOVING,
    SOLVES,
    TIME,
    add_multiple,
    combine,
    softmax,
)
from separatrix.numerics.compilation import compiled_part

NONE, CREASE, FACE, LEFT, MULTIPLIER, HELD = range(6)
NOISE = 4e-15
STRAIGHT = 1e-11


@compiled_part
def speeds(net, st):
    """r and rz for the present v."""
    count, y, rz, r, K, U, multiplier, members = (
        st.counts[MEMBERS],
        st.y,
        st.rz,
        st.r,
        st.K,
        st.U,
        st.multiplier,
        st.members,
    )
    combine(y, U, r)
    for slot in range(count):
        add_multiple(r, multiplier[slot], st.gram[slot])
    for a in range(y.shape[0]):
        total = 0.0
        for b in range(y.shape[0]):
            total += K[a, b] * y[b]
        for slot in range(count):
            total += U[a, members[slot]] * multiplier[slot]
        rz[a] = total


@compiled_part
def next_side(net, st):
    """(dt, kind, index) of the first face or limit along v."""
    first, kind, index = np.inf, NONE, -1
    x, v, front, lower, upper, low, high = st.x, st.v, st.front, net.lower, net.upper, net.low_limit, net.high_limit
    for p in range(st.counts[MOVING]):
        i = front[p]
        speed = v[i]
        if speed == 0.0:
            continue
        side, limit = (upper[i], high[i]) if speed > 0.0 else (lower[i], low[i])
        met, gone = (side - x[i]) / speed, (limit - x[i]) / speed
        if met < first:
            first, kind, index = max(met, 0.0), FACE, i
        if gone < first:
            first, kind, index = max(gone, 0.0), LEFT, i
    return first, kind, index


@compiled_part
def next_event(net, st):
    """(dt, kind, index) of the first event along v; dt infinite where there is none."""
    first, kind, index = next_side(net, st)
    u, r, slope, place, fresh, norms = st.u, st.r, st.slope, st.place, st.fresh, net.norms
    solves, noise = st.counts[SOLVES], NOISE * net.scale[0]  # r carries the rounding of A^T y, even where v is small
    for j in range(u.shape[0]):
        speed = r[j]
        towards = speed < 0.0 if slope[j] == 1.0 else speed > 0.0
        if towards and place[j] < 0 and abs(speed) > noise * norms[j]:
            met = max(0.0, -u[j] / speed)
            if met < first and not (fresh[j] == solves and u[j] == 0.0):
                first, kind, index = met, CREASE, j
    return first, kind, index


@compiled_part
def is_straight(net, st, dt):
    """Whether y changes so little over ``dt`` that the move is straight to rounding."""
    k = st.z.shape[0]
    if k == 1:
        return True
    if not np.isfinite(dt):
        return False
    y, change, z = np.empty(k), 0.0, np.empty(k)
    for a in range(k):
        z[a] = st.z[a] + dt * st.rz[a]
    softmax(net.sign[0], z, y)
    for a in range(k):
        change = max(change, abs(y[a] - st.y[a]))
    return change <= 1e-13 or change * net.scale[0] * dt <= STRAIGHT


@compiled_part
def go_straight(net, st, dt):
    """x, u, z, y after ``dt``."""
    shift_point(net, st, dt, st.v)
    shift_creases(st, dt, st.r)
    add_multiple(st.z, dt, st.rz)
    softmax(net.sign[0], st.z, st.y)
    st.numbers[TIME] += dt


@compiled_part
def shift_point(net, st, dt, v):
    """x += dt v on F, within the bounds."""
    x, front, lower, upper = st.x, st.front, net.lower, net.upper
    for p in range(st.counts[MOVING]):
        i = front[p]
        x[i] = min(upper[i], max(lower[i], x[i] + dt * v[i]))


@compiled_part
def shift_creases(st, dt, r):
    """u += dt r off Z; what rounding carries over its crease stays on it."""
    u, slope, place = st.u, st.slope, st.place
    for j in range(u.shape[0]):
        if place[j] < 0:
            after = u[j] + dt * r[j]
            u[j] = max(after, 0.0) if slope[j] == 1.0 else min(after, 0.0)
