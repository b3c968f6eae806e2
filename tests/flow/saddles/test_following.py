"""The parts of eigenvector following: its quadratic on the box, the Hessian through a narrow layer, searches that go round."""

import numpy as np
import pytest
import scipy.optimize

import separatrix as sx
from separatrix.flow.projection import Arena
from separatrix.flow.saddles.box_model import maximum_on_box
from separatrix.flow.saddles.curvature import Curvature
from separatrix.flow.saddles.following import STEPS, follow
from separatrix.networks.network import Network
from tests.flow import known


def optimality(metric, slope, low, high, d):
    """The largest violation of the conditions of a maximum on the box."""
    force = slope - metric @ d
    free = (d > low) & (d < high)
    return max(
        float(np.abs(force[free]).max(initial=0.0)),
        float(force[d <= low].max(initial=-np.inf)),
        float((-force[d >= high]).max(initial=-np.inf)),
        float(np.maximum(low - d, d - high).max()),
    )


@pytest.mark.parametrize("k", [3, 12, 60])
@pytest.mark.parametrize("spread", [0.0, 6.0])
def test_the_maximum_of_the_quadratic_on_the_box(k, spread):
    rng = np.random.default_rng(k)
    for _ in range(4):
        turn = np.linalg.qr(rng.standard_normal((k, k)))[0]
        metric = (turn * 10.0 ** (-spread * rng.random(k))) @ turn.T
        metric = 0.5 * (metric + metric.T)
        slope, side = rng.standard_normal(k), rng.random(k)
        low, high = -0.1 * side, 0.1 * rng.random(k)
        low[::3] = 0.0
        d = maximum_on_box(metric, slope, low, high)
        assert optimality(metric, slope, low, high, d) < 1e-9
        oracle = scipy.optimize.minimize(
            lambda x, m=metric, s=slope: (0.5 * x @ m @ x - s @ x, m @ x - s),
            np.zeros(k),
            jac=True,
            bounds=list(zip(low, high, strict=True)),
            method="L-BFGS-B",
            options={"maxiter": 2000},
        )
        assert slope @ d - 0.5 * d @ metric @ d >= -oracle.fun - 1e-12


def test_the_hessian_through_a_narrow_layer_is_the_dense_one():
    rng = np.random.default_rng(2)
    shapes = [(4, 30), (5, 4), (3, 5)]
    net = Network.from_arrays(
        [rng.standard_normal(shape) for shape in shapes], [rng.standard_normal(shape[0]) for shape in shapes], "tanh"
    )
    f, x = sx.log_density(net), rng.random(30)
    free = np.sort(rng.permutation(30)[:20])
    found, dense = Curvature.at(f, x, free), f.hessian_on(x, free)
    assert found is not None and found.lam.size == 4 and found.hessian is None
    np.testing.assert_allclose((found.vectors * found.lam) @ found.vectors.T, dense, atol=1e-12)
    np.testing.assert_allclose(found.vectors.T @ found.vectors, np.eye(4), atol=1e-12)
    d = rng.standard_normal(20)
    np.testing.assert_allclose(found.times(d), dense @ d, atol=1e-12)
    lam, vectors = np.linalg.eigh(dense)
    np.testing.assert_allclose(found.metric(1e-3), (vectors * np.maximum(np.abs(lam), 1e-3)) @ vectors.T, atol=1e-12)
    few = Curvature.at(f, x, free[:4])
    assert few is not None and few.hessian is not None and few.lam.size == 4


def test_a_first_layer_of_lower_rank_is_taken_densely():
    rng = np.random.default_rng(3)
    first = np.vstack([rng.standard_normal((2, 12)), np.zeros((1, 12))])
    f = sx.log_density(Network.from_arrays([first, rng.standard_normal((3, 3))], [np.zeros(3), np.zeros(3)], "tanh"))
    x = rng.random(12)
    found = Curvature.at(f, x, np.arange(12))
    assert found is not None and found.hessian is not None
    np.testing.assert_allclose(found.hessian, f.hessian_on(x, np.arange(12)), atol=1e-12)


def test_searches_that_go_round_end_early_and_miss_nothing(monkeypatch):
    early = 0
    for seed in range(16):
        rng = np.random.default_rng(seed)
        matrix = rng.standard_normal((3, 3))
        f = known.Quadratic(matrix + matrix.T, 0.5 * rng.standard_normal(3))
        arena, start = Arena.of(f, sx.Box.cube(3, -1, 1), "project"), rng.uniform(-1, 1, 3)
        axis = rng.standard_normal(3)
        short = follow(arena, start, axis)
        with monkeypatch.context() as patch:
            for end in ("has_come_back", "has_stalled"):
                patch.setattr(f"separatrix.flow.saddles.following._State.{end}", lambda state: False)
            whole = follow(arena, start, axis)
        if short.steps < whole.steps:
            early += 1
            assert whole.steps == STEPS and not whole.has_arrived and not short.has_arrived
        else:
            np.testing.assert_array_equal(short.x, whole.x)
    assert early >= 5


def test_a_search_that_leads_to_a_known_saddle_ends_at_it():
    f, box = sx.expression("-(x**2 - 1)**2 + x**3/3 + x/4 - y**2 + x*y**2/2 + y/5", "x y"), sx.Box.cube(2, -2, 2)
    arena, start, axis = Arena.of(f, box, "project"), np.array([0.6, 0.3]), np.array([1.0, 0.0])
    whole = follow(arena, start, axis)
    near = whole.x + 1e-9
    short = follow(arena, start, axis, known=np.array([[1.5, 1.5], near]))
    assert whole.has_arrived and short.has_arrived and short.steps < whole.steps
    np.testing.assert_array_equal(short.x, near)
    other = follow(arena, start, axis, known=whole.x[None] + 0.05)
    np.testing.assert_array_equal(other.x, whole.x)
