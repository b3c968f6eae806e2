"""Negative entropy of the class probabilities (§2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.network import Network
from separatrix.networks.propagation import constant
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential, classifier
from separatrix.potentials.softmax_bounds import log_softmax_bounds, softmax_bounds, sum_of_others


class NegativeEntropy(Head):
    """Phi(v) = sum_i p_i log p_i, p = softmax v. With a_i = log p_i - Phi: grad_i = p_i a_i and
    Hess_ij = -p_i p_j (a_i + a_j + 1) for i != j, Hess_ii = p_i ((1 - p_i) (1 + 2 a_i) - a_i).

    Where one class is almost sure all of these are as small as the others' share, and nothing here is a difference of
    larger numbers: log p_i = v_i - max v - log(1 + r), r the sum of exp(v_j - max v) without the largest.
    """

    def _parts(self, xp: Any, v: Array) -> tuple[Array, Array, Array]:
        top = xp.max(v, axis=1, keepdims=True)
        largest = xp.argmax(v, axis=1, keepdims=True) == constant(np.arange(v.shape[1]), v)
        e = xp.exp(v - top)
        rest = xp.sum(xp.where(largest, xp.zeros_like(e), e), axis=1, keepdims=True)
        p, log_p = e / (1.0 + rest), v - top - xp.log1p(rest)
        value = xp.sum(p * log_p, axis=1)
        return value, p, log_p - value[:, None]

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """Phi and p a."""
        value, p, a = self._parts(xp, v)
        return value, p * a

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t."""
        return (self.hessian(xp, v) @ t[:, :, None])[:, :, 0]

    def hessian(self, xp: Any, v: Array) -> Array:
        """Hess Phi."""
        _, p, a = self._parts(xp, v)
        eye = constant(np.eye(v.shape[1]), v)
        others = p @ (1.0 - eye)
        outer = p[:, :, None] * p[:, None, :] * (a[:, :, None] + a[:, None, :] + 1.0)
        return (p * (others * (1.0 + 2.0 * a) - a))[:, :, None] * eye - outer * (1.0 - eye)

    def bounds(self, v: Interval) -> Enclosure:
        """The formulas in interval arithmetic."""
        p, log_p = softmax_bounds(v), log_softmax_bounds(v)
        value = (p * log_p).sum(axis=1)
        a = log_p - value[:, None]
        outer = p[:, :, None] * p[:, None, :] * (a[:, :, None] + a[:, None, :] + 1.0)
        diagonal, off = p * (sum_of_others(p) * (1.0 + 2.0 * a) - a), ~np.eye(v.shape[1], dtype=bool)
        lower, upper = (
            np.where(off, *ends)
            for ends in ((-outer.upper, diagonal.lower[:, :, None]), (-outer.lower, diagonal.upper[:, :, None]))
        )
        return Enclosure(value, p * a, Interval(lower, upper))

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """p a in balls."""
        rest: list[Any] = [
            sum(((other - ball).exp() for j, other in enumerate(v) if j != i), start=0 * ball)
            for i, ball in enumerate(v)
        ]
        p, log_p = [1 / (1 + odds) for odds in rest], [-odds.log1p() for odds in rest]
        value = sum((a * b for a, b in zip(p[1:], log_p[1:], strict=True)), start=p[0] * log_p[0])
        return [q * (log_q - value) for q, log_q in zip(p, log_p, strict=True)]


def neg_entropy(net: Network) -> NetworkPotential:
    """f(x) = sum_k p_k log p_k, from -log(n_classes) at a full tie up to 0.

    >>> neg_entropy(Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])).value([[0.0]]).round(6).tolist()
    [-0.693147]
    """
    return NetworkPotential(classifier(net), NegativeEntropy(), np.eye(net.n_classes), "negative entropy")
