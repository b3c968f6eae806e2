"""A slow oracle: a network's contrast and its gradient by t at a point of the unit cube, in flint balls of 300 bits."""

from __future__ import annotations

from typing import Any

import numpy as np
from flint import arb, ctx

from separatrix.domains import Box
from separatrix.networks.layers import Activation, Affine
from separatrix.networks.network import Network
from separatrix.numerics.critical_points import taylor_ball

BITS = 300


def ball_value(net: Network, box: Box, contrast: np.ndarray, t: np.ndarray) -> tuple[Any, list[Any]]:
    """(m, [dm/dt_j]) as balls, m = contrast . logits(lower + (upper - lower) t); t exact doubles."""
    with ctx.workprec(BITS):
        width = [arb(float(u)) - arb(float(low)) for low, u in zip(box.lower, box.upper, strict=True)]
        values = [[arb(float(low)) + w * arb(float(s)) for low, w, s in zip(box.lower, width, t, strict=True)]]
        slopes = [[[w if i == j else arb(0) for j in range(box.dim)] for i, w in enumerate(width)]]
        for node in net.nodes[1:]:
            layer, parents = node.layer, node.parents
            v, d = values[parents[0]], slopes[parents[0]]
            if isinstance(layer, Affine):
                rows = [[arb(float(w)) for w in row] for row in layer.weight]
                values.append([_dot(row, v) + arb(float(b)) for row, b in zip(rows, layer.bias, strict=True)])
                slopes.append([[_dot(row, [x[j] for x in d]) for j in range(box.dim)] for row in rows])
            elif isinstance(layer, Activation):
                if layer.name == "identity":
                    values.append(v)
                    slopes.append(d)
                    continue
                series = [taylor_ball(layer.name, u, 2).coeffs() for u in v]
                values.append([s[0] for s in series])
                slopes.append([[s[1] * x for x in row] for s, row in zip(series, d, strict=True)])
            else:
                values.append([sum(parts, arb(0)) for parts in zip(*(values[p] for p in parents), strict=True)])
                slopes.append(
                    [
                        [sum((slopes[p][i][j] for p in parents), arb(0)) for j in range(box.dim)]
                        for i in range(len(values[-1]))
                    ]
                )
        row = [arb(float(c)) for c in contrast]
        return _dot(row, values[-1]), [_dot(row, [x[j] for x in slopes[-1]]) for j in range(box.dim)]


def _dot(row: list[Any], column: list[Any]) -> Any:
    total = arb(0)
    for a, b in zip(row, column, strict=True):
        total += a * b
    return total
