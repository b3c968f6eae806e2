"""Certified decision surfaces of smooth networks with 1 to 3 inputs (§6)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, WholeSpace, as_box
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.networks.layers import AffineMap
from separatrix.networks.network import Network
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.records import Provenance
from separatrix.surface.smooth.certificate import UNSETTLED, CertifiedMesh, Limits, TwoClasses, certify, finer
from separatrix.surface.smooth.marching import check_ridges, zero_set
from separatrix.surface.smooth.packed_network import packed
from separatrix.surface.smooth.roots import distance_bounds, edge_roots, in_box, output_difference
from separatrix.surface.smooth.surface_smooth import SmoothDecisionSurface, surface_complex

MOST_INPUTS = 3
MOST_LISTED = 1000
LARGEST_COORDINATE = 1e75  # squares of lengths and products of three stay finite
RESOLUTION = {1: 1, 2: 64, 3: 16}
BUDGET = {1: 20_000, 2: 400_000, 3: 1_500_000}
METHOD = "bisected simplices, proved where enclosures exclude the surface or make it transversal"


def smooth_decision_surface(
    net: Network,
    box: Any,
    classes: tuple[int, int] | None = None,
    *,
    halvings: int = 18,
    max_simplices: int | None = None,
    resolution: int | None = None,
) -> SmoothDecisionSurface:
    """The decision surface of a smooth network in a box as a certified simplicial complex.

    ``box``: a Box or a pair (lower, upper) of 1 to 3 coordinates; ``classes``: a pair, or None for all classes;
    ``halvings``: of every coordinate at most; ``max_simplices``: of the mesh, by default more than trained networks need;
    ``resolution``: cells are at most 1 / resolution of the box's sides long (1: as coarse as the proof allows).
    Two classes: proved, by the theorem of :mod:`separatrix.surface.smooth.certificate`; more classes: verified. What was
    not settled is listed and then nothing is called proved. Raises InputError for other boxes and for activations that
    are not smooth, SeparatrixError where the difference of two winning logits is zero everywhere.

    >>> net = Network.from_arrays([[[3.0, 0.0], [0.0, 3.0]], [[1.0, 1.0]]], [[0.0, 0.0], [0.25]], "tanh")
    >>> surface = smooth_decision_surface(net, ([-1, -1], [1, 1]))
    >>> surface.homology().betti, str(surface.certainty)
    ((1, 0), 'proved')
    """
    begun = time.perf_counter()
    domain = _checked_box(net, box)
    limits = limits_of(domain.dim, halvings, max_simplices, resolution)
    if net.n_classes > 2:
        from separatrix.surface.smooth.several_classes import surface_of_several_classes

        return surface_of_several_classes(net, domain, classes, limits)
    return _surface_of_two_classes(net, domain, classes, limits, begun)


def limits_of(dim: int, halvings: Any = 18, max_simplices: Any = None, resolution: Any = None) -> Limits:
    """The limits, checked: InputError for halvings outside 1 to 24, less than one simplex, resolutions outside 1 to 4096."""
    most = BUDGET[dim] if max_simplices is None else max_simplices
    cells = RESOLUTION[dim] if resolution is None else resolution
    given = (("halvings", halvings, 24), ("max_simplices", most, 2**31 - 1), ("resolution", cells, 4096))
    for name, value, last in given:
        if isinstance(value, bool) or not isinstance(value, (int, np.integer)):
            raise KindError(f"{name}: expected a whole number, came {type(value).__name__}")
        if not 1 <= value <= last:
            raise InputError(f"{name}: expected 1 to {last}, came {int(value)}")
    return Limits(int(halvings), int(most), int(cells))


def _checked_box(net: Network, box: Any) -> Box:
    if box is None or isinstance(box, WholeSpace):
        raise InputError("smooth networks: expected a bounded box, came the whole space; choose a box")
    if net.n_inputs > MOST_INPUTS:
        raise InputError(
            f"smooth networks: a surface is certified for at most {MOST_INPUTS} inputs, this network has {net.n_inputs}; "
            "restrict it to a plane or a 3-dimensional slice with net.restrict(AffineSlice.through(points))"
        )
    found = as_box(box, net.n_inputs)
    if max(np.abs(found.lower).max(), np.abs(found.upper).max()) > LARGEST_COORDINATE:
        raise InputError(
            f"smooth networks: lengths and volumes overflow on {found}; choose a box with coordinates up to "
            f"{LARGEST_COORDINATE:g}"
        )
    return found


def is_zero(net: Network, contrasts: np.ndarray) -> bool:
    """Whether a combination (1, n_classes) of the logits vanishes identically because its last layer does."""
    last = net.contrasted(contrasts).nodes[-1].layer
    assert isinstance(last, AffineMap)
    arrays = (last.weight, last.bias, last.weight_radius, last.bias_radius)
    return not any(array is not None and array.any() for array in arrays)


def _surface_of_two_classes(
    net: Network, box: Box, classes: tuple[int, int] | None, limits: Limits, begun: float
) -> SmoothDecisionSurface:
    contrasts = np.array([[-1.0, 1.0]])
    if is_zero(net, contrasts):
        raise SeparatrixError("the difference of the logits vanishes (is zero) on a full cell: on the whole box")
    network = packed(net, box, contrasts)
    question = TwoClasses(network)
    mesh = finer(question, limits, certify(question, limits), limits.resolution)
    inner = mesh.simplices[mesh.status > 2]
    edges, facets = zero_set(mesh.coords, mesh.levels, inner)
    ends = mesh.coords[edges]
    points, share = edge_roots(output_difference(network), ends, mesh.levels[edges])
    on_side = np.stack([(ends == 0.0).all(axis=1), (ends == 1.0).all(axis=1)], axis=2)
    check_ridges(facets, on_side)
    vertices = in_box(box, points)
    boxes, reasons = unsettled_boxes(mesh, box, mesh.status == UNSETTLED)
    is_proved = mesh.is_settled and ieee_arithmetic_holds()
    tolerances = {"halvings": float(limits.halvings), "max_simplices": float(limits.max_simplices)}
    return SmoothDecisionSurface(
        complex=surface_complex(facets, vertices),
        network=net,
        classes=classes,
        facets=facets,
        vertices=vertices,
        vertex_error=distance_bounds(box, ends, share),
        pairs=np.tile(np.array([[0, 1]]), (len(facets), 1)),
        mesh_vertices=in_box(box, mesh.coords),
        mesh_simplices=mesh.simplices,
        labels=(mesh.levels > 0).astype(np.int64),
        excluded=mesh.status <= 2,
        unsettled=boxes,
        unsettled_reasons=reasons,
        n_tested=mesh.n_tested,
        domain=box,
        certainty=Certainty.PROVED if is_proved else Certainty.HEURISTIC,
        provenance=Provenance(METHOD, tolerances, seconds=time.perf_counter() - begun),
        _mesh=(network, mesh),
    )


def unsettled_boxes(mesh: CertifiedMesh, box: Box, chosen: np.ndarray) -> tuple[tuple[Box, ...], tuple[str, ...]]:
    """Boxes around the chosen simplices (N,) bool, with reasons; beyond MOST_LISTED the rest together in the last."""
    found = mesh.coords[mesh.simplices[chosen]]
    lows, highs = found.min(axis=1), found.max(axis=1)
    touched = ((found == 0.0) | (found == 1.0)).any(axis=1)
    rows = list(range(min(len(found), MOST_LISTED)))
    boxes = [Box(in_box(box, lows[row]), in_box(box, highs[row])) for row in rows]
    why = "the budget of simplices ran out" if mesh.is_exhausted else "halving did not settle it"
    reasons = [_reason(touched[row], why) for row in rows]
    if len(found) > MOST_LISTED:
        rest_low, rest_high = lows[MOST_LISTED:].min(axis=0), highs[MOST_LISTED:].max(axis=0)
        boxes.append(Box(in_box(box, rest_low), in_box(box, rest_high)))
        reasons.append(f"holds {len(found) - MOST_LISTED} more simplices: {why}")
    return tuple(boxes), tuple(reasons)


def _reason(touched: np.ndarray, why: str) -> str:
    if not touched.any():
        return f"{why}: the surface may be singular here, or two sheets of it too close"
    sides = ", ".join(str(axis) for axis in np.flatnonzero(touched))
    return f"{why}: the surface may be tangent to a side of the box (coordinate {sides}), lie in it, or pass its edge or corner"
