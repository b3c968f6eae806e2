"""A simplex of vertices in every cell that a step may cut: new vertices are placed by it (§6)."""

from __future__ import annotations

import numpy as np

from separatrix.surface.arrangement.lattice import CELL_DIM, Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep


def cell_simplices(lattice: Lattice, step: LinearStep, word: int) -> np.ndarray:
    """(cells, n + 1) int32: dim + 1 affinely independent vertices of each cell, -1 behind them; of edges and of those cells that
    ``step``, whose bits begin at ``word``, may cut. Where it has one neuron only edges are asked for.
    """
    from separatrix.surface.arrangement.simplex_kernels import simplices

    found = np.full((lattice.n_cells, lattice.n + 1), -1, dtype=np.int32)
    scratch = np.zeros((2, word + step.words), dtype=np.uint64)
    simplices(
        lattice.cells, lattice.facets, lattice.edges, lattice.n_edges, _cells_to_cut(lattice, step, word), lattice.positive,
        lattice.negative, scratch, found,
    )  # fmt: skip
    return found


def _cells_to_cut(lattice: Lattice, step: LinearStep, word: int) -> np.ndarray:
    """Cells of dimension 2 and more that the step may cut, dimensions ascending, and the facets that their simplices need."""
    from separatrix.surface.arrangement.simplex_kernels import crossed_polygons

    if step.n_signs < 2 or lattice.n < 2:
        return np.zeros(0, dtype=np.int64)
    if lattice.n > 2:
        dims = lattice.cells[: lattice.n_cells, CELL_DIM]
        return np.concatenate([np.flatnonzero(dims == k) for k in range(2, lattice.n + 1)])
    found, rest = np.empty(lattice.n_cells, dtype=np.int64), np.uint64((1 << (step.n_signs - 1) % 64 + 1) - 1)
    count = crossed_polygons(
        lattice.cells, lattice.cofaces, lattice.edges, lattice.n_edges, lattice.positive, lattice.negative,
        word, word + step.words, rest, found,
    )  # fmt: skip
    return found[:count]
