"""log and log1p with proved bounds, from IEEE operations only.

Reduction: w = 2^k (1 + f) with 1 + f in [sqrt(1/2), sqrt 2) by frexp; f = m - 1 is exact (Sterbenz).
With s = f / (2 + f), z = s^2, R = 2 z/3 + 2 z^2/5 + ... + 2 z^10/21 and h = f^2/2 + R (the form of fdlibm):
    log(1 + f) = f - c,   c = f^2/2 - s h.
Truncation: z <= 0.02945 and 2 |s| z^11/23 (1 + ...) < 7e-19 |2 s| < 0.01 u |log(1 + f)|.
Rounding, with |s| <= 0.1716, z <= 0.3433 f^2, R <= 0.2374 f^2, h <= 0.7374 f^2, |c| <= 0.627 f^2:
    s: 2 u relative; z: 5 u; R: 5 u (z) + 0.3 u (z inside) + 2.2 u (Horner) + u (product) = 8.5 u; f^2/2: u;
    h: off by (0.5 + 8.5 . 0.2374 + 0.7374) u f^2 <= 3.26 u f^2;
    s h: off by 0.1716 (3.26 + 3 . 0.7374) u f^2 <= 0.94 u f^2;
    c: off by (0.5 + 0.94 + 0.627) u f^2 <= 2.07 u f^2 <= 0.356 u,                                     (C)
and c <= 0.172 in absolute value. So for k = 0, where only f - c remains,
    |error| <= u |log| + 2.07 u f^2 + truncation <= 2.05 u |log|  (f^2/|log(1 + f)| <= 0.4951 for f <= 0.4143).
For k not 0 the sum is k HIGH + (f - (c - k LOW)) with k HIGH exact and |k LOW| < 2^-32: (C), the roundings of c - k LOW
(0.09 u, as |.| < 0.172 < 1/4 gives ulp/2 = u/8: 0.125 u) and of the bracket (|.| < 1/2: 0.25 u), together 0.74 u, and
the last one, u |log|. As |log| >= 0.3465 for |k| = 1 and >= 1.03 for |k| >= 2: 3.14 u |log| and 1.73 u |log|.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics.exponential import LN2_HIGH, LN2_LOW, horner
from separatrix.numerics.rounding import MAX, UNIT, Array, Bounds, as_doubles, blockwise, two_sum, widen

SQRT_HALF = 0.7071067811865476
SERIES = tuple(2.0 / (2 * n + 1) for n in range(1, 11))


def _fraction_and_exponent(w: Array) -> Bounds:
    m, k = np.frexp(w)
    small = m < SQRT_HALF
    return np.where(small, 2.0 * m, m) - 1.0, k - small.astype(np.float64)


def _log_bounds(f: Array, k: Array, correction: Array | float) -> Bounds:
    """Bounds of k ln 2 + log(1 + f) + correction, |correction| <= 1.01 u, exactly 0 where f = k = correction = 0."""
    s = f / (2.0 + f)
    z = s * s
    square = 0.5 * (f * f)
    c = square - s * (square + z * horner(z, SERIES))
    y = k * LN2_HIGH + (f - (c - (k * LN2_LOW + correction)))
    size = np.abs(k)
    lower, upper = widen(y, np.where(size == 0.0, 3.1 * UNIT, np.where(size == 1.0, 4.2 * UNIT, 2.8 * UNIT)))
    exact = (y == 0.0) & (f == 0.0)
    return np.where(exact, 0.0, lower), np.where(exact, 0.0, upper)


def log_block(x: Array) -> Bounds:
    """Bounds of log x for x >= 0: the module's head."""
    regular = (x > 0.0) & (x < np.inf)
    lower, upper = _log_bounds(*_fraction_and_exponent(np.where(regular, x, 1.0)), 0.0)
    if not regular.all():
        lower = np.where(x == 0.0, -np.inf, np.where(x == np.inf, MAX, lower))
        upper = np.where(x == 0.0, -MAX, np.where(x == np.inf, np.inf, upper))
    return lower, upper


def log1p_block(x: Array) -> Bounds:
    """Bounds of log(1 + x) for x >= -1.

    For -0.29 <= x <= 0.41: f = x, k = 0. Else w + e = 1 + x exactly (TwoSum) and log(1 + x) = log w + log(1 + e/w),
    where |e/w| <= u, so that log(1 + e/w) = e/w up to u^2: it joins k LOW. Here |log| >= 0.342 for k = 0 as well (the
    same 0.74 u: 3.2 u |log|), so the factor of |k| = 1 is used; the clipped branch keeps k = 0 with the factor 3.1 u.
    """
    regular = (x > -1.0) & (x < np.inf)
    safe = np.where(regular, x, 0.0)
    w, e = two_sum(np.ones_like(safe), safe)
    f, k = _fraction_and_exponent(w)
    near = (safe >= -0.29) & (safe <= 0.41)
    lower, upper = _log_bounds(np.where(near, safe, f), np.where(near, 0.0, k), np.where(near, 0.0, e / w))
    extra = np.where(near | (k != 0.0), 0.0, 1.5 * UNIT)  # k = 0 away from 0: 3.1 u + 1.5 u >= 4.2 u, |lower| <= 1
    lower, upper = lower - extra, upper + extra
    if not regular.all():
        lower = np.where(x == -1.0, -np.inf, np.where(x == np.inf, MAX, lower))
        upper = np.where(x == -1.0, -MAX, np.where(x == np.inf, np.inf, upper))
    return lower, upper


def log(x: Array | float) -> Bounds:
    """Bounds (lower, upper) of the natural logarithm, at most 10 ulp apart; (-inf, -MAX) at 0, (MAX, inf) at inf.

    Raises InputError for NaN and for x < 0. Formula and error bound: the module's head.

    >>> lower, upper = log(2.0)
    >>> bool(lower <= 0.6931471805599453 <= upper), float(upper - lower) < 2e-15
    (True, True)
    """
    return _on_domain(x, 0.0, "log", _log)


def log1p(x: Array | float) -> Bounds:
    """Bounds (lower, upper) of log(1 + x), relatively sharp near 0; (-inf, -MAX) at -1, (MAX, inf) at inf.

    Raises InputError for NaN and for x < -1. Formula and error bound: :func:`log1p_block`.

    >>> lower, upper = log1p([0.0, 1e-20])
    >>> float(lower[0]), float(upper[0]), bool(lower[1] <= 1e-20 <= upper[1])
    (0.0, 0.0, True)
    """
    return _on_domain(x, -1.0, "log1p", _log1p)


_log = blockwise(log_block)
_log1p = blockwise(log1p_block)


def _on_domain(x: Array | float, least: float, name: str, kernel: Callable[[Array], Bounds]) -> Bounds:
    array = as_doubles(x)
    if array.size and array.min() < least:
        raise InputError(f"{name}: expected x >= {least:g}, got {array.min():g}; restrict the argument first")
    return kernel(array)
