"""Outputs of a network at thousands of points with proved errors, a bound a unit for all points of a batch (§8).

Rounding as in :mod:`separatrix.networks.batches`: a sum of K products and a bias is off by at most (K + 3) u (sum |w m| + |b|),
with |m| replaced by its largest value over the batch; an activation adds the error of its Taylor table and multiplies that of
its argument by at most max |s'|. Points at which an argument lies beyond the tables are left to the slower enclosures.
"""

from __future__ import annotations

import numpy as np

from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Activation, AffineMap, Sum
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import UNIT, down, up
from separatrix.numerics.taylor_tables import REACH, taylor_table

Array = np.ndarray
TINY = 1e-300
LINEAR = ("identity", "relu", "leaky_relu")


def outputs_at(network: Network, x: Array) -> Interval:
    """Rigorous enclosures (n, outputs) of the outputs at the rows of ``x`` (n, inputs)."""
    names = {node.layer.name for node in network.nodes[1:] if isinstance(node.layer, Activation)}
    if not names <= {*REACH, *LINEAR}:
        return BoundPropagation(network, Interval.point(x)).output
    with np.errstate(all="ignore"):
        middle, radius, lost = _propagated(network, x)
        low, high = down(middle - radius).T, up(middle + radius).T
    lost = lost | ~np.isfinite(low).all(axis=1) | ~np.isfinite(high).all(axis=1)
    if lost.any():
        slow = BoundPropagation(network, Interval.point(x[lost])).output
        low[lost], high[lost] = slow.lower, slow.upper
    return Interval(low, high)


def _propagated(network: Network, x: Array) -> tuple[Array, Array, Array]:
    """Middles (outputs, n), radii (outputs, 1), and at which points nothing is known (n,)."""
    middles, radii = [np.ascontiguousarray(x.T)], [np.zeros((x.shape[1], 1))]
    lost = np.zeros(len(x), dtype=bool)
    for node in network.nodes[1:]:
        layer, parents = node.layer, node.parents
        if isinstance(layer, AffineMap):
            middle, radius = _affine(layer, middles[parents[0]], radii[parents[0]])
        elif isinstance(layer, Activation):
            middle, radius, beyond = _activation(layer, middles[parents[0]], radii[parents[0]])
            lost |= beyond
        else:
            assert isinstance(layer, Sum)
            middle, radius = middles[parents[0]], radii[parents[0]]
            for other in parents[1:]:
                middle = middle + middles[other]
                radius = (radius + radii[other] + 2.0 * UNIT * _size(middle)) * (1.0 + 8.0 * UNIT)
        middles.append(middle)
        radii.append(radius)
    return middles[-1], radii[-1], lost


def _size(middle: Array) -> Array:
    return np.maximum(middle.max(axis=1, keepdims=True), -middle.min(axis=1, keepdims=True))


def _affine(layer: AffineMap, middle: Array, radius: Array) -> tuple[Array, Array]:
    """W x + b: the product in any order, its rounding and that of the bound itself."""
    weight, k = layer.weight, layer.n_inputs
    size, bias = _size(middle), np.abs(layer.bias)[:, None]
    spread = radius + (k + 4) * UNIT * size + TINY
    error = np.abs(weight) @ spread
    if layer.weight_radius is not None:
        error = error + layer.weight_radius @ (size + spread)
    loss = 0.0 if layer.bias_radius is None else layer.bias_radius[:, None]
    error = error * (1.0 + (2 * k + 24) * UNIT) + (1.0 + 16.0 * UNIT) * ((k + 4) * UNIT * bias + loss) + TINY
    return weight @ middle + layer.bias[:, None], error * (1.0 + 8.0 * UNIT)


def _activation(layer: Activation, middle: Array, radius: Array) -> tuple[Array, Array, Array]:
    """s(u) with its error, and the points where some u lies beyond the table."""
    if layer.name in LINEAR:
        if layer.name == "identity":
            return middle, radius, np.zeros(middle.shape[1], dtype=bool)
        slope = 0.0 if layer.name == "relu" else layer.slope
        steepest = max(1.0, abs(slope))
        bent = np.where(middle > 0, middle, slope * middle)
        return (
            bent,
            (radius * steepest + UNIT * _size(bent)) * (1.0 + 8.0 * UNIT) + TINY,
            np.zeros(middle.shape[1], dtype=bool),
        )
    from separatrix.morse.levels.table_kernel import table_values

    table = taylor_table(layer.name)
    reach, steepest = float(table.meta[0]), float(table.meta[1])
    inside = np.abs(middle) + radius <= reach * (1.0 - 4.0 * UNIT)
    beyond = np.asarray(~inside.all(axis=0))
    argument = np.where(inside, middle, 0.0) if beyond.any() else middle
    value = np.empty(middle.shape)
    error = [table_values(table.rows, reach, u, out) for u, out in zip(argument, value, strict=True)]
    return value, (np.array(error)[:, None] + steepest * radius) * (1.0 + 8.0 * UNIT) + TINY, beyond
