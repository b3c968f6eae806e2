"""Sets of orbits of one step: a parallelepiped about a path and a ball, moved on with proof (§9, (9.7)).

Orbits are kept as c + A [-1, 1]^n + {|e| <= eps}. In a step of length h the difference z = x - y from a path y of doubles obeys
z' = H(t) z + d(t), H(t) a mean Hessian between both and d the defect of the path. With a symmetric matrix M in the middle,
|H - M| <= R, and l the largest eigenvalue of M,

    |z(h) - e^{hM} z(0)| <= e^{hl} (e^{hR} - 1) |z(0)| + max(1, e^{h (l + R)}) int_0^h |d| ds.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from separatrix.conley.matrix_bounds import EXPONENTIAL_ERROR, ROUNDING, exponential, largest_eigenvalue, length, norm
from separatrix.numerics import elementary
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down, up
from separatrix.potentials.base import Potential

Array = np.ndarray
ROOM = 1.0 + 1e-12
LONGEST_TURN = 1.0  # h |M|, for which the exponential is bounded


class Rows:
    """A dataclass of arrays with one row a set of orbits."""

    def rows(self, chosen: Array):
        """Some of the rows."""
        return type(self)(*(getattr(self, one.name)[chosen] for one in fields(self)))  # pyright: ignore[reportArgumentType]

    def put(self, chosen: Array, part: Rows) -> None:
        """Write ``part`` to the rows ``chosen``."""
        for one in fields(self):  # pyright: ignore[reportArgumentType]
            getattr(self, one.name)[chosen] = getattr(part, one.name)


@dataclass
class OrbitSets(Rows):
    """Sets of orbits: centre ``c`` (k, n), ``shape`` A (k, n, n), radius ``eps`` (k,), and a box around them (``low``, ``high``)
    that may be sharper."""

    c: Array
    shape: Array
    eps: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, lower: Array, upper: Array) -> OrbitSets:
        """Boxes [lower, upper] (k, n)."""
        c = 0.5 * lower + 0.5 * upper
        half = np.maximum(upper - c, c - lower) * ROOM + 1e-300
        return cls(c, half[:, :, None] * np.eye(lower.shape[1]), np.zeros(len(c)), lower.copy(), upper.copy())

    def restart(self, chosen: Array) -> None:
        """Forget the shape of the rows ``chosen``: their boxes stand."""
        self.put(chosen, OrbitSets.of(self.low[chosen], self.high[chosen]))

    def snap(self) -> None:
        """Coordinates that are known exactly are taken out of centre and shape: the others keep their meaning."""
        known = self.low == self.high
        self.c = np.where(known, self.low, self.c)
        self.shape = np.where(known[:, :, None], 0.0, self.shape)

    @property
    def half(self) -> Array:
        """Half widths (k, n) of the parallelepipeds."""
        return np.abs(self.shape).sum(axis=2) * ROOM


@dataclass
class Path(Rows):
    """y(s) = c + s g + s^2 q / 2 + s^3 r / 6, 0 <= s <= h: ``g``, ``q``, ``r`` (k, n), ``h`` (k,), its hull ``low``, ``high``.

    ``held`` (k, n): coordinates that stand still; ``miss`` (k,): a bound of |grad f(c) - g| on the others.
    """

    c: Array
    g: Array
    q: Array
    r: Array
    h: Array
    held: Array
    miss: Array
    low: Array
    high: Array

    @classmethod
    def of(cls, c: Array, field: Interval, bend: Array, held: Array, h: Array) -> Path:
        """From an enclosure of the gradient and a Hessian of doubles at ``c``."""
        g = np.where(held, 0.0, field.midpoint)
        q = np.where(held, 0.0, (bend @ g[:, :, None])[:, :, 0])
        r = np.where(held, 0.0, (bend @ q[:, :, None])[:, :, 0])
        miss = length(np.where(held, 0.0, np.maximum(up(field.upper - g), up(g - field.lower))))
        zero, time = np.zeros_like(h), [h, up(0.5 * h * h), up(up(h * h) * h * 0.17)]
        hull = Interval.point(c)
        for most, term in zip(time, (g, q, r), strict=True):
            hull = hull + Interval(zero, most)[:, None] * term
        return cls(c, g, q, r, h, held, miss, np.array(hull.lower), np.array(hull.upper))

    def end(self) -> tuple[Array, Array]:
        """y(h) as doubles (k, n), and a bound (k,) of their rounding."""
        h = self.h[:, None]
        parts = np.abs(self.c) + np.abs(h * self.g) + np.abs(h * h * self.q) + np.abs(h * h * h * self.r)
        end = self.c + h * (self.g + h * (0.5 * self.q + h * self.r / 6.0))
        return end, length(parts) * 2e-15

    def defect(self, potential: Potential) -> Array:
        """Bounds (k,) of the integral of |grad f(y) - y'| over the step, on the coordinates that move."""
        hessian, h = potential.enclose_batch(self.low, self.high)[1], self.h
        g, q, r = (Interval.point(v)[:, None, :] for v in (self.g, self.q, self.r))
        terms = (
            (hessian * g).sum(axis=2) - Interval.point(self.q),
            (hessian * q).sum(axis=2) - Interval.point(self.r),
            (hessian * r).sum(axis=2),
        )
        first, second, third = (length(np.where(self.held, 0.0, term.magnitude)) for term in terms)
        return (h * self.miss + h * h * (first / 2.0 + h * (second / 6.0 + h * third / 24.0))) * ROOM + 1e-300


@dataclass
class Difference(Rows):
    """What a step does to differences from the path: ``middle`` M (k, n, n), ``spread`` R (k,)."""

    middle: Array
    spread: Array

    @classmethod
    def of(cls, hessian: Interval, held: Array) -> Difference:
        """From enclosures of the Hessian about the orbits and the path."""
        middle = hessian.midpoint
        middle = 0.5 * middle + 0.5 * middle.mT
        radius = np.maximum(up(hessian.upper - middle), up(middle - hessian.lower))
        fixed = held[:, :, None] | held[:, None, :]
        return cls(np.where(fixed, 0.0, middle), norm(np.where(fixed, 0.0, radius)))

    def moved(self, sets: OrbitSets, path: Path, defect: Array) -> OrbitSets:
        """The sets after the step; boxes are those of the shapes. h |M| <= 1."""
        h, spread, fixed = path.h, self.spread * path.h * ROOM, path.held
        with np.errstate(all="ignore"):
            longest = elementary.exp(h * largest_eigenvalue(self.middle) + 1e-15)[1]
            more = elementary.expm1(spread)[1]
            growth = np.maximum(1.0, longest * (1.0 + more)) * ROOM
            turn = exponential(h[:, None, None] * self.middle)
            half = np.where(fixed, 0.0, sets.half)
            reach = length(half)
            c, slip = path.end()
            eps = longest * (sets.eps + more * (reach + sets.eps)) + growth * defect
            eps = (eps + (2.0 * EXPONENTIAL_ERROR + ROUNDING) * (reach + sets.eps) + slip) * ROOM + 1e-300
            shape = np.where(fixed[:, :, None], 0.0, turn @ np.where(fixed[:, :, None], 0.0, sets.shape))
        found = OrbitSets(c, shape, eps, c, c)
        wide = np.where(fixed, 0.0, (found.half + eps[:, None]) * ROOM)
        return OrbitSets(c, shape, eps, np.where(fixed, c, down(c - wide)), np.where(fixed, c, up(c + wide)))
