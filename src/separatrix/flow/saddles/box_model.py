"""The maximum of a concave quadratic on a box by the primal-dual active set method, which nearly always ends in a few solves.

Hintermüller, Ito and Kunisch (2002). From a set of sides far from the right one it may cycle; in many dimensions sweeps of
coordinate ascent, which never falls, choose the set to begin with. Where it cycles all the same two-metric projection, which
always ends, goes on from its best point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from separatrix.flow.newton import box_quadratic

ROUNDS = 16
MANY = 12
SWEEPS, SHARE = 100, 1e-4


def maximum_on_box(metric: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """argmax of slope.d - d^T metric d / 2 over low <= d <= high, ``metric`` (k, k) positive definite."""
    best = np.clip(np.zeros_like(slope), low, high)
    at_low, at_high = np.zeros(slope.shape, dtype=bool), np.zeros(slope.shape, dtype=bool)
    most = -np.inf
    if slope.size >= MANY:
        best, at_low, at_high, most = _swept(metric, slope, low, high)
    scale = np.diagonal(metric)
    solve: Any = get_lapack_funcs("posv", (metric,))
    for _ in range(ROUNDS):
        d = np.where(at_low, low, np.where(at_high, high, 0.0))
        free = np.flatnonzero(~(at_low | at_high))
        if free.size:
            rows = metric[free]
            _, solution, trouble = solve(rows[:, free], slope[free] - rows @ d)
            if trouble or not np.isfinite(solution).all():
                break
            d[free] = solution
        force = slope - metric @ d
        force[free] = 0.0
        aim = d + force / scale
        new_low, new_high = aim < low, aim > high
        if np.array_equal(new_low, at_low) and np.array_equal(new_high, at_high):
            return np.clip(d, low, high)
        inside = np.clip(d, low, high)
        gain = float(slope @ inside - 0.5 * inside @ metric @ inside)
        if gain > most:
            best, most = inside, gain
        at_low, at_high = new_low, new_high
    return best + box_quadratic(metric, slope - metric @ best, low - best, high - best)


def _swept(
    metric: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Where coordinate ascent ends, which coordinates are held at their low and their high sides there, and its gain."""
    from separatrix.flow.saddles.coordinate_ascent import ascend

    d, force = np.empty_like(slope), slope.copy()
    ascend(np.ascontiguousarray(metric), force, low, high, d, SWEEPS, SHARE)
    return d, (d <= low) & (force <= 0), (d >= high) & (force >= 0), float(d @ (slope + force)) / 2.0
