"""The softmax family in any array library: shifted exponentials, log-sum-exp and covariance."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.propagation import constant

Array = Any


def log_sum_exp(xp: Any, v: Array) -> tuple[Array, Array]:
    """log sum_j exp(v_j) (n,) and the softmax (n, m), without overflow."""
    top = xp.max(v, axis=1, keepdims=True)
    e = xp.exp(v - top)
    total = xp.sum(e, axis=1, keepdims=True)
    return (top + xp.log(total))[:, 0], e / total


def covariance_product(xp: Any, q: Array, t: Array) -> Array:
    """(diag q - q q^T) t, row by row."""
    y = q * t
    return y - q * xp.sum(y, axis=1, keepdims=True)


def covariance(xp: Any, q: Array) -> Array:
    """diag q - q q^T for each row, (n, m, m)."""
    eye = constant(np.eye(q.shape[1]), q)
    return q[:, :, None] * eye - q[:, :, None] * q[:, None, :]
