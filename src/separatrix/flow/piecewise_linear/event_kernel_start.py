"""The start of a row: the slopes of its neurons, and starts that lie on creases (§5).

A start on concave creases has one forward orbit. On convex ones the caller names the sides (see corner_orbits).
"""

from __future__ import annotations

from separatrix.flow.piecewise_linear.event_kernel_state import (
    ACTIVE,
    BIAS,
    COUNTS,
    DU,
    FRESH,
    LAST,
    LOWER,
    MEMBERS,
    MOVES,
    PLACE,
    PULL,
    SLOPE,
    UPPER,
    R,
    U,
    X,
    Y,
    ceiling_of,
    combine,
    contrasts,
    join,
    preactivations,
    refresh_region,
)
from separatrix.flow.piecewise_linear.event_kernel_velocity import is_held
from separatrix.numerics.compilation import compiled_part_in_place

UNIT = 8.9e-16
CONVEX, FULL = 1, 2


@compiled_part_in_place
def place_point(net, st, starts, sides, row):
    """x, u (0 within rounding of a crease, or where a side is named), z, y, slopes as the signs of u, and the c_j into R."""
    points, creases = st.points, st.creases
    for i in range(points.shape[1]):
        points[X, i], points[LAST, i] = starts[row, i], 0.0
    preactivations(net, st, U)
    for j in range(creases.shape[1]):
        creases[DU, j] = abs(net.planes[BIAS, j])
    for i in range(points.shape[1]):
        for j in range(creases.shape[1]):
            creases[DU, j] += abs(points[X, i] * net.columns[i, j])
    for j in range(creases.shape[1]):
        if abs(creases[U, j]) <= UNIT * creases[DU, j] or sides[row, j] >= 0.0:
            creases[U, j] = 0.0
        creases[SLOPE, j] = 1.0 if creases[U, j] > 0.0 else 0.0
    contrasts(net, st)
    for j in range(creases.shape[1]):
        creases[R, j] = ceiling_of(net, st, Y, j)


@compiled_part_in_place
def begin(net, st, starts, sides, row):
    """Place a row, concave creases through it as members. 0, CONVEX where sides of convex creases are missing, FULL.

    ``sides`` (rows, m): for creases through the start the slope, if they are convex, or else anything that is not negative.
    """
    place_point(net, st, starts, sides, row)
    points, creases, marks = st.points, st.creases, st.marks
    for j in range(creases.shape[1]):
        marks[PLACE, j], marks[FRESH, j] = -1, -1
        if creases[U, j] == 0.0 and creases[R, j] >= 0.0:
            if sides[row, j] < 0.0:
                return CONVEX
            creases[SLOPE, j] = min(sides[row, j], 1.0)
    for turn in range(2):  # F needs the gradient, which needs A
        for i in range(points.shape[1]):
            place = points[X, i]
            held = turn == 0 or is_held(place, net.sides[LOWER, i], net.sides[UPPER, i], points[PULL, i])
            marks[MOVES, i] = 0 if held else 1
        refresh_region(net, st)
        combine(st, Y, points, ACTIVE, PULL)
    for j in range(creases.shape[1]):
        if creases[U, j] == 0.0 and creases[R, j] < 0.0:
            if marks[COUNTS, MEMBERS] + 1 >= st.gram.shape[0]:
                return FULL
            join(net, st, j, creases[R, j])
    return 0
