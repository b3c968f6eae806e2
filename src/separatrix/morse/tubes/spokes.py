"""Directions about points of index 2 in space, and gaps between neighbouring ones (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.tubes.approaches import Approach
from separatrix.morse.tubes.traces import Start, Trace

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

DIRECTIONS, SCALES = 48, 4
TOLERANCE = 1e-7
RING, FACET_RING, WIDE = 1e-3, 0.025, 0.025
NARROWEST = 1e-15


@dataclass(frozen=True, eq=False)
class Spoke:
    """A direction about a point: its ``angle``, the ``trace`` that was started there, how that passes other points, and its
    ``lean``: its parts along the slow and the fast direction (2,) where it is first WIDE away from the point."""

    angle: float
    trace: Trace
    passing: Approach
    lean: np.ndarray

    @classmethod
    def of(cls, followed: Followed, angle: float, trace: Trace) -> Spoke:
        """The direction of a trace."""
        row = trace.start.row
        parts = (trace.nodes - followed.points.points[row]) @ followed.basis(row)[:, -2:]
        far = np.linalg.norm(parts, axis=1) >= followed.offset(row, WIDE) * (1.0 - 1e-9)
        return cls(angle, trace, Approach.of(followed, trace), parts[int(far.argmax()) if far.any() else -1])


@dataclass(frozen=True, eq=False)
class Gap:
    """Two neighbouring directions with different ends; or ``alike`` ones that pass a saddle on different sides; or ``wide`` ones
    that turn off from a slow direction on both sides, so that between them all those beside it are."""

    row: int
    left: Spoke
    right: Spoke
    alike: bool = False
    wide: bool = False

    def angle(self, share: float) -> float:
        """The angle at a ``share`` of the way from left to right."""
        return self.left.angle + float(share) * (self.right.angle - self.left.angle)


def direction_at(followed: Followed, row: int, angle: float) -> np.ndarray:
    """The unit vector (dim,) at an angle from the slow unstable direction of the point ``row`` to the fast one."""
    return followed.basis(row)[:, -2:] @ np.array([np.cos(angle), np.sin(angle)])


def first_spokes(followed: Followed, flow: GradientFlow, rows: list[int]) -> list[list[Spoke]]:
    """DIRECTIONS about each of the points ``rows``, by rising angle."""
    starts, angles = [], []
    for row in rows:
        own, held = _first_angles(followed, row), followed.points.active[row]
        for angle in own:
            direction = direction_at(followed, row, angle)
            point = followed.points.points[row] + followed.offset(row, _ring(followed, row)) * direction
            starts.append(Start(row, 1, 1.0, direction, point, held == 0, held.astype(np.float64)))
        angles += own.tolist()
    traces = followed.traced(flow, starts, TOLERANCE)
    spokes = [Spoke.of(followed, angle, trace) for angle, trace in zip(angles, traces, strict=True)]
    return [spokes[k : k + DIRECTIONS] for k in range(0, len(spokes), DIRECTIONS)]


def _ring(followed: Followed, row: int) -> float:
    """The size of the circle of first places; on a side of the box a wide one, for there it lies in the unstable surface."""
    return RING if (followed.points.active[row] == 0).all() else FACET_RING


def _first_angles(followed: Followed, row: int) -> np.ndarray:
    """Angles from the slow direction, as they are where orbits that are even on wider circles leave the circle of first places.

    On the widest one the linear flow alone need not tell where orbits are, so that circles of all sizes between share them.
    From a circle of size WIDE inwards the angle from the slow direction shrinks by ring^(ratio of the rates - 1).
    """
    slow, fast = np.asarray(followed.points.spectra[row])[-2:]
    even = 2.0 * np.pi * (np.arange(DIRECTIONS) + float(followed.rng.random())) / DIRECTIONS
    share = (np.arange(DIRECTIONS) % SCALES) / (SCALES - 1)
    ratio = fast / slow if slow > 0 else np.inf
    narrowing = max(float((_ring(followed, row) / WIDE) ** (ratio - 1.0)), NARROWEST) ** share
    return np.sort(np.arctan2(np.sin(even) * narrowing, np.cos(even)) % (2.0 * np.pi))
