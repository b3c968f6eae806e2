"""The exact reduction of a free flow to the row space of the first layer (§4, (4.1)).

On R^n the component of x in ker W never moves. With an orthonormal basis Q (n, r) of the row space, x = x0 + Q c and
u = u0 + R c, R = W Q, the flow is c' = R^T grad_u f, in r = rank W dimensions, and the Euclidean error of c is that of x.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from separatrix.networks.layers import AffineMap, Node
from separatrix.networks.network import INPUT, Network
from separatrix.potentials.base import Potential
from separatrix.potentials.head import NetworkPotential

WORTHWHILE = 0.8


@dataclass(frozen=True, eq=False)
class RowSpace:
    """The reduction: ``basis`` Q (n, r), ``weight`` R (width, r), ``first`` the layer, ``tail`` the graph after it."""

    basis: np.ndarray
    weight: np.ndarray
    first: AffineMap
    tail: Network
    potential: NetworkPotential

    @classmethod
    def of(cls, potential: Potential) -> RowSpace | None:
        """The reduction of a chain whose first layer's rank is well below the number of inputs, else None."""
        if (
            not isinstance(potential, NetworkPotential)
            or not potential.graph.is_chain
            or len(potential.graph.nodes) < 3
        ):
            return None
        first = potential.graph.nodes[1].layer
        if not isinstance(first, AffineMap) or first.n_outputs > WORTHWHILE * potential.dim:
            return None
        left, sizes, _ = scipy.linalg.svd(first.weight.T, full_matrices=False)
        basis = np.ascontiguousarray(left[:, sizes > 1e-13 * sizes[0]])
        nodes = (INPUT, *(Node(node.layer, tuple(i - 1 for i in node.parents)) for node in potential.graph.nodes[2:]))
        tail = Network(nodes, first.n_outputs, potential.graph.reading)
        return cls(basis, np.ascontiguousarray(first.weight @ basis), first, tail, potential)

    def start(self, x: np.ndarray) -> np.ndarray:
        """u0 = W x + b for the rows of ``x``."""
        return x @ self.first.weight.T + self.first.bias

    def gradient(self, u0: np.ndarray, c: np.ndarray) -> np.ndarray:
        """grad_c f at u0 + R c, (n, r)."""
        state = self.tail.propagate(u0 + c @ self.weight.T)
        y = self.potential.head.value_and_gradient(state.xp, state.output)[1]
        return state.cotangents(y)[0] @ self.weight

    def lift(self, x0: np.ndarray, c: np.ndarray) -> np.ndarray:
        """x = x0 + Q c."""
        return x0 + c @ self.basis.T
