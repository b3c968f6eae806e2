"""Straight moves of the event-driven flow: velocities, and the first crease, face or limit along them (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import (
    COUNTS,
    FRESH,
    FRONT,
    HIGH_LIMIT,
    INDEX,
    INNER,
    KIND,
    LOW_LIMIT,
    LOWER,
    MEMBER,
    MEMBERS,
    MOVING,
    MULTIPLIER,
    NORM,
    NUMBERS,
    PLACE,
    RATES,
    RZ,
    SCALE,
    SLOPE,
    SOLVES,
    TIME,
    UPPER,
    WORK,
    K,
    R,
    U,
    V,
    X,
    Y,
    Z,
    add_row,
    combine,
    softmax,
)
from separatrix.numerics.compilation import compiled_part_in_place

NONE, CREASE, FACE, LEFT, MULTIPLIER_BOUND, HELD = np.arange(6)
NOISE = 4e-15
STRAIGHT = 1e-11


@compiled_part_in_place
def find_speeds(net, st):
    """R and RZ for the present v."""
    creases, small, blocks, marks, k = st.creases, st.small, st.blocks, st.marks, st.blocks.shape[1]
    combine(st, Y, creases, RATES, R)
    for slot in range(marks[COUNTS, MEMBERS]):
        add_row(creases, R, small[MULTIPLIER, slot], st.gram, slot)
    for a in range(k):
        total = 0.0
        for b in range(k):
            total += blocks[K, a, b] * small[Y, b]
        for slot in range(marks[COUNTS, MEMBERS]):
            total += creases[RATES + a, marks[MEMBER, slot]] * small[MULTIPLIER, slot]
        small[RZ, a] = total


@compiled_part_in_place
def next_event(net, st):
    """The time to the first event along v, infinite where there is none; KIND and INDEX in the counters."""
    points, creases, sides, marks, first = st.points, st.creases, net.sides, st.marks, np.inf
    kind, index = NONE, -1
    for p in range(marks[COUNTS, MOVING]):
        i = marks[FRONT, p]
        speed, place = points[V, i], points[X, i]
        if speed == 0.0:
            continue
        side, limit = (UPPER, HIGH_LIMIT) if speed > 0.0 else (LOWER, LOW_LIMIT)
        met, gone = (sides[side, i] - place) / speed, (sides[limit, i] - place) / speed
        if met < first:
            first, kind, index = max(met, 0.0), FACE, i
        if gone < first:
            first, kind, index = max(gone, 0.0), LEFT, i
    # r carries the rounding of A^T y, even where v is small
    solves, noise = marks[COUNTS, SOLVES], NOISE * st.small[NUMBERS, SCALE]
    for j in range(creases.shape[1]):
        speed = creases[R, j]
        towards = speed < 0.0 if creases[SLOPE, j] == 1.0 else speed > 0.0
        if towards and marks[PLACE, j] < 0 and abs(speed) > noise * net.planes[NORM, j]:
            met = max(0.0, -creases[U, j] / speed)
            if met < first and not (marks[FRESH, j] == solves and creases[U, j] == 0.0):
                first, kind, index = met, CREASE, j
    marks[COUNTS, KIND], marks[COUNTS, INDEX] = kind, index
    return first


@compiled_part_in_place
def is_straight(net, st, dt):
    """Whether y changes so little over ``dt`` that the move is straight to rounding."""
    small, k = st.small, st.blocks.shape[1]
    if k == 1:
        return True
    if not np.isfinite(dt):
        return False
    for a in range(k):
        small[WORK, a] = small[Z, a] + dt * small[RZ, a]
    softmax(st, WORK, INNER)
    change = 0.0
    for a in range(k):
        change = max(change, abs(small[INNER, a] - small[Y, a]))
    return change <= 1e-13 or change * small[NUMBERS, SCALE] * dt <= STRAIGHT


@compiled_part_in_place
def go_straight(net, st, dt):
    """x, u, z, y after ``dt``."""
    small = st.small
    shift(net, st, dt, V, R)
    for a in range(st.blocks.shape[1]):
        small[Z, a] += dt * small[RZ, a]
    softmax(st, Z, Y)
    small[NUMBERS, TIME] += dt


@compiled_part_in_place
def shift(net, st, dt, v, r):
    """x += dt v on F, within the bounds, and u += dt r off Z; what rounding carries over its crease stays on it."""
    points, creases, sides, marks = st.points, st.creases, net.sides, st.marks
    for p in range(marks[COUNTS, MOVING]):
        i = marks[FRONT, p]
        points[X, i] = min(sides[UPPER, i], max(sides[LOWER, i], points[X, i] + dt * points[v, i]))
    for j in range(creases.shape[1]):
        if marks[PLACE, j] < 0:
            after = creases[U, j] + dt * creases[r, j]
            creases[U, j] = max(after, 0.0) if creases[SLOPE, j] == 1.0 else min(after, 0.0)
