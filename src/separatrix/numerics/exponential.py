"""exp and expm1 with proved bounds, from IEEE operations only.

Reduction: k = rint(x / ln 2), r = x - k ln 2, with ln 2 = HIGH + LOW + (less than 2^-96), HIGH of 42 bits.
k HIGH is exact for |k| < 2^11. x - k HIGH is exact: both are multiples of 2^-54 (|x| >= 1/4 where k is not 0) and the
difference is below 1/2. Since |fl(x/ln 2) - x/ln 2| < 2^-41, |r| <= R = 0.34658. |k LOW| < 2^-32, so r is off by
    |dr| <= ulp(r)/2 + 2^-84 <= 0.2501 u     (k not 0), dr = 0 (k = 0).
Polynomial: expm1(r) = r + r^2 q(r), q = 1/2! + r/3! + ... + r^12/14!, in Horner's form.
  truncation  sum_{n >= 15} R^n/n! < 1.1 R^15/15! < 1e-19 < 0.001 u, and relative to |expm1(r)| >= 0.84 |r|: < 0.004 u;
  Horner      h_j = fl(c_j + fl(r h_{j+1})) is off by e_j <= u (|c_j| + |r h_{j+1}| + |h_j|) + |r| e_{j+1} (1/2 exact);
              with h_0 <= 0.564, h_1 <= 0.183, h_2 <= 0.046: e_2 <= 0.11 u, e_1 <= 0.45 u, e_0 <= 0.79 u;
  r^2 q       two more roundings: off by at most (0.79 + 2 . 0.564) u r^2 <= 1.93 u r^2 <= 0.232 u;
  p = r + .   |p| < 1/2: off by at most u/4, and by at most u |p|.
So the computed p differs from expm1(exact r) by
    0.25 u + 0.232 u + 0.2501 u exp(r) + 0.001 u <= 0.838 u  (r > 0),  <= 0.734 u  (r < 0),        (A)
and for k = 0 by at most (1 + 1.93 r^2/|p| + 0.004) u |p| <= 1.81 u |p|  (r^2/|p| <= 0.411).     (B)
Underflow of r^2 (|r| < 2^-511) costs p at most 0.8 eta: nothing beside the slack left in (A).
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.numerics.rounding import ETA, MAX, UNIT, Array, Bounds, blockwise, widen

LN2_HIGH = float.fromhex("0x1.62e42fefa3800p-1")
LN2_LOW = float.fromhex("0x1.ef35793c76730p-45")
INVERSE_LN2 = float.fromhex("0x1.71547652b82fep+0")
COEFFICIENTS = tuple(1.0 / math.factorial(n) for n in range(2, 15))


def horner(t: Array, coefficients: tuple[float, ...]) -> Array:
    """c_0 + t (c_1 + t (c_2 + ...)), rounded after every operation."""
    value = t * coefficients[-1]
    for c in coefficients[-2:0:-1]:
        value += c
        value *= t
    value += coefficients[0]
    return value


def power_of_two(k: Array) -> Array:
    """2^k for integers -1022 <= k <= 1023, made from the bits."""
    return ((k + 1023) << 52).view(np.float64)


def _reduced(x: Array, tail: Array | float = 0.0) -> tuple[Array, Array]:
    k = np.rint(x * INVERSE_LN2)
    return k, (x - k * LN2_HIGH) - (k * LN2_LOW - tail)


def _expm1_polynomial(r: Array) -> Array:
    return r + (r * r) * horner(r, COEFFICIENTS)


def exp_block(x: Array, tail: Array | float = 0.0) -> Bounds:
    """Bounds of exp(x + tail), |tail| <= 2^-43: see :func:`exp` (the tail joins k LOW and keeps |dr| <= 0.2501 u).

    y = fl(1 + p): by (A) and the last rounding, y differs from exp(r) by at most
    0.838 u + u = 1.84 u where y >= 1 and by 0.734 u + u/2 where y < 1. fl(y +- 2.9 u) moves y by at least 1.9 u, since
    all these numbers are below 2 with ulp/2 <= u. Scaling by 2^k is exact until the result is subnormal, where eta is
    added.
    Arguments are first clipped to [-746, 710]: exp(-746) < eta/2, exp(710) > MAX.
    """
    x = np.minimum(np.maximum(x, -746.0), 710.0)
    k, r = _reduced(x, tail)
    y = 1.0 + _expm1_polynomial(r)
    exponent = k.astype(np.int64)
    first = power_of_two(exponent >> 1)
    second = power_of_two(exponent - (exponent >> 1))
    lower = (y - 2.9 * UNIT) * first * second
    upper = (y + 2.9 * UNIT) * first * second
    subnormal = exponent < -1020
    if subnormal.any():
        lower = np.where(subnormal, np.maximum(lower - ETA, 0.0), lower)
        upper = np.where(subnormal, upper + ETA, upper)
    return np.minimum(lower, MAX), upper


@blockwise
def exp(x: Array) -> Bounds:
    """Bounds (lower, upper) of e^x, at most 6 ulp apart where e^x is a normal double; at -inf and inf the limit.

    Raises InputError for NaN. Formula and error bound: the module's head and :func:`exp_block`.

    >>> lower, upper = exp(1.0)
    >>> bool(lower <= 2.718281828459045 <= upper), float(upper - lower) < 2e-15
    (True, True)
    """
    return exp_block(x)


def expm1_block(x: Array) -> Bounds:
    """Bounds of exp(x) - 1: see :func:`expm1`.

    y = fl(a + 2^k p) with a = 2^k - 1, exact for |k| <= 53, replaced by 2^k for k > 53 and by -1 for k < -53. With
    (A), (B):
      k = 0       1.81 u |y|;
      k = 1       |error| <= 2 . 0.838 u + ulp(y)/2. p > 0: y >= 1, 2.68 u |y|. p < 0, y >= 1/2: p >= -1/4,
                  2 (0.25 + 0.16 + 0.251) u + u/2 = 1.83 u <= 3.66 u |y|. y < 1/2: exp(r) <= 3/4, so
                  2 (0.25 + 0.232 + 0.188) u + u/4 = 1.6 u <= 3.9 u |y| (y >= 0.414);
      k = -1      0.419 u + u/4 <= 2.3 u |y| for |y| < 1/2 (|y| >= 0.2928), else 0.419 u + u/2 <= 1.9 u |y|;
      k = 2       y < 2: 4 . 0.734 u + u <= 2.2 u |y| (y >= 1.828); y < 4: 4 . 0.838 u + 2 u, p < 0 (y >= 2): 2.5 u |y|,
                  p > 0 (y >= 3): 1.8 u |y|; y >= 4: 4 . 0.838 u + 4 u <= 1.9 u |y|;
      3 <= k <= 53  (0.734/0.58 + 1) u |y| (p < 0), (0.838/0.875 + 1) u |y| (p > 0): 2.3 u |y|;
      k <= -2     0.21 u + u/2 <= 1.2 u |y| (|y| >= 0.64), and below -53 the missing 2^k adds at most u/2: 2 u |y|;
      k > 53      1.84 u |y| / 0.99 and the missing 1 adds 2^-53.4 relative: 2.7 u |y|.
    Hence factors 2.9 u (k = 0), 5 u (k = 1), 3.1 u (k <= -2) and 3.8 u (else) in widen, which keeps 1.01 u for
    itself; the underflow of r^2 is below the
    slack 0.08 u |r| for |r| >= 2^-1000, and below eta/2 for smaller r.
    """
    x = np.minimum(np.maximum(x, -746.0), 710.0)
    k, r = _reduced(x)
    p = _expm1_polynomial(r)
    exponent = np.maximum(k, -1000.0).astype(np.int64)  # below -53 the factor only has to be tiny
    half = power_of_two(exponent - 1)
    # halves throughout, so that k = 1024 does not overflow before the last doubling
    a = np.where(np.abs(k) <= 53.0, half - 0.5, np.where(k > 0, half, -0.5))
    lower, upper = widen(a + half * p, np.where(k == 1.0, 5.0 * UNIT, np.where(k < -1.0, 3.1 * UNIT, 3.8 * UNIT)))
    lower = np.minimum(np.maximum(2.0 * lower, -1.0), MAX)
    upper = 2.0 * upper
    # k = 0 is done without halving, which is not exact for subnormals
    small = k == 0.0
    low, high = widen(p, 2.9 * UNIT)
    zero = x == 0.0
    return (np.where(zero, 0.0, np.where(small, low, lower)), np.where(zero, 0.0, np.where(small, high, upper)))


@blockwise
def expm1(x: Array) -> Bounds:
    """Bounds (lower, upper) of e^x - 1, relatively sharp near 0, lower >= -1, exactly 0 at 0.

    Raises InputError for NaN. Formula and error bound: the module's head and :func:`expm1_block`.

    >>> lower, upper = expm1([1e-20, -800.0])
    >>> bool(lower[0] <= 1e-20 <= upper[0]), float(lower[1])
    (True, -1.0)
    """
    return expm1_block(x)
