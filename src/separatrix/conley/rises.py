"""By how much f rises, at the least, along every orbit that leaves or reaches an equilibrium (9.6).

In the eigencoordinates xi = V^T (x - p) of a point p the gradient is V^T grad f = A xi, A in V^T H V (I + E) for the Hessians H
on a convex set around p (:mod:`separatrix.morse.tubes.eigenframes`). If |A_ii| - sum_j |A_ij| >= k for all i, the gradient
is at least k |xi| long in the max norm. An orbit that leaves the box |xi| <= r crosses the shell beyond r/2, a length of r/2
at least, and f rises there by k r^2 / 4. So no orbit joins two points whose values differ by less, as symmetric saddles' do.
"""

from __future__ import annotations

import numpy as np

from separatrix.conley.morse_sets import Nodes
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.morse.tubes.eigenframes import Eigenframe

SHARES = (0.2, 0.05, 0.01, 0.002)
ROUNDING = 0.999  # V is orthogonal up to 1e-8, the point is known up to far less than r


def least_rises(arena: Arena, points: CriticalPoints, nodes: Nodes) -> np.ndarray:
    """Lower bounds (N,) of the rise of f along orbits between a node and any other, 0 where nothing is proved."""
    found = np.zeros(len(nodes))
    for row in range(len(points)):
        frame = Eigenframe.at(arena, points, row) if nodes.is_proved[row] else None
        if frame is None or frame.free.size < frame.center.size:
            continue
        away = np.maximum(nodes.lower - frame.center, frame.center - nodes.upper).max(axis=1)
        away[row] = np.inf
        sides = min(float((frame.center - arena.limits.lower).min()), float((arena.limits.upper - frame.center).min()))
        room = min(float(away.min()), sides) / np.sqrt(frame.center.size)
        for share in SHARES:
            if found[row] == 0.0 and share * room > 1e3 * frame.error:
                found[row] = _rise(arena, frame, share * room)
    return found


def _rise(arena: Arena, frame: Eigenframe, reach: float) -> float:
    """The bound of the module's head for r = ``reach``; 0 where nothing is proved."""
    lower, upper = frame.hull(np.full((1, frame.free.size), reach))
    with np.errstate(all="ignore"):
        matrix = frame.in_coordinates(arena.potential.enclose_batch(lower, upper)[1], 1.0).to_interval()[0]
    if not np.isfinite(matrix.magnitude).all():
        return 0.0
    size = matrix.magnitude.copy()
    np.fill_diagonal(size, 0.0)
    slope = float((np.diagonal(matrix.mignitude) - size.sum(axis=1) * (1.0 + 1e-12)).min())
    return max(0.25 * ROUNDING * slope * reach**2, 0.0)
