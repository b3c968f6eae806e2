"""Orbits started beside the equilibria of a piecewise linear flow, followed from event to event: where they lead (§9).

The two branches of a saddle are none here: orbits run together on creases, and what leaves a point may fill a whole cone. So
orbits beside a point show pairs of the order without proof.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.conley.order import Case
from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.numerics.generators import generator_of

STARTS, NEAR, SAME, LONGEST = 24, 1e-4, 1e-6, 1e6


def sampled_orbits(case: Case, rng: Any) -> np.ndarray:
    """(N, N) bool: pairs (p, q) such that an orbit that starts beside the point p ends at the sink q, where f is larger."""
    flow, points, n = case.flow, case.points, len(case.points)
    found = np.zeros((len(case.nodes), len(case.nodes)), dtype=bool)
    rows = np.repeat(np.flatnonzero(points.indices != 0), STARTS)
    box = flow.domain
    if not rows.size or not isinstance(box, Box):
        return found
    directions = generator_of(rng).normal(size=(rows.size, box.dim))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    starts = box.clip(points.points[rows] + NEAR * float(box.width.max()) * directions)
    same_orbits = GradientFlow(flow.arena.potential, box, flow.boundary)  # in which probabilities do not vanish
    # with sinks to stop at, rows are followed without the compiled flow, which takes longer to make than these few to follow
    ways = same_orbits.trajectories(starts, t_max=LONGEST, stop=points, keep_paths=False)
    stays = np.array([reason == "sink" for reason in ways.reason])
    gaps = np.abs(ways.end[:, None] - points.points).max(axis=2)
    reach = np.maximum(np.nan_to_num(points.radius), SAME * float(box.width.max()))
    gaps = np.where(
        (gaps <= reach) & (points.indices == 0), gaps, np.inf
    )  # boxes in which a sink is the only equilibrium
    ends = gaps.argmin(axis=1)
    meets = stays & np.isfinite(gaps.min(axis=1)) & (points.values[ends] > points.values[rows])
    found[rows[meets], ends[meets]] = True
    found[n:] = False
    return found
