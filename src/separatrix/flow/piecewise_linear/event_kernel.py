"""The event-driven flow of one hidden layer: rows to rest, from crease to crease and face to face (§5).

An event is a crease met, a face met or left, or a multiplier at its bound. A concave crease that is met joins Z with its
multiplier where it was: crossing it is the multiplier at the other bound. A convex one is crossed. Simultaneous hits are
taken one by one; an event without progress is counted, and a row that only has such ends with that reason.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_curve import go_along_curve
from separatrix.flow.piecewise_linear.event_kernel_line import (
    CREASE,
    FACE,
    LEFT,
    NONE,
    go_straight,
    is_straight,
    next_event,
    speeds,
)
from separatrix.flow.piecewise_linear.event_kernel_start import CONVEX, begin
from separatrix.flow.piecewise_linear.event_kernel_state import (
    CURVED,
    EVENTS,
    MEMBERS,
    QUIET,
    RELEASE,
    REST,
    STALLED,
    STEP,
    TIME,
    State,
    copy_into,
    flip,
    join,
    refresh_point,
    refresh_region,
)
from separatrix.flow.piecewise_linear.event_kernel_velocity import settle_creases, solve
from separatrix.numerics.compilation import compiled, compiled_part

AT_REST, BUDGET, GONE, INFINITY, STUCK, AMBIGUOUS, UNSOLVED = range(7)
REFRESH_POINT, REFRESH_REGION, GATHER = 64, 512, 16
REST_SHARE, RELEASE_SHARE = 1e-10, 1e-11
ROUNDING_SHARE, CALM, CORNER = 1e-14, 24, 1e-13


@compiled_part
def new_state(net):
    """Room for one row."""
    n, m, k = net.lower.shape[0], net.bias.shape[0], net.constant.shape[0]
    slots = min(m, max(2 * n, 256)) + 1
    return State(
        np.zeros(n), np.zeros(m), np.zeros(m), np.zeros(k), np.zeros(k), np.full(m, -1), np.zeros(slots, np.int64),
        np.zeros(slots), np.zeros(slots), np.zeros((slots, m)), np.zeros(n, np.int64), np.zeros(n, np.int64),
        np.zeros((k, n)), np.zeros((k, m)), np.zeros((k, k)), np.zeros(n), np.zeros(n), np.zeros(n), np.zeros(m),
        np.zeros(k), np.full(m, -1), np.zeros(7, np.int64), np.zeros(5), np.zeros((2, max(m, n))),
    )  # fmt: skip


@compiled_part
def ceiling_of(net, st, j):
    """c_j = V_j . y."""
    y, out, c = st.y, net.output[j], 0.0
    for a in range(y.shape[0]):
        c += out[a] * y[a]
    return c


@compiled_part
def meet(net, st, event):
    """What an event changes; False where there is no room for one more member."""
    kind, index = event
    if kind == CREASE:
        c = ceiling_of(net, st, index)
        if c >= 0.0:
            flip(net, st, index)
        elif st.counts[MEMBERS] + 1 >= st.members.shape[0]:
            return False
        else:
            join(net, st, index, c)
    elif kind == FACE:
        st.x[index] = net.upper[index] if st.v[index] > 0.0 else net.lower[index]
    return True


@compiled_part
def largest_speed(st):
    """max |v_i|."""
    largest, v = 0.0, st.v
    for i in range(v.shape[0]):
        largest = max(largest, abs(v[i]))
    return largest


@compiled_part
def is_at_rest(net, st, fastest):
    """Whether v counts as zero; a curved flow, which only tends to its end, goes on for CALM steps or to rounding."""
    if st.z.shape[0] == 1:
        return st.counts[QUIET] > 0
    return st.counts[QUIET] > CALM or fastest <= ROUNDING_SHARE * net.scale[0]


@compiled_part
def move(net, st, curved):
    """Move to the next event; (kind, index)."""
    speeds(net, st)
    dt, kind, index = next_event(net, st)
    if curved is not None and not is_straight(net, st, dt):
        kind, index = go_along_curve(net, st, dt)
    elif np.isfinite(dt):
        go_straight(net, st, dt)
    return kind, index


@compiled_part
def flow_row(net, st, row, budget, curved):
    """One row to rest, from ``row`` = (start, sides); a code for the reason."""
    code = begin(net, st, row[0], row[1])
    if code != 0:
        return AMBIGUOUS if code == CONVEX else STUCK
    checked, patience = False, 200 + 4 * (st.u.shape[0] + st.x.shape[0])
    while True:
        if not solve(net, st):
            return UNSOLVED
        if st.counts[EVENTS] + st.counts[CURVED] >= budget:
            return BUDGET
        fastest = largest_speed(st)
        st.counts[QUIET] = st.counts[QUIET] + 1 if fastest <= st.numbers[REST] else 0
        if is_at_rest(net, st, fastest):
            if checked:
                return AT_REST
            quiet, st.counts[QUIET] = st.counts[QUIET], 1  # everything afresh
            tidy(net, st)
            st.counts[QUIET], checked = quiet, True
            continue
        before = st.numbers[TIME]
        kind, index = move(net, st, curved)
        if kind == LEFT:
            return GONE
        if kind == NONE and st.z.shape[0] == 1:
            return INFINITY
        checked = False
        st.counts[EVENTS] += 1 if kind != NONE else 0
        st.counts[STALLED] += 1
        if (st.numbers[TIME] - before) * fastest > 1e-15:
            st.counts[STALLED] = 0
        if st.counts[STALLED] > patience or not meet(net, st, (kind, index)):
            return STUCK
        if st.counts[STALLED] % GATHER == GATHER - 1:
            gather(net, st)
        tidy(net, st)


@compiled_part
def gather(net, st):
    """Where events follow one another without progress: all concave creases within rounding of x become members at once."""
    reach = 1.0 + np.abs(st.x).max()
    for j in range(st.u.shape[0]):
        near = abs(st.u[j]) <= CORNER * (net.norms[j] * reach + abs(net.bias[j]))
        if near and st.place[j] < 0 and st.counts[MEMBERS] + 1 < st.members.shape[0]:
            c = ceiling_of(net, st, j)
            if c < 0.0:
                join(net, st, j, c)
    settle_creases(net, st)


@compiled_part
def tidy(net, st):
    """Take rounding out of u and z from time to time, out of A, U and K, which is dearer, less often; and near rest."""
    turn = st.counts[EVENTS] + st.counts[CURVED]
    if turn % REFRESH_REGION == REFRESH_REGION - 1 or st.counts[QUIET] == 1:
        refresh_region(net, st)
    if turn % REFRESH_POINT == REFRESH_POINT - 1 or st.counts[QUIET] > 0:
        settle_creases(net, st)  # near rest steps are long, and the rounding of a velocity counts as often
        refresh_point(net, st)


@compiled
def flow_rows(net, rows, budget, results, curved):
    """``rows`` = (starts, sides) to rest. ``sides`` (rows, m): the side of convex creases through a start, negative: not named.

    ``curved``: None leaves curved moves out of the compilation, for one contrast; True otherwise.
    ``results``: points and velocities (2, rows, n), and a table (rows, 4 + m) of code, time, events, curved steps, and for
    every crease 1 where the end is on it, 2 where the end is on it and it is convex.
    """
    st, points, table = new_state(net), results[0], results[1]
    starts, sides = rows
    for row in range(starts.shape[0]):
        for p in range(st.counts.shape[0]):
            st.counts[p] = 0
        st.numbers[TIME], st.numbers[REST] = 0.0, REST_SHARE * net.scale[0]
        st.numbers[RELEASE] = RELEASE_SHARE * net.scale[0]
        st.numbers[STEP] = 1e-2 / max(net.scale[0], 1e-300) ** 2
        table[row, 0] = flow_row(net, st, (starts[row], sides[row]), budget, curved)
        copy_into(points[0, row], st.x)
        copy_into(points[1, row], st.v)
        table[row, 1], table[row, 2], table[row, 3] = st.numbers[TIME], st.counts[EVENTS], st.counts[CURVED]
        for j in range(st.u.shape[0]):
            convex = 2.0 if ceiling_of(net, st, j) >= 0.0 else 1.0
            table[row, 4 + j] = convex if st.u[j] == 0.0 else 0.0
