"""Points on which a network is compared with its source, and the source's last step (§1)."""

from __future__ import annotations

import numpy as np

CHECKED_POINTS = 64


def random_points(n_inputs: int, count: int = CHECKED_POINTS) -> np.ndarray:
    """The points of the comparison, (count, n_inputs): half uniform in [-1, 1], half normal, always the same."""
    rng, half = np.random.default_rng(0), count // 2
    return np.concatenate([rng.uniform(-1, 1, (half, n_inputs)), rng.standard_normal((count - half, n_inputs))])


def last_step(z: np.ndarray, tail: str | None, n_outputs: int) -> np.ndarray:
    """Logits as the source returns them: through the softmax, log-softmax or sigmoid that was taken off.

    >>> last_step(np.array([[0.0, 0.0]]), "softmax", 2)
    array([[0.5, 0.5]])
    """
    if n_outputs == 1 or tail == "sigmoid":
        t = z[:, 1:] - z[:, :1]
        p = 0.5 * (1.0 + np.tanh(0.5 * t))
        return t if tail != "sigmoid" else p if n_outputs == 1 else np.hstack([1.0 - p, p])
    if tail is None:
        return z
    log_p = z - z.max(axis=1, keepdims=True)
    log_p = log_p - np.log(np.exp(log_p).sum(axis=1, keepdims=True))
    return np.exp(log_p) if tail == "softmax" else log_p
