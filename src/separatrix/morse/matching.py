"""Points of a list by their index, the rows of one list of critical points in another, and orbits of several records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, printable
from separatrix.flow.critical_points import CriticalPoints, chosen, joined
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections

SAME_VALUE = 1e-6


def of_index(points: CriticalPoints, index: int) -> CriticalPoints:
    """The points of Morse index ``index``; the same record, with its labels, where they all are."""
    mask = points.indices == index
    return points if mask.all() else chosen(points, mask)


def is_list_of(flow: GradientFlow, points: CriticalPoints) -> bool:
    """Whether a list is one of this flow: that of the interior, or of a smaller box, says nothing of the faces of a box."""
    same = points.domain == flow.domain and points.boundary == flow.boundary
    return same and points.potential == flow.potential.name


def require_potential_of(flow: GradientFlow, points: CriticalPoints, what: str) -> None:
    """Raise InputError where the values of a list are not those of the flow's potential; one without a name is not checked."""
    if not points.potential:
        return
    with np.errstate(all="ignore"):
        values = np.asarray(flow.potential.value(points.points), dtype=np.float64) if len(points) else points.values
        away = np.abs(values - points.values) > SAME_VALUE * (1 + np.abs(values))
    if away.any():
        row = int(away.argmax())
        raise InputError(
            f"{what}: these are points of another potential ({printable(points.potential, 60)}): that of the flow, "
            f"{printable(flow.potential.name, 60)}, is {values[row]:.6g} at row {row}, not {points.values[row]:.6g}; give points "
            "of this flow"
        )


def require_orbits_of(flow: GradientFlow, connections: Connections, who: str) -> None:
    """Raise InputError where a record of connections is of another flow; one that names no domain is not checked."""
    if connections.domain is None:
        return
    given = (connections.potential, connections.boundary, connections.domain)
    if given != (flow.potential.name, flow.boundary, flow.domain):
        raise InputError(
            f"{who}: these are connections of another flow: of the {printable(given[0], 60)} on {given[2]!r} with boundary "
            f"{given[1]!r}; give connections(flow, points) of this one"
        )


def rows_in(points: CriticalPoints, others: CriticalPoints) -> np.ndarray:
    """For each point of ``others`` its row in ``points``, -1 where it is none of them, (len(others),).

    Points of two lists are one where their coordinates are the same, or where their indices agree and the proved distances
    to the true points leave no gap.
    """
    place = {point.tobytes(): row for row, point in enumerate(points.points)}
    found = np.array([place.get(point.tobytes(), -1) for point in others.points], dtype=np.int64)
    for row in np.flatnonzero(found < 0) if len(points) else ():
        gaps = np.abs(points.points - others.points[row]).max(axis=1)
        near = int(gaps.argmin())
        reach = max(1e-9, float(np.nan_to_num(points.error[near]) + np.nan_to_num(others.error[row])))
        if gaps[near] <= reach and points.indices[near] == others.indices[row]:
            found[row] = near
    return found


def combined(sinks: CriticalPoints, saddles: CriticalPoints, parts: Sequence[Connections]) -> Connections:
    """One record of the orbits of several, over the points ``sinks`` and then ``saddles``; orbits of other saddles are left out.

    The first of ``parts`` gives potential and domain.
    """
    points = joined(sinks, saddles)
    orbits = []
    for part in parts:
        place = np.append(rows_in(points, part.points), -1)
        orbits += [
            dataclasses.replace(
                orbit, source=int(place[orbit.source]), target=int(place[orbit.target]), saddle=int(place[orbit.saddle])
            )
            for orbit in part.orbits
            if place[orbit.saddle] >= 0
        ]
    orbits.sort(key=lambda orbit: (orbit.saddle, -orbit.side))
    lost = sum(orbit.target < 0 for orbit in orbits)
    return dataclasses.replace(
        parts[0],
        points=points,
        orbits=tuple(orbits),
        missing=(f"{lost} of {len(orbits)} branches end in no known sink",) if lost else (),
        certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
    )
