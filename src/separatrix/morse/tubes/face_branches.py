"""Stable branches of saddles on a facet of a box in space, within the facet: there the flow is one in the plane (§9).

A saddle of index 1 with two free coordinates has two stable branches in its facet, which are followed backwards and proved
as in the plane. Every orbit that stays in the facet and ends in the saddle is one of them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.proof import tubes
from separatrix.morse.tubes.tracing import RELEASED, Tracer
from separatrix.morse.tubes.written import orbit_of

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

DECIDED = (Certainty.PROVED, Certainty.VERIFIED)


def face_branches(followed: Followed, proved: bool) -> list[Orbit]:
    """The orbits that come to saddles of index 1 within their facets; those that leave a point of the list stand as branches
    of that point."""
    points = followed.points
    planar = points.n_free == 2
    found = []
    for side in np.unique(points.active[planar & (points.indices == 1)], axis=0):
        here = (points.active == side).all(axis=1)
        goals = {-1.0: Goals.at(followed.arena, points, followed.frames, -1.0, here & (points.indices == 2))}
        rows = np.flatnonzero(here & (points.indices == 1))
        starts = [followed.start(int(row), 0, turn, -1.0) for row in rows for turn in (1, -1)]
        traces = Tracer(followed.arena, goals, starts).run()
        made = (
            tubes(followed.arena, goals, traces, followed.frames)
            if proved
            else ["no proof was asked for"] * len(traces)
        )
        branches = [orbit_of(followed, trace, tube) for trace, tube in zip(traces, made, strict=True)]
        kept = [trace.reason != RELEASED for trace in traces]  # such an orbit comes from the interior
        found += [_from_source(orbit) for orbit, is_kept in zip(branches, kept, strict=True) if is_kept]
    return [orbit for orbit in found if orbit.certainty in DECIDED]


def _from_source(orbit: Orbit) -> Orbit:
    """The orbit as a branch of the point that it leaves, if that is in the list."""
    if orbit.source < 0:
        return orbit
    ahead = orbit.path[1] - orbit.path[0]
    return dataclasses.replace(orbit, saddle=orbit.source, side=1, direction=ahead / np.linalg.norm(ahead))


def without_doubles(followed: Followed, orbits: list[Orbit], branches: list[Orbit]) -> list[Orbit]:
    """``orbits`` from index 2 to index 1 without those that run within a facet to a saddle both of whose ``branches`` there are
    known."""
    targets = np.bincount([orbit.target for orbit in branches], minlength=len(followed.points))
    active = followed.points.active

    def is_double(orbit: Orbit) -> bool:
        held = active[orbit.target] != 0
        if targets[orbit.target] < 2 or not np.array_equal(active[orbit.source], active[orbit.target]):
            return False
        return bool((orbit.path[:, held] == followed.points.points[orbit.target, held]).all())

    return [orbit for orbit in orbits if not is_double(orbit)]
