"""Stable branches of saddles on a facet of a box in space, within the facet: there the flow is one in the plane (§9).

A saddle of index 1 with two free coordinates has two stable branches in its facet, which are followed backwards and proved
as in the plane. Every orbit that stays in the facet and ends in the saddle is one of them.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit, Turn
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.proof import tubes
from separatrix.morse.tubes.tracing import RELEASED, Tracer
from separatrix.morse.tubes.written import orbit_of

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

DECIDED = (Certainty.PROVED, Certainty.VERIFIED)


def face_branches(followed: Followed, proved: bool) -> tuple[list[Orbit], np.ndarray]:
    """(the orbits that come to saddles of index 1 within their facets, of how many branches of each point (n,) it is known
    where within the facet they come from); orbits that leave a point of the list stand as branches of that point."""
    points = followed.points
    known = np.zeros(len(points), dtype=np.int64)
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
        for trace, orbit in zip(traces, branches, strict=True):
            if orbit.certainty in DECIDED:
                known[orbit.target] += 1
                if trace.reason != RELEASED:  # such an orbit comes from the interior
                    found.append(_from_source(followed, orbit))
    return found, known


def _from_source(followed: Followed, orbit: Orbit) -> Orbit:
    """The orbit as a branch of the point that it leaves, if that is in the list."""
    if orbit.source < 0:
        return orbit
    ahead = orbit.path[1] - orbit.path[0]
    ahead /= np.linalg.norm(ahead)
    return dataclasses.replace(orbit, saddle=orbit.source, side=1, direction=ahead, turn=_turn(followed, orbit, ahead))


def _turn(followed: Followed, orbit: Orbit, ahead: np.ndarray) -> Turn:
    """How neighbours are parted: in a plane (travel, side) keeps its orientation along an orbit."""
    free = np.flatnonzero(followed.points.active[orbit.target] == 0)
    aside = followed.basis(orbit.target)[:, -1]
    arrival = -orbit.direction
    way = np.sign(arrival[free[0]] * aside[free[1]] - arrival[free[1]] * aside[free[0]])
    beside = np.zeros(ahead.size)
    beside[free] = -ahead[free[1]], ahead[free[0]]
    return Turn(beside, way * aside)


def without_doubles(followed: Followed, orbits: list[Orbit], known: np.ndarray) -> list[Orbit]:
    """``orbits`` from index 2 to index 1 without those that run within a facet to a saddle both of whose branches there are
    ``known``."""
    active = followed.points.active

    def is_double(orbit: Orbit) -> bool:
        held = active[orbit.target] != 0
        if known[orbit.target] < 2 or not np.array_equal(active[orbit.source], active[orbit.target]):
            return False
        return bool((orbit.path[:, held] == followed.points.points[orbit.target, held]).all())

    return [orbit for orbit in orbits if not is_double(orbit)]
