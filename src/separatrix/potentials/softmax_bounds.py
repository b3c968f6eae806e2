"""Rigorous enclosures of the softmax family over boxes of logits, by monotonicity (§8)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.interval_functions import exp, log
from separatrix.numerics.intervals import Interval


def log_sum_exp_bounds(v: Interval) -> Interval:
    """log sum_j exp(v_j) (n,): increasing in every v_j, so both ends are values at corners."""
    def at(corner: np.ndarray) -> Interval:
        top = corner.max(axis=1, keepdims=True)
        terms = exp(Interval.point(corner) - Interval.point(top))
        return Interval.point(top[:, 0]) + log(terms.sum(axis=1))
    return Interval(at(v.lower).lower, at(v.upper).upper)


def softmax_bounds(v: Interval) -> Interval:
    """Softmax (n, m): q_j = 1 / (1 + sum_{i != j} exp(v_i - v_j)) rises in v_j and falls in the others."""
    m = v.shape[1]
    if m == 1:
        return Interval.point(np.ones(v.shape))
    differences = v[:, None, :] - v[:, :, None]
    odds = exp(differences)
    off = ~np.eye(m, dtype=bool)
    # an infinite upper sum gives q >= 0, which 1 / (1 + inf) = 0 says
    others = Interval(np.where(off, odds.lower, 0.0), np.where(off, odds.upper, 0.0)).sum(axis=2)
    one = Interval.point(np.ones(v.shape))
    q = one / (one + others)
    return Interval(np.maximum(q.lower, 0.0), np.minimum(q.upper, 1.0))


def covariance_bounds(q: Interval) -> Interval:
    """diag q - q q^T (n, m, m): the diagonal as q_i times the sum of the others, so that no 1 - q cancels."""
    m = q.shape[1]
    off = ~np.eye(m, dtype=bool)
    outer = q[:, :, None] * q[:, None, :]
    rest = Interval(np.where(off, q.lower[:, None, :], 0.0), np.where(off, q.upper[:, None, :], 0.0)).sum(axis=2)
    diagonal = q * rest
    lower = np.where(off, -outer.upper, diagonal.lower[:, :, None])
    upper = np.where(off, -outer.lower, diagonal.upper[:, :, None])
    return Interval(lower, upper)
