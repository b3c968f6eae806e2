"""Values at the vertices of a grid, and how far f is from the function linear between them, proved (§10).

On a simplex with corners v_k, x = sum l_k v_k, Taylor's formula about x gives

    sum l_k f(v_k) - f(x) = 1/2 sum_k l_k (v_k - x)^T H(xi_k) (v_k - x),

for sum l_k (v_k - x) = 0. The corners are corners of a cube with sides h, and sum_k l_k |v_k - x|_i |v_k - x|_j is at most
h_i h_j / 4 (Cauchy and Schwarz; the variance of a variable with two values), so that the difference is at most

    1/8 sum_ij max |H_ij| h_i h_j,   and also   1/2 sum_i r_i h_i   where |d_i f - m_i| <= r_i for some numbers m_i,     (10.11)

the second for Lipschitz functions, too: what is linear is met exactly, and sum_k l_k |v_k - x|_i <= h_i / 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.morse.levels.bands import Bands
from separatrix.morse.levels.formula_values import FormulaValues
from separatrix.morse.levels.grid import Grid
from separatrix.morse.levels.negated import NegatedHead
from separatrix.morse.levels.point_values import outputs_at
from separatrix.networks.bounds import BoundPropagation
from separatrix.numerics.interval_functions import exp, log
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down, up
from separatrix.potentials.base import Potential
from separatrix.potentials.expression import Expression
from separatrix.potentials.head import Head, NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate
from separatrix.potentials.softmax_bounds import log_sum_exp_bounds

Array = np.ndarray
ROWS = 8192
BLOCKS = {1: 512, 2: 48, 3: 16}
ROUNDS, WORST, GAIN, MOST_SPLIT = 3, 0.6, 0.9, 4096


def values_over(potential: Potential, lower: Array, upper: Array) -> Interval:
    """Rigorous enclosures of f on boxes (n, dim), by rows that stay in the cache."""
    if isinstance(potential, Expression):
        with np.errstate(all="ignore"):
            return FormulaValues(potential).over(lower, upper)
    low, high = np.empty(len(lower)), np.empty(len(lower))
    for start in range(0, len(lower), ROWS):
        rows = slice(start, start + ROWS)
        low_rows = lower[rows]
        found = _values(potential, low_rows, low_rows if lower is upper else upper[rows])
        low[rows], high[rows] = found.lower, found.upper
    return Interval(low, high)


def _values(potential: Potential, lower: Array, upper: Array) -> Interval:
    box = Interval(lower, upper)
    if isinstance(potential, NetworkPotential) and type(potential).enclose is NetworkPotential.enclose:
        is_point = lower is upper
        v = outputs_at(potential.graph, lower) if is_point else BoundPropagation(potential.graph, box).output
        return _head_values(potential.head, v)
    return potential.enclose(lower, upper).value


def _head_values(head: Head, v: Interval) -> Interval:
    """Phi on the rows of v; without derivatives where that is known how."""
    if isinstance(head, NegatedHead):
        return -_head_values(head.head, v)
    if isinstance(head, Coordinate):
        return v[:, 0]
    if isinstance(head, LogSumExp):
        found = v[:, 0] if v.shape[1] == 1 else _log_sum_exp(v)
        return found if head.sign > 0 else -found
    return head.bounds(v).value


def _log_sum_exp(v: Interval) -> Interval:
    """log sum exp at the middles, widened: it changes by no more than the largest change of an argument."""
    middle, radius = v.midpoint, v.radius.max(axis=1)
    if not np.isfinite(radius).all():
        return log_sum_exp_bounds(v)
    top = Interval.point(middle.max(axis=1))
    found = top + log(exp(Interval.point(middle) - top[:, None]).sum(axis=1))
    return Interval(down(found.lower - radius), up(found.upper + radius))


def grid_values(potential: Potential, grid: Grid) -> tuple[Array, float]:
    """f at the vertices, an array of the grid's counts, and a proved bound of its error.

    Raises InputError where f is not known to be finite at a vertex.
    """
    axes, counts = grid.axes(), grid.counts
    middle = np.empty(int(np.prod(counts)))
    error, step = 0.0, max(1, ROWS * 16 // int(np.prod(counts[1:])))
    for first in range(0, counts[0], step):
        part = np.meshgrid(axes[0][first : first + step], *axes[1:], indexing="ij")
        rows = np.stack([x.ravel() for x in part], axis=1)
        found = values_over(potential, rows, rows)
        radius = found.radius
        if not np.isfinite(radius).all():
            bad = rows[int(np.flatnonzero(~np.isfinite(radius))[0])]
            raise InputError(f"level_sets: f is not known to be finite at {bad.tolist()}; take a box on which it is")
        start = first * int(np.prod(counts[1:]))
        middle[start : start + len(rows)] = found.midpoint
        error = max(error, float(radius.max()))
    return middle.reshape(counts), error


@dataclass(frozen=True, eq=False)
class Blocks:
    """A cover of the box by boxes [lower, upper] (n, dim), with the bounds (10.11) of the cubes that meet each, (n,)."""

    lower: Array
    upper: Array
    error: Array

    def bands(self, grid: Grid, values: Array, error: float) -> Bands:
        """The values that f and the function linear between ``values``, each right within ``error``, take on each block."""
        rows, axes = np.empty((len(self.lower), 3)), grid.axes()
        first, last = np.empty(self.lower.shape, dtype=np.int64), np.empty(self.lower.shape, dtype=np.int64)
        for i, axis in enumerate(axes):
            first[:, i] = np.maximum(np.searchsorted(axis, self.lower[:, i], side="left") - 1, 0)
            last[:, i] = np.minimum(np.searchsorted(axis, self.upper[:, i], side="right") + 1, len(axis))
        for row in range(len(rows)):
            part = values[tuple(slice(int(a), int(b)) for a, b in zip(first[row], last[row], strict=True))]
            rows[row, 0], rows[row, 1] = part.min(), part.max()
        rows[:, 2] = up(self.error + error)
        rows[:, 0], rows[:, 1] = down(rows[:, 0] - rows[:, 2]), up(rows[:, 1] + rows[:, 2])
        return Bands(rows)


def blocks(potential: Potential, box: Box, spacing: Array) -> Blocks:
    """A cover of the box with the bounds (10.11) for cubes with sides ``spacing`` (dim,): enclosures on boxes enlarged by it.

    Boxes with the largest bounds are cut a few times.
    """
    lower, upper = cover(box, BLOCKS[box.dim])
    error = _errors(potential, box, lower, upper, spacing)
    for _ in range(ROUNDS):
        worst = error > WORST * error.max()
        if not worst.any() or worst.sum() * 2**box.dim > MOST_SPLIT or error.max() == 0:
            break
        low, high = halved(lower[worst], upper[worst])
        finer = _errors(potential, box, low, high, spacing)
        improved = finer.max() < GAIN * error.max()
        lower, upper = np.concatenate([lower[~worst], low]), np.concatenate([upper[~worst], high])
        error = np.concatenate([error[~worst], finer])
        if not improved:
            break
    return Blocks(lower, upper, error)


def _errors(potential: Potential, box: Box, lower: Array, upper: Array, spacing: Array) -> Array:
    low, high = np.maximum(down(lower - spacing), box.lower), np.minimum(up(upper + spacing), box.upper)
    gradient, hessian = potential.enclose_batch(low, high)
    found = errors(hessian.magnitude, gradient.radius, spacing)
    steep = np.flatnonzero(~np.isfinite(found))
    if len(steep):  # no derivatives: what f may change by on the whole block
        values = values_over(potential, low[steep], high[steep])
        found[steep] = up(values.upper - values.lower)
    return found


def errors(hessian: Array, radius: Array, spacing: Array) -> Array:
    """The bound (10.11) on each of n boxes for cubes with sides ``spacing`` (dim,), rounded upward."""
    with np.errstate(invalid="ignore", over="ignore"):
        second = 0.125 * np.einsum("nij,i,j->n", hessian, spacing, spacing)
        first = 0.5 * (radius @ spacing)
        found = np.fmin(np.where(np.isnan(second), np.inf, second), np.where(np.isnan(first), np.inf, first))
    return found * (1.0 + 1e-12) + 1e-300  # far more than the rounding of these few sums of positive numbers


def cover(box: Box, count: int) -> tuple[Array, Array]:
    """``count`` boxes along every axis that share their sides and cover ``box``: lower and upper corners (n, dim)."""
    edges = [np.linspace(low, high, count + 1) for low, high in zip(box.lower, box.upper, strict=True)]
    lower = np.stack([x.ravel() for x in np.meshgrid(*(e[:-1] for e in edges), indexing="ij")], axis=1)
    upper = np.stack([x.ravel() for x in np.meshgrid(*(e[1:] for e in edges), indexing="ij")], axis=1)
    return lower, upper


def halved(lower: Array, upper: Array) -> tuple[Array, Array]:
    """The 2^dim halves along all axes of every box."""
    for axis in range(lower.shape[1]):
        middle = 0.5 * lower[:, axis] + 0.5 * upper[:, axis]
        low, high = upper.copy(), lower.copy()
        low[:, axis], high[:, axis] = middle, middle
        lower, upper = np.concatenate([lower, high]), np.concatenate([low, upper])
    return lower, upper
