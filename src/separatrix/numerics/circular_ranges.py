"""Proved ranges of sin, cos, tan, atan, sinh and cosh over intervals (§8).

Monotone functions by both ends. sin, cos and tan by both ends and by the peaks, troughs and poles in between: where these
lie is decided in interval arithmetic, and a doubtful one counts as inside.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.numerics import hyperbolic, trigonometric
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import Array, Bounds

_NEAR = float.fromhex("0x1.45f306dc9c883p-3")  # the double next to 1 / (2 pi), a little above it
TURN = Interval(np.nextafter(_NEAR, 0.0), _NEAR)


def _holds_integer(turns: Interval) -> Array:
    return np.floor(turns.upper) >= np.ceil(turns.lower)


def _wave(x: Interval, kernel: Callable[[Array], Bounds], peak: float) -> Interval:
    """sin or cos: its value is 1 at ``peak`` turns and -1 half a turn on."""
    low, high = kernel(x.lower)
    if x.lower is not x.upper:
        other_low, other_high = kernel(x.upper)
        low, high = np.minimum(low, other_low), np.maximum(high, other_high)
    turns = x * TURN
    lower = np.where(_holds_integer(turns - (peak + 0.5)), -1.0, low)
    return Interval(lower, np.where(_holds_integer(turns - peak), 1.0, high))


def sin(x: Interval) -> Interval:
    """The sine.

    >>> sin(Interval(1.0, 2.0)).contains([0.8415, 1.0]).tolist(), bool(sin(Interval(1.0, 2.0)).lower > 0.8414)
    ([True, True], True)
    """
    return _wave(x, trigonometric.sin, 0.25)


def cos(x: Interval) -> Interval:
    """The cosine.

    >>> cos(Interval(-0.5, 0.25)).contains([0.8776, 1.0]).tolist()
    [True, True]
    """
    return _wave(x, trigonometric.cos, 0.0)


def tan(x: Interval) -> tuple[Interval, Array]:
    """The tangent, and which intervals may hold a pole: there it is the whole line.

    >>> found, has_pole = tan(Interval([0.0, 1.0], [1.0, 2.0]))
    >>> has_pole.tolist(), bool(found.upper[0] < 1.5575)
    ([False, True], True)
    """
    turns = x * TURN
    has_pole = _holds_integer(turns + turns - 0.5)

    def at(end: Array) -> Bounds:
        quotient = Interval(*trigonometric.sin(end)) / Interval(*trigonometric.cos(end))
        return quotient.lower, quotient.upper

    low, high = at(x.lower)
    if x.lower is not x.upper:
        high = at(x.upper)[1]
    return Interval(np.where(has_pole, -np.inf, low), np.where(has_pole, np.inf, high)), has_pole


def atan(x: Interval) -> Interval:
    """The inverse tangent.

    >>> atan(Interval(0.0, 1.0)).contains([0.0, 0.785]).tolist()
    [True, True]
    """
    return Interval(trigonometric.atan(x.lower)[0], trigonometric.atan(x.upper)[1])


def sinh(x: Interval) -> Interval:
    """The hyperbolic sine.

    >>> sinh(Interval(0.0, 1.0)).contains([0.0, 1.175]).tolist()
    [True, True]
    """
    return Interval(hyperbolic.sinh(x.lower)[0], hyperbolic.sinh(x.upper)[1])


def cosh(x: Interval) -> Interval:
    """The hyperbolic cosine, at least 1.

    >>> cosh(Interval(-1.0, 0.5)).contains([1.0, 1.543]).tolist()
    [True, True]
    """
    return Interval(hyperbolic.cosh(x.mignitude)[0], hyperbolic.cosh(x.magnitude)[1])
