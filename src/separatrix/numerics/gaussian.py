"""The normal density and distribution function, erf and erfc with proved bounds, from IEEE operations and a ball table.

Everything rests on Mills' ratio M(x) = exp(x^2/2) int_x^inf exp(-t^2/2) dt = int_0^inf exp(-x t - t^2/2) dt, x >= 0:
    1 - Phi(x) = phi(x) M(x),    erfc(x) = sqrt(2/pi) exp(-x^2) M(sqrt(2) x).
M is evaluated by its Taylor polynomial of degree 13 about c = (i + 1/2)/4, |x - c| <= 1/8, i = 0, ..., 159. With
M' = x M - 1 the coefficients obey a_1 = c a_0 - 1, (n + 1) a_{n+1} = c a_n + a_{n-1}; flint balls give a_0 and the
rest.
  truncation  |M^(14)(xi)| 8^-14/14!, and |M^(14)|/M = E[t^14] under the density exp(-xi t - t^2/2) decreases in xi,
              so it is at most its value at 0, 13!! = 135135; with M(xi)/M(x) <= 1.25 (|M'|/M <= 0.8, |xi - x| <=
              1/4): 1.25 . 135135 . 8^-14 / 14! < 5e-19 < 0.005 u relative;
  rounding    relative to M: x - c (|M'|/M <= 0.8, off by u/16) 0.05 u; a_0: 1.11 u (a_0/M <= 1.11); the bracket
              (|a_1|/a_0 <= 0.8, |a_2|/a_0 <= 0.5) 1.9 u and its product, times |x - c| <= 1/8: 0.4 u; last sum: u.
  together    2.6 u M.                                                                                              (M)
For erfc the argument fl(sqrt(2) x) is off by 2 u relative, and |y M'(y)/M(y)| < 1 (from M > y/(1 + y^2)): 2.02 u more.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np

from separatrix.numerics.ball_doubles import within_one_rounding
from separatrix.numerics.exponential import exp_block, horner
from separatrix.numerics.rounding import UNIT, Array, Bounds, blockwise, down, odd, two_square, up, widen

DEGREE, PIECES = 13, 160
SQRT2 = 1.4142135623730951
INVERSE_SQRT_2PI = (float.fromhex("0x1.9884533d43650p-2"), float.fromhex("0x1.9884533d43651p-2"))  # below, above
SQRT_2_OVER_PI = (float.fromhex("0x1.9884533d43650p-1"), float.fromhex("0x1.9884533d43651p-1"))
TWO_OVER_SQRT_PI = (float.fromhex("0x1.20dd750429b6dp+0"), float.fromhex("0x1.20dd750429b6ep+0"))
ERF_SERIES = tuple((-1.0) ** n / (math.factorial(n) * (2 * n + 1)) for n in range(1, 13))


@cache
def _mills_table() -> Array:
    """a_n about c_i as doubles, each within u relative: (DEGREE + 1, PIECES). Takes about 10 ms, once."""
    from flint import arb, ctx

    table = np.empty((DEGREE + 1, PIECES))
    with ctx.workprec(600):
        for i in range(PIECES):
            c = arb(2 * i + 1) / 8
            a = [(arb.pi() / 2).sqrt() * (c * c / 2).exp() * (c / arb(2).sqrt()).erfc()]
            a.append(c * a[0] - 1)
            for n in range(1, DEGREE):
                a.append((c * a[n] + a[n - 1]) / (n + 1))
            table[:, i] = [within_one_rounding(ball) for ball in a]
    table.setflags(write=False)
    return table


def _mills(x: Array) -> Array:
    """M(x) for 0 <= x <= 40 within 2.6 u relative, see (M)."""
    table = _mills_table()
    piece = np.minimum((x * 4.0).astype(np.int64), PIECES - 1)
    t = x - (piece + 0.5) * 0.25
    value = table[DEGREE].take(piece)
    for coefficients in table[DEGREE - 1 :: -1]:
        value *= t
        value += coefficients.take(piece)
    return value


def _density_block(x: Array) -> Bounds:
    """Bounds of phi(x) for 0 <= x <= 40: x^2 = h + l exactly, exp(-h/2 - l/2) with |l/2| <= u 800 < 2^-43.

    Where Dekker's product underflows (|x| < 2^-480), l is off by a few eta, which is nothing beside 0.2501 u.
    """
    h, l = two_square(x)  # noqa: E741
    low, high = exp_block(-0.5 * h, -0.5 * l)
    return np.maximum(down(low * INVERSE_SQRT_2PI[0]), 0.0), up(high * INVERSE_SQRT_2PI[1])


def _upper_tail_block(x: Array) -> Bounds:
    """Bounds of 1 - Phi(x) for x >= 0; beyond 40, where the bounds are (0, tiny), those of 40."""
    x = np.minimum(x, 40.0)
    low, high = _density_block(x)
    least, most = widen(_mills(x), 3.7 * UNIT)
    return np.maximum(down(low * least), 0.0), up(high * most)


@blockwise
def normal_pdf(x: Array) -> Bounds:
    """Bounds (lower, upper) of the normal density exp(-x^2/2) / sqrt(2 pi), relatively sharp in the tails.

    >>> lower, upper = normal_pdf([0.0, -30.0])
    >>> bool(lower[0] <= 0.3989422804014327 <= upper[0]), bool(lower[1] > 0)
    (True, True)
    """
    return _density_block(np.minimum(np.abs(x), 40.0))


@blockwise
def normal_cdf(x: Array) -> Bounds:
    """Bounds (lower, upper) in [0, 1] of Phi(x), relatively sharp in the left tail: phi(x) M(-x), or 1 - phi(x) M(x).

    >>> lower, upper = normal_cdf([0.0, -30.0])
    >>> bool(lower[0] <= 0.5 <= upper[0]), bool(4.9e-198 < lower[1] < upper[1] < 5e-198)
    (True, True)
    """
    low, high = _upper_tail_block(np.abs(x))
    left = x <= 0.0
    return np.where(left, low, down(1.0 - high)), np.where(left, high, np.minimum(up(1.0 - low), 1.0))


def _erfc_block(x: Array) -> Bounds:
    """Bounds of erfc(x) for x >= 0; beyond 28, where the bounds are (0, tiny), those of 28."""
    x = np.minimum(x, 28.0)
    h, l = two_square(x)  # noqa: E741
    low, high = exp_block(-h, -l)
    least, most = widen(_mills(SQRT2 * x), 5.8 * UNIT)
    lower = down(down(low * SQRT_2_OVER_PI[0]) * least)
    return np.maximum(lower, 0.0), up(up(high * SQRT_2_OVER_PI[1]) * most)


@blockwise
def erfc(x: Array) -> Bounds:
    """Bounds (lower, upper) of erfc(x) = 1 - erf(x), relatively sharp in the right tail.

    >>> lower, upper = erfc([0.0, 20.0])
    >>> bool(lower[0] <= 1 <= upper[0]), bool(5.3e-176 < lower[1] < upper[1] < 5.4e-176)
    (True, True)
    """
    low, high = _erfc_block(np.abs(x))
    right = x >= 0.0
    return np.where(right, low, down(2.0 - high)), np.where(right, high, np.minimum(up(2.0 - low), 2.0))


@blockwise
def erf(x: Array) -> Bounds:
    """Bounds (lower, upper) in [-1, 1] of erf(x), relatively sharp near 0, exactly 0 at 0.

    |x| > 1/2: 1 - erfc |x|. |x| <= 1/2: 2/sqrt(pi) x P(x^2), P = 1 - z/3 + z^2/10 - ... + z^12/(12! 25):
    truncation below 0.002 u; the bracket after z is off by 0.75 u and at most 1/3, z times it by 0.36 u, P by 0.86 u
    (0.94 u relative), x P by 1.95 u relative; the constant is taken between two neighbouring doubles.

    >>> lower, upper = erf([0.0, 1e-300, 10.0])
    >>> float(lower[0]), float(upper[0]), bool(lower[1] <= 1.1283791670955126e-300 <= upper[1]), float(upper[2])
    (0.0, 0.0, True, 1.0)
    """
    size = np.abs(x)
    low, high = _erfc_block(size)
    near = np.minimum(size, 0.5)
    z = near * near
    least, most = widen(near * (1.0 + z * horner(z, ERF_SERIES)), 3.0 * UNIT)
    series = size <= 0.5
    lower = np.where(series, np.maximum(down(least * TWO_OVER_SQRT_PI[0]), 0.0), down(1.0 - high))
    upper = np.where(series, up(most * TWO_OVER_SQRT_PI[1]), np.minimum(up(1.0 - low), 1.0))
    return odd(x, lower, upper)
