"""Compiled loops of exact arithmetic modulo primes just below 2^28, eight at a time (§6).

A product of two residues is below 2^56, so that 126 of them and one residue add up to less than 2^63. With p = 2^28 - d and
d < 2^12 a number h 2^28 + l is l + d h modulo p: three such foldings bring it below 2 p.
"""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place

TERMS = 126  # and what a folding left, which is less than a product
WIDTH = np.uint64(28)
WHOLE = np.uint64(1 << 28)
LOW = np.uint64((1 << 28) - 1)


@compiled_part_in_place
def folded(total, offset):
    """A smaller number that is ``total`` modulo 2^28 - offset."""
    return (total & LOW) + (total >> WIDTH) * offset


@compiled_in_place
def residue_rows(rows, starts, columns, which, table, bias, x, offsets, sums, out):
    """out[i] = sum of table[which] x[columns] over the entries of row i, ``bias`` added in the last column, for i in ``rows``.

    ``starts``, ``columns`` and ``which`` are the CSR arrays of a matrix whose entries stand in ``table``; ``table`` (u, 8),
    ``bias`` (m, 8), ``x`` (k, c, 8) and ``out`` (m, c, 8): residues modulo 2^28 - ``offsets``; ``sums`` (c, 8): scratch.
    """
    c, lanes = sums.shape  # a number of lanes that is not known here is what makes the compiler use vectors
    for i in rows:
        for j in range(c):
            for lane in range(lanes):
                sums[j, lane] = np.uint64(0)
        for lane in range(lanes):
            sums[c - 1, lane] = np.uint64(bias[i, lane])
        room = TERMS
        for place in range(starts[i], starts[i + 1]):
            w, column = which[place], columns[place]
            for j in range(c):
                for lane in range(lanes):
                    sums[j, lane] += np.uint64(table[w, lane]) * np.uint64(x[column, j, lane])
            room -= 1
            if room == 0:
                room = TERMS
                for j in range(c):
                    for lane in range(lanes):
                        sums[j, lane] = folded(sums[j, lane], offsets[lane])
        for j in range(c):
            for lane in range(lanes):
                offset = offsets[lane]
                total = folded(folded(folded(sums[j, lane], offset), offset), offset)
                p = WHOLE - offset
                out[i, j, lane] = total - p if total >= p else total


@compiled_in_place
def mark_columns(rows, starts, columns, marks):
    """Set ``marks`` (k,) at the columns of the entries of ``rows`` of a matrix given by CSR arrays."""
    for i in rows:
        for place in range(starts[i], starts[i + 1]):
            marks[columns[place]] = 1
