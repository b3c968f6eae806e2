"""Proved ranges of the activations and of their first two derivatives over intervals (§8).

Between critical points s^(n) is monotone, so its range over [lower, upper] is the hull of its values at both ends and
at the critical points inside (:mod:`separatrix.numerics.critical_points`). Values at the ends come from the
elementary kernels, in
forms without cancellation in the tails. Beyond a bound where every critical point is passed, values lie between the
value at the bound and the limit at infinity.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.numerics.critical_points import GELU_CUBIC, critical_points
from separatrix.numerics.gaussian import SQRT_2_OVER_PI
from separatrix.numerics.interval_functions import exp, normal_cdf, normal_pdf, sigmoid, softplus, tanh
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import BLOCK, ETA, MAX, Array, Bounds

SCALE = Interval(2.0 * SQRT_2_OVER_PI[0], 2.0 * SQRT_2_OVER_PI[1])  # a = 2 sqrt(2/pi) of gelu_tanh
CUBIC = Interval.point(GELU_CUBIC)


def _half(u: Interval) -> Interval:
    """u/2 of a point, exact but for subnormals."""
    half = 0.5 * u.lower
    if (np.abs(half) < 2.0**-1000).any():
        slack = np.where(np.abs(half) < 2.0**-1000, ETA, 0.0) * (u.lower != 0)
        return Interval(half - slack, half + slack)
    return Interval.point(half)


def _logistic_slope(e: Interval) -> Interval:
    """sigmoid' = e / (1 + e)^2, e = exp(-|u|): no 1 - p that cancels."""
    return e / (1.0 + e).square()


def _sigmoid_first(u: Interval) -> Interval:
    return _logistic_slope(exp(-abs(u)))


def _sigmoid_second(u: Interval) -> Interval:
    return -(_sigmoid_first(u) * tanh(_half(u)))


def _tanh_first(u: Interval) -> Interval:
    slope = _logistic_slope(exp(-abs(u + u)))
    return 4.0 * slope


def _tanh_second(u: Interval) -> Interval:
    product = tanh(u) * _tanh_first(u)
    return -(product + product)


def _gelu_first(u: Interval) -> Interval:
    return normal_cdf(u) + u * normal_pdf(u)


def _gelu_second(u: Interval) -> Interval:
    return normal_pdf(u) * (2.0 - u.square())


def _silu_first(u: Interval) -> Interval:
    return sigmoid(u) * (1.0 + u * sigmoid(-u))


def _silu_second(u: Interval) -> Interval:
    return _sigmoid_first(u) * (2.0 - u * tanh(_half(u)))


def _inner(u: Interval) -> tuple[Interval, Interval]:
    """w = a (u + b u^3) and w' = a (1 + 3 b u^2)."""
    square = CUBIC * u.square()
    return SCALE * (u * (1.0 + square)), SCALE * (1.0 + 3.0 * square)


def _gelu_tanh_value(u: Interval) -> Interval:
    return u * sigmoid(_inner(u)[0])


def _gelu_tanh_first(u: Interval) -> Interval:
    w, slope = _inner(u)
    return sigmoid(w) * (1.0 + u * (sigmoid(-w) * slope))


def _gelu_tanh_second(u: Interval) -> Interval:
    """p'(w) (2 w' + u w'' - u T w'^2), T = tanh(w/2), with 2 w' + u w'' = a (2 + 12 b u^2)."""
    w, slope = _inner(u)
    growth = SCALE * (2.0 + 12.0 * (CUBIC * u.square()))
    return _logistic_slope(exp(-abs(w))) * (growth - u * tanh(0.5 * w) * slope.square())


def _either(u: Interval, left: Interval, right: Interval) -> Interval:
    """``left`` where the point u is negative, else ``right``."""
    falls = u.upper < 0
    return Interval(np.where(falls, left.lower, right.lower), np.where(falls, left.upper, right.upper))


def _mish_gate(u: Interval) -> tuple[Interval, Interval, Interval]:
    """e = exp(-|u|), and n, d with tanh(softplus(u)) = n / d, (1 + E)^2 - 1 over (1 + E)^2 + 1 for E = exp(u)."""
    e = exp(-abs(u))
    n = _either(u, e * (2.0 + e), 1.0 + 2.0 * e)
    return e, n, n + _either(u, 2.0 + 0.0 * e, 2.0 * e.square())


def _mish_value(u: Interval) -> Interval:
    _, n, d = _mish_gate(u)
    return u * (n / d)


def _mish_first(u: Interval) -> Interval:
    """n/d + u (n/d)', (n/d)' = 4 E (1 + E)/D^2."""
    e, n, d = _mish_gate(u)
    return (n + 4.0 * (u * (1.0 + e) * _either(u, e, e.square()) / d)) / d


def _mish_second(u: Interval) -> Interval:
    """4 E/D^3 (2 (1 + E)(2 + 2 E + E^2) + u (2 + 2 E - 3 E^2 - 2 E^3)), divided by E^6 for u > 0."""
    e, _, d = _mish_gate(u)
    left = 2.0 * (1.0 + e) * (2.0 + e * (2.0 + e)) + u * (2.0 + e * (2.0 - e * (3.0 + 2.0 * e)))
    right = 2.0 * (1.0 + e) * (1.0 + e * (2.0 + 2.0 * e)) - u * (2.0 + e * (3.0 - e * (2.0 + 2.0 * e)))
    return 4.0 * (_either(u, e, e.square()) * _either(u, left, right)) / (d * d.square())


_Formula = Callable[[Interval], Interval]
_FORMULAS: dict[str, tuple[_Formula, _Formula, _Formula]] = {
    "sigmoid": (sigmoid, _sigmoid_first, _sigmoid_second),
    "tanh": (tanh, _tanh_first, _tanh_second),
    "softplus": (softplus, sigmoid, _sigmoid_first),
    "gelu": (lambda u: u * normal_cdf(u), _gelu_first, _gelu_second),
    "gelu_tanh": (_gelu_tanh_value, _gelu_tanh_first, _gelu_tanh_second),
    "silu": (lambda u: u * sigmoid(u), _silu_first, _silu_second),
    "mish": (_mish_value, _mish_first, _mish_second),
}
_BEYOND = {
    "sigmoid": 800.0, "tanh": 400.0, "softplus": 800.0, "gelu": 40.0, "gelu_tanh": 40.0, "silu": 800.0, "mish": 800.0,
}  # fmt: skip
_PIECEWISE_LINEAR = ("identity", "relu", "leaky_relu")


def _limits(name: str, order: int) -> tuple[float, float | None]:
    """Limits of s^(order) at -inf and inf; None where it grows with u."""
    if name in ("sigmoid", "tanh"):
        return ((0.0 if name == "sigmoid" else -1.0), 1.0) if order == 0 else (0.0, 0.0)
    return (0.0, (None, 1.0, 0.0)[order])


def _value(name: str, order: int, u: Array) -> Bounds:
    """Bounds of s^(order) at the doubles u, limits at infinite ones."""
    bound = _BEYOND[name]
    left, right = _limits(name, order)
    value = _FORMULAS[name][order](Interval.point(np.clip(u, -bound, MAX if right is None else bound)))
    lower, upper = value.lower, value.upper
    beyond = u < -bound
    if beyond.any():
        lower = np.where(beyond, np.minimum(lower, left), lower)
        upper = np.where(beyond, np.maximum(upper, left), upper)
    if right is None:
        return lower, np.where(u == np.inf, np.inf, upper)
    beyond = u > bound
    if beyond.any():
        lower = np.where(beyond, np.minimum(lower, right), lower)
        upper = np.where(beyond, np.maximum(upper, right), upper)
    return lower, upper


def _smooth_range(name: str, order: int, low: Array, high: Array) -> Bounds:
    lower, upper = _value(name, order, low)
    if not np.array_equal(low, high):
        other_lower, other_upper = _value(name, order, high)
        lower, upper = np.minimum(lower, other_lower), np.maximum(upper, other_upper)
    for point in critical_points(name, order):
        inside = (low <= point.right) & (high >= point.left)
        if inside.any():
            lower = np.where(inside, np.minimum(lower, point.lower), lower)
            upper = np.where(inside, np.maximum(upper, point.upper), upper)
    return lower, upper


def _piecewise_linear_range(name: str, order: int, low: Array, high: Array, slope: float) -> Bounds:
    """s(u) = u for u >= 0 and slope . u for u < 0; order 1 is Clarke's generalised derivative, both slopes at 0."""
    if name == "identity":
        return ((low, high), (np.ones_like(low), np.ones_like(low)), (np.zeros_like(low), np.zeros_like(low)))[order]
    below = 0.0 if name == "relu" else float(slope)
    if not np.isfinite(below):
        raise InputError(f"expected a finite slope for negative arguments, got {below}")
    if order == 1:
        first, last = np.where(low > 0, 1.0, below), np.where(high < 0, below, 1.0)
        return np.minimum(first, last), np.maximum(first, last)
    negative = Interval(np.minimum(low, 0.0), np.minimum(high, 0.0)) * below
    lower = np.where(low >= 0, low, negative.lower)
    return lower, np.where(high <= 0, negative.upper, np.where(low >= 0, high, np.maximum(negative.upper, high)))


def activation_range(name: str, order: int, lower: Any, upper: Any, slope: float = 0.01) -> Bounds:
    """Arrays (lo, hi) with lo <= s^(order)(u) <= hi for all u in [lower, upper], sharp up to a few ulp.

    ``name``: sigmoid, tanh, softplus, gelu (u Phi(u)), gelu_tanh (u (1 + tanh(sqrt(2/pi) (u + 0.044715 u^3)))/2), silu,
    mish (u tanh(softplus(u))), identity, relu or leaky_relu (``slope`` for negative arguments); ``order`` 0, 1 or 2;
    ``lower`` <= ``upper`` arrays of one shape, infinite ends allowed. For relu and leaky_relu order 1 is Clarke's generalised
    derivative. In the tails the bounds are relatively sharp (gelu_tanh: up to |u|^3 times the rounding of its argument).

    Raises InputError for unknown names and orders, order 2 of relu and leaky_relu, NaN, and lower > upper.

    >>> lo, hi = activation_range("tanh", 1, [-1.0, 20.0], [2.0, 20.0])
    >>> bool(lo[0] <= 0.07065082485316447 <= hi[0]), bool(1.69e-17 < lo[1] <= hi[1] < 1.7e-17)
    (True, True)
    """
    if order not in (0, 1, 2) or name not in (*_FORMULAS, *_PIECEWISE_LINEAR):
        raise InputError(
            f"expected one of {', '.join((*_FORMULAS, *_PIECEWISE_LINEAR))} and order 0, 1 or 2; "
            f"got {printable(name)} and {printable(order)}"
        )
    if order == 2 and name in ("relu", "leaky_relu"):
        raise InputError(f"{name} has no second derivative; study its linear pieces instead")
    box = Interval(lower, upper)
    if name in _PIECEWISE_LINEAR:
        return _piecewise_linear_range(name, order, box.lower, box.upper, slope)
    low, high = box.lower.ravel(), box.upper.ravel()
    lo, hi = np.empty_like(low), np.empty_like(high)
    for start in range(0, low.size, BLOCK):
        part = slice(start, start + BLOCK)
        lo[part], hi[part] = _smooth_range(name, order, low[part], high[part])
    return lo.reshape(box.shape), hi.reshape(box.shape)
