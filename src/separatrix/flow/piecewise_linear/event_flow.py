"""Rows of a one-layer network brought to rest by the event-driven flow, in pieces (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.piecewise_linear.corner_orbits import Corners
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.general_flow import ATOL, RTOL
from separatrix.flow.piecewise_linear.kernel_rows import RowLimits, kernel_of
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.orbit import Limits
from separatrix.flow.projection import FAR, Arena

PIECE = 250
REASONS = (
    "sink",
    "budget",
    "left the box",
    "at infinity: no crease ahead, f rises forever along the ray",
    "stuck: events without progress at a degenerate corner",
    "starts on a repelling crease: the orbit is not unique",
    "stuck: the velocity was not found to rounding",
    "time",
    "meets a repelling crease: the orbit is not unique",
)


def to_rest(
    arena: Arena,
    form: OneLayer,
    starts: np.ndarray,
    *,
    budget: int | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Ends:
    """Every row of ``starts`` (n_rows, dim) to rest under the flow of ``form``, the canonical form of ``arena.potential``.

    Exact events; a curved flow (three classes or more) by a method of order 4 with events located on it. ``budget``: events
    and steps a row. The reasons are REASONS; on the whole space a curved flow that passes the limits has ``arena.left``.

    >>> import separatrix as sx
    >>> net = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, -1.0], [0.0, 0.0]]], [[0.0, 0.0], [1.0, 0.0]])
    >>> arena = Arena.of(sx.margin(net, 0, 1), sx.Box([-1.0], [2.0]), "project")
    >>> ends = to_rest(arena, OneLayer.of(arena.potential), np.array([[-0.5], [1.5]]))
    >>> ends.points.tolist(), ends.reason, ends.time.tolist(), ends.creases[0].tolist()
    ([[0.0], [0.0]], ('sink', 'sink'), [0.5, 1.5], [0, 1])
    """
    if budget is None:
        budget = 10_000 + 20 * (form.weight.shape[0] + form.weight.shape[1])
    parts = slices(starts.shape[0], PIECE)
    pieces = [(arena, form, np.ascontiguousarray(starts[part]), budget) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(piece_to_rest, pieces, sizes, workers, f"flow of the {arena.potential.name}", progress)
    return joined_ends(found, arena.potential.dim)


def joined_ends(parts: list[Ends], dim: int) -> Ends:
    """The ends of several pieces as one record."""
    return Ends(
        np.concatenate([part.points for part in parts] or [np.zeros((0, dim))]),
        tuple(creases for part in parts for creases in part.creases),
        tuple(reason for part in parts for reason in part.reason),
        np.concatenate([part.time for part in parts] or [np.zeros(0)]),
        np.concatenate([part.n_events for part in parts] or [np.zeros(0, dtype=np.int64)]),
    )


def piece_to_rest(arena: Arena, form: OneLayer, starts: np.ndarray, budget: int) -> Ends:
    """One piece of rows."""
    from separatrix.flow.piecewise_linear.event_kernel import (
        AMBIGUOUS,
        CODE,
        GONE,
        N_EVENTS,
        OFF,
        PLACES,
        REACHED,
        VERTEX,
    )

    field = Field.of(arena.potential, arena.domain, arena.boundary)
    corners = Corners(field, form, Limits(np.inf, RTOL, ATOL, budget, FAR))
    kernel = kernel_of(form, arena.domain, arena.bounds, arena.limits)
    rows = kernel.run_all(starts, RowLimits(budget), corners)
    points, table, codes = rows.points, rows.table, rows.table[:, CODE].astype(np.int64)
    creases = [corners.neurons(row[PLACES:] != OFF) for row in table]
    reasons = [arena.left if code == GONE else REASONS[code] for code in codes]
    for row in np.flatnonzero((codes == AMBIGUOUS) | (codes == VERTEX)).tolist():
        orbit = corners.go_on(rows.handed(row))
        points[row], creases[row], reasons[row] = orbit.x, orbit.creases, orbit.reason
        table[row, REACHED], table[row, N_EVENTS] = orbit.time, orbit.n_events
    return Ends(points, tuple(creases), tuple(reasons), table[:, REACHED].copy(), table[:, N_EVENTS].astype(np.int64))
