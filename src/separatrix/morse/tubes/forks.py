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
        jump = float(np.linalg.norm(new.nodes[0] - old.nodes[end - 1]))
        first = dataclasses.replace(
            new,
            start=old.start,
            nodes=np.concatenate([old.nodes[:end], new.nodes]),
            tangents=np.concatenate([old.tangents[:end], new.tangents]),
            arc=np.concatenate([old.arc[:end], old.arc[end - 1] + jump + new.arc]),
            legs=(),
        )
        legs = [*before[: self.leg], first, *after[1:]]
        legs[0] = dataclasses.replace(legs[0], start=dataclasses.replace(legs[0].start, direction=more.start.direction))
        whole = joined_legs(legs) if len(legs) > 1 else legs[0]
        return dataclasses.replace(whole, joined=(self.leg, end))


def fork_of(potential: Potential, one: Trace, other: Trace, apart: float) -> Fork:
    """Where two orbits, as long as they move on the same sides of the box, are last within ``apart`` of each other; else the
    first places from which on each is one integration."""
    begun = max(one.joined[0], other.joined[0])
    begin = [trace.joined[1] * (trace.joined[0] == begun) for trace in (one, other)]
    found = _beginning(potential, (one, other), begun, begin)
    pairs = list(zip(_legs(one), _legs(other), strict=False))
    for number, (here, there) in enumerate(pairs[begun:], begun):
        if not np.array_equal(here.start.free, there.start.free) or min(len(here.nodes), len(there.nodes)) < 2:
            break
        if here.start.free.sum() == 1:  # along an edge they run apart from a point between them
            break
        rows, places = _abreast(potential, (here, there), begin if number == begun else [0, 0])
        far = np.linalg.norm(here.nodes[rows] - places, axis=1) > apart
        last = int(far.argmax()) if far.any() else rows.size
        if last:
            found = Fork(number, int(rows[last - 1]), here.nodes[rows[last - 1]], places[last - 1])
        if far.any():
            break
    return found


def _beginning(potential: Potential, traces: tuple[Trace, Trace], leg: int, begin: list[int]) -> Fork:
    """Where the later of two orbits was joined, and the place of the other with the same value of f."""
    if leg >= min(len(_legs(trace)) for trace in traces):
        return Fork(0, 0, traces[0].nodes[0], traces[1].nodes[0])
    own = [_legs(trace)[leg] for trace in traces]
    value = [potential.value_and_gradient(part.nodes[k:])[0] for part, k in zip(own, begin, strict=True)]
    level = np.array([max(float(value[0][0]), float(value[1][0]))])
    places = []
    for part, k, along in zip(own, begin, value, strict=True):
        inside = along[0] < level[0] < along.max()
        places.append(_places(potential, (part, k), along, level)[0] if inside else part.nodes[k])
    node = begin[0] + max(int(np.flatnonzero(np.maximum.accumulate(value[0]) <= level[0])[-1]), 0)
    return Fork(leg, node, places[0], places[1])


def runs_along(path: np.ndarray, other: np.ndarray, apart: float) -> bool:
    """Whether all nodes of a polyline (m, dim) lie within ``apart`` of another one (k, dim)."""
    begin, step = other[:-1], np.diff(other, axis=0)
    shift = path[:, None] - begin
    share = (shift * step).sum(axis=2) / np.maximum((step * step).sum(axis=1), 1e-300)
    gaps = np.linalg.norm(shift - np.clip(share, 0.0, 1.0)[:, :, None] * step, axis=2).min(axis=1)
    return bool((gaps <= apart).all())


def _abreast(potential: Potential, legs: tuple[Trace, Trace], begin: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """(nodes of one leg but its last, by number (m,), the places of another leg with the same values of f (m, dim)), both from
    the nodes ``begin`` on."""
    here, there = legs
    value = potential.value_and_gradient(here.nodes[begin[0] : -1])[0]
    along = potential.value_and_gradient(there.nodes[begin[1] :])[0]
    rows = np.flatnonzero((value >= along[0]) & (value < along.max()))
    if not rows.size:
        return rows, here.nodes[:0]
    return rows + begin[0], _places(potential, (there, begin[1]), along, value[rows])


def _places(potential: Potential, leg: tuple[Trace, int], along: np.ndarray, value: np.ndarray) -> np.ndarray:
    """The places (m, dim) of a leg, from a node on, at which f has the ``value`` (m,); ``along``: f at these nodes."""
    (there, begin), along = leg, np.maximum.accumulate(along)
    arc, after = there.arc[begin:], np.searchsorted(along, value, side="right")
    low, high, below, above = arc[after - 1], arc[after], along[after - 1] - value, along[after] - value
    middle, noise = high, 1e-15 * np.maximum(np.abs(value), np.abs(along).max())
    moved = np.zeros(value.size)
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
    return there.at(middle)[0]


def _legs(trace: Trace) -> tuple[Trace, ...]:
    return trace.legs or (trace,)
