"""critical_points: every equilibrium in a box of few dimensions, proved, with the list proved complete (§3, §8)."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np

from separatrix.domains import Box, WholeSpace, as_box
from separatrix.errors import InputError, KindError, UnresolvedError, printable
from separatrix.flow.complete.laws import checked
from separatrix.flow.complete.search import Limits, boundary_sum, complete_search
from separatrix.flow.complete.touching import is_touched_from_outside_only
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.pieces import Progress, require_progress
from separatrix.flow.piecewise_linear.creases import has_creases
from separatrix.morse.exit_set import exit_set
from separatrix.morse.probes import probe_of
from separatrix.potentials.base import Potential

BOUNDARIES = ("exit", "project")


def critical_points(
    potential: Potential,
    box: Any,
    boundary: str = "exit",
    *,
    max_boxes: int = 4_000_000,
    min_width: float = 1e-9,
    rng: Any = 0,
    strict: bool = False,
    progress: Progress | None = None,
) -> CriticalPoints:
    """All critical points of ``potential`` in ``box``, each proved, in at most 5 dimensions.

    f is climbed: the index of a point is the number of positive eigenvalues of its Hessian. ``boundary="exit"``: the points
    of the interior; ``"project"``: the equilibria of the projected flow on the box and all its faces, with strictly outward
    multipliers. Boxes are excluded by interval enclosures of gradient and Hessian, settled by a proved point that is the only
    one in them, or cut (§8).

    ``is_complete``: every box was settled, so that the list is proved to be all of them, an empty one included. Otherwise
    ``unresolved`` holds boxes with what was not settled, with reasons: degenerate points, critical curves and surfaces (their
    kind is heuristic), points within their error of the edge, places where f is not defined, or the budget. ``laws``: which of
    (3.1) to (3.3) applies to the list and whether it holds; ``is_isolating``: for "exit", whether the box is an isolating block.

    ``max_boxes``: budget of boxes; ``min_width``: share of a side below which no box is cut; ``rng``: seed of the first
    candidates, which change no complete answer; ``strict=True`` raises UnresolvedError unless the list is complete.
    A class probability is searched on its log-odds. Networks with creases: exact complex (§5).

    Raises InputError for more than 5 inputs, the whole space or other values that cannot be used, KindError for other kinds,
    SeparatrixError for a custom potential without ``enclosure``.

    >>> from separatrix import expression
    >>> found = critical_points(expression("-(x**2 - 1)**2 - y**2", "x y"), ([-2, -2], [2, 2]))
    >>> found.indices.tolist(), found.is_complete
    ([0, 0, 1], True)
    """
    box, limits = _asked(potential, box, boundary, (max_boxes, min_width, rng))
    require_progress(progress, "critical_points")
    if has_creases(potential):
        from separatrix.morse.piecewise_linear.critical_points import piecewise_linear_critical_points

        found = piecewise_linear_critical_points(
            potential, box, boundary, max_boxes=limits.max_boxes, rng=rng, progress=progress
        )
    else:
        found = _with_laws(potential, box, complete_search(potential, box, boundary, limits, progress), limits)
    found = dataclasses.replace(found, probe=probe_of(potential, box))
    if strict and not found.is_complete:
        reasons = "; ".join(found.unresolved_reasons[:3]) or "; ".join(found.laws)
        raise UnresolvedError(
            f"critical_points: the list is not complete: {reasons}; strict=False returns what there is"
        )
    return found


def _with_laws(potential: Potential, box: Box, found: CriticalPoints, limits: Limits) -> CriticalPoints:
    """The record with the box judged as an isolating block where the law needs it, and its laws checked."""
    if found.boundary == "exit":
        sought = potential.companion or potential
        exits = exit_set(sought, box)
        isolating, euler = exits.is_isolating, exits.euler_characteristic
        if isolating is None and found.is_complete and is_touched_from_outside_only(sought, box):
            isolating, euler = True, boundary_sum(sought, box, limits)
            euler = None if euler is None else 1 - euler
        note = () if isolating or not exits.reason else (exits.reason,)
        found = dataclasses.replace(
            found,
            is_isolating=isolating,
            relative_betti=exits.betti or (),
            relative_euler=euler,
            notes=(*found.notes, *note),
        )
    return checked(found)


def _asked(potential: Any, box: Any, boundary: Any, options: tuple[Any, Any, Any]) -> tuple[Box, Limits]:
    """The box and the limits of the search, checked."""
    if not isinstance(potential, Potential):
        raise KindError(
            f"critical_points: expected a Potential such as log_odds(net, 0), came {type(potential).__name__}"
        )
    if boundary not in BOUNDARIES:
        raise InputError(f"critical_points: boundary must be 'exit' or 'project', came {printable(repr(boundary))}")
    if isinstance(box, WholeSpace):
        raise InputError(
            "critical_points: the whole space cannot be covered by boxes; give a Box, or use "
            "GradientFlow(potential, WholeSpace(dim)).sinks()"
        )
    max_boxes, min_width, rng = options
    if isinstance(max_boxes, bool) or not isinstance(max_boxes, (int, np.integer)) or max_boxes < 1:
        raise InputError(f"critical_points: max_boxes must be a positive integer, came {printable(repr(max_boxes))}")
    if not isinstance(min_width, (int, float, np.number)) or not 0 < min_width < 1:
        raise InputError(f"critical_points: min_width must lie between 0 and 1, came {printable(repr(min_width))}")
    return as_box(box, potential.dim), Limits(int(max_boxes), float(min_width), rng)
