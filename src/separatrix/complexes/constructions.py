"""Simplicial complexes from others: product, join, suspension, barycentric subdivision, connected sum."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from separatrix.complexes.cell_complex import check_size
from separatrix.complexes.cells import Cells
from separatrix.complexes.simplices import all_faces
from separatrix.complexes.simplicial_complex import SimplicialComplex
from separatrix.errors import InputError, KindError

Facets = dict[int, np.ndarray]


def product(first: SimplicialComplex, second: SimplicialComplex) -> SimplicialComplex:
    """The product |K| x |L| by staircases; vertex (i, j) has number i * (vertices of L) + j.

    A facet of dimension p and one of dimension q give the C(p + q, p) monotone paths through their grid of vertices
    (Eilenberg & Steenrod 1952, II.8). Positions are joined, where both have them.

    >>> circle = SimplicialComplex([(0, 1), (1, 2), (0, 2)])
    >>> product(circle, circle).cell_counts
    (9, 27, 18)
    """
    _check(first, second)
    width = len(second.vertices)
    found: dict[int, list[np.ndarray]] = {}
    for p, left in _facets(first).items():
        for q, right in _facets(second).items():
            for path in combinations(range(p + q), p):  # the steps that go along the first factor
                steps = np.zeros(p + q + 1, dtype=np.int64)
                steps[np.array(path, dtype=np.int64) + 1] = 1
                i = np.cumsum(steps)
                j = np.arange(p + q + 1) - i
                rows = left[:, None, i].astype(np.int64) * width + right[None, :, j]
                check_size(rows.size, "product")
                found.setdefault(p + q, []).append(rows.reshape(-1, p + q + 1))
    positions = None
    if first.positions is not None and second.positions is not None:
        positions = np.hstack([
            np.repeat(first.positions, width, axis=0), np.tile(second.positions, (len(first.vertices), 1)),
        ])  # fmt: skip
    return _complex({k: np.concatenate(rows) for k, rows in found.items()}, len(first.vertices) * width, positions)


def join(first: SimplicialComplex, second: SimplicialComplex) -> SimplicialComplex:
    """The join K * L: simplices of K, of L, and their unions; L's vertices are numbered after K's.

    >>> join(SimplicialComplex([(0,), (1,)]), SimplicialComplex([(0,), (1,)])).homology().betti
    (1, 1)
    """
    _check(first, second)
    shift = len(first.vertices)
    left, right = _facets(first), _facets(second)
    if not left or not right:
        return _complex(left or right, len((first if left else second).vertices), None)
    found: dict[int, list[np.ndarray]] = {}
    for p, rows in left.items():
        for q, others in right.items():
            check_size(len(rows) * len(others) * (p + q + 2), "join")
            pairs = np.hstack([np.repeat(rows, len(others), axis=0), np.tile(others + shift, (len(rows), 1))])
            found.setdefault(p + q + 1, []).append(pairs)
    return _complex({k: np.concatenate(rows) for k, rows in found.items()}, shift + len(second.vertices), None)


def suspension(complex_: SimplicialComplex) -> SimplicialComplex:
    """The join with two points, which are numbered last.

    >>> suspension(SimplicialComplex([(0, 1), (1, 2), (0, 2)])).homology().betti
    (1, 0, 1)
    """
    return join(complex_, SimplicialComplex([(0,), (1,)]))


def barycentric_subdivision(complex_: SimplicialComplex) -> SimplicialComplex:
    """The complex of flags of simplices; vertices number the simplices of all dimensions, from dimension 0 up.

    Positions are barycentres.
    """
    _check(complex_, complex_)
    positions = None
    if complex_.positions is not None:
        corners = complex_.positions
        positions = np.concatenate([corners[rows].mean(axis=1) for rows in complex_.simplices])
    return _complex(flags(complex_.incidence), sum(complex_.counts), positions)


def flags(cells: Cells) -> Facets:
    """Maximal flags of cells, by length less one; cells are numbered through all dimensions, from dimension 0 up.

    They triangulate a regular complex (every closed cell a ball) without moving its cells: its barycentric subdivision.
    Rows ascend. Cells that are no faces of others begin the flags.
    """
    offsets = np.concatenate([[0], np.cumsum(cells.counts)])
    found: dict[int, np.ndarray] = {}
    for top in range(cells.dim, -1, -1):
        is_face = np.zeros(cells.counts[top], dtype=bool)
        if top < cells.dim:
            is_face[cells.faces[top + 1]] = True
        rows = np.flatnonzero(~is_face)[:, None]
        for k in range(top, 0, -1):
            last = rows[:, 0]
            lengths = cells.lengths(k)[last]
            check_size(int(lengths.sum()) * (top + 1), "barycentric subdivision")
            owner = np.repeat(np.arange(len(rows)), lengths)
            within = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            below = cells.faces[k][cells.starts[k][last[owner]] + within]
            rows = np.hstack([below[:, None], rows[owner]])
        if len(rows):
            found[top] = (rows + offsets[: top + 1]).astype(np.int64)
    return found


def connected_sum(first: SimplicialComplex, second: SimplicialComplex) -> SimplicialComplex:
    """Two closed manifolds of one dimension glued along their first facets, which are taken out.

    The vertices of the two facets are identified in their order; for oriented manifolds whose mirror images differ the
    sum may so be that with the mirror image. Raises InputError for different dimensions.

    >>> sphere = SimplicialComplex([(0, 1, 2), (0, 1, 3), (0, 2, 3), (1, 2, 3)])
    >>> connected_sum(sphere, sphere).cell_counts
    (5, 9, 6)
    """
    _check(first, second)
    if first.dim != second.dim or first.dim < 1:
        raise InputError(f"connected sum: expected two manifolds of one dimension, came {first.dim} and {second.dim}")
    left, right = first.cells(first.dim), second.cells(second.dim)
    number = np.full(len(second.vertices), -1, dtype=np.int64)
    number[right[0]] = left[0]
    free = np.flatnonzero(number < 0)
    number[free] = len(first.vertices) + np.arange(len(free))
    rows = np.concatenate([left[1:], np.sort(number[right[1:]], axis=1)])
    return _complex({first.dim: rows}, len(first.vertices) + len(free), None)


def _facets(complex_: SimplicialComplex) -> Facets:
    masks = complex_.facet_masks()
    return {k: rows[masks[k]] for k, rows in enumerate(complex_.simplices) if masks[k].any()}


def _complex(facets: Facets, n_vertices: int, positions: np.ndarray | None) -> SimplicialComplex:
    """A complex with the vertices 0 to n_vertices - 1, all of which lie in facets."""
    check_size(n_vertices, "simplicial complex")
    rows = {k: table.astype(np.int32) for k, table in facets.items()}
    return SimplicialComplex._made(np.arange(n_vertices), all_faces(rows, n_vertices), positions)


def _check(first: object, second: object) -> None:
    for given in (first, second):
        if not isinstance(given, SimplicialComplex):
            raise KindError(f"expected a SimplicialComplex, came {type(given).__name__}")
