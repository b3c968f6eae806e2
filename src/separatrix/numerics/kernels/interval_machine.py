"""Straight-line programs over rows of intervals, rounded outward: the arithmetic of enclosures in batches (§8).

Row k of ``low`` and ``high`` holds register k on all boxes of a batch.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.numerics.kernels.directed import lowered, product, raised

ADD, SUBTRACT, MULTIPLY, SQUARE, NEGATE, SCALE, SHIFT, ODD_POWER, INVERSE, ROOT, POSITIVE, NOT_NEGATIVE, NOT_ZERO = (
    range(13)
)


@compiled_part_in_place
def _less(x, y):
    return x if x < y else y


@compiled_part_in_place
def _more(x, y):
    return x if x > y else y


@compiled_part_in_place
def _sum(o_low, o_high, a_low, a_high, b_low, b_high):
    for q in range(o_low.size):
        o_low[q] = lowered(a_low[q] + b_low[q])
        o_high[q] = raised(a_high[q] + b_high[q])


@compiled_part_in_place
def _difference(o_low, o_high, a_low, a_high, b_low, b_high):
    for q in range(o_low.size):
        o_low[q] = lowered(a_low[q] - b_high[q])
        o_high[q] = raised(a_high[q] - b_low[q])


@compiled_part_in_place
def _product(o_low, o_high, a_low, a_high, b_low, b_high):
    for q in range(o_low.size):
        o_low[q], o_high[q] = product(a_low[q], a_high[q], b_low[q], b_high[q])


@compiled_part_in_place
def _square(o_low, o_high, a_low, a_high):
    for q in range(o_low.size):
        least = _more(_more(a_low[q], -a_high[q]), 0.0)
        most = _more(-a_low[q], a_high[q])
        o_low[q] = _more(lowered(least * least), 0.0)
        o_high[q] = raised(most * most)


@compiled_part_in_place
def _scaled(o_low, o_high, a_low, a_high, c_low, c_high):
    for q in range(o_low.size):
        o_low[q], o_high[q] = product(a_low[q], a_high[q], c_low, c_high)


@compiled_part_in_place
def _scaled_exactly(o_low, o_high, a_low, a_high, c):
    """By a double c that is not 0."""
    for q in range(o_low.size):
        first, second = a_low[q] * c, a_high[q] * c
        o_low[q] = lowered(_less(first, second))
        o_high[q] = raised(_more(first, second))


@compiled_part_in_place
def _power_of(size, n, sign):
    """A lower (sign -1) or upper (+1) bound of size^n for size >= 0."""
    found, factor = 1.0, size
    while n > 0:
        if n & 1:
            found = found * factor
            found = _more(lowered(found), 0.0) if sign < 0.0 else raised(found)
        n >>= 1
        factor = factor * factor
        factor = _more(lowered(factor), 0.0) if sign < 0.0 else raised(factor)
    return found


@compiled_part_in_place
def _odd_power(o_low, o_high, a_low, a_high, n):
    for q in range(o_low.size):
        x, y = a_low[q], a_high[q]
        o_low[q] = _power_of(x, n, -1.0) if x >= 0.0 else -_power_of(-x, n, 1.0)
        o_high[q] = _power_of(y, n, 1.0) if y >= 0.0 else -_power_of(-y, n, -1.0)


@compiled_part_in_place
def _unary(op, o_low, o_high, a_low, a_high, bad):
    """Inverses, roots and guards; a guard marks rows in ``bad`` and goes on with 1 there."""
    for q in range(o_low.size):
        x, y = a_low[q], a_high[q]
        if op == INVERSE:
            o_low[q], o_high[q] = lowered(1.0 / y), raised(1.0 / x)
            continue
        if op == ROOT:
            o_low[q], o_high[q] = _more(lowered(np.sqrt(x)), 0.0), raised(np.sqrt(y))
            continue
        if op == POSITIVE:
            outside = x <= 0.0
        elif op == NOT_NEGATIVE:
            outside = x < 0.0
        else:
            outside = x <= 0.0 and y >= 0.0
        if outside:
            bad[q] = 1
            x, y = 1.0, 1.0
        o_low[q], o_high[q] = x, y


@compiled_in_place
def run(code, constants, low, high, bad):
    """Execute the rows (operation, result, operand, second operand) of ``code`` on the registers ``low``, ``high`` (k, n).

    The second operand is a register, a row of ``constants`` (m, 2) for SCALE and SHIFT, or the exponent of ODD_POWER. ``bad``
    (n,): boxes where a guard failed are marked with 1.
    """
    for t in range(code.shape[0]):
        op, out, a, b = code[t, 0], code[t, 1], code[t, 2], code[t, 3]
        o_low, o_high, a_low, a_high = low[out], high[out], low[a], high[a]
        if op == ADD:
            _sum(o_low, o_high, a_low, a_high, low[b], high[b])
        elif op == SUBTRACT:
            _difference(o_low, o_high, a_low, a_high, low[b], high[b])
        elif op == MULTIPLY:
            _product(o_low, o_high, a_low, a_high, low[b], high[b])
        elif op == SQUARE:
            _square(o_low, o_high, a_low, a_high)
        elif op == NEGATE:
            for q in range(o_low.size):
                o_low[q], o_high[q] = -a_high[q], -a_low[q]
        elif op == SCALE and constants[b, 0] == constants[b, 1]:
            _scaled_exactly(o_low, o_high, a_low, a_high, constants[b, 0])
        elif op == SCALE:
            _scaled(o_low, o_high, a_low, a_high, constants[b, 0], constants[b, 1])
        elif op == SHIFT:
            c_low, c_high = constants[b, 0], constants[b, 1]
            for q in range(o_low.size):
                o_low[q], o_high[q] = lowered(a_low[q] + c_low), raised(a_high[q] + c_high)
        elif op == ODD_POWER:
            _odd_power(o_low, o_high, a_low, a_high, b)
        else:
            _unary(op, o_low, o_high, a_low, a_high, bad)
