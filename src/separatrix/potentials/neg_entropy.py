"""Negative entropy of the class probabilities (§2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential
from separatrix.potentials.softmax import log_sum_exp
from separatrix.potentials.softmax_bounds import log_sum_exp_bounds, softmax_bounds


class NegativeEntropy(Head):
    """Phi(v) = sum_i p_i log p_i, p = softmax v. With a_i = log p_i - Phi: grad_i = p_i a_i and
    Hess_ij = delta_ij p_i (a_i + 1) - p_i p_j (a_i + a_j + 1)."""

    def _parts(self, xp: Any, v: Array) -> tuple[Array, Array, Array]:
        total, p = log_sum_exp(xp, v)
        log_p = v - total[:, None]
        value = xp.sum(p * log_p, axis=1)
        return value, p, log_p - value[:, None]

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """Phi and p a."""
        value, p, a = self._parts(xp, v)
        return value, p * a

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t."""
        _, p, a = self._parts(xp, v)
        along, weighted = xp.sum(p * t, axis=1, keepdims=True), xp.sum(p * a * t, axis=1, keepdims=True)
        return p * ((a + 1.0) * (t - along) - weighted)

    def hessian(self, xp: Any, v: Array) -> Array:
        """Hess Phi."""
        _, p, a = self._parts(xp, v)
        eye = xp.eye(v.shape[1], dtype=v.dtype)
        outer = p[:, :, None] * p[:, None, :] * (a[:, :, None] + a[:, None, :] + 1.0)
        return (p * (a + 1.0))[:, :, None] * eye - outer

    def bounds(self, v: Interval) -> Enclosure:
        """The formulas in interval arithmetic."""
        p = softmax_bounds(v)
        log_p = v - log_sum_exp_bounds(v)[:, None]
        log_p = Interval(log_p.lower, np.minimum(log_p.upper, 0.0))
        value = (p * log_p).sum(axis=1)
        a = log_p - value[:, None]
        eye = Interval.point(np.broadcast_to(np.eye(v.shape[1]), (*v.shape, v.shape[1])))
        outer = p[:, :, None] * p[:, None, :] * (a[:, :, None] + a[:, None, :] + 1.0)
        return Enclosure(value, p * a, (p * (a + 1.0))[:, :, None] * eye - outer)

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """p a in balls."""
        top = max((ball.mid() for ball in v), key=float)
        terms = [(ball - top).exp() for ball in v]
        total = sum(terms[1:], start=terms[0])
        p = [term / total for term in terms]
        log_p = [ball - top - total.log() for ball in v]
        value = sum((a * b for a, b in zip(p[1:], log_p[1:], strict=True)), start=p[0] * log_p[0])
        return [q * (log_q - value) for q, log_q in zip(p, log_p, strict=True)]


def neg_entropy(net: Network) -> NetworkPotential:
    """f(x) = sum_k p_k log p_k, from -log(n_classes) at a full tie up to 0.

    >>> neg_entropy(Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])).value([[0.0]]).round(6).tolist()
    [-0.693147]
    """
    return NetworkPotential(net, NegativeEntropy(), np.eye(net.n_classes), "negative entropy")
