"""Rigorous enclosures of the softmax family over boxes of logits, by monotonicity (§8)."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.interval_functions import exp, log, log1p
from separatrix.numerics.intervals import Interval

LARGE = 1e290


def log_sum_exp_bounds(v: Interval) -> Interval:
    """log sum_j exp(v_j) (n,): increasing in every v_j, so both ends are values or limits at corners."""
    return Interval(_log_sum_exp_at(v.lower).lower, _log_sum_exp_at(v.upper).upper)


def _log_sum_exp_at(corner: np.ndarray) -> Interval:
    """At rows of doubles, terms exp(-inf) = 0; nothing is said of rows whose largest entry is infinite."""
    known = np.isfinite(corner.max(axis=1, keepdims=True))
    corner = np.where(known, corner, 0.0)
    top, there = corner.max(axis=1, keepdims=True), corner > -np.inf
    terms = exp(Interval.point(np.where(there, corner, top)) - Interval.point(top))
    terms = Interval(np.where(there, terms.lower, 0.0), np.where(there, terms.upper, 0.0))
    value = Interval.point(top[:, 0]) + log(terms.sum(axis=1))
    return Interval(np.where(known[:, 0], value.lower, -np.inf), np.where(known[:, 0], value.upper, np.inf))


def odds_against_bounds(v: Interval) -> Interval:
    """(1 - q_j) / q_j = sum_{i != j} exp(v_i - v_j) for q = softmax v, (n, m): falls in v_j and rises in the others."""
    odds = exp(v[:, None, :] - v[:, :, None])
    off = ~np.eye(v.shape[1], dtype=bool)
    # the lower sum is kept from overflowing; an infinite upper one says nothing
    return Interval(np.where(off, np.minimum(odds.lower, LARGE), 0.0), np.where(off, odds.upper, 0.0)).sum(axis=2)


def softmax_bounds(v: Interval) -> Interval:
    """Softmax (n, m): q = 1 / (1 + odds against)."""
    one = Interval.point(np.ones(v.shape))
    if v.shape[1] == 1:
        return one
    q = one / (one + odds_against_bounds(v))
    return Interval(np.maximum(q.lower, 0.0), np.minimum(q.upper, 1.0))


def log_softmax_bounds(v: Interval) -> Interval:
    """Logarithm of the softmax (n, m): -log(1 + odds against), sharp near q = 1, and v - LSE(v), sharp elsewhere."""
    return (v - log_sum_exp_bounds(v)[:, None]).intersection(-log1p(odds_against_bounds(v)))


def sum_of_others(q: Interval) -> Interval:
    """1 - q_i as the sum of q_j over j != i, (n, m)."""
    off = ~np.eye(q.shape[1], dtype=bool)
    return Interval(np.where(off, q.lower[:, None, :], 0.0), np.where(off, q.upper[:, None, :], 0.0)).sum(axis=2)


def covariance_bounds(q: Interval) -> Interval:
    """diag q - q q^T (n, m, m): the diagonal as q_i times the sum of the others, so that no 1 - q cancels."""
    off = ~np.eye(q.shape[1], dtype=bool)
    outer = q[:, :, None] * q[:, None, :]
    diagonal = q * sum_of_others(q)
    lower = np.where(off, -outer.upper, diagonal.lower[:, :, None])
    upper = np.where(off, -outer.lower, diagonal.upper[:, :, None])
    return Interval(lower, upper)
