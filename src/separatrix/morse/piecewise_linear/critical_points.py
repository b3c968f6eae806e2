"""All equilibria of the flow of a piecewise linear network in a box, on creases and faces, with their indices (§5)."""

from __future__ import annotations

import dataclasses
import time
from typing import Any

from separatrix.domains import Box, as_box
from separatrix.errors import InputError, KindError, UnresolvedError, printable
from separatrix.flow.complete.laws import BROKEN
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.pieces import Progress
from separatrix.morse.piecewise_linear.candidates import Scene
from separatrix.morse.piecewise_linear.equilibria import Equilibria, equilibria
from separatrix.morse.piecewise_linear.listing import listing
from separatrix.morse.piecewise_linear.margin_points import margin_equilibria
from separatrix.morse.piecewise_linear.vertex_values import linear_contrast
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.potentials.head import NetworkPotential
from separatrix.potentials.margin import Coordinate
from separatrix.records import Provenance

BOUNDARIES = ("exit", "project")
METHOD = "exact complex; rising directions, branch and bound on cells with Krawczyk's test, upper links"


def piecewise_linear_critical_points(
    potential: Any,
    box: Any,
    boundary: str = "exit",
    *,
    max_boxes: int = 1_000_000,
    max_cells: int = 5_000_000,
    rng: Any = 0,
    progress: Progress | None = None,
) -> CriticalPoints:
    """All equilibria of ``potential`` of a piecewise linear network in ``box``: 0 in (Clarke gradient) - (normal cone).

    Every cell of the exact complex is excluded, or its equilibria are found and proved. The index of a point is the degree of
    H_k({f >= c}, {f >= c} - x) = Z: the positive eigenvalues on its cell, and the degree of its upper link. Equilibria
    without an index (another group, or none) and sets on which f is constant stand in ``unresolved`` with their groups.

    ``boundary="project"``: with those on faces of the box; "exit": the interior alone. ``max_boxes``: budget of the searches
    on cells of one dimension; ``rng`` is not used: the answer is the same for all.

    Raises KindError for what is no potential of a network; InputError for networks with smooth activations, boxes of another
    dimension and more than 10 inputs; UnresolvedError for more than ``max_cells`` cells and
    where the machine does not round as IEEE-754 says.

    >>> import separatrix as sx
    >>> hat = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, -1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]], "relu")
    >>> found = piecewise_linear_critical_points(sx.margin(hat, 0, 1), ([-2], [2]))
    >>> found.points.tolist(), found.indices.tolist(), found.is_complete
    ([[0.0]], [0], True)
    """
    begun = time.perf_counter()
    sides = _checked(potential, box, boundary)
    stage = f"cells of the {potential.name}"
    if progress is not None:
        progress(stage, 0, 1)
    scene, found = _searched(potential, sides, max_boxes, max_cells)
    if progress is not None:
        progress(stage, 1, 1)
    shown = found if boundary == "project" else _interior(scene, found)
    provenance = Provenance(METHOD, seconds=time.perf_counter() - begun)
    return _with_laws(scene, found, listing(scene, potential, shown, boundary, provenance))


def _checked(potential: Any, box: Any, boundary: Any) -> Box:
    if not isinstance(potential, NetworkPotential):
        raise KindError(f"expected a potential of a network, came {type(potential).__name__}")
    if boundary not in BOUNDARIES:
        raise InputError(f"critical_points: boundary must be 'exit' or 'project', came {printable(repr(boundary))}")
    if not ieee_arithmetic_holds():
        raise UnresolvedError(
            "this thread's floating-point arithmetic is not IEEE (subnormals flushed or rounding changed)"
        )
    return as_box(box, potential.dim)


def _searched(potential: NetworkPotential, sides: Box, max_boxes: int, max_cells: int) -> tuple[Scene, Equilibria]:
    """The equilibria of the potential, sought on one with the same ones where that is simpler."""
    from separatrix.surface.linear_regions import linear_regions

    complex_ = linear_regions(potential.network, sides, max_cells=max_cells)
    row, sought = linear_contrast(potential), potential.companion or potential
    if row is not None:
        sought = NetworkPotential(potential.network, Coordinate(), row, potential.name)
    assert isinstance(sought, NetworkPotential)
    scene = Scene.of(sought, complex_)
    return scene, margin_equilibria(scene) if row is not None else equilibria(scene, max_boxes)


def _interior(scene: Scene, found: Equilibria) -> Equilibria:
    """What lies in no face of the box."""
    kept, multiple = (
        [e for e in part if not scene.is_on_edge(e.place.k, e.place.cell)] for part in (found.found, found.multiple)
    )
    return Equilibria(kept, multiple, [cell for cell in found.left if not scene.is_on_edge(cell.k, cell.cell)])


def _with_laws(scene: Scene, found: Equilibria, record: CriticalPoints) -> CriticalPoints:
    """The record with its laws, what is on the faces counted too, and what is to be said of the list."""
    cells = " + ".join(f"{n:,}" for n in scene.complex_.cell_counts)
    notes = (*record.notes, f"{cells} cells by dimension, {scene.counts.get('boxes', 0):,} boxes")
    record = dataclasses.replace(record, notes=notes).checked()
    listed = [*found.found, *found.multiple]
    total = sum((-1) ** k * n for e in listed for k, n in enumerate(e.groups.betti))
    if len(listed) == len(record) and not found.left:
        return record
    text = f"(3.1) alternating sum over the groups of all {len(listed)} points, those on faces included = {total}"
    if found.left:
        text += f"; what is unresolved without groups must account for {1 - total}"
    else:
        text += f", Euler characteristic of the box = 1: {'holds' if total == 1 else BROKEN}"
    is_broken = not found.left and total != 1
    return dataclasses.replace(record, laws=(*record.laws, text), is_complete=record.is_complete and not is_broken)
