"""Trajectories of a gradient flow: adaptive steps a row, faces met and left by located events (§3)."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from separatrix.certainty import Certainty
from separatrix.domains import Domain
from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.event_stepper import EventStepper, Settings
from separatrix.potentials.base import Potential
from separatrix.records import Provenance, Record

KEPT_ENTRIES = 2**17
ROWS_AT_ONCE = 512


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Trajectories(Record):
    """Solutions of the flow.

    ``starts``, ``end`` (n, dim); ``time`` (n,) reached; ``reason`` (n,): "sink", "time", "left the box" or "budget";
    ``n_evaluations`` (n,): gradient evaluations of each row.
    """

    starts: np.ndarray
    end: np.ndarray
    time: np.ndarray
    reason: tuple[str, ...]
    n_evaluations: np.ndarray
    paths: tuple[tuple[np.ndarray, np.ndarray], ...] = field(default=())

    drawer: ClassVar[str] = "flow_plots:plot_trajectories"

    def path(self, i: int) -> tuple[np.ndarray, np.ndarray]:
        """(times (m,), points (m, dim)) of row ``i``: start, accepted steps and events, end."""
        if not self.paths:
            raise InputError(
                f"the paths of {self.end.shape[0]} rows in dimension {self.end.shape[1]} were not kept; "
                "pass fewer rows, or keep_paths=True"
            )
        return self.paths[i]

    def columns(self) -> dict[str, Any]:
        """One row a trajectory."""
        return {"time": self.time, "reason": list(self.reason), "n_evaluations": self.n_evaluations}

    def __repr__(self) -> str:
        counts = ", ".join(f"{count} {reason}" for reason, count in Counter(self.reason).most_common())
        return f"Trajectories({len(self.reason)} rows: {counts or 'none'})"


def integrate(
    potential: Potential,
    domain: Domain,
    boundary: str,
    starts: np.ndarray,
    settings: Settings,
    *,
    stop: CriticalPoints | None = None,
    keep_paths: bool | None = None,
) -> Trajectories:
    """Integrate every row of ``starts``; rows that finish leave the batch."""
    begun = time.perf_counter()
    keep = starts.size <= KEPT_ENTRIES if keep_paths is None else keep_paths
    parts = []
    for at in range(0, starts.shape[0], ROWS_AT_ONCE):
        with threadpool_limits(limits=1):  # the same bits for any number of threads
            stepper = EventStepper(
                potential, domain, boundary, starts[at : at + ROWS_AT_ONCE], settings, stop=stop, keep=keep
            )
            parts.append(stepper.run())
    joined = [
        np.concatenate([part[i] for part in parts]) if parts else np.zeros((0, starts.shape[1])[: 2 - (i > 0)])
        for i in range(3)
    ]
    end, reached, evaluations = joined
    tolerances = {
        "rtol": settings.rtol,
        "atol": settings.atol,
        "t_max": settings.t_max,
        "max_steps": settings.max_steps,
    }
    return Trajectories(
        starts=starts,
        end=end,
        time=reached,
        n_evaluations=evaluations.astype(np.int64),
        reason=tuple(reason for part in parts for reason in part[3]),
        paths=tuple(path for part in parts for path in part[4]),
        domain=domain,
        certainty=Certainty.HEURISTIC,
        provenance=Provenance("Dormand-Prince 5(4), located events", tolerances, seconds=time.perf_counter() - begun),
    )
