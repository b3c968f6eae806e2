"""Exact signs of neurons at points, against fractions."""

from fractions import Fraction

import numpy as np
import pytest

from separatrix.complexes import point_signs
from separatrix.complexes.point_signs import neuron_signs, norms
from separatrix.complexes.sign_layout import SignLayout
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.surface.arrangement.linear_steps import linear_steps


def by_fractions(network, x, slope=0):
    """Signs of all hidden neurons of a chain at a point."""
    values, signs = [Fraction(v) for v in x], []
    for layer in network.affine_layers[:-1]:
        rows = zip(layer.weight.tolist(), layer.bias.tolist(), strict=True)
        values = [sum((Fraction(w) * v for w, v in zip(row, values, strict=True)), Fraction(b)) for row, b in rows]
        signs += [(v > 0) - (v < 0) for v in values]
        values = [v if v > 0 else Fraction(slope) * v for v in values]
    return signs


def ours(network, x):
    steps = linear_steps(network)
    layout = SignLayout.of(network.n_inputs, [step.creased for step in steps[:-1]])
    return neuron_signs(steps, layout, np.asarray(x, dtype=float))


@pytest.mark.parametrize("scale", [1.0, 1e-160, 1e-308, 1e150, 1e300])
@pytest.mark.parametrize("kind", ["relu", "leaky_relu"])
def test_signs_of_small_and_large_networks(scale, kind):
    rng = np.random.default_rng(3)
    weights = [scale * rng.normal(size=(4, 2)), rng.normal(size=(4, 4)) / scale**0.5, rng.normal(size=(2, 4))]
    biases = [scale * rng.normal(size=4), rng.normal(size=4) * scale**0.5, np.zeros(2)]
    network = Network.from_arrays(weights, biases, kind, slope=0.3)
    x = rng.normal(size=(30, 2))
    slope = 0.3 if kind == "leaky_relu" else 0
    assert ours(network, x).tolist() == [by_fractions(network, row, slope) for row in x]


def test_signs_where_doubles_cancel():
    """Neurons through the points themselves, in the first layer and behind it."""
    rng = np.random.default_rng(4)
    x = np.round(rng.normal(size=(40, 3)), 2)
    normals = rng.normal(size=(40, 3))
    first = Affine(normals, -(normals * x).sum(axis=1))  # zero at the points up to the rounding of the product
    second = rng.normal(size=(6, 40))
    at = np.maximum(x @ normals.T + first.bias, 0)
    network = Network.from_arrays(
        [first.weight, second, np.ones((1, 6))], [first.bias, -(second @ at[:6].T).diagonal(), np.zeros(1)]
    )
    found = ours(network, x)
    assert found.tolist() == [by_fractions(network, row) for row in x]
    own = found[np.arange(40), np.arange(40)]
    assert len(np.unique(own)) > 1, "the points should lie on both sides of neurons that doubles cannot tell"


def test_a_network_with_a_skip():
    first, second = Affine(np.array([[1.0], [-1.0]]), np.array([-0.25, 0.5])), Affine(np.eye(2), np.array([-0.5, 0.25]))
    relu = Activation("relu")
    nodes = [INPUT, Node(first, (0,)), Node(relu, (1,)), Node(second, (2,)), Node(Sum(), (3, 1)), Node(relu, (4,))]
    network = Network((*nodes, Node(Affine(np.ones((2, 2)), np.zeros(2)), (5,))), 1)
    steps = linear_steps(network)
    layout = SignLayout.of(1, [step.creased for step in steps[:-1]])
    x = np.array([[-1.0], [0.25], [0.3125], [0.5], [0.5625], [0.75], [2.0]])
    found = neuron_signs(steps, layout, x)
    u = x @ first.weight.T + first.bias
    v = np.maximum(u, 0) + second.bias + u
    assert (found[:, :2] == np.sign(u)).all() and (found[:, 2:] == np.sign(v)).all()
    assert (found == 0).any()


def test_blocks_of_points_are_the_same(monkeypatch):
    network = Network.from_arrays(*[[np.random.default_rng(i).normal(size=s) for s in shapes] for i, shapes in
                                    enumerate([((5, 2), (3, 5)), (5, 3)])])  # fmt: skip
    x = np.random.default_rng(0).normal(size=(50, 2))
    whole = ours(network, x)
    monkeypatch.setattr(point_signs, "ROWS_AT_ONCE", 7)
    assert (ours(network, x) == whole).all()


def test_norms_are_upper_bounds():
    rows = np.array([[3e-320, 4e-320], [3e300, 4e300], [3.0, 4.0], [0.0, 0.0]])
    found = norms(rows)
    exact = [5e-320, 5e300, 5.0, 0.0]
    assert (found >= exact).all() and found[2] < 5.00001 and found[1] < 5.00001e300


def test_signs_that_are_zero_behind_neurons_that_are_off(monkeypatch):
    """All inputs off and no bias: exactly zero, without rational numbers."""
    weights, biases = (
        [[[1.0, 0.5], [-1.0, 0.3]], [[1.0, -2.0], [3.0, 1.0]], [[1.0, 1.0]]],
        [[-3.0] * 2, [0.0] * 2, [1.0]],
    )
    network = Network.from_arrays(weights, biases)
    x = np.random.default_rng(1).uniform(-1, 1, (20, 2))
    monkeypatch.setattr(point_signs, "_rational", None)
    assert ours(network, x).tolist() == [[-1, -1, 0, 0]] * 20 == [by_fractions(network, row) for row in x]


def test_signs_of_differences_of_tiny_numbers():
    """Inputs below the normal doubles times huge weights: the rounding of the products decides."""
    rng = np.random.default_rng(2)
    x = rng.uniform(1e-310, 2e-310, (60, 1)) * [[1.0, 1.0]]
    weights = [[[1e300 / 3, -1e300 / 3], [1e300 / 3, -1e300 / 7], [1e300, -1e300 * (1 - 2.0**-53)]], np.ones((1, 3))]
    network = Network.from_arrays(weights, [np.zeros(3), np.zeros(1)])
    assert ours(network, x).tolist() == [by_fractions(network, row) for row in x]


def test_points_on_edges_of_dead_neurons_are_located_without_rationals():
    """Lattice points on lines through integers: x, y and their sums are 0 in many; every sign is checked."""
    rng = np.random.default_rng(5)
    weights = [rng.integers(-1, 2, (5, 2)).astype(float), rng.integers(-1, 2, (5, 5)).astype(float), np.ones((2, 5))]
    network = Network.from_arrays(weights, [np.zeros(5), np.zeros(5), np.zeros(2)], "leaky_relu", slope=-0.3)
    x = rng.integers(-2, 3, (50, 2)).astype(float)
    found = ours(network, x)
    assert found.tolist() == [by_fractions(network, row, -0.3) for row in x] and (found == 0).any()
