"""The lattice reduced to some of its top cells and their faces."""

from __future__ import annotations

import numpy as np

from separatrix.surface.arrangement.lattice import NONE, SPARE, Lattice


def keep_closure(lattice: Lattice, tops: np.ndarray) -> np.ndarray:
    """Drop all cells but ``tops`` and their faces; the ids of the vertices that stay, ascending.

    What stays is numbered anew in the old order.
    """
    from separatrix.surface.arrangement.pruning_kernels import drop_unmarked, mark_closure

    n_cells, n_vertices = lattice.n_cells, lattice.n_vertices
    kept_cells, kept_vertices = np.zeros(n_cells, dtype=np.int8), np.zeros(n_vertices, dtype=np.int8)
    stack = np.empty(n_cells, dtype=np.int64)
    mark_closure(tops, lattice.cells, lattice.edges, lattice.facets, kept_cells, kept_vertices, stack)
    used = np.array([lattice.n_edges, n_cells, lattice.n_facets, lattice.n_cofaces])
    n_kept = int(kept_cells.sum(dtype=np.int64))
    cells, edges = np.empty((n_kept, 8), dtype=np.int32), np.empty_like(lattice.edges[: used[0]])
    facets, cofaces = np.empty(int(used[2]) + SPARE * n_kept, dtype=np.int32), np.empty_like(lattice.cofaces[: used[3]])
    drop_unmarked(
        used, lattice.cells, lattice.edges, lattice.facets, lattice.cofaces, _numbers(kept_cells), _numbers(kept_vertices),
        cells, edges, facets, cofaces,
    )  # fmt: skip
    lattice.n_edges, lattice.n_cells, lattice.n_facets, lattice.n_cofaces = used.tolist()
    lattice.cells, lattice.edges = cells, edges[: used[0]].copy()
    lattice.facets, lattice.cofaces = facets[: used[2]].copy(), cofaces[: used[3]].copy()
    kept = np.flatnonzero(kept_vertices)
    lattice.n_vertices = kept.size
    for name in ("x", "error", "positive", "negative"):
        setattr(lattice, name, getattr(lattice, name)[kept])
    return kept


def _numbers(kept: np.ndarray) -> np.ndarray:
    """New numbers 0, 1, … of what is kept, -1 of the rest."""
    return np.where(kept > 0, np.cumsum(kept, dtype=np.int64) - 1, NONE)
