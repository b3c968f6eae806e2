"""Where points lie in the mesh: down the tree of bisections by barycentric coordinates."""

from __future__ import annotations

import numpy as np

from separatrix.surface.smooth.certificate import CertifiedMesh


def simplices_at(mesh: CertifiedMesh, points: np.ndarray) -> np.ndarray:
    """The vertices (N, n + 1) of a simplex that holds each of ``points`` (N, n) of the unit cube.

    A simplex of a conforming mesh is cut exactly where its edge (x_0, x_d) has a midpoint; the point is on the side of
    x_0 where its barycentric coordinate there is at least that at x_d.
    """
    n = points.shape[1]
    order = np.argsort(-points, axis=1, kind="stable")
    ordered = np.take_along_axis(points, order, axis=1)
    weights = np.concatenate([1.0 - ordered[:, :1], ordered[:, :-1] - ordered[:, 1:], ordered[:, -1:]], axis=1)
    corners = np.concatenate([np.zeros((len(points), 1), dtype=np.int64), np.cumsum(1 << order, axis=1)], axis=1)
    keys, midpoints = mesh.bisection.midpoints()
    tag, rows = n, np.arange(len(points))
    while len(rows) and len(keys):
        a, b = corners[rows, 0], corners[rows, tag]
        own = (np.minimum(a, b) << 32) | np.maximum(a, b)
        at = np.minimum(np.searchsorted(keys, own), len(keys) - 1)
        is_cut = keys[at] == own
        rows, middle = rows[is_cut], midpoints[at[is_cut]]
        near = weights[rows, 0] >= weights[rows, tag]
        first, last = weights[rows, 0].copy(), weights[rows, tag].copy()
        for chosen, is_near in ((np.flatnonzero(near), True), (np.flatnonzero(~near), False)):
            at_row = rows[chosen]
            if is_near:
                weights[at_row, 0] = first[chosen] - last[chosen]
            else:
                corners[at_row, :tag] = corners[at_row, 1 : tag + 1]
                weights[at_row, : tag - 1] = weights[at_row, 1:tag]
                weights[at_row, tag - 1] = last[chosen] - first[chosen]
            corners[at_row, tag] = middle[chosen]
            weights[at_row, tag] = 2.0 * np.minimum(first[chosen], last[chosen])
        tag = tag - 1 if tag > 1 else n
    return corners


def nodes_at(mesh: CertifiedMesh, points: np.ndarray, classes: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """A vertex of the mesh in the component that each point lies in: one of its simplex with the point's class, (N,).

    Where the simplex has none, the nearest vertex of that class stands in, or any vertex of the simplex.
    """
    corners = simplices_at(mesh, points)
    fits = labels[corners] == classes[:, None]
    found = corners[np.arange(len(corners)), fits.argmax(axis=1)]
    for row in np.flatnonzero(~fits.any(axis=1)):
        members = np.flatnonzero(labels == classes[row])
        if len(members):
            found[row] = members[np.linalg.norm(mesh.coords[members] - points[row], axis=1).argmin()]
    return found
