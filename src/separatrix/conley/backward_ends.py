"""Whether an orbit of the projected flow that is followed back to a side of the box has no past there (§9).

An interior orbit that comes from a side is joined there by orbits that slide along the side only where the gradient is tangent
to it. Where the outward slope is negative on the piece of the side that the tube passes, nothing slides.
"""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Orbit


def starts_at_a_side(flow: GradientFlow, orbit: Orbit) -> bool:
    """Whether the gradient is proved to point strictly inward wherever the orbit's tube meets a side of the box."""
    box = flow.domain
    if orbit.radius is None or not isinstance(box, Box):
        return False
    radius = np.where(np.isnan(orbit.radius), 0.0, orbit.radius)
    wide = np.maximum(radius[:-1], radius[1:])[:, None] * (1.0 + 1e-9)
    wide = wide + 1e-15 * np.abs(orbit.path[:-1]) + 1e-15 * np.abs(orbit.path[1:])
    lower = np.minimum(orbit.path[:-1], orbit.path[1:]) - wide
    upper = np.maximum(orbit.path[:-1], orbit.path[1:]) + wide
    for axis in range(box.dim):
        for side, place in ((-1.0, box.lower[axis]), (1.0, box.upper[axis])):
            low, high = np.maximum(lower, box.lower), np.minimum(upper, box.upper)
            met = (low <= high).all(axis=1) & (lower[:, axis] <= place) & (upper[:, axis] >= place)
            if not met.any():
                continue
            low, high = low[met], high[met]
            low[:, axis] = high[:, axis] = place
            with np.errstate(all="ignore"):
                slope = flow.arena.potential.gradient_batch(low, high)[:, axis] * side
            if not slope.is_negative.all():
                return False
    return True
