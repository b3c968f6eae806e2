"""Coordinate by coordinate towards the maximum of a concave quadratic on a box, compiled (Hildreth 1957)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place


@compiled_in_place
def ascend(
    metric: np.ndarray, force: np.ndarray, low: np.ndarray, high: np.ndarray, d: np.ndarray, sweeps: int, share: float
) -> int:
    """Sweeps over all coordinates, each put where slope.d - d^T metric d / 2 is greatest with the others fixed.

    ``d`` (k,) begins at 0 where the box holds that, and is changed in place; ``force`` (k,) is ``slope`` at first and its
    derivative slope - metric d at the end. A coordinate that does not move costs nothing, so a sweep is cheap where most
    are on their sides. Ends where no coordinate moves by more than ``share`` of the longest; returns the sweeps made.
    """
    k = d.size
    for i in range(k):
        d[i] = min(max(0.0, low[i]), high[i])
        if d[i] != 0.0:
            for j in range(k):
                force[j] -= metric[i, j] * d[i]
    for count in range(sweeps):
        most = longest = 0.0
        for i in range(k):
            moved = min(max(d[i] + force[i] / metric[i, i], low[i]), high[i]) - d[i]
            if moved != 0.0:
                d[i] += moved
                most = max(most, abs(moved))
                for j in range(k):
                    force[j] -= metric[i, j] * moved
            longest = max(longest, abs(d[i]))
        if most <= share * longest:
            return count + 1
    return sweeps
