"""Functions of columns of logits that the sympy form of an equation calls when it is evaluated; no overflow (§2).

Written apart from the heads of :mod:`separatrix.potentials`, so that agreement with these is a test of both.
"""

from __future__ import annotations

import numpy as np


def softmax(z: np.ndarray) -> np.ndarray:
    """exp(z_i) / sum_j exp(z_j) of a column (m, 1).

    >>> softmax(np.array([[1000.0], [1000.0]])).ravel().tolist()
    [0.5, 0.5]
    """
    e = np.exp(z - z.max())
    return e / e.sum()


def softmax_of_others(z: np.ndarray) -> np.ndarray:
    """The matrix (m, m) whose row k is the softmax over the entries j != k of a column (m, 1), 0 at k itself.

    >>> softmax_of_others(np.array([[5.0], [0.0], [0.0]])).tolist()[0]
    [0.0, 0.5, 0.5]
    """
    rows = np.repeat(z.reshape(1, -1), z.size, axis=0)
    np.fill_diagonal(rows, -np.inf)
    e = np.exp(rows - rows.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def log_odds(z: np.ndarray) -> np.ndarray:
    """l_k = -log sum_{j != k} exp(z_j - z_k) of a column (m, 1).

    >>> log_odds(np.array([[900.0], [0.0]])).ravel().tolist()
    [900.0, -900.0]
    """
    gaps = z.reshape(1, -1) - z.reshape(-1, 1)
    np.fill_diagonal(gaps, -np.inf)
    top = gaps.max(axis=1, keepdims=True)
    return -(top + np.log(np.exp(gaps - top).sum(axis=1, keepdims=True)))


def log_softmax(z: np.ndarray) -> np.ndarray:
    """z_i - log sum_j exp(z_j) of a column (m, 1), accurate also where it is near 0.

    >>> log_softmax(np.array([[50.0], [0.0]])).ravel().tolist()
    [-1.9287498479639178e-22, -50.0]
    """
    top = int(z.argmax())
    e = np.exp(z - z[top])
    e[top] = 0.0
    return z - z[top] - np.log1p(e.sum())
