"""Where two orbits that run side by side part, and orbits from places between them there (§3).

Two orbits on both sides of a third that ends in a saddle stay together up to a distance that grows like exp(rate time). By the
directions alone in which they leave a point it may be out of reach of doubles; between places where they are still near each
other it is not (edge tracking). The value of f tells which places of two orbits belong together.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from separatrix.morse.tubes.legs import joined_legs
from separatrix.morse.tubes.traces import Start, Trace
from separatrix.potentials.base import Potential

STEPS, SAME = 40, 1e-12  # of the search for a place on an orbit by its value, and how near is the same


@dataclass(frozen=True, eq=False)
class Fork:
    """The last places ``one`` and ``other`` (dim,) at which two orbits are near each other, on the one at ``node`` of ``leg``."""

    leg: int
    node: int
    one: np.ndarray
    other: np.ndarray

    def start(self, trace: Trace, share: float, direction: np.ndarray) -> Start:
        """A start between the two places, ``share`` of the way from ``trace``, which is the one."""
        leg, point = _legs(trace)[self.leg], self.one + share * (self.other - self.one)
        return dataclasses.replace(leg.start, direction=direction, point=point)

    def rejoined(self, trace: Trace, more: Trace) -> Trace:
        """``trace`` up to the fork, and then ``more``, which was started there."""
        before, after = _legs(trace), _legs(more)
        if not self.leg and not self.node:
            return more
        old, new, end = before[self.leg], after[0], self.node + 1
        first = dataclasses.replace(
            new,
            start=old.start,
            nodes=np.concatenate([old.nodes[:end], new.nodes[1:]]),
            tangents=np.concatenate([old.tangents[:end], new.tangents[1:]]),
            arc=np.concatenate([old.arc[:end], old.arc[end - 1] + new.arc[1:]]),
            legs=(),
        )
        legs = [*before[: self.leg], first, *after[1:]]
        legs[0] = dataclasses.replace(legs[0], start=dataclasses.replace(legs[0].start, direction=more.start.direction))
        return joined_legs(legs) if len(legs) > 1 else legs[0]


def fork_of(potential: Potential, one: Trace, other: Trace, apart: float) -> Fork:
    """Where two orbits, as long as they move on the same sides of the box, are last within ``apart`` of each other; else their
    first places."""
    found = Fork(0, 0, one.nodes[0], other.nodes[0])
    for number, (here, there) in enumerate(zip(_legs(one), _legs(other), strict=False)):
        if not np.array_equal(here.start.free, there.start.free) or min(len(here.nodes), len(there.nodes)) < 2:
            break
        if here.start.free.sum() == 1:  # along an edge they run apart from a point between them
            break
        rows, places = _abreast(potential, here, there)
        far = np.linalg.norm(here.nodes[rows] - places, axis=1) > apart
        last = int(far.argmax()) if far.any() else rows.size
        if last:
            found = Fork(number, int(rows[last - 1]), here.nodes[rows[last - 1]], places[last - 1])
        if far.any():
            break
    return found


def runs_along(path: np.ndarray, other: np.ndarray, apart: float) -> bool:
    """Whether all nodes of a polyline (m, dim) lie within ``apart`` of another one (k, dim)."""
    begin, step = other[:-1], np.diff(other, axis=0)
    shift = path[:, None] - begin
    share = (shift * step).sum(axis=2) / np.maximum((step * step).sum(axis=1), 1e-300)
    gaps = np.linalg.norm(shift - np.clip(share, 0.0, 1.0)[:, :, None] * step, axis=2).min(axis=1)
    return bool((gaps <= apart).all())


def _abreast(potential: Potential, here: Trace, there: Trace) -> tuple[np.ndarray, np.ndarray]:
    """(nodes of one leg but its last, by number (m,), the places of another leg with the same values of f (m, dim))."""
    value = potential.value_and_gradient(here.nodes[:-1])[0]
    along = np.maximum.accumulate(potential.value_and_gradient(there.nodes)[0])
    rows = np.flatnonzero((value >= along[0]) & (value < along[-1]))
    if not rows.size:
        return rows, here.nodes[:0]
    value = value[rows]
    after = np.searchsorted(along, value, side="right")
    low, high, below, above = there.arc[after - 1], there.arc[after], along[after - 1] - value, along[after] - value
    middle, noise = high, 1e-15 * np.maximum(np.abs(value), np.abs(along).max())
    moved = np.zeros(rows.size)
    for _ in range(STEPS):  # regula falsi; an end that stays twice counts half (Illinois)
        share = np.clip(below / np.minimum(below - above, -1e-300), 0.0, 1.0)
        before, middle = middle, low + share * (high - low)
        gap = potential.value_and_gradient(there.at(middle)[0])[0] - value
        side = np.where(gap < 0, -1.0, 1.0)
        weight, moved = np.where(side == moved, 0.5, 1.0), side
        low, high = np.where(side < 0, middle, low), np.where(side < 0, high, middle)
        below, above = np.where(side < 0, gap, weight * below), np.where(side < 0, weight * above, gap)
        if ((np.minimum(high - low, np.abs(middle - before)) <= SAME * there.arc[-1]) | (np.abs(gap) <= noise)).all():
            break
    return rows, there.at(middle)[0]


def _legs(trace: Trace) -> tuple[Trace, ...]:
    return trace.legs or (trace,)
