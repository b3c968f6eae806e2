"""The face lattice of a subdivided box in flat arrays, changed in place while neurons are inserted (§6).

Vertices have ids of their own; cells of all dimensions from 1 up share one space of ids. The facets of a cell, and its
cofaces, stand side by side in a block of their own, so that one cache line or two hold them; the two ends of an edge stand
in ``edges``. Columns are named by the constants below.
"""

from __future__ import annotations

import math

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.numerics.page_faults import ReadyPages, is_address_space_free
from separatrix.surface.arrangement.threads import in_threads

CELL_FACETS, CELL_COFACES, CELL_WITNESS, CELL_ROOT, CELL_DIM, CELL_STATE, CELL_PARTS, CELL_SIZE = range(8)
EDGE_A, EDGE_B, EDGE_CELL, EDGE_NEXT = range(4)
UNMARKED, SPLIT, TOUCHED_ZERO, TOUCHED_POSITIVE, POSITIVE, TOUCHED_NEGATIVE, NEGATIVE = range(7)  # marks of cells
NONE = -1
SPARE = 1  # places behind the facets of a new cell; a neuron that cuts it takes one at most
FEWEST_ROWS = 512  # of an array that grows
WORDS_AT_ONCE, FEWEST_IN_THREADS = 16, 4096  # words of a thread, vertices that are worth one
LARGE, LINE = 1 << 20, 64  # bytes of a large array and of a cache line
GROWTH, LEAST_GROWTH = 6, 1.25  # rows that are never touched cost no memory, copies do
LARGEST_GROWTH, COSTLY = 64, 1 << 25  # where addresses cost nothing either; bytes of a copy that is worth them


class Lattice:
    """Vertices, edges, cells and incidences of the subdivision so far; arrays have spare rows behind the used ones.

    - ``x`` (vertices, n), ``error`` (vertices,): positions, bounds on the 2-norm distance to the exact vertices
    - ``positive``, ``negative`` (vertices, words) uint64: signs, one bit a box face, neuron or output row
    - ``edges`` (edges, 4) int32: ends A and B (the edge runs from A to B), cell, next edge of its bucket
    - ``cells`` (cells, 8) int32: where in ``facets`` its own begin (of an edge: its row in ``edges``), where in ``cofaces``,
      a vertex of the closed cell, the cell of the step's start that contains it, dimension, while a neuron is inserted its
      mark and the id of its negative part, behind which that of its zero part comes, and the number of facets
    - ``facets`` int32: of each cell of dimension 2 or more the room for its facets, then these: ids times 2, plus 1 where
      the incidence is -1
    - ``cofaces`` int32: of each cell the room for its cofaces, their number, then their ids
    - ``word``: first word of the step's bits; ``creased``: the step's coordinates that have bits
    - ``joined``: the vertices from this one on have no signs of earlier steps yet; ``ends`` (vertices, 2) int32: the ends of
      the edges that they split
    """

    def __init__(self, n: int, words: int) -> None:
        self.n = n
        self.words = words
        self.word = 1
        self.creased: np.ndarray = np.zeros(0, dtype=np.int64)
        self.joined = 0
        self.n_vertices = self.n_edges = self.n_cells = self.n_facets = self.n_cofaces = 0
        self.x: np.ndarray = np.zeros((0, n))
        self.error: np.ndarray = np.zeros(0)
        self.positive: np.ndarray = np.zeros((0, words), dtype=np.uint64)
        self.negative: np.ndarray = np.zeros((0, words), dtype=np.uint64)
        self.ends: np.ndarray = np.zeros((0, 2), dtype=np.int32)
        self.edges: np.ndarray = np.zeros((0, 4), dtype=np.int32)
        self.cells: np.ndarray = np.zeros((0, 8), dtype=np.int32)
        self.facets: np.ndarray = np.zeros(0, dtype=np.int32)
        self.cofaces: np.ndarray = np.zeros(0, dtype=np.int32)
        self._pages = ReadyPages()

    def reserve(self, vertices: int, edges: int, cells: int, facets: int, cofaces: int) -> None:
        """Make room for so many more rows; arrays that are too short are replaced by longer ones."""
        for name, used in (("positive", self.n_vertices), ("negative", self.n_vertices), ("cells", self.n_cells)):
            self._pages.advance(getattr(self, name), used)
        if (
            self.n_vertices + vertices <= self.error.size
            and self.n_vertices - self.joined + vertices <= len(self.ends)
            and self.n_edges + edges <= len(self.edges)
            and self.n_cells + cells <= len(self.cells)
            and self.n_facets + facets <= self.facets.size
            and self.n_cofaces + cofaces <= self.cofaces.size
        ):
            return
        for names, used, more in (
            (("x", "error", "positive", "negative"), self.n_vertices, vertices),
            (("ends",), self.n_vertices - self.joined, vertices),
            (("edges",), self.n_edges, edges),
            (("cells",), self.n_cells, cells),
            (("facets",), self.n_facets, facets),
            (("cofaces",), self.n_cofaces, cofaces),
        ):
            for name in names:
                array = getattr(self, name)
                if used + more > array.shape[0]:
                    setattr(self, name, _longer(array, used, used + more))

    def join(self) -> None:
        """The signs of earlier steps of the vertices that do not have them yet, in threads by words.

        Raises SeparatrixError where the ends of an edge contradict each other.
        """
        from separatrix.surface.arrangement.joining_kernels import join_earlier

        first, ends = self.joined, self.ends[: self.n_vertices - self.joined]
        self.joined = self.n_vertices

        def piece(low: int) -> bool:
            high = min(low + size, self.word)
            return bool(join_earlier(first, ends, low, high, self.positive, self.negative))

        size = WORDS_AT_ONCE if len(ends) >= FEWEST_IN_THREADS else self.word
        if len(ends) and not all(in_threads(piece, range(0, self.word, size))):
            raise SeparatrixError("internal check failed: an edge has ends on both sides of an earlier neuron")

    def copy(self, words: int) -> Lattice:
        """The same cells with room for so many words of signs; vertices have no places and no signs yet."""
        other = Lattice(self.n, words)
        other.reserve(self.n_vertices, self.n_edges, self.n_cells, self.n_facets, self.n_cofaces)
        for name in ("edges", "cells", "facets", "cofaces"):
            own = getattr(self, name)
            getattr(other, name)[: len(own)] = own
        for name in ("n_vertices", "n_edges", "n_cells", "n_facets", "n_cofaces"):
            setattr(other, name, getattr(self, name))
        return other

    @property
    def most_facets(self) -> int:
        """A bound on the number of facets of a cell: those of the box, and at most one more for every bit."""
        return 2 * self.n + 64 * self.words


def _longer(array: np.ndarray, used: int, least: int) -> np.ndarray:
    """A copy of the used rows with room for ``least`` rows and, where the system grants it, for more."""
    is_costly = used * array.strides[0] > COSTLY and is_address_space_free()
    for growth in (LARGEST_GROWTH, GROWTH) if is_costly else (GROWTH,):
        try:
            longer = _aligned(max(least, growth * used, FEWEST_ROWS), array)
            break
        except MemoryError:
            continue
    else:
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
