"""The confidence L = log sum_k exp(l_k), a function of the probabilities alone (§2)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.network import Network
from separatrix.networks.propagation import constant
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential, classifier
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.log_odds import differences
from separatrix.potentials.softmax import log_sum_exp

LOG_ODDS = LogSumExp(-1.0)
ALL = LogSumExp(1.0)


class LogSumOfOdds(Head):
    """Phi(v) = log sum_k p_k / (1 - p_k) for logits v: LSE of the log-odds l_k, by the chain rule through each l_k."""

    def __init__(self, net: Network) -> None:
        self.contrasts = [differences(net, k) for k in range(net.n_classes)]

    def _odds(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """Values l (n, C) and gradients (n, C, C) of all log-odds by the logits."""
        levels, slopes = [], []
        for contrast in self.contrasts:
            mixing = constant(contrast, v)
            level, slope = LOG_ODDS.value_and_gradient(xp, v @ mixing.T)
            levels.append(level)
            slopes.append(slope @ mixing)
        return xp.stack(levels, axis=1), xp.stack(slopes, axis=1)

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """LSE(l) and sum_k w_k grad l_k, w = softmax(l)."""
        levels, slopes = self._odds(xp, v)
        value, w = log_sum_exp(xp, levels)
        return value, xp.sum(w[:, :, None] * slopes, axis=1)

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t."""
        return (self.hessian(xp, v) @ t[:, :, None])[:, :, 0]

    def hessian(self, xp: Any, v: Array) -> Array:
        """sum_k w_k Hess l_k + G^T (diag w - w w^T) G, G the rows grad l_k."""
        levels, slopes = self._odds(xp, v)
        w = log_sum_exp(xp, levels)[1]
        total = slopes.mT @ (ALL.hessian(xp, levels) @ slopes)
        for k, contrast in enumerate(self.contrasts):
            mixing = constant(contrast, v)
            total = total + w[:, k, None, None] * (mixing.T @ LOG_ODDS.hessian(xp, v @ mixing.T) @ mixing)
        return total

    def bounds(self, v: Interval) -> Enclosure:
        """The chain rule on the enclosures of all log-odds."""
        parts = [LOG_ODDS.bounds(_mixed(v, contrast)) for contrast in self.contrasts]
        levels = Interval(
            np.stack([part.value.lower for part in parts], axis=1),
            np.stack([part.value.upper for part in parts], axis=1),
        )
        outer = ALL.bounds(levels)
        slopes = [_unmixed(part.gradient, contrast) for part, contrast in zip(parts, self.contrasts, strict=True)]
        gradient = Interval.point(np.zeros(v.shape))
        hessian = Interval.point(np.zeros((*v.shape, v.shape[1])))
        for k, (part, contrast) in enumerate(zip(parts, self.contrasts, strict=True)):
            w = outer.gradient[:, k]
            gradient = gradient + w[:, None] * slopes[k]
            columns = _unmixed(part.hessian, contrast)
            rows = _unmixed(Interval(columns.lower.mT, columns.upper.mT), contrast)
            hessian = hessian + w[:, None, None] * rows
            for j in range(len(parts)):
                weight = outer.hessian[:, k, j][:, None, None]
                hessian = hessian + weight * (slopes[k][:, :, None] * slopes[j][:, None, :])
        return Enclosure(outer.value, gradient, hessian)

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """sum_k w_k grad l_k in balls."""
        levels, slopes = [], []
        for contrast in self.contrasts:
            mixed = [_dot(row, v) for row in contrast]
            slopes.append(LOG_ODDS.ball_gradient(mixed))
            top = max((ball.mid() for ball in mixed), key=float)
            total: Any = sum(((ball - top).exp() for ball in mixed[1:]), start=(mixed[0] - top).exp())
            levels.append(-(total.log() + top))
        weights = ALL.ball_gradient(levels)
        found = [0 * v[0] for _ in v]
        for w, slope, contrast in zip(weights, slopes, self.contrasts, strict=True):
            for part, row in zip(slope, contrast, strict=True):
                found = [total + int(c) * w * part for total, c in zip(found, row, strict=True)]
        return found


def _mixed(v: Interval, contrast: np.ndarray) -> Interval:
    plus, minus = contrast.argmax(axis=1), contrast.argmin(axis=1)
    return v[:, plus] - v[:, minus]


def _dot(row: np.ndarray, v: list[Any]) -> Any:
    total = 0 * v[0]
    for c, ball in zip(row, v, strict=True):
        total = total + int(c) * ball
    return total


def _unmixed(y: Interval, contrast: np.ndarray) -> Interval:
    """y contrast along the last axis, where ``contrast`` has entries -1, 0, 1."""
    weighted = y.reshape((*y.shape, 1)) * Interval.point(contrast)
    return weighted.sum(axis=-2)


def confidence(net: Network) -> NetworkPotential:
    """L(x) = log sum_k exp(l_k(x)).

    Its ties are degenerate: for two classes the whole decision surface {L = log 2} is a critical manifold, so L serves for
    what is certain and never for passes.

    >>> confidence(Network.from_arrays([[[1.0], [0.0]]], [[0.0, 0.0]])).value([[0.0]]).round(6).tolist()
    [0.693147]
    """
    return NetworkPotential(net, LogSumOfOdds(classifier(net)), np.eye(net.n_classes), "confidence")
