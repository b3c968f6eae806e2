"""The face lattice of a subdivided box in flat arrays, changed in place while neurons are inserted (§6).

Vertices have ids of their own; cells of all dimensions from 1 up share one space of ids. An incidence of a cell and its
facet is a row of ``nodes``, which stands in two linked lists: the facets of the cell, the cofaces of the facet. The two
ends of an edge stand in ``edges``. Columns are named by the constants below.
"""

from __future__ import annotations

import math

import numpy as np

CELL_FACETS, CELL_COFACES, CELL_WITNESS, CELL_ROOT, CELL_DIM, CELL_STATE, CELL_MINUS, CELL_ZERO = range(8)
NODE_FACET, NODE_COFACE, NODE_NEXT_FACET, NODE_NEXT_COFACE = range(4)
EDGE_A, EDGE_B, EDGE_CELL, EDGE_NEXT = range(4)
UNMARKED, SPLIT, TOUCHED_ZERO, TOUCHED_POSITIVE, TOUCHED_NEGATIVE = range(5)
NONE = -1
FEWEST_ROWS = 512  # of an array that grows
LARGE, LINE = 1 << 20, 64  # bytes of a large array and of a cache line
GROWTH, LEAST_GROWTH = 3.0, 1.25  # rows that are never touched cost no memory, copies do


class Lattice:
    """Vertices, edges, cells and incidences of the subdivision so far; arrays have spare rows behind the used ones.

    - ``x`` (vertices, n), ``error`` (vertices,): positions, bounds on the 2-norm distance to the exact vertices
    - ``positive``, ``negative`` (vertices, words) uint64: signs, one bit a box face, neuron or output row
    - ``edges`` (edges, 4) int32: ends A and B (the edge runs from A to B), cell, next edge of its bucket
    - ``cells`` (cells, 8) int32: first node of the facets (of an edge: its row in ``edges``), first node of the cofaces,
      a vertex of the closed cell, the cell of the step's start that contains it, dimension, and state while a neuron is
      inserted: mark, id of the negative part, id of the zero part
    - ``nodes`` (incidences, 4) int32: facet id times 2 (plus 1 where the incidence is -1), coface, next facet of the same
      cell, next coface of the same facet
    - ``word``: first word of the step's bits; ``creased``: the step's coordinates that have bits
    """

    def __init__(self, n: int, words: int) -> None:
        self.n = n
        self.words = words
        self.word = 1
        self.creased: np.ndarray = np.zeros(0, dtype=np.int64)
        self.n_vertices = self.n_edges = self.n_cells = self.n_nodes = 0
        self.x: np.ndarray = np.zeros((0, n))
        self.error: np.ndarray = np.zeros(0)
        self.positive: np.ndarray = np.zeros((0, words), dtype=np.uint64)
        self.negative: np.ndarray = np.zeros((0, words), dtype=np.uint64)
        self.edges: np.ndarray = np.zeros((0, 4), dtype=np.int32)
        self.cells: np.ndarray = np.zeros((0, 8), dtype=np.int32)
        self.nodes: np.ndarray = np.zeros((0, 4), dtype=np.int32)

    def reserve(self, vertices: int, edges: int, cells: int, nodes: int) -> None:
        """Make room for so many more rows; arrays that are too short are replaced by longer ones."""
        for names, used, more in (
            (("x", "error", "positive", "negative"), self.n_vertices, vertices),
            (("edges",), self.n_edges, edges),
            (("cells",), self.n_cells, cells),
            (("nodes",), self.n_nodes, nodes),
        ):
            for name in names:
                array = getattr(self, name)
                if used + more > array.shape[0]:
                    setattr(self, name, _longer(array, used, used + more))

    @property
    def most_facets(self) -> int:
        """A bound on the number of facets of a cell: those of the box, and at most one more for every bit."""
        return 2 * self.n + 64 * self.words

    def euler_characteristic(self) -> int:
        """Vertices minus edges plus 2-cells, …: 1 for a subdivided box."""
        dims = np.bincount(self.cells[: self.n_cells, CELL_DIM], minlength=self.n + 1)
        return self.n_vertices + int(((-1) ** np.arange(dims.shape[0]) * dims).sum())


def _longer(array: np.ndarray, used: int, least: int) -> np.ndarray:
    """A copy of the used rows with room for ``least`` rows and, where the system grants it, for more."""
    try:
        longer = _aligned(max(least, int(GROWTH * used), FEWEST_ROWS), array)
    except MemoryError:
        longer = _aligned(max(least, int(LEAST_GROWTH * used)), array)
    longer[:used] = array[:used]
    return longer


def _aligned(rows: int, like: np.ndarray) -> np.ndarray:
    """Rows as those of ``like``; in large arrays from the start of a cache line on: no row of 16 or 32 bytes lies in two."""
    shape = (rows, *like.shape[1:])
    size = math.prod(shape) * like.itemsize
    if size < LARGE:
        return np.empty(shape, dtype=like.dtype)
    room = np.empty(size + LINE, dtype=np.uint8)
    start = -room.ctypes.data % LINE
    return room[start : start + size].view(like.dtype).reshape(shape)
