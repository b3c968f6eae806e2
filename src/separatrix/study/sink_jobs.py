"""One search for sinks as a piece of work that can run in another process or on another machine."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.domains import Domain
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress
from separatrix.potentials.base import Potential
from separatrix.study.devices import CPU, on_device
from separatrix.study.question import is_costly
from separatrix.study.starts import Rounds

QUIET_ROUNDS = 2
MOST_NEW = 0.5


@dataclass(frozen=True, eq=False)
class SinkJob:
    """One search for sinks: starts in rounds, or the flow's own where ``rounds`` is None; ``device``: where they are climbed."""

    potential: Potential
    domain: Domain
    rounds: Rounds | None
    seed: int
    device: str = CPU


def find_sinks(job: SinkJob, workers: int | None = 1, progress: Progress | None = None) -> CriticalPoints:
    """The sinks of a job.

    Several rounds end when two of them brought nothing new; where a climb is costly also when more than MOST_NEW of a
    round's starts led to sinks of their own: there are then far more sinks than starts, and more of these would only list more.
    """
    flow = GradientFlow(job.potential, job.domain)
    if job.rounds is None:
        return flow.sinks(None, job.seed, workers=workers, progress=progress)
    net = job.potential.net
    search, quiet, costly = flow.search(), 0, net is not None and is_costly(net)
    for starts in job.rounds:
        n_new = search.add(on_device(starts, job.device), workers, progress)
        quiet = 0 if n_new else quiet + 1
        if quiet == QUIET_ROUNDS or (costly and n_new > MOST_NEW * len(starts)):
            break
    return flow.named(search.record(), str(job.seed))
