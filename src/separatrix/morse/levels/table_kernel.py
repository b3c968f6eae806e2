"""Values of a smooth activation from its Taylor table (:mod:`separatrix.numerics.taylor_tables`), without derivatives."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place

DEGREE = 9


@compiled_in_place
def table_values(rows, reach, u, out):
    """Fill ``out`` (n,) with s(u) for -reach <= u <= reach; the largest error of a cell that was used."""
    last, error = rows.shape[0] - 1, 0.0
    for q in range(u.size):
        cell = int((u[q] + reach) * 32.0)
        cell = cell if cell < last else last  # u + reach may have been rounded up
        t = u[q] - (-reach + (cell + 0.5) * 0.03125)
        s = rows[cell, DEGREE]
        for k in range(DEGREE - 1, -1, -1):
            s = s * t + rows[cell, k]
        out[q] = s
        error = max(error, rows[cell, DEGREE + 1])
    return error
