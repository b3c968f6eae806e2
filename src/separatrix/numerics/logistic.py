"""sigmoid, tanh and softplus with proved bounds, composed of the bounds of exp, expm1 and log1p.

Each is a monotone function of one exponential that is relatively well conditioned, so both ends are carried through
separately, every operation rounded outward by :func:`~separatrix.numerics.rounding.down` and ``up``.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.exponential import exp_block, expm1_block
from separatrix.numerics.logarithm import log1p_block
from separatrix.numerics.rounding import MAX, Array, Bounds, blockwise, down, odd, up


@blockwise
def sigmoid(x: Array) -> Bounds:
    """Bounds (lower, upper) in [0, 1] of 1 / (1 + e^-x), relatively sharp in the left tail.

    With e = exp(-|x|): 1/(1 + e), decreasing in e, for x >= 0; e/(1 + e), increasing in e, for x < 0.

    >>> lower, upper = sigmoid([0.0, -800.0])
    >>> bool(lower[0] <= 0.5 <= upper[0]), float(lower[1]), float(upper[1]) < 1e-320
    (True, 0.0, True)
    """
    low, high = exp_block(-np.abs(x))
    right = x >= 0.0
    for_lower, for_upper = np.where(right, high, low), np.where(right, low, high)
    lower = down(np.where(right, 1.0, for_lower) / up(1.0 + for_lower))
    upper = up(np.where(right, 1.0, for_upper) / down(1.0 + for_upper))
    return np.maximum(lower, 0.0), np.minimum(upper, 1.0)


@blockwise
def tanh(x: Array) -> Bounds:
    """Bounds (lower, upper) in [-1, 1] of tanh x, relatively sharp near 0, exactly 0 at 0.

    |x| < 1/2: tanh |x| = -t / (2 + t) with t = expm1(-2 |x|) in [-1, 0], decreasing in t.
    |x| >= 1/2: tanh |x| = 1 - 2 e / (1 + e) with e = exp(-2 |x|), decreasing in e.

    >>> lower, upper = tanh([1e-30, 40.0])
    >>> bool(lower[0] <= 1e-30 <= upper[0]), float(upper[1])
    (True, 1.0)
    """
    size = np.abs(x)
    low, high = expm1_block(-2.0 * np.minimum(size, 0.5))
    least, most = exp_block(-2.0 * size)
    near = size < 0.5
    lower = np.where(near, np.maximum(down(-high / up(2.0 + high)), 0.0), down(1.0 - up(2.0 * most / down(1.0 + most))))
    upper = np.where(near, up(-low / down(2.0 + low)), up(1.0 - np.maximum(down(2.0 * least / up(1.0 + least)), 0.0)))
    upper = np.minimum(upper, 1.0)
    return odd(x, lower, upper)


@blockwise
def softplus(x: Array) -> Bounds:
    """Bounds (lower, upper) of log(1 + e^x) = max(x, 0) + log1p(exp(-|x|)), relatively sharp in the left tail.

    >>> lower, upper = softplus([0.0, 1e300])
    >>> bool(lower[0] <= 0.6931471805599453 <= upper[0]), bool(lower[1] == 1e300 < upper[1])
    (True, True)
    """
    low, high = exp_block(-np.abs(x))
    least, most = log1p_block(low)[0], log1p_block(high)[1]
    positive = x > 0.0
    lower = np.where(positive, np.maximum(down(x + least), x), np.maximum(least, 0.0))
    return np.minimum(lower, MAX), np.where(positive, up(x + most), most)
