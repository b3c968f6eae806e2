"""Long explicit steps of the projected flow of costly networks, in a batch: Runge-Kutta-Chebyshev (§3).

The flow in the valleys of a convolutional network is stiff: explicit steps of three stages stay below 2.5 over the spectral
radius of the Hessian, a thousandth of what accuracy would allow. A step of s stages whose stability polynomial is a shifted
Chebyshev polynomial is stable up to 2/3 s^2 over the spectral radius, on the negative axis, where the stiff part of a
gradient flow lies; it costs s gradients and no Hessian. Every row has its own step length and number of stages.

B. P. Sommeijer, L. F. Shampine, J. G. Verwer, J. Comput. Appl. Math. 88 (1998) 315-326: coefficients, error estimate of
second order, and the spectral radius by a nonlinear power method. Stages are clipped to the box with the whole gradient, so
that what a face holds back stays on it; a step's error is taken of the projected field.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from separatrix.flow.basin_head import LEAST, LONGEST, MOST, REFUSED
from separatrix.flow.projection import Bounds
from separatrix.networks.propagation import namespace
from separatrix.potentials.base import Potential

Array = Any
DAMPING, SAFETY, MARGIN = 2.0 / 13.0, 0.8, 1.2
MOST_STAGES, FEWEST_STAGES = 100, 2
FIRST_ROUNDS, ROUNDS, RENEWED = 12, 3, 8
PROBE = 1e-2


@lru_cache(maxsize=MOST_STAGES)
def coefficients(s: int) -> np.ndarray:
    """(4, s + 1): mu, nu, mu~, gamma~ of the stages 0 … s of the damped method of second order, s >= 2.

    With T_s the Chebyshev polynomial, w0 = 1 + 2 / (13 s^2), w1 = T_s'(w0) / T_s''(w0), b_j = T_j''(w0) / T_j'(w0)^2.
    """
    w0 = 1.0 + DAMPING / s**2
    t, d, e = np.zeros(s + 1), np.zeros(s + 1), np.zeros(s + 1)
    t[0], t[1], d[1] = 1.0, w0, 1.0
    for j in range(2, s + 1):
        t[j] = 2.0 * w0 * t[j - 1] - t[j - 2]
        d[j] = 2.0 * w0 * d[j - 1] - d[j - 2] + 2.0 * t[j - 1]
        e[j] = 2.0 * w0 * e[j - 1] - e[j - 2] + 4.0 * d[j - 1]
    w1, b = d[s] / e[s], np.empty(s + 1)
    b[2:] = e[2:] / d[2:] ** 2
    b[:2] = b[2]
    a, found = 1.0 - b * t, np.zeros((4, s + 1))
    found[2, 1] = b[1] * w1
    found[0, 2:], found[1, 2:] = 2.0 * b[2:] * w0 / b[1:-1], -b[2:] / b[:-2]
    found[2, 2:] = 2.0 * b[2:] * w1 / b[1:-1]
    found[3, 2:] = -a[1:-1] * found[2, 2:]
    return found


def stages_for(length: np.ndarray) -> np.ndarray:
    """How many stages keep a step stable; ``length``: step times spectral radius."""
    return np.maximum(np.ceil(np.sqrt(1.0 + 1.54 * length)), FEWEST_STAGES).astype(np.int64)


class ChebyshevBatch:
    """Rows that are integrated together, as in :class:`~separatrix.flow.basin_head.HeadBatch`; ``tolerance``: one for all rows.

    Networks are evaluated in single precision. :attr:`is_long` marks rows whose next step would take more than MOST_STAGES.
    """

    check_first, check_every, leaves_early = 20, 5, True

    def __init__(self, potential: Potential, bounds: Bounds, x: Array, tolerance: float) -> None:
        self.xp = xp = namespace(x)
        x = xp.astype(x, xp.float32)
        self.potential, self.tolerance, self.bounds = potential, tolerance, bounds.like(x)
        self.slack = 4.0 * float(xp.finfo(x.dtype).eps)
        self.x = self.bounds.clip(xp, x)
        self.value, self.gradient = potential.value_and_gradient(self.x)
        self.slope = self.bounds.project(xp, self.x, self.gradient)
        speed = xp.max(xp.abs(self.slope), axis=1)
        self.length = (tolerance / speed.clip(1e-30, None)).clip(None, 1e6)
        self.steepest, self.radius = xp.asarray(self.slope, copy=True), xp.zeros_like(self.length)
        self.age = xp.full(x.shape[0], -1)
        self.probe = PROBE * tolerance / 1e-2
        self.noise = self._like(np.random.default_rng(0).standard_normal(x.shape[1]))

    def keep(self, mask: Array) -> None:
        """Drop the rows outside ``mask``."""
        for name in ("x", "value", "gradient", "slope", "length", "steepest", "radius", "age"):
            setattr(self, name, getattr(self, name)[mask])

    @property
    def is_long(self) -> Array:
        """Rows whose next step asks for more than MOST_STAGES stages, (n,)."""
        return 1.0 + 1.54 * self.length * self.radius > MOST_STAGES**2

    def step(self) -> None:
        """One step of every row; a row whose error is too large, or whose f would fall, stays and shortens its step."""
        xp = self.xp
        self._measure()
        new = self._stages()
        value, gradient = self.potential.value_and_gradient(new)
        slope = self.bounds.project(xp, new, gradient)
        error = xp.abs(0.8 * (self.x - new) + (0.4 * self.length)[:, None] * (self.slope + slope))
        # a coordinate that was pushed to the face on which it stays is exact
        pushed = xp.where(new >= self.bounds.upper, self.slope > 0, self.slope < 0)
        error = xp.where(pushed & self.bounds.held(xp, new, gradient), 0.0, error)
        ratio = xp.max(error, axis=1) / self.tolerance
        ratio = xp.where(xp.isfinite(ratio), ratio, REFUSED)  # a step that overflows
        good = (ratio <= 1.0) & (value >= self.value - self.slack * (1.0 + xp.abs(self.value)))
        factor = (SAFETY * ratio.clip(1e-9, None) ** (-1 / 3)).clip(LEAST, MOST)
        self.length = (self.length * xp.where(good, factor, factor.clip(None, 0.5))).clip(None, LONGEST)
        self.age = xp.where(good, self.age + 1, RENEWED)
        for name, there in (("x", new), ("gradient", gradient), ("slope", slope)):
            setattr(self, name, xp.where(good[:, None], there, getattr(self, name)))
        self.value = xp.where(good, value, self.value)

    def _stages(self) -> Array:
        """The points that the steps lead to. Rows stand in order of their numbers of stages, so that those that go on are the
        first ones."""
        xp, count = self.xp, stages_for(_numbers(self.length * self.radius).clip(None, float(MOST_STAGES**2)))
        order = np.argsort(-count, kind="stable")
        count = count[order]
        rows = xp.asarray(order) if isinstance(self.x, np.ndarray) else xp.asarray(order, device=self.x.device)
        table = np.zeros((4, count[0] + 1, count.size))
        for s in np.unique(count):
            table[:, : s + 1, count == s] = coefficients(int(s))[:, :, None]
        mu, nu, push, pull = (self._like(part)[:, :, None] for part in table)
        x, first = self.x[rows], self.gradient[rows]
        h = self.length[rows][:, None]
        before, y = xp.zeros_like(x), self.bounds.clip(xp, x + h * push[1] * first)
        now = y - x
        for j in range(2, int(count[0]) + 1):
            k = int((count >= j).sum())
            gradient = self.potential.value_and_gradient(y[:k])[1]
            shift = mu[j, :k] * now[:k] + nu[j, :k] * before[:k]
            shift = shift + h[:k] * (push[j, :k] * gradient + pull[j, :k] * first[:k])
            y[:k] = self.bounds.clip(xp, x[:k] + shift)
            before, now = now[:k], y[:k] - x[:k]
        found = xp.empty_like(y)
        found[rows] = y
        return found

    def _measure(self) -> None:
        """Spectral radii on the free coordinates, from below by the power method, with a margin; renewed now and then.

        The last direction goes on, with a little of the slope and of noise: it may lie in coordinates that are held by now.
        """
        xp = self.xp
        rounds = FIRST_ROUNDS if bool((self.age < 0).any()) else ROUNDS
        rows = xp.nonzero((self.age < 0) | (self.age >= RENEWED))[0]
        if not rows.shape[0]:
            return
        x, gradient, v = self.x[rows], self.gradient[rows], self.steepest[rows]
        free = ~self.bounds.held(xp, x, gradient)
        v = _scaled(xp, xp.where(free, v, 0.0)) + 0.1 * _scaled(xp, self.slope[rows]) + 0.01 * self.noise
        radius = xp.zeros_like(self.length[rows])
        for _ in range(rounds):
            v = self.probe * _scaled(xp, xp.where(free, v, 0.0))
            bent = xp.where(free, self.potential.value_and_gradient(x + v)[1] - gradient, 0.0)
            radius = _norm(xp, bent) / _norm(xp, v).clip(1e-30, None)
            v = bent
        self.steepest[rows], self.radius[rows], self.age[rows] = v, MARGIN * radius, 0

    def _like(self, table: np.ndarray) -> Array:
        """``table`` in the library, precision and place of the rows."""
        if isinstance(self.x, np.ndarray):
            return table.astype(self.x.dtype)
        return self.xp.asarray(table, dtype=self.x.dtype, device=self.x.device)


def _numbers(x: Array) -> np.ndarray:
    return x if isinstance(x, np.ndarray) else x.cpu().numpy()


def _scaled(xp: Any, v: Array) -> Array:
    """The rows with largest entry 1; zeros stay."""
    return v / xp.max(xp.abs(v), axis=1).clip(1e-30, None)[:, None]


def _norm(xp: Any, x: Array) -> Array:
    return xp.sqrt((x * x).sum(axis=1))
