"""Batched spectral projected gradient ascent: a quick way near the maxima of a potential on a box.

Step lengths of Barzilai and Borwein (1988) a row, on the projected gradient of Birgin, Martinez and Raydan (2000), kept
monotone. It is an optimiser, not the flow: its ends are candidates for sinks, its basins are nobody's.
"""

from __future__ import annotations

from typing import Any

import array_api_compat
import numpy as np

from separatrix.flow.projection import Bounds
from separatrix.networks.propagation import namespace
from separatrix.potentials.base import Potential

Array = Any
SHORTEST, LONGEST = 1e-3, 1e5
SLACK = 1e-13


def ascend(potential: Potential, bounds: Bounds, starts: Array, steps: int = 60, scale: float = 1.0) -> Array:
    """The ends (n, dim) of ``steps`` monotone steps from ``starts``; ``scale``: squared length of a first unit step.

    A row whose step would lower f by more than a rounding slack is refused and its step length divided by four. Tensors
    are climbed on their own device, in float64.
    """
    xp, device = namespace(starts), array_api_compat.device(starts)
    x = xp.asarray(starts, dtype=xp.float64, copy=True)
    bounds = bounds.like(x)
    value, g = potential.value_and_gradient(x)
    length = xp.full((x.shape[0],), scale, dtype=xp.float64, device=device)
    alive = xp.arange(x.shape[0], device=device)
    for _ in range(steps):
        if alive.shape[0] == 0:
            break
        new = bounds.clip(xp, x[alive] + length[alive, None] * g[alive])
        new_value, new_g = potential.value_and_gradient(new)
        slack = SLACK * (1.0 + xp.abs(value[alive]))
        better = new_value >= value[alive] - slack
        shift, bend = new - x[alive], new_g - g[alive]
        curvature = -(shift * bend).sum(axis=1)
        square = (shift * shift).sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            spectral = (square / curvature).clip(SHORTEST * scale, LONGEST * scale)
        spectral = xp.where(curvature > 0, spectral, LONGEST * scale)
        length[alive] = xp.where(better, spectral, length[alive] / 4.0)
        moved = alive[better]
        x[moved], value[moved], g[moved] = new[better], new_value[better], new_g[better]
        alive = alive[(square > 0) & (length[alive] > 0)]
    return x
