"""A polyhedral complex as a simplicial one, and the cells that its simplices lie in (§6)."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.simplices import all_faces
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.complexes.triangulation import Simplices, barycentric, maximal, pulled
from separatrix.errors import InputError, printable

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

METHODS = ("pulling", "barycentric")


class TriangulatedComplex(SimplicialComplex):
    """The simplicial complex of a polyhedral one, with ``positions`` (n_vertices, n).

    Pulling adds no vertices: vertex v is vertex v of the polyhedral complex. The barycentric subdivision has a vertex for
    every cell, numbered dimension by dimension, at a point inside it.

    - ``polyhedral``: the complex it was made from; ``method``: "pulling" or "barycentric"
    """

    def __init__(self, polyhedral: PolyhedralComplex, method: str = "pulling") -> None:
        if method not in METHODS:
            raise InputError(f"triangulate: expected {' or '.join(METHODS)}, came {printable(repr(method))}")
        if not polyhedral.is_closed:
            raise InputError(
                "triangulate: some cells are unbounded and have no triangulation; take a box, or the subcomplex of bounded "
                "cells"
            )
        cells = polyhedral.cells
        self.polyhedral, self.method = polyhedral, method
        parts = pulled(cells) if method == "pulling" else barycentric(cells)
        facets = _facets(parts, maximal(cells))
        n_vertices = cells.counts[0] if method == "pulling" else sum(cells.counts)
        found = all_faces({k: np.sort(rows, axis=1) for k, rows in facets.items()}, n_vertices)
        if method == "pulling":
            positions = polyhedral.points
        else:
            positions = np.concatenate([polyhedral.witnesses(k) for k in range(cells.dim + 1)])
        self._set(range(n_vertices), found, positions)

    def image(self, k: int, coefficients: Any) -> np.ndarray:
        """The simplicial chain (k-simplexes,) int64 of a chain of cells, ``coefficients`` (k-cells,) integers.

        A chain map: it takes cycles to cycles, boundaries to boundaries, and is an isomorphism of homology.
        """
        cells = self.polyhedral.cells
        weights = np.asarray(coefficients)
        if weights.dtype.kind not in "iu" or weights.shape != (cells.counts[cells.dimension(k)],):
            raise InputError(f"image: expected {cells.counts[k]} integers, one a {k}-cell, came shape {weights.shape}")
        part = (pulled if self.method == "pulling" else barycentric)(cells, k)[-1]
        rows, signs = part.vertices, part.signs.astype(np.int64)
        for i, j in combinations(range(k + 1), 2):
            signs[rows[:, i] > rows[:, j]] *= -1
        found = np.zeros(len(self.cells(k)), dtype=np.int64)
        np.add.at(found, self._positions_of(np.sort(rows, axis=1), k), signs * weights[part.cells])
        return found

    def carriers(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        """(dimension, number) of the smallest cell that holds each k-simplex, int64 (n,); -1 where signs do not tell.

        The sign vector of that cell is the OR of those of the simplex's vertices; cells that were merged have none.
        """
        rows = self.cells(k)
        if self.method == "barycentric":
            offsets = np.concatenate([[0], np.cumsum(self.polyhedral.cells.counts)])
            largest = rows.max(axis=1).astype(np.int64)
            dimension = np.searchsorted(offsets, largest, side="right") - 1
            return dimension, largest - offsets[dimension]
        bits = (self.polyhedral.positive, self.polyhedral.negative)
        positive, negative = (np.bitwise_or.reduce(words[rows], axis=1) for words in bits)
        dimension, number = (np.full(len(rows), -1, dtype=np.int64) for _ in range(2))
        for degree in range(self.polyhedral.dim, k - 1, -1):
            rest = np.flatnonzero(number < 0)
            found = self.polyhedral.sign_index(degree).find(positive[rest], negative[rest])
            dimension[rest[found >= 0]], number[rest[found >= 0]] = degree, found[found >= 0]
        return dimension, number


def _facets(parts: list[Simplices], maximal_cells: list[np.ndarray]) -> dict[int, np.ndarray]:
    """The simplices of cells that are no faces of others, by dimension."""
    found = {}
    for k, (simplices, mask) in enumerate(zip(parts, maximal_cells, strict=True)):
        rows = simplices.vertices if mask.all() else simplices.vertices[mask[simplices.cells]]
        if len(rows):
            found[k] = rows
    return found
