"""Pairs that a theorem excludes once the branches of saddles are known: in the plane and in space (9.3), (9.4).

A set of directions about a repeller that lead to one sink is open. Where it ends, a direction leads to a saddle, whose branch on
that side leads to the sink, or to an orbit that touches the side of the box from inside. So from an isolating block, or for the
projected flow, only pairs over saddles are joined; elsewhere the orbits through the touching points are followed.
"""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.directions import LEFT, UNDECIDED, spoke_ends
from separatrix.conley.inner_touches import Touch, inner_touches, touching_ends
from separatrix.conley.order import Case, Relation, closure


def by_theorem(relation: Relation) -> list[str]:
    """Exclude what a theorem excludes; what keeps it from doing so, in words."""
    case = relation.case
    if not case.all_points_known or case.connections is None or case.dim > 3:
        return []
    if case.dim == 2:
        return _in_the_plane(relation)
    return _in_space(relation) if case.dim == 3 else []


def _undecided(relation: Relation) -> list[str]:
    """Branches whose ends are not known at this level, in words."""
    case, found = relation.case, []
    for kind, index in (("unstable", 1), ("stable", case.dim - 1)):
        rows = np.flatnonzero((case.nodes.indices == index) & ~relation.is_decided[kind])
        found += [f"not all {kind} branches of {case.points.ids[row]} are followed to their ends" for row in rows]
    return found


def _between_equals(relation: Relation) -> list[str]:
    indices = relation.case.nodes.indices
    pairs = relation.possible & (indices[:, None] == indices) & (indices > 0)
    ids = relation.case.points.ids
    return [f"an orbit from {ids[a]} to {ids[b]}, of one index, is not excluded" for a, b in np.argwhere(pairs)]


def _in_the_plane(relation: Relation) -> list[str]:
    """(9.3): of pairs from a repeller to a sink only those over saddles, and those of touching orbits."""
    case, indices = relation.case, relation.case.nodes.indices
    open_pairs = (indices == 2)[:, None] & (indices == 0) & relation.possible & ~relation.shown_order
    if not open_pairs.any():
        return []
    missing = [*_undecided(relation), *_between_equals(relation)]
    if missing:
        return missing
    if case.flow.boundary == "project" or case.is_isolating:
        relation.exclude(open_pairs)
        return []
    return _by_touches(relation, open_pairs)


def _by_touches(relation: Relation, open_pairs: np.ndarray) -> list[str]:
    """The open pairs that no touching orbit joins; those that one joins are shown."""
    case = relation.case
    assert case.connections is not None
    touches = inner_touches(case.flow.arena.potential, case.flow.domain)
    if touches is None:
        return ["where orbits touch the sides of the box from inside is not decided"]
    joined = np.zeros_like(open_pairs)
    for touch in touches:
        joined |= open_pairs & _through(case, touch)
    if relation.level is not Certainty.PROVED and joined.any():
        if not all(touch.is_simple for touch in touches):
            return ["where orbits touch the sides of the box from inside is not decided"]
        ends = touching_ends(case.flow.arena, case.points, touches)
        if ends is None:
            return ["an orbit that touches a side of the box from inside was not followed to its ends"]
        joined[:] = False
        for source, target in ends:
            if source >= 0 and target >= 0:
                relation.shown[source, target] = joined[source, target] = True
    relation.exclude(open_pairs & ~joined)
    if relation.level is Certainty.PROVED and joined.any():
        return ["an orbit that touches a side of the box from inside may join a repeller and a sink"]
    return []


def _through(case: Case, touch: Touch) -> np.ndarray:
    """(N, N): pairs that may be joined by an orbit through a touching point: paths in the graph of cubes lead through it."""
    approximation = case.placed.approximation
    here = np.zeros(len(approximation), dtype=bool)
    here[approximation.meeting(touch.lower, touch.upper)] = True
    ahead, behind = approximation.forward(here), approximation.backward(here)
    to = np.array([bool(ahead[rows].any()) for rows in case.placed.seeds])
    back = np.array([bool(behind[rows].any()) for rows in case.placed.seeds])
    return back[:, None] & to


def _in_space(relation: Relation) -> list[str]:
    """(9.4): pairs over points of the indices between, or all directions about a point lead to one end."""
    case, indices = relation.case, relation.case.nodes.indices
    gap = indices[:, None] - indices
    open_pairs = (gap >= 2) & relation.possible & ~relation.shown_order
    if not open_pairs.any():
        return []
    missing = [*_undecided(relation), *_between_equals(relation)]
    circles = relation.possible & (indices == 2)[:, None] & (indices == 1) & ~relation.shown
    if circles.any():
        if relation.level is Certainty.PROVED:
            return [*missing, "orbits from index 2 to index 1 are verified at best"]
        missing += [*(case.connections.missing if case.connections is not None else ())]
    if missing or not case.is_isolating or (case.flow.boundary == "project" and (case.points.active != 0).any()):
        return missing or ["the box is not proved to be an isolating block whose equilibria are all in its interior"]
    relation.exclude(circles)
    return _whole_circles(relation, open_pairs)


def _whole_circles(relation: Relation, open_pairs: np.ndarray) -> list[str]:
    """Points of index 2 from which no orbit leads to index 1, and the like backwards: one direction tells of all.

    Directions about the other points are followed as a check: each must end where the order says.
    """
    indices = relation.case.nodes.indices
    if relation.level is Certainty.PROVED:
        with_one_end = (indices == 2) & ~(relation.possible & (indices == 1)).any(axis=1)
        with_one_start = (indices == 1) & ~(relation.possible & (indices == 2)[:, None]).any(axis=0)
        unknown = open_pairs & (with_one_end[:, None] | with_one_start)
        relation.exclude(open_pairs & ~unknown)
        return ["where whole circles of directions lead is verified at best"] if unknown.any() else []
    found = _of_spokes(relation)
    if not found:
        relation.exclude(open_pairs & ~closure(relation.shown))
    return found


def _of_spokes(relation: Relation) -> list[str]:
    """Show the ends of whole circles; what contradicts the orbits that are known, in words."""
    case, ids = relation.case, relation.case.points.ids
    before, found = relation.shown_order, []
    over = relation.shown & (case.nodes.indices == 2)[:, None] & (case.nodes.indices == 1)
    ends: dict[tuple[int, bool], set[int]] = {}
    for row, upwards, end in spoke_ends(case.flow, case.points):
        ends.setdefault((row, upwards), set()).add(end)
    for (row, upwards), reached in ends.items():
        whole = not (over[row] if upwards else over[:, row]).any()
        if UNDECIDED in reached or (whole and len(reached) > 1):
            found.append(f"where the directions about {ids[row]} lead is not decided")
            continue
        for end in reached - {LEFT}:
            a, b = (row, end) if upwards else (end, row)
            if whole:
                relation.shown[a, b] = True
            elif not before[a, b]:
                found.append(
                    f"a direction leads from {ids[a]} to {ids[b]}, but no orbits over points of index 1 or 2 do"
                )
    return found
