"""The critical point that a stable or unstable manifold belongs to, and the face on which it is followed (§3)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.flow.arrays import rows
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.manifolds.free_face import LOST, FreeFace

NEAR = 0.05
ROUNDS = 30
AT_REST = 1e-9


@dataclass(frozen=True, eq=False)
class ReversedFace(FreeFace):
    """A free face on which -f is climbed: its stable directions are the unstable ones of f. Held coordinates are as for f."""

    sign: ClassVar[float] = -1.0

    def gradients(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As of a free face, the first with the other sign."""
        slope, outward = super().gradients(y)
        return -slope, outward

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """As of a free face, with the other sign."""
        return -super().hessian(y)


def reversed_face(face: FreeFace) -> ReversedFace:
    """The same face for -f."""
    fields = {f.name: getattr(face, f.name) for f in dataclasses.fields(face)}
    return ReversedFace(**{**fields, "spectrum": -face.spectrum})


def point_of(flow, point, row: int | None = None) -> tuple[np.ndarray, str]:
    """(critical point (dim,), id) from a row of CriticalPoints, or from an array that is polished to the point it lies at.

    Raises InputError where no critical point of the flow is near, or where it is degenerate.
    """
    if isinstance(point, CriticalPoints):
        if row is None and len(point) != 1:
            raise InputError(f"expected one point, came a list of {len(point)}; say which with row=")
        if isinstance(row, bool) or not isinstance(row, (int, np.integer, type(None))):
            raise InputError(f"row must be the number of a point in the list, came {printable(repr(row))}")
        place = 0 if row is None else int(row)
        if not 0 <= place < len(point):
            raise InputError(f"row={place}: the list has {len(point)} points")
        if point.points.shape[1] != flow.potential.dim:
            raise InputError(f"the point has dimension {point.points.shape[1]}, the flow {flow.potential.dim}")
        return point.points[place], point.ids[place]
    given = rows(point, flow.potential.dim, "the point", on_device=False)
    if len(given) != 1:
        raise InputError(f"expected one point (dim,), came {len(given)} rows")
    flow.potential.require_defined(given, "the point")
    found = _polished(flow, given[0])
    index = int((FreeFace.at(flow.arena, found).spectrum > 0).sum())
    return found, f"{'s' if index == 0 else 'r' if index == flow.potential.dim else 'p'}{row or 0}"


def _polished(flow, given: np.ndarray) -> np.ndarray:
    """The equilibrium of the face of ``given`` that Newton's method reaches from it."""
    potential, width = flow.arena.potential, flow.arena.width
    free = np.flatnonzero(flow.arena.bounds.faces(given) == 0)
    x, step = given.copy(), np.inf
    for _ in range(ROUNDS):
        slope = potential.gradient(x[None])[0][free]
        move = np.linalg.lstsq(potential.hessian_on(x, free), -slope, rcond=None)[0] if free.size else np.zeros(0)
        step = float(np.abs(move).max(initial=0.0))
        if not np.isfinite(step) or np.abs(x + _spread(move, free, x.size) - given).max() > NEAR * width:
            raise InputError(
                f"no critical point of the flow lies within {NEAR * width:.3g} of the point that was given; take one from "
                "critical_points() or sinks()"
            )
        x = x + _spread(move, free, x.size)
        if step <= 1e-15 * width:
            break
    if step > AT_REST * width:
        raise InputError("Newton's method does not settle at the point: it is degenerate, or no critical point")
    return x


def _spread(move: np.ndarray, free: np.ndarray, dim: int) -> np.ndarray:
    whole = np.zeros(dim)
    whole[free] = move
    return whole


def require_nondegenerate(face: FreeFace, name: str) -> None:
    """Raise InputError where the Hessian on the face is singular to rounding, or a held coordinate pulls inward."""
    size = np.abs(face.spectrum).max(initial=0.0)
    if face.dim and float(np.abs(face.spectrum).min()) <= LOST * size:
        raise InputError(f"{name} is degenerate: its Hessian is singular to rounding, and has no two such manifolds")
    if face.held.size and (face.gradients(face.sink[None, face.free])[1] <= 0).any():
        raise InputError(f"{name} is no equilibrium: the gradient of a held coordinate does not point outward")
