"""Values outside of which no level set changes, proved by enclosures of the gradient (§10, (10.10)).

A box is *regular* for f where some derivative d_i f keeps one sign on it and the direction +-e_i in which f rises does not
leave the domain there. What is not regular is cut again and again; f can change its level sets only at values that it takes on
what is left. -f is judged at the same time: it rises the other way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.levels.grid_values import cover, halved, values_over
from separatrix.numerics.rounding import down, ieee_arithmetic_holds, up
from separatrix.potentials.base import Potential

Array = np.ndarray
MOST_BOXES = 40_000
FIRST = {1: 256, 2: 32, 3: 10}
FINE = 1e-6  # of the values' range: what a box may span at least


@dataclass(frozen=True, eq=False)
class CriticalRanges:
    """Disjoint closed intervals of values, ascending, outside of which {f >= c}, and {f <= c}, keep their homotopy types.

    ``upper`` (k, 2) for {f >= c}, ``lower`` (m, 2) for {f <= c}.
    """

    upper: Array
    lower: Array


def critical_ranges(potential: Potential, box: Box) -> CriticalRanges:
    """The intervals for a potential on a box, by bisection of the boxes that are not regular."""
    everything = np.array([[-np.inf, np.inf]])
    if not ieee_arithmetic_holds():
        return CriticalRanges(everything, everything)
    lower, upper = cover(box, FIRST[box.dim])
    parts: list[tuple[Array, Array, Array, Array]] = []
    asked, spread = 0, np.inf
    with np.errstate(invalid="ignore", over="ignore"):
        while len(lower):
            gradient = potential.gradient_batch(lower, upper)
            rises, falls = _regular(gradient.lower, gradient.upper, lower, upper, box)
            values = _ranges(potential, lower, upper, gradient.magnitude)
            if not asked:
                spread = float(values[:, 1].max() - values[:, 0].min())
            asked += len(lower)
            odd = ~(rises & falls)
            fine = ~(values[:, 1] - values[:, 0] > FINE * spread)
            last = asked + int((odd & ~fine).sum()) * 2**box.dim > MOST_BOXES
            done = odd & (fine | last)
            parts.append((values[done], rises[done], falls[done], lower[done]))
            lower, upper = halved(lower[odd & ~done], upper[odd & ~done])
    values = np.concatenate([part[0] for part in parts])
    rises, falls = (np.concatenate([part[k] for part in parts]) for k in (1, 2))
    return CriticalRanges(merged(values[~rises]), merged(values[~falls]))


def ranges_of(
    potential: Potential, lists: tuple[CriticalPoints | None, CriticalPoints | None], box: Box
) -> CriticalRanges:
    """The same from complete lists of the critical points of f and of -f where there are such, which is sharper and quicker.

    Not where the gradient jumps: the proof of (10.10) needs a direction that rises for all gradients about a point.
    """
    unusable = has_creases(potential) or not ieee_arithmetic_holds()
    known = [None if p is None or unusable or not p.is_complete else _of_points(potential, p, box) for p in lists]
    if known[0] is None or known[1] is None:
        found = critical_ranges(potential, box)
        known = [
            part if part is not None else other for part, other in zip(known, (found.upper, found.lower), strict=True)
        ]
    assert known[0] is not None and known[1] is not None
    return CriticalRanges(known[0], known[1])


def _of_points(potential: Potential, points: CriticalPoints, box: Box) -> Array:
    """Enclosures of f at the points of a complete list."""
    lower = np.maximum(down(points.points - points.error[:, None]), box.lower)
    upper = np.minimum(up(points.points + points.error[:, None]), box.upper)
    found = values_over(potential, lower, upper)
    return merged(np.stack([found.lower, found.upper], axis=1))


def _regular(low: Array, high: Array, lower: Array, upper: Array, box: Box) -> tuple[Array, Array]:
    """Which boxes are regular for f, and which for -f."""
    grows, shrinks = low > 0, high < 0
    at_lower, at_upper = lower <= box.lower, upper >= box.upper
    rises = (grows & ~at_upper) | (shrinks & ~at_lower)
    falls = (grows & ~at_lower) | (shrinks & ~at_upper)
    return np.asarray(rises.any(axis=1)), np.asarray(falls.any(axis=1))


def _ranges(potential: Potential, lower: Array, upper: Array, slopes: Array) -> Array:
    """Values that f may take on boxes (n, 2): the natural enclosure, cut with the mean value form."""
    middle = 0.5 * lower + 0.5 * upper
    half = up(np.maximum(upper - middle, middle - lower))
    reach = (slopes * half).sum(axis=1) * (1.0 + 1e-12) + 1e-300
    centre, whole = values_over(potential, middle, middle), values_over(potential, lower, upper)
    low = np.fmax(whole.lower, centre.lower - reach)
    high = np.fmin(whole.upper, centre.upper + reach)
    tiny = 4e-16 * np.maximum(np.abs(low), np.abs(high))
    low, high = low - tiny, high + tiny
    return np.stack([np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)], axis=1)


def merged(intervals: Array) -> Array:
    """The union of closed intervals (n, 2) as disjoint ones, ascending."""
    if not len(intervals):
        return np.zeros((0, 2))
    order = np.argsort(intervals[:, 0], kind="stable")
    low, high = intervals[order, 0], np.maximum.accumulate(intervals[order, 1])
    begins = np.concatenate([[True], low[1:] > high[:-1]])
    starts = np.flatnonzero(begins)
    ends = np.append(starts[1:], len(low)) - 1
    return np.stack([low[starts], high[ends]], axis=1)
