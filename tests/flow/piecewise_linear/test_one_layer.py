"""The canonical form of one layer of creases: the same function, creases that are one hyperplane made one."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.piecewise_linear.one_layer import OneLayer, proportional_rows

POTENTIALS = [
    lambda net: sx.margin(net, 0, 1),
    lambda net: sx.log_odds(net, 1),
    sx.log_density,
]


def redundant_net(seed, n=3, m=7, classes=3, slope=0.0):
    """A network with duplicate, negated, scaled, constant and unused neurons."""
    rng = np.random.default_rng(seed)
    w, b = np.round(rng.normal(size=(m, n)), 2), np.round(rng.normal(size=m), 2)
    v = rng.normal(size=(classes, m + 5))
    v[:, m + 4] = 0.0
    weight = np.vstack([w, 4.0 * w[:1], -w[1:2], -0.5 * w[2:3], np.zeros((1, n)), rng.normal(size=(1, n))])
    bias = np.concatenate([b, 4.0 * b[:1], -b[1:2], -0.5 * b[2:3], [0.75, 0.1]])
    name = "leaky_relu" if slope else "relu"
    return sx.Network.from_arrays([weight, v], [bias, rng.normal(size=classes)], name, slope)


def value(form, x):
    z = form.base @ x + form.constant + form.output.T @ np.maximum(form.weight @ x + form.bias, 0.0)
    return form.sign * (z[0] if form.is_linear else np.log(np.exp(z).sum()))


@pytest.mark.parametrize("slope", [0.0, 0.1, 0.9, 1.0, 1.5, -0.5])
@pytest.mark.parametrize("potential", POTENTIALS)
def test_the_form_is_the_same_function(potential, slope):
    f = potential(redundant_net(1, slope=slope))
    form = OneLayer.of(f)
    x = np.random.default_rng(2).uniform(-3, 3, (50, 3))
    np.testing.assert_allclose([value(form, row) for row in x], f.value(x), rtol=1e-12, atol=1e-11)


def test_every_crease_is_kept_once_with_all_its_neurons():
    form = OneLayer.of(sx.log_density(redundant_net(3)))
    assert [group.tolist() for group in form.neurons] == [[0, 7], [1, 8], [2, 9], [3], [4], [5], [6]]
    assert form.weight.shape == (7, 3) and form.output.shape == (7, 3)


def test_a_slope_of_one_has_no_crease():
    assert OneLayer.of(sx.margin(redundant_net(3, slope=1.0), 0, 1)).weight.shape == (0, 3)


def test_opposite_neurons_with_opposite_outputs_leave_a_linear_map():
    net = sx.Network.from_arrays([[[1.0], [-1.0]], [[2.0, -2.0], [0.0, 0.0]]], [[0.5, -0.5], [0.0, 0.0]])
    form = OneLayer.of(sx.margin(net, 0, 1))
    assert form.weight.shape == (0, 1) and form.base.tolist() == [[2.0]] and form.constant.tolist() == [1.0]


def test_rows_are_proportional_exactly_or_not_at_all():
    rows = np.array([[1.0, 1.0 / 3.0], [3.0, 1.0], [-3.0, -1.0], [3.0, np.nextafter(1.0, 2.0)]])
    assert proportional_rows(rows, np.arange(4)) == [[0], [1, 2], [3]]


def test_what_is_not_of_this_form_is_left_to_the_general_flow():
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in ((4, 2), (4, 4), (2, 4))]
    biases = [np.zeros(4), np.zeros(4), np.zeros(2)]
    one = redundant_net(0)
    for f in (sx.confidence(one), sx.neg_entropy(one), sx.class_probability(one, 0)):
        assert OneLayer.of(f) is None
    for names in ("relu", ["relu", "tanh"]):
        assert OneLayer.of(sx.log_density(sx.Network.from_arrays(weights, biases, names))) is None
