"""Known potentials for the flow's tests: a formula, and from it value, gradient, Hessian and enclosures of them.

The derivatives are carried forward by the sum, product and chain rules (nothing is taken from the library's own
derivatives), in three kinds of numbers: doubles, the library's intervals, and mpmath's, which serve as the judge.
"""

from __future__ import annotations

from typing import Any

import mpmath
import numpy as np

from separatrix.numerics import interval_functions
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential


def _exp(v):
    if isinstance(v, Interval):
        return interval_functions.exp(v)
    return mpmath.exp(v) if isinstance(v, mpmath.mpf) else np.exp(v)


def _tanh(v):
    if isinstance(v, Interval):
        return interval_functions.tanh(v)
    return mpmath.tanh(v) if isinstance(v, mpmath.mpf) else np.tanh(v)


def _square(v):
    return v.square() if isinstance(v, Interval) else v * v


class Term:
    """A function with its gradient and Hessian at some points: entries are numbers, arrays (n,) or intervals (n,)."""

    __array_ufunc__ = None

    def __init__(self, value, gradient, hessian):
        self.value, self.gradient, self.hessian = value, gradient, hessian

    @classmethod
    def variables(cls, columns):
        """The coordinates themselves."""
        dim = range(len(columns))
        zero = columns[0] * 0.0
        return [
            cls(c, [zero + float(i == j) for j in dim], [[zero] * len(columns) for _ in dim])
            for i, c in enumerate(columns)
        ]

    def _composed(self, value, first, second):
        g = self.gradient
        dim = range(len(g))
        bent = [
            [second * (_square(g[i]) if i == j else g[i] * g[j]) + first * self.hessian[i][j] for j in dim] for i in dim
        ]
        return Term(value, [first * a for a in g], bent)

    def __add__(self, other):
        if not isinstance(other, Term):
            return Term(self.value + other, self.gradient, self.hessian)
        dim = range(len(self.gradient))
        return Term(
            self.value + other.value,
            [self.gradient[i] + other.gradient[i] for i in dim],
            [[self.hessian[i][j] + other.hessian[i][j] for j in dim] for i in dim],
        )

    __radd__ = __add__

    def __neg__(self):
        return self * -1.0

    def __sub__(self, other):
        return self + (-other)

    def __rsub__(self, other):
        return (-self) + other

    def __mul__(self, other):
        if not isinstance(other, Term):
            return Term(
                self.value * other,
                [a * other for a in self.gradient],
                [[a * other for a in row] for row in self.hessian],
            )
        a, b, dim = self, other, range(len(self.gradient))
        bent = [
            [
                a.hessian[i][j] * b.value
                + a.value * b.hessian[i][j]
                + (a.gradient[i] * b.gradient[j] + a.gradient[j] * b.gradient[i])
                for j in dim
            ]
            for i in dim
        ]
        return Term(a.value * b.value, [a.gradient[i] * b.value + a.value * b.gradient[i] for i in dim], bent)

    __rmul__ = __mul__

    def square(self):
        return self._composed(_square(self.value), self.value * 2.0, self.value * 0.0 + 2.0)

    def exp(self):
        e = _exp(self.value)
        return self._composed(e, e, e)

    def tanh(self):
        t = _tanh(self.value)
        slope = 1.0 - _square(t)
        return self._composed(t, slope, slope * t * -2.0)


class Formula(Potential):
    """The potential of a function of its coordinates, written with + - *, ``square``, ``exp`` and ``tanh``."""

    def __init__(self, formula: Any, dim: int, name: str = "formula") -> None:
        self.formula, self.dim, self.name = formula, dim, name

    def _terms(self, x) -> Term:
        return self.formula(*Term.variables([x[:, i] for i in range(self.dim)]))

    def value(self, x):
        return self._terms(np.asarray(x, dtype=float)).value

    def gradient(self, x):
        return np.stack(self._terms(np.asarray(x, dtype=float)).gradient, axis=1)

    def hessian(self, x):
        return np.stack([np.stack(row, axis=1) for row in self._terms(np.asarray(x, dtype=float)).hessian], axis=1)

    def hessian_vector(self, x, v):
        return np.einsum("nij,nj->ni", self.hessian(x), np.broadcast_to(v, np.shape(x)))

    def value_and_gradient(self, x):
        terms = self._terms(x)
        return terms.value, np.stack(terms.gradient, axis=1)

    def enclose(self, lower, upper):
        single = np.ndim(lower) == 1
        terms = self._terms(Interval(np.atleast_2d(lower), np.atleast_2d(upper)))
        dim = range(self.dim)
        parts = (
            terms.value,
            _stacked([terms.gradient[i] for i in dim], (self.dim,)),
            _stacked([terms.hessian[i][j] for i in dim for j in dim], (self.dim, self.dim)),
        )
        return Enclosure(*((part[0] for part in parts) if single else parts))

    def digits(self, x):
        """(value, gradient, Hessian as an mpmath matrix) at one point, at the precision that mpmath has."""
        terms = self.formula(*Term.variables([mpmath.mpf(c) for c in x]))
        return terms.value, terms.gradient, mpmath.matrix(terms.hessian)


def _stacked(parts, shape):
    low, high = (np.stack([getattr(part, side) for part in parts], axis=1) for side in ("lower", "upper"))
    return Interval(low.reshape(-1, *shape), high.reshape(-1, *shape))


class Quadratic(Potential):
    """(x - c)^T A (x - c) / 2 for a symmetric A, in any dimension."""

    def __init__(self, matrix, center) -> None:
        self.matrix, self.center = np.array(matrix, dtype=float), np.array(center, dtype=float)
        self.dim, self.name = len(self.center), "quadratic"

    def value(self, x):
        d = np.asarray(x) - self.center
        return 0.5 * ((d @ self.matrix) * d).sum(axis=1)

    def gradient(self, x):
        return (np.asarray(x) - self.center) @ self.matrix

    def hessian(self, x):
        return np.broadcast_to(self.matrix, (len(x), self.dim, self.dim)).copy()

    def hessian_vector(self, x, v):
        return np.broadcast_to(np.asarray(v) @ self.matrix, np.shape(x)).copy()

    def enclose(self, lower, upper):
        single = np.ndim(lower) == 1
        d = Interval(np.atleast_2d(lower), np.atleast_2d(upper)) - self.center
        gradient = (d.reshape(-1, 1, self.dim) * self.matrix).sum(axis=2)
        value = (d * gradient).sum(axis=1) * 0.5
        hessian = Interval.point(np.broadcast_to(self.matrix, (d.shape[0], self.dim, self.dim)).copy())
        parts = value, gradient, hessian
        return Enclosure(*((part[0] for part in parts) if single else parts))


def double_well(shear=0.0):
    """-(u^2 - 1)^2 - y^2 with u = x - shear y: sinks at (+-1, 0), a saddle at 0; the basins are the sides of u = 0 at
    shear 0."""
    return Formula(lambda x, y: -((x - shear * y).square() - 1.0).square() - y.square(), 2, "double well")


def himmelblau():
    """Himmelblau's function, negative: four maxima of value 0, one of them at (3, 2)."""
    return Formula(lambda x, y: -(x.square() + y - 11.0).square() - (x + y.square() - 7.0).square(), 2, "Himmelblau")


HIMMELBLAU_MAXIMA = np.array(
    [
        [3.0, 2.0],
        [-2.805118086952745, 3.131312518250573],
        [-3.779310253377747, -3.283185991286170],
        [3.584428340330492, -1.848126526964404],
    ]
)

MULLER_BROWN = (
    (-200.0, -1.0, 0.0, -10.0, 1.0, 0.0),
    (-100.0, -1.0, 0.0, -10.0, 0.0, 0.5),
    (-170.0, -6.5, 11.0, -6.5, -0.5, 1.5),
    (15.0, 0.7, 0.6, 0.7, -1.0, 1.0),
)


def muller_brown():
    """The Mueller-Brown surface, negative and a hundredth as high: its three minima are three maxima here."""

    def formula(x, y):
        total = 0.0
        for height, a, b, c, x0, y0 in MULLER_BROWN:
            u, v = x - x0, y - y0
            total = total + (a * u.square() + b * (u * v) + c * v.square()).exp() * (-height / 100.0)
        return total

    return Formula(formula, 2, "Mueller-Brown")


# The published minima, to the three or four digits with which they are usually given.
MULLER_BROWN_MAXIMA = np.array([[-0.558, 1.442], [0.623, 0.028], [-0.050, 0.467]])


def linear(slope):
    """slope . x: its only equilibrium on a box is a vertex."""
    return Formula(lambda *x: sum((s * v for s, v in zip(slope, x, strict=True)), start=0.0), len(slope), "linear")


def ring():
    """-(x^2 + y^2 - 1)^2: a circle of maxima."""
    return Formula(lambda x, y: -(x.square() + y.square() - 1.0).square(), 2, "ring")


def plateau(steepness=40.0):
    """tanh(s x) + tanh(s y): saturates to 2 up to rounding far from both axes."""
    return Formula(lambda x, y: (steepness * x).tanh() + (steepness * y).tanh(), 2, "plateau")


def two_close(gap, scale=None):
    """Maxima at 0.3 +- gap on the x-axis, y = 0.1, with a saddle between; ``scale``: the unit of the double well."""
    s = gap if scale is None else scale
    ratio = (gap / s) ** 2
    return Formula(
        lambda x, y: -(((x - 0.3) * (1.0 / s)).square() - ratio).square() - (y - 0.1).square(),
        2,
        f"two maxima {gap:g} apart",
    )
