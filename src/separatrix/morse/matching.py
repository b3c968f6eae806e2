"""Points of a list by their index, the rows of one list of critical points in another, and orbits of several records."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, SeparatrixError, printable
from separatrix.flow.critical_points import CriticalPoints, chosen, joined
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.connection_record import Connections
from separatrix.morse.probes import is_probed

SAME_VALUE = 1e-6
MOST_CHECKED = 8


def of_index(points: CriticalPoints, index: int) -> CriticalPoints:
    """The points of Morse index ``index``; the same record, with its labels, where they all are."""
    mask = points.indices == index
    return points if mask.all() else chosen(points, mask)


def is_list_of(flow: GradientFlow, points: CriticalPoints) -> bool:
    """Whether a list is one of this flow: that of the interior, or of a smaller box, says nothing of the faces of a box."""
    same = points.domain == flow.domain and points.boundary == flow.boundary
    return same and points.potential == flow.potential.name


def require_potential_of(flow: GradientFlow, points: CriticalPoints, what: str) -> None:
    """Raise InputError where a list is not one of the flow's potential: by name, value, gradient and, in few dimensions, index.

    A list without a name is not checked.
    """
    if not points.potential:
        return
    if points.potential != flow.potential.name:
        raise InputError(
            f"{what}: these are points of another potential ({printable(points.potential, 60)}), the flow's is "
            f"{printable(flow.potential.name, 60)}; give points of this flow"
        )
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
    if not is_probed(points, flow.potential):
        raise InputError(
            f"{what}: these are points of another function that is called {printable(points.potential, 60)}, too: its values "
            "differ from the flow's elsewhere in the box; give points of this flow"
        )
    _require_sides_of(flow, points, what)
    row = _no_equilibrium(flow, points)
    if row >= 0:
        raise InputError(
            f"{what}: row {row} is no critical point of index {points.indices[row]} of the flow's potential "
            f"({printable(flow.potential.name, 60)}); give points of this flow"
        )


def _require_sides_of(flow: GradientFlow, points: CriticalPoints, what: str) -> None:
    """Raise InputError where points are held by sides that this flow's box does not have."""
    held = points.active != 0
    if not held.any() or has_creases(flow.potential):  # the tree of a margin looks at its maxima anew
        return
    if flow.boundary == "project" and isinstance(flow.domain, Box):
        sides = np.where(points.active > 0, flow.domain.upper, flow.domain.lower)
        if (points.points[held] == sides[held]).all():
            return
    raise InputError(
        f"{what}: points of the list on {points.domain!r} with boundary {points.boundary!r} are held by its sides, which "
        f"are none of this flow, on {flow.domain!r} with boundary {flow.boundary!r}; give critical_points of this flow"
    )


def _no_equilibrium(flow: GradientFlow, points: CriticalPoints) -> int:
    """A row whose free gradient or, up to MOST_CHECKED coordinates, whose index is not what the list says; -1: none.

    Smooth potentials and points with a known index only; what lies within rounding of a change of sign is let pass.
    """
    potential = flow.potential
    if has_creases(potential) or not len(points) or potential.dim > MOST_CHECKED:
        return -1
    free = points.active == 0
    known = np.array([one in (Certainty.PROVED, Certainty.VERIFIED) for one in points.certainty], dtype=bool)
    rows = np.flatnonzero(known & free.any(axis=1))
    try:
        with np.errstate(all="ignore"):
            gradient = np.where(free, np.asarray(potential.gradient(points.points)), 0.0)[rows]
            hessian = np.asarray(potential.hessian(points.points[rows]))
    except SeparatrixError:
        return -1
    for row, x, g, h in zip(rows.tolist(), points.points[rows], gradient, hessian, strict=True):
        spectrum = np.linalg.eigvalsh(h[np.ix_(free[row], free[row])])
        slack = 1e-6 * max(float(np.abs(spectrum).max()), 1e-300)
        reach = float(np.nan_to_num(points.error[row], nan=1.0, posinf=1.0)) + 1e-6 * (1.0 + float(np.abs(x).max()))
        if np.linalg.norm(g) > 10.0 * float(np.abs(spectrum).max()) * reach + 1e-9:
            return row
        if not int((spectrum > slack).sum()) <= points.indices[row] <= int((spectrum > -slack).sum()):
            return row
    return -1


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
