"""A potential reduced to the directions in which its Hessian is nearly singular, with enclosures (9.14).

In coordinates (c, w), x = p + V (c, w), let f be strictly convex in some of the coordinates w and strictly concave in the others,
with a zero w(c) of its slopes along w for every c. h(c) = f(c, w(c)) has the gradient d_c f(c, w(c)) and the Hessian
H_cc - H_cw H_ww^-1 H_wc. w(c) is enclosed by Krawczyk's operator, which needs no test: that there is one is known.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.conley.cell_values import values_over
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down, up
from separatrix.potentials.base import Enclosure, Potential

Array = np.ndarray
STEPS, ROUNDS = 3, 2
ROUNDING = 1e-14  # above 2 (n + 2) u for sums of products of at most n = 4 terms, twice


@dataclass(frozen=True, eq=False)
class Frame:
    """Coordinates xi with x = ``origin`` (dim,) + ``axes`` (dim, dim) xi, exactly, of a ``potential``."""

    potential: Potential
    origin: Array
    axes: Array

    def places(self, xi: Interval) -> Interval:
        """Boxes (n, dim) around the images of boxes ``xi``."""
        middle, radius = _balls(xi)
        turn = np.abs(self.axes).T
        with np.errstate(all="ignore"):
            spread = (radius + ROUNDING * np.abs(middle)) @ turn + ROUNDING * np.abs(self.origin)
            return _around(middle @ self.axes.T + self.origin, spread)

    def derivatives(self, xi: Interval) -> tuple[Interval, Interval]:
        """Gradient (n, dim) and Hessian (n, dim, dim) in the coordinates xi on boxes (n, dim)."""
        x = self.places(xi)
        gradient, hessian = self.potential.enclose_batch(np.array(x.lower), np.array(x.upper))
        middle, radius = _balls(hessian)
        turn = np.abs(self.axes)
        with np.errstate(all="ignore"):
            spread = turn.T @ (radius + ROUNDING * np.abs(middle)) @ turn
            return self._turned(gradient), _around(self.axes.T @ middle @ self.axes, spread)

    def gradient(self, xi: Interval) -> Interval:
        """The gradient (n, dim) in the coordinates xi."""
        x = self.places(xi)
        return self._turned(self.potential.gradient_batch(np.array(x.lower), np.array(x.upper)))

    def centred_gradient(self, xi: Interval) -> Interval:
        """The same by its value in the middle and the Hessian, which in a frame of its own is nearly diagonal."""
        middle = np.clip(xi.midpoint, xi.lower, xi.upper)
        hessian = self.derivatives(xi)[1]
        return self.gradient(Interval.point(middle)) + _times(hessian, xi - Interval.point(middle))

    def values(self, xi: Interval) -> Interval:
        """f (n,) on boxes."""
        x = self.places(xi)
        return values_over(self.potential, np.array(x.lower), np.array(x.upper))

    def _turned(self, gradient: Interval) -> Interval:
        middle, radius = _balls(gradient)
        with np.errstate(all="ignore"):
            return _around(middle @ self.axes, (radius + ROUNDING * np.abs(middle)) @ np.abs(self.axes))


def _balls(x: Interval) -> tuple[Array, Array]:
    """Middles and radii of intervals, rounded outward; what is not bounded has the radius inf about 0."""
    known = np.isfinite(x.magnitude)
    with np.errstate(all="ignore"):
        middle = np.where(known, x.midpoint, 0.0)
        return middle, np.where(known, np.maximum(up(x.upper - middle), up(middle - x.lower)), np.inf)


def _around(middle: Array, radius: Array) -> Interval:
    """Intervals from middles and radii of few sums of products, the ``ROUNDING`` of the middles being in the radii."""
    with np.errstate(all="ignore"):
        wide = radius * (1.0 + ROUNDING) + 1e-300
        known = np.isfinite(wide) & np.isfinite(middle)
        low, high = down(middle - wide), up(middle + wide)
    return Interval(np.where(known, low, -np.inf), np.where(known, high, np.inf))


@dataclass(frozen=True, eq=False)
class Reduced:
    """On n boxes of the coordinates c: enclosures ``w`` (n, dim - k) of w(c), and derivatives of h: ``gradient`` (n, k),
    ``hessian`` (n, k, k)."""

    w: Interval
    gradient: Interval
    hessian: Interval


class KernelFunction(Potential):
    """h of the first ``dim`` coordinates of a ``frame``, the others being in the box [``low``, ``high``]."""

    def __init__(self, frame: Frame, dim: int, low: Array, high: Array) -> None:
        self.frame, self.dim, self.low, self.high = frame, dim, low, high
        self.name = f"{frame.potential.name}, reduced to {dim} coordinates"
        self.rests_on = frame.potential.rests_on

    def reduced(self, lower: Array, upper: Array, with_hessian: bool = True) -> Reduced:
        """Everything on boxes (n, k) of the coordinates c."""
        k, c = self.dim, Interval(lower, upper)
        middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
        start = self.zeros(middle)
        centre, at = self.frame.gradient(Interval.point(np.concatenate([middle, start], axis=1))), Interval.point(start)
        away = c - Interval.point(middle)
        w = Interval(np.broadcast_to(self.low, start.shape), np.broadcast_to(self.high, start.shape))
        for _ in range(ROUNDS):
            hessian = self.frame.derivatives(_joined(c, _hull(w, start)))[1]
            inverse = _inverse(hessian.midpoint[:, k:, k:])
            moved = centre[:, k:] + _times(hessian[:, k:, :k], away)
            rest = Interval.point(np.eye(start.shape[1])[None]) - _product(Interval.point(inverse), hessian[:, k:, k:])
            image = at - _times(Interval.point(inverse), moved) + _times(rest, w - at)
            w = _common(w, image)
        gradient, hessian = self.frame.derivatives(_joined(c, _hull(w, start)))
        centred = centre[:, :k] + _times(hessian[:, :k, :k], away) + _times(hessian[:, :k, k:], w - at)
        found = schur_complement(hessian, k) if with_hessian else Interval.whole_line((len(lower), k, k))
        return Reduced(w, _common(gradient[:, :k], centred), found)

    def zeros(self, c: Array) -> Array:
        """Approximate w(c) (n, dim - k) at points (n, k), by Newton's method."""
        k, w = self.dim, np.zeros((len(c), self.low.size))
        axes = self.frame.axes
        for _ in range(STEPS):
            x = self.frame.origin + np.concatenate([c, w], axis=1) @ axes.T
            gradient, hessian = (part.midpoint for part in self.frame.potential.enclose_batch(x, x))
            with np.errstate(all="ignore"):
                rates = (axes.T @ hessian @ axes)[:, k:, k:]
                step = np.einsum("nij,nj->ni", _inverse(rates), (gradient @ axes)[:, k:])
            w = np.clip(np.where(np.isfinite(step), w - step, w), self.low, self.high)
        return w

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """Value, gradient and Hessian of h on boxes (n, k)."""
        found = self.reduced(lower, upper)
        middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
        at = found if np.array_equal(lower, upper) else self.reduced(middle, middle)
        value = self.frame.values(_joined(Interval.point(middle), at.w))
        value = value + (found.gradient * (Interval(lower, upper) - Interval.point(middle))).sum(axis=1)
        return Enclosure(value, found.gradient, found.hessian)

    def enclose_batch(self, lower: Array, upper: Array, free: Array | None = None) -> tuple[Interval, Interval]:
        """Gradient and columns of the Hessian of h."""
        found = self.reduced(lower, upper)
        return found.gradient, found.hessian if free is None else found.hessian[:, :, free]

    def gradient_batch(self, lower: Array, upper: Array) -> Interval:
        """Gradient of h."""
        return self.reduced(lower, upper, with_hessian=False).gradient

    def value(self, x: Any) -> Any:
        """h at points."""
        return self.enclose(x, x).value.midpoint

    def gradient(self, x: Any) -> Any:
        """grad h at points."""
        return self.reduced(x, x).gradient.midpoint

    def hessian(self, x: Any) -> Any:
        """Hess h at points."""
        return self.reduced(x, x).hessian.midpoint

    def hessian_vector(self, x: Any, v: Any) -> Any:
        """Hess h v at points."""
        return np.einsum("nij,nj->ni", self.hessian(x), np.broadcast_to(v, np.shape(x)))


def _joined(c: Interval, w: Interval) -> Interval:
    return Interval(np.concatenate([c.lower, w.lower], axis=1), np.concatenate([c.upper, w.upper], axis=1))


def _hull(w: Interval, point: Array) -> Interval:
    """The boxes with points beside them: mean values are taken on the way between."""
    return Interval(np.minimum(w.lower, point), np.maximum(w.upper, point))


def _times(matrix: Interval, vector: Interval) -> Interval:
    return (matrix * vector[:, None, :]).sum(axis=2)


def _product(left: Interval, right: Interval) -> Interval:
    return (left[:, :, :, None] * right[:, None, :, :]).sum(axis=2)


def _common(one: Interval, other: Interval) -> Interval:
    """What two enclosures of one thing have in common; the first where rounding or overflow leaves nothing."""
    lower, upper = np.fmax(one.lower, other.lower), np.fmin(one.upper, other.upper)
    empty = ~(lower <= upper)
    return Interval(np.where(empty, one.lower, lower), np.where(empty, one.upper, upper))


def _inverse(matrices: Array) -> Array:
    """Approximate inverses (n, m, m), zeros where there are none."""
    known = np.asarray(np.isfinite(matrices).all(axis=(1, 2)))
    known[known] = np.abs(np.linalg.det(matrices[known])) > 1e-200
    found = np.zeros_like(matrices)
    found[known] = np.linalg.inv(matrices[known])
    return found


def schur_complement(hessian: Interval, k: int) -> Interval:
    """H_cc - H_cw H_ww^-1 H_wc; the whole line where H_ww is not proved to be invertible so."""
    inverse = _inverse(hessian.midpoint[:, k:, k:])
    eye = Interval.point(np.eye(inverse.shape[1])[None])
    defect = (eye - _product(Interval.point(inverse), hessian[:, k:, k:])).magnitude.sum(axis=2).max(axis=1)
    is_known = defect < 0.5
    # (I - E)^-1 = I + E + E^2 + ... differs from I by at most e / (1 - e) in every entry, |E| <= e in the row norm
    off = np.where(is_known, defect / (1.0 - np.where(is_known, defect, 0.0)) * (1.0 + 1e-12) + 1e-300, np.inf)
    wide = np.broadcast_to(off[:, None, None], inverse.shape)
    series = eye + Interval(-wide, wide)
    solved = _product(_product(series, Interval.point(inverse)), hessian[:, k:, :k])
    found, known = hessian[:, :k, :k] - _product(hessian[:, :k, k:], solved), is_known[:, None, None]
    return Interval(
        np.where(known, found.lower, -np.inf), np.where(known, found.upper, np.inf)
    )  # for 0 times inf is 0 above
