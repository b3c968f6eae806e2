"""The sinks of a basin search as arrays, and the tests by which a row is given to one: it arrived, or it settled (§3).

A row settles where f rises, concave, along the segment to one sink, or, where passes are known, above them: of the set
{f > H}, H the highest known pass out of the sink, the piece that holds the sink holds the row, too.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import array_api_compat
import numpy as np

from separatrix.flow.arrays import beside
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import faint_coordinates
from separatrix.networks.propagation import namespace
from separatrix.potentials.base import Potential

Array = Any
CANDIDATES, SEGMENT_POINTS = 3, 6
NEIGHBOURS, PATH_POINTS = 8, 41
CAPTURE, NEXT_TO = 1e-3, 1e-3
VALUE_SLACK = 1e-5  # values of the head are single precision
SAMPLED = 0.01  # of the drop along a path, by which the least of its PATH_POINTS values may lie above its minimum


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """The sinks as arrays for the tests: ``capture`` (n_sinks,) max-norm distances, ``seen`` (dim,) coordinates
    compared; ``apart`` (n_sinks,): Euclidean distance to the nearest other sink; ``height`` (n_sinks,): of the highest
    straight path to one of the NEIGHBOURS nearest or of the highest known pass, a lower bound of the highest pass out of the
    sink's basin; ``closed`` (n_sinks,): the highest known pass, inf where none is known or a straight path shows that a higher
    one is missing."""

    points: Array
    capture: Array
    seen: Array
    apart: Array
    height: Array
    closed: Array

    @classmethod
    def of(cls, sinks: CriticalPoints, arena: Arena, passes: np.ndarray | None = None) -> Targets:
        """Capture distances: CAPTURE of the box, or a tenth of the way to the nearest other sink.

        ``passes`` (at most n_sinks,): the highest known pass out of each sink, -inf where none is known.
        """
        points, seen = sinks.points, ~faint_coordinates(arena.potential)
        capture, apart = np.full(len(sinks), CAPTURE * arena.width), np.full(len(sinks), np.inf)
        height = np.full(len(sinks), -np.inf)
        for row, point in enumerate(points):
            gaps = np.abs(points - point)[:, seen].max(axis=1, initial=0.0)
            gaps[row] = np.inf
            capture[row] = min(capture[row], 0.1 * float(gaps.min()))
            lengths = np.sqrt(((points - point) ** 2).sum(axis=1))
            lengths[row] = np.inf
            apart[row] = lengths.min()
            height[row] = _straight_height(arena.potential, points, lengths, row)
        known = np.full(len(sinks), -np.inf)
        if passes is not None:
            known[: len(passes)] = passes
        # where a straight path lies above all known passes out of a sink, a higher pass is missing: none of them closes it in
        missing = known < height - SAMPLED * (sinks.values - height)
        height = np.maximum(height, known)
        return cls(points, capture, seen, apart, height, np.where((known > -np.inf) & ~missing, height, np.inf))

    def beside(self, x: Array) -> Targets:
        """The same arrays in the library and on the device of ``x``."""
        return Targets(*(beside(getattr(self, field.name), x) for field in dataclasses.fields(self)))

    @property
    def has_passes(self) -> bool:
        """Whether a pass out of some sink is known."""
        return bool((self.closed < np.inf).any())

    def arrived(self, potential: Potential, x: Array) -> Array:
        """Row of the sink that each row of ``x`` has reached, -1 where there is none: within its capture distance, and f
        rises, concave, along the segment to it (what passes by moves away), or next to it."""
        xp = namespace(x)
        found = xp.full((x.shape[0],), -1, device=array_api_compat.device(x))
        if x.shape[0] == 1:
            near = ((xp.abs(self.points - x) <= self.capture[:, None]) | ~self.seen).all(axis=1)
            found[0] = int(xp.argmax(xp.astype(near, xp.int8))) if near.any() else -1
        else:
            for row in range(self.points.shape[0]):
                near = xp.abs(x - self.points[row])[:, self.seen] <= self.capture[row]
                found[near.all(axis=1)] = row
        rows = xp.nonzero(found >= 0)[0]
        if rows.shape[0]:
            there = xp.astype(x[rows], xp.float64)
            goal = xp.where(self.seen, self.points[found[rows]], there)
            there_already = xp.max(xp.abs(goal - there), axis=1) <= NEXT_TO * self.capture[found[rows]]
            rising = _rises(potential, there, potential.value_and_gradient(there)[1], goal)
            found[rows[~(there_already | rising)]] = -1
        return found

    def settled(self, potential: Potential, x: Array, value: Array, gradient: Array) -> Array:
        """Row of the one sink, of the CANDIDATES nearest, to which f rises, concave, along the straight segment.

        -1 where it does so to none of them or to more than one; where another sink is nearer to that one than the row is;
        and where the row lies below the height at which a straight path leads from that sink to a neighbour.
        """
        xp, device = namespace(x), array_api_compat.device(x)
        found = xp.full((x.shape[0],), -1, device=device)
        count = xp.zeros(x.shape[0], dtype=xp.int64, device=device)
        every = xp.arange(x.shape[0], device=device)
        square = self._squares(xp, x)
        for candidate in xp.argsort(square, axis=1, stable=True)[:, :CANDIDATES].T:
            close = (square[every, candidate] < self.apart[candidate] ** 2) & (value > self.height[candidate])
            todo = xp.nonzero((count < 2) & close)[0]
            rising = _rises(potential, x[todo], gradient[todo], self.points[candidate[todo]])
            found[todo[rising]] = candidate[todo[rising]]
            count[todo[rising]] += 1
        return xp.where(count == 1, found, -1)

    def above_passes(self, potential: Potential, x: Array, value: Array) -> Array:
        """Row of the one sink, of the CANDIDATES nearest, above whose highest known pass f stays at the row and at
        SEGMENT_POINTS points of the segment to it, -1 where there is none; in double precision."""
        xp, device = namespace(x), array_api_compat.device(x)
        found = xp.full((x.shape[0],), -1, device=device)
        if not self.has_passes:
            return found
        high = value + VALUE_SLACK * (1.0 + xp.abs(value)) > xp.min(self.closed)
        rows = xp.nonzero(high)[0]
        if not rows.shape[0]:
            return found
        there = xp.astype(x[rows], xp.float64)
        value = potential.value_and_gradient(there)[0]
        square = self._squares(xp, there)
        for candidate in xp.argsort(square, axis=1, stable=True)[:, :CANDIDATES].T:
            todo = xp.nonzero((found[rows] < 0) & (value > self.closed[candidate]))[0]
            if todo.shape[0]:
                goal = candidate[todo]
                stays = _stays_above(potential, there[todo], self.points[goal], self.closed[goal])
                found[rows[todo[stays]]] = goal[stays]
        return found

    def _squares(self, xp: Any, x: Array) -> Array:
        """Squared distances from every row of ``x`` to every sink."""
        products = xp.matmul(x, self.points.T)
        return (x * x).sum(axis=1)[:, None] - 2.0 * products + (self.points * self.points).sum(axis=1)


def _straight_height(potential: Potential, points: np.ndarray, lengths: np.ndarray, row: int) -> float:
    """The greatest of the minima of f along the segments from sink ``row`` to its nearest neighbours."""
    others = np.argsort(lengths, kind="stable")[: min(NEIGHBOURS, len(points) - 1)]
    if not others.size:
        return -np.inf
    shares = np.linspace(0.0, 1.0, PATH_POINTS)[None, :, None]
    paths = points[row] + shares * (points[others] - points[row])[:, None, :]
    values = potential.value_and_gradient(paths.reshape(-1, points.shape[1]))[0]
    return float(values.reshape(others.size, PATH_POINTS).min(axis=1).max())


def _rises(potential: Potential, x: Array, gradient: Array, sinks: Array) -> Array:
    """Whether f rises with falling slope along the segment from each row of ``x`` to its sink, at SEGMENT_POINTS points."""
    xp = namespace(x)
    shift = sinks - x
    last = (gradient * shift).sum(axis=1)
    good = xp.nonzero(last > 0)[0]
    for k in range(SEGMENT_POINTS):
        if not good.shape[0]:
            break
        there = x[good] + ((k + 0.5) / SEGMENT_POINTS) * shift[good]
        slope = (potential.value_and_gradient(there)[1] * shift[good]).sum(axis=1)
        rising = (slope > 0) & (slope < last[good])
        last[good] = slope
        good = good[rising]
    result = xp.zeros(x.shape[0], dtype=xp.bool, device=array_api_compat.device(x))
    result[good] = True
    return result


def _stays_above(potential: Potential, x: Array, sinks: Array, level: Array) -> Array:
    """Whether f is above ``level`` (n,) at SEGMENT_POINTS points of the segment from each row of ``x`` to its sink."""
    xp = namespace(x)
    good = xp.arange(x.shape[0], device=array_api_compat.device(x))
    for k in range(SEGMENT_POINTS):
        there = x[good] + ((k + 0.5) / SEGMENT_POINTS) * (sinks[good] - x[good])
        good = good[potential.value_and_gradient(there)[0] > level[good]]
        if not good.shape[0]:
            break
    result = xp.zeros(x.shape[0], dtype=xp.bool, device=array_api_compat.device(x))
    result[good] = True
    return result
