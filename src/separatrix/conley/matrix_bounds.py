"""Exponentials and largest eigenvalues of many small symmetric matrices, with bounds of their errors (§9, (9.7))."""

from __future__ import annotations

import numpy as np

Array = np.ndarray
TERMS = 17
EXPONENTIAL_ERROR = 1e-12
ROUNDING = 1e-13  # above (n + 3) u for each of the few products of matrices of order n <= 4 here


def norm(matrices: Array) -> Array:
    """Upper bounds (k,) of the spectral norms of matrices (k, n, m): Frobenius' norm."""
    return np.sqrt((matrices * matrices).sum(axis=(1, 2))) * (1.0 + ROUNDING) + 1e-300


def length(vectors: Array) -> Array:
    """Upper bounds (k,) of the lengths of vectors (k, n)."""
    return np.sqrt((vectors * vectors).sum(axis=1)) * (1.0 + ROUNDING) + 1e-300


def exponential(matrices: Array) -> Array:
    """e^M (k, n, n) by Taylor's formula in Horner's form, for |M| <= 1 in Frobenius' norm and n <= 4.

    The spectral error is below ``EXPONENTIAL_ERROR``: the rest is at most e / 18!, and each of 17 steps rounds by at most
    (n + 3) u |M| |P| <= 7 u e, which the later ones enlarge by no more than e.
    """
    one = np.broadcast_to(np.eye(matrices.shape[1]), matrices.shape)
    found = one
    for k in range(TERMS, 0, -1):
        found = one + (matrices @ found) / k
    return found


def largest_eigenvalue(matrices: Array) -> Array:
    """Upper bounds (k,) of the largest eigenvalues of symmetric matrices (k, n, n), n <= 4.

    For approximate eigenvectors V with |V^T V - I| <= D < 1 the eigenvalues of G = V^T M V are at most g = max_i (g_ii + sum
    |g_ij|) (Gershgorin), and x^T M x = z^T G z <= g |z|^2 with x = V z, (1 - D) |z|^2 <= |x|^2 <= (1 + D) |z|^2. Where V fails
    the norm of M stands.
    """
    size = norm(matrices)
    try:
        vectors = np.linalg.eigh(matrices)[1]
    except np.linalg.LinAlgError:
        return size
    turned = vectors.mT @ matrices @ vectors
    diagonal = np.diagonal(turned, axis1=1, axis2=2)
    away = np.abs(turned).sum(axis=2) - np.abs(diagonal)
    found = (diagonal + away).max(axis=1) + 10.0 * ROUNDING * size
    defect = norm(vectors.mT @ vectors - np.eye(matrices.shape[1])) + ROUNDING
    found = np.where(found >= 0, found * (1.0 + 2.0 * defect), found * (1.0 - 2.0 * defect)) + 1e-300
    return np.where(np.isfinite(found) & (defect < 0.25), np.minimum(found, size), size)
