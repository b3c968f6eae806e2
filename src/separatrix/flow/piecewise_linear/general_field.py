"""The flow of a potential of a piecewise linear network of any depth, as its orbits need it: model, head, domain (§5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.errors import KindError
from separatrix.flow.piecewise_linear.local_model import LocalModel
from separatrix.flow.projection import Bounds
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.head import Head, NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate
from separatrix.potentials.softmax import log_sum_exp

# gradients of these heads keep their relative accuracy; those of the others are differences that cancel at ties
EXACT_HEADS = (LogSumExp, Coordinate, LogisticOfLogOdds)
CANCELLED = 1e-14


@dataclass(frozen=True, eq=False)
class Field:
    """A flow: ``model`` and ``head``; ``bounds`` hold the motion, ``sides`` end it (infinite where there are none).

    ``is_straight``: the cotangent is constant, so that orbits are polygons; ``is_probability``: along them time runs as in
    (5.2) for the probability of one of two classes, whose orbits are those of the log-odds.
    """

    model: LocalModel
    head: Head
    bounds: Bounds
    sides: Bounds
    is_straight: bool
    is_probability: bool

    @classmethod
    def of(cls, potential: Potential, domain: Domain, boundary: str) -> Field:
        """The flow of ``potential``, a potential of a piecewise linear network."""
        if not isinstance(potential, NetworkPotential):
            raise KindError(f"expected a potential of a network, came {type(potential).__name__}")
        head, single = potential.head, potential.contrasts.shape[0] == 1
        is_probability = isinstance(head, LogisticOfLogOdds) and single
        if is_probability:
            head = LogSumExp(-1.0)
        is_straight = single and isinstance(head, (LogSumExp, Coordinate))
        away = Bounds(np.full(domain.dim, -np.inf), np.full(domain.dim, np.inf))
        leaves = isinstance(domain, Box) and boundary == "exit"
        sides = Bounds(domain.lower, domain.upper) if leaves and isinstance(domain, Box) else away
        model = LocalModel(potential.graph)
        return cls(model, head, Bounds.of(domain, boundary), sides, is_straight, is_probability)

    def inside(self, x: np.ndarray) -> np.ndarray:
        """``x`` without what rounding carried beyond a side."""
        return self.bounds.clip(np, self.sides.clip(np, x))

    def value(self, output: np.ndarray) -> float:
        """Phi at the outputs (m,): f, or the log-odds where ``is_probability``."""
        return float(self.head.value_and_gradient(np, output[None])[0][0])

    def cotangents(self, outputs: np.ndarray) -> np.ndarray:
        """grad Phi at the rows of ``outputs`` (k, m); zero where ties of the classes leave nothing but rounding of it."""
        found = np.asarray(self.head.value_and_gradient(np, outputs)[1])
        if not isinstance(self.head, EXACT_HEADS):
            spread = 1.0 - log_sum_exp(np, outputs)[1].max(axis=1)
            found = np.where((np.abs(found).max(axis=1) <= CANCELLED * spread)[:, None], 0.0, found)
        return found

    def hessian(self, output: np.ndarray) -> np.ndarray:
        """Hess Phi at the outputs (m,), (m, m)."""
        return np.asarray(self.head.hessian(np, output[None])[0])
