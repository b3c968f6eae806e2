"""Rigorous enclosures of a program over boxes: its jets in intervals rounded outward, and in flint balls at a point (§8)."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.numerics import circular_ranges, interval_functions
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import Array, down, up
from separatrix.potentials.expressions.jets import Jet, jets
from separatrix.potentials.expressions.numbers import (
    NOT_NEGATIVE,
    POSITIVE,
    BallNumbers,
    Numbers,
    nearest_double,
    squared_up,
)
from separatrix.potentials.expressions.program import Program

BITS = 200
_RANGES = {
    "exp": interval_functions.exp,
    "log": interval_functions.log,
    "sqrt": interval_functions.sqrt,
    "tanh": interval_functions.tanh,
    "sin": circular_ranges.sin,
    "cos": circular_ranges.cos,
    "atan": circular_ranges.atan,
    "sinh": circular_ranges.sinh,
    "cosh": circular_ranges.cosh,
}


def bounds(program: Program, root: int, box: Interval, order: int) -> list[Interval]:
    """Enclosures of the value (n,), the gradient (n, dim) and the Hessian (n, dim, dim), as far as ``order``, over the
    rows of ``box`` (n, dim).

    Boxes that may hold a point where the program is not defined have the whole line everywhere; those where it is not
    differentiable have it in the derivatives.
    """
    n, dim = box.shape
    numbers = IntervalNumbers(n)
    found = jets(program, root, numbers, [box[:, i] for i in range(dim)], order)[root]
    shapes: list[tuple[int, ...]] = [(n,), (n, dim), (n, dim, dim)]
    result = []
    for degree in range(order + 1):
        lower, upper = np.zeros(shapes[degree]), np.zeros(shapes[degree])
        for place, entry in _entries(found, degree):
            here = numbers.lift(entry) if isinstance(entry, Fraction) else entry
            lower[place], upper[place] = here.lower, here.upper
        unknown = numbers.undefined if degree == 0 else numbers.undefined | numbers.rough
        lower[unknown], upper[unknown] = -np.inf, np.inf
        result.append(Interval(lower, upper))
    return result


def _entries(jet: Jet, degree: int) -> list[tuple[tuple[Any, ...], Any]]:
    """Where the entries of a derivative go."""
    every = slice(None)
    if degree == 0:
        return [((every,), jet.value)]
    if degree == 1:
        return [((every, i), entry) for i, entry in jet.gradient.items()]
    mirrored = {key[::-1]: entry for key, entry in jet.hessian.items()} | jet.hessian
    return [((every, *key), entry) for key, entry in mirrored.items()]


def gradient_ball(program: Program, root: int, x: np.ndarray) -> Interval:
    """A rigorous enclosure of the gradient at one point (dim,), in balls of BITS bits."""
    from flint import arb, ctx

    from separatrix.numerics.ball_doubles import outward

    numbers, ends = BallNumbers(), np.zeros((x.size, 2))
    with ctx.workprec(BITS):
        found = jets(program, root, numbers, [arb(float(c)) for c in x], 1)[root]
        for i, entry in found.gradient.items():
            ends[i] = outward(numbers.lift(entry) if isinstance(entry, Fraction) else entry)
    return Interval.whole_line(x.size) if numbers.broken else Interval(ends[:, 0], ends[:, 1])


class IntervalNumbers(Numbers):
    """Rows of intervals (n,). ``undefined``: rows that may hold a point outside a domain; ``rough``: one without
    derivatives."""

    def __init__(self, n: int) -> None:
        self.n = n
        self.undefined, self.rough = np.zeros(n, dtype=bool), np.zeros(n, dtype=bool)

    def lift(self, value: Fraction) -> Interval:
        """The rational between its two neighbours, or exactly."""
        near = nearest_double(value)
        if near == value:
            return Interval.point(np.full(self.n, near))
        finite = np.clip(near, -np.finfo(np.float64).max, np.finfo(np.float64).max)
        low, high = (float(np.nextafter(finite, end)) for end in (-np.inf, np.inf))
        return Interval(np.full(self.n, low), np.full(self.n, high))

    def guard(self, kind: str, u: Interval, k: int, order: int = 0) -> Interval:
        if kind == POSITIVE:
            bad = u.lower <= 0
        elif kind == NOT_NEGATIVE:
            bad = u.lower < 0
        else:
            bad = (u.lower <= 0) & (u.upper >= 0)
        if not bad.any():
            return u
        if order:
            self.rough |= bad
        else:
            self.undefined |= bad
        return Interval(np.where(bad, 1.0, u.lower), np.where(bad, 1.0, u.upper))

    def primitive(self, name: str, u: Interval) -> Interval:
        if name == "slope of tanh":
            return Interval(*activation_range("tanh", 1, u.lower, u.upper))
        if name == "tan":
            found, has_pole = circular_ranges.tan(u)
            self.undefined |= has_pole
            return found
        return _RANGES[name](u)

    def derivatives(self, name: str, u: Interval, k: int, order: int) -> tuple[Any, ...]:
        """As for all numbers; the second derivative of tanh by its proved range."""
        found = super().derivatives(name, u, k, order)
        if name == "tanh" and order == 2:
            return (*found[:2], Interval(*activation_range("tanh", 2, u.lower, u.upper)))
        return found

    def natural_power(self, u: Interval, n: int) -> Interval:
        """The exact range rounded outward: even powers by |u|, odd ones at both ends."""
        if n == 1:
            return u
        if n == 2:
            return u.square()
        with np.errstate(all="ignore"):
            if n % 2 == 0:
                return Interval(_power(u.mignitude, n, down), _power(u.magnitude, n, up))
            return Interval(_odd_power(u.lower, n, down, up), _odd_power(u.upper, n, up, down))


def _odd_power(a: Array, n: int, outward: Any, inward: Any) -> Array:
    """A bound of a^n on the side of ``outward``, the other one being ``inward``."""
    size = np.abs(a)
    return np.where(a >= 0, _power(size, n, outward), -_power(size, n, inward))


def _power(a: Array, n: int, rounding: Any) -> Array:
    """A lower (``rounding`` = down) or upper (up) bound of a^n for a >= 0; every product is rounded to that side."""
    exact = (a == 0) | (a == 1)
    found = squared_up(_Directed(np.where(exact, 1.0, a), rounding), n).value
    return np.where(exact, a, np.where(a == np.inf, np.inf if rounding is up else np.finfo(np.float64).max, found))


class _Directed:
    """Numbers >= 0 whose products are rounded to one side, never below 0."""

    def __init__(self, value: Array, rounding: Any) -> None:
        self.value, self.rounding = value, rounding

    def __mul__(self, other: _Directed) -> _Directed:
        return _Directed(np.maximum(self.rounding(self.value * other.value), 0.0), self.rounding)
