"""The free face of a sink: the coordinates that move near it, the walls that end a curve, the eigenvectors (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.piecewise_linear.creases import crease_nodes
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import ignored_coordinates

LOST = 1e-12  # eigenvalues below this share of the largest are rounding
NEAR_SINK = 0.05


@dataclass(frozen=True, eq=False)
class FreeFace:
    """The flow on the face through ``sink`` (dim,) in its free coordinates y = x[free], (k,).

    ``held``: active coordinates, with the ``outward`` sign of each; ``spectrum`` ascending, ``vectors`` (k, k) columns.
    """

    arena: Arena
    sink: np.ndarray
    free: np.ndarray
    held: np.ndarray
    outward: np.ndarray
    spectrum: np.ndarray
    vectors: np.ndarray

    sign: ClassVar[float] = 1.0  # -1 where -f is climbed

    @classmethod
    def at(cls, arena: Arena, sink: np.ndarray) -> FreeFace:
        """The face of the point, its Hessian diagonalised. Raises InputError for a piecewise linear network."""
        if arena.potential.net is not None and crease_nodes(arena.potential.net):
            raise InputError(
                "slow and strong manifolds are those of a Hessian; this network is piecewise linear, and its sinks lie "
                "on creases where there is none. Give a smooth network"
            )
        faces, ignored = arena.bounds.faces(sink), ignored_coordinates(arena.potential)
        free, held = np.flatnonzero((faces == 0) & ~ignored), np.flatnonzero((faces != 0) & ~ignored)
        spectrum, vectors = np.zeros(0), np.zeros((0, 0))
        if free.size:
            spectrum, vectors = np.linalg.eigh(arena.potential.hessian_on(sink, free))
            largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(free.size)]
            vectors = vectors * np.where(largest < 0, -1.0, 1.0)
        return cls(arena, sink, free, held, faces[held].astype(np.float64), spectrum, vectors)

    @property
    def dim(self) -> int:
        """Number of free coordinates."""
        return self.free.size

    @property
    def lower(self) -> np.ndarray:
        """Lower walls, (k,)."""
        return self.arena.limits.lower[self.free]

    @property
    def upper(self) -> np.ndarray:
        """Upper walls, (k,)."""
        return self.arena.limits.upper[self.free]

    @property
    def is_attracting(self) -> bool:
        """Whether no eigenvalue is positive beyond rounding."""
        return not self.dim or bool(self.spectrum[-1] <= LOST * np.abs(self.spectrum).max())

    def lift(self, y: np.ndarray) -> np.ndarray:
        """Points (m, dim) of the domain from free coordinates (m, k)."""
        x = np.repeat(self.sink[None], len(y), axis=0)
        x[:, self.free] = y
        return x

    def gradients(self, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(gradient in the free coordinates (m, k), outward slope of the held ones (m, n_held)) at the rows of ``y``."""
        with np.errstate(all="ignore"):
            slope = self.arena.potential.value_and_gradient(self.lift(y))[1]
        return slope[:, self.free], slope[:, self.held] * self.outward

    def gradient(self, y: np.ndarray) -> np.ndarray:
        """The gradient in the free coordinates at the rows of ``y``, (m, k)."""
        return self.gradients(y)[0]

    def hessian(self, y: np.ndarray) -> np.ndarray:
        """The Hessian on the face at one point (k,), (k, k)."""
        with np.errstate(all="ignore"):
            return self.arena.potential.hessian_on(self.lift(y[None])[0], self.free)

    def distance_to_walls(self, y: np.ndarray, direction: np.ndarray) -> float:
        """How far one can go from ``y`` along a unit ``direction`` before a wall is met."""
        with np.errstate(divide="ignore", invalid="ignore"):
            room = np.where(direction > 0, (self.upper - y) / direction, (self.lower - y) / direction)
        return float(np.min(np.where(direction == 0, np.inf, room), initial=np.inf))

    def chosen(self, kind: str) -> tuple[int, str]:
        """(column of the slowest or fastest eigenvector, why there is none or "")."""
        if not self.dim:
            return -1, "the sink has no free coordinate: no curve leaves it within its face"
        if not self.is_attracting:
            return (
                -1,
                f"the point is no sink: the Hessian on its free face has the eigenvalue {self.spectrum[-1]:.3g} > 0",
            )
        column = self.dim - 1 if kind == "slow" else 0
        value, size = self.spectrum[column], np.abs(self.spectrum).max()
        if value >= -LOST * size:
            return (
                -1,
                f"the eigenvalue {value:.3g} is zero to rounding: the sink is degenerate along its slow direction",
            )
        if self.dim > 1:
            other = self.spectrum[column - 1 if kind == "slow" else 1]
            if abs(other - value) <= 1e-8 * abs(value) + 1e-13 * size:
                return -1, f"two eigenvalues equal {value:.6g}: no single direction is the {kind}est"
        return column, ""


def sink_of(flow, point, row: int | None = None) -> tuple[np.ndarray, str]:
    """(sink (dim,), id) from a row of CriticalPoints, or from an array that is polished to the sink it lies at.

    Raises InputError where the point is none, or ends at a sink that is not near.
    """
    if isinstance(point, CriticalPoints):
        if row is None and len(point) != 1:
            raise InputError(f"expected one point, came a list of {len(point)}; say which with row=")
        place = 0 if row is None else int(row)
        if not 0 <= place < len(point):
            raise InputError(f"row={place}: the list has {len(point)} points")
        if point.points.shape[1] != flow.potential.dim:
            raise InputError(f"the sink has dimension {point.points.shape[1]}, the flow {flow.potential.dim}")
        return point.points[place], f"s{place}"
    found = flow.sinks(point)
    if found.label.size != 1:
        raise InputError(f"expected one point (dim,), came {found.label.size} rows")
    if found.label[0] < 0:
        raise InputError(f"the point leads to no sink of this flow: {found.reasons[0]}; give a sink")
    sink = found.points[found.label[0]]
    away = float(np.abs(sink - np.asarray(point, dtype=np.float64).reshape(-1)).max())
    if away > NEAR_SINK * flow.arena.width:
        raise InputError(
            f"the point is no sink: it climbs to one at distance {away:.3g}, {sink[:6].round(4).tolist()}; give that"
        )
    return sink, f"s{row or 0}"
