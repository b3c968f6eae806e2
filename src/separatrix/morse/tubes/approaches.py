"""How orbits in space pass the points of index 1: on which side of their stable manifolds, and how far beside them (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.morse.tubes.traces import Trace

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

BESIDE = 0.75  # of the distance to the next point of the list: from further off nothing is said
TILTED = 0.25


@dataclass(frozen=True, eq=False)
class Approach:
    """Of one orbit to the m points ``rows`` of index 1: ``node`` (m,) of the trace that is nearest, ``side`` (m,), ``tilt`` (m,).

    ``side``: w |s|^p there, w and s the parts along the point's unstable and stable directions, s in units of the ball that is
    looked at, p the ratio of the rates: constant along orbits of the linear flow, the distance from the stable manifold at
    which it comes into the ball, and smooth in the direction in which an orbit leaves; 0 where it does not come into the ball.
    ``tilt``: |w| / |(w, s)|.
    """

    rows: np.ndarray
    node: np.ndarray
    side: np.ndarray
    tilt: np.ndarray

    @classmethod
    def of(cls, followed: Followed, trace: Trace) -> Approach:
        """How ``trace`` passes the points of the list."""
        points = followed.points
        rows = np.flatnonzero(points.indices == 1)
        shift = trace.nodes - points.points[rows, None]
        away = np.sqrt((shift * shift).sum(axis=2))
        node, every = away.argmin(axis=1), np.arange(rows.size)
        size = BESIDE * followed.goals[1.0].spacing[rows]
        side, tilt = np.zeros(rows.size), np.ones(rows.size)
        for k in np.flatnonzero(away[every, node] <= size):
            parts, rates = shift[k, node[k]] @ followed.basis(int(rows[k])), np.asarray(points.spectra[rows[k]])
            power = rates[-1] / -rates[-2] if rates.size > 1 else 0.0
            side[k] = parts[-1] * (float(np.linalg.norm(parts[:-1])) / size[k]) ** power
            tilt[k] = abs(parts[-1]) / max(float(away[k, node[k]]), 1e-300)
        return cls(rows, node, side, tilt)

    def parted(self, other: Approach) -> np.ndarray:
        """Which points two orbits pass on different sides, (m,)."""
        return self.side * other.side < 0

    def close(self, other: Approach, distance: float) -> np.ndarray:
        """Those of them whose stable manifolds both come within ``distance`` of, and follow until they turn off."""
        near = np.maximum(np.abs(self.side), np.abs(other.side)) <= distance
        return self.parted(other) & near & (np.maximum(self.tilt, other.tilt) <= TILTED)
