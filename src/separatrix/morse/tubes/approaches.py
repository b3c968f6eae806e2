"""How orbits in space pass the points of index 1: on which side of their stable manifolds, and how far beside them (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.morse.tubes.traces import Trace

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

OFF = 0.8  # of the distance from a point: along its unstable direction, once an orbit has turned off
BESIDE = 0.75  # of the distance to the next point of the list: from further off nothing is said
TILTED = 0.25


@dataclass(frozen=True, eq=False)
class Approach:
    """Of one orbit to the m points ``rows`` of index 1: ``node`` (m,) of the trace that is nearest, ``side`` (m,), ``tilt`` (m,).

    ``side``: w |s|^p there, w and s the parts along the point's unstable and stable directions, s in units of the ball that is
    looked at, p the ratio of the rates: constant along orbits of the linear flow, the distance from the stable manifold at
    which it comes into the ball, and smooth in the direction in which an orbit leaves; 0 where it does not come into the ball.
    ``tilt``: |w| / |(w, s)|. ``turn``: +1 or -1, the side to which it turns off in the ball, where w outgrows all else; 0 where
    it does not, or where that is not the side on which it passed.
    """

    rows: np.ndarray
    node: np.ndarray
    side: np.ndarray
    tilt: np.ndarray
    turn: np.ndarray

    @classmethod
    def of(cls, followed: Followed, trace: Trace) -> Approach:
        """How ``trace`` passes the points of the list."""
        points = followed.points
        rows = np.flatnonzero(points.indices == 1)
        shift = trace.nodes - points.points[rows, None]
        away = np.sqrt((shift * shift).sum(axis=2))
        node, every = away.argmin(axis=1), np.arange(rows.size)
        size = BESIDE * followed.goals[1.0].spacing[rows]
        side, tilt, turn = np.zeros(rows.size), np.ones(rows.size), np.zeros(rows.size, dtype=np.int64)
        for k in np.flatnonzero(away[every, node] <= size):
            parts, rates = shift[k, node[k]] @ followed.basis(int(rows[k])), np.asarray(points.spectra[rows[k]])
            power = rates[-1] / -rates[-2] if rates.size > 1 else 0.0
            side[k] = parts[-1] * (float(np.linalg.norm(parts[:-1])) / size[k]) ** power
            tilt[k] = abs(parts[-1]) / max(float(away[k, node[k]]), 1e-300)
            turn[k] = _turned(shift[k, node[k] :] @ followed.basis(int(rows[k]))[:, -1], away[k, node[k] :], size[k])
            turn[k] *= turn[k] == np.sign(side[k])
        return cls(rows, node, side, tilt, turn)

    def parted(self, other: Approach) -> np.ndarray:
        """Which points two orbits pass on different sides, (m,)."""
        return self.side * other.side < 0

    def close(self, other: Approach, distance: float) -> np.ndarray:
        """Those of them whose stable manifolds both come within ``distance`` of, and follow until they turn off."""
        near = np.maximum(np.abs(self.side), np.abs(other.side)) <= distance
        return self.parted(other) & near & (np.maximum(self.tilt, other.tilt) <= TILTED)


def _turned(w: np.ndarray, away: np.ndarray, size: float) -> int:
    """The sign of the unstable part ``w`` (m,) where it is first most of the distance ``away`` (m,), within ``size``; else 0."""
    off = np.flatnonzero((np.abs(w) >= OFF * away) & (away <= size))
    return int(np.sign(w[off[0]])) if off.size else 0
