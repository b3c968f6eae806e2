"""Affine maps composed in doubles, with bounds of what the rounding takes, row by row (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.accurate_products import accurate_product
from separatrix.surface.arrangement.exact_maps import Factor
from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, norms_of_rows, raised, thinned

Composed = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def composed(factors: Sequence[Factor]) -> Composed:
    """(weight, bias, weight radius, bias radius) of the composition, first applied first.

    |fl(W V) - W V| <= gamma |W| |V| entry by entry, and |W| times V's own radius; rows that are not rounded have radius 0.
    Behind a slice, which has few inputs, products are taken in twice the precision.
    """
    weight, bias = _sparse(factors[0][0]), factors[0][1]
    weight = weight if not isinstance(weight, np.ndarray) else np.ascontiguousarray(weight, dtype=np.float64)
    bias = np.array(bias, dtype=np.float64)
    radius, bias_radius = np.zeros(bias.size), np.zeros(bias.size)
    for factor, b in factors[1:]:
        with np.errstate(all="ignore"):
            w = _sparse(factor)
            size, k = np.abs(w), _terms(w)
            is_exact, bias_is_exact = _exact_rows(w, b, weight, bias)
            accurate = accurate_product(w, _with_bias(weight, bias), b)
            lost = k * TINIEST * np.sqrt(float(weight.shape[1]))
            own = gamma(k) * _spread(size, weight, k) if accurate is None else norm_up(accurate[1][:, :-1])
            rounded = raised(own + size @ radius + lost, k + 8)
            radius = np.where(is_exact, _passed(size @ radius, k), rounded)
            most = raised(size @ np.abs(bias) + np.abs(b), k + 1)
            passed = size @ bias_radius
            own = gamma(k + 1) * most if accurate is None else accurate[1][:, -1]
            rounded = raised(own + passed + lost, k + 8)
            bias_radius = np.where(bias_is_exact, _passed(passed, k), rounded)
            weight, bias = (w @ weight, w @ bias + b) if accurate is None else _apart(accurate[0])
    weight = _dense(weight)
    with np.errstate(all="ignore"):
        lost_rows = ~(np.isfinite(weight).all(axis=1) & np.isfinite(bias))
    weight[lost_rows], bias[lost_rows] = 0.0, 0.0
    radius[lost_rows] = bias_radius[lost_rows] = np.inf
    return weight, bias, radius, bias_radius


def _sparse(weight: Any) -> Any:
    """A CSR array as it is, and one in place of an array where its products cost less."""
    return thinned(weight) if isinstance(weight, np.ndarray) else weight


def _spread(size: Any, weight: Any, k: int) -> np.ndarray:
    """Upper bounds of the 2-norms of the rows of ``size`` |weight|, sums of k terms."""
    spread = size @ np.abs(weight)
    if isinstance(spread, np.ndarray):
        return norm_up(np.asarray(raised(spread, k)))
    return norms_of_rows(spread.indptr, np.asarray(raised(spread.data, k)))


def _with_bias(weight: Any, bias: np.ndarray) -> Any:
    """The columns of an affine map and the image of 0 behind them; as it is where that is not an array."""
    return np.column_stack([weight, bias]) if isinstance(weight, np.ndarray) else weight


def _apart(product: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.ascontiguousarray(product[:, :-1]), np.ascontiguousarray(product[:, -1])


def _passed(radius: np.ndarray, k: int) -> np.ndarray:
    """An upper bound of sums that were computed with k terms; 0 stays 0, for then all terms are."""
    return np.where(radius == 0, 0.0, raised(radius, k))


def _dense(matrix: Any) -> np.ndarray:
    return np.array(matrix) if isinstance(matrix, np.ndarray) else matrix.toarray()


def _terms(w: Any) -> int:
    """The largest number of products in a row."""
    return w.shape[1] if isinstance(w, np.ndarray) else max(int(np.diff(w.indptr).max(initial=0)), 1)


def _exact_rows(w: Any, b: np.ndarray, weight: Any, bias: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rows of w @ weight, and the entries of w @ bias + b, that doubles form without rounding.

    Where w has entries 1 and -1 only: sums of one term, and sums of two that come out even (their error, exactly
    computed, is 0). Where no product has two factors that are not 0 the result is 0, or b.
    """
    if isinstance(w, np.ndarray) and not np.isin(w, (-1.0, 0.0, 1.0)).all():
        return np.zeros(b.size, dtype=bool), np.zeros(b.size, dtype=bool)
    unit = _all_along_rows(w, lambda entries: np.abs(entries) == 1.0)
    present = (w != 0) * 1.0
    terms = _largest(present @ ((weight != 0) * 1.0))
    bias_terms = present @ (bias != 0) + (b != 0)
    exact, bias_exact = (terms == 0) | (unit & (terms <= 1)), (unit | (bias_terms == (b != 0))) & (bias_terms <= 1)
    pairs = np.flatnonzero(unit & (_counts(w) == 2) & ~(exact & bias_exact))
    if pairs.size and isinstance(weight, np.ndarray):
        places, signs = _two(w, pairs)
        one, other = (signs[:, [i]] * np.column_stack([weight[places[:, i]], bias[places[:, i]]]) for i in (0, 1))
        total = one + other
        part = total - one
        even = ((one - (total - part)) + (other - part) == 0.0) & _is_plain(one) & _is_plain(other)
        exact[pairs] |= even[:, :-1].all(axis=1)
        bias_exact[pairs] |= even[:, -1] & (b[pairs] == 0)
    return exact, bias_exact


def _is_plain(x: np.ndarray) -> np.ndarray:
    """0, or so large that sums and differences of two such numbers do not underflow, flushed to zero or not."""
    return (np.abs(x) >= 2.0**-900) | (np.ascontiguousarray(np.abs(x)).view(np.int64) == 0)


def _all_along_rows(w: Any, holds: Any) -> np.ndarray:
    if isinstance(w, np.ndarray):
        return (holds(w) | (w == 0)).all(axis=1)
    failing = np.concatenate([[0], np.cumsum(~holds(w.data))])
    return failing[w.indptr[1:]] == failing[w.indptr[:-1]]


def _largest(matrix: Any) -> np.ndarray:
    """The largest entry of every row of a matrix of counts."""
    if isinstance(matrix, np.ndarray):
        return matrix.max(axis=1, initial=0.0)
    return matrix.max(axis=1).toarray().ravel()


def _counts(w: Any) -> np.ndarray:
    """How many entries of every row are not 0."""
    return (w != 0).sum(axis=1) if isinstance(w, np.ndarray) else np.diff(w.indptr)


def _two(w: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Columns and entries of rows with two entries, each (len(rows), 2)."""
    if isinstance(w, np.ndarray):
        places = np.nonzero(w[rows])[1].reshape(-1, 2)
        return places, np.take_along_axis(w[rows], places, axis=1)
    at = w.indptr[rows][:, None] + np.arange(2)
    return w.indices[at], w.data[at]
