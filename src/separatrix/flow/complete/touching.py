"""Whether a box of any dimension is an isolating block, and the Euler characteristic of (box, exit set) from its faces (§3).

Let g be the outward slope on a facet. Where g is not 0, orbits cross. Where it is, the second derivative of the outward
coordinate along an orbit is the component of H F along the outward normal: positive, the orbit touches from outside. If one
of the two is proved on every cell of every facet, every boundary point leaves the box at once, forward or backward, and the
box is an isolating block.

Then chi(B, E) = 1 - sum over the essential points on the proper faces of (-1)^index, if these are non-degenerate: change f
inside B, away from the boundary, to a Morse function. The sum over its interior points is chi(B, E) by (3.3), and by (3.1)
it is 1 less the sum over the faces.
"""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.potentials.base import Potential

Array = np.ndarray
MOST_CELLS = 60_000
MOST_CUTS = 20  # a coordinate


def is_touched_from_outside_only(potential: Potential, box: Box) -> bool:
    """Whether every facet is proved to be crossed, or touched from outside, everywhere; False: not proved."""
    room = MOST_CELLS
    with np.errstate(all="ignore"):
        for axis in range(box.dim):
            for side in (-1.0, 1.0):
                lower, upper = (np.array(end, dtype=np.float64)[None] for end in (box.lower, box.upper))
                lower[:, axis] = upper[:, axis] = box.upper[axis] if side > 0 else box.lower[axis]
                cuts = 0
                while len(lower):
                    room -= len(lower)
                    cuts += 1
                    if room < 0 or cuts > MOST_CUTS * box.dim:
                        return False
                    open_ = ~_is_sound(potential, axis, side, lower, upper)
                    lower, upper = _halved(lower[open_], upper[open_], box)
    return True


def _is_sound(potential: Potential, axis: int, side: float, lower: Array, upper: Array) -> Array:
    """Cells that are crossed in one direction or touched from outside only."""
    gradient, column = potential.enclose_batch(lower, upper, np.array([axis]))
    slope = gradient[:, axis] * side
    touch = (column[:, :, 0] * gradient).sum(axis=1) * side
    return slope.is_positive | slope.is_negative | touch.is_positive


def _halved(lower: Array, upper: Array, box: Box) -> tuple[Array, Array]:
    """Both halves of every cell, across its longest side in units of the box."""
    if not len(lower):
        return lower, upper
    rows, axis = np.arange(len(lower)), ((upper - lower) / box.width).argmax(axis=1)
    middle = 0.5 * lower[rows, axis] + 0.5 * upper[rows, axis]
    first, second = upper.copy(), lower.copy()
    first[rows, axis] = second[rows, axis] = middle
    return np.concatenate([lower, second]), np.concatenate([first, upper])
