"""Volumes of full-dimensional cells by their oriented boundaries, without a triangulation (§6).

A k-cell c with facets F, incidence numbers [c : F] and a point a of each carries the k-vector

    w(c) = 1/k sum_F [c : F] (a_F - a_c) ^ w(F),        w(vertex) = 1,                                         (6.5)

the integral of its oriented unit k-vector: a cone over the boundary, of which the part over F has the base w(F) and the
height vector a_F - a_c, up to vectors along F, which the product does not see. For k = n its absolute value is the volume.
For full-dimensional cells this is quicker than the sums over simplices of :mod:`~separatrix.complexes.measures`, which know
cells of all dimensions and bound their errors.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.complexes.cells import Cells

NUMBERS_AT_ONCE = 1 << 18


def full_volumes(cells: Cells, vertices: np.ndarray) -> np.ndarray:
    """n-dimensional volumes of the n-cells of a complex of bounded cells in R^n, (counts[n],), by (6.5)."""
    n = vertices.shape[1]
    points, vectors = np.ascontiguousarray(vertices.T), np.ones((1, cells.counts[0]))
    for k in range(1, n + 1):
        points, vectors = _next_vectors(cells, k, points, vectors)
    return np.abs(vectors[0])


def _next_vectors(cells: Cells, k: int, below: np.ndarray, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, k-cells) inside the k-cells and their k-vectors (components, k-cells), in blocks of cells."""
    n, count = below.shape[0], cells.counts[k]
    terms = _wedge(n, k)
    points, found = np.empty((n, count)), np.empty((len(terms), count))
    first = 0
    while first < count:
        room = cells.starts[k][first] + NUMBERS_AT_ONCE // (n + len(vectors))
        last = max(first + 1, int(np.searchsorted(cells.starts[k], room, side="right")) - 1)
        start, end = int(cells.starts[k][first]), int(cells.starts[k][last])
        starts = cells.starts[k][first:last] - start
        lengths = np.diff(np.append(starts, end - start))
        faces, signs = cells.faces[k][start:end], cells.signs[k][start:end]
        arms = below[:, faces]
        points[:, first:last] = np.add.reduceat(arms, starts, axis=1) / lengths
        arms -= np.repeat(points[:, first:last], lengths, axis=1)
        arms *= signs
        base = vectors[:, faces]
        product, term = np.empty((2, end - start))
        for component, parts in enumerate(terms):
            product[:] = 0.0
            for positive, i, rest in parts:
                np.multiply(arms[i], base[rest], out=term)
                (np.add if positive else np.subtract)(product, term, out=product)
            found[component, first:last] = np.add.reduceat(product, starts)
        first = last
    return points, found / k


def _wedge(n: int, k: int) -> list[list[tuple[bool, int, int]]]:
    """For every component of v ^ w, v a vector and w a (k-1)-vector of R^n: (is positive, component of v, component of w)."""
    place = {subset: number for number, subset in enumerate(combinations(range(n), k - 1))}
    return [
        [(i % 2 == 0, subset[i], place[subset[:i] + subset[i + 1 :]]) for i in range(k)]
        for subset in combinations(range(n), k)
    ]
