"""RODAS, a stiffly accurate Rosenbrock method of order 4(3), for branches that creep along steep valleys and rings.

E. Hairer, G. Wanner, Solving Ordinary Differential Equations II, section IV.10.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

GAMMA = 0.25
SHIFTS = (
    (1.544,),
    (0.9466785280815826, 0.2557011698983284),
    (3.314825187068521, 2.896124015972201, 0.9986419139977817),
    (1.221224509226641, 6.019134481288629, 12.53708332932087, -0.6878860361058950),
)
COUPLING = (
    (-5.6688,),
    (-2.430093356833875, -0.2063599157091915),
    (-0.1073529058151375, -9.594562251023355, -20.47028614809616),
    (7.496443313967647, -10.24680431464352, -33.99990352819905, 11.70890893206160),
    (8.083246795921522, -7.981132988064893, -31.52159432874371, 16.31930543123136, -6.058818238834054),
)
SAFETY, LEAST, MOST = 0.9, 0.2, 4.0


def step(
    field: Callable[[np.ndarray], np.ndarray], jacobian: np.ndarray, x: np.ndarray, first: np.ndarray, h: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """One step of each row: (new (n, dim), error estimate (n, dim)); ``jacobian`` (n, dim, dim) and ``first`` = field(x)."""
    inverse = np.linalg.inv(np.eye(x.shape[1]) / (GAMMA * h)[:, None, None] - jacobian)
    stages = [(inverse @ first[:, :, None])[:, :, 0]]
    new = x
    for index, coupling in enumerate(COUPLING):
        # the last two stages stand where the one before ended: the method is stiffly accurate
        new = x + _combined(SHIFTS[index], stages) if index < len(SHIFTS) else new + stages[-1]
        right = field(new) + _combined(coupling, stages) / h[:, None]
        stages.append((inverse @ right[:, :, None])[:, :, 0])
    return new + stages[-1], stages[-1]


def _combined(weights: tuple[float, ...], stages: list[np.ndarray]) -> np.ndarray:
    total = weights[0] * stages[0]
    for weight, stage in zip(weights[1:], stages[1:], strict=True):
        total = total + weight * stage
    return total


def next_length(h: np.ndarray, size: np.ndarray) -> np.ndarray:
    """Step lengths for the next try, ``size``: error over tolerance."""
    factor = SAFETY * np.maximum(size, 1e-30) ** -0.25
    return h * np.clip(factor, LEAST, MOST)
