"""Projected Newton ascent on a box: from near a maximum to rounding error, coordinates on faces stored exactly.

Each step maximises a concave quadratic model on the box by two-metric projection (Bertsekas 1982), which always ends.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential

FLAT = 1e-10
SLACK = 1e-13


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a Newton ascent ended: point (dim,), max norm of its projected gradient, steps used, free-face evidence."""

    x: np.ndarray
    residual: float
    steps: int


def box_quadratic(metric: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray, rounds: int = 100) -> np.ndarray:
    """argmax of slope.d - d^T metric d / 2 over low <= d <= high, ``metric`` (k, k) positive definite."""
    d = np.clip(np.zeros_like(slope), low, high)
    gradient = slope - metric @ d
    tolerance = 1e-14 * (1.0 + float(np.abs(slope).max(initial=0.0)))
    for _ in range(rounds):
        bound = ((d <= low) & (gradient <= 0)) | ((d >= high) & (gradient >= 0))
        free = ~bound
        if float(np.abs(gradient[free]).max(initial=0.0)) <= tolerance:
            break
        step = np.zeros_like(d)
        step[free] = scipy.linalg.solve(metric[np.ix_(free, free)], gradient[free], assume_a="pos", check_finite=False)
        t = 1.0
        while True:
            new = np.clip(d + t * step, low, high)
            change = new - d
            gain = gradient @ change - 0.5 * change @ metric @ change
            if gain >= 1e-4 * gradient @ change - 1e-14 * abs(gain) or t < 1e-10:
                break
            t /= 2.0
        if not change.any():
            break
        d, gradient = new, slope - metric @ new
    return d


def concave_metric(hessian: np.ndarray, flat: float = FLAT) -> np.ndarray:
    """-H where that is positive definite, else V max(|lam|, flat) V^T: a model that always climbs."""
    try:
        scipy.linalg.cholesky(-hessian, check_finite=False)
        return -hessian
    except np.linalg.LinAlgError:
        values, vectors = scipy.linalg.eigh(hessian, check_finite=False)
        return (vectors * np.maximum(np.abs(values), flat)) @ vectors.T


def climb(potential: Potential, bounds: Bounds, start: np.ndarray, steps: int = 60, reach: float = np.inf) -> Climb:
    """Newton ascent from ``start`` (dim,) until the projected gradient is at rounding error or nothing climbs any more.

    ``reach`` bounds the max norm of a step.
    """
    x = bounds.snap(np.array(start, dtype=np.float64))
    value, g = _at(potential, x)
    lower, upper = np.broadcast_to(bounds.lower, x.shape), np.broadcast_to(bounds.upper, x.shape)
    residual, count = np.inf, 0
    for count in range(steps + 1):  # noqa: B007
        projected = bounds.project(np, x, g)
        residual = float(np.abs(projected).max(initial=0.0))
        if residual <= 1e-14 * (1.0 + float(np.abs(g).max(initial=0.0))) or count == steps:
            break
        free = np.flatnonzero(~bounds.held(np, x, g))
        low, high = np.maximum(lower[free] - x[free], -reach), np.minimum(upper[free] - x[free], reach)
        d = box_quadratic(concave_metric(potential.hessian_on(x, free)), g[free], low, high)
        moved, value, new_g = _search(potential, bounds, x, value, free, d, g)
        if new_g is None:
            break
        x, g = moved, new_g
    return Climb(x, residual, count)


def _at(potential: Potential, x: np.ndarray) -> tuple[float, np.ndarray]:
    value, g = potential.value_and_gradient(x[None])
    return float(value[0]), g[0]


def _search(potential: Potential, bounds: Bounds, x: np.ndarray, value: float, free: np.ndarray, d: np.ndarray,
            g: np.ndarray) -> tuple[np.ndarray, float, np.ndarray | None]:
    """Armijo halving along ``d``; near the top, where values only round, a step that lowers the residual is taken too."""
    rise = float(g[free] @ d)
    before = float(np.abs(bounds.project(np, x, g)).max(initial=0.0))
    t = 1.0
    while t > 1e-8:
        new = x.copy()
        new[free] += t * d
        new = bounds.snap(new)
        if np.array_equal(new, x):
            break
        new_value, new_g = _at(potential, new)
        if new_value >= value + 1e-4 * t * rise - SLACK * (1.0 + abs(value)):
            after = float(np.abs(bounds.project(np, new, new_g)).max(initial=0.0))
            if after < before or new_value > value + SLACK * (1.0 + abs(value)):
                return new, new_value, new_g
        t /= 2.0
    return x, value, None
