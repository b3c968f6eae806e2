"""Tubes about arcs of directions at a point of index 2 in space, and about their ends (§8, (8.12))."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.chords import Chords, Slabs, enclosed
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.morse.tubes.radii import Radii, expected, radii
from separatrix.morse.tubes.traces import Trace

ROUNDS, FIRST_CHORDS, MOST_CHORDS, SAMPLES = 4, 96, 1600, 400
ROOMY, THIN = 1.5, 2e-3
WIDE, SLIM = 0.4, 0.05
MARGIN = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class Arc:
    """Directions about p within ``half`` radians of that of ``middle``, at the distance ``length``, with the ``slope`` of p's
    disc; ``middle`` and the two ``sides``, at the ends of the arc: traces."""

    frame: Eigenframe
    half: float
    length: float
    slope: float
    middle: Trace
    sides: tuple[Trace, Trace]

    def lid(self, chords: Chords, trace: Trace, half: float) -> tuple[float, float]:
        """(R, shift): the part within ``half`` radians of the start of ``trace`` lies within R of the first node, and within
        ``shift`` of the first chord's plane."""
        frame, first, t = self.frame, chords.nodes[0], chords.t[0]
        ahead = trace.start.direction
        plane = frame.vectors[:, 1:]
        tangent = plane @ (np.array([[0.0, -1.0], [1.0, 0.0]]) @ (plane.T @ ahead))
        middle = frame.center + self.length * ahead
        size = float(np.abs(frame.center).max() + np.abs(first).max() + self.length)
        noise = 1e-13 * size + np.sqrt(first.size) * frame.error * MARGIN + float(np.linalg.norm(first - middle))
        noise += frame.defect * first.size * self.length * 4.0
        rise, bow = self.slope * self.length, 0.5 * self.length * half**2
        reach = (rise + self.length * half) * (1.0 + 1e-6) + noise
        shift = (rise + bow + abs(float(t @ tangent)) * self.length * half) * (1.0 + 1e-6) + noise
        return reach * MARGIN, shift * MARGIN

    def tubes(self, across: float) -> list[ArcTube]:
        """The wide tube and the two thin ones, yet to be proved, into a block of half width ``across``."""
        found = []
        for trace, half in ((self.middle, self.half), (self.sides[0], 0.0), (self.sides[1], 0.0)):
            s = _partition(self.length, trace)
            x = trace.at(s)[0]
            size = max(self.slope, THIN) * np.linalg.norm(x - self.frame.center, axis=1)
            if half:
                size += np.max([_gaps(x, side) for side in self.sides], axis=0)
            enough = (WIDE if half else SLIM) * across
            found.append(ArcTube(self, trace, half, enough, s, ROOMY * np.maximum(size[:-1], size[1:])))
        return found


@dataclass(eq=False)
class ArcTube:
    """A tube along all of ``trace`` from the directions within ``half`` radians of it: the chords and what came of them.

    It is made finer until its last radius is ``enough``.
    """

    arc: Arc
    trace: Trace
    half: float
    enough: float
    s: np.ndarray
    room: np.ndarray
    chords: Chords | None = None
    found: Radii | None = None
    is_done: bool = False

    @property
    def last(self) -> tuple[np.ndarray, float] | None:
        """Middle and radius of the last disc, None where the tube is not proved up to there."""
        if self.chords is None or self.found is None or self.found.arrived < 0:
            return None
        return self.chords.nodes[-1], float(self.found.at_nodes[-1])

    def judge(self, slabs: Slabs, lid: tuple[float, float]) -> None:
        """Radii from what is enclosed, or a finer partition."""
        chords = self.chords
        assert chords is not None
        ends = np.append(np.full(len(chords), -np.inf), np.inf)
        self.found = radii(chords, slabs, lid, ends, must_stay=True)
        with np.errstate(all="ignore"):
            delta, mu = (
                slabs.drift / slabs.lowest,
                slabs.growth / np.where(slabs.growth > 0, slabs.lowest, slabs.highest),
            )
        known = (slabs.lowest > 0) & np.isfinite(delta) & np.isfinite(mu)
        has_come = self.found.arrived >= 0 and float(self.found.at_nodes[-1]) <= self.enough
        self.is_done = has_come or not known.any() or 2 * len(chords) > MOST_CHORDS
        if self.is_done:
            return
        delta = np.where(known, delta, float(np.median(delta[known]))) / 4.0  # of second order in the chords' length
        likely = expected(chords, delta, np.where(known, mu, 0.0), lid[0])
        wanted = np.minimum(ROOMY * np.maximum(likely[:-1], likely[1:]), 4.0 * chords.room)
        self.s = np.sort(np.concatenate([self.s, 0.5 * (self.s[:-1] + self.s[1:])]))
        self.room = np.repeat(wanted, 2)


def follow(arena: Arena, tubes: list[ArcTube]) -> None:
    """Prove the tubes as far as that goes, in a few rounds of finer chords, each from one batch of enclosures."""
    for _ in range(ROUNDS):
        open_ = [tube for tube in tubes if not tube.is_done]
        if open_:
            _enclose(arena, open_)


def _enclose(arena: Arena, tubes: list[ArcTube]) -> None:
    branches, lids = [], []
    for tube in tubes:
        tube.chords = chords = Chords.along(tube.trace, tube.s, tube.room)
        lids.append(tube.arc.lid(chords, tube.trace, tube.half))
        chords.room[0] = max(chords.room[0], 1.5 * lids[-1][0])
        branches.append((chords, lids[-1][1]))
    found = enclosed(arena, branches, np.ones(3, dtype=bool), np.zeros(3), [1.0] * len(tubes))
    for tube, slabs, lid in zip(tubes, found, lids, strict=True):
        tube.judge(slabs, lid)


def _gaps(x: np.ndarray, trace: Trace) -> np.ndarray:
    """Distances (m,) of the rows of ``x`` to a trace."""
    others = trace.at(np.linspace(0.0, float(trace.arc[-1]), SAMPLES))[0]
    return np.linalg.norm(x[:, None] - others, axis=2).min(axis=1)


def _partition(length: float, trace: Trace) -> np.ndarray:
    """Arc lengths along all of ``trace`` in steps that grow with the distance from the point, ``length`` at first."""
    reach = float(trace.arc[-1])
    ratio = np.log1p(reach / length) / FIRST_CHORDS
    return np.append(length * np.expm1(ratio * np.arange(FIRST_CHORDS)), reach)
