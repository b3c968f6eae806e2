"""The margin between two classes, z_i - z_j (§2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential
from separatrix.potentials.log_odds import class_number


class Coordinate(Head):
    """Phi(v) = v_1 on R^1."""

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """v and 1."""
        return v[:, 0], xp.ones_like(v)

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """0."""
        return xp.zeros_like(t)

    def hessian(self, xp: Any, v: Array) -> Array:
        """0."""
        return xp.zeros_like(v)[:, :, None]

    def bounds(self, v: Interval) -> Enclosure:
        """Exact."""
        n = v.shape[0]
        return Enclosure(v[:, 0], Interval.point(np.ones((n, 1))), Interval.point(np.zeros((n, 1, 1))))

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """1."""
        return [1 + 0 * v[0]] if v[0].is_finite() else [v[0]]


def margin(net: Network, i: int, j: int) -> NetworkPotential:
    """m_ij(x) = z_i - z_j; {m_ij = 0} is the decision surface where i and j are the top two.

    >>> net = Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.5]])
    >>> margin(net, 0, 1).value([[2.0]]).tolist()
    [1.5]
    """
    i, j = class_number(net, i), class_number(net, j)
    if i == j:
        raise InputError(f"a margin needs two different classes, came {i} twice")
    eye = np.eye(net.n_classes)
    return NetworkPotential(net, Coordinate(), (eye[i] - eye[j])[None], f"margin of class {i} over {j}")
