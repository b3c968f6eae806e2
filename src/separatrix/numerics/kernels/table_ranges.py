"""Ranges of a smooth activation and of its derivatives from its Taylor tables (:mod:`separatrix.numerics.taylor_tables`).

Between critical points s^(k) is monotone: the range over an interval is the hull of its values at both ends and at the critical
points inside.
"""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place

DEGREE = 9
BLOCK = DEGREE + 2


@compiled_in_place
def table_ranges(rows, meta, left, right, low, high):
    """Fill ``low`` and ``high`` (3, n) with bounds of s, s', s'' on [left, right].

    Within the table: -reach <= left <= right <= reach.
    """
    reach, last = meta[0], rows.shape[0] - 1
    for end in range(2):
        for q in range(left.size):
            u = left[q] if end == 0 else right[q]
            if end == 1 and u == left[q]:
                continue
            cell = int((u + reach) * 32.0)
            cell = cell if cell < last else last  # u + reach may have been rounded up
            row = rows[cell]
            t = u - (-reach + (cell + 0.5) * 0.03125)
            s, p, c = row[DEGREE], row[BLOCK + DEGREE], row[2 * BLOCK + DEGREE]
            for k in range(DEGREE - 1, -1, -1):
                s, p, c = s * t + row[k], p * t + row[BLOCK + k], c * t + row[2 * BLOCK + k]
            e, f, g = row[DEGREE + 1], row[BLOCK + DEGREE + 1], row[2 * BLOCK + DEGREE + 1]
            if end == 0:
                low[0, q], high[0, q] = s - e, s + e
                low[1, q], high[1, q] = p - f, p + f
                low[2, q], high[2, q] = c - g, c + g
            else:
                low[0, q], high[0, q] = min(low[0, q], s - e), max(high[0, q], s + e)
                low[1, q], high[1, q] = min(low[1, q], p - f), max(high[1, q], p + f)
                low[2, q], high[2, q] = min(low[2, q], c - g), max(high[2, q], c + g)
    for order in range(3):
        for i in range(int(meta[2 + order])):
            at = 5 + 12 * order + 4 * i
            for q in range(left.size):
                if left[q] <= meta[at + 1] and right[q] >= meta[at]:
                    low[order, q] = min(low[order, q], meta[at + 2])
                    high[order, q] = max(high[order, q], meta[at + 3])
