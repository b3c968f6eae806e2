"""The compiled flow of one hidden layer, called on batches of rows (§5)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from separatrix.domains import Box
from separatrix.flow.piecewise_linear.corner_orbits import Corners, Handed, keys_of
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.projection import Bounds

FIRST_TRACE = 4096
MOST_CORNERS = 100
TOLERANCE, REST = 1e-7, 1e-10


@dataclass(frozen=True)
class RowLimits:
    """``budget``: events and steps a row; ``t_max``; of curved flows ``tolerance``, and ``rest``, the speed that counts as
    zero in units of the gradient's bound."""

    budget: float
    t_max: float = np.inf
    tolerance: float = TOLERANCE
    rest: float = REST


@dataclass(frozen=True, eq=False)
class Rows:
    """What the kernel says of rows: ``points`` (r, dim); ``velocities`` (r, 2, dim) at the end and before it; ``table``;
    ``paths``: times (p,) and points (p, dim) a row, where they are kept."""

    points: np.ndarray
    velocities: np.ndarray
    table: np.ndarray
    paths: list[tuple[np.ndarray, np.ndarray]]

    def go_on(self, row: int, more: Rows) -> None:
        """``row`` goes on with the only one of ``more``."""
        from separatrix.flow.piecewise_linear.event_kernel import CODE, PATH_END, PLACES, REACHED

        time, table = self.table[row, REACHED], self.table
        self.points[row], self.velocities[row] = more.points[0], more.velocities[0]
        table[row, REACHED:PATH_END] += more.table[0, REACHED:PATH_END]
        table[row, CODE], table[row, PLACES:] = more.table[0, CODE], more.table[0, PLACES:]
        if self.paths:
            (times, points), (later, onward) = self.paths[row], more.paths[0]
            self.paths[row] = np.append(times[:-1], time + later), np.vstack([points[:-1], onward])

    def handed(self, row: int) -> Handed:
        """``row`` for the general flow, come with the velocity of its last move."""
        from separatrix.flow.piecewise_linear.event_kernel import N_CURVED, N_EVENTS, PLACES, REACHED

        told = self.table[row]
        events, curved = int(told[N_EVENTS]), int(told[N_CURVED])
        return Handed(
            self.points[row], self.velocities[row, 1], told[PLACES:], float(told[REACHED]), events, events + curved
        )

    def keys(self, chosen: np.ndarray) -> list[bytes]:
        """Of the rows ``chosen`` what the general flow's answer depends on."""
        from separatrix.flow.piecewise_linear.event_kernel import N_EVENTS, PLACES

        told = self.table[chosen]
        return keys_of(self.points[chosen], self.velocities[chosen, 1], told[:, PLACES:], told[:, N_EVENTS])


@dataclass(frozen=True, eq=False)
class Kernel:
    """The kernel for a flow: ``form``; ``net``, the arrays that it reads."""

    form: OneLayer
    net: Any

    @classmethod
    def of(cls, form: OneLayer, bounds: Bounds, limits: Bounds | None) -> Kernel:
        """The flow of ``form`` held by ``bounds``; a row that passes ``limits`` has left."""
        from separatrix.flow.piecewise_linear.event_kernel_state import Form

        far = np.full(bounds.lower.shape[0], np.inf)
        low, high = (-far, far) if limits is None else (limits.lower, limits.upper)
        norms = np.sqrt((form.weight * form.weight).sum(axis=1))
        arrays = (
            form.weight,
            form.weight.T,
            np.vstack([bounds.lower, bounds.upper, low, high, form.base]),
            np.vstack([form.bias, norms, form.output.T]),
        )
        return cls(form, Form(*(np.array(array, dtype=np.float64, order="C") for array in arrays)))

    def run(self, starts: np.ndarray, sides: np.ndarray | None, limits: RowLimits, keep: bool = False) -> Rows:
        """Every row of ``starts`` (r, dim); ``sides`` (r, m) of creases through them, negative where not known."""
        from separatrix.flow.piecewise_linear.event_kernel import PATH_END, PLACES, flow_rows
        from separatrix.flow.piecewise_linear.event_kernel_state import new_state

        form, (r, n) = self.form, starts.shape
        m = form.bias.shape[0]
        sides = np.full((r, m), -1.0) if sides is None else sides
        state = new_state(n, m, form.constant, form.sign, form.gradient_scale)
        points, velocities, table = np.zeros((r, n)), np.zeros((2 * r, n)), np.zeros((r, PLACES + m))
        paths: list[tuple[np.ndarray, np.ndarray]] = []
        room, done = FIRST_TRACE if keep else 0, 0
        while done < r:
            trace = np.zeros((room, 1 + n))
            asked = np.array([done, limits.budget, limits.t_max, limits.tolerance, limits.rest])
            results = points, velocities, table, trace
            before, done = (
                done,
                flow_rows(self.net, state, (starts, sides), asked, results, None if form.is_linear else True),
            )
            if keep:
                ends = table[before:done, PATH_END].astype(np.int64)
                parts = np.split(trace[: ends[-1]], ends[:-1]) if ends.size else []
                paths.extend((part[:, 0].copy(), part[:, 1:].copy()) for part in parts)
                room *= 1 if done > before else 4  # a path longer than all the room
        return Rows(points, velocities.reshape(r, 2, n), table, paths)

    def run_all(self, starts: np.ndarray, limits: RowLimits, corners: Corners, keep: bool = False) -> Rows:
        """Like :meth:`run`; where the general flow knows the only way to leave convex creases, at a start or at a corner,
        rows take it. The others are left AMBIGUOUS, or at a VERTEX."""
        from separatrix.flow.piecewise_linear.event_kernel import AMBIGUOUS, CODE, VERTEX

        rows = self.run(starts, None, limits, keep)
        for row in np.flatnonzero(np.isin(rows.table[:, CODE], (AMBIGUOUS, VERTEX))).tolist():
            for _ in range(MOST_CORNERS):
                here = rows.handed(row)
                sides = corners.sides(here) if rows.table[row, CODE] in (AMBIGUOUS, VERTEX) else None
                if sides is None:
                    break
                left = replace(limits, budget=limits.budget - here.n_steps, t_max=limits.t_max - here.time)
                rows.go_on(row, self.run(here.x[None], sides[None], left, keep))
        return rows


def kernel_of(form: OneLayer, domain: Any, bounds: Bounds, limits: Bounds) -> Kernel:
    """The kernel with limits only where the bounds do not hold the flow."""
    is_held = bool(np.isfinite(bounds.lower).all())
    # a polygon on the whole space needs no limit: its last ray is known
    has_limits = not is_held and (isinstance(domain, Box) or not form.is_linear)
    return Kernel.of(form, bounds, limits if has_limits else None)
