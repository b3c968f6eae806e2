"""sinh and cosh with proved bounds, composed of the bounds of exp and expm1, every operation rounded outward."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.exponential import exp_block, expm1_block
from separatrix.numerics.rounding import MAX, Array, Bounds, blockwise, down, odd, up


@blockwise
def sinh(x: Array) -> Bounds:
    """Bounds (lower, upper) of sinh x, relatively sharp near 0, exactly 0 at 0; infinite where e^|x| overflows.

    sinh |x| = (E + E / (1 + E)) / 2 with E = expm1 |x| >= 0, increasing in E.

    >>> lower, upper = sinh([1.0, -1e-20])
    >>> bool(lower[0] <= 1.1752011936438014 <= upper[0]), bool(lower[1] <= -1e-20 <= upper[1])
    (True, True)
    """
    low, high = expm1_block(np.abs(x))
    low = np.maximum(low, 0.0)
    lower = down(0.5 * down(low + np.maximum(down(low / up(1.0 + low)), 0.0)))
    upper = up(0.5 * up(high + np.minimum(up(high / down(1.0 + high)), 1.0)))
    return odd(x, np.minimum(np.maximum(lower, 0.0), MAX), upper)


@blockwise
def cosh(x: Array) -> Bounds:
    """Bounds (lower, upper) of cosh x = (e^|x| + e^-|x|) / 2, lower >= 1; infinite where e^|x| overflows.

    >>> lower, upper = cosh([1.0, 0.0])
    >>> bool(lower[0] <= 1.5430806348152437 <= upper[0]), float(lower[1])
    (True, 1.0)
    """
    low, high = exp_block(np.abs(x))
    least, most = exp_block(-np.abs(x))
    lower = down(0.5 * down(low + least))
    return np.minimum(np.maximum(lower, 1.0), MAX), up(0.5 * up(high + most))
