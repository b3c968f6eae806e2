"""Equilibria on the cells of a complex as the record that a person sees: coordinates, spectra, multipliers, creases (§5)."""

from __future__ import annotations

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.morse.piecewise_linear.candidates import OpenCell, Scene
from separatrix.morse.piecewise_linear.equilibria import MULTIPLE, Equilibria, Equilibrium
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance

LEAST_SIDE = 1e-12


def listing(
    scene: Scene, asked: NetworkPotential, found: Equilibria, boundary: str, provenance: Provenance
) -> CriticalPoints:
    """The record of ``found`` for the potential ``asked``, whose equilibria are those of the scene's."""
    dim, sides = scene.complex_.dim, scene.box
    points = np.array([e.place.x for e in found.found]).reshape(-1, dim)
    values = np.asarray(asked.value(points)) if len(points) else np.zeros(0)
    order = (
        np.lexsort((-values, np.array([e.index for e in found.found]))) if len(points) else np.zeros(0, dtype=np.int64)
    )
    chosen, points, values = [found.found[i] for i in order.tolist()], points[order], values[order]
    active = np.array([scene.blocked(e.place.k)[e.place.cell] for e in chosen], dtype=np.int8).reshape(-1, dim)
    points = np.where(active < 0, sides.lower, np.where(active > 0, sides.upper, points))
    boxes, reasons = unresolved(scene, found)
    error = np.array([e.place.error for e in chosen])
    creases = crease_numbers(scene)
    return CriticalPoints(
        points=points,
        values=values,
        indices=np.array([e.index for e in chosen], dtype=np.int64),
        certainty=(Certainty.PROVED,) * len(chosen),
        evidence=tuple(_evidence(scene, e) for e in chosen),
        spectra=tuple(_spectrum(asked, e) for e in chosen),
        active=active,
        multipliers=np.array([_multipliers(scene, asked, e) for e in chosen]).reshape(-1, dim),
        radius=_radii(scene, (points, error), boxes, boundary),
        error=error,
        label=np.zeros(0, dtype=np.int64),
        potential=asked.name,
        boundary=boundary,
        is_complete=not boxes,
        unresolved=boxes,
        unresolved_reasons=reasons,
        domain=sides,
        provenance=provenance,
        creases=() if creases is None else tuple(_creases(scene, e, creases) for e in chosen),
    )


def _evidence(scene: Scene, found: Equilibrium) -> str:
    place = found.place
    faces = int((scene.blocked(place.k)[place.cell] != 0).sum())
    where = "a vertex" if place.k == 0 else f"Krawczyk's test on a cell of dimension {place.k}"
    return (
        f"{where} of the exact complex, on {faces} face{'s' * (faces != 1)}; index {place.rising} on the cell and "
        f"{found.index - place.rising} from its upper link, {found.groups}; every other cell near by is excluded or listed"
    )


def _spectrum(asked: NetworkPotential, found: Equilibrium) -> np.ndarray:
    """Eigenvalues of the Hessian of ``asked`` on the cell, ascending, in doubles."""
    zero = found.place.zero
    if zero is None:
        return np.zeros(0)
    made, t = zero.chart, 0.5 * (zero.zero.lower + zero.zero.upper)
    curved = asked.head.hessian(np, (made.z + made.slopes @ t)[None])[0]
    unit = np.linalg.inv(np.linalg.qr(made.frame)[1])
    bent = unit.T @ made.slopes.T @ curved @ made.slopes @ unit
    return np.linalg.eigvalsh(0.5 * (bent + bent.T))


def _multipliers(scene: Scene, asked: NetworkPotential, found: Equilibrium) -> np.ndarray:
    """The fall of ``asked`` off every face, per unit of its coordinate, along neighbouring cells; the least of several."""
    place, cells, places = found.place, scene.complex_.cells, scene.places
    on = scene.blocked(place.k)[place.cell]
    multipliers = np.zeros(on.size)
    if place.k == cells.dim or not on.any():
        return multipliers
    starts, members = scene.tables.vertices(place.k)
    own = members[starts[place.cell] : starts[place.cell + 1]]
    zero = place.zero
    z = (
        places.z[own[0]]
        if zero is None
        else zero.chart.z + zero.chart.slopes @ (0.5 * (zero.zero.lower + zero.zero.upper))
    )
    slope = asked.head.value_and_gradient(np, z[None])[1][0]
    begins, around, _ = cells.cofaces(place.k)
    starts, members = scene.tables.vertices(place.k + 1)
    multipliers[on != 0] = np.inf
    for cell in around[begins[place.cell] : begins[place.cell + 1]].tolist():
        others = np.setdiff1d(members[starts[cell] : starts[cell + 1]], own, assume_unique=True)
        left = (on != 0) & (scene.blocked(place.k + 1)[cell] == 0)
        w = int(others[0])
        for i in np.flatnonzero(left).tolist():
            fall = -float(slope @ (places.z[w] - z)) / abs(float(places.points[w, i] - place.x[i]))
            multipliers[i] = min(multipliers[i], fall)
    return np.where(np.isfinite(multipliers), multipliers, 0.0)


def _radii(scene: Scene, places: tuple[np.ndarray, np.ndarray], boxes: tuple[Box, ...], boundary: str) -> np.ndarray:
    """Half sides of cubes about the points that reach no other point, no open box and, without the edge, no side."""
    points, error = places
    found = np.full(len(points), float(scene.box.width.max()))
    for i, x in enumerate(points):
        gaps = np.abs(points - x).max(axis=1) - error - error[i]
        gaps[i] = np.inf
        found[i] = min(found[i], float(gaps.min(initial=np.inf)))
        for box in boxes:
            found[i] = min(found[i], float(np.maximum(box.lower - x, x - box.upper).max()))
        if boundary == "exit":
            found[i] = min(found[i], float(np.minimum(x - scene.box.lower, scene.box.upper - x).min()))
    found *= 1.0 - 1e-9
    return np.where(found > error, found, np.nan)


def unresolved(scene: Scene, found: Equilibria) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """Boxes about what is open or has no index, cells that touch joined into one."""
    left = [
        *(
            OpenCell(
                e.place.k, e.place.cell, e.place.x - e.place.error, e.place.x + e.place.error, f"{MULTIPLE}{e.groups}"
            )
            for e in found.multiple
        ),
        *found.left,
    ]
    boxes, reasons = [], []
    for members in _joined(scene, left):
        low = np.min([left[i].lower for i in members], axis=0)
        high = np.max([left[i].upper for i in members], axis=0)
        pad = np.maximum(LEAST_SIDE * scene.box.width, np.spacing(np.maximum(np.abs(low), np.abs(high))))
        boxes.append(Box(low - pad, high + pad))
        texts = list(dict.fromkeys(left[i].reason for i in members))
        cells = f" ({len(members)} cells)" if len(members) > 1 else ""
        reasons.append("; ".join(texts) + cells)
    return tuple(boxes), tuple(reasons)


def _joined(scene: Scene, left: list[OpenCell]) -> list[list[int]]:
    """The open cells in groups, those with a common vertex in one."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    if not left:
        return []
    rows, vertices = [], []
    for i, cell in enumerate(left):
        starts, members = scene.tables.vertices(cell.k)
        own = members[starts[cell.cell] : starts[cell.cell + 1]]
        rows += [i] * own.size
        vertices += (own + len(left)).tolist()
    size = len(left) + scene.complex_.cells.counts[0]
    graph = coo_array((np.ones(len(rows), dtype=np.int8), (rows, vertices)), shape=(size, size))
    label = connected_components(graph, directed=False)[1][: len(left)]
    return [np.flatnonzero(label == g).tolist() for g in dict.fromkeys(label.tolist())]


def crease_numbers(scene: Scene) -> np.ndarray | None:
    """The numbers, as in :mod:`separatrix.flow.piecewise_linear.creases`, of the neurons of sign vectors; None where the graph
    has neurons that the complex leaves out.
    """
    groups, layout = CreaseGroups.of(scene.potential.network), scene.complex_.layout
    parts = [groups.part(node) for node in groups.nodes if (groups.left[groups.part(node)] != 1.0).any()]
    widths = [part.stop - part.start for part in parts]
    if widths != [c.size for c in layout.coordinates]:
        return None
    return np.concatenate([np.zeros(0, dtype=np.int64), *(np.arange(p.start, p.stop) for p in parts)])


def _creases(scene: Scene, found: Equilibrium, numbers: np.ndarray) -> np.ndarray:
    """The neurons that are zero at the point and not all around it."""
    place, complex_ = found.place, scene.complex_
    starts, tops = scene.tables.tops(place.k)
    own = complex_.signs(place.k, [place.cell])[0]
    around = complex_.signs(complex_.dim, tops[starts[place.cell] : starts[place.cell + 1]])
    return numbers[(own == 0) & (around != 0).any(axis=0)]
