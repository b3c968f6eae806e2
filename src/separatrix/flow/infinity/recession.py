"""The limit of a potential of a network along a ray base + t d, t to infinity, by interval arithmetic (§4, §5).

Along a ray every node of the network is a t + c + o(1). Affine layers and sums act on a and c; an activation on the sign of a:

    a > 0    identity, relu, leaky relu, softplus, gelu, silu, mish: a t + c      sigmoid, tanh: 1
    a < 0    identity and leaky relu: slope (a t + c)      relu, softplus, gelu, silu, mish, sigmoid: 0      tanh: -1
    a = 0    s(c), s being continuous

(the differences e^-|a t + c| vanish), and the head on what comes out. A sign that interval arithmetic does not decide leaves
the limit open, and only what floating point says of it is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.networks.bounds import weight_of
from separatrix.networks.layers import Activation, AffineMap
from separatrix.networks.network import Network
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.interval_functions import sigmoid
from separatrix.numerics.intervals import Interval
from separatrix.potentials.class_probability import LogisticOfLogOdds
from separatrix.potentials.confidence import LogSumOfOdds
from separatrix.potentials.head import Head, NetworkPotential
from separatrix.potentials.log_density import LogSumExp
from separatrix.potentials.margin import Coordinate
from separatrix.potentials.neg_entropy import NegativeEntropy

Ends = tuple[float, float]
RISING, FALLING = (np.inf, np.inf), (-np.inf, -np.inf)


@dataclass(frozen=True, eq=False)
class Recession:
    """How a network behaves along a ray: outputs ``slope`` t + ``constant`` + o(1); ``signs``: of the slopes of all
    preactivations; ``is_decided``: every sign that was needed is proved."""

    slope: Interval
    constant: Interval
    signs: np.ndarray
    is_decided: bool


def recession(network: Network, base: np.ndarray, direction: np.ndarray) -> Recession:
    """The behaviour of ``network`` along the ray ``base`` + t ``direction``, doubles of shape (dim,) taken exactly."""
    slopes, constants = [Interval.point(direction)], [Interval.point(base)]
    signs, is_decided = [], True
    for node in network.nodes[1:]:
        a, c = slopes[node.parents[0]], constants[node.parents[0]]
        if isinstance(node.layer, AffineMap):
            a, c = _affine(node.layer, a, c)
        elif isinstance(node.layer, Activation):
            sign = np.where(a.lower > 0, 1, np.where(a.upper < 0, -1, 0))
            open_signs = (sign == 0) & ((a.lower != 0) | (a.upper != 0))
            sign = np.where(open_signs, np.sign(a.midpoint).astype(np.int64), sign)
            is_decided = is_decided and not open_signs.any()
            signs.append(sign.astype(np.int8))
            a, c = _activation(node.layer, sign, a, c)
        else:
            for parent in node.parents[1:]:
                a, c = a + slopes[parent], c + constants[parent]
        slopes.append(a)
        constants.append(c)
    return Recession(slopes[-1], constants[-1], np.concatenate(signs) if signs else np.zeros(0, np.int8), is_decided)


def _affine(layer: AffineMap, a: Interval, c: Interval) -> tuple[Interval, Interval]:
    """W a and W c + b; sums of exact zeros stay exactly 0."""
    weight = weight_of(layer)
    found = product(weight, MidRad.from_interval(a)).to_interval()
    moves = (weight.magnitude > 0) @ (a.magnitude > 0).astype(np.float64) > 0
    slope = Interval(np.where(moves, found.lower, 0.0), np.where(moves, found.upper, 0.0))
    radius = np.zeros_like(layer.bias) if layer.bias_radius is None else layer.bias_radius
    return slope, product(weight, MidRad.from_interval(c)).to_interval() + Interval.around(layer.bias, radius)


def _activation(layer: Activation, sign: np.ndarray, a: Interval, c: Interval) -> tuple[Interval, Interval]:
    name = layer.name
    still = Interval(*activation_range(name, 0, c.lower, c.upper, slope=layer.slope))
    if name in ("sigmoid", "tanh"):
        below, above = (Interval.point(np.full(c.shape, end)) for end in ((0.0 if name == "sigmoid" else -1.0), 1.0))
        return _chosen(sign * 0, a * 0.0, a, a), _chosen(sign, still, above, below)
    factor = {"identity": 1.0, "leaky_relu": layer.slope}.get(name, 0.0)
    nothing = a * 0.0
    return _chosen(sign, nothing, a, a * factor), _chosen(sign, still, c, c * factor)


def _chosen(sign: np.ndarray, at_zero: Interval, above: Interval, below: Interval) -> Interval:
    ends = (
        np.where(sign > 0, getattr(above, end), np.where(sign < 0, getattr(below, end), getattr(at_zero, end)))
        for end in ("lower", "upper")
    )
    return Interval(*ends)


def limit_along(potential: NetworkPotential, base: np.ndarray, direction: np.ndarray) -> tuple[Ends | None, Recession]:
    """((lower, upper) of the limit of f along the ray, the network's recession); the ends are both +-inf where f grows or
    falls without bound, and None where the signs of the outputs' slopes do not decide it."""
    found = recession(potential.graph, base, direction)
    return _limit_of(potential.head, found.slope, found.constant), found


def _limit_of(head: Head, a: Interval, c: Interval) -> Ends | None:
    rests = (a.lower == 0) & (a.upper == 0)
    if rests.all():
        return _finite(head.bounds(c.reshape((1, -1))).value[0])
    if isinstance(head, Coordinate):
        return RISING if a.lower[0] > 0 else FALLING if a.upper[0] < 0 else None
    if isinstance(head, LogSumExp):
        return _of_log_sum(head, a, c)
    if isinstance(head, LogisticOfLogOdds):
        odds = _of_log_sum(LogSumExp(-1.0), a, c)
        if odds is None or np.isinf(odds[0]):
            return None if odds is None else (1.0, 1.0) if odds == RISING else (0.0, 0.0)
        return _finite(sigmoid(Interval(*odds)))
    if isinstance(head, (NegativeEntropy, LogSumOfOdds)) and a.shape[0] > 1:
        top = int(a.midpoint.argmax())
        if a.lower[top] > np.delete(a.upper, top).max():  # one class wins: p tends to a unit vector
            return (0.0, 0.0) if isinstance(head, NegativeEntropy) else RISING
    return None


def _of_log_sum(head: LogSumExp, a: Interval, c: Interval) -> Ends | None:
    """sign . log sum exp(a t + c): the largest slope decides."""
    if (a.lower > 0).any():
        return RISING if head.sign > 0 else FALLING
    if (a.upper < 0).all():
        return FALLING if head.sign > 0 else RISING
    rests = (a.lower == 0) & (a.upper == 0)
    if not (rests | (a.upper < 0)).all():
        return None
    return _finite(LogSumExp(head.sign).bounds(c[rests].reshape((1, -1))).value[0])


def _finite(value: Interval) -> Ends | None:
    """The ends of an enclosure; None where it says nothing because something overflowed."""
    lower, upper = float(value.lower), float(value.upper)
    return (lower, upper) if np.isfinite(lower) and np.isfinite(upper) else None
