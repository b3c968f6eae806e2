"""Batched spectral projected gradient ascent: a quick way near the maxima of a potential on a box.

Step lengths of Barzilai and Borwein (1988) a row, on the projected gradient of Birgin, Martinez and Raydan (2000), kept
monotone. It is an optimiser, not the flow: its ends are candidates for sinks, its basins are nobody's.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential

SHORTEST, LONGEST = 1e-3, 1e5
SLACK = 1e-13


def ascend(potential: Potential, bounds: Bounds, starts: np.ndarray, steps: int = 60, scale: float = 1.0) -> np.ndarray:
    """The ends (n, dim) of ``steps`` monotone steps from ``starts``; ``scale``: squared length of a first unit step.

    A row whose step would lower f by more than a rounding slack is refused and its step length divided by four.
    """
    x = np.array(starts, dtype=np.float64)
    value, g = potential.value_and_gradient(x)
    length = np.full(x.shape[0], scale)
    alive = np.arange(x.shape[0])
    for _ in range(steps):
        if alive.size == 0:
            break
        new = bounds.clip(np, x[alive] + length[alive, None] * g[alive])
        new_value, new_g = potential.value_and_gradient(new)
        slack = SLACK * (1.0 + np.abs(value[alive]))
        better = new_value >= value[alive] - slack
        shift, bend = new - x[alive], new_g - g[alive]
        curvature = -(shift * bend).sum(axis=1)
        square = (shift * shift).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            spectral = np.where(
                curvature > 0, np.clip(square / curvature, SHORTEST * scale, LONGEST * scale), LONGEST * scale
            )
        length[alive] = np.where(better, spectral, length[alive] / 4.0)
        moved = alive[better]
        x[moved], value[moved], g[moved] = new[better], new_value[better], new_g[better]
        alive = alive[(square > 0) & (length[alive] > 0)]
    return x
