"""The compiled product of a sparse matrix with many vectors, each a row in memory (§6)."""

from __future__ import annotations

from separatrix.numerics.compilation import compiled_in_place


@compiled_in_place
def sparse_products(starts, columns, entries, x, out):
    """out (r, m) = F x for the rows of x (r, k), F (m, k) given as CSR arrays; sums in the order of the entries."""
    for v in range(x.shape[0]):
        for i in range(out.shape[1]):
            total = 0.0
            for place in range(starts[i], starts[i + 1]):
                total += entries[place] * x[v, columns[place]]
            out[v, i] = total
