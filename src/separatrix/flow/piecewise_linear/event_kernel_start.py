"""The start of a row: the slopes of its neurons, and starts that lie on creases (§5).

A start on concave creases has one forward orbit. On convex ones the caller names the sides; event_flow tries them all.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import (
    MEMBERS,
    combine,
    contrasts,
    copy_into,
    join,
    preactivations,
    refresh_region,
)
from separatrix.flow.piecewise_linear.event_kernel_velocity import is_held
from separatrix.numerics.compilation import compiled_part

UNIT = 8.9e-16
CONVEX, FULL = 1, 2


@compiled_part
def place_point(net, st, start):
    """x, u (0 within rounding of a crease), z, y, and the coefficients c_j into r; slopes as the signs of u."""
    u, slope, columns, size = st.u, st.slope, net.columns, np.abs(net.bias)
    copy_into(st.x, start)
    preactivations(net, start, u)
    for i in range(start.shape[0]):
        for j in range(u.shape[0]):
            size[j] += abs(start[i] * columns[i, j])
    for j in range(u.shape[0]):
        if abs(u[j]) <= UNIT * size[j]:
            u[j] = 0.0
        slope[j] = 1.0 if u[j] > 0.0 else 0.0
    contrasts(net, st)
    for j in range(u.shape[0]):
        st.r[j] = 0.0
        for a in range(st.y.shape[0]):
            st.r[j] += net.output[j, a] * st.y[a]


@compiled_part
def begin(net, st, start, sides):
    """Place a row, concave creases through it as members. 0, CONVEX where sides of convex creases are missing, FULL.

    ``sides`` (m,): slopes for the convex creases through the start, or negative.
    """
    place_point(net, st, start)
    u, x, coefficients = st.u, st.x, st.r.copy()
    for j in range(u.shape[0]):
        st.place[j], st.fresh[j] = -1, -1
        if u[j] == 0.0 and coefficients[j] >= 0.0:
            if sides[j] < 0.0:
                return CONVEX
            st.slope[j] = sides[j]
    for turn in range(2):  # F needs the gradient, which needs A
        for i in range(x.shape[0]):
            held = turn == 0 or is_held(x[i], net.lower[i], net.upper[i], st.pull[i])
            st.moving[i] = 0 if held else 1
        refresh_region(net, st)
        combine(st.y, st.A, st.pull)
    for j in range(u.shape[0]):
        if u[j] == 0.0 and coefficients[j] < 0.0:
            if st.counts[MEMBERS] + 1 >= st.members.shape[0]:
                return FULL
            join(net, st, j, coefficients[j])
    return 0
