"""Small complexes with the homotopy type of the set of chosen vertices of a grid (§10).

A vertex whose neighbours in the set span a contractible part of its link can be taken away: the set retracts to the rest. In a
triangulated box of up to three dimensions the link lies in a sphere, and a part of it that is connected with Euler number 1 is
contractible.
"""

from __future__ import annotations

import numpy as np

from separatrix.morse.levels.grid import star
from separatrix.morse.levels.kuhn_cells import chains

Array = np.ndarray


def thinned(inside: Array) -> Array:
    """A part of the vertices ``inside`` (a mask of the grid's counts) that spans a retract, a mask of the same shape."""
    from separatrix.morse.levels.thin_kernel import thin

    table, wide = star(inside.ndim), np.pad(inside, 1)
    is_simple = ((table.n_parts == 1) & (table.euler == 0)).astype(np.int64)
    strides = np.array([int(np.prod(wide.shape[i + 1 :], dtype=np.int64)) for i in range(wide.ndim)], dtype=np.int64)
    present = wide.ravel().astype(np.int64)
    thin(present, is_simple, table.steps @ strides, np.empty(max(int(inside.sum()), 1), dtype=np.int64))
    return present.reshape(wide.shape)[(slice(1, -1),) * inside.ndim] > 0


def spanned(inside: Array) -> list[Array]:
    """The simplices of Kuhn's triangulation all of whose corners are in ``inside``: by dimension k, numbers (n, k + 1)."""
    numbers, counts = np.flatnonzero(inside), inside.shape
    places = np.stack(np.unravel_index(numbers, counts), axis=1)
    found = [numbers.reshape(-1, 1)]
    for level in chains(inside.ndim)[1:]:
        rows = [np.zeros((0, len(level[0]) + 1), dtype=np.int64)]
        for chain in level:
            fits = (places + np.array(chain[-1]) < counts).all(axis=1)
            corners = np.stack(
                [
                    np.ravel_multi_index(tuple((places[fits] + np.array(step)).T), counts)
                    for step in ((0,) * inside.ndim, *chain)
                ],
                axis=1,
            )
            rows.append(corners[inside.ravel()[corners].all(axis=1)])
        found.append(np.concatenate(rows))
    return found
