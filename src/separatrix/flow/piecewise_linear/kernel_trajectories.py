"""Trajectories of networks with one hidden layer by the compiled flow; corners and ends are the general flow's (§5)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from separatrix.domains import Domain
from separatrix.flow.event_stepper import Settings
from separatrix.flow.piecewise_linear.corner_orbits import Corners
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.kernel_rows import TOLERANCE, RowLimits, Rows, kernel_of
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.orbit import Limits, Orbit
from separatrix.flow.piecewise_linear.reasons import BUDGET, LEFT, RAY, TIME

SLOW = 1e-6
FINEST = 1e-13


@dataclass(frozen=True, eq=False)
class Followed:
    """One trajectory: its end ``x`` (dim,) at ``time``, and why; ``path``: times and points, if they are kept."""

    x: np.ndarray
    time: float
    reason: str
    n_events: int
    n_evaluations: int
    path: tuple[np.ndarray, np.ndarray]

    @classmethod
    def of(cls, orbit: Orbit) -> Followed:
        """An orbit of the general flow."""
        return cls(orbit.x, orbit.time, orbit.reason, orbit.n_events, orbit.n_evaluations, orbit.path)

    def then(self, orbit: Orbit) -> Followed:
        """This one up to where ``orbit`` goes on from it."""
        times, points = self.path
        if times.size:
            more = orbit.path
            times, points = np.append(times, more[0][1:]), np.vstack([points, more[1][1:]])
        evaluations = self.n_evaluations + orbit.n_evaluations
        return Followed(orbit.x, orbit.time, orbit.reason, orbit.n_events, evaluations, (times, points))


def follow_rows(
    flow: Field, form: OneLayer, domain: Domain, starts: np.ndarray, settings: Settings, keep: bool
) -> list[Followed]:
    """Every row of ``starts`` (r, dim) up to ``settings.t_max``, in order.

    A row that comes to rest, or to a corner where creases meet of which one is convex, goes on by the general flow, which
    says what it is; one that the kernel could not follow is the general flow's from its start.
    """
    from separatrix.flow.piecewise_linear.event_kernel import (
        AMBIGUOUS,
        AT_REST,
        CODE,
        GONE,
        INFINITY,
        TIME_UP,
        VERTEX,
    )
    from separatrix.flow.piecewise_linear.event_kernel import (
        BUDGET as SPENT,
    )

    corners = Corners(flow, form, Limits(settings.t_max, settings.rtol, settings.atol, settings.max_steps), keep)
    tolerance = max(min(TOLERANCE, settings.rtol, settings.atol), FINEST)
    limits = RowLimits(settings.max_steps, settings.t_max, tolerance, *(() if form.is_linear else (SLOW,)))
    rows = kernel_of(form, domain, flow.bounds, flow.sides).run_all(starts, limits, corners, keep)
    words = {TIME_UP: TIME, SPENT: BUDGET, GONE: LEFT, INFINITY: RAY}
    codes = rows.table[:, CODE].astype(np.int64)
    handed = np.flatnonzero(np.isin(codes, (AT_REST, VERTEX, AMBIGUOUS)))
    keys = dict(zip(handed.tolist(), rows.keys(handed), strict=True))
    ends, found = _Ends(rows), []
    for row, code in enumerate(codes.tolist()):
        if code in words:
            ended = ends.of(row, words[code])
            found.append(replace(ended, time=settings.t_max) if code == TIME_UP else ended)
        elif row in keys:
            reason = corners.known.get(keys[row], TIME)
            ended = ends.of(row, reason)
            found.append(ended.then(corners.go_on(rows.handed(row))) if reason == TIME else ended)
        else:
            found.append(Followed.of(corners.follow(starts[row])))
    return found


class _Ends:
    """The kernel's rows as records, with its table in lists: these are read a row at a time."""

    def __init__(self, rows: Rows) -> None:
        from separatrix.flow.piecewise_linear.event_kernel import N_EVENTS, N_SOLVED, REACHED

        self.rows, self.time = rows, rows.table[:, REACHED].tolist()
        self.n_events, self.n_solved = (
            rows.table[:, place].astype(np.int64).tolist() for place in (N_EVENTS, N_SOLVED)
        )
        self.no_path = np.zeros(0), np.zeros((0, rows.points.shape[1]))

    def of(self, row: int, reason: str) -> Followed:
        """One row with its ``reason``."""
        x, path = self.rows.points[row], self.no_path
        if self.rows.paths:
            path = self.rows.paths[row]
            if not path[0].size:
                path = self.rows.paths[row] = np.zeros(1), x[None].copy()
            path[1][-1] = x  # what tidies a point up comes after it is noted
        return Followed(x, self.time[row], reason, self.n_events[row], self.n_solved[row], path)
