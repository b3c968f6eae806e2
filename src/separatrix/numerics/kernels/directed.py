"""Directed rounding inside compiled loops (§8).

x -+ (|x| PHI + TINY) with PHI = u (1 + 2 u) lies beyond the neighbours of x (Rump, Zimmermann, Boldo, Melquiond, BIT 49 (2009)
419; see numerics.rounding), with or without FMA; TINY > 2^-1074 keeps zeros off the subnormal numbers, on which processors are
slow. A bound that is not finite becomes infinite on its own side, so that no NaN enters an operation; products 0 . inf count
as 0, as they do for intervals of real numbers.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_part_in_place

UNIT = 2.0**-53
PHI = UNIT * (1.0 + 2.0 * UNIT)
TINY = 1e-300
MAX = 1.7976931348623157e308


@compiled_part_in_place
def lowered(x):
    """A bound below x; -inf where x is not finite."""
    y = x - (abs(x) * PHI + TINY)
    return y if abs(y) <= MAX else -np.inf


@compiled_part_in_place
def raised(x):
    """A bound above x; inf where x is not finite."""
    y = x + (abs(x) * PHI + TINY)
    return y if abs(y) <= MAX else np.inf


@compiled_part_in_place
def times(x, y):
    """A product of ends of intervals: 0 . inf = 0."""
    p = x * y
    return p if p == p else 0.0


@compiled_part_in_place
def product(a, b, c, d):
    """[a, b] [c, d]."""
    p, q, r, s = times(a, c), times(a, d), times(b, c), times(b, d)
    low = p if p < q else q
    high = q if p < q else p
    low2 = r if r < s else s
    high2 = s if r < s else r
    return lowered(low if low < low2 else low2), raised(high if high > high2 else high2)
