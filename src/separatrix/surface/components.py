"""Connected components of a closed set of cells, through lower faces and through facets (§6)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.cells import Cells


@dataclass(frozen=True, eq=False)
class Components:
    """Components of a closed set of cells.

    - ``labels``: by dimension k, (counts[k],) int32: the component of every cell, -1 outside the set
    - ``n_components``: number of connected components of the set
    - ``pieces``: (cells of the top dimension,) int32: classes of the top cells that hang together through facets, -1
      outside
    - ``n_pieces``: (n_components,) number of such classes in every component; 0: the component has no top cell,
      2 and more: its pieces meet only in faces of codimension 2 or more
    """

    labels: tuple[np.ndarray, ...]
    n_components: int
    pieces: np.ndarray
    n_pieces: np.ndarray


def components(cells: Cells, masks: tuple[np.ndarray, ...]) -> Components:
    """The components of the closed set ``masks`` of bounded cells (boolean masks by dimension, closed under faces).

    A bounded polytope is connected along its edges, so vertices and edges decide which cells hang together.
    """
    first, n_components = _along_edges(cells, masks)
    labels = [first]
    for k in range(1, cells.dim + 1):
        found = np.full(cells.counts[k], -1, dtype=np.int32)
        members = np.flatnonzero(masks[k])
        found[members] = labels[-1][cells.faces[k][cells.starts[k][members]]]
        labels.append(found)
    pieces = _through_facets(cells, masks)
    top = labels[cells.dim]
    n_pieces = np.zeros(n_components, dtype=np.int64)
    if cells.dim == 0:
        n_pieces += 1
    elif (pieces >= 0).any():
        _, representatives = np.unique(pieces[pieces >= 0], return_index=True)
        np.add.at(n_pieces, top[pieces >= 0][representatives], 1)
    return Components(tuple(labels), n_components, pieces, n_pieces)


def _along_edges(cells: Cells, masks: tuple[np.ndarray, ...]) -> tuple[np.ndarray, int]:
    """Labels of the vertices joined by the edges of the set, and their number; -1 outside."""
    ends = np.zeros((0, 2), dtype=np.int32)
    if cells.dim >= 1:
        ends = cells.faces[1].reshape(-1, 2)[masks[1]]  # an edge of a bounded complex has two ends
    return joined(masks[0], ends)


def _through_facets(cells: Cells, masks: tuple[np.ndarray, ...]) -> np.ndarray:
    """Labels of the top cells of the set joined by common facets."""
    top = cells.dim
    if top == 0:
        return joined(masks[0], np.zeros((0, 2), dtype=np.int32))[0]
    inside = np.repeat(masks[top], cells.lengths(top))
    faces, owners = cells.faces[top][inside], cells.owners(top)[inside]
    order = np.argsort(faces, kind="stable")
    faces, owners = faces[order], owners[order]
    same = faces[1:] == faces[:-1]
    pairs = np.stack([owners[:-1][same], owners[1:][same]], axis=1)
    return joined(masks[top], pairs)[0]


def joined(members: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, int]:
    """Classes of the ``members`` (n,) under the relation made by ``pairs`` (m, 2): labels (n,) int32, number of classes.

    Labels count from 0 in the order of the first member; -1 where there is no member.
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    n = members.size
    labels = np.full(n, -1, dtype=np.int32)
    if not members.any():
        return labels, 0
    graph = coo_array((np.ones(len(pairs), dtype=np.int8), (pairs[:, 0], pairs[:, 1])), shape=(n, n))
    found = connected_components(graph, directed=False)[1][members]
    _, firsts, inverse = np.unique(found, return_index=True, return_inverse=True)
    rank = np.empty(firsts.size, dtype=np.int32)
    rank[np.argsort(firsts, kind="stable")] = np.arange(firsts.size, dtype=np.int32)
    labels[members] = rank[inverse]
    return labels, firsts.size
