"""The branches of saddles on which the order depends: those whose ends are not known before (9.5)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.order import Case, Relation
from separatrix.morse.connection_record import Connections, Orbit
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
    """The orbits that leave or reach points of whose ends more than one is possible; in space those from index 2 to 1, too.

    None where the order is known without them. Where nothing leaves the box, branches upwards come first: with their ends
    homology often knows the rest (9.13).
    """
    found = _connections(case, [], [], [])
    followed: Followed | None = None
    for upwards, downwards in ((True, False), (False, True)) if _is_in_parts(case) else ((True, True),):
        known = Relation(case, Certainty.PROVED)
        known.without_branches()
        if found.orbits:
            known.by_branches(found)
            known.conclude()
        if known.is_exact:
            break
        if followed is None:
            followed = NeededBranches.of(case.flow.arena, case.points, generator_of(rng))
        found = _more(case, known, followed, found, (upwards, downwards))
    return found


def _is_in_parts(case: Case) -> bool:
    return case.homology is not None and case.never_leaves


def _more(case: Case, known: Relation, followed: Followed, found: Connections, way: tuple[bool, bool]) -> Connections:
    """The connections with the branches upwards and downwards that are not decided; last, the orbits from index 2 to 1."""
    n, indices = len(case.points), case.nodes.indices
    up, down = (~known.is_decided[kind][:n] & turn for kind, turn in zip(("unstable", "stable"), way, strict=True))
    circles = known.possible & ~known.shown & (indices == 2)[:, None] & (indices == 1) & way[1]
    assert isinstance(followed, NeededBranches)
    followed = dataclasses.replace(followed, upwards=up, downwards=down)
    orbits, missing, notes = followed.orbits(case.flow, True, circles=bool(circles.any()))
    return _connections(case, [*found.orbits, *orbits], [*found.missing, *missing], [*found.notes, *notes])


def _connections(case: Case, orbits: list[Orbit], missing: list[str], notes: list[str]) -> Connections:
    return Connections(
        points=case.points,
        orbits=tuple(orbits),
        potential=case.flow.potential.name,
        boundary=case.flow.boundary,
        missing=tuple(missing),
        notes=tuple(notes),
        domain=case.flow.domain,
        certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
    )
