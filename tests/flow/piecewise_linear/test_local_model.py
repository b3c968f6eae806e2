"""The local model of a piecewise linear network: directional derivatives, gradients of cells, least norms, closed times."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize

import separatrix as sx
from separatrix.flow.piecewise_linear.class_probability_time import duration, rise_within
from separatrix.flow.piecewise_linear.directions import Corner
from separatrix.flow.piecewise_linear.least_norm import Touched, least_norm
from separatrix.flow.piecewise_linear.local_model import LocalModel
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT


def with_skip(seed):
    """Two hidden layers with a skip connection around the second, logits of three classes."""
    rng = np.random.default_rng(seed)
    nodes = (
        INPUT,
        Node(Affine(rng.integers(-3, 4, (6, 3)) / 2.0, np.zeros(6)), (0,)),
        Node(Activation("relu"), (1,)),
        Node(Affine(rng.integers(-3, 4, (6, 6)) / 4.0, np.zeros(6)), (2,)),
        Node(Activation("leaky_relu", 0.25), (3,)),
        Node(Sum(), (2, 4)),
        Node(Affine(rng.integers(-3, 4, (3, 6)) / 2.0, np.zeros(3)), (5,)),
    )
    return sx.Network.graph(nodes, 3)


@pytest.mark.parametrize("seed", range(5))
def test_the_directional_derivative_at_a_common_point_is_that_of_the_function(seed):
    net = with_skip(seed)
    model = LocalModel(net)
    u, noise, _ = model.forward(np.zeros(3))
    assert not u.any() and model.n_neurons == 12 and (noise >= 0).all()
    for d in np.random.default_rng(seed).normal(size=(10, 3)):
        cell = model.along(d[None], np.zeros(12, dtype=np.int8))
        step = 2.0**-20  # the network is positively homogeneous: differences are exact up to rounding
        assert np.abs(cell.output - net.logits(step * d)[0] / step).max() < 1e-9
        y = np.array([1.0, -2.0, 0.5])
        assert model.gradient(cell.signs, y) @ d == pytest.approx(float(cell.output @ y), abs=1e-10)


def test_the_gradient_of_a_cell_is_that_of_the_potential_inside():
    net = with_skip(11)
    potential = sx.log_density(net)
    model = LocalModel(potential.graph)
    for x in np.random.default_rng(1).normal(size=(10, 3)):
        u, _, output = model.forward(x)
        y = potential.head.value_and_gradient(np, output[None])[1][0]
        assert np.abs(model.gradient(np.sign(u).astype(np.int8), y) - potential.gradient(x)[0]).max() < 1e-12


def test_neurons_of_proportional_rows_share_a_crease():
    rows = np.array([[1.0, 2.0], [-2.0, -4.0], [1.0, 2.0], [0.5, 1.0], [0.0, 0.0]])
    biases = np.array([0.5, -1.0, 0.25, 0.25, 0.0])
    net = sx.Network.from_arrays([rows, np.ones((2, 5))], [biases, np.zeros(2)])
    model = LocalModel(net)
    assert model.group[0] == model.group[1] == model.group[3]
    assert len({int(model.group[0]), int(model.group[2]), int(model.group[4])}) == 3
    assert model.scale[[0, 1, 3]].tolist() == [1.0, -2.0, 0.5]


def test_the_point_of_least_norm_is_that_of_a_general_minimiser():
    rng = np.random.default_rng(0)
    for _ in range(30):
        q, n = int(rng.integers(1, 5)), 3
        gradients = rng.normal(size=(q, n)) + rng.normal(size=n)
        touched = Touched(np.array([0, 2]), np.array([1.0, -1.0]))

        def squared(weights, gradients=gradients, touched=touched):
            v = gradients.T @ weights
            push = v[touched.coordinates] * touched.outward
            return v @ v - (np.maximum(push, 0.0) ** 2).sum()

        best = minimize(
            squared,
            np.full(q, 1 / q),
            bounds=[(0, 1)] * q,
            constraints={"type": "eq", "fun": lambda w: w.sum() - 1},
            method="SLSQP",
            options={"ftol": 1e-14, "maxiter": 500},
        )
        v, weights = least_norm(gradients, touched)
        assert v @ v <= best.fun + 1e-9
        assert v @ v >= best.fun - 1e-5
        assert weights.min() >= 0 and weights.sum() == pytest.approx(1.0)
        assert (v[touched.coordinates] * touched.outward <= 0).all()


@pytest.mark.parametrize("seed", range(6))
def test_the_velocity_of_a_concave_corner_maximises_the_rise_less_half_its_square(seed):
    rng = np.random.default_rng(seed)
    rows = rng.integers(-4, 5, (6, 3)) / 2.0
    last = np.vstack([-np.abs(rng.normal(size=6)), np.zeros(6)])
    lift = rng.normal(size=3)
    weights = [np.vstack([rows, lift]), np.hstack([last, [[1.0], [0.0]]])]
    net = sx.Network.from_arrays(weights, [np.append(np.zeros(6), 50.0), np.zeros(2)])
    model = LocalModel(sx.margin(net, 0, 1).graph)
    touched = Touched(np.array([1]), np.array([1.0]))
    signs = np.append(np.zeros(6, dtype=np.int8), np.int8(1))
    corner = Corner(model, np.ones(1), signs, touched)
    found = corner.settle(corner.generic)
    assert found is not None

    def gain(d):
        return lift @ d + last[0] @ np.maximum(rows @ d, 0.0) - 0.5 * d @ d

    for around in (found.v + 0.3 * rng.normal(size=(300, 3)), 1e-3 * rng.normal(size=(300, 3))):
        around[:, 1] = np.minimum(around[:, 1], 0.0)
        assert max(gain(d) for d in around) <= gain(found.v) + 1e-12
    assert found.v[1] <= 0.0


@pytest.mark.parametrize("level", [-30.0, -2.0, 0.0, 3.0, 25.0])
@pytest.mark.parametrize("rise", [1e-6, 0.5, 20.0])
def test_times_along_the_probability_are_the_integral_of_their_rate(level, rise):
    rise = (level + rise) - level  # what the doubles at its ends say
    span = quad(lambda s: (2 + 2 * np.cosh(s)) / 3.0, level, level + rise, epsabs=0.0, epsrel=1e-12)[0]
    assert duration(level, rise, 3.0) == pytest.approx(span, rel=1e-9)
    assert duration(level, rise_within(level, span, 3.0, 100.0), 3.0) == pytest.approx(span, rel=1e-9)


def test_times_beyond_doubles_are_infinite_and_nothing_overflows():
    assert duration(800.0, 1.0, 1.0) == np.inf
    assert duration(-800.0, 900.0, 1.0) == np.inf
    assert rise_within(-800.0, 1.0, 1.0, 5.0) == 0.0
    assert rise_within(0.0, 1e300, 1.0, np.inf) == pytest.approx(np.log(1e300), rel=1e-9)
    assert rise_within(0.0, 1e300, 1.0, 5.0) == 5.0
