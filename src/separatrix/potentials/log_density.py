"""The log-density LSE(z) of a classifier (§2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.layers import AffineMap
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential, classifier
from separatrix.potentials.softmax import covariance, covariance_product, log_sum_exp
from separatrix.potentials.softmax_bounds import covariance_bounds, log_sum_exp_bounds, softmax_bounds


class LogSumExp(Head):
    """Phi(v) = sign * log sum_j exp(v_j)."""

    def __init__(self, sign: float = 1.0) -> None:
        self.sign = sign

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """sign * LSE and sign * softmax."""
        value, q = log_sum_exp(xp, v)
        return self.sign * value, self.sign * q

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """sign * (diag q - q q^T) t."""
        return self.sign * covariance_product(xp, log_sum_exp(xp, v)[1], t)

    def hessian(self, xp: Any, v: Array) -> Array:
        """sign * (diag q - q q^T)."""
        return self.sign * covariance(xp, log_sum_exp(xp, v)[1])

    def bounds(self, v: Interval) -> Enclosure:
        """By monotonicity in every argument."""
        q = softmax_bounds(v)
        found = log_sum_exp_bounds(v), q, covariance_bounds(q)
        return Enclosure(*found) if self.sign > 0 else Enclosure(*(-part for part in found))

    def pairs(self, m: int) -> tuple[np.ndarray, np.ndarray]:
        """Differences of two arguments: diag q - q q^T = sum over a < b of q_a q_b (e_a - e_b) (e_a - e_b)^T."""
        first, second = np.triu_indices(m, 1)
        eye, every = np.eye(m), np.arange(first.size)
        return eye[first] - eye[second], np.stack([every, every], axis=1)

    def batch_bounds(self, v: Interval) -> tuple[Interval, float, Interval]:
        """sign q, which adds up to sign, and sign q_a q_b, at most 1/4."""
        if v.shape[1] == 1:  # Phi(v) = sign * v
            return Interval.point(np.full(v.shape, self.sign)), self.sign, Interval.point(np.zeros((v.shape[0], 0)))
        q = softmax_bounds(v)
        first, second = np.triu_indices(v.shape[1], 1)
        both = q[:, first] * q[:, second]
        both = Interval(np.minimum(both.lower, 0.25), np.minimum(both.upper, 0.25))
        return (q, 1.0, both) if self.sign > 0 else (-q, -1.0, -both)

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """sign * softmax in balls, shifted by one entry's midpoint."""
        top = max((ball.mid() for ball in v), key=float)
        terms = [(ball - top).exp() for ball in v]
        total = sum(terms[1:], start=terms[0])
        return [self.sign * term / total for term in terms]


def log_density(net: Network) -> NetworkPotential:
    """f(x) = log sum_k exp z_k(x), the unnormalised log-density that a classifier defines (Grathwohl et al. 2020).

    It is not a function of the probabilities: InputError for a network whose source normalises its logits, and for a
    single logit, where f = softplus(t) has the orbits of the log-odds of class 1 only.

    >>> log_density(Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])).value([[0.0]]).round(6).tolist()
    [0.693147]
    """
    if classifier(net).reading.is_normalised:
        raise InputError(
            "the log-density needs logits before any normalisation, and this network's source normalises them "
            "(log-softmax gives f = 0 everywhere); use log_odds or confidence instead"
        )
    last = net.nodes[-1].layer
    if net.n_classes == 2 and isinstance(last, AffineMap) and not last.weight[0].any() and last.bias[0] == 0:
        raise InputError(
            "the log-density of a single logit t is softplus(t), with the orbits of the log-odds of class 1 only; "
            "use log_odds(net, 0), log_odds(net, 1) or confidence(net) instead"
        )
    return NetworkPotential(net, LogSumExp(), np.eye(net.n_classes), "log-density")
