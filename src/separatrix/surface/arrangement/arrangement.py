"""The subdivision of a box by neurons as cells by dimension, with the vertices and their signs (§6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.complexes.sign_layout import SignLayout
from separatrix.errors import SeparatrixError
from separatrix.surface.arrangement.lattice import Lattice


@dataclass(frozen=True, eq=False)
class Arrangement:
    """The cells of all dimensions of a box cut by neurons, box faces included.

    - ``cells``: counts and signed incidence by dimension
    - ``vertices`` (V, n): nearest doubles or better known points; ``vertex_error`` (V,): bounds on the 2-norm distance to
      the exact vertices
    - ``positive``, ``negative`` (V, words) uint64: signs of the vertices, bits as in ``layout``
    - ``n_exact_decisions``: signs that were decided in rational arithmetic
    - ``n_dropped``: top cells taken away on the way because no output row vanishes on them
    """

    cells: Cells
    vertices: np.ndarray
    vertex_error: np.ndarray
    positive: np.ndarray
    negative: np.ndarray
    layout: SignLayout
    n_exact_decisions: int
    n_dropped: int = 0


def cells_of(lattice: Lattice) -> Cells:
    """The lattice's cells by dimension, numbered in the order of their ids; checks boundary of boundary and Euler's sum."""
    from separatrix.surface.arrangement.export_kernels import list_incidences, place_cells

    n, count, lines = lattice.n, lattice.n_cells, (lattice.cells, lattice.edges, lattice.facets)
    order, places = np.empty(count, dtype=np.int32), np.empty(count, dtype=np.int32)
    firsts, starts = np.zeros(n + 2, dtype=np.int64), np.empty(count + 1, dtype=np.int64)
    total = int(place_cells(count, lattice.cells, order, places, firsts, np.empty_like(firsts)))
    faces, signs, sums = (
        np.empty(total, dtype=np.int32),
        np.empty(total, dtype=np.int8),
        np.empty(count, dtype=np.uint64),
    )
    fault = list_incidences(order, *lines, places, sums, starts, faces, signs)
    if fault >= 0:
        raise SeparatrixError(f"internal check failed: the boundary of cell {fault} has a boundary")
    sizes = [lattice.n_vertices, *np.diff(firsts[1:]).tolist()]
    return _by_dimension(sizes, firsts, starts, faces, signs)


def _by_dimension(
    sizes: list[int], firsts: np.ndarray, starts: np.ndarray, faces: np.ndarray, signs: np.ndarray
) -> Cells:
    """Views of the rows of each dimension."""
    parts = [(np.zeros(sizes[0] + 1, dtype=np.int64), faces[:0], signs[:0])]
    for k in range(1, len(sizes)):
        first, last = int(firsts[k]), int(firsts[k + 1])
        low, high = int(starts[first]), int(starts[last])
        parts.append((starts[first : last + 1] - low, faces[low:high], signs[low:high]))
    return Cells(tuple(sizes), *(tuple(part[i] for part in parts) for i in range(3)))
