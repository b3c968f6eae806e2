"""Rows of a one-layer network brought to rest by the event-driven flow, in pieces (§5)."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from separatrix.domains import Box
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.projection import Arena

PIECE, MOST_CONVEX = 250, 10
REASONS = (
    "sink",
    "budget",
    "left the box",
    "at infinity: no crease ahead, f rises forever along the ray",
    "stuck: events without progress at a degenerate corner",
    "starts on a repelling crease: the orbit is not unique",
    "stuck: the velocity was not found to rounding",
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
    from separatrix.flow.piecewise_linear.event_kernel import AMBIGUOUS, GONE

    net = kernel_form(arena, form)
    points, _, table = _run(net, starts, np.full((starts.shape[0], form.weight.shape[0]), -1.0), budget)
    for row in np.flatnonzero(table[:, 0] == AMBIGUOUS):
        sides = _only_sides(net, starts[row], np.flatnonzero(table[row, 4:] == 2.0), form)
        if sides is not None:
            found = _run(net, starts[row : row + 1], sides[None], budget)
            points[row], table[row] = found[0][0], found[2][0]
    codes = table[:, 0].astype(np.int64)
    return Ends(
        points,
        tuple(_neurons(form, np.flatnonzero(row[4:])) for row in table),
        tuple(arena.left if code == GONE else REASONS[code] for code in codes),
        table[:, 1].copy(),
        table[:, 2].astype(np.int64),
    )


def _run(net: Any, starts: np.ndarray, sides: np.ndarray, budget: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(points, velocities, table) of the kernel."""
    from separatrix.flow.piecewise_linear.event_kernel import flow_rows

    both, table = np.zeros((2, *starts.shape)), np.zeros((starts.shape[0], 4 + sides.shape[1]))
    flow_rows(net, (starts, sides), budget, (both, table), None if net.constant.shape[0] == 1 else True)
    return both[0], both[1], table


def _only_sides(net: Any, start: np.ndarray, convex: np.ndarray, form: OneLayer) -> np.ndarray | None:
    """The sides (m,) of the convex creases through ``start`` to which the flow goes; None where that is not unique.

    Every choice of sides is tried: it is consistent if its own velocity leads to those sides, or along the creases.
    """
    if convex.size > MOST_CONVEX:
        return None
    patterns = np.array(list(itertools.product((0.0, 1.0), repeat=convex.size)))
    sides = np.full((patterns.shape[0], form.weight.shape[0]), -1.0)
    sides[:, convex] = patterns
    _, velocity, table = _run(net, np.tile(start, (patterns.shape[0], 1)), sides, 0)
    normals = form.weight[convex]
    speed, size = velocity @ normals.T, np.abs(velocity) @ np.abs(normals).T
    along = np.abs(speed) <= 1e-13 * size
    fits = (along | ((speed > 0) == (patterns == 1.0))).all(axis=1) & (table[:, 0] == 1)
    chosen = np.flatnonzero(fits)
    if not chosen.size or np.abs(velocity[chosen] - velocity[chosen[0]]).max() > 1e-11 * form.gradient_scale:
        return None
    return sides[chosen[0]]


def _neurons(form: OneLayer, creases: np.ndarray) -> np.ndarray:
    """The network's neurons of these creases, ascending."""
    found = [form.neurons[crease] for crease in creases]
    return np.sort(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)


def kernel_form(arena: Arena, form: OneLayer) -> Any:
    """The arrays that the kernel reads; limits only where the box does not hold the flow."""
    from separatrix.flow.piecewise_linear.event_kernel_state import Form

    is_box, is_held = isinstance(arena.domain, Box), bool(np.isfinite(arena.bounds.lower).all())
    # a polygon on the whole space needs no limit: its last ray is known
    has_limits = not is_held and (is_box or not form.is_linear)
    far = np.full(arena.domain.dim, np.inf)
    low, high = (arena.limits.lower, arena.limits.upper) if has_limits else (-far, far)
    arrays = (
        form.base, form.constant, form.weight, form.weight.T, form.bias, form.output,
        np.sqrt((form.weight * form.weight).sum(axis=1)), arena.bounds.lower, arena.bounds.upper, low, high,
        np.array([form.sign]), np.array([form.gradient_scale]),
    )  # fmt: skip
    return Form(*(np.array(array, dtype=np.float64, order="C") for array in arrays))
