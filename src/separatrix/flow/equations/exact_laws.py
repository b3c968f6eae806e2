"""Scalar equations v' = rho(v) whose time is known in closed form, and one by quadrature (§4, (4.8) to (4.11)).

Each law knows the time that v takes from v0 to v0 + shift, in a form without differences of large numbers and in balls
whose exponents cannot overflow. The shift after a given time is its inverse, found by Newton's method and
bisection: v moves one way only.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

BITS, FARTHEST = 256, 1e300
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)
ACCURACY = 1e-13
SMALLEST = 4.0 * np.finfo(np.float64).eps


class Law(ABC):
    """v' = rho(v)."""

    @abstractmethod
    def rate(self, v: float) -> float:
        """rho(v)."""

    @abstractmethod
    def shift(self, v0: float, time: float) -> float:
        """v(time) - v0 for ``time`` >= 0."""

    @abstractmethod
    def elapsed(self, v0: float, shift: float) -> float:
        """The time from v0 to v0 + shift, a point ahead of v0; inf where it is never reached."""


class Constant(Law):
    """v' = c."""

    def __init__(self, c: float) -> None:
        self.c = c

    def rate(self, v: float) -> float:
        """c."""
        return self.c

    def shift(self, v0: float, time: float) -> float:
        """c t."""
        return self.c * time

    def elapsed(self, v0: float, shift: float) -> float:
        """shift / c."""
        return shift / self.c


class InBalls(Law):
    """A law with a closed formula for the time and a bound of the rate."""

    bound: float

    @abstractmethod
    def ball(self, v0: Any, shift: Any) -> Any:
        """The time from v0 to v0 + shift as a flint ball."""

    def elapsed(self, v0: float, shift: float) -> float:
        """The formula, rounded."""
        from flint import arb, ctx

        if shift == 0.0:
            return 0.0
        with ctx.workprec(BITS):
            return float(self.ball(arb(v0), arb(shift)).mid())

    def shift(self, v0: float, time: float) -> float:
        """The inverse of the formula, bracketed by the bound of the rate."""
        from flint import arb, ctx

        rate = self.rate(v0)
        if time == 0.0 or rate == 0.0:
            return 0.0
        near, far = 0.0, math.copysign(min(self.bound * time, FARTHEST), rate)
        best, least, turn = math.nan, math.inf, 0  # of the ends that were tried, and what it leaves of the time
        with ctx.workprec(BITS):
            start, goal = arb(v0), arb(time)
            while True:
                middle = near + (far - near) / 2.0
                if middle in (near, far):
                    return middle
                turn += 1
                if turn % 4 and abs(least) < math.inf:
                    guess = best + least * self.rate(v0 + best)  # Newton's
                    if abs(guess - best) <= math.ulp(best):
                        guess = math.nextafter(best, far if best == near else near)  # to close the bracket
                    middle = guess if min(near, far) < guess < max(near, far) else middle
                left = goal - self.ball(start, arb(middle))
                if left > 0:  # beyond all exponents a ball is infinite, and far
                    near = middle
                else:
                    far = middle
                if abs(rest := float(left.mid())) < abs(least):
                    best, least = middle, rest


class Logistic(InBalls):
    """v' = c s(v) (1 - s(v)), s the logistic function: 2 v + 2 sinh v = c t + const (4.8)."""

    def __init__(self, c: float) -> None:
        self.c, self.bound = c, abs(c) / 4.0

    def rate(self, v: float) -> float:
        """c s(v) (1 - s(v))."""
        e = math.exp(-abs(v))
        return self.c * e / ((1.0 + e) * (1.0 + e))

    def ball(self, v0: Any, shift: Any) -> Any:
        """(2 d + e^v0 (e^d - 1) - e^-v0 (e^-d - 1)) / c."""
        return (2 * shift + v0.exp() * shift.expm1() - (-v0).exp() * (-shift).expm1()) / self.c


class HyperbolicTangent(InBalls):
    """v' = c (1 - tanh(v)^2): v / 2 + sinh(2 v) / 4 = c t + const (4.9)."""

    def __init__(self, c: float) -> None:
        self.c, self.bound = c, abs(c)
        self._doubled = Logistic(8.0 * c)

    def rate(self, v: float) -> float:
        """c (1 - tanh^2 v)."""
        return self._doubled.rate(2.0 * v) / 2.0

    def ball(self, v0: Any, shift: Any) -> Any:
        """That of 2 v, which is logistic with the constant 8 c."""
        return self._doubled.ball(2 * v0, 2 * shift)


class Mixture(InBalls):
    """v' = low + (high - low) s(v), s the logistic function (4.10).

    Low = 0 is the equation of one softplus neuron, v - e^-v = high t + const.
    """

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high, self.bound = low, high, max(abs(low), abs(high))

    def rate(self, v: float) -> float:
        """low s(-v) + high s(v)."""
        e = math.exp(-abs(v))
        near, far = (self.high, self.low) if v >= 0 else (self.low, self.high)
        return (near + e * far) / (1.0 + e)

    def ball(self, v0: Any, shift: Any) -> Any:
        """The integral of (1 + e^-v) / (high + low e^-v)."""
        from flint import arb

        low, high = arb(self.low), arb(self.high)
        if self.low == 0.0:
            return (shift - (-v0).exp() * (-shift).expm1()) / high
        if self.high == 0.0:
            return (shift + v0.exp() * shift.expm1()) / low
        scaled = (v0.exp() * shift.expm1() * high) / (v0.exp() * high + low)
        return shift / low + (1 / high - 1 / low) * scaled.log1p()


class Tanh(InBalls):
    """v' = c tanh(v): sinh v = sinh(v0) e^(c t) (4.11), c > 0."""

    def __init__(self, c: float) -> None:
        self.c, self.bound = c, abs(c)

    def rate(self, v: float) -> float:
        """c tanh v."""
        return self.c * math.tanh(v)

    def ball(self, v0: Any, shift: Any) -> Any:
        """log(sinh v / sinh v0) / c, with sinh v - sinh v0 = (e^v0 (e^d - 1) - e^-v0 (e^-d - 1)) / 2."""
        gain = (v0.exp() * shift.expm1() - (-v0).exp() * (-shift).expm1()) / 2
        return (gain / v0.sinh()).log1p() / self.c


@dataclass(frozen=True)
class Quadrature(Law):
    """v' = rho(v) for any smooth ``rates`` (a function of arrays (m,)): t is the integral of 1 / rho.

    Gauss-Legendre panels of 16 nodes, halved until two halves agree with the whole to 13 digits. Panels do not reach over
    zeros of rho: v comes to rest there, and the panels shrink towards it.
    """

    rates: Callable[[np.ndarray], np.ndarray]

    def rate(self, v: float) -> float:
        """rho(v)."""
        return float(self.rates(np.array([v]))[0])

    def shift(self, v0: float, time: float) -> float:
        """Panels until the time is used up, the last one cut by bisection."""
        return self._march(v0, time, math.inf)[0]

    def elapsed(self, v0: float, shift: float) -> float:
        """The integral of 1 / rho, inf where rho has a zero on the way."""
        at, time = self._march(v0, math.inf, abs(shift))
        return time if abs(at) >= abs(shift) else math.inf

    def _march(self, v0: float, time: float, reach: float) -> tuple[float, float]:
        """(shift, time) where either the time or the reach is used up, or v is at rest."""
        if self.rate(v0) == 0.0:
            return 0.0, time
        sign = math.copysign(1.0, self.rate(v0))
        at, passed, step = 0.0, 0.0, min(1.0, reach)
        while passed < time and at < reach and step > SMALLEST * (1.0 + abs(v0) + at):
            step = min(step, reach - at)
            spent = self._panel(v0 + sign * at, sign * step)
            if spent is None:
                step /= 2.0
            elif passed + spent > time:
                return sign * (at + self._cut(v0 + sign * at, sign * step, time - passed)), time
            else:
                at, passed, step = at + step, passed + spent, 2.0 * step
        return sign * at, passed

    def _panel(self, start: float, step: float) -> float | None:
        """The time over a panel, None where it is not accurate or rho has a zero on it."""
        whole, first, second = (self._integral(*ends) for ends in (
            (start, step), (start, step / 2.0), (start + step / 2.0, step / 2.0)))  # fmt: skip
        if not (min(whole, first, second) > 0.0 and math.isfinite(whole + first + second)):
            return None
        gap = abs(first + second - whole)
        # Close to a zero of rho its rounding shows in the time, and no more in v: dv = rho dt.
        speed = max(abs(self.rate(start)), abs(self.rate(start + step)), 1e-300)
        slack = SMALLEST * (1.0 + abs(start)) / speed
        return first + second if gap <= max(ACCURACY * whole, slack) else None

    def _integral(self, start: float, step: float) -> float:
        rates = self.rates(start + step * (NODES + 1.0) / 2.0) * math.copysign(1.0, step)
        if not (rates > 0.0).all():
            return math.nan
        with np.errstate(over="ignore"):
            return float(abs(step) / 2.0 * (WEIGHTS / rates).sum())

    def _cut(self, start: float, step: float, time: float) -> float:
        """The length of the part of a panel that takes ``time``."""
        near, far = 0.0, 1.0
        while True:
            middle = (near + far) / 2.0
            if middle in (near, far):
                return abs(step) * middle
            if self._integral(start, middle * step) < time:
                near = middle
            else:
                far = middle
