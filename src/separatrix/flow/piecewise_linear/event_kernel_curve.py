"""Curved moves of the event-driven flow: events as roots of linear functionals of Y(h) or y(h) (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_equation import advance, curve_at, lean
from separatrix.flow.piecewise_linear.event_kernel_line import (
    CREASE,
    FACE,
    HELD,
    LEFT,
    MULTIPLIER,
    NOISE,
    NONE,
    shift_creases,
    shift_point,
)
from separatrix.flow.piecewise_linear.event_kernel_state import (
    CURVED,
    MOVING,
    RELEASE,
    SOLVES,
    STEP,
    TIME,
    add_multiple,
    combine,
    copy_into,
)
from separatrix.numerics.compilation import compiled_part

STEP_TOLERANCE, LONGEST, LAST = 1e-7, 1e6, 1e-7


@compiled_part
def displacement(net, st, curve, shares):
    """dx on F into room[0], du into room[1] for the present Y."""
    n, m = st.x.shape[0], st.u.shape[0]
    dx, du, bend, h = st.room[0, :n], st.room[1, :m], curve.bend, curve.unit[2]
    lean(curve, bend, shares)
    combine(bend, st.A, dx)
    combine(bend, st.U, du)
    add_multiple(dx, h, st.v)
    add_multiple(du, h, st.r)
    for slot in range(shares.shape[0]):
        add_multiple(du, shares[slot], st.gram[slot])
        add_multiple(dx, shares[slot], net.weight[st.members[slot]])


@compiled_part
def met_on_curve(net, st, curve, shares):
    """(share, kind, index) of the first event that the chord of the present Y passes; kind NONE where there is none."""
    displacement(net, st, curve, shares)
    first, kind, index = side_on_curve(net, st, st.room[0])
    du, u, slope, place, fresh, norms, solves = (
        st.room[1], st.u, st.slope, st.place, st.fresh, net.norms, st.counts[SOLVES]
    )  # fmt: skip
    for j in range(u.shape[0]):
        if place[j] >= 0:
            continue
        after = (u[j] + du[j]) * (1.0 if slope[j] == 1.0 else -1.0)
        slack = NOISE * (abs(u[j]) + norms[j] * (1.0 + curve.unit[2] * net.scale[0]))
        if after < -slack * (1e3 if fresh[j] == solves else 1.0) and -u[j] / du[j] < first:
            first, kind, index = -u[j] / du[j], CREASE, j
    return first, kind, index


@compiled_part
def side_on_curve(net, st, dx):
    """(share, kind, index) of the first face or limit that the chord passes."""
    first, kind, index, x, front = 2.0, NONE, -1, st.x, st.front
    lower, upper, low, high = net.lower, net.upper, net.low_limit, net.high_limit
    for p in range(st.counts[MOVING]):
        i = front[p]
        if dx[i] == 0.0:
            continue
        up = dx[i] > 0.0
        side = min(upper[i], high[i]) if up else max(lower[i], low[i])
        share = (side - x[i]) / dx[i]
        if share < first and abs(x[i] + dx[i] - side) > 1e-14 * (1.0 + abs(side)) and share < 1.0:
            is_face = upper[i] <= high[i] if up else lower[i] >= low[i]
            first, kind, index = max(share, 0.0), FACE if is_face else LEFT, i
    return first, kind, index


@compiled_part
def released_on_curve(net, st, curve, shares):
    """(violation, kind, index) of the multiplier that has gone farthest beyond its bounds at the present y."""
    worst, kind, index = 0.0, NONE, -1
    lean(curve, curve.y, shares)
    for slot in range(shares.shape[0]):
        beyond = bound_violation(net, st, curve, shares[slot], slot)
        if beyond > worst:
            worst, kind, index = beyond, MULTIPLIER, slot
    moving, x, lower, g = st.moving, st.x, net.lower, st.room[0, : st.x.shape[0]]
    combine(curve.y, st.A, g)
    for slot in range(shares.shape[0]):
        add_multiple(g, shares[slot], net.weight[st.members[slot]])
    for i in range(moving.shape[0]):
        if moving[i] == 0:
            beyond = (g[i] if x[i] <= lower[i] else -g[i]) - st.numbers[RELEASE]
            if beyond > worst:
                worst, kind, index = beyond, HELD, i
    return worst, kind, index


@compiled_part
def bound_violation(net, st, curve, multiplier, slot):
    """How far a member's multiplier is beyond [c_j, 0], in units of the gradient and less the release tolerance."""
    j, y, c = st.members[slot], curve.y, 0.0
    out = net.output[j]
    for a in range(y.shape[0]):
        c += out[a] * y[a]
    return max(multiplier, c - multiplier) * net.norms[j] - st.numbers[RELEASE]


@compiled_part
def face_functional(net, st, vectors, i):
    """Coordinate ``i`` of A^T Y + sum_Z shares_j w_j for ``vectors`` = (Y, shares)."""
    Y, shares = vectors
    A, weight, members, total = st.A, net.weight, st.members, 0.0
    for a in range(Y.shape[0]):
        total += A[a, i] * Y[a]
    for slot in range(shares.shape[0]):
        total += shares[slot] * weight[members[slot], i]
    return total


@compiled_part
def crease_functional(st, vectors, j):
    """u_j + (U Y + gram^T shares)_j for ``vectors`` = (Y, shares)."""
    Y, shares = vectors
    U, gram, total = st.U, st.gram, st.u[j]
    for a in range(Y.shape[0]):
        total += U[a, j] * Y[a]
    for slot in range(shares.shape[0]):
        total += shares[slot] * gram[slot, j]
    return total


@compiled_part
def inward(net, st, curve, shares, i):
    """How far the gradient at a held coordinate points inward, less the release tolerance."""
    g = face_functional(net, st, (curve.y, shares), i)
    return (g if st.x[i] <= net.lower[i] else -g) - st.numbers[RELEASE]


@compiled_part
def beyond_event(net, st, curve, shares, event):
    """The functional of an event at the present (Y, y): positive once it has happened."""
    kind, index = event
    if kind == MULTIPLIER:
        lean(curve, curve.y, shares)
        return bound_violation(net, st, curve, shares[index], index)
    if kind == HELD:
        lean(curve, curve.y, shares)
        return inward(net, st, curve, shares, index)
    lean(curve, curve.bend, shares)
    h = curve.unit[2]
    if kind == CREASE:
        after = h * st.r[index] + crease_functional(st, (curve.bend, shares), index)
        return after * (-1.0 if st.slope[index] == 1.0 else 1.0)
    change = h * st.v[index] + face_functional(net, st, (curve.bend, shares), index)
    if change > 0.0:
        return st.x[index] + change - min(net.upper[index], net.high_limit[index])
    return max(net.lower[index], net.low_limit[index]) - st.x[index] - change


@compiled_part
def event_time(net, st, curve, shares, question):
    """The h at which an event happens, its step taken last, and just beyond for releases; ``question`` = (event, h).

    A functional that starts at its root (a crease that was just left) is first bracketed by halving h.
    """
    event, high = question
    low, f_low, f_high, turn = 0.0, 0.0, beyond_event(net, st, curve, shares, event), 0
    done = False
    for _ in range(140):
        width = high - low
        if f_low >= 0.0:
            middle = 0.5 * high
            if middle < 1e-18 * question[1]:
                return 0.0
        else:
            turn += 1
            share = f_low / (f_low - f_high)
            middle = low + width * (0.5 if turn % 4 == 3 else min(max(share, 1e-3), 1.0 - 1e-3))
            if done or width <= 1e-15 * high or middle <= low or middle >= high:
                done, middle = True, high
        advance(net, curve, st.y, middle)
        f = beyond_event(net, st, curve, shares, event)
        if done:
            return high
        if f < 0.0:
            low, f_low = middle, f
        else:
            high, f_high = middle, f
            done = f <= 1e-15 * net.scale[0]
        if done:
            return high
    return high


@compiled_part
def go_along_curve(net, st, dt):
    """Move to the next event near ``dt``, or as far as one step goes; (kind, index)."""
    norm = 0.0
    for i in range(st.v.shape[0]):
        norm = max(norm, abs(st.v[i]))
    # next to the maximum of a concave f on its stratum implicit Euler steps, without error control, go to it
    last = net.sign[0] < 0.0 and norm <= LAST * net.scale[0]
    curve = curve_at(net, st, 0.0 if last else STEP_TOLERANCE)
    shares = np.empty(curve.L.shape[0])
    if last:
        st.numbers[STEP] = LONGEST / net.scale[0]
    h = st.numbers[STEP] if not np.isfinite(dt) else min(st.numbers[STEP], 1.25 * dt)
    while True:
        advance(net, curve, st.y, h)
        error = curve.unit[1]
        if error <= 1.0 or h < 1e-300:
            break
        h *= 0.2 if not np.isfinite(error) else max(0.1, 0.9 * error**-0.25)
    # a longer step would lose x, a difference of multiples of h, to rounding
    st.numbers[STEP] = min(h * min(5.0, 0.9 * max(error, 1e-12) ** -0.25), LONGEST / net.scale[0])
    st.counts[CURVED] += 1
    kind, index = NONE, -1
    for _ in range(60):
        _, kind_met, index_met = met_on_curve(net, st, curve, shares)
        if kind_met == NONE:
            _, kind_met, index_met = released_on_curve(net, st, curve, shares)
        if kind_met == NONE or (kind_met == kind and index_met == index):
            break
        kind, index = kind_met, index_met
        h = event_time(net, st, curve, shares, ((kind, index), h))
        if h == 0.0:
            return kind, index
    take(net, st, curve, shares)
    st.numbers[TIME] += h
    return kind, index


@compiled_part
def take(net, st, curve, shares):
    """x, u, z, y at the present Y."""
    displacement(net, st, curve, shares)
    shift_point(net, st, 1.0, st.room[0])
    shift_creases(st, 1.0, st.room[1])
    M, bend, z, h = curve.M, curve.bend, st.z, curve.unit[2]
    for a in range(z.shape[0]):
        change = h * st.rz[a]
        for b in range(bend.shape[0]):
            change += M[a, b] * bend[b]
        z[a] += change
    copy_into(st.y, curve.y)
