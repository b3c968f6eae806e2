"""The compiled product of a sparse matrix with many vectors, each a row in memory (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place, compiled_part_in_place


@compiled_in_place
def sparse_products(starts, columns, entries, x, out):
    """As ``products_of_rows``."""
    products_of_rows(starts, columns, entries, x, out)


@compiled_part_in_place
def products_of_rows(starts, columns, entries, x, out):
    """out (r, m) = F x for the rows of x (r, k), F (m, k) given as CSR arrays; sums in the order of the entries."""
    rows = x.shape[0]
    last = rows - rows % 4
    for v in range(0, last, 4):  # an index is read once for four of them
        x0, x1, x2, x3 = x[v], x[v + 1], x[v + 2], x[v + 3]
        for i in range(out.shape[1]):
            s0 = s1 = s2 = s3 = 0.0
            for place in range(starts[i], starts[i + 1]):
                entry, k = entries[place], np.uint64(columns[place])  # no index counts from the end
                s0 += entry * x0[k]
                s1 += entry * x1[k]
                s2 += entry * x2[k]
                s3 += entry * x3[k]
            out[v, i], out[v + 1, i], out[v + 2, i], out[v + 3, i] = s0, s1, s2, s3
    for v in range(last, rows):
        for i in range(out.shape[1]):
            total = 0.0
            for place in range(starts[i], starts[i + 1]):
                total += entries[place] * x[v, np.uint64(columns[place])]
            out[v, i] = total
