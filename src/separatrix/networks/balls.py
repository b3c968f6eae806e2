"""The gradient of a potential of a network at one point in flint balls of any precision (§8)."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import numpy as np

from separatrix.networks.layers import Activation, Affine, AffineMap
from separatrix.networks.network import Network
from separatrix.numerics.ball_doubles import outward
from separatrix.numerics.intervals import Interval

Ball = Any


def gradient_ball(
    network: Network, contrasts: np.ndarray, head: Callable[[list[Ball]], list[Ball]], x: np.ndarray, bits: int = 200
) -> Interval:
    """Enclosure (dim,) of grad Phi(D z(x)) at the double vector ``x``; ``head`` gives grad Phi from balls of D z.

    Every operation is flint's ball arithmetic with ``bits`` bits, so the enclosure is as sharp as a double can hold.
    """
    from flint import arb_mat, ctx

    with ctx.workprec(bits):
        slopes: dict[int, list[Ball]] = {}
        values = [_column([float(t) for t in x])]
        for index, node in enumerate(network.nodes[1:], 1):
            parent = values[node.parents[0]]
            if isinstance(node.layer, AffineMap):
                values.append(_affine(node.layer, parent))
            elif isinstance(node.layer, Activation):
                pairs = [activation_ball(node.layer, u) for u in parent.entries()]
                slopes[index] = [first for _, first in pairs]
                values.append(_column([value for value, _ in pairs]))
            else:
                values.append(sum((values[i] for i in node.parents[1:]), start=parent))
        mixing = arb_mat(contrasts.tolist())
        y = mixing.transpose() * _column(head((mixing * values[-1]).entries()))
        return _to_interval(_backward(network, slopes, y).entries())


def _backward(network: Network, slopes: dict[int, list[Ball]], y: Any) -> Any:
    found: list[Any] = [None] * (len(network.nodes) - 1) + [y]
    for index in range(len(network.nodes) - 1, 0, -1):
        node, here = network.nodes[index], found[index]
        if here is None:
            continue
        if isinstance(node.layer, AffineMap):
            here = _pulled(node.layer, here)
        elif isinstance(node.layer, Activation):
            here = _column([a * b for a, b in zip(slopes[index], here.entries(), strict=True)])
        for parent in node.parents:
            found[parent] = here if found[parent] is None else found[parent] + here
    return found[0]


def _affine(layer: AffineMap, x: Any) -> Any:
    """W x + b of a column of balls."""
    if isinstance(layer, Affine):
        weight, bias = _matrix(layer)
        return weight * x + bias
    return _column(_sparse_product(layer.rows(), x.entries())) + _column(layer.bias.tolist())


def _pulled(layer: AffineMap, y: Any) -> Any:
    """W^T y of a column of balls."""
    if isinstance(layer, Affine):
        return _matrix(layer)[0].transpose() * y
    return _column(_sparse_product(layer.rows().T.tocsr(), y.entries()))


def _sparse_product(matrix: Any, entries: list[Ball]) -> list[Ball]:
    from flint import arb

    columns, weights = matrix.indices.tolist(), matrix.data.tolist()
    found = []
    for start, end in zip(matrix.indptr[:-1].tolist(), matrix.indptr[1:].tolist(), strict=True):
        total = arb(0)
        for place in range(start, end):
            total += entries[columns[place]] * arb(weights[place])
        found.append(total)
    return found


@lru_cache(maxsize=16)
def _matrix(layer: Affine) -> tuple[Any, Any]:
    from flint import arb, arb_mat

    weight, bias = layer.weight.tolist(), layer.bias.tolist()
    if layer.weight_radius is not None:
        radii = layer.weight_radius.tolist()
        weight = [[arb(w, r) for w, r in zip(*rows, strict=True)] for rows in zip(weight, radii, strict=True)]
    if layer.bias_radius is not None:
        bias = [arb(b, r) for b, r in zip(bias, layer.bias_radius.tolist(), strict=True)]
    return arb_mat(weight), _column(bias)


def _column(entries: list[Any]) -> Any:
    from flint import arb_mat

    return arb_mat([[entry] for entry in entries])


def activation_ball(layer: Activation, u: Ball) -> tuple[Ball, Ball]:
    """(s(u), s'(u)) as balls; at a crease of a piecewise linear function the slope is the hull of both sides."""
    from flint import arb

    name = layer.name
    if name in ("relu", "leaky_relu", "identity"):
        below = {"relu": arb(0), "leaky_relu": arb(layer.slope), "identity": arb(1)}[name]
        slope = arb(1) if u > 0 else below if u < 0 else below.union(arb(1))
        return slope * u, slope
    if name == "tanh":
        return u.tanh(), 1 / u.cosh() ** 2
    if name in ("sigmoid", "softplus", "silu"):
        p, rest = 1 / (1 + (-u).exp()), 1 / (1 + u.exp())
        if name == "sigmoid":
            return p, p * rest
        if name == "silu":
            return u * p, p * (1 + u * rest)
        return (u + (-u).exp().log1p() if u > 0 else u.exp().log1p()), p
    if name == "mish":
        return _mish_ball(u)
    if name == "gelu":
        cumulative = (-u / arb(2).sqrt()).erfc() / 2
        return u * cumulative, cumulative + u * (-u * u / 2).exp() / (2 * arb.pi()).sqrt()
    scale, cubic = (8 / arb.pi()).sqrt(), arb(0.044715)  # (1 + tanh(w/2)) / 2 = logistic(w) has no cancelling tail
    w = scale * (u + cubic * u**3)
    p, rest = 1 / (1 + (-w).exp()), 1 / (1 + w.exp())
    return u * p, p * (1 + u * rest * scale * (1 + 3 * cubic * u * u))


def _mish_ball(u: Ball) -> tuple[Ball, Ball]:
    """u n / d and its derivative, in exp(u) or exp(-u), whichever is small."""
    if u > 0:
        e = (-u).exp()
        n, rises = 1 + 2 * e, e * e
        d = n + 2 * rises
    else:
        e = rises = u.exp()
        n = e * (2 + e)
        d = n + 2
    return u * n / d, (n + 4 * u * rises * (1 + e) / d) / d


def _to_interval(balls: list[Ball]) -> Interval:
    pairs = [outward(ball) for ball in balls]
    return Interval(np.array([low for low, _ in pairs]), np.array([high for _, high in pairs]))
