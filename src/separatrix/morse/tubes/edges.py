"""The projected flow along an edge of the box, where one coordinate is free: a motion on a line, proved by enclosures (8.13).

Along the edge the flow is s' = g(s), g the slope in the free coordinate, as long as the outward slopes mu of the held ones are
positive. Where g is of one sign an orbit passes on; beside an equilibrium p the sign of g is that of the slope of g:
g(s) = (s - p) g'(.) . So a segment flows into p if mu > 0 on it, g' < 0 on a zone about p, and g points to p on the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.flow.projection import Arena

CELLS, DEEPEST, MOST_CELLS = 8, 40, 4000
ZONES = 0.5 * 0.5 ** np.arange(44)
NARROWEST = 1e-11
MARGIN = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class Slopes:
    """Enclosures over m cells of an edge: ``along`` (lower (m,), upper) of g, ``bend`` of g', ``outward`` (m, k) lower and upper
    ends of the outward slopes of the held coordinates."""

    along: tuple[np.ndarray, np.ndarray]
    bend: tuple[np.ndarray, np.ndarray]
    outward: tuple[np.ndarray, np.ndarray]


@dataclass(frozen=True, eq=False)
class Spot:
    """A proved equilibrium on an edge at ``center``, up to ``error``; ``is_corner``: the edge ends there, and it is exact."""

    center: float
    error: float
    is_corner: bool = False


@dataclass(frozen=True, eq=False)
class Edge:
    """The line through ``base`` (dim,) in the free coordinate ``axis``; ``held`` (k,) coordinates with signs ``outward`` (k,)."""

    arena: Arena
    base: np.ndarray
    axis: int
    held: np.ndarray
    outward: np.ndarray

    @classmethod
    def of(cls, arena: Arena, base: np.ndarray, outward: np.ndarray) -> Edge:
        """The edge through ``base`` whose held coordinates have the signs ``outward`` (dim,), 0 for the free one."""
        held = np.flatnonzero(outward)
        return cls(arena, base, int(np.flatnonzero(outward == 0)[0]), held, outward[held])

    def slopes(self, lower: np.ndarray, upper: np.ndarray) -> Slopes:
        """What is proved on the cells [lower, upper] (m,): natural enclosures cut by those about the middles."""
        middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
        half = np.maximum(upper - middle, middle - lower) * MARGIN
        low, high, at = (np.repeat(self.base[None], lower.size, axis=0) for _ in range(3))
        low[:, self.axis], high[:, self.axis], at[:, self.axis] = lower, upper, middle
        with np.errstate(all="ignore"):
            gradient, hessian = self.arena.potential.enclose_batch(low, high)
            center = self.arena.potential.gradient_batch(at, at)
            least, most = hessian.lower[:, :, self.axis], hessian.upper[:, :, self.axis]
            least = np.fmax(least, hessian.lower[:, self.axis, :])
            most = np.fmin(most, hessian.upper[:, self.axis, :])
            spread = np.maximum(np.abs(least), np.abs(most)) * half[:, None] * MARGIN + 1e-300
            below = np.fmax(gradient.lower, np.nextafter(center.lower - spread, -np.inf))
            above = np.fmin(gradient.upper, np.nextafter(center.upper + spread, np.inf))
        return Slopes(
            (below[:, self.axis], above[:, self.axis]),
            (least[:, self.axis], most[:, self.axis]),
            self._signed(below, above),
        )

    def _signed(self, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        low, high = low[:, self.held], high[:, self.held]
        up = self.outward > 0
        return np.where(up, low, -high), np.where(up, high, -low)

    def within(self, center: float, sizes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """[center - size, center + size] cut to the edge."""
        limits = self.arena.limits
        least, most = float(limits.lower[self.axis]), float(limits.upper[self.axis])
        return np.maximum(center - sizes, least), np.minimum(center + sizes, most)

    @property
    def length(self) -> float:
        """Length of the edge."""
        limits = self.arena.limits
        return float(limits.upper[self.axis] - limits.lower[self.axis])


def flows_into(edge: Edge, begin: tuple[float, float], leaves: Spot | None, target: Spot) -> str:
    """Why it is not proved that all points of ``begin`` flow along the edge into ``target``; empty where it is.

    ``leaves``: the equilibrium that the motion starts from, on the side where ``begin``, a point of the edge, lies.
    """
    low, high = begin
    zone = 0.0
    if not target.is_corner:
        zone = _zone(edge, target, lambda s: s.bend[1] < 0)
        if not zone > target.error:
            return "no zone about its end on the edge is proved to attract"
    parts = [(low, target.center - zone, 1.0), (target.center + zone, high, -1.0)]
    if target.is_corner:
        parts = parts[:1] if target.center >= edge.arena.limits.upper[edge.axis] else parts[1:]
    if leaves is not None:
        ahead = 1.0 if low > leaves.center else -1.0
        if not ahead * (target.center - leaves.center) > 0:
            return "its end lies on the other side of its saddle"
        first = _left(edge, leaves, ahead)
        if first is None:
            return "no zone about its saddle on the edge is proved to be left"
        low = high = leaves.center - ahead * leaves.error
        parts = [(first, parts[0][1], 1.0)] if ahead > 0 else [(parts[-1][0], first, -1.0)]
    for least, most, sign in parts:
        if not _everywhere(edge, (least, most), lambda s, sign=sign: _ahead(s, sign)):
            return "it is not proved to go forward along the edge"
    ends = min(low, target.center - target.error), max(high, target.center + target.error)
    if not _everywhere(edge, _rounded(edge, ends), _presses):
        return "a held coordinate is not proved to stay on its side of the box"
    return ""


def leaves_at(
    edge: Edge, begin: tuple[float, float], leaves: Spot | None, end: tuple[float, int, float]
) -> tuple[float, float] | str:
    """Where, in the order of the motion, all points of ``begin`` are proved to come to where one held coordinate is let go first,
    or why it is not proved.

    ``end``: about where, which coordinate, and the sign of the motion. Beyond the second end its slope points inward.
    """
    place, axis, ahead = end
    row = int(np.flatnonzero(edge.held == axis)[0])
    others = np.arange(edge.held.size) != row
    size = NARROWEST * edge.length
    for _ in range(9):
        ends = np.array([place - ahead * size, place + ahead * size])
        at = edge.slopes(ends, ends)
        if at.outward[0][0, row] > 0 and at.outward[1][1, row] < 0:
            break
        size *= 10.0
    else:
        return "where it leaves the side is not enclosed"
    first, last = float(ends[0]), float(ends[1])
    start = held_from = begin[0] if ahead > 0 else begin[1]
    if leaves is not None:
        found = _left(edge, leaves, ahead) if ahead * (begin[0] - leaves.center) > 0 else None
        if found is None:
            return "no zone about its saddle on the edge is proved to be left"
        start, held_from = found, leaves.center - ahead * leaves.error
    if ahead * ((begin[1] if ahead > 0 else begin[0]) - first) > 0:
        return "it is not proved to come before the place where it leaves the side"
    if not _everywhere(edge, _sorted(start, last), lambda s: _ahead(s, ahead)):
        return "it is not proved to go forward along the edge"
    if not _everywhere(edge, _rounded(edge, _sorted(held_from, first)), _presses) or not _everywhere(
        edge, _sorted(first, last), lambda s: np.asarray((s.outward[0][:, others] > 0).all(axis=1))
    ):
        return "a held coordinate is not proved to stay on its side of the box"
    return first, last


def _ahead(slopes: Slopes, sign: float) -> np.ndarray:
    return np.asarray(slopes.along[0] > 0 if sign > 0 else slopes.along[1] < 0)


def _presses(slopes: Slopes) -> np.ndarray:
    return np.asarray((slopes.outward[0] > 0).all(axis=1))


def _sorted(a: float, b: float) -> tuple[float, float]:
    return (a, b) if a <= b else (b, a)


def _rounded(edge: Edge, ends: tuple[float, float]) -> tuple[float, float]:
    """The segment widened by the rounding of its ends, on the edge."""
    more = 1e-15 * max(abs(ends[0]), abs(ends[1]))
    low, high = edge.within(0.0, np.array([np.inf]))
    return max(ends[0] - more, float(low[0])), min(ends[1] + more, float(high[0]))


def _left(edge: Edge, leaves: Spot, ahead: float) -> float | None:
    """Up to where an orbit that leaves ``leaves`` is proved to go on, None where nowhere."""
    zone = _zone(edge, leaves, lambda s: s.bend[0] > 0)
    if not zone > leaves.error:
        return None
    limits = edge.within(leaves.center, np.array([zone]))
    return float(limits[1][0] if ahead > 0 else limits[0][0])


def _zone(edge: Edge, spot: Spot, test: Callable[[Slopes], np.ndarray]) -> float:
    """The largest tried half width of a segment about ``spot`` on which ``test`` holds, 0.0 where none does."""
    sizes = edge.length * ZONES
    low, high = edge.within(spot.center, sizes)
    good = np.flatnonzero(test(edge.slopes(low, high)))
    return float(sizes[good[0]]) * (1.0 - 1e-9) - 1e-15 * abs(spot.center) if good.size else 0.0


def _everywhere(edge: Edge, ends: tuple[float, float], test: Callable[[Slopes], np.ndarray]) -> bool:
    """Whether ``test`` is proved on all of a segment, cut where needed; an empty segment passes."""
    if not ends[0] <= ends[1]:
        return True
    knots = np.linspace(ends[0], ends[1], CELLS + 1)
    knots[0], knots[-1] = ends
    low, high, done = knots[:-1], knots[1:], 0
    for _ in range(DEEPEST):
        open_ = ~test(edge.slopes(low, high))
        done += low.size
        low, high = low[open_], high[open_]
        if not low.size:
            return True
        middle = 0.5 * low + 0.5 * high
        if done > MOST_CELLS or not ((low < middle) & (middle < high)).all():
            return False
        low, high = np.concatenate([low, middle]), np.concatenate([middle, high])
    return False
