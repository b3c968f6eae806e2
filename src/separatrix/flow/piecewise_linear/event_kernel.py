"""The event-driven flow of one hidden layer: rows to rest, from crease to crease and face to face (§5).

An event is a crease met, a face met or left, or a multiplier at its bound. A concave crease that is met joins Z with its
multiplier where it was: crossing it is the multiplier at the other bound. A convex one is crossed. Simultaneous hits of
concave creases are taken one by one; where several creases meet and one is convex, the row is handed back. An event without
progress is counted, and a row that only has such ends with that reason.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_curve import go_along_curve
from separatrix.flow.piecewise_linear.event_kernel_line import (
    CREASE,
    FACE,
    LEFT,
    NONE,
    find_speeds,
    go_straight,
    is_straight,
    next_event,
)
from separatrix.flow.piecewise_linear.event_kernel_start import CONVEX, begin
from separatrix.flow.piecewise_linear.event_kernel_state import (
    BIAS,
    COUNTS,
    CURVED,
    EVENTS,
    FRESH,
    INDEX,
    KIND,
    LAST,
    LIMIT,
    LOW_LIMIT,
    LOWER,
    MEMBERS,
    NORM,
    NUMBERS,
    PLACE,
    QUIET,
    RELEASE,
    REST,
    SCALE,
    SLOPE,
    SOLVES,
    STALLED,
    STEP,
    TIME,
    TOLERANCE,
    TRACED,
    U,
    V,
    X,
    Y,
    ceiling_of,
    change_slope,
    copy_row,
    gram_column,
    join,
    refresh_point,
    refresh_region,
)
from separatrix.flow.piecewise_linear.event_kernel_velocity import settle_creases, solve
from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place

AT_REST, BUDGET, GONE, INFINITY, STUCK, AMBIGUOUS, UNSOLVED, TIME_UP, VERTEX, NO_ROOM = range(10)
CODE, REACHED, N_EVENTS, N_CURVED, N_SOLVED, PATH_END, PLACES = range(7)
OFF, CONCAVE_ON, CONVEX_ON, MEMBER_ON = range(4)
REFRESH_POINT, REFRESH_REGION, GATHER = 64, 512, 16
REST_SHARE, RELEASE_SHARE = 1e-10, 1e-11
ROUNDING_SHARE, CALM, CORNER = 1e-14, 24, 1e-13


@compiled_part_in_place
def meet(net, st):
    """What the event changes; False where there is no room for one more member."""
    creases, marks, j = st.creases, st.marks, st.marks[COUNTS, INDEX]
    if marks[COUNTS, KIND] == CREASE:
        c, slot = ceiling_of(net, st, Y, j), marks[COUNTS, MEMBERS]
        if c < 0.0:
            if slot + 1 >= st.gram.shape[0]:
                return False
            join(net, st, j, c)
        else:
            gram_column(net, st, j, slot)
            change_slope(net, st, j, slot, 1.0 - 2.0 * creases[SLOPE, j])
            creases[SLOPE, j] = 1.0 - creases[SLOPE, j]
            creases[U, j] = 0.0
            marks[FRESH, j] = marks[COUNTS, SOLVES] + 1
    return True


@compiled_part_in_place
def is_vertex(net, st):
    """Whether the crease that was met meets others at x, one of all these convex: they are put at u = 0, and True is said."""
    creases, marks, met, convex = st.creases, st.marks, 0, False
    reach = reach_of(st)
    for j in range(creases.shape[1]):
        if marks[PLACE, j] < 0 and is_near(net, st, j, reach):
            met += 1
            convex = convex or ceiling_of(net, st, Y, j) >= 0.0
    if met < 2 or not convex:
        return False
    for j in range(creases.shape[1]):
        if is_near(net, st, j, reach):
            creases[U, j] = 0.0
    return True


@compiled_part_in_place
def reach_of(st):
    """1 + max |x_i|."""
    reach = 0.0
    for i in range(st.points.shape[1]):
        reach = max(reach, abs(st.points[X, i]))
    return 1.0 + reach


@compiled_part_in_place
def is_near(net, st, j, reach):
    """Whether crease ``j`` passes x within rounding."""
    return abs(st.creases[U, j]) <= CORNER * (net.planes[NORM, j] * reach + abs(net.planes[BIAS, j]))


@compiled_part_in_place
def is_at_rest(st, fastest):
    """Whether v counts as zero.

    A curved flow without a limit of time, which only tends to its end, goes on for CALM steps or to rounding.
    """
    quiet, numbers = st.marks[COUNTS, QUIET], st.small
    if st.blocks.shape[1] == 1 or np.isfinite(numbers[NUMBERS, LIMIT]):
        return quiet > 0
    return quiet > CALM or fastest <= ROUNDING_SHARE * numbers[NUMBERS, SCALE]


@compiled_part_in_place
def move(net, st, curved):
    """Move to the next event, or to the limit of time; KIND and INDEX in the counters."""
    numbers, counts = st.small, st.marks
    find_speeds(net, st)
    dt, left = next_event(net, st), numbers[NUMBERS, LIMIT] - numbers[NUMBERS, TIME]
    if curved is not None and not is_straight(net, st, min(dt, left)):
        go_along_curve(net, st, dt)
    elif dt < left:
        go_straight(net, st, dt)
    elif np.isfinite(left):
        go_straight(net, st, left)
        numbers[NUMBERS, TIME], counts[COUNTS, KIND] = numbers[NUMBERS, LIMIT], NONE
    if counts[COUNTS, KIND] == FACE or counts[COUNTS, KIND] == LEFT:
        put_on_side(net, st, counts[COUNTS, INDEX], counts[COUNTS, KIND] == FACE)
    copy_row(st.points, LAST, st.points, V)


@compiled_part_in_place
def put_on_side(net, st, i, is_face):
    """Coordinate ``i`` exactly on the face that it met, or on the limit; V need not point there after a curved move."""
    place, first = st.points[X, i], LOWER if is_face else LOW_LIMIT
    lower, upper = net.sides[first, i], net.sides[first + 1, i]
    st.points[X, i] = upper if abs(upper - place) < abs(place - lower) else lower


@compiled_part_in_place
def note(st, trace):
    """Add (time, x) to ``trace``; False where there is no room."""
    if trace.shape[0] == 0:
        return True
    counts, points = st.marks, st.points
    place = counts[COUNTS, TRACED]
    if place >= trace.shape[0]:
        return False
    counts[COUNTS, TRACED] += 1
    trace[place, 0] = st.small[NUMBERS, TIME]
    for i in range(points.shape[1]):
        trace[place, 1 + i] = points[X, i]
    return True


@compiled_part_in_place
def flow_row(net, st, budget, trace, curved):
    """One row to rest or to its limit of time, from where :func:`begin` put it; a code for the reason."""
    numbers, counts = st.small, st.marks
    checked, patience = False, 200 + 4 * (st.creases.shape[1] + st.points.shape[1])
    while True:
        if not solve(net, st):
            return UNSOLVED
        if counts[COUNTS, EVENTS] + counts[COUNTS, CURVED] >= budget:
            return BUDGET
        fastest = 0.0
        for i in range(st.points.shape[1]):
            fastest = max(fastest, abs(st.points[V, i]))
        counts[COUNTS, QUIET] = counts[COUNTS, QUIET] + 1 if fastest <= numbers[NUMBERS, REST] else 0
        if is_at_rest(st, fastest):
            if checked:
                return AT_REST
            quiet, counts[COUNTS, QUIET] = counts[COUNTS, QUIET], 1  # everything afresh
            tidy(net, st)
            counts[COUNTS, QUIET], checked = quiet, True
            continue
        before = numbers[NUMBERS, TIME]
        move(net, st, curved)
        kind, checked = counts[COUNTS, KIND], False
        stays = not (numbers[NUMBERS, TIME] - before) * fastest > 1e-15
        if stays and trace.shape[0]:
            counts[COUNTS, TRACED] -= 1  # the last point is replaced
        if not note(st, trace):
            return NO_ROOM
        counts[COUNTS, EVENTS] += 1 if kind != NONE else 0
        if kind == LEFT:
            return GONE
        if kind == NONE and numbers[NUMBERS, TIME] >= numbers[NUMBERS, LIMIT]:
            return TIME_UP
        if kind == NONE and st.blocks.shape[1] == 1:
            return INFINITY
        counts[COUNTS, STALLED] = counts[COUNTS, STALLED] + 1 if stays else 0
        if kind == CREASE and is_vertex(net, st):
            return VERTEX
        if counts[COUNTS, STALLED] > patience or not meet(net, st):
            return STUCK
        if counts[COUNTS, STALLED] % GATHER == GATHER - 1:
            gather(net, st)
        tidy(net, st)


@compiled_part_in_place
def gather(net, st):
    """Where events follow one another without progress: all concave creases within rounding of x become members at once."""
    reach = reach_of(st)
    for j in range(st.creases.shape[1]):
        near = is_near(net, st, j, reach) and st.marks[PLACE, j] < 0
        if near and st.marks[COUNTS, MEMBERS] + 1 < st.gram.shape[0]:
            c = ceiling_of(net, st, Y, j)
            if c < 0.0:
                join(net, st, j, c)
    settle_creases(net, st)


@compiled_part_in_place
def tidy(net, st):
    """Take rounding out of u and z from time to time, out of A, U and K, which is dearer, less often; and near rest."""
    counts = st.marks
    turn = counts[COUNTS, EVENTS] + counts[COUNTS, CURVED]
    if turn % REFRESH_REGION == REFRESH_REGION - 1 or counts[COUNTS, QUIET] == 1:
        refresh_region(net, st)
    if turn % REFRESH_POINT == REFRESH_POINT - 1 or counts[COUNTS, QUIET] > 0:
        settle_creases(net, st)  # near rest steps are long, and the rounding of a velocity counts as often
        refresh_point(net, st)


@compiled_in_place
def flow_rows(net, st, rows, limits, results, curved):
    """``rows`` = (starts, sides) to rest or to a limit of time; how many rows are done.

    ``sides`` (rows, m): see :func:`begin`. ``limits`` (5,): first row, budget,
    limit of time, tolerance and speed of rest, in units of the gradient's bound, of curved flows. ``curved``: None leaves
    curved moves out of the compilation, for one contrast; True otherwise. ``results``: points (rows, n); velocities, at the
    end and before it (2 rows, n); a table (rows, PLACES + m) of code, time, events, curved steps, velocities found, end of
    the path, and for every crease whether the end is on it (OFF, CONCAVE_ON, CONVEX_ON, MEMBER_ON); a trace (any, 1 + n) for
    times and points of the paths, one after the other: rows stop where it is full.
    """
    starts, sides = rows
    points, velocities, table, trace = results
    numbers, marks, scale = st.small, st.marks, st.small[NUMBERS, SCALE]
    traced = 0
    for row in range(int(limits[0]), starts.shape[0]):
        for p in range(TRACED):
            marks[COUNTS, p] = 0
        numbers[NUMBERS, TIME], numbers[NUMBERS, LIMIT], numbers[NUMBERS, TOLERANCE] = 0.0, limits[2], limits[3]
        numbers[NUMBERS, REST], numbers[NUMBERS, RELEASE] = limits[4] * scale, RELEASE_SHARE * scale
        numbers[NUMBERS, STEP] = 1e-2 / max(scale, 1e-300) ** 2
        marks[COUNTS, TRACED] = traced
        begun = begin(net, st, starts, sides, row)
        if begun != 0:
            code = AMBIGUOUS if begun == CONVEX else STUCK
        elif not note(st, trace):
            code = NO_ROOM
        else:
            code = flow_row(net, st, int(limits[1]), trace, curved)
        if code == NO_ROOM:
            return row
        traced = marks[COUNTS, TRACED]
        copy_row(points, row, st.points, X)
        copy_row(velocities, 2 * row, st.points, V)
        copy_row(velocities, 2 * row + 1, st.points, LAST)
        table[row, CODE], table[row, REACHED], table[row, N_EVENTS] = (
            code,
            numbers[NUMBERS, TIME],
            marks[COUNTS, EVENTS],
        )
        table[row, N_CURVED], table[row, N_SOLVED] = marks[COUNTS, CURVED], marks[COUNTS, SOLVES]
        table[row, PATH_END] = traced
        for j in range(st.creases.shape[1]):
            on = CONVEX_ON if ceiling_of(net, st, Y, j) >= 0.0 else MEMBER_ON if marks[PLACE, j] >= 0 else CONCAVE_ON
            table[row, PLACES + j] = on if st.creases[U, j] == 0.0 else OFF
    return starts.shape[0]
