"""Trajectories of a gradient flow: adaptive steps a row, faces met and left by located events (§3)."""

from __future__ import annotations

import os
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from typing import Any, ClassVar

import numpy as np
from threadpoolctl import threadpool_limits

from separatrix.certainty import Certainty
from separatrix.domains import Domain, WholeSpace
from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.event_stepper import EventStepper, Settings
from separatrix.flow.free.free_flow import FreeField
from separatrix.flow.free.free_trajectories import FreeStepper
from separatrix.flow.pieces import rows_in_piece, slices
from separatrix.potentials.base import Potential
from separatrix.records import Provenance, Record

KEPT_ENTRIES = 2**17
ROWS_AT_ONCE = 512
METHODS = ("Dormand-Prince 5(4), located events", "Tsitouras 5(4), free flow of a network with one hidden layer")


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
    workers: int | None = None,
) -> Trajectories:
    """Integrate every row of ``starts``; rows that finish leave the batch.

    ``workers``: threads that share the pieces, -1 for all cores; the same bits for any number.
    """
    begun = time.perf_counter()
    keep = starts.size <= KEPT_ENTRIES if keep_paths is None else keep_paths
    n = starts.shape[0]
    with threadpool_limits(limits=1):  # the same bits for any number of threads
        free = FreeField.of(potential) if isinstance(domain, WholeSpace) else None
    end, reached, evaluations = np.empty(starts.shape), np.empty(n), np.empty(n, dtype=np.int64)
    reason, paths = np.full(n, "", dtype=object), [()] * n if keep else []

    def fill(rows: slice) -> None:
        with np.errstate(over="ignore", invalid="ignore"):  # steps that overflow are refused
            if free is not None:
                stepper = FreeStepper(free, potential, starts[rows], settings, stop=stop, keep=keep)
            else:
                stepper = EventStepper(potential, domain, boundary, starts[rows], settings, stop=stop, keep=keep)
            end[rows], reached[rows], evaluations[rows], reason[rows], found = stepper.run()
        if keep:
            paths[rows] = found

    pieces = slices(n, rows_in_piece(ROWS_AT_ONCE, potential.dim) if free is None else free.rows_at_once())
    with threadpool_limits(limits=1):
        if _threads(workers) == 1:
            for rows in pieces:
                fill(rows)
        else:
            with ThreadPoolExecutor(_threads(workers)) as pool:
                list(pool.map(fill, pieces))
    return Trajectories(
        starts=starts,
        end=end,
        time=reached,
        n_evaluations=evaluations,
        reason=tuple(reason.tolist()),
        paths=tuple(paths),
        domain=domain,
        certainty=Certainty.HEURISTIC,
        provenance=Provenance(METHODS[free is not None], asdict(settings), seconds=time.perf_counter() - begun),
    )


def _threads(workers: int | None) -> int:
    """The number of threads that ``workers`` asks for."""
    return (os.cpu_count() or 1) if workers == -1 else max(1, workers or 1)
