"""The record of piecewise linear Morse theory: critical vertices and flat pieces with their groups (§5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from separatrix.records import Record


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class PiecewiseLinearMorse(Record):
    """Where the topology of {f >= c} changes, for f piecewise linear on a box; f is climbed: a maximum has index 0.

    A piece is a vertex, or a connected union of cells on which f is constant. It is critical when the relative groups
    H_k({f >= c}, {f > c}) about it are not all zero; they are the reduced groups H_(k-1) of its upper link.

    - ``points`` (n, dim): the vertex, or one vertex of a flat piece; ``point_error`` (n,): bound on the distance to the exact
      one. From the highest value down; ``vertices`` (n,): its number in the complex
    - ``values`` (n,) of f, ``value_error`` (n,): proved bound; ``events`` (n,): equal numbers mean equal values, exactly
    - ``betti`` (n, dim + 1): ranks of the relative groups by degree; ``groups``: all of them in words, with torsion
    - ``indices`` (n,): the degree where the only group is one Z, else -1
    - ``flat_dim`` (n,): dimension of the piece, 0 for a lone vertex; ``flat_cells`` (n,): how many cells it has
    - ``lower``, ``upper`` (n, dim): the box about the piece; ``active`` (n, dim) int8: -1, +1 on the sides of the box that hold
      all of it
    - ``n_regular``: pieces at which nothing changes; ``n_plateaus``: those among them that hold cells of full dimension
    - ``levels`` (L,), ``level_betti`` (L, dim + 1): Betti numbers of {f >= c} at some critical values c, computed anew
    - ``laws``: which laws were checked, in sentences; ``potential``: the name of f
    """

    points: np.ndarray
    point_error: np.ndarray
    vertices: np.ndarray
    values: np.ndarray
    value_error: np.ndarray
    events: np.ndarray
    betti: np.ndarray
    groups: tuple[str, ...]
    indices: np.ndarray
    flat_dim: np.ndarray
    flat_cells: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    active: np.ndarray
    n_regular: int
    n_plateaus: int = 0
    levels: np.ndarray = field(default_factory=lambda: np.zeros(0))
    level_betti: np.ndarray = field(default_factory=lambda: np.zeros((0, 0), dtype=np.int64))
    laws: tuple[str, ...] = ()
    potential: str = ""

    drawer: ClassVar[str] = "morse_plots:plot_margin_events"

    def __len__(self) -> int:
        return self.points.shape[0]

    @property
    def counts(self) -> tuple[int, ...]:
        """How many classes of each degree appear or disappear: column sums of ``betti``."""
        return tuple(int(n) for n in self.betti.sum(axis=0))

    @property
    def multiplicity(self) -> np.ndarray:
        """The number of classes at each point, (n,); torsion is not counted."""
        return self.betti.sum(axis=1)

    @property
    def euler_sum(self) -> int:
        """The alternating sum of ``counts``: the Euler characteristic of the box, 1."""
        return sum((-1) ** k * n for k, n in enumerate(self.counts))

    def columns(self) -> dict[str, Any]:
        """One row a critical piece, from the highest down."""
        return {
            "value": self.values,
            "index": self.indices,
            "multiplicity": self.multiplicity,
            "groups": list(self.groups),
            "flat_dim": self.flat_dim,
            "at_lower": (self.active < 0).sum(axis=1),
            "at_upper": (self.active > 0).sum(axis=1),
            "error": self.point_error,
            **{f"x{i}": self.points[:, i] for i in range(self.points.shape[1])},
        }

    def __repr__(self) -> str:
        kinds = ", ".join(f"{n} of index {k}" for k, n in enumerate(np.bincount(self.indices[self.indices >= 0])) if n)
        other = int((self.indices < 0).sum())
        more = f", {other} with other groups" if other else ""
        return f"PiecewiseLinearMorse({self.potential}: {kinds or 'none'}{more}, {self.n_regular} regular, {self.certainty})"
