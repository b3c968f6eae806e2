"""Where the nodes of a Morse graph are drawn: rows by height in the order, sinks on top, few crossings (§9)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

SWEEPS = 6


def graph_layout(n_nodes: int, edges: Sequence[tuple[int, int]], hint: np.ndarray) -> np.ndarray:
    """Places (n_nodes, 2) of the nodes of an acyclic graph: x in [0, 1], y the row, 0 for nodes without a way out.

    ``edges``: pairs (a, b), a flows to b; ``hint`` (n_nodes,): where a node would like to stand from left to right. A node
    stands one row below the lowest of those that it flows to; in each row nodes are ordered by the mean place of their
    neighbours, swept up and down a few times.

    >>> graph_layout(3, [(1, 0), (1, 2)], np.array([0.0, 1.0, 2.0])).tolist()
    [[0.25, 0.0], [0.5, 1.0], [0.75, 0.0]]
    """
    rows = _rows(n_nodes, edges)
    beside: list[list[int]] = [[] for _ in range(n_nodes)]
    for a, b in edges:
        beside[a].append(b)
        beside[b].append(a)
    x = np.argsort(np.argsort(hint, kind="stable"), kind="stable").astype(float)
    x = (x + 0.5) / max(1, n_nodes)
    members = [np.flatnonzero(rows == row) for row in range(int(rows.max(initial=-1)) + 1)]
    for sweep in range(SWEEPS):
        for row in members if sweep % 2 else members[::-1]:
            wish = np.array([np.mean(x[beside[i]]) if beside[i] else x[i] for i in row])
            order = np.lexsort((x[row], wish))
            x[row[order]] = (np.arange(len(row)) + 0.5) / len(row)
    return np.stack([x, rows.astype(float)], axis=1)


def _rows(n_nodes: int, edges: Sequence[tuple[int, int]]) -> np.ndarray:
    """The longest way out of every node, counted in edges."""
    rows = np.zeros(n_nodes, dtype=np.int64)
    for _ in range(n_nodes):
        before = rows.copy()
        for a, b in edges:
            rows[a] = max(rows[a], rows[b] + 1)
        if (rows == before).all():
            break
    return rows
