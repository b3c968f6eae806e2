"""One non-degenerate equilibrium in a small box, proved there with its Morse index: Krawczyk's test and Sylvester's law (§8)."""

from __future__ import annotations

import numpy as np

from separatrix.domains import Box
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential

ROOM = 0.6  # of its width, by which a hull of cells is widened for the test
LEAST_ROOM = 1e-12


def is_injective(potential: Potential, lower: np.ndarray, upper: np.ndarray) -> bool:
    """Whether the gradient takes no value twice on the box [lower, upper] (dim,): |I - Y H| < 1 for all its Hessians H."""
    rest = _rest(potential.enclose_batch(lower[None], upper[None])[1][0])
    return rest is not None and _is_small(rest[1])


def morse_index(potential: Potential, lower: np.ndarray, upper: np.ndarray, within: Box) -> int | None:
    """The Morse index of the one equilibrium near the box [lower, upper], if there is exactly one in a slightly wider box and it
    lies in ``within``; None: not proved."""
    room = ROOM * (upper - lower) + LEAST_ROOM * (1.0 + np.maximum(np.abs(lower), np.abs(upper)))
    lower, upper = lower - room, upper + room
    hessian = potential.enclose_batch(lower[None], upper[None])[1][0]
    rest = _rest(hessian)
    if rest is None or not _is_small(rest[1]):
        return None
    inverse, defect = rest
    middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
    gradient = potential.gradient_batch(middle[None], middle[None])[0]
    image = Interval.point(middle) - _product(Interval.point(inverse), gradient[:, None])[:, 0]
    image = image + _product(defect, (Interval(lower, upper) - Interval.point(middle))[:, None])[:, 0]
    if not ((image.lower > lower) & (image.upper < upper)).all():
        return None
    if not ((image.lower >= within.lower) & (image.upper <= within.upper)).all():
        return None
    return _inertia(hessian)


def _rest(hessian: Interval) -> tuple[np.ndarray, Interval] | None:
    """An inverse Y of the middle and I - Y H; None where it has none."""
    middle = hessian.midpoint
    if not np.isfinite(hessian.magnitude).all() or abs(np.linalg.det(middle)) < 1e-200:
        return None
    inverse = np.linalg.inv(middle)
    return inverse, Interval.point(np.eye(len(middle))) - _product(Interval.point(inverse), hessian)


def _product(left: Interval, right: Interval) -> Interval:
    """Matrix product, (n, k) times (k, m)."""
    return (left[:, :, None] * right[None, :, :]).sum(axis=1)


def _is_small(matrix: Interval) -> bool:
    """Whether every member has row sums of moduli below 1."""
    return bool((matrix.magnitude.sum(axis=1) * (1.0 + 1e-12) < 1.0).all())


def _inertia(hessian: Interval) -> int | None:
    """The number of positive eigenvalues of every symmetric member, by Gershgorin discs of V^T H V, V invertible."""
    vectors = np.linalg.eigh(hessian.midpoint)[1]
    frame = Interval.point(vectors)
    gram = _product(frame.mT, frame) - Interval.point(np.eye(len(vectors)))
    if not _is_small(gram):
        return None
    turned = _product(_product(frame.mT, hessian), frame)
    diagonal = np.arange(len(vectors))
    centre = turned[diagonal, diagonal]
    radius = (turned.magnitude.sum(axis=1) - turned.magnitude[diagonal, diagonal]) * (1.0 + 1e-12)
    positive, negative = centre.lower > radius, centre.upper < -radius
    return int(positive.sum()) if (positive | negative).all() else None
