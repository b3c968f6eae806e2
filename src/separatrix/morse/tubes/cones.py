"""Cones that hold a branch near its saddle (§8).

In eigencoordinates of the saddle p (xi' = A xi, see eigenframes) let u be the coordinate along the branch, w the others, and
A = [[a, b^T], [c, D]] enclosed over a convex set that holds the cone |w| <= e u, 0 <= u <= rho. If

    |c| + |b| e^2 + lambda_max(D) e < e a   and   a - |b| e > 0,

the cone is left only through its lid u = rho, and the branch of the one-dimensional unstable manifold that starts into it
stays in it up to there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.eigenframes import Eigenframe

SIZES = 0.1 * 0.5 ** np.arange(18)
WIDEST, WIDE = 0.25, 0.03
MARGIN = 1.0 + 1e-9


@dataclass(frozen=True, eq=False)
class Cone:
    """The cone at a saddle along +-``axis`` (dim,), up to u = ``length``, with |w| <= ``slope`` u."""

    frame: Eigenframe
    column: int
    length: float
    slope: float

    def lid(self, x: np.ndarray, axis: np.ndarray) -> tuple[float, float]:
        """(R, shift): the lid on the side of ``axis`` lies within R of ``x`` (dim,), and |axis . (y - x)| <= shift on it.

        ``axis`` (dim,) is the unit vector of the branch; x should lie near the lid's middle.
        """
        frame = self.frame
        middle = frame.center + self.length * axis
        size = float(np.abs(frame.center).max() + np.abs(x).max() + self.length)
        noise = 1e-13 * size + np.sqrt(frame.center.size) * frame.error * MARGIN
        spread = self.slope * self.length * (1.0 + 1e-7) + 1e-7 * frame.defect * self.length
        spread += frame.defect * frame.center.size * self.length * 2.0
        reach = (spread + float(np.linalg.norm(x - middle)) + noise) * MARGIN
        shift = (abs(float(axis @ (x - frame.center)) - self.length) + noise) * MARGIN
        return reach, shift


def cones(arena: Arena, frame: Eigenframe, column: int, sign: float) -> list[Cone]:
    """Proved cones about eigenvector ``column``, on both sides, the longest with a slope of at most 0.03 first.

    ``sign`` -1 for stable branches, followed backwards.
    """
    k = frame.free.size
    others = np.delete(np.arange(k), column)
    lengths = SIZES * arena.width
    reaches = np.full((lengths.size, k), WIDEST) * lengths[:, None]
    reaches[:, column] = lengths
    lower, upper = frame.hull(reaches)
    gradient, hessian = arena.potential.enclose_batch(lower, upper)
    inside = ((lower >= arena.limits.lower) & (upper <= arena.limits.upper))[:, frame.free].all(axis=1)
    inside &= frame.presses_outward(gradient)
    matrix = frame.in_coordinates(hessian, sign)
    interval, magnitude = matrix.to_interval(), matrix.magnitude
    found = []
    for place in np.flatnonzero(inside & np.isfinite(matrix.rad).all(axis=(1, 2))):
        lowest = float(interval.lower[place, column, column])
        b = float(np.linalg.norm(magnitude[place, column, others])) * MARGIN
        c = float(np.linalg.norm(magnitude[place, others, column])) * MARGIN
        block = matrix.mid[place][np.ix_(others, others)], matrix.rad[place][np.ix_(others, others)]
        slope = least_slope(lowest, (b, c), largest_quotient(*block))
        if slope is not None:
            found.append(Cone(frame, column, float(lengths[place]), slope))
    found.sort(key=lambda cone: (cone.slope > WIDE, -cone.length if cone.slope <= WIDE else cone.slope))
    return found


def largest_quotient(mid: np.ndarray, rad: np.ndarray) -> float:
    """An upper bound of y^T D y / |y|^2 for all D within ``rad`` of ``mid``, by Gershgorin's discs of the symmetric part."""
    if not len(mid):
        return -np.inf
    diagonal = np.diagonal(mid) + np.diagonal(rad)
    size = np.abs(mid) + rad
    off = 0.5 * (size + size.T).sum(axis=1) - np.diagonal(size)
    noise = 1e-14 * len(mid) * float(size.sum())
    return float((diagonal + off).max() + noise)


def least_slope(lowest: float, sizes: tuple[float, float], largest: float) -> float | None:
    """A slope e <= WIDEST that passes the test of the module's head, near the least one; None where there is none."""
    b, c = sizes
    if not lowest > 0:
        return None
    if largest == -np.inf:
        return 1e-300
    gap = lowest - largest
    if not gap > 0:
        return None
    # near the smaller root of b e^2 - gap e + c, a little above it
    slope = 1.05 * c / gap + 1e-12
    for _ in range(8):
        left = (c + b * slope * slope) * MARGIN + 1e-14 * (lowest + abs(largest)) * slope
        if left < slope * gap and lowest - b * slope * MARGIN > 0 and slope <= WIDEST:
            return slope
        slope *= 1.3
    return None
