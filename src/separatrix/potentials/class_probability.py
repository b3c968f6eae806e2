"""The probability of a class (§2, (2.3))."""

from __future__ import annotations

from typing import Any

from separatrix.networks.activations import sigmoid
from separatrix.networks.network import Network
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.log_odds import class_number, differences, log_odds

LOG_ODDS = LogSumExp(-1.0)


class LogisticOfLogOdds(Head):
    """Phi(v) = logistic(l), l = -LSE(v): grad = p (1 - p) grad l, Hess = p (1 - p) (Hess l + (1 - 2 p) grad l grad l^T)."""

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """p and p (1 - p) grad l."""
        level, slope = LOG_ODDS.value_and_gradient(xp, v)
        p, rest = sigmoid(xp, level), sigmoid(xp, -level)
        return p, (p * rest)[:, None] * slope

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t."""
        level, slope = LOG_ODDS.value_and_gradient(xp, v)
        p, rest = sigmoid(xp, level), sigmoid(xp, -level)
        inner = LOG_ODDS.hessian_product(xp, v, t) + ((rest - p) * xp.sum(slope * t, axis=1))[:, None] * slope
        return (p * rest)[:, None] * inner

    def hessian(self, xp: Any, v: Array) -> Array:
        """Hess Phi."""
        level, slope = LOG_ODDS.value_and_gradient(xp, v)
        p, rest = sigmoid(xp, level), sigmoid(xp, -level)
        outer = slope[:, :, None] * slope[:, None, :]
        return (p * rest)[:, None, None] * (LOG_ODDS.hessian(xp, v) + (rest - p)[:, None, None] * outer)

    def bounds(self, v: Interval) -> Enclosure:
        """The chain rule on the enclosures of the log-odds."""
        level, slope, curvature = LOG_ODDS.bounds(v)
        ends = level.lower, level.upper
        p, first, second = (Interval(*activation_range("sigmoid", order, *ends)) for order in (0, 1, 2))
        outer = slope[:, :, None] * slope[:, None, :]
        return Enclosure(p, first[:, None] * slope, first[:, None, None] * curvature + second[:, None, None] * outer)

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """The chain rule in balls: p (1 - p) = s / (1 + s)^2 with s = sum_j exp(v_j) = exp(-l)."""
        odds = sum((ball.exp() for ball in v[1:]), start=v[0].exp())
        return [factor * odds / (1 + odds) ** 2 for factor in LOG_ODDS.ball_gradient(v)]


def class_probability(net: Network, k: int) -> NetworkPotential:
    """p_k(x), the softmax probability of class k: the paper's potential. Equilibria are better sought on :func:`log_odds`.

    >>> net = Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])
    >>> class_probability(net, 0).value([[0.0]]).tolist()
    [0.5]
    """
    k = class_number(net, k)
    potential = NetworkPotential(net, LogisticOfLogOdds(), differences(net, k), f"probability of class {k}")
    potential.companion = log_odds(net, k)
    return potential
