"""The first part of every basin trajectory: Bogacki-Shampine 3(2) steps of the projected flow, in a batch (§3).

Stages and results are clipped to the box and the gradient is projected, which at the tolerance of basins (a hundredth of
the box a step) replaces the location of events; networks are evaluated in single precision, which that tolerance allows.
Tensors are integrated on their own device.
P. Bogacki, L. F. Shampine, Appl. Math. Lett. 2 (1989).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.flow.projection import Bounds
from separatrix.networks.propagation import namespace
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

Array = Any
LEAST, MOST, SAFETY = 0.2, 4.0, 0.9
LONGEST, REFUSED = 1e30, 1e10


class HeadBatch:
    """Rows that are integrated together; finished ones are taken out by :meth:`keep`. ``precise``: in double precision.

    ``tolerance``: one for all rows, or an array (n,).
    """

    check_first, check_every, leaves_early = 40, 20, False

    def __init__(
        self, potential: Potential, bounds: Bounds, x: Array, tolerance: Any, *, precise: bool = False
    ) -> None:
        self.xp = xp = namespace(x)
        single = isinstance(potential, NetworkPotential) and not precise
        x = xp.astype(x, xp.float32 if single else xp.float64)
        self.potential, self.tolerance, self.bounds = potential, tolerance, bounds.like(x)
        self.slack = 4.0 * float(xp.finfo(x.dtype).eps)
        self.x = self.bounds.clip(xp, x)
        self.value, self.gradient = potential.value_and_gradient(self.x)
        self.slope = self.bounds.project(xp, self.x, self.gradient)
        speed = xp.max(xp.abs(self.slope), axis=1)
        self.length = (tolerance / speed.clip(1e-30, None)).clip(None, 1e6)

    def keep(self, mask: Array) -> None:
        """Drop the rows outside ``mask``."""
        for name in ("x", "value", "gradient", "slope", "length"):
            setattr(self, name, getattr(self, name)[mask])
        if not isinstance(self.tolerance, float):
            self.tolerance = self.tolerance[mask]

    def step(self) -> None:
        """One step of every row; a row whose error is too large, or whose f would fall, stays and shortens its step."""
        xp, bounds, h, x, k1 = self.xp, self.bounds, self.length[:, None], self.x, self.slope
        k2 = self._field(x + (0.5 * h) * k1)
        k3 = self._field(x + (0.75 * h) * k2)
        new = bounds.clip(xp, x + h * ((2 / 9) * k1 + (1 / 3) * k2 + (4 / 9) * k3))
        value, gradient = self.potential.value_and_gradient(new)
        k4 = bounds.project(xp, new, gradient)
        error = xp.abs(h * ((-5 / 72) * k1 + (1 / 12) * k2 + (1 / 9) * k3 - (1 / 8) * k4))
        # a coordinate that all stages pushed to the face on which it stays is exact; counting it would cut every step at
        # every face
        least, most = xp.minimum(xp.minimum(k1, k2), k3), xp.maximum(xp.maximum(k1, k2), k3)
        straight = xp.where(new >= bounds.upper, least >= 0, most <= 0)
        error = xp.where(straight & bounds.held(xp, new, gradient), 0.0, error)
        ratio = xp.max(error, axis=1) / self.tolerance
        ratio = xp.where(xp.isfinite(ratio), ratio, REFUSED)  # a step that overflows
        slack = self.slack * (1.0 + xp.abs(self.value))
        good = (ratio <= 1.0) & (value >= self.value - slack)
        with np.errstate(divide="ignore"):
            factor = (SAFETY * ratio.clip(1e-12, None) ** (-1 / 3)).clip(LEAST, MOST)
        self.length = (self.length * xp.where(good, factor, factor.clip(None, 0.5))).clip(None, LONGEST)
        self.x = xp.where(good[:, None], new, self.x)
        self.value = xp.where(good, value, self.value)
        self.gradient = xp.where(good[:, None], gradient, self.gradient)
        self.slope = xp.where(good[:, None], k4, self.slope)

    def _field(self, x: Array) -> Array:
        x = self.bounds.clip(self.xp, x)
        return self.bounds.project(self.xp, x, self.potential.value_and_gradient(x)[1])
