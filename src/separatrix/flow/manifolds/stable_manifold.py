"""Stable and unstable manifolds of critical points: curves, and triangle meshes (§3)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.manifolds.base_point import point_of, require_nondegenerate, reversed_face
from separatrix.flow.manifolds.curves import ManifoldCurves
from separatrix.flow.manifolds.frames import AGREED, LONGEST, slow_manifold, strong_manifold
from separatrix.flow.manifolds.free_face import FreeFace
from separatrix.flow.manifolds.mesh_growth import Growth
from separatrix.flow.manifolds.mesh_orbits import Orbits
from separatrix.flow.manifolds.mesh_record import ManifoldMesh, counted
from separatrix.flow.manifolds.saddle_curves import Curve, curve_from_side, curves_on_face, followed_on
from separatrix.records import Provenance

PARTS = {"slow": slow_manifold, "strong": strong_manifold}
EDGES = 60  # a mesh's edge length is the width over this
NEAR_END = 1e-3
CURVES = "polynomial near the point, then orbits by Dormand-Prince 8(5,3), two runs compared"
MESH = "fronts of orbits of one length, Dormand-Prince 5(4), neighbours inserted and left out"


def unstable_manifold(
    flow: GradientFlow,
    point: Any,
    *,
    row: int | None = None,
    length: float | None = None,
    edge: float | None = None,
    connections: Any = None,
) -> ManifoldCurves | ManifoldMesh:
    """The unstable manifold of a critical point: curves for index 1, a triangle mesh for index 2. f is climbed.

    - ``point``: a CriticalPoints, with ``row`` where it lists several; or an array (dim,) that lies at a critical point
    - ``length``: how far orbits are followed, in units of the input; by default 8 widths of the domain
    - ``edge``: of a mesh, the length that its edges aim at; by default 1/60 of the width
    - ``connections``: of :func:`connections`; ends of curves then say what is known of them

    Curves go from side to side of the point, under the projected flow along sides of the box, to their sinks. A mesh lies in
    the free face of the point and ends at sides of the box and at other critical points; it may have any dimension around it.

    Raises InputError for sinks, which have none, for index 3 or more, for degenerate points and piecewise linear networks;
    KindError for what is no flow.

    >>> from separatrix import Box, expression
    >>> flow = GradientFlow(expression("-(x**2 - 1)**2 - y**2", "x y"), Box.cube(2, -2, 2))
    >>> curves = unstable_manifold(flow, [0.0, 0.0])
    >>> curves.lengths.round(3).tolist(), curves.largest_error < 1e-6
    ([1.0, 1.0], True)
    """
    return _manifold(flow, point, "unstable", (row, length, edge, connections))


def stable_manifold(
    flow: GradientFlow,
    point: Any,
    *,
    row: int | None = None,
    part: str | None = None,
    length: float | None = None,
    edge: float | None = None,
    connections: Any = None,
) -> ManifoldCurves | ManifoldMesh:
    """The stable manifold of a critical point: curves in dimension 1, a triangle mesh in dimension 2. f is climbed.

    ``part="slow"`` or ``"strong"``: of a sink in any dimension the one curve along its slowest or fastest eigenvector, as
    :func:`slow_manifold` and :func:`strong_manifold`. Other arguments and errors as for :func:`unstable_manifold`; orbits are
    followed backwards. For points on sides of the box the manifold within the free face is given, or, where that is the
    point alone and one coordinate is held, the orbit that arrives from inside.

    >>> from separatrix import Box, expression
    >>> flow = GradientFlow(expression("-(x**2 - 1)**2 - y**2", "x y"), Box.cube(2, -2, 2))
    >>> stable_manifold(flow, [0.0, 0.0]).reasons
    ('coordinate 1 meets its upper side of the box', 'coordinate 1 meets its lower side of the box')
    """
    if part is None:
        return _manifold(flow, point, "stable", (row, length, edge, connections))
    if part not in PARTS:
        raise InputError(f"stable_manifold: part must be 'slow', 'strong' or None, came {part!r}")
    return PARTS[part](flow, point, row=row, length=length)


def _manifold(
    flow: Any, point: Any, kind: str, options: tuple[int | None, float | None, float | None, Any]
) -> ManifoldCurves | ManifoldMesh:
    begun = time.perf_counter()
    row, length, edge, connections = options
    if not isinstance(flow, GradientFlow):
        raise KindError(f"{kind}_manifold: expected a GradientFlow, came {type(flow).__name__}")
    for name, value in (("length", length), ("edge", edge)):
        if value is not None and not (isinstance(value, (int, float, np.number)) and 0 < value < np.inf):
            raise InputError(f"{kind}_manifold: {name} must be a positive number, came {value!r}")
    if connections is not None and not hasattr(connections, "of_saddle"):  # flow does not know the record of morse
        raise KindError(f"{kind}_manifold: connections must be Connections, came {type(connections).__name__}")
    x, name = point_of(flow, point, row)
    face = FreeFace.at(flow.arena, x)
    require_nondegenerate(face, name)
    downwards = reversed_face(face) if kind == "unstable" else face
    columns = np.flatnonzero(downwards.spectrum < 0)
    most = LONGEST * flow.arena.width if length is None else float(length)
    with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
        if columns.size == 2:
            return _mesh(flow, downwards, (kind, name), columns, most, edge, begun)
        curves = _curves(flow, downwards, (kind, name), columns, most)
    ends = _ends(flow, curves, point)
    return _record(
        flow, downwards, (kind, name), columns, curves, _known_ends(ends, connections, point, row, kind), begun
    )


def _curves(
    flow: GradientFlow, face: FreeFace, names: tuple[str, str], columns: np.ndarray, most: float
) -> list[Curve]:
    kind, name = names
    if columns.size == 1:
        found = curves_on_face(face, int(columns[0]), most)
        return [followed_on(flow, curve, most) for curve in found] if kind == "unstable" else found
    if columns.size == 0 and kind == "stable" and face.held.size == 1:
        return curve_from_side(flow, face, most)
    if columns.size == 0:
        raise InputError(f"{kind}_manifold: the {kind} manifold of {name} within its free face is the point alone")
    raise InputError(
        f"{kind}_manifold: that of {name} has dimension {columns.size}; curves and meshes are made in dimensions 1 and 2"
        + (", of a sink part='slow' or 'strong' gives curves" if kind == "stable" else "")
    )


def _ends(flow: GradientFlow, curves: list[Curve], point: Any) -> list[str]:
    """Reasons, with the id of the critical point at which a branch ends where the list has it."""
    if not isinstance(point, CriticalPoints) or not len(point):
        return [curve.reason for curve in curves]
    found = []
    for curve in curves:
        away = np.linalg.norm(point.points - curve.points[-1], axis=1)
        near = int(away.argmin())
        is_end = away[near] <= NEAR_END * flow.arena.width and len(curve.arc) > 1
        found.append(f"ends at {point.ids[near]}" if is_end else curve.reason)
    return found


def _known_ends(ends: list[str], connections: Any, point: Any, row: int | None, kind: str) -> list[str]:
    """Reasons with the certainty of the orbit that a record of connections has for the branch."""
    if connections is None or not isinstance(point, CriticalPoints):
        return ends
    place = 0 if row is None else int(row)
    own = [orbit for orbit in connections.of_saddle(place) if (orbit.source == place) == (kind == "unstable")]
    ids, found = (*connections.points.ids, ""), []
    for side, reason in zip(
        (1.0, -1.0), ends, strict=False
    ):  # first along the vector whose largest component is positive
        fitting = [orbit for orbit in own if orbit.direction[np.abs(orbit.direction).argmax()] * side > 0]
        fitting = own if len(ends) == 1 else fitting
        if len(fitting) != 1:
            found.append(reason)
            continue
        end = ids[fitting[0].target if kind == "unstable" else fitting[0].source]
        found.append(f"{f'ends at {end}' if end else reason} ({fitting[0].certainty})")
    return found


def _record(
    flow: GradientFlow,
    face: FreeFace,
    names: tuple[str, str],
    columns: np.ndarray,
    curves: list[Curve],
    reasons: list[str],
    begun: float,
) -> ManifoldCurves:
    largest = max(float(curve.error.max()) for curve in curves)
    agreed = largest <= AGREED * flow.arena.width and all(len(curve.arc) > 1 for curve in curves)
    note = "" if flow.potential.companion is None else f"eigenvalues are those of the {flow.arena.potential.name}"
    return ManifoldCurves(
        kind=names[0],
        id=names[1],
        points=tuple(curve.points for curve in curves),
        parameter=tuple(curve.arc for curve in curves),
        error=tuple(curve.error for curve in curves),
        reasons=tuple(reasons),
        released=tuple(curve.released for curve in curves),
        eigenvalue=float(face.sign * face.spectrum[columns[0]]) if columns.size else np.nan,
        gap=np.nan,
        sink=face.sink,
        potential=flow.potential.name,
        notes=(note,) if note else (),
        domain=flow.domain,
        certainty=Certainty.VERIFIED if agreed else Certainty.HEURISTIC,
        provenance=Provenance(CURVES, seconds=time.perf_counter() - begun),
    )


def _mesh(
    flow: GradientFlow,
    face: FreeFace,
    names: tuple[str, str],
    columns: np.ndarray,
    most: float,
    edge: float | None,
    begun: float,
) -> ManifoldMesh:
    size = flow.arena.width / EDGES if edge is None else float(edge)
    if size < 1e-4 * flow.arena.width:
        raise InputError(f"{names[0]}_manifold: edge={size:g} is below 1/10,000 of the width of the domain")
    growth = Growth(Orbits(face, size), columns, most)
    growth.run()
    vertices = face.lift(np.array(growth.points))
    triangles = np.array(growth.triangles, dtype=np.int64).reshape(-1, 3)
    seconds = time.perf_counter() - begun
    return ManifoldMesh(
        kind=names[0],
        id=names[1],
        point=face.sink,
        vertices=vertices,
        triangles=triangles,
        distance=np.array(growth.distance),
        defect=defects(face, np.array(growth.points), triangles),
        edge=size,
        ends=counted(list(growth.ends.values())),
        equilibria=np.array(growth.equilibria, dtype=np.int64),
        eigenvalues=face.sign * face.spectrum[columns],
        seconds=seconds,
        potential=flow.potential.name,
        notes=tuple(growth.notes),
        domain=flow.domain,
        certainty=Certainty.HEURISTIC,
        provenance=Provenance(MESH, {"edge": size}, seconds=seconds),
    )


def defects(face: FreeFace, y: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Sine of the angle between the gradient at the centre of each triangle and its plane, (m,); y (n, k)."""
    corners = y[triangles]
    slope = face.gradient(corners.mean(axis=1))
    size = np.linalg.norm(slope, axis=1)
    plane = np.swapaxes(np.stack([corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]], axis=1), 1, 2)
    basis = np.linalg.qr(plane)[0]
    inside = np.einsum("mki,mk->mi", basis, slope)
    across = np.linalg.norm(slope - np.einsum("mki,mi->mk", basis, inside), axis=1)
    return np.where(size > 0, across / np.where(size > 0, size, 1.0), 0.0)
