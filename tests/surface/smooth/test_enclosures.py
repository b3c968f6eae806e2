"""Enclosures over simplices hold the exact values and gradients: at vertices, on edges and inside, by flint balls (§8)."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from flint import arb, ctx

from separatrix.domains import AffineSlice, Box
from separatrix.networks.network import Network
from separatrix.numerics.critical_points import derivative_ball
from separatrix.surface.smooth.activation_tables import activation_table
from separatrix.surface.smooth.certificate import enclosures, vertex_values
from separatrix.surface.smooth.packed_network import packed

from .ball_network import ball_value
from .random_networks import SMOOTH, random_network, skip_network

CONTRAST = np.array([[-1.0, 1.0]])


def _simplices(rng: np.random.Generator, dim: int, n: int) -> np.ndarray:
    """Small and large simplices with dyadic vertices, (n, dim + 1, dim)."""
    corner = rng.integers(0, 2**20, size=(n, 1, dim)) / 2.0**20
    reach = 2.0 ** -rng.integers(0, 18, size=(n, 1, 1))
    return np.clip(corner + reach * rng.integers(-4, 5, size=(n, dim + 1, dim)) / 4.0, 0.0, 1.0)


def _weights(rng: np.random.Generator, dim: int) -> list[np.ndarray]:
    """A vertex, a point of an edge and one inside, with dyadic weights."""
    vertex, edge = np.zeros(dim + 1), np.zeros(dim + 1)
    vertex[rng.integers(dim + 1)] = 1.0
    i, j = rng.choice(dim + 1, size=2, replace=False)
    edge[i] = rng.integers(1, 16) / 16.0
    edge[j] = 1.0 - edge[i]
    inside = rng.multinomial(64, np.full(dim + 1, 1.0 / (dim + 1))) / 64.0
    return [vertex, edge, inside]


def _holds(ends: np.ndarray, ball: Any) -> bool:
    low, high = (float(end) for end in ends)
    return bool((low == -np.inf or arb(low) <= ball) and (high == np.inf or ball <= arb(high)))


def _check(net: Network, box: Box, seed: int, n: int = 12) -> None:
    rng = np.random.default_rng(seed)
    network = packed(net, box, CONTRAST)
    corners = _simplices(rng, box.dim, n)
    rows = np.arange(corners.shape[0] * (box.dim + 1)).reshape(n, box.dim + 1)
    values, gradients = enclosures(network, corners.reshape(-1, box.dim), rows)
    with ctx.workprec(300):
        for i in range(n):
            for weights in _weights(rng, box.dim):
                t = weights @ corners[i]
                value, slopes = ball_value(net, box, CONTRAST[0], t)
                assert _holds(values[i, 0], value)
                assert all(_holds(gradients[i, 0, j], slopes[j]) for j in range(box.dim))
                thin, radius = vertex_values(network, t[None, :])
                assert abs(value - arb(float(thin[0, 0]))) <= arb(float(radius[0, 0]))
                assert radius[0, 0] < 1e-9 * (1.0 + abs(thin[0, 0]))


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("dim", [1, 2, 3])
def test_enclosures_hold_exact_values(activation: str, dim: int) -> None:
    for seed, gain in enumerate((0.3, 1.0, 6.0)):
        net = random_network((dim, 7, 5, 2), activation, seed, gain)
        _check(net, Box(np.full(dim, -1.3), np.full(dim, 0.9)), seed)


def test_enclosures_of_graphs_with_skips_and_of_slices() -> None:
    box = Box([-1.0, 0.3], [2.0, 0.7])
    _check(skip_network(3), box, 0)
    _check(skip_network(4, "gelu"), box, 1)
    deep = random_network((6, 8, 5, 4, 2), "tanh", 5)
    points = np.random.default_rng(0).normal(size=(3, 6))
    sliced = deep.restrict(AffineSlice.through(points))
    _check(sliced, Box([-0.25, -0.25], [1.25, 1.25]), 2)


@pytest.mark.parametrize("activation", SMOOTH)
def test_tables_hold_values_and_slopes(activation: str) -> None:
    from separatrix.surface.smooth.kernels.enclosure import _activation

    table = activation_table(activation)
    reach = table.meta[0]
    rng = np.random.default_rng(1)
    edges = np.array([-reach, reach, 0.0, 1e-300, -1e-20, np.nextafter(reach, 0), np.nextafter(-reach, 0), 1 / 32])
    points = np.concatenate(
        [edges, rng.uniform(-reach, reach, 150), rng.normal(size=100), [-2 * reach, 2 * reach, 1e300]]
    )
    with ctx.workprec(2000):
        for u in points:
            low, high, slope_low, slope_high = _activation.py_func(float(u), table.rows, table.meta)
            if abs(u) < 2000:
                value, slope = (derivative_ball(activation, order, float(u)) for order in (0, 1))
                assert arb(low) <= value <= arb(high) and arb(slope_low) <= slope <= arb(slope_high)
                assert high - low <= 1e-12 * (1 + abs(u)) and slope_high - slope_low <= 1e-9
            else:
                assert low <= (u if activation in ("softplus", "silu", "gelu", "gelu_tanh", "mish") else 1.0) <= high
