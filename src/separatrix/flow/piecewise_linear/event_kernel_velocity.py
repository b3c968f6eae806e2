"""The velocity of the flow: the least-norm element of (Clarke gradient - normal cone), by a two-metric projected Newton.

Minimise |P_T(A^T y + sum_Z lambda_j w_j)|^2 / 2 over lambda_j in [c_j, 0] (Bertsekas 1982): multipliers at a bound and
pushed outward are fixed, the Hessian on the others is the Gram matrix of their normals on the moving coordinates.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import (
    ACTIVE,
    BIAS,
    CHANGE,
    CHOSEN,
    COUNTS,
    FACTOR,
    FRONT,
    LOW,
    LOWER,
    MEMBER,
    MEMBERS,
    MOVES,
    MOVING,
    MULTIPLIER,
    NORM,
    NUMBERS,
    PULL,
    RESIDUAL,
    SIZE,
    SOLVES,
    TRIAL,
    UPPER,
    G,
    Q,
    V,
    X,
    Y,
    add_row,
    ceiling_of,
    combine,
    copy_row,
    leave,
    move_pixel,
)
from separatrix.numerics.compilation import compiled_part_in_place

ROUNDING = 1e-13
RIDGE, SLACK, PIVOT = 1e-13, 1e-14, 1e-13
NEARLY, MOST_STEPS = 1e4, 200


@compiled_part_in_place
def gradient_of(net, st, multipliers, target):
    """Row ``target`` of the points = A^T y + sum_Z lambda_j w_j, the lambda_j in row ``multipliers`` of ``st.small``."""
    points, small = st.points, st.small
    copy_row(points, target, points, PULL)
    for slot in range(st.marks[COUNTS, MEMBERS]):
        if small[multipliers, slot] != 0.0:
            add_row(points, target, small[multipliers, slot], net.weight, st.marks[MEMBER, slot])


@compiled_part_in_place
def is_held(place, lower, upper, slope):
    """Whether a coordinate at ``place`` is on a face and does not point inward."""
    return (place <= lower and slope <= 0.0) or (place >= upper and slope >= 0.0)


@compiled_part_in_place
def half_square(net, st, row):
    """|P_T g|^2 / 2 for a row of the points."""
    points, sides, total = st.points, net.sides, 0.0
    for i in range(points.shape[1]):
        if not is_held(points[X, i], sides[LOWER, i], sides[UPPER, i], points[row, i]):
            total += points[row, i] * points[row, i]
    return 0.5 * total


@compiled_part_in_place
def settle_faces(net, st):
    """F for the gradient G; U, K and the columns follow."""
    points, sides, marks = st.points, net.sides, st.marks
    for i in range(points.shape[1]):
        moves = 0 if is_held(points[X, i], sides[LOWER, i], sides[UPPER, i], points[G, i]) else 1
        if moves != marks[MOVES, i]:
            move_pixel(net, st, i, 1.0 if moves == 1 else -1.0)


@compiled_part_in_place
def factor_gram(st):
    """The Cholesky factor of the members' Gram matrix on the SIZE slots CHOSEN, made positive where it is singular."""
    small, gram, marks, largest = st.small, st.gram, st.marks, 0.0
    size = marks[COUNTS, SIZE]
    for a in range(size):
        largest = max(largest, gram[marks[CHOSEN, a], marks[MEMBER, marks[CHOSEN, a]]])
    ridge, is_positive = 0.0 if largest > 0.0 else 1.0, False
    while not is_positive and ridge < np.inf:
        is_positive = True
        for a in range(size):
            if not is_positive:
                break
            for b in range(a + 1):
                total = gram[marks[CHOSEN, a], marks[MEMBER, marks[CHOSEN, b]]]
                total += ridge if a == b else 0.0
                least = PIVOT * total
                for c in range(b):
                    total -= small[FACTOR + a, c] * small[FACTOR + b, c]
                if a != b:
                    small[FACTOR + a, b] = total / small[FACTOR + b, b]
                elif total > least:
                    small[FACTOR + a, a] = np.sqrt(total)
                else:
                    is_positive = False
        ridge = max(100.0 * ridge, RIDGE * largest)


@compiled_part_in_place
def substitute(st, right):
    """Solve factor factor^T x = row ``right`` of ``st.small`` in place."""
    small, size = st.small, st.marks[COUNTS, SIZE]
    for a in range(size):
        for b in range(a):
            small[right, a] -= small[FACTOR + a, b] * small[right, b]
        small[right, a] /= small[FACTOR + a, a]
    for a in range(size - 1, -1, -1):
        for b in range(a + 1, size):
            small[right, a] -= small[FACTOR + b, a] * small[right, b]
        small[right, a] /= small[FACTOR + a, a]


@compiled_part_in_place
def slopes_along(net, st):
    """Q_j = w_j . v on the members; the size of what v is a sum of, for its rounding."""
    points, small, marks, total = st.points, st.small, st.marks, 0.0
    count = marks[COUNTS, MEMBERS]
    for i in range(points.shape[1]):
        total += points[PULL, i] * points[PULL, i] if marks[MOVES, i] == 1 else 0.0
    size = np.sqrt(total)
    for slot in range(count):
        small[Q, slot] = speed_across(net, st, marks[MEMBER, slot])
        size -= small[LOW, slot] * net.planes[NORM, marks[MEMBER, slot]]
    return size


@compiled_part_in_place
def speed_across(net, st, j):
    """w_j . G on the moving coordinates."""
    points, weight, marks, speed = st.points, net.weight, st.marks, 0.0
    for i in range(points.shape[1]):
        speed += weight[j, i] * points[G, i] if marks[MOVES, i] == 1 else 0.0
    return speed


@compiled_part_in_place
def find_step(st):
    """CHANGE = the Newton step of the CHOSEN multipliers."""
    factor_gram(st)
    for a in range(st.marks[COUNTS, SIZE]):
        st.small[CHANGE, a] = -st.small[Q, st.marks[CHOSEN, a]]
    substitute(st, CHANGE)


@compiled_part_in_place
def newton_step(net, st):
    """One projected Newton step with halving; False where rounding allows no more decrease."""
    find_step(st)
    small, marks = st.small, st.marks
    before, share = half_square(net, st, G), 1.0
    for slot in range(marks[COUNTS, MEMBERS]):
        small[TRIAL, slot] = small[MULTIPLIER, slot]
    for _ in range(40):
        promised = 0.0
        for a in range(marks[COUNTS, SIZE]):
            slot = marks[CHOSEN, a]
            moved = small[MULTIPLIER, slot] + share * small[CHANGE, a]
            small[TRIAL, slot] = min(0.0, max(small[LOW, slot], moved))
            promised += small[Q, slot] * (small[MULTIPLIER, slot] - small[TRIAL, slot])
        gradient_of(net, st, TRIAL, V)
        if half_square(net, st, V) <= before * (1.0 + SLACK) - 1e-4 * promised:
            for slot in range(marks[COUNTS, MEMBERS]):
                small[MULTIPLIER, slot] = small[TRIAL, slot]
            copy_row(st.points, G, st.points, V)
            return True
        share *= 0.5
    return False


@compiled_part_in_place
def last_steps(net, st, is_near):
    """Near the solution a last step, to rounding: what v has left across the creases is multiplied by long steps.

    Elsewhere one multiplier after the other goes to its best value: slow, but it moves where dependent normals stop Newton's.
    """
    small, marks = st.small, st.marks
    if is_near:
        find_step(st)
    for a in range(marks[COUNTS, SIZE]):
        slot = marks[CHOSEN, a]
        j, low, present = marks[MEMBER, slot], small[LOW, slot], small[MULTIPLIER, slot]
        if is_near:
            after = present + small[CHANGE, a]
            if low < after < 0.0:
                small[MULTIPLIER, slot] = after
                add_row(st.points, G, small[CHANGE, a], net.weight, j)
        elif st.gram[slot, j] > 0.0:
            after = min(0.0, max(low, present - speed_across(net, st, j) / st.gram[slot, j]))
            add_row(st.points, G, after - present, net.weight, j)
            small[MULTIPLIER, slot] = after


@compiled_part_in_place
def solve(net, st):
    """The multipliers, F and v at the present point; members whose multiplier is at a bound leave. False: not converged."""
    small, marks = st.small, st.marks
    marks[COUNTS, SOLVES] += 1
    combine(st, Y, st.points, ACTIVE, PULL)
    for slot in range(marks[COUNTS, MEMBERS]):
        small[LOW, slot] = min(ceiling_of(net, st, Y, marks[MEMBER, slot]), 0.0)
        small[MULTIPLIER, slot] = max(small[MULTIPLIER, slot], small[LOW, slot])
    gradient_of(net, st, MULTIPLIER, G)
    settle_faces(net, st)
    converged = optimise(net, st) if marks[COUNTS, MEMBERS] else True
    finish(net, st)
    return converged


@compiled_part_in_place
def optimise(net, st):
    """Newton steps until the free multipliers have no slope."""
    small, marks = st.small, st.marks
    for _ in range(MOST_STEPS):
        norm = slopes_along(net, st)
        size, steepest = 0, 0.0
        for slot in range(marks[COUNTS, MEMBERS]):
            tolerance, q = ROUNDING * net.planes[NORM, marks[MEMBER, slot]] * norm, small[Q, slot]
            at_low, at_high = small[MULTIPLIER, slot] <= small[LOW, slot], small[MULTIPLIER, slot] >= 0.0
            if (at_low and q >= -tolerance) or (at_high and q <= tolerance):
                continue
            marks[CHOSEN, size] = slot
            size += 1
            if tolerance > 0.0:
                steepest = max(steepest, abs(q) / tolerance)
        small[NUMBERS, RESIDUAL] = steepest
        if size == 0:
            return True
        marks[COUNTS, SIZE], is_near = size, steepest <= 1.0
        if is_near or not newton_step(net, st):
            if not is_near and steepest < NEARLY:
                return True
            last_steps(net, st, is_near)
            if is_near:
                return True
        settle_faces(net, st)
    return small[NUMBERS, RESIDUAL] < NEARLY * NEARLY


@compiled_part_in_place
def settle_creases(net, st):
    """Put x back on the members' creases, from which rounding moves it."""
    points, small, marks, sides, weight = st.points, st.small, st.marks, net.sides, net.weight
    count, n = marks[COUNTS, MEMBERS], st.points.shape[1]
    if count == 0:
        return
    for slot in range(count):
        j = marks[MEMBER, slot]
        total = -net.planes[BIAS, j]
        for i in range(n):
            total -= weight[j, i] * points[X, i]
        marks[CHOSEN, slot], small[CHANGE, slot] = slot, total
    marks[COUNTS, SIZE] = count
    factor_gram(st)
    substitute(st, CHANGE)
    for slot in range(count):
        j = marks[MEMBER, slot]
        for i in range(n):
            if marks[MOVES, i] == 1:
                after = points[X, i] + small[CHANGE, slot] * weight[j, i]
                points[X, i] = min(sides[UPPER, i], max(sides[LOWER, i], after))


@compiled_part_in_place
def finish(net, st):
    """Members at a bound leave; the list of F, and v."""
    points, small, marks = st.points, st.small, st.marks
    for slot in range(marks[COUNTS, MEMBERS] - 1, -1, -1):
        is_upper = small[MULTIPLIER, slot] >= 0.0
        if is_upper or small[MULTIPLIER, slot] <= small[LOW, slot]:
            leave(net, st, slot, 0.0 if is_upper else 1.0)
    size = 0
    for i in range(points.shape[1]):
        points[V, i] = 0.0
        if marks[MOVES, i] == 1:
            points[V, i] = points[G, i]
            marks[FRONT, size] = i
            size += 1
    marks[COUNTS, MOVING] = size
