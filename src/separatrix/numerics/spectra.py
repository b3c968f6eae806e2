"""Proved inertia and eigenvalue bounds of symmetric matrices with uncertain entries (§8).

Both rest on the congruence G = V^T H V with V the approximate eigenvectors of the midpoint, in midpoint-radius
arithmetic:
G is diagonal up to rounding and the radius of H. The claims hold for every *symmetric* matrix in the enclosure H.
"""

from __future__ import annotations

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import Array


def inertia(matrix: MidRad) -> tuple[int, int] | None:
    """(n_negative, n_positive), the same for all symmetric matrices in ``matrix`` and adding to n; None where
    undecided.

    ||V^T V - I|| < 1 makes V invertible, so that H and S V^T H V S (S = diag |lambda|^(-1/2)) have one inertia
    (Sylvester).
    If |g_ii| > sum_{j != i} |g_ij| in every row, all matrices D + t (G - D), 0 <= t <= 1, D the diagonal, are
    invertible (Gershgorin), so no eigenvalue crosses 0 between G and D: the signs of the diagonal are the inertia.

    Raises InputError unless ``matrix`` is square.

    >>> inertia(MidRad([[2.0, 1.0], [1.0, -3.0]], [[0.1, 0.1], [0.1, 0.1]]))
    (1, 1)
    >>> inertia(MidRad([[1.0, 1.0], [1.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]])) is None
    True
    """
    size = _order_of(matrix)
    values, vectors = _eigenvectors(matrix)
    if orthogonality_defect(vectors) >= 1.0:
        return None
    congruent = _congruence(matrix, vectors)
    with np.errstate(all="ignore"):
        scale = 1.0 / np.sqrt(np.clip(np.abs(values), 1e-290, 1e290))
    diagonal, off_diagonal = _discs(congruent.multiply(scale[:, None]).multiply(scale))
    negative, positive = diagonal.upper < -off_diagonal, diagonal.lower > off_diagonal
    if not (negative | positive).all():
        return None
    n_negative = int(negative.sum())
    return n_negative, size - n_negative


def eigenvalue_bounds(matrix: MidRad) -> tuple[Array, Array]:
    """Arrays (lower, upper), ascending: the i-th eigenvalue of every symmetric matrix in ``matrix`` is in [lower_i,
    upper_i].

    With delta >= ||V^T V - I||, delta < 1, Ostrowski's theorem gives lambda_i(V^T H V) = theta_i lambda_i(H) with
    1 - delta <= theta_i <= 1 + delta. For G = D + O with D its diagonal and r_i = sum_j |o_ij|, the matrices
    diag(r) +- O are diagonally dominant with a diagonal >= 0, hence positive semidefinite: D - diag r <= G <= D +
    diag r,
    and by Weyl's monotonicity the i-th eigenvalue of G lies between the i-th smallest d - r and the i-th smallest d +
    r.
    If the eigenvectors fail (no convergence, delta >= 1), the same with V = I. Unknown entries give infinite bounds.

    Raises InputError unless ``matrix`` is square.

    >>> lower, upper = eigenvalue_bounds(MidRad.exact([[2.0, 1.0], [1.0, 2.0]]))
    >>> bool((lower <= [1.0, 3.0]).all() and (upper >= [1.0, 3.0]).all() and (upper - lower < 1e-13).all())
    True
    """
    size = _order_of(matrix)
    if not size:
        return np.empty(0), np.empty(0)
    _, vectors = _eigenvectors(matrix)
    defect = orthogonality_defect(vectors)
    if not defect < 1.0:
        vectors, defect = np.eye(size), 0.0
    diagonal, off_diagonal = _discs(_congruence(matrix, vectors))
    theta = Interval.around(1.0, defect)
    radius = Interval(-off_diagonal, off_diagonal)
    shifted = diagonal + radius
    sorted_values = Interval(np.sort(shifted.lower), np.sort(shifted.upper))
    bounds = sorted_values / theta if defect else sorted_values
    return np.array(bounds.lower), np.array(bounds.upper)


def _order_of(matrix: MidRad) -> int:
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1]:
        raise InputError(f"expected a square matrix, got shape {matrix.shape}; take the matrices of a batch one by one")
    return matrix.shape[0]


def _eigenvectors(matrix: MidRad) -> tuple[Array, Array]:
    """Approximate eigenvalues and eigenvectors of the midpoint; the identity where LAPACK does not converge."""
    try:
        with np.errstate(all="ignore"):
            values, vectors = np.linalg.eigh(0.5 * matrix.mid + 0.5 * matrix.mid.T)
    except np.linalg.LinAlgError:
        return np.diag(matrix.mid).copy(), np.eye(len(matrix.mid))
    if not np.isfinite(vectors).all() or not np.isfinite(values).all():
        return np.diag(matrix.mid).copy(), np.eye(len(matrix.mid))
    return values, vectors


def _congruence(matrix: MidRad, vectors: Array) -> MidRad:
    return product(vectors.T, product(matrix, vectors))


def orthogonality_defect(vectors: Array) -> float:
    """An upper bound of the spectral norm of V^T V - I, by the largest absolute row sum of this symmetric matrix."""
    if not vectors.size:
        return 0.0
    difference = product(vectors.T, vectors) - np.eye(len(vectors))
    return float(Interval.point(difference.magnitude).sum(axis=1).upper.max())


def _discs(matrix: MidRad) -> tuple[Interval, Array]:
    """Gershgorin's discs: enclosures of the diagonal and upper bounds of sum_{j != i} |g_ij|."""
    diagonal = MidRad(np.diagonal(matrix.mid), np.diagonal(matrix.rad)).to_interval()
    size = np.where(np.eye(len(matrix.mid), dtype=bool), 0.0, matrix.magnitude)
    return diagonal, -(Interval(-size, np.zeros_like(size)).sum(axis=1).lower)
