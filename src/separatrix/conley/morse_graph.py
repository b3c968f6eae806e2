"""The Morse graph of a gradient flow, without a time step: proved points, their Conley indices, and their order (§9)."""

from __future__ import annotations

import dataclasses
from time import perf_counter
from typing import Any

import numpy as np

from separatrix.conley.morse_graph_assembly import assembled, case_of
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.conley.morse_sets import Nodes, Placed, separated
from separatrix.conley.needed_branches import needed_branches
from separatrix.conley.outer_approximation import OuterApproximation, outer_approximation
from separatrix.conley.sampled_orbits import sampled_orbits
from separatrix.conley.time_map import TimeMap, time_map
from separatrix.domains import Box, as_box
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.matching import require_orbits_of, require_potential_of
from separatrix.records import Provenance

MOST_INPUTS = 4
FIRST_BOXES, MOST_BOXES = 4096, 5_000_000
FACES, TIME_MAP = "faces", "time-T map"
CUBES = {
    FACES: "cubes with interval gradients on their faces",
    TIME_MAP: "cubes with enclosures of their images after a time",
}


def morse_graph(
    flow: GradientFlow,
    box: Any = None,
    *,
    points: CriticalPoints | None = None,
    connections: Connections | None = None,
    method: str = FACES,
    time: float | None = None,
    n_boxes: int = FIRST_BOXES,
    max_boxes: int = 40_000,
    rng: Any = 0,
    strict: bool = False,
) -> MorseGraph:
    """The Morse sets of a flow in a box of 1 to 4 dimensions and the order of the flow between them. f is climbed.

    Nodes are the equilibria in the box, proved, and what :func:`critical_points` left unresolved; the outside is none. The
    order comes from the homology of attracting sets of cubes (9.13) and from the branches of saddles: in the plane exact, by
    (9.3), where the list is complete and branches are followed to their ends, in space by (9.4); pairs that nothing excludes
    are in it. The cubes of an outer approximation, refined until they keep the sets apart, exclude pairs (9.2). Branches are
    followed only where values, cubes, (9.5) and (9.13) leave a choice; give ``connections`` to have all. Of piecewise linear
    flows orbits beside the points show pairs, as heuristic.

    ``method``: of the cubes, "faces": to neighbours where the field may cross the face (9.2); "time-T map": to the cubes that
    phi_T of a cube may meet (9.7), for smooth potentials; ``time``: T, of the log-odds for class probabilities, None: chosen.

    ``box``: inside the flow's domain, by default all of it; a smaller one must keep off its sides, and orbits end where they
    leave it. ``points``, ``connections``: of this flow in this box. ``n_boxes``: cubes at first, ``max_boxes``: at last;
    ``rng``: of searches, changes no proved answer. ``strict``: UnresolvedError where the order or an index is open.

    Raises KindError for other kinds and above 4 inputs, InputError for values, SeparatrixError where f has no ``enclosure``.

    >>> from separatrix import Box, GradientFlow, expression
    >>> flow = GradientFlow(expression("-(x**2 - 1)**2 - y**2", "x y"), Box.cube(2, -2, 2), "exit")
    >>> graph = morse_graph(flow)
    >>> graph.names, graph.n_pairs, graph.order_is_exact, str(graph.order_certainty)
    (('s0', 's1', 'p0'), 2, True, 'proved')
    """
    begun = perf_counter()
    flow = _asked(flow, box, (n_boxes, max_boxes))
    _require_method(flow, method, time)
    points = _points_of(flow, points, rng)
    connections = _checked(flow, points, connections)
    nodes = Nodes.of(flow.arena, points)
    placed = separated(_cubes(flow, method, time, n_boxes), nodes, max_boxes)
    case = case_of(flow, points, nodes, placed)
    if connections is None and isinstance(flow.engine, Smooth):
        connections = needed_branches(case, rng)
    seen = sampled_orbits(case, rng) if connections is None else None
    found = assembled(dataclasses.replace(case, connections=connections, seen=seen))
    found = _recorded(found, placed, method, (str(rng), begun))
    return found.require() if strict else found


def _recorded(found: MorseGraph, placed: Placed, method: str, seed_and_begun: tuple[str, float]) -> MorseGraph:
    """The graph with how it was made."""
    how, (seed, begun) = (
        f"complete list of equilibria; homology of blocks; branches in tubes; {CUBES[method]}",
        seed_and_begun,
    )
    provenance = Provenance(how, {"boxes": found.n_boxes}, seed, perf_counter() - begun)
    used = placed.approximation.time if isinstance(placed.approximation, TimeMap) else None
    return dataclasses.replace(found, provenance=provenance, method=method, time=used)


def _box_of(flow: GradientFlow) -> Box:
    assert isinstance(flow.domain, Box)
    return flow.domain


def _asked(flow: Any, box: Any, sizes: tuple[Any, Any]) -> GradientFlow:
    """The flow on the box that was asked for."""
    if not isinstance(flow, GradientFlow):
        raise KindError(f"morse_graph: expected a GradientFlow, came {type(flow).__name__}")
    dim = flow.potential.dim
    if dim > MOST_INPUTS:
        raise KindError(
            f"morse_graph: boxes are covered by cubes in at most {MOST_INPUTS} dimensions, this flow has {dim}; reduce the free "
            "flow exactly where the first layer has few rows or uses few inputs (reduced(potential)), restrict the network to an "
            "AffineSlice of 2 or 3 directions (net.restrict), or use landscape and class_tree, which need no cubes"
        )
    for name, size in zip(("n_boxes", "max_boxes"), sizes, strict=True):
        if isinstance(size, bool) or not isinstance(size, (int, np.integer)) or not 1 <= size <= MOST_BOXES:
            raise InputError(
                f"morse_graph: {name} must be an integer from 1 to {MOST_BOXES:,}, came {printable(repr(size), 40)}"
            )
    if box is None:
        if not isinstance(flow.domain, Box):
            raise InputError("morse_graph: the whole space cannot be covered by cubes; give a box")
        return flow
    box = as_box(box, dim)
    if box == flow.domain:
        return flow
    if isinstance(flow.domain, Box):
        inside = (box.lower >= flow.domain.lower).all() and (box.upper <= flow.domain.upper).all()
        if not inside:
            raise InputError(f"morse_graph: the box {box!r} is not inside the flow's domain {flow.domain!r}")
        touches = (box.lower == flow.domain.lower).any() or (box.upper == flow.domain.upper).any()
        if touches and flow.boundary == "project":
            raise InputError(
                f"morse_graph: the box {box!r} shares a side with the flow's domain {flow.domain!r}, where the flow is held, and "
                "not all of them; give a box that keeps off the sides, or none"
            )
    return GradientFlow(flow.potential, box, "exit")


def _require_method(flow: GradientFlow, method: Any, time: Any) -> None:
    """Raise where the method is not known or the time cannot be used with it."""
    if method not in (FACES, TIME_MAP):
        raise InputError(f"morse_graph: method must be {FACES!r} or {TIME_MAP!r}, came {printable(repr(method), 40)}")
    if method == TIME_MAP and not isinstance(flow.engine, Smooth):
        raise KindError(
            f"morse_graph: the {TIME_MAP} is enclosed by second derivatives, which piecewise linear networks lack on creases; "
            f"use method={FACES!r}, which takes all one-sided gradients"
        )
    if time is None:
        return
    if method == FACES:
        raise InputError(f"morse_graph: the method {FACES!r} has no time; give method={TIME_MAP!r} with it, or no time")
    if isinstance(time, bool) or not isinstance(time, (int, float, np.number)) or not 1e-290 < time < 1e290:
        raise InputError(f"morse_graph: time must be a positive number, came {printable(repr(time), 40)}")


def _cubes(flow: GradientFlow, method: str, time: float | None, n_boxes: int) -> OuterApproximation:
    """The first outer approximation of a flow by a method."""
    potential, box = flow.arena.potential, _box_of(flow)
    if method == FACES:
        return outer_approximation(potential, box, flow.boundary, n_boxes=n_boxes)
    return time_map(potential, box, flow.boundary, None if time is None else float(time), n_boxes=n_boxes)


def _points_of(flow: GradientFlow, points: Any, rng: Any) -> CriticalPoints:
    if points is None:
        return critical_points(flow.potential, _box_of(flow), flow.boundary, rng=rng)
    if not isinstance(points, CriticalPoints):
        raise KindError(f"morse_graph: points must be CriticalPoints, came {type(points).__name__}")
    if points.points.ndim != 2 or points.points.shape[1] != flow.potential.dim:
        raise InputError(
            f"morse_graph: the points have shape {points.points.shape}, the flow dimension {flow.potential.dim}"
        )
    if points.domain != flow.domain or points.boundary != flow.boundary:
        raise InputError(
            f"morse_graph: the points are those of {points.domain!r} with boundary {points.boundary!r}, the flow is one on "
            f"{flow.domain!r} with boundary {flow.boundary!r}; give critical_points of this box, or none"
        )
    require_potential_of(flow, points, "morse_graph")
    return points


def _checked(flow: GradientFlow, points: CriticalPoints, found: Any) -> Connections | None:
    """Connections that were given, checked."""
    if found is None:
        return None
    if not isinstance(found, Connections):
        raise KindError(f"morse_graph: connections must be Connections, came {type(found).__name__}")
    if not np.array_equal(found.points.points, points.points):
        raise InputError(
            "morse_graph: these are connections of other points; give both of one flow, or neither of them"
        )
    require_orbits_of(flow, found, "morse_graph")
    return found
