"""Unstable branches of index-1 saddles with the strongest word that is to be had: tubes in few dimensions (§8, §9)."""

from __future__ import annotations

import dataclasses

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import SeparatrixError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress
from separatrix.morse.branches import trace_branches
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.connections import MOST_DIMENSIONS
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.traces import Start


class UnstableBranches(Followed):
    """Branches upwards alone: the others would run towards repellers that are not listed."""

    def starts(self) -> list[Start]:
        """Both unstable branches of every index-1 point."""
        rows = np.flatnonzero(self.points.indices == 1)
        return [self.start(int(row), -1, side, 1.0) for row in rows for side in (1, -1)]


def certified_branches(
    flow: GradientFlow,
    sinks: CriticalPoints,
    saddles: CriticalPoints,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Connections:
    """Both branches of every index-1 saddle, with sinks that they meet added; proved where tubes do it."""
    return with_proofs(flow, trace_branches(flow, sinks, saddles, workers=workers, progress=progress))


def with_proofs(flow: GradientFlow, traced: Connections) -> Connections:
    """The traced branches, those replaced that a tube encloses; where a tube proves another end, that end counts."""
    if flow.potential.dim > MOST_DIMENSIONS or not traced.orbits:
        return traced
    try:
        followed = UnstableBranches.of(flow.arena, traced.points, np.random.default_rng(0))
        orbits = followed.orbits(flow, proved=True)[0]
    except SeparatrixError:  # a potential without enclosures: nothing can be proved of it
        return traced
    proved = [orbit for orbit in orbits if orbit.certainty is Certainty.PROVED and orbit.source == orbit.saddle]
    orbits = tuple(_strongest(orbit, proved) for orbit in traced.orbits)
    lost = sum(orbit.target < 0 for orbit in orbits)
    return dataclasses.replace(
        traced,
        orbits=orbits,
        missing=(f"{lost} of {len(orbits)} branches end in no known sink",) if lost else (),
        certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
    )


def _strongest(orbit: Orbit, proved: list[Orbit]) -> Orbit:
    """The proved orbit of the same branch, or the orbit itself."""
    for other in proved:
        if other.saddle == orbit.saddle and float(np.dot(other.direction, orbit.direction)) > 0:
            return dataclasses.replace(other, side=orbit.side)
    return orbit
