"""Boxes that hold the images of cubes after a time T: a validated integrator for many cubes at once (§9, (9.7)).

Orbits that leave the box are dropped: every enclosure is cut with it. On a side where the projected flow may or may not be held
steps are of first order; a coordinate that is surely held stands still.
"""

from __future__ import annotations

import numpy as np

from separatrix.conley.orbit_sets import LONGEST_TURN, Difference, OrbitSets, Path
from separatrix.domains import Box
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down, up
from separatrix.potentials.base import Potential

UNITS = 2**24  # T is cut into as many units; steps are powers of two of them, so that no time is rounded
MOST_TRIES = 120
TURN, SPREAD, SHORTEST, LARGEST = 0.5, 0.25, UNITS >> 12, 0.25
LEAP, NARROW = 0.7, 1e-3
Array = np.ndarray


class TimeImages:
    """Enclosures of phi_T on cubes, T = ``time``, of dx/dt = grad f on ``box``, projected or cut at its sides."""

    def __init__(self, potential: Potential, box: Box, boundary: str, time: float) -> None:
        self.potential, self.box, self.projects, self.unit = potential, box, boundary == "project", time / UNITS

    def of(self, lower: Array, upper: Array) -> tuple[Array, Array, Array]:
        """(low, high, was_followed) of the cubes [lower, upper] (m, n): boxes that hold phi_T(x) of every x whose orbit stays in
        the box, low > high where none does. Cubes that were not followed have the whole box. Proved, for smooth potentials."""
        sets = OrbitSets.of(lower, upper)
        left, step = np.full(len(lower), UNITS), np.full(len(lower), UNITS)
        busy, lost = np.arange(len(lower)), np.zeros(len(lower), dtype=bool)
        for _ in range(MOST_TRIES):
            if not busy.size:
                break
            part, taken = sets.rows(busy), np.minimum(step[busy], _power_of_two(left[busy]))
            with np.errstate(all="ignore"):
                taken, good, has_room = self._step(part, taken)
            sets.put(busy, part)
            left[busy] -= np.where(good, taken, 0)
            step[busy] = np.where(
                good, np.where(has_room, np.minimum(2 * taken, UNITS), taken), np.maximum(taken // 2, 1)
            )
            sizes = sets.high[busy] - sets.low[busy]
            lost[busy] = (sizes > LARGEST * (self.box.upper - self.box.lower)).any(axis=1)
            busy = busy[(left[busy] > 0) & (sizes >= 0).all(axis=1) & ~lost[busy]]
        lost[busy] = True
        sets.low[lost], sets.high[lost] = self.box.lower, self.box.upper
        return sets.low, sets.high, ~lost

    def _step(self, sets: OrbitSets, taken: Array) -> tuple[Array, Array, Array]:
        """Try one step of every row, in place: units of time (k,), whether it was done, and whether a longer one may do."""
        sets.snap()
        slope, (around, bend) = self._at(sets)
        lost = ~(np.isfinite(slope.magnitude).all(axis=1) & np.isfinite(bend.magnitude).all(axis=(1, 2)))
        sets.restart(np.flatnonzero(lost))  # a centre beyond the box, where f need not be defined
        held = self._candidates(sets, slope)
        taken = self._shortened(bend, taken)
        h = taken * self.unit
        path = Path.of(sets.c, slope, bend.midpoint, held, h)
        lower, upper = self._guess(sets, path, around, bend.magnitude)
        field, hessian = self.potential.enclose_batch(lower, upper)
        image, end = self._first_order(sets, field, held, h)
        fits = ((image[0] > lower) | (lower <= self.box.lower) | held).all(axis=1)
        fits &= ((image[1] < upper) | (upper >= self.box.upper) | held).all(axis=1)
        fits &= ~held.any(axis=1) | (~held | self._is_outward(sets, field)).all(axis=1)
        unsure = self._is_unsure(lower, upper, field, held)
        change = Difference.of(hessian, held)
        turn = h * np.sqrt((change.middle**2).sum(axis=(1, 2)))
        rough = (
            ~(turn <= 0.999 * LONGEST_TURN)
            | ((h * change.spread > SPREAD) & (taken > SHORTEST))
            | ~np.isfinite(change.spread)
        )
        width = np.maximum(sets.high - sets.low, NARROW * (self.box.upper - self.box.lower)).max(axis=1)
        leap = h * np.where(held, 0.0, field.magnitude).max(axis=1) / width
        leaps = (leap > LEAP) & (taken > SHORTEST)
        good = fits & np.where(unsure, ~leaps, ~rough) & ~lost
        self._advance(sets, good & unsure, None, end)
        rows = np.flatnonzero(good & ~unsure)
        if rows.size:
            part = path.rows(rows)
            moved = change.rows(rows).moved(sets.rows(rows), part, part.defect(self.potential))
            self._advance(sets, rows, moved, (end[0][rows], end[1][rows]))
        return taken, good, np.where(unsure, leap < 0.4 * LEAP, h * change.spread < 0.3 * SPREAD)

    def _advance(self, sets: OrbitSets, rows: Array, moved: OrbitSets | None, end: tuple[Array, Array]) -> None:
        """Put the sets at the end of the step, cut with the box."""
        if moved is None:
            rows = np.flatnonzero(rows)
            sets.low[rows], sets.high[rows] = end[0][rows], end[1][rows]
            sets.restart(rows)
            return
        moved.low = np.maximum(np.maximum(moved.low, end[0]), self.box.lower)
        moved.high = np.minimum(np.minimum(moved.high, end[1]), self.box.upper)
        far = moved.eps > 0.5 * np.sqrt(((moved.high - moved.low) ** 2).sum(axis=1))
        moved.restart(np.flatnonzero(far & (moved.low <= moved.high).all(axis=1)))
        sets.put(rows, moved)

    def _candidates(self, sets: OrbitSets, slope: Interval) -> Array:
        """Coordinates (k, n) that stand on a side of the box and are held there, it seems."""
        if not self.projects:
            return np.zeros(sets.c.shape, dtype=bool)
        up_, down_ = (sets.low >= self.box.upper) & slope.is_positive, (sets.high <= self.box.lower) & slope.is_negative
        return up_ | down_

    def _is_outward(self, sets: OrbitSets, field: Interval) -> Array:
        return np.where(sets.low >= self.box.upper, field.is_positive, field.is_negative)

    def _is_unsure(self, lower: Array, upper: Array, field: Interval, held: Array) -> Array:
        """Rows (k,) with a coordinate that may be held by a side or not."""
        if not self.projects:
            return np.zeros(len(held), dtype=bool)
        touches = ((upper >= self.box.upper) & (field.upper > 0)) | ((lower <= self.box.lower) & (field.lower < 0))
        return np.asarray((touches & ~held).any(axis=1))

    def _shortened(self, bend: Interval, taken: Array) -> Array:
        """Steps (k,) that turn by less than TURN."""
        size = np.sqrt((bend.magnitude**2).sum(axis=(1, 2)))
        most = TURN / np.maximum(size * self.unit, TURN / UNITS)
        return np.minimum(taken, _power_of_two(np.clip(np.nan_to_num(most, nan=1.0), 1, UNITS).astype(np.int64)))

    def _at(self, sets: OrbitSets) -> tuple[Interval, tuple[Interval, Interval]]:
        """The gradient at the centres; gradient and Hessian on the boxes."""
        return self.potential.gradient_batch(sets.c, sets.c), self.potential.enclose_batch(sets.low, sets.high)

    def _guess(self, sets: OrbitSets, path: Path, around: Interval, bend: Array) -> tuple[Array, Array]:
        """Boxes around the path in which the orbits should stay during the step, cut with the box but for the path."""
        h = path.h[:, None]
        more = 1.5 * (bend @ (h * around.magnitude)[:, :, None])[:, :, 0] + 0.25 * (around.upper - around.lower)
        more = np.nan_to_num(more + 1e-9 * around.magnitude, nan=0.0, posinf=1e300)
        tiny = 1e-13 * (np.abs(sets.low) + np.abs(sets.high)) + 1e-290
        lower = np.maximum(sets.low + np.minimum(0.0, h * (around.lower - more)) - tiny, self.box.lower)
        upper = np.minimum(sets.high + np.maximum(0.0, h * (around.upper + more)) + tiny, self.box.upper)
        lower, upper = np.minimum(lower, path.low), np.maximum(upper, path.high)
        return np.where(path.held, sets.low, lower), np.where(path.held, sets.high, upper)

    def _first_order(self, sets: OrbitSets, field: Interval, held: Array, h: Array):
        """Boxes of all orbits during the step and at its end, by the field's range: ((low, high), (low, high))."""
        least = np.where(held, 0.0, down(h[:, None] * field.lower))
        most = np.where(held, 0.0, up(h[:, None] * field.upper))
        ends = np.where(held, sets.low, down(sets.low + least)), np.where(held, sets.high, up(sets.high + most))
        image = np.minimum(sets.low, ends[0]), np.maximum(sets.high, ends[1])
        if self.projects:  # what goes out is held at the side
            return image, (
                np.clip(ends[0], self.box.lower, self.box.upper),
                np.clip(ends[1], self.box.lower, self.box.upper),
            )
        return image, (np.maximum(ends[0], self.box.lower), np.minimum(ends[1], self.box.upper))


def _power_of_two(n: Array) -> Array:
    """The largest powers of two that are at most n >= 1."""
    return np.left_shift(1, np.frexp(n.astype(np.float64))[1].astype(np.int64) - 1)
