"""Connected components of the regions of the largest function on a conforming mesh (§6).

Nodes are the mesh's vertices, each with its winning class, and the intervals inside edges where another class wins. Within
a simplex the region of a class is convex, so all its nodes of one class hang together, and with at most n + 1 classes
every region of a simplex shows at its edges.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.surface.components import joined
from separatrix.surface.smooth.envelope import Breakpoints, edge_keys


@dataclass(frozen=True, eq=False)
class HiddenIntervals:
    """Intervals inside edges where a class wins that wins at neither end.

    ``edges`` (H, 2) vertex numbers, lower first; ``classes`` (H,); ``at`` (H,): the middles, as shares of the edge.
    """

    edges: np.ndarray
    classes: np.ndarray
    at: np.ndarray

    @classmethod
    def of(cls, breaks: Breakpoints) -> HiddenIntervals:
        """The intervals between consecutive breakpoints of edges."""
        inner = np.ones(len(breaks.at), dtype=bool)
        inner[breaks.starts[:-1][np.diff(breaks.starts) > 0]] = False
        rows = np.flatnonzero(inner)
        return cls(breaks.edges[breaks.owner[rows]], breaks.before[rows], 0.5 * (breaks.at[rows - 1] + breaks.at[rows]))

    @classmethod
    def none(cls) -> HiddenIntervals:
        """No interval."""
        nothing = np.zeros(0, dtype=np.int64)
        return cls(np.zeros((0, 2), dtype=np.int64), nothing, np.zeros(0))


def node_components(
    simplices: np.ndarray, labels: np.ndarray, hidden: HiddenIntervals
) -> tuple[np.ndarray, np.ndarray, int]:
    """(component of every node, class of every node, number of components): vertices first, then hidden intervals.

    ``simplices`` (N, n + 1) all of the mesh, ``labels`` (n_vertices,) the winning class at each vertex.
    """
    pairs = [np.zeros((0, 2), dtype=np.int64)]
    for p in range(simplices.shape[1]):
        for q in range(p + 1, simplices.shape[1]):
            ends = simplices[:, [p, q]]
            pairs.append(ends[labels[ends[:, 0]] == labels[ends[:, 1]]])
    if len(hidden.classes):
        pairs.append(_hidden_pairs(simplices, labels, hidden))
    classes = np.concatenate([labels, hidden.classes])
    found, n_components = joined(np.ones(len(classes), dtype=bool), np.concatenate(pairs))
    return found, classes, n_components


def _hidden_pairs(simplices: np.ndarray, labels: np.ndarray, hidden: HiddenIntervals) -> np.ndarray:
    """Pairs of nodes of one class in a simplex, at least one of them a hidden interval."""
    n_vertices = len(labels)
    own = hidden.edges[:, 0] * n_vertices + hidden.edges[:, 1]
    order = np.argsort(own, kind="stable")
    unique, first = np.unique(own[order], return_index=True)
    bounds = np.append(first, len(own))
    keys = edge_keys(simplices, n_vertices)
    at = np.minimum(np.searchsorted(unique, keys), len(unique) - 1)
    met = unique[at] == keys
    found = []
    for row in np.flatnonzero(met.any(axis=1)):
        nodes = [(int(labels[v]), int(v)) for v in simplices[row]]
        for edge in at[row][met[row]]:
            nodes += [(int(hidden.classes[i]), n_vertices + int(i)) for i in order[bounds[edge] : bounds[edge + 1]]]
        found += [(a, b) for i, (k, a) in enumerate(nodes) for m, b in nodes[i + 1 :] if k == m]
    return np.array(found, dtype=np.int64).reshape(-1, 2)


def starred(
    simplices: np.ndarray, coords: np.ndarray, labels: np.ndarray, hidden: HiddenIntervals
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(simplices, coords, labels) with a new vertex in the middle of every hidden interval, so that vertices show all.

    The simplices around the edge are cut in two at the new vertex.
    """
    for i in np.lexsort((hidden.at, hidden.edges[:, 1], hidden.edges[:, 0])):
        a, b = hidden.edges[i]
        point = coords[a] + hidden.at[i] * (coords[b] - coords[a])
        # an earlier interval of the edge has taken its place between its middle and b
        between = np.flatnonzero((hidden.edges[:i] == hidden.edges[i]).all(axis=1)) if i else np.zeros(0, dtype=int)
        if len(between) and not ((simplices == a).any(axis=1) & (simplices == b).any(axis=1)).any():
            a = len(coords) - 1
        around = (simplices == a).any(axis=1) & (simplices == b).any(axis=1)
        new = len(coords)
        near, far = simplices[around].copy(), simplices[around].copy()
        near[near == b], far[far == a] = new, new
        simplices = np.concatenate([simplices[~around], near, far])
        coords, labels = np.concatenate([coords, point[None]]), np.append(labels, hidden.classes[i])
    return simplices, coords, labels
