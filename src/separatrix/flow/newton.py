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
REACH = 4.0


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a Newton ascent ended: point (dim,), max norm of its projected gradient, steps used, free-face evidence."""

    x: np.ndarray
    residual: float
    steps: int


def box_quadratic(
    metric: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray, rounds: int = 100
) -> np.ndarray:
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
        step[free] = _solve(metric[np.ix_(free, free)], gradient[free])
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


def _solve(metric: np.ndarray, slope: np.ndarray) -> np.ndarray:
    """metric^-1 slope; the least-squares solution where rounding makes a positive metric singular."""
    try:
        return scipy.linalg.cho_solve(scipy.linalg.cho_factor(metric, check_finite=False), slope, check_finite=False)
    except np.linalg.LinAlgError:
        return np.linalg.lstsq(metric, slope)[0]


def concave_metric(hessian: np.ndarray, flat: float = FLAT) -> np.ndarray:
    """-H where that is positive definite, else V max(|lam|, flat) V^T: a model that always climbs."""
    try:
        scipy.linalg.cholesky(-hessian, check_finite=False)
        return -hessian
    except np.linalg.LinAlgError:
        values, vectors = scipy.linalg.eigh(hessian, check_finite=False)
        size = np.abs(values)
        return (vectors * np.maximum(size, max(flat, 1e-13 * float(size.max(initial=0.0))))) @ vectors.T


def climb(potential: Potential, bounds: Bounds, start: np.ndarray, steps: int = 100, reach: float = 0.25) -> Climb:
    """Trust-region Newton ascent from ``start`` (dim,) until the projected gradient is at rounding error.

    ``reach``: first trust radius in the max norm. Ends early where nothing climbs any more.
    """
    x = bounds.snap(np.array(start, dtype=np.float64))
    value, g = _at(potential, x)
    count = 0
    while count < steps and not _is_at_rest(bounds, x, g):
        count += 1
        free = np.flatnonzero(~bounds.held(np, x, g))
        hessian = potential.hessian_on(x, free)
        moved = _step(potential, bounds, (x, value, g), (free, hessian, concave_metric(hessian)), reach)
        if moved is None:
            break
        x, value, g, reach = moved
    return Climb(x, float(np.abs(bounds.project(np, x, g)).max(initial=0.0)), count)


def _is_at_rest(bounds: Bounds, x: np.ndarray, g: np.ndarray) -> bool:
    size = float(np.abs(g).max(initial=0.0))
    return float(np.abs(bounds.project(np, x, g)).max(initial=0.0)) <= 1e-15 * (1.0 + size)


def _at(potential: Potential, x: np.ndarray) -> tuple[float, np.ndarray]:
    value, g = potential.value_and_gradient(x[None])
    return float(value[0]), g[0]


def _step(
    potential: Potential,
    bounds: Bounds,
    here: tuple[np.ndarray, float, np.ndarray],
    model: tuple[np.ndarray, np.ndarray, np.ndarray],
    reach: float,
) -> tuple[np.ndarray, float, np.ndarray, float] | None:
    """One accepted step, or None: the trust radius shrinks until the model agrees.

    Near the top, where values only round, a step is accepted that lowers the residual, or the next step in the same metric:
    in a curved valley a long step along it raises the residual across it.
    """
    (x, value, g), (free, hessian, metric) = here, model
    lower, upper = (
        np.broadcast_to(bounds.lower, x.shape)[free] - x[free],
        np.broadcast_to(bounds.upper, x.shape)[free] - x[free],
    )
    before = float(np.abs(bounds.project(np, x, g)).max(initial=0.0))
    slack = SLACK * (1.0 + abs(value))
    while reach > 1e-12:
        d = box_quadratic(metric, g[free], np.maximum(lower, -reach), np.minimum(upper, reach))
        new = x.copy()
        new[free] += d
        new = bounds.snap(new)
        if np.array_equal(new, x):
            return None
        new_value, new_g = _at(potential, new)
        promised, rise = float(g[free] @ d + 0.5 * d @ hessian @ d), new_value - value
        size = float(np.abs(d).max(initial=0.0))
        if promised > slack and rise >= 0.1 * promised:
            grown = 2.0 * reach if size > 0.9 * reach and rise > 0.5 * promised else reach
            return new, new_value, new_g, grown if rise > 0.25 * promised else 0.5 * size
        after = float(np.abs(bounds.project(np, new, new_g)).max(initial=0.0))
        if rise >= -slack and (after < 0.5 * before or _contracts(bounds, new, new_g, (free, metric), size)):
            return new, new_value, new_g, reach
        reach = 0.25 * min(reach, size)
    return None


def _contracts(bounds: Bounds, x: np.ndarray, g: np.ndarray, model: tuple[np.ndarray, np.ndarray], size: float) -> bool:
    """Deuflhard's natural test: on an unchanged free face the next step in the metric of the last one is much shorter."""
    free, metric = model
    if not np.array_equal(np.flatnonzero(~bounds.held(np, x, g)), free):
        return False
    return float(np.abs(_solve(metric, g[free])).max(initial=0.0)) < 0.75 * size


def stays_concave(potential: Potential, bounds: Bounds, x: np.ndarray, free: np.ndarray) -> bool:
    """Whether the Hessian on ``free`` is negative definite at ``x`` and REACH Newton steps to both sides in the slowest
    direction, a step being no shorter than the rounding of the gradient makes it.

    A maximum that only just fails to be proved passes; a passage where the flow creeps, or a degenerate equilibrium that
    attracts from one side, has a Newton step as long as the distance at which f stops being concave.
    """
    if not free.size:
        return True
    values, vectors = scipy.linalg.eigh(potential.hessian_on(x, free), check_finite=False)
    if values[-1] >= 0:
        return False
    gradient = potential.value_and_gradient(x[None])[1][0]
    reach = REACH * (abs(float(vectors[:, -1] @ gradient[free])) + _rounding(gradient)) / -values[-1]
    for side in (-reach, reach):
        there = x.copy()
        there[free] += side * vectors[:, -1]
        there = bounds.clip(np, there)
        if scipy.linalg.eigvalsh(potential.hessian_on(there, free), check_finite=False)[-1] >= 0:
            return False
    return True


def newton_reach(spectrum: np.ndarray, gradient: np.ndarray, free: np.ndarray) -> float:
    """REACH Newton steps at the top of f in the slowest direction of the ``spectrum``: how far off a point may be for which
    nothing is proved. At a degenerate maximum that is the distance to it; 0 where f is not concave."""
    if not free.size or spectrum[-1] >= 0:
        return 0.0
    return REACH * (float(np.abs(gradient[free]).max()) + _rounding(gradient)) / -float(spectrum[-1])


def _rounding(gradient: np.ndarray) -> float:
    return 1e-15 * (1.0 + float(np.abs(gradient).max()))
