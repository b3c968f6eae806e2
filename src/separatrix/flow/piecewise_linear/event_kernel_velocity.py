"""The velocity of the flow: the least-norm element of (Clarke gradient - normal cone), by a two-metric projected Newton.

Minimise |P_T(A^T y + sum_Z lambda_j w_j)|^2 / 2 over lambda_j in [c_j, 0] (Bertsekas 1982): multipliers at a bound and
pushed outward are fixed, the Hessian on the others is the Gram matrix of their normals on the moving coordinates.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.event_kernel_state import (
    MEMBERS,
    MOVING,
    RESIDUAL,
    SOLVES,
    add_multiple,
    combine,
    copy_into,
    leave,
    move_pixel,
)
from separatrix.numerics.compilation import compiled_part

ROUNDING = 1e-13
RIDGE, SLACK, PIVOT = 1e-13, 1e-14, 1e-13
NEARLY, MOST_STEPS = 1e4, 200


@compiled_part
def gradient_of(net, st, multiplier, g):
    """g = A^T y + sum_Z lambda_j w_j on all coordinates."""
    members, weight = st.members, net.weight
    copy_into(g, st.pull)
    for slot in range(st.counts[MEMBERS]):
        if multiplier[slot] != 0.0:
            add_multiple(g, multiplier[slot], weight[members[slot]])


@compiled_part
def is_held(place, lower, upper, slope):
    """Whether a coordinate at ``place`` is on a face and does not point inward."""
    return (place <= lower and slope <= 0.0) or (place >= upper and slope >= 0.0)


@compiled_part
def half_square(net, st, g):
    """|P_T g|^2 / 2."""
    x, lower, upper, total = st.x, net.lower, net.upper, 0.0
    for i in range(x.shape[0]):
        if not is_held(x[i], lower[i], upper[i], g[i]):
            total += g[i] * g[i]
    return 0.5 * total


@compiled_part
def settle_faces(net, st):
    """F for the gradient ``g``; U, K and the columns follow."""
    x, g, lower, upper, moving = st.x, st.g, net.lower, net.upper, st.moving
    for i in range(x.shape[0]):
        moves = 0 if is_held(x[i], lower[i], upper[i], g[i]) else 1
        if moves != moving[i]:
            move_pixel(net, st, i, 1.0 if moves == 1 else -1.0)


@compiled_part
def cholesky(matrix, size):
    """The lower factor in place; False where a pivot is not positive beyond rounding."""
    for a in range(size):
        for b in range(a + 1):
            total = matrix[a, b]
            least = PIVOT * total
            for c in range(b):
                total -= matrix[a, c] * matrix[b, c]
            if a == b:
                if not total > least:
                    return False
                matrix[a, a] = np.sqrt(total)
            else:
                matrix[a, b] = total / matrix[b, b]
    return True


@compiled_part
def substitute(factor, size, right):
    """Solve factor factor^T x = right in place."""
    for a in range(size):
        for b in range(a):
            right[a] -= factor[a, b] * right[b]
        right[a] /= factor[a, a]
    for a in range(size - 1, -1, -1):
        for b in range(a + 1, size):
            right[a] -= factor[b, a] * right[b]
        right[a] /= factor[a, a]


@compiled_part
def factored_gram(st, chosen, size):
    """The Cholesky factor of the members' Gram matrix on the slots ``chosen``, made positive where it is singular."""
    matrix, largest, gram, members = np.empty((size, size)), 0.0, st.gram, st.members
    for a in range(size):
        largest = max(largest, gram[chosen[a], members[chosen[a]]])
    ridge = 0.0 if largest > 0.0 else 1.0
    while True:
        for a in range(size):
            for b in range(a + 1):
                matrix[a, b] = gram[chosen[a], members[chosen[b]]]
            matrix[a, a] += ridge
        if cholesky(matrix, size):
            return matrix
        ridge = max(100.0 * ridge, RIDGE * largest)


@compiled_part
def slopes_along(net, st, q):
    """q_j = w_j . v on the members; the size of what v is a sum of, for its rounding."""
    moving, pull, g, total = st.moving, st.pull, st.g, 0.0
    for i in range(moving.shape[0]):
        total += pull[i] * pull[i] if moving[i] == 1 else 0.0
    for slot in range(q.shape[0]):
        normal, speed = net.weight[st.members[slot]], 0.0
        for i in range(moving.shape[0]):
            speed += normal[i] * g[i] if moving[i] == 1 else 0.0
        q[slot] = speed
    size = np.sqrt(total)
    for slot in range(q.shape[0]):
        size -= st.low[slot] * net.norms[st.members[slot]]
    return size


@compiled_part
def newton_step(net, st, q, chosen, size):
    """One projected Newton step with halving; False where rounding allows no more decrease."""
    factor, step = factored_gram(st, chosen, size), np.empty(size)
    for a in range(size):
        step[a] = -q[chosen[a]]
    substitute(factor, size, step)
    count = st.counts[MEMBERS]
    before, trial, g, share = half_square(net, st, st.g), np.empty(count), st.v, 1.0
    multiplier, low = st.multiplier, st.low
    copy_into(trial, multiplier[:count])
    for _ in range(40):
        promised = 0.0
        for a in range(size):
            slot = chosen[a]
            trial[slot] = min(0.0, max(low[slot], multiplier[slot] + share * step[a]))
            promised += q[slot] * (multiplier[slot] - trial[slot])
        gradient_of(net, st, trial, g)
        if half_square(net, st, g) <= before * (1.0 + SLACK) - 1e-4 * promised:
            copy_into(multiplier[:count], trial)
            copy_into(st.g, g)
            return True
        share *= 0.5
    return False


@compiled_part
def coordinate_steps(net, st, chosen, size):
    """One multiplier after the other to its best value: slow, but it moves where dependent normals stop Newton's step."""
    g, multiplier, moving = st.g, st.multiplier, st.moving
    for a in range(size):
        slot = chosen[a]
        j = st.members[slot]
        normal, slope, square = net.weight[j], 0.0, st.gram[slot, j]
        for i in range(g.shape[0]):
            slope += normal[i] * g[i] if moving[i] == 1 else 0.0
        if square > 0.0:
            after = min(0.0, max(st.low[slot], multiplier[slot] - slope / square))
            add_multiple(g, after - multiplier[slot], normal)
            multiplier[slot] = after


@compiled_part
def refine(net, st, q, chosen, size):
    """A last step, to rounding: what v has left across the creases is multiplied by long steps."""
    factor, step = factored_gram(st, chosen, size), np.empty(size)
    for a in range(size):
        step[a] = -q[chosen[a]]
    substitute(factor, size, step)
    for a in range(size):
        after = st.multiplier[chosen[a]] + step[a]
        if st.low[chosen[a]] < after < 0.0:
            st.multiplier[chosen[a]] = after
            add_multiple(st.g, step[a], net.weight[st.members[chosen[a]]])


@compiled_part
def solve(net, st):
    """The multipliers, F and v at the present point; members whose multiplier is at a bound leave. False: not converged."""
    st.counts[SOLVES] += 1
    count, y = st.counts[MEMBERS], st.y
    combine(y, st.A, st.pull)
    for slot in range(count):
        c, out = 0.0, net.output[st.members[slot]]
        for a in range(y.shape[0]):
            c += out[a] * y[a]
        st.low[slot] = min(c, 0.0)
        st.multiplier[slot] = max(st.multiplier[slot], st.low[slot])
    gradient_of(net, st, st.multiplier, st.g)
    settle_faces(net, st)
    converged = optimise(net, st) if count else True
    finish(net, st)
    return converged


@compiled_part
def optimise(net, st):
    """Newton steps until the free multipliers have no slope."""
    count, low, multiplier = st.counts[MEMBERS], st.low, st.multiplier
    q, chosen = np.empty(count), np.empty(count, np.int64)
    for _ in range(MOST_STEPS):
        norm = slopes_along(net, st, q)
        size, steepest = 0, 0.0
        for slot in range(count):
            tolerance = ROUNDING * net.norms[st.members[slot]] * norm
            at_low, at_high = multiplier[slot] <= low[slot], multiplier[slot] >= 0.0
            if (at_low and q[slot] >= -tolerance) or (at_high and q[slot] <= tolerance):
                continue
            chosen[size] = slot
            size += 1
            if tolerance > 0.0:
                steepest = max(steepest, abs(q[slot]) / tolerance)
        st.numbers[RESIDUAL] = steepest
        if size == 0:
            return True
        if steepest <= 1.0:
            refine(net, st, q, chosen, size)
            return True
        if not newton_step(net, st, q, chosen, size):
            if steepest < NEARLY:
                return True
            coordinate_steps(net, st, chosen, size)
        settle_faces(net, st)
    return st.numbers[RESIDUAL] < NEARLY * NEARLY


@compiled_part
def settle_creases(net, st):
    """Put x back on the members' creases, from which rounding moves it."""
    count, x, weight, members, moving = st.counts[MEMBERS], st.x, net.weight, st.members, st.moving
    if count == 0:
        return
    chosen, gap = np.empty(count, np.int64), np.empty(count)
    for slot in range(count):
        normal, total = weight[members[slot]], -net.bias[members[slot]]
        for i in range(x.shape[0]):
            total -= normal[i] * x[i]
        chosen[slot], gap[slot] = slot, total
    substitute(factored_gram(st, chosen, count), count, gap)
    for slot in range(count):
        normal = weight[members[slot]]
        for i in range(x.shape[0]):
            if moving[i] == 1:
                x[i] = min(net.upper[i], max(net.lower[i], x[i] + gap[slot] * normal[i]))


@compiled_part
def finish(net, st):
    """Members at a bound leave; the list of F, and v."""
    for slot in range(st.counts[MEMBERS] - 1, -1, -1):
        if st.multiplier[slot] >= 0.0:
            leave(net, st, slot, 0.0)
        elif st.multiplier[slot] <= st.low[slot]:
            leave(net, st, slot, 1.0)
    size, v, g, moving, front = 0, st.v, st.g, st.moving, st.front
    for i in range(v.shape[0]):
        v[i] = 0.0
        if moving[i] == 1:
            v[i] = g[i]
            front[size] = i
            size += 1
    st.counts[MOVING] = size
