"""Passes of the confidence L between two classes: the best ties of the two (§2).

Where classes i and j lead together L = log 2 up to the share of the third classes. With e_k = exp(z_k - z_i), k other than i and
j, r = sum e_k and D_k = 2 + r - e_k,

    log 2 - L = -log(1 - r / (1 + r) + sum_k (e_k / D_k) / 2),                                          (T)

so every crossing of {z_i = z_j} is a pass below log 2, and the best one has the smallest share of third classes. It is found
as the constrained maximum of -log r on {z_i = z_j} in the box: augmented Lagrangian, Newton ascent on the box. With two
classes r = 0, and the whole decision surface is a critical manifold at log 2.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.flow.newton import climb
from separatrix.flow.projection import Bounds
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.network import Network
from separatrix.numerics.interval_functions import exp
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure
from separatrix.potentials.head import Array, Head, NetworkPotential
from separatrix.potentials.softmax import covariance, log_sum_exp

ROUNDS = 12
ON_SURFACE = 1e-11
ASIDE = (1e-9, 1e-7, 1e-5, 1e-3)


class TieHead(Head):
    """Phi(v) = (v_i + v_j) / 2 - log sum_{k other} e^{v_k} + a c - m c^2 / 2 with c = v_i - v_j: the augmented Lagrangian."""

    def __init__(self, pair: tuple[int, int], n_classes: int, multiplier: float = 0.0, weight: float = 1.0) -> None:
        self.pair, self.multiplier, self.weight = pair, multiplier, weight
        self.others = np.setdiff1d(np.arange(n_classes), pair)

    def _parts(self, xp: Any, v: Array) -> tuple[Array, Array, Array]:
        c = v[:, self.pair[0]] - v[:, self.pair[1]]
        level, q = log_sum_exp(xp, v[:, self.others])
        return c, level, q

    def value_and_gradient(self, xp: Any, v: Array) -> tuple[Array, Array]:
        """Phi (n,) and its gradient (n, m)."""
        (i, j), (c, level, q) = self.pair, self._parts(xp, v)
        value = 0.5 * (v[:, i] + v[:, j]) - level + self.multiplier * c - 0.5 * self.weight * c * c
        slope = xp.zeros_like(v)
        pull = self.multiplier - self.weight * c
        slope[:, i], slope[:, j] = 0.5 + pull, 0.5 - pull
        slope[:, self.others] = -q
        return value, slope

    def hessian(self, xp: Any, v: Array) -> Array:
        """Hess Phi, (n, m, m)."""
        i, j = self.pair
        found = xp.zeros((*v.shape, v.shape[1]))
        found[:, self.others[:, None], self.others] = -covariance(xp, self._parts(xp, v)[2])
        found[:, (i, j), (i, j)] = -self.weight
        found[:, (i, j), (j, i)] = self.weight
        return found

    def hessian_product(self, xp: Any, v: Array, t: Array) -> Array:
        """Hess Phi t, row by row."""
        return (self.hessian(xp, v) @ t[:, :, None])[:, :, 0]

    def bounds(self, v: Interval) -> Enclosure:
        """None: raises SeparatrixError."""
        raise SeparatrixError("the Lagrangian of a tie has no enclosure; proved_bound encloses the tie itself")

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        """None: raises SeparatrixError."""
        raise SeparatrixError("the Lagrangian of a tie has no enclosure; proved_bound encloses the tie itself")


def below_log2(logits: np.ndarray, pair: tuple[int, int]) -> np.ndarray:
    """log 2 - L at ties of ``pair``, from the logits (n, n_classes), by (T): without cancellation, (n,)."""
    others = np.setdiff1d(np.arange(logits.shape[1]), pair)
    e = np.exp(logits[:, others] - 0.5 * (logits[:, pair[0]] + logits[:, pair[1]])[:, None])
    r = e.sum(axis=1)
    return np.abs(np.log1p(0.5 * (e / (2.0 + r[:, None] - e)).sum(axis=1) - r / (1.0 + r)))


def best_tie(net: Network, bounds: Bounds, pair: tuple[int, int], start: np.ndarray) -> tuple[np.ndarray, float]:
    """The constrained maximum that an ascent from ``start`` (dim,) reaches, and the max norm of its projected gradient.

    The projected gradient is that of the Lagrangian, whose multiplier the rounds find.
    """
    x, multiplier, residual = np.array(start, dtype=np.float64), 0.0, np.inf
    for turn in range(ROUNDS):
        weight = 10.0 ** min(turn, 2)
        head = TieHead(pair, net.n_classes, multiplier, weight)
        found = climb(NetworkPotential(net, head, np.eye(net.n_classes), "tie"), bounds, x)
        x, residual = found.x, found.residual
        logits = net.logits(x[None])[0]
        apart = float(logits[pair[0]] - logits[pair[1]])
        multiplier -= weight * apart
        if abs(apart) < ON_SURFACE * (1.0 + float(np.abs(logits).max())):
            break
    return x, residual


def proved_bound(net: Network, bounds: Bounds, pair: tuple[int, int], x: np.ndarray) -> tuple[float, float]:
    """(gap, distance): a tie of ``pair``, both leading, with log 2 - L <= gap is proved within distance of ``x`` (max norm).

    z_i - z_j has proved opposite signs at two points of the box on both sides of x; on the segment between them there is a
    tie, and e_k is enclosed over it. (inf, inf) where that is not decided.
    """
    i, j = pair
    tie = NetworkPotential(net, TieHead(pair, net.n_classes), np.eye(net.n_classes), "tie")
    state = tie.graph.propagate(x[None])
    contrast = np.zeros((1, net.n_classes))
    contrast[0, i], contrast[0, j] = 1.0, -1.0
    normal = np.asarray(state.cotangents(contrast)[0])[0]
    free = (x > bounds.lower) & (x < bounds.upper)
    normal = np.where(free, normal, 0.0)
    if not normal.any():
        return np.inf, np.inf
    normal = normal / np.abs(normal).max()
    for reach in ASIDE:
        ends = bounds.clip(np, np.array([x + reach * normal, x - reach * normal]))
        z = BoundPropagation(net.contrasted(np.eye(net.n_classes)[[i, j]]), Interval.point(ends)).output
        gap = z[:, 0] - z[:, 1]
        if gap.lower[0] > 0 and gap.upper[1] < 0:
            distance = float(np.nextafter(np.abs(ends - x).max(), np.inf))
            return _gap_over(net, pair, Interval(ends.min(axis=0), ends.max(axis=0))), distance
    return np.inf, np.inf


def _gap_over(net: Network, pair: tuple[int, int], segment: Interval) -> float:
    """An upper bound of log 2 - L at ties of ``pair`` in a small box where both lead; inf where they do not."""
    others = np.setdiff1d(np.arange(net.n_classes), pair)
    if not others.size:
        return 0.0
    shares = np.zeros((others.size, net.n_classes))
    shares[np.arange(others.size), others] = 1.0
    shares[:, pair[0]] = -1.0
    z = BoundPropagation(net.contrasted(shares), segment.reshape((1, segment.shape[0]))).output
    if not (z.upper < 0).all():
        return np.inf
    r = exp(z).sum(axis=1)
    # (T): log 2 - L <= -log(1 - r / (1 + r)) = log(1 + r) <= r
    return float(r.upper[0])
