"""Rows flowed to rest in piecewise linear networks of any depth, with the engine of the trajectories (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.orbit import Limits, Orbit
from separatrix.flow.projection import FAR, Arena

PIECE = 16
BUDGET = 20_000
RTOL, ATOL = 1e-6, 1e-7


def to_rest(
    arena: Arena,
    starts: np.ndarray,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
    budget: int = BUDGET,
) -> Ends:
    """Flow every row of ``starts`` (n, dim) to rest, or until it has spent ``budget`` events and steps.

    Reasons: "sink" (a strict maximum by the conditions of §5), "at rest, no strict maximum", "left the box", "budget", or
    one that begins with "at infinity", "starts on", "meets" or "stuck".

    >>> import separatrix as sx
    >>> net = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, -1.0], [0.0, 0.0]]], [[0.0, 0.0], [1.0, 0.0]])
    >>> ends = to_rest(sx.GradientFlow(sx.margin(net, 0, 1), sx.WholeSpace(1)).arena, np.array([[-0.5], [2.0]]))
    >>> ends.points.tolist(), ends.reason, ends.time.tolist()
    ([[0.0], [0.0]], ('sink', 'sink'), [0.5, 2.0])
    """
    flow = Field.of(arena.potential, arena.domain, arena.boundary)
    pieces = [(flow, starts[part], budget) for part in slices(starts.shape[0], PIECE)]
    sizes = [piece[1].shape[0] for piece in pieces]
    orbits = [
        orbit for part in run_pieces(_rest_of, pieces, sizes, workers, "flow to rest", progress) for orbit in part
    ]
    points, creases, reasons, times, events = zip(*orbits, strict=True) if orbits else ((), (), (), (), ())
    return Ends(
        points=np.array(points).reshape(starts.shape),
        creases=tuple(creases),
        reason=tuple(reasons),
        time=np.array(times, dtype=np.float64),
        n_events=np.array(events, dtype=np.int64),
    )


def _rest_of(flow: Field, starts: np.ndarray, budget: int) -> list[tuple[np.ndarray, np.ndarray, str, float, int]]:
    limits = Limits(np.inf, RTOL, ATOL, budget, FAR)
    orbits = [Orbit(flow, start, limits).run() for start in starts]
    return [(orbit.x, orbit.creases, orbit.reason, orbit.time, orbit.n_events) for orbit in orbits]
