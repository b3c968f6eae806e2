"""Directions about points of index 2 and, backwards, of index 1 in space: where a few of them lead (9.4)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.tracing import SADDLE, SPENT, STANDS, Start, Tracer

DIRECTIONS, FIRST, RING = 8, 0.318, 1e-3
LEFT, UNDECIDED = -1, -2


def spoke_ends(flow: GradientFlow, points: CriticalPoints) -> list[tuple[int, bool, int]]:
    """(row, whether followed upwards, row of the end): LEFT where it leaves the box, UNDECIDED where it was not told.

    Points of index 2 upwards in their unstable planes, points of index 1 downwards in their stable planes. Floating point.
    """
    followed = Followed.of(flow.arena, points, np.random.default_rng(0))
    starts = []
    for row in np.flatnonzero((points.indices == 2) | (points.indices == 1)):
        sign = 1.0 if points.indices[row] == 2 else -1.0
        basis = followed.basis(int(row))
        plane = basis[:, -2:] if sign > 0 else basis[:, :2]
        for angle in 2.0 * np.pi * (np.arange(DIRECTIONS) + FIRST) / DIRECTIONS:
            direction = plane @ np.array([np.cos(angle), np.sin(angle)])
            point = points.points[row] + followed.offset(int(row), RING) * direction
            starts.append(Start(int(row), 1, sign, direction, point, np.ones(3, dtype=bool), np.zeros(3)))
    traces = Tracer(flow.arena, followed.goals, starts).run()
    return [
        (
            trace.start.row,
            trace.start.sign > 0,
            UNDECIDED if trace.reason in (SADDLE, SPENT, STANDS) else trace.target,
        )
        for trace in traces
    ]
