"""Which vertices a cell of a complex has, and in which cells of full dimension it lies (§6)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from separatrix.complexes.cells import Cells, index_array

Table = tuple[np.ndarray, np.ndarray]


class CellTables:
    """Tables of a complex of bounded cells, made when first asked for: the members of cell c of a dimension are
    ``members[starts[c]:starts[c + 1]]``.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells

    def vertices(self, k: int) -> Table:
        """The vertices of every k-cell, ascending."""
        return _rows(self._down[k])

    def tops(self, k: int) -> Table:
        """The cells of full dimension around every k-cell, ascending."""
        return _rows(self._up[k])

    @cached_property
    def _down(self) -> list[Any]:
        found = [_identity(self.cells.counts[0])]
        for k in range(1, self.cells.dim + 1):
            found.append(_product(self._facets(k), found[-1]))
        return found

    @cached_property
    def _up(self) -> list[Any]:
        found = [_identity(self.cells.counts[-1])]
        for k in range(self.cells.dim, 0, -1):
            found.append(_product(self._facets(k).T.tocsr(), found[-1]))
        return found[::-1]

    def _facets(self, k: int) -> Any:
        from scipy.sparse import csr_array

        faces = self.cells.faces[k]
        shape = (self.cells.counts[k], self.cells.counts[k - 1])
        return csr_array((np.ones(faces.size, dtype=np.int32), faces, index_array(self.cells.starts[k])), shape=shape)


def _identity(n: int) -> Any:
    from scipy.sparse import csr_array

    numbers = np.arange(n + 1, dtype=np.int32)
    return csr_array((np.ones(n, dtype=np.int32), numbers[:-1], numbers), shape=(n, n))


def _product(left: Any, right: Any) -> Any:
    found = (left @ right).tocsr()
    found.data[:] = 1
    found.sort_indices()
    return found


def _rows(matrix: Any) -> Table:
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int64)


def chosen_rows(table: Table, rows: np.ndarray) -> Table:
    """The table of some rows (with repetition) of a table."""
    starts, members = table
    lengths = starts[rows + 1] - starts[rows]
    ends = np.concatenate([[0], np.cumsum(lengths)])
    places = np.repeat(starts[rows] - ends[:-1], lengths) + np.arange(int(ends[-1]))
    return ends, members[places]
