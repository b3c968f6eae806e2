"""Where a tube crosses a side of the box, and where the next leg of the projected flow enters its face (8.14).

A tube of the field is led a little beyond the side. Where the field points outward on the part of the side in every slab that
reaches over it, and the last disc lies beyond, each orbit of the tube meets the side within these slabs and is held there.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.slopes import gradients
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import RELEASED, WALL

if TYPE_CHECKING:
    from separatrix.morse.tubes.chords import Chords, Slabs
    from separatrix.morse.tubes.radii import Radii

DEPTH, FARTHEST, ALONG, STEPS = 4e-3, 0.05, 6e-3, 8
BALLS = 0.02 * 0.5 ** np.arange(12)
MARGIN = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class Entry:
    """The box [lower, upper] (dim,), a point in the held coordinates, through which the orbits of a leg enter; ``axis``: the
    coordinate that is held or let go from there on; ``let_go``: that one and the sign of its side where a side lets it go, its
    slope being 0 there. They lie within ``wide`` of the line through ``spine`` (k, dim), by default the corners."""

    lower: np.ndarray
    upper: np.ndarray
    axis: int
    let_go: tuple[int, float] | None = None
    spine: np.ndarray | None = None
    wide: float = 0.0

    @property
    def size(self) -> float:
        """Half the diagonal."""
        return 0.5 * float(np.linalg.norm(self.upper - self.lower))

    @property
    def middle(self) -> np.ndarray:
        """The middle (dim,)."""
        return np.clip(0.5 * self.lower + 0.5 * self.upper, self.lower, self.upper)

    def lid(self, x: np.ndarray, t: np.ndarray) -> tuple[float, float]:
        """(R, shift): the entry lies within R of the line x + s t, at |s| <= shift; ``x``, ``t`` (dim,), |t| = 1."""
        spine = self.spine
        if spine is None:
            moving = np.flatnonzero(self.upper > self.lower)
            ends = np.stack([self.lower, self.upper])[:, moving]
            spine = np.repeat(self.lower[None], 2**moving.size, axis=0)
            spine[:, moving] = np.array(list(itertools.product(*ends.T))).reshape(-1, moving.size)
        away = spine - x
        along = away @ t
        reach = np.linalg.norm(away - along[:, None] * t, axis=1).max()
        noise = 1e-13 * float(np.abs(spine).max() + np.abs(x).max()) + 1e-300
        return (float(reach) + self.wide) * MARGIN + noise, (float(np.abs(along).max()) + self.wide) * MARGIN + noise


@dataclass(frozen=True, eq=False)
class Exit:
    """Where the orbits of a proved tube meet a side: the ``entry`` of the next leg, the ``node`` before, and a bound of how far
    they go ``astray`` from the straight line between that node and the entry's middle."""

    entry: Entry
    node: int
    astray: float


@dataclass(frozen=True, eq=False)
class Crossing:
    """The side of coordinate ``axis`` at ``place``, upper or lower by ``outward``, which is met after the length ``arc``, and the
    ``trace`` led beyond it."""

    axis: int
    outward: float
    place: float
    arc: float
    trace: Trace

    @classmethod
    def of(cls, arena: Arena, trace: Trace) -> Crossing | None:
        """The side that ``trace`` ends on; None where it ends on an edge of its face."""
        x = trace.nodes[-1]
        sides = np.flatnonzero((arena.limits.faces(x[None])[0] != 0) & trace.start.free)
        if sides.size != 1:
            return None
        axis = int(sides[0])
        outward = float(arena.limits.faces(x[None])[0][axis])
        steep = max(float(trace.tangents[-1][axis] * outward), 1e-3)
        return cls(
            axis, outward, float(x[axis]), float(trace.arc[-1]), _led_on(arena, trace, min(DEPTH / steep, FARTHEST))
        )

    def slack(self, x: np.ndarray) -> np.ndarray:
        """Radii (m,) of balls about the rows of ``x`` that lie beyond the side."""
        size = np.abs(x[:, self.axis]) + abs(self.place)
        return self.outward * (x[:, self.axis] - self.place) * (1.0 - 1e-12) - 1e-15 * size

    def exit(self, arena: Arena, chords: Chords, slabs: Slabs, found: Radii) -> Exit | None:
        """Where the orbits of a proved tube meet the side; None where they may do so in the first slab."""
        over, meets = slabs.over[: found.arrived, self.axis], slabs.at_side[: found.arrived, self.axis]
        touched = np.flatnonzero((over == self.outward) & (meets == self.outward))
        if not touched.size or touched[0] == 0:
            return None
        wide = _widths(chords, slabs, found, touched)
        begin, t, h = chords.nodes[touched], chords.t[touched], chords.h[touched]
        ahead = t[:, self.axis] * self.outward
        distance = (self.place - begin[:, self.axis]) * self.outward
        before, after = -chords.overlap[touched], h + chords.overlap[touched]
        with np.errstate(all="ignore"):
            near, far = ((distance + turn * wide) / ahead for turn in (-1.0, 1.0))
        steep = ahead > 1e-6
        low = np.where(steep, np.maximum(near * np.where(near > 0, 1 / MARGIN, MARGIN), before), before)
        high = np.where(steep, np.minimum(far * np.where(far > 0, MARGIN, 1 / MARGIN), after), after)
        corners = np.stack([begin + low[:, None] * t, begin + high[:, None] * t])
        lower, upper = (corners.min(axis=0) - wide[:, None]), (corners.max(axis=0) + wide[:, None])
        hull = np.stack([lower.min(axis=0), upper.max(axis=0)])
        hull[:, self.axis] = self.place
        held = ~self.trace.start.free
        hull[:, held] = begin[0, held]
        hull = np.clip(hull, arena.limits.lower, arena.limits.upper)
        whole = np.concatenate([begin, chords.nodes[touched + 1], hull])
        astray = float(np.linalg.norm(np.ptp(whole, axis=0))) + 2.0 * float(wide.max())
        return Exit(Entry(hull[0], hull[1], self.axis), int(touched[0]), astray * MARGIN)


@dataclass(frozen=True, eq=False)
class Release:
    """The held coordinate ``axis`` that a side, upper or lower by ``outward``, lets go after the length ``arc``, at the end of a
    leg on a face; the ``trace`` is led on within the face."""

    axis: int
    outward: float
    arc: float
    trace: Trace
    arena: Arena

    @classmethod
    def of(cls, arena: Arena, trace: Trace) -> Release:
        """The release at the end of ``trace``."""
        x, start = trace.nodes[-1], trace.start
        slope = np.where(start.free, np.inf, start.outward * gradients(arena.potential, x[None])[0])
        axis = int(slope.argmin())
        return cls(axis, float(start.outward[axis]), float(trace.arc[-1]), _led_on(arena, trace, ALONG), arena)

    def slack(self, x: np.ndarray) -> np.ndarray:
        """Radii (m,) of balls about the rows of ``x`` in the face on which the outward slope is proved negative."""
        sizes = np.append(self.arena.width * BALLS, 0.0)
        spread = sizes[None, :, None] * np.where(self.trace.start.free, MARGIN, 0.0)
        blur = np.where(spread > 0, 1e-15 * np.abs(x)[:, None], 0.0)
        low, high = (x[:, None] + turn * (spread + blur) for turn in (-1.0, 1.0))
        found = self.arena.potential.gradient_batch(low.reshape(-1, x.shape[1]), high.reshape(-1, x.shape[1]))
        above = found.upper if self.outward > 0 else -found.lower
        inward = above[:, self.axis].reshape(len(x), sizes.size) < 0
        return np.where(inward.any(axis=1), sizes[inward.argmax(axis=1)], -np.inf)

    def exit(self, arena: Arena, chords: Chords, slabs: Slabs, found: Radii) -> Exit | None:
        """Where the orbits of a proved tube are let go; None where that may be in the first slab."""
        touched = np.flatnonzero(~slabs.pressing[: found.arrived, self.axis])
        if not touched.size or touched[0] == 0:
            return None
        nodes = np.concatenate([chords.nodes[touched], chords.nodes[touched + 1]])
        wide = float((_widths(chords, slabs, found, touched) + chords.overlap[touched]).max()) * MARGIN
        hull = np.stack([nodes.min(axis=0) - wide, nodes.max(axis=0) + wide])
        hull = np.clip(hull, arena.limits.lower, arena.limits.upper)
        held = ~self.trace.start.free
        hull[:, held] = nodes[0, held]
        astray = float(np.linalg.norm(hull[1] - hull[0])) * MARGIN
        return Exit(Entry(hull[0], hull[1], self.axis, (self.axis, self.outward), nodes, wide), int(touched[0]), astray)


def way_on(arena: Arena, trace: Trace) -> Crossing | Release | None:
    """How a leg of the projected flow goes on from where it ends on a side, None where it does not."""
    if trace.start.sign < 0 or arena.boundary != "project":
        return None
    if trace.reason == WALL:
        return Crossing.of(arena, trace)
    return Release.of(arena, trace) if trace.reason == RELEASED else None


def _widths(chords: Chords, slabs: Slabs, found: Radii, rows: np.ndarray) -> np.ndarray:
    """Radii (k,) about the chords ``rows``, with their overlaps, that hold a proved tube."""
    share = chords.overlap[rows] / np.maximum(chords.h[rows], 1e-300)
    bow = 4.0 * slabs.sagitta[rows] * share * (1.0 + share)
    noise = 1e-13 * (np.abs(chords.nodes[rows]).max(axis=1) + chords.h[rows])
    return (found.within[rows] + bow) * MARGIN + noise


def _led_on(arena: Arena, trace: Trace, length: float) -> Trace:
    """The trace led on by the field of its face, in a few steps of the classical Runge-Kutta method; ``length`` of the width."""
    start, x, slope = trace.start, trace.nodes[-1], trace.tangents[-1]

    def unit(y: np.ndarray) -> np.ndarray:
        g = np.where(start.free, start.sign * gradients(arena.potential, y[None])[0], 0.0)
        return g / max(float(np.linalg.norm(g)), 1e-300)

    h = length * arena.width / STEPS
    nodes, tangents = [trace.nodes], [trace.tangents]
    for _ in range(STEPS):
        one = slope
        two = unit(x + 0.5 * h * one)
        three = unit(x + 0.5 * h * two)
        four = unit(x + h * three)
        x = x + h / 6.0 * (one + 2.0 * two + 2.0 * three + four)
        slope = unit(x)
        if not np.isfinite(slope).all():
            break
        nodes.append(x[None])
        tangents.append(slope[None])
    arc = np.append(trace.arc, trace.arc[-1] + h * np.arange(1, len(nodes)))
    return Trace(start, np.concatenate(nodes), np.concatenate(tangents), arc, trace.reason, trace.target)
