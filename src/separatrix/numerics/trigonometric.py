"""sin, cos and atan with proved bounds, from IEEE operations only.

Reduction of x, |x| <= 2^20: k = rint(2 x/pi), r = x - k pi/2, with pi/2 = P1 + P2 + P3 + (less than 2^-122), P1 and P2 of 33
bits, the lowest 2^-32 and 2^-66. k has 20 bits, so k P1 and k P2 are exact. x - k P1 is exact: for k not 0 both are
multiples of 2^-53 (|x| >= 1/2) and the difference is below 1. b + e = (x - k P1) - k P2 exactly (TwoSum). |k P3| < 2^-48.7:
its rounding, that of e - k P3 and k 2^-122 come to less than 2^-99. So t = fl(b + fl(e - k P3)) has
    |t - r| <= u |t| + 2^-99   (k not 0),   t = r = x   (k = 0),   |t| < 0.7855 = T,                     (A)
since fl(2 x/pi) is off by less than 2^-32.

With z = fl(t^2), z <= 0.6171 = Z, off by u z, a Horner sum of the terms c_j z^j is off by at most
sum_j |c_j| Z^j (3 j + 2) u (coefficient, powers of z, and two roundings a step).
sin t = t + t (z S(z)), S = -1/3! + z/5! - ... - z^7/17!: truncation T^18/19! < 0.001 u, relative to t.
  S off by 0.361 u, |S| <= 1/6; z S off by (Z . 0.361 + 2 . 0.103) u = 0.429 u; t (z S) by 0.54 u |t|, with the last addition
  1.54 u |t| <= 1.72 u |sin t| (sin t >= 0.9 |t|); by (A) sin r is off by 1.12 u |sin t| + 2^-99 more: 2.9 u in all.
cos t = 1 - z/2 + z^2 C(z), C = 1/4! - z/6! + ... - z^7/18!: truncation T^20/20! < 1e-20.
  C off by 0.09 u, |C| <= 1/24; z^2 C by (0.381 . 0.09 + 4 . 0.016) u = 0.1 u; z/2 by 0.31 u; 1 - z/2 and the last sum, both
  in [1/2, 1], by u/2 each: 1.42 u <= 2.01 u |cos t| (cos t >= 0.707); by (A) 0.79 u |cos t| + 2^-99 more: 2.8 u in all.
So the factor is 4 u, of which 1.01 u pay for the subtraction of the error, and 2^-97 is added where k is not 0 (where k = 0
eta, as underflow of t^2 or of a product moves sin t by less than eta, and only where t^3 < eta).

atan |x| = atan c + atan t: c = 0 below 1/4, 1/2 below 3/4, 1 below 1.4, 2 below 3.5, else c = inf, t = -1/|x|.
t = (|x| - c)/(1 + c |x|): the difference is exact (Sterbenz), c |x| too; two roundings, 2.01 u |t|; |t| <= 0.2858.
atan t = t + t (z A(z)), A = -1/3 + z/5 - ... - z^14/31, z <= 0.0817: truncation 0.001 u, A off by 0.76 u, |A| <= 1/3, t (z A)
by 0.145 u |t|; with the last addition 1.15 u |t| <= 1.19 u |atan t|.
  c = 0: factor 1.19 u + 1.01 u, 2.4 u is taken. Else 3.3 u |t|, the constant's own rounding and the last addition:
  c = 1/2  |t| <= 0.223: 0.74 u + 0.21 u, |y| >= 0.2449: 3.9 u + u relative;   c = 1  0.56 u + 0.28 u, |y| >= 0.643: 2.4 u;
  c = 2    0.62 u + 0.85 u, |y| >= 0.95: 2.6 u;   c = inf (t off by u)  0.62 u + 0.56 u, |y| >= 1.28: 2 u.
With 1.01 u: 6.2 u is taken for all four.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.numerics.exponential import horner
from separatrix.numerics.rounding import ETA, UNIT, Array, Bounds, blockwise, odd, two_sum, up, widen

LARGEST = 2.0**20
TWO_OVER_PI = float.fromhex("0x1.45f306dc9c883p-1")
P1 = float.fromhex("0x1.921fb54400000p+0")
P2 = float.fromhex("0x1.0b4611a600000p-34")
P3 = float.fromhex("0x1.3198a2e037073p-69")
SIN = tuple((-1.0) ** (j + 1) / math.factorial(2 * j + 3) for j in range(8))
COS = tuple((-1.0) ** j / math.factorial(2 * j + 4) for j in range(8))
ATAN = tuple((-1.0) ** (j + 1) / (2 * j + 3) for j in range(15))
CENTERS = np.array([0.0, 0.5, 1.0, 2.0, np.inf])
ANGLES = ("0x0p+0", "0x1.dac670561bb4fp-2", "0x1.921fb54442d18p-1", "0x1.1b6e192ebbe44p+0", "0x1.921fb54442d18p+0")
CENTER_ANGLES = np.array([float.fromhex(angle) for angle in ANGLES])
EDGES = np.array([0.25, 0.75, 1.4, 3.5])


def _wave(x: Array, quarter: int) -> Bounds:
    """Bounds of sin(x + quarter pi/2): the module's head."""
    regular = np.abs(x) <= LARGEST
    x = np.where(regular, x, 0.0)
    k = np.rint(x * TWO_OVER_PI)
    b, e = two_sum(x - k * P1, -(k * P2))
    t = b + (e - k * P3)
    z = t * t
    quadrant = (k.astype(np.int64) + quarter) & 3
    y = np.where(quadrant & 1, 1.0 - 0.5 * z + (z * z) * horner(z, COS), t + t * (z * horner(z, SIN)))
    y = np.where(quadrant & 2, -y, y)
    error = np.abs(y) * (4.0 * UNIT) + np.where(k == 0.0, ETA, 2.0**-97)
    zero = (x == 0.0) & (quadrant & 1 == 0)
    lower = np.where(zero, 0.0, np.maximum(y - error, -1.0))
    upper = np.where(zero, 0.0, np.minimum(y + error, 1.0))
    return np.where(regular, lower, -1.0), np.where(regular, upper, 1.0)


@blockwise
def sin(x: Array) -> Bounds:
    """Bounds (lower, upper) of sin x, at most 10 ulp apart for |x| <= 2^20 away from its zeros; [-1, 1] beyond.

    Formula and error bound: the module's head. Raises InputError for NaN.

    >>> lower, upper = sin([0.5, 1e300])
    >>> bool(lower[0] <= 0.479425538604203 <= upper[0]), float(lower[1]), float(upper[1])
    (True, -1.0, 1.0)
    """
    return _wave(x, 0)


@blockwise
def cos(x: Array) -> Bounds:
    """Bounds (lower, upper) of cos x, at most 10 ulp apart for |x| <= 2^20 away from its zeros; [-1, 1] beyond.

    Formula and error bound: the module's head. Raises InputError for NaN.

    >>> lower, upper = cos([0.5, 0.0])
    >>> bool(lower[0] <= 0.8775825618903728 <= upper[0]), bool(lower[1] <= 1.0), float(upper[1])
    (True, True, 1.0)
    """
    return _wave(x, 1)


@blockwise
def atan(x: Array) -> Bounds:
    """Bounds (lower, upper) of the inverse tangent, at most 14 ulp apart, exactly 0 at 0; +- pi/2 at infinity.

    Formula and error bound: the module's head. Raises InputError for NaN.

    >>> lower, upper = atan([1.0, 1e300])
    >>> bool((lower <= [0.7853981633974483, 1.5707963267948966]).all()), bool(upper[1] < 1.5707963267948970)
    (True, True)
    """
    size = np.abs(x)
    piece = np.searchsorted(EDGES, size, side="right")
    c = np.minimum(CENTERS[piece], 2.0)
    t = np.where(piece == 4, -1.0 / size, (size - c) / (1.0 + c * size))
    z = t * t
    y = t + t * (z * horner(z, ATAN))
    lower, upper = widen(CENTER_ANGLES[piece] + y, np.where(piece == 0, 2.4 * UNIT, 6.2 * UNIT))
    return odd(x, np.maximum(lower, 0.0), np.minimum(upper, up(CENTER_ANGLES[4])))
