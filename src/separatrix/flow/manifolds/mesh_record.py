"""The record of a two-dimensional stable or unstable manifold as a triangle mesh (§3)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import InputError, MissingExtraError, printable
from separatrix.records import Record

SHOWN_COORDINATES = 10


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ManifoldMesh(Record):
    """The stable or the unstable manifold, of dimension 2, of one critical point as triangles. f is climbed.

    - ``kind``: "stable" or "unstable"; ``id``: of the point, ``point`` (dim,)
    - ``vertices`` (n, dim), the point itself first; ``triangles`` (m, 3): numbers of vertices, all turned the same way
    - ``distance`` (n,): length of the orbit from the point to each vertex; ``edge``: the length that edges aim at
    - ``defect`` (m,): sine of the angle between the field and each triangle at its centre, 0 on a plane manifold
    - ``ends``: at how many vertices orbits end, and why, in words, such as ("412 upper side of the box", "1 equilibrium");
      ``equilibria``: vertices that are other critical points, at which orbits end
    - ``eigenvalues`` (2,): of the Hessian along the manifold at the point; ``seconds``
    """

    kind: str
    id: str
    point: np.ndarray
    vertices: np.ndarray
    triangles: np.ndarray
    distance: np.ndarray
    defect: np.ndarray
    edge: float
    ends: tuple[str, ...]
    equilibria: np.ndarray
    eigenvalues: np.ndarray
    seconds: float = 0.0
    potential: str = ""
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "manifold_plots:plot_mesh"

    def __len__(self) -> int:
        return self.triangles.shape[0]

    @property
    def name(self) -> str:
        """Name of the manifold, such as "p0-unstable"."""
        return f"{self.id}-{self.kind}"

    @property
    def areas(self) -> np.ndarray:
        """Areas of the triangles, (m,)."""
        first, second = (self.vertices[self.triangles[:, i]] - self.vertices[self.triangles[:, 0]] for i in (1, 2))
        dots = (first * first).sum(axis=1) * (second * second).sum(axis=1) - (first * second).sum(axis=1) ** 2
        return 0.5 * np.sqrt(np.maximum(dots, 0.0))

    @property
    def longest_edge(self) -> float:
        """Length of the longest edge."""
        corners = self.vertices[self.triangles]
        sides = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2)
        return float(sides.max(initial=0.0))

    def to_meshio(self) -> Any:
        """The mesh as a ``meshio.Mesh`` with three coordinates, the distances as point data; MissingExtraError without meshio.

        Raises InputError in more than three dimensions.
        """
        try:
            import meshio
        except ImportError:
            raise MissingExtraError("to_meshio needs meshio: pip install meshio") from None
        dim = self.vertices.shape[1]
        if dim > 3:
            raise InputError(f"to_meshio: expected at most three dimensions, came {dim}; take three of the coordinates")
        points = np.concatenate([self.vertices, np.zeros((len(self.vertices), 3 - dim))], axis=1)
        return meshio.Mesh(points, [("triangle", self.triangles)], point_data={"distance": self.distance})

    def columns(self) -> dict[str, Any]:
        """One row a vertex; coordinates where there are at most ten."""
        table: dict[str, Any] = {"manifold": [self.name] * len(self.vertices), "distance": self.distance}
        if self.point.size <= SHOWN_COORDINATES:
            table |= {f"x{i + 1}": self.vertices[:, i] for i in range(self.point.size)}
        return table

    def __repr__(self) -> str:
        return (
            f"ManifoldMesh({self.kind} manifold of {self.id} of the {printable(self.potential, 60)}: {len(self.vertices)} "
            f"vertices, {len(self)} triangles, area {self.areas.sum():.4g}, edges about {self.edge:.3g}; orbits end at "
            f"{', '.join(self.ends) or 'no place'})"
        )


def counted(reasons: list[str]) -> tuple[str, ...]:
    """Reasons with how often each occurs, the most frequent first."""
    return tuple(f"{count} {reason}" for reason, count in Counter(reasons).most_common())
