"""The numbers in which a program is evaluated: arrays of an array library, intervals, flint balls.

Each kind knows how to hold a rational, to take integer powers and reciprocals, and the functions of the grammar. The
``guard`` of a kind is asked before an operation that is not defined everywhere; it notes the rows outside and hands back
an argument with which the evaluation can go on, so that one bad row costs no other row anything.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from fractions import Fraction
from typing import Any

Array = Any
POSITIVE, NOT_NEGATIVE, NOT_ZERO = "positive", "not negative", "not zero"


class Numbers(ABC):
    """A kind of numbers; they support + - * among themselves and with Python's numbers 1.0, 2.0 and 0.5."""

    @abstractmethod
    def lift(self, value: Fraction) -> Any:
        """The rational as a number of this kind."""

    @abstractmethod
    def guard(self, kind: str, u: Any, k: int, order: int = 0) -> Any:
        """``u``, replaced where it is not of the kind; node ``k`` has no derivative of that order there."""

    @abstractmethod
    def primitive(self, name: str, u: Any) -> Any:
        """A function of the grammar, or "slope of tanh"."""

    @abstractmethod
    def natural_power(self, u: Any, n: int) -> Any:
        """u^n for n >= 1."""

    def divide(self, a: Any, b: Any) -> Any:
        """a / b for b that passed its guard."""
        return a / b

    def power(self, u: Any, n: int) -> Any:
        """u^n for n != 0; for n < 0 of u that passed its guard."""
        return self.natural_power(u, n) if n > 0 else self.divide(1.0, self.natural_power(u, -n))

    def derivatives(self, name: str, u: Any, k: int, order: int) -> tuple[Any, ...]:
        """The function of node ``k`` at u with its derivatives up to ``order`` (at most 2)."""
        f = self.primitive
        if name == "exp":
            return (f("exp", u),) * (order + 1)
        if name == "log":
            u = self.guard(POSITIVE, u, k)
            r = self.power(u, -1) if order else None
            return (f("log", u), r, -self.power(r, 2) if order > 1 else None)[: order + 1]
        if name == "sqrt":
            u = self.guard(NOT_NEGATIVE, u, k)
            if order == 0:
                return (f("sqrt", u),)
            root = self.guard(NOT_ZERO, f("sqrt", u), k, order=1)
            r = self.power(root, -1)
            return (f("sqrt", u), 0.5 * r, -0.25 * self.power(r, 3) if order > 1 else None)[: order + 1]
        if name in ("sin", "cos", "sinh", "cosh"):
            return self._wave(name, u, order)
        value = f(name, u)
        if order == 0:
            return (value,)
        if name == "atan":
            first = self.power(1.0 + self.power(u, 2), -1)
            return (value, first, -2.0 * (u * self.power(first, 2)))[: order + 1]
        first = f("slope of tanh", u) if name == "tanh" else 1.0 + self.power(value, 2)
        return (value, first, (-2.0 if name == "tanh" else 2.0) * (value * first))[: order + 1]

    def _wave(self, name: str, u: Any, order: int) -> tuple[Any, ...]:
        """sin, cos, sinh, cosh: their own derivatives up to sign."""
        partner = {"sin": "cos", "cos": "sin", "sinh": "cosh", "cosh": "sinh"}[name]
        value = self.primitive(name, u)
        if order == 0:
            return (value,)
        first = self.primitive(partner, u)
        return (value, -first if name == "cos" else first, value if name in ("sinh", "cosh") else -value)[: order + 1]


class ArrayNumbers(Numbers):
    """Rows of an array library, (n,). ``broken``: rows outside a domain so far; ``first``: (node, kind, order) of it."""

    def __init__(self, xp: Any, like: Array) -> None:
        self.xp, self.like = xp, like
        self.broken: Array | None = None
        self.first: tuple[int, str, int, int] | None = None

    def lift(self, value: Fraction) -> Array:
        return self.xp.full_like(self.like, nearest_double(value))

    def guard(self, kind: str, u: Array, k: int, order: int = 0) -> Array:
        bad = ~(u > 0) if kind == POSITIVE else ~(u >= 0) if kind == NOT_NEGATIVE else u == 0
        if not bool(self.xp.any(bad)):
            return u
        if self.first is None:
            self.first = k, kind, order, int(self.xp.argmax(self.xp.astype(bad, self.xp.int8)))
        self.broken = bad if self.broken is None else self.broken | bad
        return self.xp.where(bad, self.xp.ones_like(u), u)

    def primitive(self, name: str, u: Array) -> Array:
        if name != "slope of tanh":
            return getattr(self.xp, name)(u)
        # 1 - tanh^2 cancels in the tails
        e = self.xp.exp(-2.0 * self.xp.abs(u))
        return 4.0 * e / ((1.0 + e) * (1.0 + e))

    def natural_power(self, u: Array, n: int) -> Array:
        return squared_up(u, n)


class BallNumbers(Numbers):
    """Flint balls, at the precision that is set. ``broken``: an operation was not proved to be defined."""

    def __init__(self) -> None:
        self.broken = False

    def lift(self, value: Fraction) -> Any:
        from flint import arb

        return arb(value.numerator) / arb(value.denominator)

    def guard(self, kind: str, u: Any, k: int, order: int = 0) -> Any:
        from flint import arb

        inside = u > 0 if kind == POSITIVE else u >= 0 if kind == NOT_NEGATIVE else u != 0
        self.broken = self.broken or not inside
        return u if inside else arb("nan")

    def primitive(self, name: str, u: Any) -> Any:
        if name != "slope of tanh":
            return getattr(u, name)()
        return 1 / u.cosh() ** 2

    def natural_power(self, u: Any, n: int) -> Any:
        return squared_up(u, n)


def squared_up(u: Any, n: int) -> Any:
    """u^n, n >= 1, by repeated squaring.

    >>> squared_up(3, 5)
    243
    """
    found = None
    while True:
        if n & 1:
            found = u if found is None else found * u
        n >>= 1
        if not n:
            return found
        u = u * u


def nearest_double(value: Fraction) -> float:
    """The double next to a rational, infinite beyond the largest.

    >>> nearest_double(Fraction(1, 10)), nearest_double(-Fraction(10) ** 400)
    (0.1, -inf)
    """
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf
