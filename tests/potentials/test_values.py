"""Values and derivatives of all potentials against jets in long doubles, which know no formula of the library."""

import itertools

import numpy as np
import pytest

import separatrix as sx
from separatrix.potentials import head
from tests.oracles import autograd
from tests.oracles.blueprints import ACTIVATIONS, POTENTIALS, architectures, doubles, mlp, random_mlp

RELATIVE = 1e-10


def assert_close(ours, oracle, floor=1e-3):
    """Relative to the largest entry at each point, and to ``floor`` where all entries are smaller."""
    oracle = doubles(oracle)
    assert ours.shape == oracle.shape and ours.dtype == np.float64
    for a, b in zip(ours, oracle, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=RELATIVE * max(np.abs(b).max(), floor))


@pytest.mark.parametrize("kind", ["chain", "skips", "one logit"])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_value_gradient_hessian_and_product(activation, kind):
    rng = np.random.default_rng(2)
    blueprint = architectures(rng, activation)[kind]
    x = 2 * rng.standard_normal((6, blueprint.n_inputs))
    v = rng.standard_normal(x.shape)
    for case in blueprint.potentials:
        f = blueprint.library_potential(*case)
        value, gradient, hessian = blueprint.long(x, *case)
        assert_close(f.value(x), value)
        assert_close(f.gradient(x), gradient)
        assert_close(f.hessian(x), hessian)
        assert_close(f.hessian_vector(x, v), (hessian @ v[:, :, None])[:, :, 0])
        both = f.value_and_gradient(x)
        np.testing.assert_array_equal(both[0], f.value(x))
        np.testing.assert_array_equal(both[1], f.gradient(x))


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_many_inputs_neurons_and_classes(case):
    rng = np.random.default_rng(3)
    blueprint = random_mlp(rng, (25, 30, 20, 10), "silu")
    f, x = blueprint.library_potential(*case), rng.standard_normal((2, 25))
    for row in x:
        value, gradient, hessian = autograd.potential(blueprint, row, *case)
        np.testing.assert_allclose(f.value(row)[0], value, rtol=1e-12, atol=1e-14)
        np.testing.assert_allclose(f.gradient(row)[0], gradient, rtol=0, atol=1e-12 * np.abs(gradient).max())
        np.testing.assert_allclose(f.hessian(row)[0], hessian, rtol=0, atol=1e-12 * np.abs(hessian).max())


def test_closed_form_of_one_hidden_layer():
    """(2.1) and (2.2) of the mathematics for the log-odds, (2.3) for the probability."""
    rng = np.random.default_rng(4)
    w1, b1, w2, b2 = (rng.standard_normal(shape) for shape in ((5, 3), 5, (4, 5), 4))
    net, x, k = sx.Network.from_arrays([w1, w2], [b1, b2], "tanh"), rng.standard_normal(3), 2
    s = np.tanh(w1 @ x + b1)
    slope, bend = 1 - s**2, -2 * s * (1 - s**2)
    z = w2 @ s + b2
    q = np.exp(z) * (np.arange(4) != k)
    p, q = np.exp(z[k]) / np.exp(z).sum(), q / q.sum()
    pull = w2.T @ (np.eye(4)[k] - q)
    inner = np.diag(bend * pull) - np.diag(slope) @ w2.T @ (np.diag(q) - np.outer(q, q)) @ w2 @ np.diag(slope)
    odds, probability = sx.log_odds(net, k), sx.class_probability(net, k)
    np.testing.assert_allclose(odds.value(x), [np.log(p / (1 - p))], rtol=1e-13)
    np.testing.assert_allclose(odds.gradient(x)[0], w1.T @ (slope * pull), rtol=1e-12)
    np.testing.assert_allclose(odds.hessian(x)[0], w1.T @ inner @ w1, rtol=1e-11)
    np.testing.assert_allclose(probability.gradient(x)[0], p * (1 - p) * w1.T @ (slope * pull), rtol=1e-12)


def test_without_hidden_layer_the_logits_are_affine():
    w, b = np.array([[1.0, 2.0], [0.5, -1.0], [0.0, 3.0]]), np.array([0.1, 0.2, -0.3])
    blueprint, x = mlp([w], [b], "relu"), np.array([[0.3, -0.7]])
    margin = blueprint.library_potential("margin", 0, 2)
    assert margin.gradient(x).tolist() == [[1.0, -1.0]] and not margin.hessian(x).any()
    for case in POTENTIALS:
        value, gradient, hessian = blueprint.long(x, *case)
        f = blueprint.library_potential(*case)
        assert_close(f.value(x), value)
        assert_close(f.gradient(x), gradient)
        assert_close(f.hessian(x), hessian)


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_hessian_on_some_coordinates_is_a_block_of_the_hessian(case):
    rng = np.random.default_rng(5)
    f, x = random_mlp(rng, (5, 6, 3), "gelu").library_potential(*case), rng.standard_normal(5)
    hessian = f.hessian(x)[0]
    for k in range(6):
        for free in itertools.combinations(range(5), k):
            block = f.hessian_on(x, np.array(free, dtype=int))
            np.testing.assert_allclose(block, hessian[np.ix_(free, free)], rtol=0, atol=1e-13 * np.abs(hessian).max())
    assert (hessian == hessian.T).all()


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_shapes(case):
    f = random_mlp(np.random.default_rng(6), (3, 4, 3), "sigmoid").library_potential(*case)
    for x, n in (([0.1, 0.2, 0.3], 1), ([[0.1, 0.2, 0.3]] * 2, 2), (np.zeros((0, 3)), 0), ([], 0)):
        assert f.value(x).shape == (n,)
        assert f.gradient(x).shape == (n, 3)
        assert f.hessian(x).shape == (n, 3, 3)
        assert f.hessian_vector(x, x).shape == (n, 3)


def test_a_single_direction_serves_all_rows():
    f = random_mlp(np.random.default_rng(7), (2, 4, 3), "tanh").library_potential("log_density")
    x = np.random.default_rng(8).standard_normal((5, 2))
    np.testing.assert_allclose(f.hessian_vector(x, [1.0, 0.0]), f.hessian(x)[:, :, 0], rtol=1e-12, atol=1e-14)


def test_many_hessians_are_made_in_portions_without_a_difference(monkeypatch):
    f = random_mlp(np.random.default_rng(9), (3, 4, 3), "tanh").library_potential("confidence")
    x = np.random.default_rng(10).standard_normal((7, 3))
    whole = f.hessian(x)
    monkeypatch.setattr(head, "ENTRIES_AT_ONCE", 50)
    np.testing.assert_allclose(f.hessian(x), whole, rtol=1e-13)


def test_names_and_companions():
    net = random_mlp(np.random.default_rng(11), (2, 3, 3), "tanh").network()
    assert repr(sx.log_odds(net, 1)) == "<log-odds of class 1, dim=2>"
    probability = sx.class_probability(net, 1)
    x = [[0.4, -0.2]]
    np.testing.assert_array_equal(probability.companion.gradient(x), sx.log_odds(net, 1).gradient(x))
    assert probability.net is net and sx.log_odds(net, 1).companion is None
