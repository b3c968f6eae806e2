"""Whether a traced branch passes a saddle so near its stable manifold that the integration cannot tell what follows (§3).

In the saddle's eigencoordinates an orbit with stable part s and unstable part w entered the ball of radius R at the distance
|w| (|s| / R)^(lambda_u / lambda_s) from the stable manifold. Where that is below a thousand tolerances its end is chance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.morse.tubes.goals import spacing
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import TOLERANCE

BALL, DOUBTFUL = 0.2, 1e3 * TOLERANCE


@dataclass(frozen=True)
class Passage:
    """The point ``row`` that is passed, the ``node`` of the trace nearest to it, the ``distance`` there, and ``entry``: the
    distance from its stable manifold at which the orbit came in."""

    row: int
    node: int
    distance: float
    entry: float


def passages(
    arena: Arena,
    points: CriticalPoints,
    trace: Trace,
    basis: Callable[[int], np.ndarray],
    doubtful: float = DOUBTFUL,
) -> list[Passage]:
    """The saddles that ``trace`` enters within ``doubtful`` widths of their stable manifolds, in the flow of its sign."""
    found = []
    sizes = spacing(points.points, arena.width)
    for row in range(len(points)):
        if row == trace.start.row:
            continue
        ball = BALL * float(sizes[row])
        shift = trace.nodes - points.points[row]
        away = np.linalg.norm(shift, axis=1)
        node = int(away.argmin())
        if away[node] > 0.5 * ball or ((points.active[row] != 0).any() and not _on_face(shift, points.active[row])):
            continue
        rates = trace.start.sign * np.asarray(points.spectra[row])
        held = bool((points.active[row] != 0).any())
        if not ((rates > 0).any() and ((rates < 0).any() or held)):
            continue
        parts = shift[away <= ball] @ basis(row)
        if not (rates < 0).any():  # the orbits that come to it do so through its held coordinates, in finite time
            entry = float(np.linalg.norm(parts, axis=1).min())
            if entry <= doubtful * arena.width:
                found.append(Passage(row, node, float(away[node]), entry))
            continue
        w, s = (np.linalg.norm(parts[:, chosen], axis=1) for chosen in (rates > 0, rates < 0))
        power = float(rates.max()) / float(-rates[rates < 0].max())
        entry = float((w * np.minimum(s / ball, 1.0) ** power).min())
        if entry <= doubtful * arena.width:
            found.append(Passage(row, node, float(away[node]), entry))
    return found


def _on_face(shift: np.ndarray, active: np.ndarray) -> bool:
    return bool((np.abs(shift[:, active != 0]).min(axis=0) == 0).all())
