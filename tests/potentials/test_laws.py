"""Laws that tie the potentials to one another."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit

import separatrix as sx
from tests.oracles.blueprints import ACTIVATIONS, SMOOTH, mlp, random_mlp


@st.composite
def networks(draw, activations=ACTIVATIONS, most_classes=4):
    """A random MLP with its points."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    widths = [
        draw(st.integers(1, 4)),
        *draw(st.lists(st.integers(1, 5), min_size=0, max_size=2)),
        draw(st.integers(2, most_classes)),
    ]
    scale = draw(st.sampled_from([0.1, 1.0, 3.0, 30.0]))
    blueprint = random_mlp(rng, widths, draw(st.sampled_from(activations)), scale)
    return blueprint, 2 * rng.standard_normal((3, widths[0]))


def close(a, b, scale=0.0):
    np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-11 * (scale + np.abs(np.asarray(b)).max(initial=0.0)))


@given(networks())
def test_probabilities_sum_to_one_and_their_derivatives_to_zero(case):
    blueprint, x = case
    net = blueprint.network()
    parts = [sx.class_probability(net, k) for k in range(net.n_classes)]
    close(sum(f.value(x) for f in parts), 1.0)
    size = max(np.abs(f.gradient(x)).max() for f in parts)
    close(sum(f.gradient(x) for f in parts), 0.0, size)
    size = max(np.abs(f.hessian(x)).max() for f in parts)
    close(sum(f.hessian(x) for f in parts), 0.0, size)
    np.testing.assert_allclose(
        np.stack([f.value(x) for f in parts], axis=1), net.probabilities(x), rtol=1e-9, atol=1e-300
    )


@given(networks())
def test_probability_flows_along_the_log_odds(case):
    """grad p = p (1 - p) grad l: both flows have the same orbits (2.3)."""
    blueprint, x = case
    net = blueprint.network()
    for k in range(net.n_classes):
        odds, probability = sx.log_odds(net, k), sx.class_probability(net, k)
        p, rest = expit(odds.value(x)), expit(-odds.value(x))
        close(probability.value(x), p)
        close(probability.gradient(x), (p * rest)[:, None] * odds.gradient(x), 1e-300)


@given(networks(most_classes=2))
def test_two_classes_have_one_margin(case):
    """l_0 = m_01 = -l_1, L = log(2 cosh m_01), and p_0 + p_1 = 1."""
    blueprint, x = case
    net = blueprint.network()
    m = sx.margin(net, 0, 1)
    close(sx.log_odds(net, 0).value(x), m.value(x))
    close(sx.log_odds(net, 1).gradient(x), -m.gradient(x))
    close(sx.margin(net, 1, 0).hessian(x), -m.hessian(x))
    close(sx.confidence(net).value(x), np.logaddexp(m.value(x), -m.value(x)))
    close(sx.confidence(net).gradient(x), np.tanh(m.value(x))[:, None] * m.gradient(x), np.abs(m.gradient(x)).max())


@given(networks())
def test_ranges(case):
    blueprint, x = case
    net = blueprint.network()
    entropy = sx.neg_entropy(net).value(x)
    assert (entropy <= 0).all() and (entropy >= -np.log(net.n_classes) * (1 + 1e-14)).all()
    density, logits = sx.log_density(net).value(x), net.logits(x)
    slack = 1e-12 * (1 + np.abs(logits).max())
    assert (density >= logits.max(axis=1) - slack).all()
    assert (density <= logits.max(axis=1) + np.log(net.n_classes) + slack).all()
    least = np.log(net.n_classes) - np.log(max(net.n_classes - 1, 1))
    assert (sx.confidence(net).value(x) >= least - slack).all()


@given(networks(SMOOTH), st.floats(-50, 50))
def test_a_constant_added_to_all_logits_moves_the_log_density_only(case, c):
    blueprint, x = case
    kind, parent, weight, bias = blueprint.nodes[-1]
    moved = type(blueprint)(blueprint.n_inputs, (*blueprint.nodes[:-1], (kind, parent, weight, bias + c)))
    size = 1 + abs(c) + np.abs(blueprint.network().logits(x)).max()
    for potential, gain in (("log_density", c), ("confidence", 0.0), ("neg_entropy", 0.0)):
        f, g = blueprint.library_potential(potential), moved.library_potential(potential)
        close(g.value(x), f.value(x) + gain, size)
        close(
            g.gradient(x),
            f.gradient(x),
            size * (1 + np.abs(blueprint.library_potential("log_density").gradient(x)).max()),
        )


@given(networks(), st.randoms(use_true_random=False))
def test_exchanged_classes_exchange_the_potentials(case, random):
    blueprint, x = case
    kind, parent, weight, bias = blueprint.nodes[-1]
    order = list(range(len(bias)))
    random.shuffle(order)
    mixed = type(blueprint)(blueprint.n_inputs, (*blueprint.nodes[:-1], (kind, parent, weight[order], bias[order])))
    for name in ("log_density", "confidence", "neg_entropy"):
        f, g = blueprint.library_potential(name), mixed.library_potential(name)
        close(
            g.gradient(x), f.gradient(x), 1e-3 * np.abs(blueprint.library_potential("margin", 0, 1).gradient(x)).max()
        )
    for position, k in enumerate(order):
        f, g = blueprint.library_potential("log_odds", k), mixed.library_potential("log_odds", position)
        close(g.value(x), f.value(x), 1.0)


@settings(max_examples=30)
@given(networks(SMOOTH))
def test_the_gradient_is_the_slope_of_the_value_and_the_hessian_of_the_gradient(case):
    """Central differences of second order, halving the step quarters the error."""
    blueprint, x = case
    f, h = blueprint.library_potential("log_density"), 1e-4
    size = 1 + np.abs(f.hessian(x)).max() ** 2 + np.abs(f.gradient(x)).max() ** 3
    for axis in np.eye(blueprint.n_inputs):
        slope = (f.value(x + h * axis) - f.value(x - h * axis)) / (2 * h)
        np.testing.assert_allclose(slope, f.gradient(x) @ axis, rtol=0, atol=1e-5 * size)
        bend = (f.gradient(x + h * axis) - f.gradient(x - h * axis)) / (2 * h)
        np.testing.assert_allclose(
            bend, f.hessian_vector(x, np.broadcast_to(axis, x.shape)), rtol=0, atol=1e-4 * size**2
        )


def test_a_tie_is_critical_for_confidence_and_entropy():
    """Two classes: the whole decision surface is a critical manifold of L and of -entropy; their values there."""
    net = mlp(
        [np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([[1.0, 2.0], [-1.0, 1.0]])], [[0.0, 0.0], [0.0, 0.0]], "tanh"
    ).network()
    x = np.zeros((1, 2))
    assert sx.margin(net, 0, 1).value(x) == 0 and sx.margin(net, 0, 1).gradient(x).any()
    for f, value in ((sx.confidence(net), np.log(2)), (sx.neg_entropy(net), -np.log(2))):
        np.testing.assert_allclose(f.value(x), value, rtol=1e-15)
        np.testing.assert_allclose(f.gradient(x), 0.0, atol=1e-15)
        values = np.linalg.eigvalsh(f.hessian(x)[0])
        np.testing.assert_allclose(values[0], 0.0, atol=1e-14)
        assert values[1] > 0.1


@given(networks(("identity",)))
def test_the_log_density_of_a_linear_network_is_convex(case):
    blueprint, x = case
    steepness = np.prod([np.linalg.norm(node[2]) for node in blueprint.nodes if node[0] == "affine"])
    hessian = blueprint.library_potential("log_density").hessian(x)
    assert (np.linalg.eigvalsh(hessian) >= -1e-13 * steepness**2).all()
