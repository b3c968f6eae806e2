"""The projected gradient on a box: tangent cones, held coordinates, multipliers (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.networks.propagation import constant
from separatrix.potentials.base import Potential

Array = Any
FAR = 1e4


@dataclass(frozen=True, eq=False)
class Bounds:
    """Lower and upper sides of a domain as arrays (dim,), infinite where it is unbounded."""

    lower: Array
    upper: Array

    @classmethod
    def of(cls, domain: Domain, boundary: str = "project") -> Bounds:
        """The bounds that hold a flow in ``domain``; none under ``boundary="exit"``."""
        if isinstance(domain, Box) and boundary == "project":
            return cls(domain.lower, domain.upper)
        return cls(np.full(domain.dim, -np.inf), np.full(domain.dim, np.inf))

    def like(self, x: Array) -> Bounds:
        """The same bounds in the library and on the device of ``x``, with its precision."""
        return Bounds(constant(self.lower, x), constant(self.upper, x))

    def passed(self, x: Array) -> Array:
        """Which rows of ``x`` are not between the bounds (NaN never is), (n,)."""
        return ~((x >= self.lower) & (x <= self.upper)).all(axis=1)

    def held(self, xp: Any, x: Array, g: Array) -> Array:
        """Coordinates on a face whose gradient does not point inward, shape of ``x``."""
        return ((x <= self.lower) & (g <= 0)) | ((x >= self.upper) & (g >= 0))

    def project(self, xp: Any, x: Array, g: Array) -> Array:
        """P_T(x) g, the gradient without its outward part."""
        return xp.where(self.held(xp, x, g), xp.zeros_like(g), g)

    def clip(self, xp: Any, x: Array) -> Array:
        """Nearest points between the bounds."""
        return xp.minimum(xp.maximum(x, self.lower), self.upper)

    def snap(self, x: np.ndarray, near: float = 1e-13) -> np.ndarray:
        """Clipped, with coordinates within rounding of a side put exactly on it; nothing is near an infinite side."""
        x = np.where(np.abs(x - self.lower) < near * (1.0 + np.abs(self.lower)), self.lower, x)
        x = np.where(np.abs(x - self.upper) < near * (1.0 + np.abs(self.upper)), self.upper, x)
        return self.clip(np, x)

    def faces(self, x: np.ndarray) -> np.ndarray:
        """-1 at a lower, +1 at an upper side, 0 elsewhere, int8, shape of ``x``."""
        return (x >= self.upper).astype(np.int8) - (x <= self.lower).astype(np.int8)


@dataclass(frozen=True, eq=False)
class Arena:
    """A potential and where its flow and searches run.

    ``bounds`` hold the flow; what passes ``limits`` has left, with ``left`` in words.

    Under the projected flow on a box both are the box. Otherwise a search may go some way beyond the limits and come back.
    """

    potential: Potential
    domain: Domain
    boundary: str
    bounds: Bounds
    limits: Bounds
    left: str

    @classmethod
    def of(cls, potential: Potential, domain: Domain, boundary: str) -> Arena:
        """The arena of the flow of ``potential`` on ``domain``."""
        bounds = Bounds.of(domain, boundary)
        if isinstance(domain, Box):
            return cls(potential, domain, boundary, bounds, Bounds(domain.lower, domain.upper), "left the box")
        far = np.full(domain.dim, FAR)
        return cls(potential, domain, boundary, bounds, Bounds(-far, far), f"ran off towards infinity (beyond {FAR:g})")

    @property
    def width(self) -> float:
        """Longest side of the box, 1 on the whole space."""
        return float(self.domain.width.max()) if isinstance(self.domain, Box) else 1.0

    @property
    def search_bounds(self) -> Bounds:
        """Finite bounds of an optimiser: the flow's own, or the limits and as much again around them."""
        if np.isfinite(self.bounds.lower).all():
            return self.bounds
        side = self.limits.upper - self.limits.lower
        return Bounds(self.limits.lower - side, self.limits.upper + side)

    def outside(self, x: np.ndarray) -> np.ndarray:
        """Which rows of ``x`` are beyond the limits, (n,)."""
        return self.limits.passed(x)
