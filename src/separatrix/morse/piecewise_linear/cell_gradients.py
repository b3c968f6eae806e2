"""The gradient of f = Phi(z) on the cells of full dimension about a cell, for intervals of the slope y of Phi (§5).

On a closed cell T of full dimension z = A_T x + c, and grad f = A_T^T y with y = grad Phi(z).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.complexes.point_signs import norms
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.morse.piecewise_linear.cell_tables import Table
from separatrix.morse.piecewise_linear.rising_directions import Fan
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import UNIT
from separatrix.potentials.confidence import LogSumOfOdds
from separatrix.potentials.head import Head
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.neg_entropy import NegativeEntropy
from separatrix.surface.arrangement.linear_steps import LinearStep

SAFE = 1.0 + 2.0**-30
LEAST = 1e-300


@dataclass(frozen=True, eq=False)
class CellGradients:
    """``jacobians`` (T, m, n): A_T in doubles; ``error`` (m, n): |A_T - exact| <= error for every cell."""

    jacobians: np.ndarray
    error: np.ndarray

    @classmethod
    def of(cls, complex_: PolyhedralComplex, steps: list[LinearStep]) -> CellGradients:
        """From the sign vectors of the cells and the ``steps`` of the network, the contrasts last."""
        n, layout = complex_.ambient_dim, complex_.layout
        signs = complex_.signs(complex_.dim)
        found = np.broadcast_to(np.eye(n), (signs.shape[0], n, n))
        size, error = np.eye(n), np.zeros((n, n))
        for index, step in enumerate(steps):
            gamma = (step.weight.shape[1] + 4) * UNIT
            spread = np.outer(step.weight_radius, norms((size + error).T))
            error = (np.abs(step.weight) @ (error + gamma * size) + spread) * SAFE + LEAST
            size = (np.abs(step.weight) @ size) * SAFE
            found = step.weight @ found
            if index == len(steps) - 1:
                break
            creased = layout.coordinates[index]
            slopes = np.ones((signs.shape[0], step.bias.size))
            slopes[:, creased] = np.where(signs[:, layout.columns(index)] > 0, 1.0, step.slope[creased])
            most = np.maximum(1.0, np.abs(step.slope))[:, None]
            found = slopes[:, :, None] * found
            size, error = size * most, (error + UNIT * size) * most * SAFE
        return cls(found, error)

    def fan(self, tops: Table, slopes: Interval, blocked: np.ndarray, total: float | None) -> Fan:
        """The fan of some cells with the table ``tops`` of cells of full dimension, and intervals ``slopes`` (cells, m)."""
        starts, members = tops
        rows = np.repeat(np.arange(starts.size - 1), np.diff(starts))
        middle, radius = slopes.midpoint[rows], slopes.radius[rows]
        return Fan(starts, self.jacobians[members], self.error, middle, radius, total, blocked)


def slope_sum(head: Head) -> float | None:
    """What the entries of grad Phi sum to, where that is the same everywhere: one for a softmax, zero for functions of the
    probabilities, which do not change when all logits grow alike.
    """
    if isinstance(head, LogSumExp):
        return head.sign
    return 0.0 if isinstance(head, (LogSumOfOdds, NegativeEntropy)) else None
