"""The lattice reduced to some of its top cells and their faces."""

from __future__ import annotations

import numpy as np

from separatrix.surface.arrangement.lattice import NONE, Lattice


def keep_closure(lattice: Lattice, tops: np.ndarray) -> np.ndarray:
    """Drop all cells but ``tops`` and their faces; the ids of the vertices that stay, ascending.

    What stays is numbered anew in the old order.
    """
    from separatrix.surface.arrangement.pruning_kernels import drop_unmarked, mark_closure

    n_cells, n_vertices = lattice.n_cells, lattice.n_vertices
    kept_cells, kept_vertices = np.zeros(n_cells, dtype=np.int8), np.zeros(n_vertices, dtype=np.int8)
    stack = np.empty(n_cells, dtype=np.int64)
    mark_closure(tops, lattice.cells, lattice.edges, lattice.nodes, kept_cells, kept_vertices, stack)
    used = np.array([lattice.n_edges, n_cells, lattice.n_nodes])
    n_kept = int(kept_cells.sum(dtype=np.int64))
    cells = np.empty((n_kept, 8), dtype=np.int32)
    edges, nodes = np.empty_like(lattice.edges[: used[0]]), np.empty_like(lattice.nodes[: used[2]])
    numbers = (_numbers(kept_cells), _numbers(kept_vertices))
    drop_unmarked(used, lattice.cells, lattice.edges, lattice.nodes, *numbers, cells, edges, nodes)
    lattice.n_edges, lattice.n_cells, lattice.n_nodes = (int(count) for count in used)
    lattice.cells, lattice.edges, lattice.nodes = cells, edges[: used[0]].copy(), nodes[: used[2]].copy()
    kept = np.flatnonzero(kept_vertices)
    lattice.n_vertices = kept.size
    for name in ("x", "error", "positive", "negative"):
        setattr(lattice, name, getattr(lattice, name)[kept])
    return kept


def _numbers(kept: np.ndarray) -> np.ndarray:
    """New numbers 0, 1, … of what is kept, -1 of the rest."""
    return np.where(kept > 0, np.cumsum(kept, dtype=np.int64) - 1, NONE)
