"""Curved moves of the event-driven flow: events as roots of linear functionals of Y(h) or y(h) (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_equation import advance, find_curve, lean
from separatrix.flow.piecewise_linear.event_kernel_line import (
    CREASE,
    FACE,
    HELD,
    LEFT,
    MULTIPLIER_BOUND,
    NOISE,
    NONE,
    shift,
)
from separatrix.flow.piecewise_linear.event_kernel_state import (
    ACTIVE,
    BEND,
    COUNTS,
    CURVED,
    DU,
    DX,
    ERROR,
    FRESH,
    FRONT,
    HIGH_LIMIT,
    INDEX,
    KIND,
    LENGTH,
    LIMIT,
    LOW_LIMIT,
    LOWER,
    MEMBER,
    MEMBERS,
    MOVES,
    MOVING,
    NORM,
    NUMBERS,
    PLACE,
    RATES,
    RELEASE,
    RZ,
    SCALE,
    SHARES,
    SIGN,
    SLOPE,
    SOLVES,
    STEP,
    TIME,
    TOLERANCE,
    UPPER,
    Y_END,
    M,
    R,
    U,
    V,
    X,
    Y,
    Z,
    add_row,
    ceiling_of,
    combine,
)
from separatrix.numerics.compilation import compiled_part_in_place

LONGEST, LAST_SHARE = 1e6, 1e-7


@compiled_part_in_place
def displacement(net, st):
    """DX on F and DU for the present Y."""
    points, creases, small, marks = st.points, st.creases, st.small, st.marks
    lean(st, BEND)
    combine(st, BEND, points, ACTIVE, DX)
    combine(st, BEND, creases, RATES, DU)
    add_row(points, DX, small[NUMBERS, LENGTH], points, V)
    add_row(creases, DU, small[NUMBERS, LENGTH], creases, R)
    for slot in range(marks[COUNTS, MEMBERS]):
        add_row(creases, DU, small[SHARES, slot], st.gram, slot)
        add_row(points, DX, small[SHARES, slot], net.weight, marks[MEMBER, slot])


@compiled_part_in_place
def find_met(net, st):
    """KIND and INDEX of the first event that the chord of the present Y passes; KIND is NONE where there is none."""
    displacement(net, st)
    points, creases, sides, marks, first = st.points, st.creases, net.sides, st.marks, 2.0
    kind, index = NONE, -1
    for p in range(marks[COUNTS, MOVING]):
        i = marks[FRONT, p]
        change, place = points[DX, i], points[X, i]
        if change == 0.0:
            continue
        up = change > 0.0
        low, high = max(sides[LOWER, i], sides[LOW_LIMIT, i]), min(sides[UPPER, i], sides[HIGH_LIMIT, i])
        side = high if up else low
        share = (side - place) / change
        if share < first and abs(place + change - side) > 1e-14 * (1.0 + abs(side)) and share < 1.0:
            is_face = sides[UPPER, i] == side if up else sides[LOWER, i] == side
            first, kind, index = max(share, 0.0), FACE if is_face else LEFT, i
    reach, solves = 1.0 + st.small[NUMBERS, LENGTH] * st.small[NUMBERS, SCALE], marks[COUNTS, SOLVES]
    for j in range(creases.shape[1]):
        if marks[PLACE, j] < 0:
            u, change = creases[U, j], creases[DU, j]
            after = (u + change) * (1.0 if creases[SLOPE, j] == 1.0 else -1.0)
            slack = NOISE * (abs(u) + net.planes[NORM, j] * reach)
            if after < -slack * (1e3 if marks[FRESH, j] == solves else 1.0) and -u / change < first:
                first, kind, index = -u / change, CREASE, j
    marks[COUNTS, KIND], marks[COUNTS, INDEX] = kind, index


@compiled_part_in_place
def find_released(net, st):
    """KIND and INDEX of the multiplier that has gone farthest beyond its bounds at the present y."""
    points, small, marks, worst, kind, index = st.points, st.small, st.marks, 0.0, NONE, -1
    lean(st, Y_END)
    for slot in range(marks[COUNTS, MEMBERS]):
        beyond = bound_violation(net, st, slot)
        if beyond > worst:
            worst, kind, index = beyond, MULTIPLIER_BOUND, slot
    combine(st, Y_END, points, ACTIVE, DX)
    for slot in range(marks[COUNTS, MEMBERS]):
        add_row(points, DX, small[SHARES, slot], net.weight, marks[MEMBER, slot])
    for i in range(points.shape[1]):
        if marks[MOVES, i] == 0:
            g = points[DX, i]
            beyond = (g if points[X, i] <= net.sides[LOWER, i] else -g) - small[NUMBERS, RELEASE]
            if beyond > worst:
                worst, kind, index = beyond, HELD, i
    marks[COUNTS, KIND], marks[COUNTS, INDEX] = kind, index


@compiled_part_in_place
def bound_violation(net, st, slot):
    """How far a member's multiplier is beyond [c_j, 0], in units of the gradient and less the release tolerance."""
    j, share = st.marks[MEMBER, slot], st.small[SHARES, slot]
    c = ceiling_of(net, st, Y_END, j)
    return max(share, c - share) * net.planes[NORM, j] - st.small[NUMBERS, RELEASE]


@compiled_part_in_place
def beyond_event(net, st, kind, index):
    """The functional of an event at the present (Y, y): positive once it has happened."""
    points, creases, small, marks, sides = st.points, st.creases, st.small, st.marks, net.sides
    k, h = st.blocks.shape[1], st.small[NUMBERS, LENGTH]
    vector = Y_END if kind in (MULTIPLIER_BOUND, HELD) else BEND
    lean(st, vector)
    if kind == MULTIPLIER_BOUND:
        return bound_violation(net, st, index)
    if kind == CREASE:
        total = creases[U, index]
        for a in range(k):
            total += creases[RATES + a, index] * small[vector, a]
        for slot in range(marks[COUNTS, MEMBERS]):
            total += small[SHARES, slot] * st.gram[slot, index]
        return (h * creases[R, index] + total) * (-1.0 if creases[SLOPE, index] == 1.0 else 1.0)
    total, place = 0.0, points[X, index]
    for a in range(k):
        total += points[ACTIVE + a, index] * small[vector, a]
    for slot in range(marks[COUNTS, MEMBERS]):
        total += small[SHARES, slot] * net.weight[marks[MEMBER, slot], index]
    if kind == HELD:
        return (total if place <= sides[LOWER, index] else -total) - small[NUMBERS, RELEASE]
    change = h * points[V, index] + total
    if change > 0.0:
        return place + change - min(sides[UPPER, index], sides[HIGH_LIMIT, index])
    return max(sides[LOWER, index], sides[LOW_LIMIT, index]) - place - change


@compiled_part_in_place
def event_time(net, st, kind, index, longest):
    """The h up to ``longest`` at which an event happens, its step taken last, and just beyond for releases.

    A functional that starts at its root (a crease that was just left) is first bracketed by halving h.
    """
    high, low, f_low, f_high, turn = longest, 0.0, 0.0, beyond_event(net, st, kind, index), 0
    done = False
    for _ in range(140):
        width = high - low
        if f_low >= 0.0:
            middle = 0.5 * high
            if middle < 1e-18 * longest:
                return 0.0
        else:
            turn += 1
            share = f_low / (f_low - f_high)
            middle = low + width * (0.5 if turn % 4 == 3 else min(max(share, 1e-3), 1.0 - 1e-3))
            if done or width <= 1e-15 * high or middle <= low or middle >= high:
                done, middle = True, high
        advance(st, middle)
        f = beyond_event(net, st, kind, index)
        if done:
            return high
        if f < 0.0:
            low, f_low = middle, f
        else:
            high, f_high = middle, f
            done = f <= 1e-15 * st.small[NUMBERS, SCALE]
        if done:
            return high
    return high


@compiled_part_in_place
def first_step(st, dt):
    """The first step that the tolerance allows, near ``dt`` and not beyond the limit of time: it is taken, and returned."""
    numbers, fastest = st.small, 0.0
    scale, left = numbers[NUMBERS, SCALE], numbers[NUMBERS, LIMIT] - numbers[NUMBERS, TIME]
    for i in range(st.points.shape[1]):
        fastest = max(fastest, abs(st.points[V, i]))
    # next to the maximum of a concave f on its stratum implicit Euler steps, without error control, go to it
    is_last = numbers[NUMBERS, SIGN] < 0.0 and fastest <= LAST_SHARE * scale and not np.isfinite(left)
    find_curve(st, 0.0 if is_last else numbers[NUMBERS, TOLERANCE])
    if is_last:
        numbers[NUMBERS, STEP] = LONGEST / scale
    wished = numbers[NUMBERS, STEP]
    h = min(left, wished if not np.isfinite(dt) else min(wished, 1.25 * dt))
    while True:
        advance(st, h)
        error = numbers[NUMBERS, ERROR]
        if error <= 1.0 or h < 1e-300:
            break
        h *= 0.2 if not np.isfinite(error) else max(0.1, 0.9 * error**-0.25)
    # a longer step would lose x, a difference of multiples of h, to rounding
    following = min(h * min(5.0, 0.9 * max(error, 1e-12) ** -0.25), LONGEST / scale)
    numbers[NUMBERS, STEP] = following
    return h


@compiled_part_in_place
def go_along_curve(net, st, dt):
    """Move to the next event near ``dt``, or as far as one step goes; KIND and INDEX in the counters."""
    small, counts = st.small, st.marks
    h, kind, index = first_step(st, dt), NONE, -1
    counts[COUNTS, CURVED] += 1
    for _ in range(60):
        find_met(net, st)
        if counts[COUNTS, KIND] == NONE:
            find_released(net, st)
        if counts[COUNTS, KIND] == NONE or (counts[COUNTS, KIND] == kind and counts[COUNTS, INDEX] == index):
            break
        kind, index = counts[COUNTS, KIND], counts[COUNTS, INDEX]
        h = event_time(net, st, kind, index, h)
        if h == 0.0:
            break
    counts[COUNTS, KIND], counts[COUNTS, INDEX] = kind, index
    if h > 0.0:
        take(net, st)
        small[NUMBERS, TIME] += h


@compiled_part_in_place
def take(net, st):
    """x, u, z, y at the present Y."""
    small, blocks, k = st.small, st.blocks, st.blocks.shape[1]
    displacement(net, st)
    shift(net, st, 1.0, DX, DU)
    for a in range(k):
        change = small[NUMBERS, LENGTH] * small[RZ, a]
        for b in range(k):
            change += blocks[M, a, b] * small[BEND, b]
        small[Z, a] += change
    for a in range(k):
        small[Y, a] = small[Y_END, a]
