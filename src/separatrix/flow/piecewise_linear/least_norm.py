"""The element of least norm of a convex hull of gradients minus the normal cone of a box (§5).

With E = [G^T, -N; 1^T, 0], the rows of G the gradients and the columns of N outward normals, the non-negative least
squares solution of E (λ, ν) = (0, 1) is, scaled to sum λ = 1, the solution of

    min |G^T λ - N ν|    over    λ >= 0, sum λ = 1, ν >= 0

(C. L. Lawson, R. J. Hanson, Solving Least Squares Problems, 1974, chapter 23). The point is then computed once more as a
projection on the affine hull of the generators in use, which keeps its digits where it is small.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.optimize

RANK = 1e-11
HELD = 1e-13


@dataclass(frozen=True, eq=False)
class Touched:
    """The sides of a box that a point is on: ``coordinates`` (k,), and ``outward`` (k,), +1 at an upper side, -1 at a lower."""

    coordinates: np.ndarray
    outward: np.ndarray

    @classmethod
    def at(cls, x: np.ndarray, lower: np.ndarray, upper: np.ndarray, free: np.ndarray | None = None) -> Touched:
        """The sides that ``x`` (dim,) is on, but for the coordinates ``free`` (dim,)."""
        at_upper, at_lower = x >= upper, x <= lower
        on = at_upper | at_lower if free is None else (at_upper | at_lower) & ~free
        coordinates = np.flatnonzero(on)
        return cls(coordinates, np.where(at_upper[coordinates], 1.0, -1.0))

    def without(self, dropped: np.ndarray) -> Touched:
        """The sides whose mask ``dropped`` (k,) is not set."""
        return Touched(self.coordinates[~dropped], self.outward[~dropped])


def projected(g: np.ndarray, touched: Touched) -> tuple[np.ndarray, np.ndarray]:
    """The projection of one gradient on the tangent cone, and which of the touched coordinates are held (k,)."""
    v = g.copy()
    held = g[touched.coordinates] * touched.outward >= 0
    v[touched.coordinates[held]] = 0.0
    return v, held


def least_norm(gradients: np.ndarray, touched: Touched) -> tuple[np.ndarray, np.ndarray]:
    """(v (dim,), weights λ (q,)) of the point of least norm for the rows of ``gradients`` (q, dim)."""
    if gradients.shape[0] == 1:
        return projected(gradients[0], touched)[0], np.ones(1)
    scale = float(np.abs(gradients).max())
    if scale == 0.0:
        return np.zeros(gradients.shape[1]), np.eye(gradients.shape[0])[0]
    pushes = gradients[:, touched.coordinates] * touched.outward
    always = np.asarray((pushes >= 0).all(axis=0))
    mixed = touched.without(always | np.asarray((pushes < 0).all(axis=0)))
    g = gradients / scale
    g[:, touched.coordinates[always]] = 0.0
    normals = np.zeros((mixed.coordinates.size, g.shape[1]))
    normals[np.arange(mixed.coordinates.size), mixed.coordinates] = -mixed.outward
    columns = np.vstack([np.hstack([g, np.ones((g.shape[0], 1))]), np.pad(normals, ((0, 0), (0, 1)))]).T
    target = np.zeros(columns.shape[0])
    target[-1] = 1.0
    if columns.shape[0] > columns.shape[1] + 1:
        q, columns = np.linalg.qr(columns)
        target = q.T @ target
    solution = scipy.optimize.nnls(columns, target, maxiter=100 * columns.shape[1])[0]
    weights = solution[: g.shape[0]]
    total = weights.sum()
    if not total > 0:
        weights, total = np.eye(g.shape[0])[0], 1.0
    weights = weights / total
    in_use = solution[g.shape[0] :] > 0
    v = _polished(g, weights > 0, normals[in_use])
    v[mixed.coordinates[in_use]] = 0.0
    on = touched.coordinates
    v[on[(v[on] * touched.outward >= 0) | (np.abs(v[on]) <= HELD)]] = 0.0
    return scale * v, weights


def _polished(g: np.ndarray, used: np.ndarray, normals: np.ndarray) -> np.ndarray:
    """The point of least norm of the affine hull of the gradients in use, plus the span of ``normals``."""
    first = g[int(np.argmax(used))]
    rest = np.vstack([g[used][1:] - first, normals])
    return orthogonal_part(first, rest)


def orthogonal_part(vector: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """``vector`` (dim,) without its part in the span of ``rows`` (k, dim)."""
    if not rows.shape[0] or not rows.any():
        return vector.copy()
    basis = span_basis(rows)
    if basis.shape[0] >= vector.size:
        return np.zeros_like(vector)
    out = vector - basis.T @ (basis @ vector)
    return out - basis.T @ (basis @ out)


def span_basis(rows: np.ndarray) -> np.ndarray:
    """An orthonormal basis (r, dim) of the span of ``rows`` (k, dim); rows count in their own units."""
    lengths = np.sqrt((rows * rows).sum(axis=1))
    kept = rows[lengths > 0] / lengths[lengths > 0, None]
    if not kept.shape[0]:
        return np.zeros((0, rows.shape[1]))
    if kept.shape[0] == 1:
        return kept
    _, sizes, basis = np.linalg.svd(kept, full_matrices=False)
    return basis[sizes > RANK * sizes[0]]
