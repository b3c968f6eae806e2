"""Norms of vectors and matrices rounded up, for bounds that must hold (§6).

u = 2^-53. A sum of m squares in any order is off by at most (m + 1) u relative to itself, a square root by u; the factors
below leave more than twice that. Vectors are divided by a power of two near their largest entry first, so that squares
neither overflow nor vanish.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

LARGE, THIN = (
    1 << 16,
    1 / 32,
)  # entries of a matrix, and the part of them that is not 0, where sparse products cost less
UNIT = 2.0**-53
TINIEST = 2.0**-1022  # more than what one operation loses where it underflows, flushed to zero or not


def gamma(terms: int) -> float:
    """A bound of the relative error of a sum of ``terms`` products in any order, with or without fused operations.

    m u / (1 - m u) for m = terms + 4 operations, with room for the rounding of the expressions in which it is used.
    """
    return 1.01 * (terms + 4) * UNIT if terms < 2**40 else np.inf


def raised(x: np.ndarray | float, operations: int = 8) -> np.ndarray:
    """An upper bound of a real number x >= 0 that was computed with that many roundings; nan becomes inf."""
    up = x * (1.0 + (operations + 4) * 2.0**-52) + operations * TINIEST
    return np.asarray(np.fmin(up, np.inf))  # which is inf where ``up`` is nan


def norm_up(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """An upper bound of the 2-norm along ``axis``, 0 for zero vectors and inf where an entry is not finite.

    >>> float(norm_up(np.array([3e-300, 4e-300]))) >= 5e-300, float(norm_up(np.zeros(2)))
    (True, 0.0)
    """
    x = x if axis == -1 else np.moveaxis(x, axis, -1)
    plain = np.sqrt(np.einsum("...i,...i->...", x, x))  # an overflow gives no warning here
    up = np.asarray(plain * (1.0 + (x.shape[-1] + 16) * 2.0**-52))
    is_far = ~((plain > 2.0**-400) & (plain < 2.0**400))  # elsewhere what vanished is nothing beside the rest
    if is_far.any():
        up[is_far] = _scaled_norm_up(x[is_far])
    return up


def _scaled_norm_up(x: np.ndarray) -> np.ndarray:
    """The same of the rows of x (r, m), divided by powers of two before they are squared."""
    found, rows = np.zeros(x.shape[0]), np.flatnonzero(x.any(axis=-1))
    x, m = x[rows], x.shape[-1]
    with np.errstate(all="ignore"):
        size = np.abs(x)
        largest = size.max(axis=-1, keepdims=True, initial=0.0)
        scale = np.ldexp(1.0, np.clip(np.frexp(np.where(np.isfinite(largest), largest, 1.0))[1], -1000, 1000))
        total = np.sqrt(np.sum((size / scale) ** 2, axis=-1, keepdims=True))
        up = total * (1.0 + (m + 8) * 2.0**-52) + np.sqrt(float(m)) * 2.0**-500
        up = up * scale * (1.0 + 2.0**-50) + TINIEST
        found[rows] = np.where(np.isfinite(largest) & ~np.isnan(up), up, np.inf)[:, 0]
    return found


def norms_of_rows(starts: np.ndarray, entries: np.ndarray) -> np.ndarray:
    """The same of the rows of a matrix in CSR form, (len(starts) - 1,)."""
    counts = np.diff(starts)
    found = np.zeros(counts.size)
    for count in np.unique(counts[counts > 0]).tolist():  # rows of one length are a dense matrix
        rows = np.flatnonzero(counts == count)
        found[rows] = norm_up(entries[starts[rows][:, None] + np.arange(count)])
    return found


def spectral_norm_up(matrix: np.ndarray, squarings: int = 3) -> float:
    """An upper bound of the largest singular value of ``matrix`` (m, k), a few per cent above it; inf where not finite.

    |G|_2^2 = |G G|_2 for G = W^T W, and |G|_2 <= |G|_F at the end; every computed product is off by at most
    gamma |G|_F^2 in the Frobenius norm, which is added. The least of this, |W|_F and sqrt(|W|_1 |W|_inf).

    >>> 5.0 <= spectral_norm_up(np.diag([5.0, 1.0])) < 5.001
    True
    """
    if matrix.size == 0 or not matrix.any():
        return 0.0
    thin = thinned(matrix)
    entries = thin if isinstance(thin, np.ndarray) else thin.data
    if not np.isfinite(entries).all():
        return np.inf
    exponent = math.frexp(float(np.abs(entries).max()))[1]
    with np.errstate(all="ignore"):
        w = _times_two_to(thin, -exponent)  # entries up to 1; those that vanish are below 2^-1022 and go into the floor
        lost = matrix.size * 2.0**-1000
        size = np.abs(w)
        sums = float(size.sum(axis=0).max() * size.sum(axis=1).max())
        crude = _raised(math.sqrt(sums), 2 * sum(matrix.shape))
        gram = thinned(w.T @ w if w.shape[0] >= w.shape[1] else w @ w.T)
        whole = _frobenius(w)
        inner = gamma(max(matrix.shape)) * whole**2
        fine = _raised(math.sqrt(_raised(_symmetric_norm_up(gram, squarings) + inner)))
        return _raised(_scaled(min(crude, fine, whole) + lost, exponent))


def _symmetric_norm_up(g: Any, squarings: int) -> float:
    """An upper bound of |g|_2 for the matrix ``g`` as stored, an array or a CSR array, symmetric up to rounding:
    |g|_2^2 = |g^T g|_2.
    """
    total = _frobenius(g)
    if squarings == 0 or not 0.0 < total < np.inf:
        return total
    exponent = math.frexp(total)[1]
    scaled = _times_two_to(g, -exponent)
    square = thinned(scaled.T @ scaled)
    inner = _symmetric_norm_up(square, squarings - 1) + gamma(g.shape[0]) * _frobenius(scaled) ** 2
    return _scaled(_raised(math.sqrt(_raised(inner)) + math.prod(g.shape) * 2.0**-500), exponent)


def thinned(matrix: Any) -> Any:
    """The matrix, an array or a CSR array, as the one of both whose products cost less."""
    entries = np.count_nonzero(matrix) if isinstance(matrix, np.ndarray) else matrix.nnz
    is_thin = math.prod(matrix.shape) >= LARGE and entries <= THIN * math.prod(matrix.shape)
    if is_thin:
        from scipy.sparse import csr_array

        return csr_array(matrix)
    return matrix if isinstance(matrix, np.ndarray) else matrix.toarray()


def _times_two_to(matrix: Any, exponent: int) -> Any:
    """An array or a CSR array times 2^exponent."""
    if isinstance(matrix, np.ndarray):
        return np.ldexp(matrix, exponent)
    from scipy.sparse import csr_array

    return csr_array((np.ldexp(matrix.data, exponent), matrix.indices, matrix.indptr), shape=matrix.shape)


def _frobenius(matrix: Any) -> float:
    matrix = matrix if isinstance(matrix, np.ndarray) else matrix.data
    plain = math.sqrt(float(np.vdot(matrix, matrix)))
    if 2.0**-400 < plain < 2.0**400:  # as in norm_up
        return plain * (1.0 + (matrix.size + 16) * 2.0**-52)
    return float(norm_up(matrix.ravel()))


def _raised(x: float, operations: int = 8) -> float:
    """``raised`` of one number."""
    up = x * (1.0 + (operations + 4) * 2.0**-52) + operations * TINIEST
    return up if up < math.inf else math.inf


def _scaled(x: float, exponent: int) -> float:
    """x times 2^exponent, inf where that overflows."""
    try:
        return math.ldexp(x, exponent)
    except OverflowError:
        return math.inf
