"""Sinks of trained and of awkward networks: digits, dead pixels, inputs that the network ignores."""

import warnings

import numpy as np
import pytest

import separatrix as sx
from tests.flow import judge
from tests.oracles.blueprints import mlp, random_mlp

PROVED, VERIFIED = sx.Certainty.PROVED, sx.Certainty.VERIFIED
LONG = np.longdouble


def sinks_of(f, domain, starts=None, boundary="project", **options):
    return sx.GradientFlow(f, domain, boundary).sinks(starts, **options)


def all_proved(found):
    return len(found) > 0 and all(verdict is PROVED for verdict in found.certainty)


# -- digits


def long_derivatives(net, k, x):
    """Gradient in long doubles, Hessian in doubles, of log_odds k or (None) the log-density: (2.1), (2.2)."""
    first, second = net.affine_layers
    w1, w2 = first.weight.astype(LONG), second.weight.astype(LONG)
    u = w1 @ x.astype(LONG) + first.bias.astype(LONG)
    s = 1 / (1 + np.exp(-u))
    z = w2 @ s + second.bias.astype(LONG)
    others = np.ones(len(z), dtype=bool)
    if k is not None:
        others[k] = False
    p = np.where(others, np.exp(z - z[others].max()), 0)
    p = p / p.sum()
    y = p if k is None else -p
    if k is not None:
        y[k] = 1
    back = w2.T @ y
    slope, bend = s * (1 - s), s * (1 - s) * (1 - 2 * s)
    gradient = w1.T @ (slope * back)
    inner = (w2 * slope).astype(float)
    spread = inner.T @ (np.diag(p.astype(float)) - np.outer(p, p).astype(float)) @ inner
    middle = np.diag((bend * back).astype(float)) + (spread if k is None else -spread)
    return gradient, first.weight.T @ middle @ first.weight


@pytest.fixture(scope="module")
def digits():
    data = sx.data.mnist()
    rows = np.concatenate([np.flatnonzero(data.y_train == k)[:2] for k in (0, 1, 3, 4, 7, 9)])
    return data.x_train[rows].reshape(-1, 784) / 255.0


@pytest.mark.parametrize("k", [None, 3])
def test_sinks_of_the_digits(digits, k):
    net, box = sx.data.network("mnist-sigmoid"), sx.Box.cube(784, 0, 1)
    f = sx.log_density(net) if k is None else sx.log_odds(net, k)
    found = sinks_of(f, box, digits)
    assert all_proved(found) and (found.label >= 0).all() and set(found.label) == set(range(len(found)))
    assert (found.values[found.label] >= f.value(digits) - 1e-9).all()
    assert (found.n_free < 200).all() and (found.n_free > 0).all()
    if k is not None:
        assert (net.predict(found.points) == k).all()
    for row in range(len(found)):
        point, active, free = found.points[row], found.active[row], np.flatnonzero(found.active[row] == 0)
        np.testing.assert_array_equal(active, (point == 1).astype(int) - (point == 0))
        gradient, hessian = long_derivatives(net, k, point)
        # KKT: outward on the faces, a Newton step on the free pixels within the proved error, negative definite there
        assert (active * gradient)[active != 0].min() > 0
        np.testing.assert_allclose(
            found.multipliers[row][active != 0], (active * gradient)[active != 0], rtol=1e-5, atol=1e-12
        )
        block = hessian[np.ix_(free, free)]
        step = np.linalg.solve(block, -gradient[free].astype(float))
        assert np.abs(step).max() <= found.error[row] < 1e-6
        values = np.linalg.eigvalsh(block)
        assert values[-1] < 0
        np.testing.assert_allclose(found.spectra[row], values, rtol=1e-6, atol=1e-9)
        assert np.isnan(found.radius[row]) or found.radius[row] >= found.error[row]
    assert [str(c) for c in found.to_dataframe()["certainty"]] == ["proved"] * len(found)


def test_the_same_sinks_in_any_order_of_the_digits(digits):
    f, box = sx.log_density(sx.data.network("mnist-sigmoid")), sx.Box.cube(784, 0, 1)
    first, second = sinks_of(f, box, digits[:6]), sinks_of(f, box, digits[:6][::-1])
    assert len(first) == len(second)
    np.testing.assert_allclose(first.points[first.label], second.points[second.label][::-1], atol=1e-8)


def test_the_basins_of_the_digits_agree_with_full_integration(digits):
    run = sx.GradientFlow(sx.log_density(sx.data.network("mnist-sigmoid")), sx.Box.cube(784, 0, 1))
    early, full = run.basins(digits), run.basins(digits, full=True)
    assert early.n_unresolved == 0 and full.n_unresolved == 0
    same = [
        np.abs(early.sinks.points[a] - full.sinks.points[b]).max() < 1e-6
        for a, b in zip(early.label, full.label, strict=True)
    ]
    assert np.mean(same) >= 11 / 12
    assert all_proved(early.sinks) and all_proved(full.sinks)


# -- small networks


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "gelu"])
def test_a_small_image_network(activation):
    """16 pixels, 12 hidden neurons, 4 classes: sinks with many active faces, judged in 50 digits."""
    blueprint = random_mlp(np.random.default_rng(1), (16, 12, 4), activation, scale=3.0)
    box = sx.Box.cube(16, 0, 1)
    for case in (("log_density",), ("log_odds", 2))[: 1 if activation == "gelu" else 2]:
        found = sinks_of(blueprint.library_potential(*case), box, box.uniform(5, np.random.default_rng(2)))
        assert all_proved(found) and (found.label >= 0).all()
        judge.assert_sinks_are_true(found, judge.of_blueprint(blueprint, *case), box)


@pytest.mark.parametrize(
    "name", ["blobs-tanh", "blobs-sigmoid", "moons-tanh", "moons-silu", "ring-tanh", "blobs3d-softplus"]
)
def test_own_starts_find_every_class(name):
    """Each class has a region in the box, so that its log-odds have a sink there, of that class."""
    net = sx.data.network(name)
    box = sx.Box.cube(net.n_inputs, -2, 2)
    grid = box.uniform(2000, np.random.default_rng(0))
    for k in range(net.n_classes):
        assert (net.predict(grid) == k).any()
        found = sinks_of(sx.log_odds(net, k), box)
        assert all_proved(found)
        assert (net.predict(found.points) == k).any()
        # no sampled point is higher than the highest sink
        assert found.values[0] >= sx.log_odds(net, k).value(grid).max() - 1e-9


def test_own_starts_miss_no_sink_that_a_grid_finds():
    for name in ("blobs-tanh", "moons-tanh"):
        f, box = sx.log_density(sx.data.network(name)), sx.Box.cube(2, -2, 2)
        sides = np.linspace(-2, 2, 15)
        grid = np.stack(np.meshgrid(sides, sides), axis=-1).reshape(-1, 2)
        own, thorough = sinks_of(f, box), sinks_of(f, box, grid)
        judge.matched(own.points, thorough.points, 1e-6)


def test_a_probability_has_the_sinks_of_its_log_odds():
    net, box = sx.data.network("blobs-tanh"), sx.Box.cube(2, -2, 2)
    starts = box.uniform(20, np.random.default_rng(0))
    for k in range(net.n_classes):
        p, odds = sinks_of(sx.class_probability(net, k), box, starts), sinks_of(sx.log_odds(net, k), box, starts)
        np.testing.assert_array_equal(p.points, odds.points)
        np.testing.assert_array_equal(p.label, odds.label)
        np.testing.assert_allclose(p.values, 1 / (1 + np.exp(-odds.values)), rtol=1e-12)
        assert "probability" in p.potential and any("log-odds" in note for note in p.notes)


def test_two_workers_find_the_same_sinks():
    f, box = sx.log_density(sx.data.network("moons-tanh")), sx.Box.cube(2, -2, 2)
    starts = box.uniform(150, np.random.default_rng(0))
    first = sinks_of(f, box, starts, workers=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loky's own
        second = sinks_of(f, box, starts, workers=2)
    for name in ("points", "values", "label", "radius", "error", "multipliers"):
        np.testing.assert_array_equal(getattr(first, name), getattr(second, name))


# -- pixels that hardly matter, and that do not at all


def with_dead_pixels(factor, dead=(1, 4, 5), seed=3, n=8):
    """A network whose weights from the inputs ``dead`` were decayed by ``factor``."""
    rng = np.random.default_rng(seed)
    first = rng.standard_normal((6, n))
    first[:, list(dead)] *= factor
    return mlp([first, 2 * rng.standard_normal((3, 6))], [rng.standard_normal(6), rng.standard_normal(3)], "tanh")


@pytest.mark.parametrize("factor", [1e-3, 1e-8, 1e-38, 1e-45, 1e-150])
def test_decayed_pixels_stand_on_the_side_that_their_gradient_points_to(factor):
    blueprint, box = with_dead_pixels(factor), sx.Box.cube(8, 0, 1)
    starts = box.uniform(12, np.random.default_rng(0))
    for case in (("log_odds", 0), ("log_density",)):
        f = blueprint.library_potential(*case)
        found = sinks_of(f, box, starts)
        assert all_proved(found) and (found.label >= 0).all()
        dead = found.points[:, [1, 4, 5]]
        assert np.isin(dead, [0.0, 1.0]).all() and (found.multipliers[:, [1, 4, 5]] > 0).all()
        np.testing.assert_array_equal(dead == 1.0, f.gradient(found.points)[:, [1, 4, 5]] > 0)
        judge.assert_sinks_are_true(found, judge.of_blueprint(blueprint, *case), box)


def test_decayed_pixels_change_no_sinks_and_no_basins():
    """With weights of 1e-38 the network is, up to rounding, the one with zero weights there."""
    faint, none, box = with_dead_pixels(1e-38), with_dead_pixels(0.0), sx.Box.cube(8, 0, 1)
    starts = box.uniform(15, np.random.default_rng(0))
    a, b = (sx.GradientFlow(net.library_potential("log_density"), box) for net in (faint, none))
    first, second = a.basins(starts), b.basins(starts)
    living = [0, 2, 3, 6, 7]
    assert first.n_unresolved == second.n_unresolved == 0
    np.testing.assert_allclose(
        first.sinks.points[first.label][:, living], second.sinks.points[second.label][:, living], atol=1e-8
    )
    full = a.basins(starts, first.sinks, full=True)
    np.testing.assert_array_equal(full.label, first.label)


def test_ignored_inputs_are_verified_with_a_note():
    blueprint, box = with_dead_pixels(0.0), sx.Box.cube(8, 0, 1)
    starts = box.uniform(12, np.random.default_rng(0))
    f = blueprint.library_potential("log_density")
    found = sinks_of(f, box, starts)
    assert len(found) > 0 and set(found.certainty) == {VERIFIED} and (found.label >= 0).all()
    assert any("3 of the inputs" in note for note in found.notes)
    assert (found.active[:, [1, 4, 5]] == 0).all() and (found.multipliers[:, [1, 4, 5]] == 0).all()
    np.testing.assert_array_equal(found.points[:, [1, 4, 5]], 0.0)
    with pytest.raises(sx.UnresolvedError):
        sinks_of(f, box, starts, strict=True)
    # the sinks on the other inputs are those of the network without the ignored ones
    first, second = f.net.affine_layers
    living = [0, 2, 3, 6, 7]
    small = sx.Network.from_arrays([first.weight[:, living], second.weight], [first.bias, second.bias], "tanh")
    alone = sinks_of(sx.log_density(small), sx.Box.cube(5, 0, 1), starts[:, living])
    assert all_proved(alone)
    judge.matched(found.points[:, living], alone.points, 1e-10)


@pytest.mark.parametrize(("domain", "boundary"), [(sx.WholeSpace(3), "project"), (sx.Box.cube(3, -4, 4), "exit")])
def test_ignored_inputs_without_sides_are_one_set(domain, boundary):
    """f = log-odds of a bump in x and z: one line of equilibria along the ignored y, not one sink a start."""
    weights = [
        [[2.0, 0.0, 0.0], [-2.0, 0.0, 0.0], [0.0, 0.0, 2.0], [0.0, 0.0, -2.0]],
        [[1.0, 1.0, 1.0, 1.0], [-1.0, -1.0, -1.0, -1.0]],
    ]
    net = sx.Network.from_arrays(weights, [np.ones(4), np.zeros(2)], "tanh")
    found = sinks_of(sx.log_odds(net, 0), domain, [[0.3, -1.0, 0.2], [-0.2, 0.5, 0.1], [0.1, 2.0, -0.3]], boundary)
    assert len(found) == 1 and found.certainty == (VERIFIED,) and found.label.tolist() == [0, 0, 0]
    np.testing.assert_allclose(found.points[0, [0, 2]], 0.0, atol=1e-9)


def test_a_network_that_ignores_everything():
    net = sx.Network.from_arrays([np.zeros((3, 2)), np.ones((2, 3))], [np.ones(3), [0.0, 1.0]], "tanh")
    found = sinks_of(sx.log_odds(net, 0), sx.Box.cube(2, 0, 1), [[0.5, 0.5], [0.0, 1.0]])
    assert found.n_proved == 0


def test_a_linear_classifier_has_vertices():
    net = sx.Network.from_arrays([[[1.0, -2.0, 0.5], [0.3, 1.0, -1.0]]], [[0.0, 0.1]])
    found = sinks_of(sx.log_odds(net, 0), sx.Box.cube(3, -1, 1), [[0.0, 0.0, 0.0], [-1.0, 1.0, -1.0]])
    np.testing.assert_array_equal(found.points, [[1.0, -1.0, 1.0]])
    assert all_proved(found)


def test_confidence_has_no_sinks_on_the_surface_of_ties():
    """For two classes {l_0 = 0} is a critical manifold of L, its minimum; starts on it must not be called sinks."""
    net = sx.Network.from_arrays([[[1.0, 0.0], [-1.0, 0.0]]], [[0.0, 0.0]])
    found = sinks_of(sx.confidence(net), sx.Box.cube(2, -1, 1), [[0.0, 0.0], [0.0, 1.0], [0.0, -0.5]])
    assert found.n_proved == 0 and (found.label == -1).all()


def test_deeper_networks_are_proved():
    blueprint = random_mlp(np.random.default_rng(8), (6, 8, 6, 3), "tanh", scale=2.5)
    box = sx.Box.cube(6, -1, 1)
    found = sinks_of(blueprint.library_potential("log_density"), box, box.uniform(15, np.random.default_rng(0)))
    assert all_proved(found) and (found.label >= 0).all()
    judge.assert_sinks_are_true(found, judge.of_blueprint(blueprint, "log_density"), box)
