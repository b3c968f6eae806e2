"""Trajectories across creases: against exact polygons, smoothed networks, direct integration, and the inequalities of §5."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.integrate import quad, solve_ivp

import separatrix as sx
from tests.flow.piecewise_linear import known_ridges
from tests.flow.piecewise_linear.coarse_networks import arrays, bends, domain, softened
from tests.oracles.rational_polygons import Degenerate, RationalFlow

POTENTIALS = known_ridges.POTENTIALS | {"probability": lambda net: sx.class_probability(net, 0)}


@pytest.mark.parametrize(
    "widths", [(1, 6, 2), (2, 8, 2), (3, 8, 2), (2, 6, 6, 2), (3, 5, 5, 2), (2, 4, 4, 4, 2)], ids=str
)
def test_polygons_are_those_of_rational_arithmetic(widths):
    compared = 0
    for seed in range(4):
        weights, biases = arrays(widths, seed, 16.0)
        net, n, boxed = sx.Network.from_arrays(weights, biases), widths[0], seed % 2 == 0
        sides = (-np.ones(n), np.ones(n)) if boxed else (None, None)
        exact = RationalFlow(weights, biases, *sides)
        starts = np.round(np.random.default_rng(seed).uniform(-1, 1, (3, n)) * 64) / 64
        found = sx.GradientFlow(sx.margin(net, 0, 1), domain(n, boxed)).trajectories(starts, 6.0)
        for i, start in enumerate(starts):
            try:
                polygon = exact.polygon(start, Fraction(6), 30)
            except Degenerate:
                continue
            if polygon.reason == "not unique":
                assert "not unique" in found.reason[i]
                continue
            assert found.reason[i] in (("sink", "time") if polygon.reason == "rest" else ("time",))
            times, points = found.path(i)
            if polygon.reason == "rest" and found.reason[i] == "time":
                times, points = times[:-1], points[:-1]  # a point of rest that is no strict maximum is stayed at
            assert np.abs(times[:, None] - np.array(polygon.times, dtype=float)).min(axis=1).max() < 1e-12
            at, corners = bends(polygon)
            kept = np.abs(times[:, None] - at).min(axis=0) < 1e-12
            assert kept.all()  # a crease without effect on f may be passed in silence
            rows = np.abs(times[:, None] - at).argmin(axis=0)
            assert np.abs(points[rows] - corners).max() < 1e-12
            compared += 1
    assert compared >= 8


@pytest.mark.parametrize("name", ["margin", "log-odds", "log-density"])
def test_the_smoothed_network_comes_to_it_as_its_bend_narrows(name):
    errors = {500.0: [], 4000.0: []}
    for widths, seed in (((2, 8, 3), 1), ((3, 8, 3), 2), ((2, 6, 6, 3), 4)):
        weights, biases = arrays(widths, seed)
        starts = np.random.default_rng(seed).uniform(-1, 1, (4, widths[0]))
        where = domain(widths[0], seed % 2 == 0)
        exact = sx.GradientFlow(POTENTIALS[name](sx.Network.from_arrays(weights, biases)), where)
        end = exact.trajectories(starts, 1.5, 1e-9, 1e-9).end
        for beta, found in errors.items():
            smooth = sx.GradientFlow(POTENTIALS[name](softened(weights, biases, beta)), where)
            near = smooth.trajectories(starts, 1.5, 1e-6, 1e-7, max_steps=200_000, keep_paths=False)
            found.extend(np.abs(near.end - end).max(axis=1))
    coarse, fine = (np.median(errors[beta]) for beta in (500.0, 4000.0))
    assert fine < 1e-3
    assert max(errors[4000.0]) < 1e-2
    assert fine < max(0.5 * coarse, 1e-5)


numbers = st.integers(-24, 24).map(lambda k: k / 8)


@given(st.tuples(numbers, numbers), st.tuples(numbers, numbers), numbers)
@settings(max_examples=60, deadline=None)
def test_a_crease_is_slid_along_crossed_or_repels_as_the_inequalities_say(gradient, normal, kink):
    g, w = np.array(gradient), np.array(normal)
    below, above = float(g @ w), float((g + kink * w) @ w)
    assume(w.any() and kink != 0 and below != 0 and above != 0)
    weights = [np.array([w, g]), np.array([[kink, 1.0], [0.0, 0.0]])]
    net = sx.Network.from_arrays(weights, [np.array([0.0, 64.0]), np.zeros(2)])  # g . x + 64 stays positive
    found = sx.GradientFlow(sx.margin(net, 0, 1), sx.WholeSpace(2)).trajectories([[0.0, 0.0]], 1 / 64)
    moved = found.end[0] * 64
    if below > 0 > above:  # 0 < g-.w < -J |w|^2
        assert np.abs(moved - (g - (below / (w @ w)) * w)).max() < 1e-12
    elif below < 0 < above:
        assert found.reason == ("starts on a repelling crease: the orbit is not unique",)
        assert found.time[0] == 0 and not moved.any()
    else:
        assert np.abs(moved - (g if below < 0 else g + kink * w)).max() < 1e-12


def test_the_end_of_an_attracting_ridge_of_a_deeper_network_is_not_passed_silently():
    # f = t + s / 2 - relu(s) + relu(t - s + 2.5 relu(s)): {s = 0} attracts for t < 0 and repels for t > 0
    first = np.array([[0.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    second = np.array([[2.5, 1.0, -1.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])
    last = np.array([[1.0, 1.0, 0.5, -1.0], [0.0, 0.0, 0.0, 0.0]])
    net = sx.Network.from_arrays([first, second, last], [np.array([0.0, 64.0, 64.0]), np.zeros(4), np.zeros(2)])
    found = sx.GradientFlow(sx.margin(net, 0, 1), sx.WholeSpace(2)).trajectories([[-1.0, -0.25], [-1.0, 0.25]], 5.0)
    assert set(found.reason) == {"meets a repelling crease: the orbit is not unique"}
    assert np.abs(found.end).max() < 1e-12
    assert np.abs(found.time - 1.0).max() < 1e-12


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("name", list(POTENTIALS))
def test_f_never_falls_and_the_kernel_of_the_first_layer_is_never_left(name, activation):
    for widths in ((5, 3, 6, 3), (4, 2, 2)):
        weights, biases = arrays(widths, 3)
        net = sx.Network.from_arrays(weights, biases, activation, slope=0.2)
        potential = POTENTIALS[name](net)
        starts = np.random.default_rng(0).normal(size=(4, widths[0]))
        found = sx.GradientFlow(potential, sx.WholeSpace(widths[0])).trajectories(starts, 3.0)
        still = np.linalg.svd(weights[0])[2][weights[0].shape[0] :]
        assert np.abs((found.end - starts) @ still.T).max() < 1e-10
        for i in range(4):
            times, points = found.path(i)
            assert (np.diff(times) >= 0).all()
            assert (np.diff(potential.value(points)) > -1e-9).all()


def test_the_probability_of_two_classes_takes_the_time_that_its_log_odds_say():
    weights, biases = arrays((2, 12, 2), 5)
    net = sx.Network.from_arrays(weights, biases)
    odds, chance = sx.log_odds(net, 0), sx.class_probability(net, 0)
    starts = np.random.default_rng(3).uniform(-1, 1, (8, 2))
    by_odds = sx.GradientFlow(odds, sx.Box.cube(2, -1, 1)).trajectories(starts, 20.0)
    by_chance = sx.GradientFlow(chance, sx.Box.cube(2, -1, 1)).trajectories(starts, 1e9)
    segments = 0
    for i in range(8):
        (tau, points), (times, same) = by_odds.path(i), by_chance.path(i)
        for k in range(min(len(tau), len(times)) - 1):
            if not np.allclose(points[k + 1], same[k + 1], atol=1e-9) or times[k + 1] > 1e8:
                break
            level = odds.value(points[k : k + 2])
            slope = (level[1] - level[0]) / (tau[k + 1] - tau[k])
            span = quad(lambda s: 2 + 2 * np.cosh(s), level[0], level[1], epsrel=1e-11)[0] / slope
            assert times[k + 1] - times[k] == pytest.approx(span, rel=1e-8)
            segments += 1
    assert segments >= 12


def test_time_that_runs_out_on_the_way_ends_where_direct_integration_does():
    weights, biases = arrays((2, 10, 2), 7)
    net = sx.Network.from_arrays(weights, biases)
    for potential in (sx.class_probability(net, 0), sx.log_odds(net, 1)):
        flow = sx.GradientFlow(potential, sx.WholeSpace(2))
        for start in np.random.default_rng(2).uniform(-1, 1, (4, 2)):
            times, points = flow.trajectories(start, 5.0).path(0)
            span = times[1] * 0.999
            direct = solve_ivp(
                lambda t, x: potential.gradient(x)[0],  # noqa: B023
                (0, span),
                start,
                method="DOP853",
                rtol=1e-12,
                atol=1e-13,
            ).y[:, -1]
            assert np.abs(flow.trajectories(start, span).end[0] - direct).max() < 1e-9
            assert len(points) == len(times)


@pytest.mark.parametrize("name", ["log-odds", "probability", "log-density", "negative entropy"])
def test_curved_arcs_agree_with_direct_integration_up_to_the_first_crease(name):
    weights, biases = arrays((3, 8, 6, 4), 2)
    potential = POTENTIALS[name](sx.Network.from_arrays(weights, biases))
    flow = sx.GradientFlow(potential, sx.WholeSpace(3))
    for start in np.random.default_rng(4).uniform(-1, 1, (3, 3)):
        found = flow.trajectories(start, 0.02, 1e-10, 1e-10)
        if found.n_events[0]:
            continue
        direct = solve_ivp(
            lambda t, x: potential.gradient(x)[0], (0, 0.02), start, method="DOP853", rtol=1e-12, atol=1e-13
        )
        assert np.abs(found.end[0] - direct.y[:, -1]).max() < 1e-8


@pytest.mark.parametrize("slope", [0.1, 1.5, -0.5])
def test_a_leaky_relu_is_the_pair_of_relus_that_it_equals(slope):
    weights, biases = arrays((2, 6, 2), 9)
    leaky = sx.Network.from_arrays(weights, biases, "leaky_relu", slope=slope)
    pairs = [np.vstack([weights[0], -weights[0]]), np.hstack([weights[1], -slope * weights[1]])]
    twin = sx.Network.from_arrays(pairs, [np.concatenate([biases[0], -biases[0]]), biases[1]])
    starts = np.random.default_rng(5).uniform(-1, 1, (10, 2))
    assert np.abs(leaky.logits(starts) - twin.logits(starts)).max() < 1e-12
    a, b = (
        sx.GradientFlow(sx.margin(net, 0, 1), sx.Box.cube(2, -1, 1)).trajectories(starts, 5.0) for net in (leaky, twin)
    )
    assert a.reason == b.reason
    assert np.abs(a.end - b.end).max() < 1e-9


def test_repeated_and_dead_neurons_change_nothing():
    weights, biases = arrays((3, 7, 5, 3), 6)
    plain = sx.Network.from_arrays(weights, biases)
    first = np.vstack([weights[0], 2.0 * weights[0], np.zeros((2, 3))])
    bias = np.concatenate([biases[0], 2.0 * biases[0], [0.0, -1.0]])
    second = np.hstack([0.5 * weights[1], 0.25 * weights[1], np.ones((5, 2))])
    twin = sx.Network.from_arrays([first, second, weights[2]], [bias, biases[1], biases[2]])
    starts = np.random.default_rng(8).uniform(-1, 1, (6, 3))
    for name in ("margin", "log-odds"):
        a, b = (
            sx.GradientFlow(POTENTIALS[name](net), sx.Box.cube(3, -1, 1)).trajectories(starts, 4.0, 1e-9, 1e-9)
            for net in (plain, twin)
        )
        assert a.reason == b.reason
        assert np.abs(a.end - b.end).max() < 1e-7


@pytest.mark.parametrize("widths", [(2, 6, 2), (3, 5, 4, 2), (2, 4, 4, 3), (1, 6, 4)], ids=str)
def test_coarse_weights_and_common_points_end_with_a_reason(widths):
    for seed in range(3):
        weights, biases = arrays(widths, seed, 1.0)
        biases = [0.0 * b for b in biases] if seed == 1 else biases
        net, n = sx.Network.from_arrays(weights, biases), widths[0]
        starts = np.vstack([np.zeros((1, n)), np.round(np.random.default_rng(seed).uniform(-1, 1, (2, n)) * 2) / 2])
        for name in ("margin", "log-odds"):
            potential = POTENTIALS[name](net)
            found = sx.GradientFlow(potential, domain(n, seed != 2)).trajectories(starts, 5.0, max_steps=2000)
            assert set(found.reason) <= {
                "sink",
                "time",
                "starts on a repelling crease: the orbit is not unique",
                "meets a repelling crease: the orbit is not unique",
            }
            rises = [np.diff(potential.value(found.path(i)[1])) for i in range(3)]
            assert all((rise > -1e-9).all() for rise in rises)


def test_an_end_called_a_sink_is_higher_than_all_points_around_it():
    rng = np.random.default_rng(1)
    checked = 0
    for widths, seed in (((2, 12, 2), 2), ((3, 10, 2), 1), ((2, 8, 8, 2), 3)):
        weights, biases = arrays(widths, seed)
        potential = sx.margin(sx.Network.from_arrays(weights, biases), 0, 1)
        box = sx.Box.cube(widths[0], -1, 1)
        found = sx.GradientFlow(potential, box).trajectories(rng.uniform(-1, 1, (10, widths[0])), 1e4)
        for end, reason in zip(found.end, found.reason, strict=True):
            if reason == "sink":
                around = box.clip(end + 1e-6 * rng.normal(size=(400, widths[0])))
                away = np.abs(around - end).max(axis=1) > 0
                assert (potential.value(around[away]) < potential.value(end[None])[0]).all()
                checked += 1
    assert checked >= 15


@pytest.mark.parametrize("name", ["confidence", "negative entropy"])
def test_a_tie_of_all_classes_is_no_sink(name):
    weights, _ = arrays((2, 8, 5), 3)
    net = sx.Network.from_arrays(weights, [np.zeros(8), np.zeros(5)])
    found = sx.GradientFlow(POTENTIALS[name](net), sx.Box.cube(2, -1, 1)).trajectories([[0.0, 0.0]], 2.0)
    assert found.reason[0] != "sink"


def test_on_an_open_boundary_rows_leave_where_they_meet_a_side():
    weights, biases = arrays((2, 8, 3), 1)
    flow = sx.GradientFlow(sx.log_odds(sx.Network.from_arrays(weights, biases), 0), sx.Box.cube(2, -1, 1), "exit")
    found = flow.trajectories(np.random.default_rng(0).uniform(-1, 1, (20, 2)), 50.0)
    gone = np.array([reason == "left the box" for reason in found.reason])
    assert gone.any()
    assert (np.abs(found.end[gone]).max(axis=1) == 1.0).all()
    assert (np.abs(found.end[~gone]).max(axis=1) < 1.0).all()


def test_a_spent_budget_and_a_known_sink_end_rows():
    weights, biases = arrays((2, 12, 2), 2)
    flow = sx.GradientFlow(sx.margin(sx.Network.from_arrays(weights, biases), 0, 1), sx.Box.cube(2, -1, 1))
    starts = np.random.default_rng(0).uniform(-1, 1, (6, 2))
    short = flow.trajectories(starts, 1e4, max_steps=1)
    assert set(short.reason) == {"budget"} and (short.n_events <= 1).all()
    assert flow.trajectories(np.zeros((0, 2)), 1.0).reason == ()
    whole = flow.trajectories(starts, 1e4)
    assert whole.to_dataframe().shape == (6, 4)
    assert (whole.time[[reason == "sink" for reason in whole.reason]] < 1e4).all()
