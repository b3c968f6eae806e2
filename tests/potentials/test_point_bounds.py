"""Rigorous numbers at one point and on one box, as proofs of critical points ask for them."""

import mpmath
import numpy as np
import pytest

import separatrix as sx
from separatrix.numerics.balls import MidRad
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential
from tests.oracles import jets
from tests.oracles.blueprints import (
    ACTIVATIONS,
    PIECEWISE_LINEAR,
    POTENTIALS,
    SMOOTH,
    architectures,
    doubles,
    mlp,
    of_logits,
    random_mlp,
)

BLUEPRINTS = {a: architectures(np.random.default_rng(50), a) for a in ACTIVATIONS}


def holds(interval, numbers):
    """Exactly, for mpmath numbers."""
    triples = zip(np.ravel(interval.lower).tolist(), np.ravel(numbers), np.ravel(interval.upper).tolist(), strict=True)
    return all(low <= number <= high for low, number, high in triples)


def ulps(interval):
    """Widths in units in the last place."""
    return (interval.upper - interval.lower) / np.spacing(np.maximum(np.abs(interval.lower), np.abs(interval.upper)))


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_and_value_at_a_point(activation):
    rng = np.random.default_rng(51)
    for blueprint in BLUEPRINTS[activation].values():
        x = rng.standard_normal(blueprint.n_inputs)
        for case in blueprint.potentials:
            f = blueprint.library_potential(*case)
            with mpmath.workdps(jets.DIGITS):
                value, gradient, _ = blueprint.digits(x, *case)
                assert holds(f.value_bounds(x), value) and f.value_bounds(x).shape == ()
                for bounds in (
                    f.gradient_bounds(x),
                    f.gradient_bounds(x, precise=True),
                    f.gradient_over(Interval.point(x)),
                ):
                    assert holds(bounds, gradient) and bounds.shape == x.shape
            assert ulps(f.gradient_bounds(x, precise=True)).max() <= 2


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("push", [-38.0, -9.0, 9.0, 25.0])
def test_precise_gradients_have_all_digits_in_the_tails(activation, push):
    push = push / 2 if activation.startswith("gelu") else push
    rng = np.random.default_rng(52)
    blueprint = mlp(
        [rng.standard_normal((3, 2)), rng.standard_normal((3, 3))], [np.full(3, push), [0.3, -0.2, 0.1]], activation
    )
    x = np.array([0.3, -0.1])
    for case in POTENTIALS:
        bounds = blueprint.library_potential(*case).gradient_bounds(x, precise=True)
        with mpmath.workdps(400):
            assert holds(bounds, blueprint.digits(x, *case, digits=400)[1])
        assert ulps(bounds).max() <= 2


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
@pytest.mark.parametrize("gap", [30.0, 300.0])
def test_precise_gradients_have_all_digits_where_the_network_is_sure(case, gap):
    blueprint = random_mlp(np.random.default_rng(53), (2, 4, 3), "tanh", scale=1.0)
    kind, parent, weight, bias = blueprint.nodes[-1]
    blueprint = type(blueprint)(2, (*blueprint.nodes[:-1], (kind, parent, weight, bias + np.array([gap, 0.0, -gap]))))
    x = np.array([0.3, -0.1])
    bounds = blueprint.library_potential(*case).gradient_bounds(x, precise=True)
    with mpmath.workdps(600):
        assert holds(bounds, blueprint.digits(x, *case, digits=600)[1])
    assert ulps(bounds).max() <= 2


def test_precise_gradients_where_large_numbers_cancel():
    """The two neurons differ in the 16th digit: doubles say little, balls everything."""
    first = np.array([[1.0, 2.0], [np.nextafter(1.0, 2.0), 2.0]])
    blueprint = mlp([first, np.array([[1e8, -1e8], [0.0, 0.0]])], [[0.1, 0.1], [0.0, 0.0]], "tanh")
    f, x = blueprint.library_potential("margin", 0, 1), np.array([0.3, 0.2])
    bounds = f.gradient_bounds(x, precise=True)
    with mpmath.workdps(60):
        assert holds(bounds, blueprint.digits(x, "margin", 0, 1, digits=60)[1])
    assert ulps(bounds).max() <= 2 and ulps(f.gradient_bounds(x)).min() > 1e6


def test_differences_of_rounded_weights_are_enclosed_with_their_rounding():
    """fl(0.1 - 0.3) is not 0.1 - 0.3: the enclosure of the margin's gradient holds the exact difference."""
    net = sx.Network.from_arrays([np.array([[0.1, 1e16], [0.3, 1.0]])], [[0.1, 0.7]])
    f, x = sx.margin(net, 0, 1), np.array([1.0, 0.0])
    with mpmath.workdps(60):
        exact = [mpmath.mpf(0.1) - mpmath.mpf(0.3), mpmath.mpf(1e16) - 1]
        assert holds(f.gradient_bounds(x), exact) and holds(f.gradient_bounds(x, precise=True), exact)
        assert holds(f.value_bounds(x), [exact[0] + mpmath.mpf(0.1) - mpmath.mpf(0.7)])


def test_rounded_weights_keep_their_radius_in_balls():
    """A potential of the network of differences: its weights are known up to their rounding only."""
    net = sx.Network.from_arrays([np.array([[0.1, 1.0], [0.3, 1.0], [0.7, 0.2]])], [np.zeros(3)])
    twice = net.contrasted(np.array([[1.0, -1.0, 0.0], [0.0, 1.0, -1.0]]))
    f, x = sx.margin(twice, 0, 1), np.array([1.0, 0.0])
    with mpmath.workdps(60):
        exact = [mpmath.mpf(0.1) - 2 * mpmath.mpf(0.3) + mpmath.mpf(0.7), mpmath.mpf(0.2) - 1]
        assert holds(f.gradient_bounds(x, precise=True), exact) and holds(f.gradient_bounds(x), exact)


@pytest.mark.parametrize("activation", ["identity", *SMOOTH])
def test_projected_hessians_on_a_box(activation):
    rng = np.random.default_rng(54)
    for blueprint in BLUEPRINTS[activation].values():
        d = blueprint.n_inputs
        left, right = rng.standard_normal((d, 2)), rng.standard_normal((d, 1))
        for width in (0.0, 1e-8, 0.5):
            lower = rng.standard_normal(d)
            points = np.clip(lower + width * rng.random((50, d)), lower, lower + width)
            logits = blueprint.logits(jets.LongDoubles, points)
            for case in blueprint.potentials:
                f, hessian = blueprint.library_potential(*case), of_logits(logits, *case)[2]
                for a in (left, None):
                    found = f.hessian_bounds(Interval(lower, lower + width), a, right)
                    exact = (np.eye(d) if a is None else a).T @ hessian @ right
                    assert isinstance(found, MidRad) and found.shape == exact.shape[1:]
                    slack = 1e-17 * (1 + np.abs(hessian).max())
                    assert (np.abs(exact - found.mid) <= found.rad.astype(jets.LONG) + slack).all(), (activation, case)
                    if width == 0:
                        assert found.rad.max() < 1e-11 * (1 + np.abs(doubles(hessian)).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradients_on_a_box(activation):
    rng = np.random.default_rng(55)
    for blueprint in BLUEPRINTS[activation].values():
        lower = rng.standard_normal(blueprint.n_inputs)
        box = Interval(lower, lower + 0.7)
        points = np.clip(lower + 0.7 * rng.random((300, blueprint.n_inputs)), box.lower, box.upper)
        logits = blueprint.logits(jets.LongDoubles, points)
        for case in blueprint.potentials:
            bounds, exact = blueprint.library_potential(*case).gradient_over(box), of_logits(logits, *case)[1]
            slack = 1e-17 * (1 + np.abs(exact).max())
            assert ((bounds.lower - slack <= exact) & (exact <= bounds.upper + slack)).all(), (activation, case)


@pytest.mark.parametrize("activation", [a for a in ACTIVATIONS if a not in PIECEWISE_LINEAR])
def test_extreme_points_in_balls(activation):
    """Numbers far beyond the range of doubles: bounds may be unbounded, never wrong."""
    blueprint = mlp([[[1e300], [-1e200]], [[1.0, 2.0], [0.5, -1e100]]], [[0.0, 1.0], [0.0, 0.0]], activation)
    for case in POTENTIALS:
        bounds = blueprint.library_potential(*case).gradient_bounds(np.array([1e5]), precise=True)
        assert not np.isnan(bounds.lower).any() and (bounds.lower <= bounds.upper).all()
        if activation in ("sigmoid", "tanh"):
            assert holds(bounds, blueprint.digits([1e5], *case, digits=400)[1])


class Quartic(Potential):
    """x^4 - y^2: what an extender writes, and nothing more."""

    name, dim = "quartic", 2

    def value(self, x):
        return x[:, 0] ** 4 - x[:, 1] ** 2

    def gradient(self, x):
        return np.stack([4 * x[:, 0] ** 3, -2 * x[:, 1]], axis=1)

    def hessian_vector(self, x, v):
        return (self.hessian(x) @ v[:, :, None])[:, :, 0]

    def hessian(self, x):
        return np.stack([np.diag([12 * a * a, -2.0]) for a in x[:, 0]])

    def enclose(self, lower, upper):
        x = Interval(lower, upper)
        first, second = x[..., 0], x[..., 1]
        square = first.square()
        gradient = Interval(
            *(
                np.stack(pair, axis=-1)
                for pair in (
                    ((4 * square * first).lower, (-2 * second).lower),
                    ((4 * square * first).upper, (-2 * second).upper),
                )
            )
        )
        ends = []
        for end in (12 * square).lower, (12 * square).upper:
            ends.append(
                np.stack([np.stack([end, 0 * end], axis=-1), np.stack([0 * end, 0 * end - 2], axis=-1)], axis=-2)
            )
        return Enclosure(square.square() - second.square(), gradient, Interval(*ends))


def test_a_users_potential_inherits_the_rest():
    f, x = Quartic(), np.array([1.5, -2.0])
    assert f.net is None and f.companion is None and repr(f) == "<quartic, dim=2>"
    assert f.hessian_on(x, np.array([1])).tolist() == [[-2.0]]
    assert f.value_and_gradient(x[None])[1].tolist() == [[13.5, 4.0]]
    assert f.value_bounds(x).contains(1.5**4 - 4.0) and f.gradient_bounds(x).contains([13.5, 4.0]).all()
    box = Interval(x, x + 0.5)
    assert f.gradient_over(box).contains([4 * 1.75**3, 3.5]).all()
    found = f.hessian_bounds(box, np.array([[1.0], [1.0]]), np.array([[1.0], [0.0]]))
    assert found.contains([[12 * 1.5**2]]) and found.contains([[12 * 4.0]])
    rows = f.hessian_bounds(box, None, np.eye(2))
    assert rows.contains(np.diag([12 * 1.6**2, -2.0])).all()
    value, gradient, hessian = f.enclose(x, x + 0.5)
    assert (value.shape, gradient.shape, hessian.shape) == ((), (2,), (2, 2))
