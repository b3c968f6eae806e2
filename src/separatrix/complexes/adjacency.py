"""Which cells of one dimension are joined through a common facet (§6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex


def adjacent_pairs(complex_: PolyhedralComplex, k: int) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (m, 2) of k-cells, the smaller number first, and the common (k-1)-cell (m,) of each, int64.

    A facet of more than two cells joins each with each.
    """
    if k < 1:
        raise InputError("adjacency: cells of dimension 1 and up are joined through facets; vertices through edges")
    starts, around, _ = complex_.cells.cofaces(k - 1)
    own, facets = complex_.cell_counts[k], complex_.cell_counts[k - 1]
    starts = starts[: facets + 1]
    lengths = np.diff(starts)
    pairs, through = [np.zeros((0, 2), dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
    for length in np.unique(lengths[lengths > 1]):
        facet = np.flatnonzero(lengths == length)
        held = np.sort(around[starts[facet][:, None] + np.arange(length)].astype(np.int64), axis=1)
        for i in range(int(length)):
            for j in range(i + 1, int(length)):
                pairs.append(held[:, [i, j]])
                through.append(facet)
    joined, common = np.concatenate(pairs), np.concatenate(through)
    inside = (joined < own).all(axis=1)
    return joined[inside], common[inside]


def adjacency_graph(complex_: PolyhedralComplex, k: int) -> Any:
    """The k-cells as a networkx graph: an edge where two have a common facet, whose number is the edge's ``facet``.

    For k = 0 vertices are joined through edges, whose number is the edge's ``cell``.
    """
    try:
        import networkx as nx
    except ImportError:
        raise MissingExtraError("adjacency needs networkx: pip install networkx") from None
    graph = nx.Graph()
    graph.add_nodes_from(range(complex_.cell_counts[k]))
    if k == 0:
        ends, edge = _edges(complex_)
        graph.add_edges_from((a, b, {"cell": c}) for (a, b), c in zip(ends.tolist(), edge.tolist(), strict=True))
        return graph
    pairs, facets = adjacent_pairs(complex_, k)
    graph.add_edges_from((a, b, {"facet": c}) for (a, b), c in zip(pairs.tolist(), facets.tolist(), strict=True))
    return graph


def _edges(complex_: PolyhedralComplex) -> tuple[np.ndarray, np.ndarray]:
    """Edges with two vertices of the complex's own, and their ends."""
    if complex_.dim < 1:
        return np.zeros((0, 2), dtype=np.int64), np.zeros(0, dtype=np.int64)
    ends = complex_.cells.faces[1][: 2 * complex_.cell_counts[1]].reshape(-1, 2).astype(np.int64)
    edge = np.flatnonzero((ends < complex_.cell_counts[0]).all(axis=1))
    return ends[edge], edge
