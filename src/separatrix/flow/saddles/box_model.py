"""The maximum of a concave quadratic on a box by the primal-dual active set method, which nearly always ends in a few solves.

Hintermüller, Ito and Kunisch (2002). It may cycle; then two-metric projection, which always ends, goes on from its best point.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.linalg import get_lapack_funcs

from separatrix.flow.newton import box_quadratic

ROUNDS = 16


def maximum_on_box(metric: np.ndarray, slope: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """argmax of slope.d - d^T metric d / 2 over low <= d <= high, ``metric`` (k, k) positive definite."""
    at_low, at_high = np.zeros(slope.shape, dtype=bool), np.zeros(slope.shape, dtype=bool)
    scale = np.diagonal(metric)
    solve: Any = get_lapack_funcs("posv", (metric,))
    best, most = np.clip(np.zeros_like(slope), low, high), -np.inf
    for _ in range(ROUNDS):
        d = np.where(at_low, low, np.where(at_high, high, 0.0))
        free = np.flatnonzero(~(at_low | at_high))
        if free.size:
            fixed = at_low | at_high
            right = slope[free] - metric[np.ix_(free, fixed)] @ d[fixed] if fixed.any() else slope[free]
            _, solution, trouble = solve(metric[np.ix_(free, free)], right)
            if trouble or not np.isfinite(solution).all():
                break
            d[free] = solution
        force = slope - metric @ d
        force[free] = 0.0
        new_low, new_high = d + force / scale < low, d + force / scale > high
        if np.array_equal(new_low, at_low) and np.array_equal(new_high, at_high):
            return np.clip(d, low, high)
        inside = np.clip(d, low, high)
        gain = float(slope @ inside - 0.5 * inside @ metric @ inside)
        if gain > most:
            best, most = inside, gain
        at_low, at_high = new_low, new_high
    return best + box_quadratic(metric, slope - metric @ best, low - best, high - best)
