"""Trajectories of the flow of piecewise linear networks: the same record as for smooth potentials, from event to event (§5)."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Domain
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.event_stepper import Settings
from separatrix.flow.pieces import run_pieces, slices
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.kernel_trajectories import Followed, follow_rows
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.orbit import Limits, Orbit
from separatrix.flow.trajectories import KEPT_ENTRIES, Trajectories
from separatrix.potentials.base import Potential
from separatrix.records import Provenance

ROWS_A_PIECE, COMPILED_ROWS = 64, 1024


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PiecewiseTrajectories(Trajectories):
    """Trajectories across creases; ``n_events`` (n,): creases and faces met or let go.

    ``reason`` may also be "starts on a repelling crease: the orbit is not unique" (time 0), in networks of two hidden
    layers or more "meets a repelling crease: the orbit is not unique", or one that begins with "stuck". Times and points of
    polygons are those of the events, right to rounding; curved arcs are integrated to rtol and atol.
    """

    n_events: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))

    def columns(self) -> dict[str, Any]:
        """One row a trajectory."""
        return {**super().columns(), "n_events": self.n_events}


def integrate(
    potential: Potential,
    domain: Domain,
    boundary: str,
    starts: np.ndarray,
    settings: Settings,
    *,
    stop: CriticalPoints | None = None,
    keep_paths: bool | None = None,
    workers: int | None = None,
) -> Trajectories:
    """Follow every row of ``starts`` (n, dim) up to ``settings.t_max``, in pieces shared among ``workers``.

    ``settings.max_steps`` counts events and steps. Networks with one hidden layer take the compiled flow, unless rows are to
    stop at known sinks on their way.
    """
    begun = time.perf_counter()
    keep = starts.size <= KEPT_ENTRIES if keep_paths is None else keep_paths
    flow = Field.of(potential, domain, boundary)
    known = _known(stop, settings)
    form = OneLayer.of(potential) if known is None else None
    parts = slices(starts.shape[0], ROWS_A_PIECE if form is None else COMPILED_ROWS)
    pieces = [(flow, form, domain, starts[part], settings, known, keep) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(_follow, pieces, sizes, workers, f"flow of the {potential.name}", None)
    orbits = [orbit for piece in found for orbit in piece]
    tolerances = {
        "rtol": settings.rtol,
        "atol": settings.atol,
        "t_max": settings.t_max,
        "max_steps": settings.max_steps,
    }
    between = "Dormand-Prince 5(4)" if form is None else "a Rosenbrock method of order 4(3)"
    method = "polygons from event to event" if flow.is_straight else f"{between} between events"
    return PiecewiseTrajectories(
        starts=starts,
        end=np.array([orbit.x for orbit in orbits]).reshape(starts.shape),
        time=np.array([orbit.time for orbit in orbits], dtype=np.float64),
        n_evaluations=np.array([orbit.n_evaluations for orbit in orbits], dtype=np.int64),
        n_events=np.array([orbit.n_events for orbit in orbits], dtype=np.int64),
        reason=tuple(orbit.reason for orbit in orbits),
        paths=tuple(orbit.path for orbit in orbits) if keep else (),
        domain=domain,
        certainty=Certainty.HEURISTIC,
        provenance=Provenance(method, tolerances, seconds=time.perf_counter() - begun),
    )


Known = tuple[np.ndarray, np.ndarray]


def _known(stop: CriticalPoints | None, settings: Settings) -> Known | None:
    """(points (k, dim), radii (k,)) of the sinks of ``stop``; None where there are none."""
    if stop is None or not (stop.indices == 0).any():
        return None
    is_sink = stop.indices == 0
    return stop.points[is_sink], np.maximum(10.0 * settings.atol, np.nan_to_num(stop.radius[is_sink]))


def _follow(
    flow: Field,
    form: OneLayer | None,
    domain: Domain,
    starts: np.ndarray,
    settings: Settings,
    known: Known | None,
    keep: bool,
) -> list[Followed]:
    """One piece of rows."""
    if form is not None:
        return follow_rows(flow, form, domain, np.ascontiguousarray(starts), settings, keep)
    limits = Limits(settings.t_max, settings.rtol, settings.atol, settings.max_steps)
    ends = known if known is not None else ()
    return [Followed.of(Orbit(flow, start, limits, keep=keep).run(*ends)) for start in starts]
