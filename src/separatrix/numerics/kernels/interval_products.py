"""Products of intervals with arrays of midpoints and radii, and sums of such products, rounded outward (§8)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.compilation import compiled_in_place
from separatrix.numerics.kernels.directed import TINY, UNIT, lowered, product, raised


@compiled_in_place
def scaled(low, high, mid, rad, first, to_mid, to_rad):
    """[low, high] (m, n) times ``mid`` +- ``rad`` (m, k, n) in the columns from ``first`` on, put in ``to_mid`` +- ``to_rad``."""
    for i in range(low.shape[0]):
        for j in range(first, mid.shape[1]):
            for q in range(low.shape[1]):
                x, r = mid[i, j, q], rad[i, j, q]
                least, most = product(low[i, q], high[i, q], lowered(x - r), raised(x + r))
                m = 0.5 * least + 0.5 * most
                r = (most - m if most - m > m - least else m - least) * (1.0 + 4.0 * UNIT) + TINY
                known = r < 1e308
                to_mid[i, j, q] = m if known else 0.0
                to_rad[i, j, q] = r if known else np.inf


@compiled_in_place
def add_products(weight, loose, mid, rad, other_mid, other_rad, i, j, is_square, low, high):
    """Add the sum over u of w_u x_u y_u to [low, high] (n,): w = ``weight`` +- ``loose`` (m, n), x column i of ``mid`` +- ``rad``
    (m, k, n) and y column j of ``other_mid`` +- ``other_rad``; ``is_square``: x and y are one number."""
    for u in range(weight.shape[0]):
        for q in range(low.size):
            x, r = mid[u, i, q], rad[u, i, q]
            y, s = other_mid[u, j, q], other_rad[u, j, q]
            least, most = product(lowered(x - r), raised(x + r), lowered(y - s), raised(y + s))
            if is_square:
                least = least if least > 0.0 else 0.0
            w, t = weight[u, q], loose[u, q]
            least, most = product(lowered(w - t), raised(w + t), least, most)
            low[q], high[q] = lowered(low[q] + least), raised(high[q] + most)
