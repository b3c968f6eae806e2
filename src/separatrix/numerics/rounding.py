"""Outward rounding by IEEE-754 binary64 operations in round-to-nearest, and exact error terms (mathematics §8).

Everything called *proved* rests on one assumption: +, -, *, /, sqrt, rint and scaling by powers of two are correctly
rounded to nearest, with gradual underflow. :func:`ieee_arithmetic_holds` tests it on the machine at hand.
Notation of this package: u = 2^-53, eta = 2^-1074, fl(.) the rounded value, so that

    |fl(a op b) - (a op b)| <= u |a op b| + eta / 2      (op in *, /; no eta for + and -),
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

import numpy as np

from separatrix.errors import InputError

Array = np.ndarray
Bounds = tuple[Array, Array]

UNIT = 2.0**-53  # u: half the distance from 1 to the next double
ETA = 2.0**-1074  # the smallest positive double
MAX = float(np.finfo(np.float64).max)
PHI = UNIT * (1.0 + 2.0 * UNIT)  # the successor of u
BLOCK = 8192  # elements that stay in the cache of one core while a kernel runs


def as_doubles(x: Any, name: str = "x") -> Array:
    """``x`` as an array of float64 without a change of value.

    Raises InputError for NaN, for complex, object and long double arrays and for integers beyond 2^53.

    >>> as_doubles([1, 2])
    array([1., 2.])
    """
    array = np.asarray(x)
    if array.dtype != np.float64:
        kind, size = array.dtype.kind, array.dtype.itemsize
        if array.size and not (kind in "biu" or (kind == "f" and size <= 8)):
            raise InputError(f"{name}: expected numbers that doubles hold exactly, got {array.dtype}; convert first")
        if kind in "iu" and size == 8 and array.size and (array.max() > 2**53 or array.min() < -(2**53)):
            raise InputError(f"{name}: integers beyond 2^53 are not exact as doubles; scale them first")
        return array.astype(np.float64)
    if np.isnan(array).any():
        raise InputError(f"{name}: expected numbers, got NaN; remove or replace those entries first")
    return array


def down(x: Array) -> Array:
    """A double at most pred(x): the lower bound of any real number that rounds to x. down(inf) <= MAX, NaN stays.

    With e = fl(fl(phi |x|) + eta), phi = u(1 + 2u), one has e > ulp(x)/2 above and below x, hence fl(x - e) <= pred(x)
    (Rump, Zimmermann, Boldo, Melquiond, BIT 49 (2009) 419): for 2^E <= |x| < 2^(E+1) normal, fl(phi |x|) + eta exceeds
    u 2^E = ulp/2 because phi 2^E is a double or, where it is subnormal, is off by at most eta/2; where ulp(x) = eta,
    e >= eta.
    An infinite x came from overflow, where the real number is at least MAX: x is first replaced by MAX.
    """
    x = np.minimum(x, MAX)
    return x - (np.abs(x) * PHI + ETA)


def up(x: Array) -> Array:
    """A double at least succ(x); the mirror image of :func:`down`."""
    x = np.maximum(x, -MAX)
    return x + (np.abs(x) * PHI + ETA)


def widen(y: Array, factor: float | Array) -> Bounds:
    """Bounds (lower, upper) of all numbers within ``(factor - 1.01 u) |y| + eta / 2`` of y, for 2u <= factor <= 2^-20.

    lower = fl(y - e), e = fl(fl(factor |y|) + eta) >= factor |y| (1 - u) (1 - u) + eta/2, and the last subtraction
    moves the result by at most u |y - e| <= u (1 + 2^-19) |y|.
    """
    e = np.abs(y) * factor + ETA
    return y - e, y + e


def two_sum(a: Array, b: Array) -> Bounds:
    """(s, e) with s = fl(a + b) and s + e = a + b exactly (Knuth); e is NaN or infinite where something overflows."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


def add_down(a: Array, b: Array) -> Array:
    """A lower bound of a + b, equal to the sum where it is a double; -inf where it would be inf - inf."""
    s, e = two_sum(a, b)
    lower = np.where((e >= 0) & (e < np.inf), s, down(s))
    return np.where(np.isnan(lower), -np.inf, lower)


def add_up(a: Array, b: Array) -> Array:
    """An upper bound of a + b, equal to the sum where it is a double; inf where it would be inf - inf."""
    return -add_down(-a, -b)


def sum_down(x: Array, axis: int | tuple[int, ...] | None) -> Array:
    """A lower bound of the sum of x along ``axis``; -inf where it would be inf - inf.

    In any order fl(sum) is within gamma_(n-1) sum |x|, gamma_m = m u/(1 - m u), of the sum of n doubles (addition
    does not underflow); the factor 1.01 n u covers it and the rounding of sum |x| itself for n <= 2^40.
    """
    total = np.asarray(x.sum(axis=axis))
    n = x.size // max(total.size, 1)
    error = 1.01 * n * UNIT * np.abs(x).sum(axis=axis) if n > 1 else np.zeros_like(total)
    return add_down(total, -np.asarray(error))


def two_square(x: Array) -> Bounds:
    """(h, l) with h = fl(x^2) and h + l = x^2 exactly for 2^-480 <= |x| <= 2^480 (Dekker, Veltkamp)."""
    t = x * 134217729.0  # 2^27 + 1
    high = t - (t - x)
    low = x - high
    square = x * x
    return square, ((high * high - square) + 2.0 * (high * low)) + low * low


def odd(x: Array, lower: Array, upper: Array) -> Bounds:
    """Bounds of an odd function at x from those at |x|; exactly 0 at 0."""
    negative, zero = x < 0.0, x == 0.0
    lower, upper = np.where(negative, -upper, lower), np.where(negative, -lower, upper)
    return np.where(zero, 0.0, lower), np.where(zero, 0.0, upper)


def blockwise(kernel: Callable[[Array], Bounds]) -> Callable[[Any], Bounds]:
    """Run a kernel on flat blocks that fit the cache; any shape, NaN refused, warnings of overflow silenced inside."""

    @wraps(kernel)
    def bounds(x: Any) -> Bounds:
        array = as_doubles(x)
        flat = array.ravel()
        lower, upper = np.empty_like(flat), np.empty_like(flat)
        with np.errstate(all="ignore"):
            for start in range(0, flat.size, BLOCK):
                part = slice(start, start + BLOCK)
                lower[part], upper[part] = kernel(flat[part])
        return lower.reshape(array.shape), upper.reshape(array.shape)

    return bounds


def ieee_arithmetic_holds() -> bool:
    """Whether numpy on this thread rounds to nearest even, keeps subnormals and does not fuse its operations.

    A library compiled with -ffast-math can switch subnormals off for the whole thread.

    >>> ieee_arithmetic_holds()
    True
    """
    # eight copies: the vector instructions of the processor are tried, not only its scalar ones
    one, u, tiny = np.full(8, 1.0), np.full(8, UNIT), np.full(8, 2.0**-1022)
    more, next_one = u * (1 + 2 * UNIT), one + 2 * u
    nearest_even = (one + u == one) & (one + more == next_one) & (one - u < one) & (next_one + u > next_one)
    symmetric = (-one - u == -one) & (-one - more == -next_one)
    gradual = (tiny * 0.5 > 0) & ((tiny * 0.5) * 2.0 == tiny) & (tiny * 1.5 - tiny == tiny * 0.5)
    gradual &= np.full(8, ETA) + ETA == 2.0**-1073
    third = one / 3.0
    unfused = (third * 3.0) - one == 0.0
    return bool(np.all(nearest_even & symmetric & gradual & unfused))
