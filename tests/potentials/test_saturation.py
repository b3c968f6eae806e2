"""Where a network is sure of itself, gradients are small or logits large, and no digit may be lost for that."""

import mpmath
import numpy as np
import pytest

import separatrix as sx
from tests.oracles.blueprints import doubles, mlp

FIRST = np.array([[0.3, -0.2], [0.1, 0.4], [-0.5, 0.2]])


def sure(gap, n_classes=3, first=FIRST, activation="tanh"):
    """Logits of the size ``gap`` that differ by multiples of it."""
    second = gap * np.array([[1.0, 0.4, -0.1], [-1.0, 0.3, 0.2], [-1.3, -0.2, 0.5]])[:n_classes]
    biases = [np.zeros(3), gap * np.array([1.0, -1.0, -1.5])[:n_classes]]
    return mlp([first, second], biases, activation)


def relative_error(ours, exact):
    """The largest error relative to the largest entry, of mpmath numbers that need not be doubles."""
    with mpmath.workdps(30):
        pairs = zip(np.ravel(ours).tolist(), np.ravel(exact).tolist(), strict=True)
        worst = max(abs(mpmath.mpf(a) - b) for a, b in pairs)
        return float(worst / max(abs(b) for b in np.ravel(exact)))


X = np.array([[0.2, -0.1], [0.9, 0.7], [-0.4, 0.3]])


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("gap", [20.0, 400.0, 800.0, 1e5])
@pytest.mark.parametrize("k", [0, 1])
def test_log_odds_and_their_derivatives_stay_right(gap, n_classes, k):
    blueprint = sure(gap, n_classes)
    f = blueprint.library_potential("log_odds", k)
    for row in X:
        value, gradient, hessian = blueprint.digits(row, "log_odds", k)
        assert relative_error(f.value(row), value) < 1e-13
        assert relative_error(f.gradient(row), gradient) < 1e-10
        assert relative_error(f.hessian(row), hessian) < 1e-10


@pytest.mark.parametrize("case", [("class_probability", 0), ("class_probability", 1), ("neg_entropy",)])
@pytest.mark.parametrize("gap", [10.0, 20.0, 50.0, 200.0])
def test_what_vanishes_keeps_its_digits(case, gap):
    blueprint = sure(gap)
    f = blueprint.library_potential(*case)
    for row in X:
        value, gradient, hessian = blueprint.digits(row, *case, digits=500)
        assert relative_error(f.value(row), value) < 1e-10
        assert relative_error(f.gradient(row), gradient) < 1e-10
        assert relative_error(f.hessian(row), hessian) < 1e-10
        product = f.hessian_vector(row, [1.0, -2.0])
        assert relative_error(product, hessian[0] @ np.array([1, -2])) < 1e-9


def test_probabilities_underflow_without_harm():
    blueprint = sure(800.0)
    x = X[:1]
    likely, unlikely = (blueprint.library_potential("class_probability", k) for k in (0, 1))
    assert likely.value(x) == 1.0 and unlikely.value(x) == 0.0
    for f in (likely, unlikely):
        assert not f.gradient(x).any() and not f.hessian(x).any()
    for case in (("neg_entropy",), ("confidence",), ("log_density",)):
        value, gradient, hessian = blueprint.digits(x, *case, digits=1000)
        f = blueprint.library_potential(*case)
        for ours, exact in ((f.value(x), value), (f.gradient(x), gradient), (f.hessian(x), hessian)):
            np.testing.assert_allclose(ours, doubles(exact), rtol=1e-12, atol=1e-12 * np.abs(doubles(gradient)).max())


def test_probability_in_the_last_range_of_doubles():
    net = sx.Network.from_arrays([[[-700.0]]], [[0.0]])
    f = sx.class_probability(net, 1)
    with mpmath.workdps(30):
        exact = mpmath.exp(-700)
        assert abs(mpmath.mpf(f.value([[1.0]])[0]) / exact - 1) < 1e-13
        assert abs(mpmath.mpf(f.gradient([[1.0]])[0, 0]) / (-700 * exact) - 1) < 1e-13
        assert abs(mpmath.mpf(f.hessian([[1.0]])[0, 0, 0]) / (490000 * exact) - 1) < 1e-13


@pytest.mark.parametrize("activation", ["sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu"])
@pytest.mark.parametrize("push", [-35.0, -12.0, 12.0, 17.0])
def test_saturated_neurons_still_have_a_slope(activation, push):
    """s' of the order 1e-15 and less: a gradient of zero would look like an equilibrium."""
    push = push / 5 if activation.startswith("gelu") else push
    blueprint = mlp([FIRST, FIRST.T], [np.full(3, push), [0.0, 0.1]], activation)
    f = blueprint.library_potential("margin", 0, 1)
    _, gradient, hessian = blueprint.digits(X[:1], "margin", 0, 1, digits=80)
    assert relative_error(f.gradient(X[:1]), gradient) < 1e-10
    scale = max(1.0, float(abs(hessian[0, 0, 0]) / max(abs(h) for h in hessian.ravel())))
    assert relative_error(f.hessian(X[:1]), hessian) < 1e-10 * scale
