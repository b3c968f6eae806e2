"""The pieces of a complex that change {f >= c} together: flat components and the cells whose lowest vertices they hold (§5).

f is affine on every cell, so that the vertices of a cell at which it is least are those of one face. Let K(c) be the cells
all of whose vertices have values >= c. A cell whose least value is c joins K(c) at c, and its lowest face lies in one
connected component A of the cells on which f = c: the chains of K(c) over those above c are a direct sum over such A.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.morse.piecewise_linear.local_chains import Degree


@dataclass(frozen=True, eq=False)
class Pieces:
    """``n_pieces``; ``of_vertex`` (V,): the piece of each vertex; by dimension, ``owner[k]`` (cells,): the piece that holds
    the lowest face of each cell, ``low[k]`` and ``high[k]`` (cells,): the least and the largest rank of its vertices.
    """

    cells: Cells
    n_pieces: int
    of_vertex: np.ndarray
    owner: tuple[np.ndarray, ...]
    low: tuple[np.ndarray, ...]
    high: tuple[np.ndarray, ...]

    @classmethod
    def of(cls, cells: Cells, ranks: np.ndarray) -> Pieces:
        """The pieces of a complex with bounded cells for the order ``ranks`` (V,) of its vertices, exact with its ties."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        count = cells.counts[0]
        ends = cells.faces[1].reshape(-1, 2) if cells.dim else np.zeros((0, 2), dtype=np.int32)
        flat = ends[ranks[ends[:, 0]] == ranks[ends[:, 1]]]
        graph = coo_array((np.ones(len(flat), dtype=np.int8), (flat[:, 0], flat[:, 1])), shape=(count, count))
        n_pieces, of_vertex = connected_components(graph, directed=False)
        owner, low, high = [of_vertex.astype(np.int64)], [ranks], [ranks]
        for k in range(1, cells.dim + 1):
            starts, faces = cells.starts[k], cells.faces[k]
            least = np.minimum.reduceat(low[-1][faces], starts[:-1]) if faces.size else low[-1][:0]
            most = np.maximum.reduceat(high[-1][faces], starts[:-1]) if faces.size else high[-1][:0]
            lowest = low[-1][faces] == np.repeat(least, cells.lengths(k))
            own = np.empty(cells.counts[k], dtype=np.int64)
            own[cells.owners(k)[lowest]] = owner[-1][faces[lowest]]
            owner.append(own)
            low.append(least)
            high.append(most)
        return cls(cells, int(n_pieces), of_vertex, tuple(owner), tuple(low), tuple(high))

    def relative_chains(self) -> list[Degree]:
        """The chains of K(c) over those above c, one complex a piece."""
        cells, found = self.cells, [Degree(self.owner[0], *(np.zeros(0, dtype=np.int64) for _ in range(3)))]
        for k in range(1, cells.dim + 1):
            owners = cells.owners(k).astype(np.int64)
            inside = self.low[k][owners] == self.low[k - 1][cells.faces[k]]
            found.append(
                Degree(self.owner[k], owners[inside], cells.faces[k][inside].astype(np.int64), cells.signs[k][inside])
            )
        return found

    def flat_cells(self, k: int) -> np.ndarray:
        """Which k-cells f is constant on, (cells,)."""
        return self.low[k] == self.high[k]

    def flat_dimension(self) -> np.ndarray:
        """The largest dimension of a cell of each piece on which f is constant, (n_pieces,): 0 for a lone vertex."""
        found = np.zeros(self.n_pieces, dtype=np.int64)
        for k in range(1, self.cells.dim + 1):
            found[self.owner[k][self.flat_cells(k)]] = k
        return found

    def representatives(self) -> np.ndarray:
        """The vertex of the smallest number of each piece, (n_pieces,)."""
        return np.unique(self.of_vertex, return_index=True)[1]
