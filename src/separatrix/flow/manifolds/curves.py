"""The record of an invariant curve through a critical point: one branch a side, with the error estimated along it (§3, C6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.domains import Box
from separatrix.errors import printable
from separatrix.records import Record

SHOWN_COORDINATES = 10


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ManifoldCurves(Record):
    """An invariant curve through a critical point, as branches that start there. f is climbed.

    - ``kind``: "slow" or "strong" manifold of a sink, "stable" or "unstable" manifold of dimension 1 of any point; ``id``: of
      the point; ``ids``: one a branch, such as "s0-slow+" or "p0-unstable-"
    - ``points``: one array (m, dim) a branch, the point first; ``parameter``: one array (m,) a branch, arc length from the
      point in units of the input; ``error``: one array (m,) a branch, estimated Euclidean distance of each point from the
      invariant curve that is meant
    - ``reasons``: why each branch ends where it does, in words
    - ``released``: arc length of each branch from which on the gradient of a held coordinate points inward and the projected
      flow leaves the face; infinite where it does not
    - ``eigenvalue``: of the Hessian on the point's free face, positive for an unstable manifold only, NaN where the curve is no
      eigenvector's; ``gap``: the next eigenvalue over it (more than 1 for a slow manifold, less for a strong one), NaN for
      stable and unstable manifolds and where the face has one dimension
    - ``sink`` (dim,): the point; ``potential``: its name, ``notes``: what else was met
    """

    kind: str
    id: str
    points: tuple[np.ndarray, ...]
    parameter: tuple[np.ndarray, ...]
    error: tuple[np.ndarray, ...]
    reasons: tuple[str, ...]
    released: tuple[float, ...]
    eigenvalue: float
    gap: float
    sink: np.ndarray
    potential: str = ""
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "manifold_views:plot_manifold"

    def __len__(self) -> int:
        return len(self.points)

    @property
    def ids(self) -> tuple[str, ...]:
        """Names of the branches."""
        return tuple(f"{self.id}-{self.kind}{side}" for side, _ in zip("+-", self.points, strict=False))

    @property
    def lengths(self) -> np.ndarray:
        """Arc length of each branch, (n_branches,)."""
        return np.array([float(parameter[-1]) for parameter in self.parameter])

    @property
    def largest_error(self) -> float:
        """Largest of the estimated errors."""
        return max((float(error.max()) for error in self.error), default=0.0)

    def at(self, arc_length: Any) -> tuple[np.ndarray, np.ndarray]:
        """(points (n, dim), error (n,)) at signed arc lengths (n,): positive on the first branch; clipped at the ends."""
        places = np.atleast_1d(np.asarray(arc_length, dtype=np.float64))
        points, error = np.repeat(self.sink[None], places.size, axis=0), np.zeros(places.size)
        for branch, chosen in enumerate((places > 0, places < 0)):
            if branch < len(self) and chosen.any():
                s, here = np.abs(places[chosen]), self.parameter[branch]
                # of the way from the sink, so that held coordinates stay exactly where they are
                points[chosen] += _interpolated(s, here, self.points[branch] - self.sink)
                error[chosen] = np.interp(s, here, self.error[branch])
        return (self.domain.clip(points) if isinstance(self.domain, Box) else points), error

    def columns(self) -> dict[str, Any]:
        """One row a point; coordinates where there are at most ten."""
        table: dict[str, Any] = {
            "branch": np.repeat(self.ids, [len(points) for points in self.points]),
            "arc_length": np.concatenate(self.parameter),
            "error": np.concatenate(self.error),
        }
        if self.sink.size <= SHOWN_COORDINATES:
            coordinates = np.concatenate(self.points)
            table |= {f"x{i + 1}": coordinates[:, i] for i in range(self.sink.size)}
        return table

    def __repr__(self) -> str:
        ends = "; ".join(
            f"{name}: length {length:.4g}, {reason}"
            for name, length, reason in zip(self.ids, self.lengths, self.reasons, strict=True)
        )
        return (
            f"ManifoldCurves({self.kind} manifold of {self.id} of the {printable(self.potential, 60)}, eigenvalue "
            f"{self.eigenvalue:.4g}, error at most about {self.largest_error:.1e}; {ends})"
        )


def _interpolated(s: np.ndarray, nodes: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points of the curve between its nodes, by the cubic through the four around."""
    if nodes.size < 4 or nodes[-1] <= 0:
        return np.stack([np.interp(s, nodes, column) for column in points.T], axis=1)
    s = np.minimum(s, nodes[-1])
    first = np.clip(np.searchsorted(nodes, s) - 2, 0, nodes.size - 4)
    around = first[:, None] + np.arange(4)
    places = nodes[around]
    total = np.zeros((s.size, points.shape[1]))
    for i in range(4):
        others = [j for j in range(4) if j != i]
        weight = np.prod([(s - places[:, j]) / (places[:, i] - places[:, j]) for j in others], axis=0)
        total += weight[:, None] * points[around[:, i]]
    return total
