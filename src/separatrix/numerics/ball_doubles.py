"""From flint balls to doubles: the nearest double and outward bounds, both checked by the balls' own comparisons."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.numerics.rounding import UNIT

Ball = Any


def outward(ball: Ball) -> tuple[float, float]:
    """Doubles (lower, upper) that hold a real ball; the whole line where it is not finite.

    >>> from flint import arb
    >>> outward(arb(1) / 4)
    (0.25, 0.25)
    """
    from flint import arb

    if not ball.is_finite():
        return -np.inf, np.inf
    low, high = float(ball.lower()), float(ball.upper())
    while not arb(low) <= ball.lower():
        low = float(np.nextafter(low, -np.inf))
    while not arb(high) >= ball.upper():
        high = float(np.nextafter(high, np.inf))
    return low, high


def within_one_rounding(ball: Ball) -> float:
    """A double d with |d - x| <= u |x| for all real x in the ball; ArithmeticError where the ball is too wide for that.

    >>> from flint import arb
    >>> within_one_rounding(arb(3))
    3.0
    """
    from flint import arb

    near = float(ball.mid())
    candidates = [near, *(float(np.nextafter(near, end)) for end in (-np.inf, np.inf))]
    for candidate in candidates:
        if abs(arb(candidate) - ball) <= arb(UNIT) * abs(ball):
            return candidate
    raise ArithmeticError("a constant was computed with too few bits")
