"""Elementary functions of intervals: the exact range, rounded outward, by monotonicity from both ends (§8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics import elementary
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import Bounds, down, up


def _increasing(bounds: Callable[[Any], Bounds], x: Interval) -> Interval:
    """[lower bound at the lower end, upper bound at the upper end] of an increasing function."""
    low, high = bounds(x.lower)
    if x.lower is not x.upper:
        high = bounds(x.upper)[1]
    return Interval(low, high)


def exp(x: Interval) -> Interval:
    """e^x.

    >>> exp(Interval.point(0.0)).contains(1.0).item()
    True
    """
    return _increasing(elementary.exp, x)


def expm1(x: Interval) -> Interval:
    """e^x - 1, relatively sharp near 0."""
    return _increasing(elementary.expm1, x)


def log(x: Interval) -> Interval:
    """The natural logarithm; -inf at a lower end 0. InputError for lower < 0 or for [0, 0].

    >>> log(Interval(0.0, 1.0))
    Interval(-inf, 0.)
    """
    if (x.upper <= 0).any():
        raise InputError("log: expected intervals with positive members; restrict the argument first")
    return _increasing(elementary.log, x)


def log1p(x: Interval) -> Interval:
    """log(1 + x), relatively sharp near 0; -inf at a lower end -1. InputError for lower < -1 or for [-1, -1]."""
    if (x.upper <= -1).any():
        raise InputError("log1p: expected intervals with members above -1; restrict the argument first")
    return _increasing(elementary.log1p, x)


def sqrt(x: Interval) -> Interval:
    """The square root; InputError for lower < 0.

    >>> sqrt(Interval(0.0, 4.0)).contains([0.0, 2.0]).tolist()
    [True, True]
    """
    if (x.lower < 0).any():
        raise InputError("sqrt: expected intervals without negative members; restrict the argument first")
    with np.errstate(all="ignore"):
        lower = np.maximum(down(np.sqrt(x.lower)), 0.0)
        return Interval(lower, np.where(x.upper == 0.0, 0.0, up(np.sqrt(x.upper))))


def sigmoid(x: Interval) -> Interval:
    """1 / (1 + e^-x), in [0, 1]."""
    return _increasing(elementary.sigmoid, x)


def tanh(x: Interval) -> Interval:
    """The hyperbolic tangent, in [-1, 1]."""
    return _increasing(elementary.tanh, x)


def softplus(x: Interval) -> Interval:
    """log(1 + e^x)."""
    return _increasing(elementary.softplus, x)


def erf(x: Interval) -> Interval:
    """The error function, in [-1, 1]."""
    return _increasing(elementary.erf, x)


def erfc(x: Interval) -> Interval:
    """1 - erf(x), decreasing, relatively sharp in the right tail."""
    return Interval(elementary.erfc(x.upper)[0], elementary.erfc(x.lower)[1])


def normal_cdf(x: Interval) -> Interval:
    """The normal distribution function Phi, in [0, 1]."""
    return _increasing(elementary.normal_cdf, x)


def normal_pdf(x: Interval) -> Interval:
    """The normal density phi, decreasing in |x|."""
    return Interval(elementary.normal_pdf(x.magnitude)[0], elementary.normal_pdf(x.mignitude)[1])
