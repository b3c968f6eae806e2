"""The projected gradient on a box: tangent cones, held coordinates, multipliers (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.domains import Box, Domain

Array = Any


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
        """Clipped, with coordinates within rounding of a side put exactly on it."""
        with np.errstate(invalid="ignore"):
            x = np.where(np.abs(x - self.lower) <= near * (1.0 + np.abs(self.lower)), self.lower, x)
            x = np.where(np.abs(x - self.upper) <= near * (1.0 + np.abs(self.upper)), self.upper, x)
        return self.clip(np, x)

    def faces(self, x: np.ndarray) -> np.ndarray:
        """-1 at a lower, +1 at an upper side, 0 elsewhere, int8, shape of ``x``."""
        return (x >= self.upper).astype(np.int8) - (x <= self.lower).astype(np.int8)
