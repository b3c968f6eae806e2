"""The slow end of a basin trajectory: exponential Euler steps on the free face (Hochbruck and Ostermann 2010).

In a flat valley explicit steps creep; the flow of the local linear model is exact there, and only the change of the model
limits the step. Steps end at the first side that is met; coordinates whose gradient turns inward join the free face.
"""

from __future__ import annotations

import numpy as np
import scipy.linalg

from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential

FRACTIONS = np.linspace(1.0 / 16, 1.0, 16)
ZOOMS = 3
LONGEST, REFUSED = 1e12, 1e30
STILL = 1e-9


class TailRow:
    """One trajectory; :meth:`step` advances it and :attr:`x` is where it is. ``fixed`` coordinates (faint ones) stay."""

    def __init__(
        self, potential: Potential, bounds: Bounds, x: np.ndarray, h: float, tolerance: float, fixed: np.ndarray
    ) -> None:
        self.potential, self.bounds, self.tolerance, self.fixed = potential, bounds, tolerance, fixed
        self.x, self.h = bounds.snap(x), h
        value, gradient = potential.value_and_gradient(self.x[None])
        self.value, self.gradient = float(value[0]), gradient[0]
        self._model: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @property
    def speed(self) -> float:
        """Max norm of the projected gradient."""
        return float(np.abs(self.bounds.project(np, self.x, self.gradient)).max(initial=0.0))

    def step(self) -> bool:
        """One accepted or refused step; False where nothing moves any more."""
        if self._model is None:
            free = np.flatnonzero(~(self.bounds.held(np, self.x, self.gradient) | self.fixed))
            if not free.size:
                return False
            lam, vectors = scipy.linalg.eigh(self.potential.hessian_on(self.x, free), check_finite=False)
            self._model = free, lam, vectors
        free, lam, vectors = self._model
        slope = vectors.T @ self.gradient[free]
        h = self._meeting(free, lam, vectors, slope)
        growth = _phi(lam, h)
        moved = vectors @ (growth * slope)
        new = self.x.copy()
        new[free] += moved
        new = self.bounds.snap(new)
        value, gradient = self.potential.value_and_gradient(new[None])
        predicted = vectors @ (np.exp(np.minimum(lam * h, 50.0)) * slope)
        defect = vectors.T @ (gradient[0][free] - predicted)
        error = (
            0.5 * float(np.abs(vectors @ (growth * defect)).max(initial=0.0))
            + self._inward(new, gradient[0], free) * h / 2
        )
        error = error if np.isfinite(error) and np.isfinite(value[0]) else REFUSED  # a step that overflows
        if error > self.tolerance or value[0] < self.value - 1e-13 * (1.0 + abs(self.value)):
            self.h = h * max(0.1, min(0.5, 0.9 * (self.tolerance / max(error, 1e-300)) ** 0.5))
            return self.h > 1e-300
        if np.array_equal(new, self.x) or (
            float(np.abs(moved).max()) < STILL and h * abs(lam[0]) > 1e6 and lam[-1] * h < 1.0
        ):
            return False
        self.x, self.value, self.gradient, self._model = new, float(value[0]), gradient[0], None
        self.h = min(
            LONGEST, max(self.h, h) * float(np.clip(0.9 * (self.tolerance / max(error, 1e-300)) ** 0.5, 0.3, 4.0))
        )
        return True

    def _meeting(self, free: np.ndarray, lam: np.ndarray, vectors: np.ndarray, slope: np.ndarray) -> float:
        """The step length, cut where the linear flow first leaves the box: sixteenths of the step, and again of that part."""
        lower = np.broadcast_to(self.bounds.lower, self.x.shape)[free] - self.x[free]
        upper = np.broadcast_to(self.bounds.upper, self.x.shape)[free] - self.x[free]

        low, high = 0.0, self.h
        for _ in range(ZOOMS):
            lengths = low + (high - low) * FRACTIONS
            moved = vectors @ (_phi(lam[:, None], lengths) * slope[:, None])
            out = ((moved < lower[:, None]) | (moved > upper[:, None])).any(axis=0)
            if not out.any():
                return high
            first = int(out.argmax())
            low, high = (float(lengths[first - 1]) if first else low), float(lengths[first])
        return high

    def _inward(self, x: np.ndarray, gradient: np.ndarray, free: np.ndarray) -> float:
        """Largest inward gradient on coordinates that were held: they should have been released on the way."""
        inward = np.where(self.bounds.held(np, x, gradient) | self.fixed, 0.0, np.abs(gradient))
        inward[free] = 0.0
        return float(inward.max(initial=0.0))


def _phi(lam: np.ndarray, h: float | np.ndarray) -> np.ndarray:
    """(exp(lam h) - 1) / lam, h where lam = 0; growth is cut at exp(50)."""
    scaled = np.minimum(lam * h, 50.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(np.abs(scaled) > 1e-12, np.expm1(scaled) / lam, h)
