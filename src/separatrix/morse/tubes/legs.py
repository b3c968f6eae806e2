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
from separatrix.morse.tubes.traces import Start, Trace
from separatrix.morse.tubes.tracing import RELEASED, STANDS, TOLERANCE, WALL, Tracer

MOST_LEGS = 12


class LegTracer(Tracer):
    """Integrates starts over all their legs: where one ends the next begins at once, in the same batch."""

    def __init__(self, arena: Arena, goals: dict[float, Goals], starts: list[Start], tolerance: float) -> None:
        self.origin = list(range(len(starts)))  # the start to which each row belongs
        super().__init__(arena, goals, starts, tolerance=tolerance)

    def go_on(self, ended: np.ndarray) -> None:
        """Rows for the legs that follow those of the rows ``ended``."""
        rows = np.array([row for row in ended if self._may_go_on(row)], dtype=np.int64)
        if not rows.size:
            return
        slopes, faces = gradients(self.arena.potential, self.x[rows]), self.arena.limits.faces(self.x[rows])
        ahead = []
        for row, slope, face in zip(rows.tolist(), slopes, faces, strict=True):
            start = self._next(row, slope, face.astype(np.float64))
            if start is None:
                self.reason[row] = STANDS
            else:
                ahead.append(start)
                self.origin.append(self.origin[row])
        self.add(ahead)

    def _may_go_on(self, row: int) -> bool:
        """Whether the flow goes on from the end of a leg, of which there are not too many yet."""
        if self.reason[row] not in (WALL, RELEASED) or self.sign[row] < 0 or self.arena.boundary != "project":
            return False
        return self.origin.count(self.origin[row]) <= MOST_LEGS

    def _next(self, row: int, slope: np.ndarray, faces: np.ndarray) -> Start | None:
        """Where the projected flow goes on from the end of a leg, None where it does not."""
        start, is_released, outward = self.starts[row], self.reason[row] == RELEASED, faces * slope
        held = (outward > 0) if is_released else (outward >= 0) & (faces != 0)
        if is_released and (held == ~start.free).all() and held.any():
            held &= outward > outward[held].min()  # it is 0 but for rounding, which differs from batch to batch
        if held.all() or (held == ~start.free).all():
            return None
        held_faces = np.where(held, faces, 0.0)
        return Start(start.row, start.side, 1.0, self.slope[row].copy(), self.x[row].copy(), ~held, held_faces)


def traced_legs(
    arena: Arena, goals: dict[float, Goals], starts: list[Start], tolerance: float = TOLERANCE
) -> list[Trace]:
    """The traces of ``starts``, each over all its legs; those with one leg are as :class:`Tracer` makes them."""
    tracer = LegTracer(arena, goals, starts, tolerance)
    traces, legs = tracer.run(), [[] for _ in starts]
    for origin, trace in zip(tracer.origin, traces, strict=True):
        legs[origin].append(trace)
    return [joined_legs(own) if len(own) > 1 else own[0] for own in legs]


def joined_legs(legs: list[Trace]) -> Trace:
    """One trace along all ``legs``, with the end of the last."""
    nodes = [legs[0].nodes, *(leg.nodes[1:] for leg in legs[1:])]
    tangents = [legs[0].tangents, *(leg.tangents[1:] for leg in legs[1:])]
    arc = legs[0].arc
    for leg in legs[1:]:
        arc = np.append(arc, arc[-1] + leg.arc[1:])
    joined = dataclasses.replace(legs[0], nodes=np.concatenate(nodes), tangents=np.concatenate(tangents), arc=arc)
    return dataclasses.replace(joined, reason=legs[-1].reason, target=legs[-1].target, legs=tuple(legs))
