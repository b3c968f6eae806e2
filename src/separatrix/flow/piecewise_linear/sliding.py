"""The flow along creases and faces: on a fixed stratum everything is linear in the cotangent y of the outputs (§5).

Let the neurons of the creases that the motion slides along be cut out of the network (their outputs constant), A their
outputs' Jacobian, w_j the gradients of their preactivations, T the tangent space {w_j . v = 0, v_i = 0 on held faces} and
P the projection on it. Then v = P A^T y, and v = A^T y + sum m_j w_j + (normals of faces) with multipliers m = L y. By the
chain rule, deepest layer first, m_j = theta_j c_j with c_j = (C y)_j + sum_k B_kj m_k, k deeper: the motion slides as
long as theta_j stays between the slopes of the two sides, and as the multipliers of the held faces point outward.
"""

from __future__ import annotations

import numpy as np

from separatrix.flow.piecewise_linear.least_norm import RANK, Touched, span_basis
from separatrix.flow.piecewise_linear.local_model import Direction, LocalModel

ROUNDS = 60


def tied_creases(model: LocalModel, zero: np.ndarray, cell: Direction) -> tuple[np.ndarray, np.ndarray]:
    """Creases along which all neurons of ``zero`` stay at zero, and the first neuron of each."""
    if not cell.tied[zero].any():
        return np.zeros(0, dtype=int), np.zeros(0, dtype=int)
    leaving = np.unique(model.group[zero[~cell.tied[zero]]])
    staying = zero[~np.isin(model.group[zero], leaving)]
    creases, first = np.unique(model.group[staying], return_index=True)
    return creases, staying[first]


class Sliding:
    """The stratum of ``creases`` (numbers of groups) in the cell of ``signs`` (N,), 0 for the neurons that are cut out.

    ``held``: the sides held; ``directions`` (m, dim): P A^T, so that v = y @ directions.
    """

    def __init__(
        self,
        model: LocalModel,
        signs: np.ndarray,
        creases: np.ndarray,
        touched: Touched,
        held: np.ndarray | None = None,
    ) -> None:
        self.model, self.creases, self.touched = model, creases, touched
        self.members = [np.flatnonzero((model.group == crease) & (signs == 0)) for crease in creases]
        self.neurons = np.array([members[0] for members in self.members], dtype=int)
        self.slopes = model.slopes(signs)
        m = model.n_outputs
        gradients, by_output = model.backward(self.slopes, np.eye(m), self.neurons)
        self.jacobian, self.normals = gradients[:m], gradients[m:]
        self.by_output, self.between = by_output[:m], by_output[m:]
        if held is not None:
            self._hold(held)

    def _hold(self, held: np.ndarray) -> None:
        """Fix the mask (k,) of touched sides that are held."""
        self.mask = held
        self.held = self.touched.without(~held)
        free = np.ones(self.model.dim, dtype=bool)
        free[self.held.coordinates] = False
        self.free = free
        normals = self.normals * free
        self.basis = span_basis(normals) * free  # rounding must not move a held coordinate
        inner = self.jacobian * free
        directions = inner - (inner @ self.basis.T) @ self.basis
        directions -= (directions @ self.basis.T) @ self.basis
        self.dimension = int(free.sum()) - self.basis.shape[0]
        self.directions = directions if self.dimension else np.zeros_like(directions)
        self.is_regular = self.basis.shape[0] == self.neurons.size
        lengths = np.sqrt((normals * normals).sum(axis=1))
        lengths[lengths == 0] = 1.0
        inverse = (
            np.linalg.pinv(normals / lengths[:, None], rcond=RANK) if self.neurons.size else np.zeros((free.size, 0))
        )
        self.multipliers = -(inner @ inverse) / lengths  # (m, k): multipliers = y @ this
        self._conditions()

    def _conditions(self) -> None:
        """``conditions`` (m, 2 k + held): y @ this is positive while the motion slides and is held."""
        model, on = self.model, self.held
        inputs = self.by_output + self.multipliers @ self.between
        lower, upper = np.zeros_like(self.multipliers), np.zeros_like(self.multipliers)
        for column, members in enumerate(self.members):
            factor = model.scale[members] / model.scale[members[0]]
            below = model.below[members]
            upper[:, column] = inputs[:, members] @ (factor * np.where(factor > 0, 1.0, below))
            lower[:, column] = inputs[:, members] @ (factor * np.where(factor > 0, below, 1.0))
        self.lower, self.upper = lower, upper
        faces = (self.jacobian + self.multipliers @ self.normals)[:, on.coordinates] * on.outward
        self.conditions = np.hstack([self.multipliers - upper, lower - self.multipliers, faces])

    def margins(self, y: np.ndarray) -> np.ndarray:
        """How far the conditions are from failing (2 k + held,): negative where one fails, on convex creases as well."""
        found = y @ self.conditions
        k = self.neurons.size
        convex = y @ (self.upper - self.lower) > 0
        found[:k][convex] *= -1.0
        found[k : 2 * k][convex] *= -1.0
        return found

    def is_convex(self, y: np.ndarray) -> np.ndarray:
        """Which of the creases are convex (k,): f bends upwards across them."""
        return y @ (self.upper - self.lower) > 0

    def size(self, y: np.ndarray) -> float:
        """The size of the terms of the conditions, for tolerances."""
        parts = [self.multipliers, self.upper, self.lower, self.jacobian]
        return max(float(np.abs(y @ part).max(initial=0.0)) for part in parts) or 1.0

    def velocity(self, y: np.ndarray) -> np.ndarray | None:
        """The projection (dim,) of the gradient on the tangent cone of the stratum in the box; which sides are held is found.

        None where the search for them does not settle.
        """
        gradient = y @ self.jacobian
        held = gradient[self.touched.coordinates] * self.touched.outward >= 0
        tiny = 1e-14 * float(np.abs(gradient).max(initial=0.0))
        for step in range(ROUNDS):
            self._hold(held)
            v = y @ self.directions
            out = v[self.touched.coordinates] * self.touched.outward > tiny
            pushed = np.zeros_like(held)
            pushed[held] = (y @ self.conditions)[2 * self.neurons.size :] < -tiny
            change = np.flatnonzero((~held & out) | (held & pushed))
            if not change.size:
                return np.where(np.abs(v) <= tiny, 0.0, v)
            if step > ROUNDS // 6:  # one at a time, the least number first: the rule that ends where it can
                change = change[:1]
            held = held.copy()
            held[change] = ~held[change]
        return None

    def correction(self, u: np.ndarray) -> np.ndarray:
        """The least move (dim,) within the held faces that brings the preactivations ``u`` (k,) back to zero."""
        if not self.neurons.size:
            return np.zeros(self.model.dim)
        return -np.linalg.lstsq(self.normals * self.free, u, rcond=RANK)[0] * self.free
