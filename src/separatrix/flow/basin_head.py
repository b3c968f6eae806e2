"""The first part of every basin trajectory: Bogacki-Shampine 3(2) steps of the projected flow, in a batch (§3).

Stages and results are clipped to the box and the gradient is projected, which at the tolerance of basins (a hundredth of
the box a step) replaces the location of events; networks are evaluated in single precision, which that tolerance allows.
P. Bogacki, L. F. Shampine, Appl. Math. Lett. 2 (1989).
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

LEAST, MOST, SAFETY = 0.2, 4.0, 0.9
LONGEST = 1e30


class HeadBatch:
    """Rows that are integrated together; finished ones are taken out by :meth:`keep`."""

    def __init__(self, potential: Potential, bounds: Bounds, x: np.ndarray, tolerance: float) -> None:
        kind = np.float32 if isinstance(potential, NetworkPotential) else np.float64
        self.potential, self.tolerance = potential, tolerance
        self.bounds = Bounds(bounds.lower.astype(kind), bounds.upper.astype(kind))
        self.slack = 4.0 * float(np.finfo(kind).eps)
        self.x = self.bounds.clip(np, x.astype(kind))
        self.value, self.gradient = potential.value_and_gradient(self.x)
        self.slope = self.bounds.project(np, self.x, self.gradient)
        speed = np.abs(self.slope).max(axis=1, initial=0.0)
        self.length = np.minimum(tolerance / np.maximum(speed, 1e-30), 1e6)

    def keep(self, mask: np.ndarray) -> None:
        """Drop the rows outside ``mask``."""
        for name in ("x", "value", "gradient", "slope", "length"):
            setattr(self, name, getattr(self, name)[mask])

    def step(self) -> None:
        """One step of every row; a row whose error is too large, or whose f would fall, stays and shortens its step."""
        bounds, h, x, k1 = self.bounds, self.length[:, None], self.x, self.slope
        k2 = self._field(x + (0.5 * h) * k1)
        k3 = self._field(x + (0.75 * h) * k2)
        new = bounds.clip(np, x + h * ((2 / 9) * k1 + (1 / 3) * k2 + (4 / 9) * k3))
        value, gradient = self.potential.value_and_gradient(new)
        k4 = bounds.project(np, new, gradient)
        error = np.abs(h * ((-5 / 72) * k1 + (1 / 12) * k2 + (1 / 9) * k3 - (1 / 8) * k4))
        # a coordinate that all stages pushed to the face on which it stays is exact; counting it would cut every step at
        # every face
        least, most = np.minimum(np.minimum(k1, k2), k3), np.maximum(np.maximum(k1, k2), k3)
        straight = np.where(new >= bounds.upper, least >= 0, most <= 0)
        error = np.where(straight & bounds.held(np, new, gradient), 0.0, error)
        ratio = error.max(axis=1, initial=0.0) / self.tolerance
        slack = self.slack * (1.0 + np.abs(self.value))
        good = (ratio <= 1.0) & (value >= self.value - slack)
        with np.errstate(divide="ignore"):
            factor = np.clip(SAFETY * np.maximum(ratio, 1e-12) ** (-1 / 3), LEAST, MOST)
        self.length = np.minimum(self.length * np.where(good, factor, np.minimum(factor, 0.5)), LONGEST)
        self.x = np.where(good[:, None], new, self.x)
        self.value = np.where(good, value, self.value)
        self.gradient = np.where(good[:, None], gradient, self.gradient)
        self.slope = np.where(good[:, None], k4, self.slope)

    def _field(self, x: np.ndarray) -> np.ndarray:
        x = self.bounds.clip(np, x)
        return self.bounds.project(np, x, self.potential.value_and_gradient(x)[1])
