"""One search for sinks as a piece of work that can run in another process or on another machine."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.domains import Domain
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress
from separatrix.potentials.base import Potential
from separatrix.study.devices import CPU, on_device
from separatrix.study.starts import Rounds

QUIET_ROUNDS = 2


@dataclass(frozen=True, eq=False)
class SinkJob:
    """One search for sinks: starts in rounds, or the flow's own where ``rounds`` is None; ``device``: where they are climbed."""

    potential: Potential
    domain: Domain
    rounds: Rounds | None
    seed: int
    device: str = CPU


def find_sinks(job: SinkJob, workers: int | None = 1, progress: Progress | None = None) -> CriticalPoints:
    """The sinks of a job; several rounds end when two of them brought nothing new."""
    flow = GradientFlow(job.potential, job.domain)
    if job.rounds is None:
        return flow.sinks(None, job.seed, workers=workers, progress=progress)
    search, quiet = flow.search(), 0
    for starts in job.rounds:
        quiet = 0 if search.add(on_device(starts, job.device), workers, progress) else quiet + 1
        if quiet == QUIET_ROUNDS:
            break
    return flow.named(search.record(), str(job.seed))
