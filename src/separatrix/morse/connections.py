"""Which critical points are joined by orbits of the gradient flow, with tubes as proofs where they exist (§8, §9)."""

from __future__ import annotations

import time
from typing import Any

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, printable
from separatrix.flow.critical_points import CriticalPoints, chosen
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections
from separatrix.morse.matching import require_potential_of
from separatrix.numerics.generators import generator_of
from separatrix.records import Provenance

MOST_DIMENSIONS = 8


def connections(
    flow: GradientFlow,
    points: CriticalPoints,
    *,
    proved: bool = True,
    circles: bool = True,
    rng: Any = 0,
    workers: int | None = None,
    strict: bool = False,
) -> Connections:
    """The orbits of ``flow`` that leave index-1 points and reach points of index dim - 1, and in space the others between
    indices 2 and 1.

    - both unstable branches of every index-1 point, and both stable branches of every point of index dim - 1, followed
      backwards: in the plane these are the separatrices
    - in three dimensions the orbits from index 2 to index 1, between directions with different ends
    - ``proved``: enclose each branch in a tube, from a cone at its point to a proved attracting box or out of the domain;
      under the projected flow from leg to leg where it meets sides of the box, moves along edges and leaves them (§8)

    - ``circles``: in three dimensions follow 48 directions around every point of index 2, and cut the gaps between those with
      different ends where their orbits part: a second or two a point, ten or more where its unstable rates differ much;
      without them ``missing`` says that these orbits were not sought

    ``rng``: seed of the first directions about points of index 2; ``workers``: threads above 8 dimensions, where branches
    are followed upwards only, and nothing is proved of them. ``strict`` raises UnresolvedError where anything is not proved.
    Raises InputError for piecewise linear networks and points of another potential or dimension, KindError for other objects.
    """
    begun = time.perf_counter()
    _check(flow, points)
    if flow.potential.dim > MOST_DIMENSIONS:
        found = _in_many_dimensions(flow, points, workers)
    else:
        from separatrix.morse.tubes.followed import Followed

        followed = Followed.of(flow.arena, points, generator_of(rng))
        orbits, missing, notes = followed.orbits(flow, proved, circles)
        found = Connections(
            points=points,
            orbits=tuple(orbits),
            potential=flow.potential.name,
            boundary=flow.boundary,
            missing=tuple(missing),
            notes=tuple(notes),
            domain=flow.domain,
            certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
            provenance=Provenance(
                "branches at unit speed, Dormand-Prince 5(4); tubes about chords and edges with interval gradients and Hessians",
                {"tolerance": 1e-9},
                str(rng),
                seconds=time.perf_counter() - begun,
            ),
        )
    return found.require() if strict else found


def _check(flow: GradientFlow, points: CriticalPoints) -> None:
    if not isinstance(flow, GradientFlow):
        raise KindError(f"connections: expected a GradientFlow, came {type(flow).__name__}")
    if not isinstance(points, CriticalPoints):
        raise KindError(
            f"connections: expected CriticalPoints, from critical_points or saddles, came {type(points).__name__}"
        )
    if points.points.shape[1:] != (flow.potential.dim,):
        raise InputError(
            f"connections: the points have shape {points.points.shape}, the flow dimension {flow.potential.dim}; give points "
            "of this flow"
        )
    if not isinstance(flow.engine, Smooth):
        raise InputError(
            f"connections: the {printable(flow.potential.name, 60)} is piecewise linear, its orbits slide along creases and "
            "join; give a smooth network or potential"
        )
    if isinstance(flow.domain, Box) and len(points) and not flow.domain.contains(points.points).all():
        raise InputError(
            f"connections: some points lie outside the flow's box {flow.domain!r}; give points of this flow"
        )
    require_potential_of(flow, points, "connections")


def _in_many_dimensions(flow: GradientFlow, points: CriticalPoints, workers: int | None) -> Connections:
    """The unstable branches of index-1 points, integrated; rows of the record are those of its own list."""
    import dataclasses

    from separatrix.morse.branches import trace_branches

    sinks, saddles = chosen(points, points.indices == 0), chosen(points, points.indices > 0)
    found = trace_branches(flow, sinks, saddles, workers=workers)
    others = sorted({int(index) for index in points.indices if index > 1})
    if not others:
        return found
    more = (
        f"in {flow.potential.dim} dimensions only the unstable branches of index 1 are followed, not those of {others}"
    )
    return dataclasses.replace(found, missing=(*found.missing, more))
