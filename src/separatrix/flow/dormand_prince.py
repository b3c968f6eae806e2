"""The Dormand-Prince 5(4) pair with its continuous extension, for batches of rows with their own step lengths.

J. R. Dormand, P. J. Prince, J. Comput. Appl. Math. 6 (1980); the quartic extension is Shampine's (1986).
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = np.array([-71 / 57600, 0.0, 71 / 16695, -71 / 1920, 17253 / 339200, -22 / 525, 1 / 40])
EXTENSION = np.array(
    [
        [1.0, -8048581381 / 2820520608, 8663915743 / 2820520608, -12715105075 / 11282082432],
        [0.0, 0.0, 0.0, 0.0],
        [0.0, 131558114200 / 32700410799, -68118460800 / 10900136933, 87487479700 / 32700410799],
        [0.0, -1754552775 / 470086768, 14199869525 / 1410260304, -10690763975 / 1880347072],
        [0.0, 127303824393 / 49829197408, -318862633887 / 49829197408, 701980252875 / 199316789632],
        [0.0, -282668133 / 205662961, 2019193451 / 616988883, -1453857185 / 822651844],
        [0.0, 40617522 / 29380423, -110615467 / 29380423, 69997945 / 29380423],
    ]
)
EVALUATIONS = 6
SAFETY, LEAST, MOST = 0.9, 0.2, 5.0


def step(
    field: Callable[[np.ndarray], np.ndarray], x: np.ndarray, first: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One step of each row: (new (n, dim), error estimate (n, dim), slopes (7, n, dim)); ``first`` = field(x)."""
    slopes = np.empty((7, *x.shape))
    slopes[0] = first
    new = x
    for index, row in enumerate(STAGES, 1):
        total = row[0] * slopes[0]
        for weight, slope in zip(row[1:], slopes[1:index], strict=True):
            if weight:
                total += weight * slope
        new = x + h[:, None] * total
        slopes[index] = field(new)
    error = h[:, None] * np.tensordot(ERROR, slopes, axes=1)
    return new, error, slopes


def between(x: np.ndarray, h: np.ndarray, slopes: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The continuous extension at the fractions ``theta`` (k,) of steps: x (k, …), h (k,), slopes (7, k, …)."""
    powers = np.stack([theta, theta**2, theta**3, theta**4])
    weights = EXTENSION @ powers
    shape = (-1, *([1] * (x.ndim - 1)))
    return x + h.reshape(shape) * np.einsum("sk...,sk->k...", slopes, weights)


def slopes_between(slopes: np.ndarray, theta: np.ndarray) -> np.ndarray:
    """The derivative of the continuous extension at the fractions ``theta`` (m,) of steps: slopes (7, k) to (m, k)."""
    powers = np.stack([np.ones_like(theta), 2.0 * theta, 3.0 * theta**2, 4.0 * theta**3])
    return (EXTENSION @ powers).T @ slopes


def next_length(h: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Step lengths for the next try, ``size``: error over tolerance."""
    with np.errstate(divide="ignore"):
        factor = np.where(size > 0, SAFETY * np.maximum(size, 1e-30) ** -0.2, MOST)
    return h * np.clip(factor, LEAST, MOST)


def first_length(x: np.ndarray, slope: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """A cautious first step length a row: a move of a hundred tolerances, between 1e-12 and 1."""
    speed = np.abs(slope).max(axis=1, initial=0.0)
    with np.errstate(divide="ignore"):
        return np.clip(np.where(speed > 0, 100.0 * tolerance / np.maximum(speed, 1e-300), 1.0), 1e-12, 1.0)
