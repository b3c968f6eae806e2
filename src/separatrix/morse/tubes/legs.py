"""Branches of the projected flow from leg to leg: on each a fixed set of coordinates is held by sides of the box (§3).

A leg ends where a side is met, which then holds that coordinate, or where the gradient of a held coordinate turns inward,
which is then let go; the next one starts there.
"""

from __future__ import annotations

import dataclasses

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.slopes import gradients
from separatrix.morse.tubes.tracing import RELEASED, STANDS, WALL, Start, Trace, Tracer

MOST_LEGS = 12


def traced_legs(arena: Arena, goals: dict[float, Goals], starts: list[Start]) -> list[Trace]:
    """The traces of ``starts``, each over all its legs; those with one leg are as :class:`Tracer` makes them."""
    legs = [[trace] for trace in Tracer(arena, goals, starts).run()]
    for _ in range(MOST_LEGS):
        ahead = {number: start for number, own in enumerate(legs) if (start := next_start(arena, own[-1])) is not None}
        if not ahead:
            break
        for number, trace in zip(ahead, Tracer(arena, goals, list(ahead.values())).run(), strict=True):
            legs[number].append(trace)
    return [joined_legs(own) if len(own) > 1 else own[0] for own in legs]


def next_start(arena: Arena, leg: Trace) -> Start | None:
    """Where the projected flow goes on from the end of ``leg``, None where it does not."""
    start = leg.start
    if leg.reason not in (WALL, RELEASED) or start.sign < 0 or arena.boundary != "project":
        return None
    x = leg.nodes[-1]
    faces = arena.limits.faces(x[None])[0].astype(np.float64)
    outward = faces * gradients(arena.potential, x[None])[0]
    held = (outward > 0) if leg.reason == RELEASED else (outward >= 0) & (faces != 0)
    if held.all() or (held == ~start.free).all():
        leg.reason = STANDS
        return None
    return Start(start.row, start.side, 1.0, leg.tangents[-1], x, ~held, np.where(held, faces, 0.0))


def joined_legs(legs: list[Trace]) -> Trace:
    """One trace along all ``legs``, with the end of the last."""
    nodes = [legs[0].nodes, *(leg.nodes[1:] for leg in legs[1:])]
    tangents = [legs[0].tangents, *(leg.tangents[1:] for leg in legs[1:])]
    arc = legs[0].arc
    for leg in legs[1:]:
        arc = np.append(arc, arc[-1] + leg.arc[1:])
    joined = dataclasses.replace(legs[0], nodes=np.concatenate(nodes), tangents=np.concatenate(tangents), arc=arc)
    return dataclasses.replace(joined, reason=legs[-1].reason, target=legs[-1].target, legs=tuple(legs))
