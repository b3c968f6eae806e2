"""ReLU networks: exact on their linear pieces, honest on the creases between them."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.networks.layers import Activation, Node
from separatrix.networks.network import INPUT, Network
from separatrix.numerics.intervals import Interval
from tests.oracles import jets
from tests.oracles.blueprints import ACTIVATIONS, POTENTIALS, architectures, mlp, of_logits, random_mlp

quarters = st.integers(-12, 12).map(lambda n: n / 4)


@st.composite
def dyadic_networks(draw):
    """Weights and biases in quarters, so that points of a grid lie on creases exactly."""
    activation, slope = draw(st.sampled_from([("relu", 0.0), ("leaky_relu", 0.25), ("leaky_relu", -0.5)]))
    hidden = draw(st.integers(1, 4))
    matrix = lambda rows, columns: [[draw(quarters) for _ in range(columns)] for _ in range(rows)]  # noqa: E731
    return [matrix(hidden, 2), matrix(2, hidden)], [matrix(1, hidden)[0], matrix(1, 2)[0]], activation, slope


def exact_margin(weights, biases, slope, x):
    """z_0 - z_1 in rational numbers."""
    dot = lambda row, y: sum((Fraction(w) * v for w, v in zip(row, y, strict=True)), Fraction(0))  # noqa: E731
    u = [dot(row, x) + Fraction(b) for row, b in zip(weights[0], biases[0], strict=True)]
    h = [t if t > 0 else Fraction(slope) * t for t in u]
    z = [dot(row, h) + Fraction(b) for row, b in zip(weights[1], biases[1], strict=True)]
    return z[0] - z[1]


@given(dyadic_networks(), st.tuples(quarters, quarters))
def test_values_are_exact_where_doubles_are(case, x):
    weights, biases, activation, slope = case
    net = sx.Network.from_arrays(weights, biases, activation, slope=slope)
    exact = exact_margin(weights, biases, slope, [Fraction(t) for t in x])
    assert Fraction(sx.margin(net, 0, 1).value(x)[0]) == exact
    bounds = sx.margin(net, 0, 1).value_bounds(np.array(x))
    assert Fraction(bounds.lower.item()) <= exact <= Fraction(bounds.upper.item())


eighths = st.tuples(st.integers(0, 8), st.integers(0, 8))


@given(
    dyadic_networks(), st.tuples(quarters, quarters), st.tuples(st.integers(0, 4), st.integers(0, 4)), eighths, eighths
)
def test_slopes_between_points_of_a_box_are_in_its_gradient(case, corner, size, start, end):
    """Mean value theorem of Lebourg: m(y) - m(x) = g.(y - x) for some g of the hull of Clarke's gradients."""
    weights, biases, activation, slope = case
    f = sx.margin(sx.Network.from_arrays(weights, biases, activation, slope=slope), 0, 1)
    lower, side = np.array(corner), np.array(size) / 4
    gradient = f.enclose(lower, lower + side).gradient
    x, y = ([Fraction(t) for t in lower + side * np.array(part) / 8] for part in (start, end))
    rise = exact_margin(weights, biases, slope, y) - exact_margin(weights, biases, slope, x)
    pairs = zip(gradient.lower.tolist(), gradient.upper.tolist(), strict=True)
    ends = [[Fraction(g) * (b - a) for g in pair] for pair, a, b in zip(pairs, x, y, strict=True)]
    assert sum(min(pair) for pair in ends) <= rise <= sum(max(pair) for pair in ends)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
def test_values_and_gradients_over_creases(activation):
    rng = np.random.default_rng(60)
    for blueprint in architectures(rng, activation).values():
        lower = rng.standard_normal((20, blueprint.n_inputs))
        upper = lower + np.geomspace(1e-9, 3.0, 20)[:, None]
        points = np.clip(
            lower[:, None] + (upper - lower)[:, None] * rng.random((20, 400, lower.shape[1])),
            lower[:, None],
            upper[:, None],
        )
        logits = blueprint.logits(jets.LongDoubles, points.reshape(-1, lower.shape[1]))
        for case in blueprint.potentials:
            enclosure = blueprint.library_potential(*case).enclose(lower, upper)
            for part, exact in zip(enclosure, of_logits(logits, *case), strict=True):
                exact = exact.reshape(20, 400, *exact.shape[1:])
                slack = 1e-17 * (1 + np.abs(exact))
                assert ((part.lower[:, None] - slack <= exact) & (exact <= part.upper[:, None] + slack)).all(), case


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(ACTIVATIONS), st.sampled_from(POTENTIALS), st.floats(1e-3, 2.0))
def test_gradients_differ_by_what_the_hessian_allows(seed, activation, case, width):
    """grad f(y) - grad f(x) lies in H (y - x) for x, y in the box, or the enclosure H of the Hessian is a lie.

    A Hessian of 0 across a crease would be one: the gradient jumps there.
    """
    rng = np.random.default_rng(seed)
    blueprint = random_mlp(rng, (2, 4, 3), activation)
    lower = rng.standard_normal(2)
    hessian = blueprint.library_potential(*case).enclose(lower, lower + width).hessian
    x, y = lower + width * rng.random((2, 40, 2))
    change = blueprint.long(y, *case)[1] - blueprint.long(x, *case)[1]
    bounds = (hessian * Interval.point(np.broadcast_to((y - x)[:, None, :], (40, 2, 2)))).sum(axis=2)
    slack = 1e-13 * (1 + np.abs(change).max())
    assert ((bounds.lower - slack <= change) & (change <= bounds.upper + slack)).all()


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_no_hessian_is_claimed_where_a_crease_is_met(activation, case):
    blueprint = mlp(
        [np.array([[1.0, 0.5], [2.0, 1.0]]), np.array([[1.0, -1.0], [0.5, 2.0], [0.1, 0.2]])],
        [[0.0, 1.0], [0.0, 0.1, 0.2]],
        activation,
    )
    f = blueprint.library_potential(*case)
    boxes = {
        "across": ([-0.1, -0.1], [0.1, 0.1]),
        "on it": ([0.0, 0.0], [0.0, 0.0]),
        "touching": ([0.0, 0.0], [1.0, 1.0]),
    }
    for lower, upper in boxes.values():
        hessian = f.enclose(lower, upper).hessian
        assert (hessian.lower == -np.inf).all() and (hessian.upper == np.inf).all()
        assert np.isinf(f.hessian_bounds(Interval(lower, upper), None, np.eye(2)).rad).all()
    bare = Network.graph([INPUT, Node(Activation(activation), (0,))], 2)  # inputs are exact: 0 itself is the crease
    for lower, upper in (([0.0, 1.0], [1.0, 2.0]), ([-1.0, 1.0], [0.0, 2.0])):
        assert np.isinf(getattr(sx, case[0])(bare, *case[1:]).enclose(lower, upper).hessian.upper[0, 0])
    piece = f.enclose([0.5, 0.5], [0.6, 0.6]).hessian
    assert np.isfinite(piece.lower).all() and np.isfinite(piece.upper).all()
    if case[0] == "margin":
        assert np.abs([piece.lower, piece.upper]).max() < 1e-300


def test_gradients_on_a_crease():
    """In doubles the side u <= 0 is taken; bounds and balls hold both sides."""
    net = sx.Network.from_arrays([[[1.0, -2.0]], [[3.0], [0.0]]], [[0.0], [0.0, 0.0]], "leaky_relu", slope=0.25)
    f, x = sx.margin(net, 0, 1), np.array([2.0, 1.0])
    assert f.gradient(x).tolist() == [[0.75, -1.5]]
    for bounds in (f.gradient_bounds(x), f.gradient_bounds(x, precise=True)):
        for side in (0.25, 0.5, 1.0):
            assert bounds.contains([3.0 * side, -6.0 * side]).all()
        assert (bounds.upper - bounds.lower <= [2.2501, 4.5001]).all()
