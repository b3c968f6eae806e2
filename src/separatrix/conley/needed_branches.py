"""The branches of saddles on which the order depends: those whose ends are not known before (9.5)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.order import Case, Relation
from separatrix.morse.connection_record import Connections
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.tracing import Start
from separatrix.numerics.generators import generator_of


@dataclass(frozen=True, eq=False)
class NeededBranches(Followed):
    """Branches upwards of the points marked in ``upwards`` (n,), backwards of those in ``downwards`` (n,)."""

    upwards: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))
    downwards: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=bool))

    def starts(self) -> list[Start]:
        """The needed ones of all branches."""
        marks = {1.0: self.upwards, -1.0: self.downwards}
        return [start for start in super().starts() if marks[start.sign][start.row]]


def needed_branches(case: Case, rng: Any) -> Connections:
    """The orbits that leave or reach points of whose ends more than one is possible; in space those from index 2 to 1, too."""
    known = Relation(case, Certainty.PROVED)
    known.without_branches()
    n, flow = len(case.points), case.flow
    followed = NeededBranches.of(flow.arena, case.points, generator_of(rng))
    upwards, downwards = (~known.is_decided[kind][:n] for kind in ("unstable", "stable"))
    followed = dataclasses.replace(followed, upwards=upwards, downwards=downwards)
    orbits, missing, notes = followed.orbits(flow, True)
    return Connections(
        points=case.points,
        orbits=tuple(orbits),
        potential=flow.potential.name,
        boundary=flow.boundary,
        missing=tuple(missing),
        notes=tuple(notes),
        domain=flow.domain,
        certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
    )
