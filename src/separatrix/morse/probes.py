"""Values at a few fixed points of a box: they tell lists of one function from those of another with the same name."""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.potentials.base import Potential

COUNT, SEED = 5, 20_260
CLOSE = 1e-9


def probe_of(potential: Potential, box: Box) -> tuple[float, ...]:
    """Values at COUNT points of ``box``, the same ones every time; () where the function cannot be evaluated there."""
    x = np.random.default_rng(SEED).uniform(size=(COUNT, box.dim))
    try:
        with np.errstate(all="ignore"):
            values = np.asarray(potential.value(box.lower + x * box.width), dtype=np.float64)
    except SeparatrixError:
        return ()
    return tuple(float(value) for value in values)


def is_probed(points: CriticalPoints, potential: Potential, sign: float = 1.0) -> bool:
    """Whether the list may be one of ``sign`` times this potential, by its probe; True where it has none."""
    if not points.probe or not isinstance(points.domain, Box) or points.domain.dim != potential.dim:
        return True
    own = sign * np.array(probe_of(potential, points.domain))
    return own.size == len(points.probe) and bool(
        np.allclose(own, points.probe, rtol=CLOSE, atol=CLOSE, equal_nan=True)
    )
