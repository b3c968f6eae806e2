"""Compiled loops of narrow steps behind the forms that a walk carries: values at vertices, forms on cells (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place
from separatrix.surface.arrangement.sign_kernels import FLOOR, ROOM, length_up, square_sum
from separatrix.surface.arrangement.sparse_kernel import products_of_rows

SMALLEST, LARGEST = 2.0**-500, 2.0**500  # sizes of coefficients that cannot underflow where they are multiplied


@compiled_in_place
def tail_rows(values, numbers, left, growth, starts, columns, entries, bias, norms, out, out_numbers):
    """Values (rows, m) of a narrow step from those of the step before, which become what lies behind its crease.

    ``left`` (k,), ``growth``: slopes below zero of the step before and the largest; ``numbers``, ``out_numbers`` (rows, 5): s, g
    and the bound of the 2-norm of the error as (1) and (2) have them, inf, 0; ``starts`` to ``norms``: of the narrow one. The
    crease takes a value by its own sign: what is off by e is off by ``growth`` e behind it, whatever the exact value's sign.
    """
    m = values.shape[1]
    tiny = np.sqrt(float(m)) * 2.0**-1022
    for r in range(values.shape[0]):
        h = values[r]
        for i in range(m):
            h[i] = h[i] if h[i] > 0.0 else left[i] * h[i]
        length, e = length_up(square_sum(h), m), numbers[r, 2]
        e = (growth * e + 2.0**-52 * length + tiny) * ROOM + FLOOR
        g = (length + e) * ROOM
        out_numbers[r, 0], out_numbers[r, 1] = (e + norms[0] * length) * ROOM, g
        out_numbers[r, 2] = (norms[1] * e + norms[2] * length + norms[3] * g + norms[4]) * ROOM + FLOOR
        out_numbers[r, 3], out_numbers[r, 4] = np.inf, 0.0
    products_of_rows(starts, columns, entries, values, out)
    for r in range(values.shape[0]):
        for i in range(bias.shape[0]):
            out[r, i] += bias[i]


@compiled_part_in_place
def slope_on_cell(i, number, corners_from, corners, positive, negative, bit_at, left):
    """What the crease of coordinate i multiplies by on the cell ``number``, by the signs at its corners."""
    if bit_at[i] < 0:
        return 1.0
    w, bit, slope = bit_at[i] >> 6, np.uint64(1) << np.uint64(bit_at[i] & 63), 0.0
    for k in range(corners_from[number], corners_from[number + 1]):
        if positive[corners[k], w] & bit:
            return 1.0
        if negative[corners[k], w] & bit:
            slope = left[i]
    return slope


@compiled_part_in_place
def terms_of_form(
    r,
    carried,
    number,
    corners_from,
    corners,
    positive,
    negative,
    bit_at,
    left,
    starts,
    columns,
    entries,
    bias,
    terms,
    factors,
):
    """The form of coordinate r on a cell as a combination of carried ones, numbered below ``carried``.

    Returns how many terms there are (-1: too many, or too large or small), in which row of ``terms`` and ``factors`` (2, most)
    they stand, the constant, its size, and the number of roundings.
    """
    count, side, constant, size, work = 1, 0, 0.0, 0.0, 0
    terms[0, 0], factors[0, 0] = r, 1.0
    while count > 0 and terms[side, 0] >= carried:
        found = 0
        for k in range(count):
            i, factor = terms[side, k], factors[side, k]
            constant += factor * bias[i]
            size += abs(factor * bias[i])
            for place in range(starts[i], starts[i + 1]):
                slope = slope_on_cell(columns[place], number, corners_from, corners, positive, negative, bit_at, left)
                product = factor * entries[place] * slope
                if slope == 0.0 or entries[place] == 0.0:
                    continue
                if found == terms.shape[1] or not SMALLEST < abs(product) < LARGEST:
                    return -1, side, constant, size, work
                terms[1 - side, found], factors[1 - side, found] = columns[place], product
                found += 1
        work += 2 * count + found + 4
        side, count = 1 - side, found
    return count, side, constant, size, work
