"""Slow and strong manifolds as curves: against closed forms, and the laws that every invariant curve obeys."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.manifolds.frames import curves_at
from tests.flow import known
from tests.flow.manifolds.known_curves import Circle, Parabola, random_case
from tests.oracles.blueprints import random_mlp

KINDS = ("slow", "strong")
CALLS = {"slow": sx.slow_manifold, "strong": sx.strong_manifold}


def flow_of(f, half=0.8, boundary="project"):
    return sx.GradientFlow(f, sx.Box.cube(f.dim, -half, half), boundary)


@pytest.mark.parametrize("kind", KINDS)
def test_the_error_estimate_covers_the_true_error(kind):
    """Of 40 branches of random cases at least 97 % lie within the estimate, and all within three times it."""
    rng, ratios, reached = np.random.default_rng(11), [], 0
    for _ in range(20):
        f = random_case(rng, kind)
        curves = curves_at(flow_of(f), np.zeros(f.dim), kind, "s0")
        for points, error, reason in zip(curves.points, curves.error, curves.reasons, strict=True):
            assert len(points) > 1 and error[0] == 0 and (np.diff(error) >= 0).all()
            ratios.append((f.distance(points)[1:] / error[1:]).max())
            reached += "side of the box" in reason
    assert np.mean(np.array(ratios) <= 1) >= 0.97 and max(ratios) <= 3
    assert reached >= 0.9 * len(ratios)


@pytest.mark.parametrize("f", [Parabola(0.3, 1.0, 1.5), Circle(2.0, 1.0, 1.5), Circle(2.0, 1.0, 40.3)])
def test_the_slow_curve_is_the_smooth_one_of_all_that_are_tangent(f):
    curves = sx.slow_manifold(flow_of(f), [0.0, 0.0])
    assert max(f.distance(points).max() for points in curves.points) < 1e-7
    assert curves.largest_error < 1e-6 and curves.certainty is sx.Certainty.VERIFIED
    assert curves.gap == pytest.approx(f.k / f.m) and curves.eigenvalue == pytest.approx(-1.0)


@pytest.mark.parametrize("kind", KINDS)
def test_of_a_quadratic_the_curves_are_lines_and_end_at_the_walls(kind):
    f = known.Quadratic(np.diag([-1.0, -4.5, -9.0]), [0.1, -0.2, 0.3])
    curves = CALLS[kind](flow_of(f), [0.1, -0.2, 0.3])
    axis = 0 if kind == "slow" else 2
    for points, parameter, side in zip(curves.points, curves.parameter, (1, -1), strict=True):
        np.testing.assert_allclose(np.delete(points, axis, axis=1), np.delete(points[:1], axis, axis=1) + 0 * points[:, 1:],
                                   atol=1e-9)  # fmt: skip
        np.testing.assert_allclose(points[:, axis], f.center[axis] + side * parameter, atol=1e-9)
        assert points[-1, axis] == pytest.approx(0.8 * side, abs=1e-9)
    assert curves.reasons == tuple(f"coordinate {axis} meets its {side} side of the box" for side in ("upper", "lower"))


@pytest.mark.parametrize("order", [3, 4, 5])
def test_a_resonance_is_said_and_widens_the_error(order):
    for f in (Parabola(0.3, 1.0, order), Circle(1.5, 1.0, order)):
        curves = sx.slow_manifold(flow_of(f, 0.6), [0.0, 0.0])
        assert any("resonance" in note and f"is {order} times" in note for note in curves.notes)
        for points, error in zip(curves.points, curves.error, strict=True):
            assert len(points) > 1 and (f.distance(points) <= 1.01 * error + 1e-12).all()


def test_where_no_smooth_curve_exists_the_branch_is_short_or_its_error_large():
    """f = -x^2/2 - y^2 + x^2 y / 2: every curve tangent to the slow line has a term x^2 log x."""
    f = known.Formula(lambda x, y: -0.5 * x.square() - y.square() + 0.5 * (x.square() * y), 2)
    curves = sx.slow_manifold(flow_of(f), [0.0, 0.0])
    assert (curves.lengths < 0.5).all() and curves.notes and curves.certainty is not sx.Certainty.PROVED


def test_equal_rates_single_out_no_direction():
    curves = sx.slow_manifold(flow_of(known.Quadratic(-np.eye(3), [0.0, 0.0, 0.0])), [0.0, 0.0, 0.0])
    assert (curves.lengths == 0).all() and "no single direction" in curves.reasons[0] and np.isnan(curves.eigenvalue)
    assert curves.certainty is sx.Certainty.UNKNOWN


@pytest.mark.parametrize("kind", KINDS)
def test_one_dimension(kind):
    f = known.Formula(lambda x: -(x.square() - 1.0).square(), 1)
    curves = CALLS[kind](flow_of(f, 3.0), [1.0])
    assert curves.reasons == ("coordinate 0 meets its upper side of the box", "another equilibrium of the face")
    np.testing.assert_allclose(curves.lengths, [2.0, 1.0], atol=1e-3)
    assert np.isnan(curves.gap)


def test_a_vertex_has_no_curves():
    curves = sx.slow_manifold(flow_of(known.linear([1.0, 2.0])), [0.8, 0.8])
    assert (curves.lengths == 0).all() and "no free coordinate" in curves.reasons[0]
    assert curves.points[0].tolist() == [[0.8, 0.8]]


@pytest.mark.parametrize("kind", KINDS)
def test_a_held_coordinate_is_let_go_where_its_multiplier_turns(kind):
    """Held at x = 1 by the slope 1 - y there: the curve along y ends at y = 1 or goes on along the face."""
    f = known.Formula(lambda x, y: -0.5 * y.square() + x * (1.0 - y) + 0.0 * x.square(), 2)
    run = sx.GradientFlow(f, sx.Box([-1, -3], [1, 3]))
    sink = run.sinks([[0.0, 0.0]])
    assert sink.points[0].tolist() == [1.0, -1.0]
    curves = CALLS[kind](run, sink)
    assert curves.reasons[0] == "the multiplier of held coordinate 0 turns inward"
    assert curves.lengths[0] == pytest.approx(2.0, abs=1e-6) and curves.released[1] == np.inf
    whole = CALLS[kind](run, sink, whole_face=True)
    assert "meets its upper side" in whole.reasons[0] and whole.lengths[0] == pytest.approx(4.0, abs=1e-6)
    assert whole.released[0] == pytest.approx(2.0, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    ("widths", "activation"), [((2, 8, 3), "tanh"), ((3, 8, 8, 3), "sigmoid"), ((5, 12, 4), "softplus")]
)
def test_on_networks_the_flow_carries_the_ends_along_the_curves(kind, widths, activation):
    rng = np.random.default_rng(3)
    f = random_mlp(rng, widths, activation, scale=2.0).library_potential("log_density")
    run = flow_of(f, 2.0)
    sinks = run.sinks(run.domain.uniform(8, rng))
    for row in range(min(2, len(sinks))):
        curves = CALLS[kind](run, sinks, row=row)
        assert curves.ids == (f"s{row}-{kind}+", f"s{row}-{kind}-")
        for points, error, reason in zip(curves.points, curves.error, curves.reasons, strict=True):
            assert run.domain.contains(points).all() and (points[0] == sinks.points[row]).all()
            assert (points[:, sinks.active[row] != 0] == sinks.points[row][sinks.active[row] != 0]).all()
            if len(points) < 3 or "equilibrium" in reason:
                continue
            path = run.trajectories(points[-1:], 2e3, 1e-9, 1e-9, keep_paths=True).path(0)[1]
            steps, off = np.diff(path, axis=0), points[32] - path[:-1]
            share = np.clip((off * steps).sum(axis=1) / np.maximum((steps**2).sum(axis=1), 1e-300), 0, 1)
            assert np.linalg.norm(off - share[:, None] * steps, axis=1).min() < max(1e-3, 3 * error.max())


def test_the_record():
    f = Circle(2.0, 1.0, 3.3)
    curves = sx.strong_manifold(flow_of(f), [0.0, 0.0])
    table = curves.to_dataframe()
    assert list(table.columns) == ["branch", "arc_length", "error", "x1", "x2"] and len(table) == 130
    points, error = curves.at([0.0, 0.1, -0.1, 99.0])
    assert (points[0] == 0).all() and error[0] == 0 and (points[3] == curves.points[0][-1]).all()
    np.testing.assert_allclose(np.linalg.norm(points[1:3], axis=1), 0.1, atol=1e-4)
    assert "strong manifold of s0" in repr(curves) and curves.to_json() and "<table" in curves._repr_html_()
    chords = np.linalg.norm(np.diff(curves.points[0], axis=0), axis=1)
    assert (chords <= np.diff(curves.parameter[0]) * (1 + 1e-9)).all()


def test_an_array_is_polished_and_what_is_no_sink_is_refused():
    run = flow_of(known.double_well(), 2.0)
    assert sx.slow_manifold(run, [1.0 + 1e-4, 1e-4]).sink.round(9).tolist() == [1.0, 0.0]
    sinks = run.sinks([[1.0, 0.0], [-1.0, 0.0]])
    for bad in (
        lambda: sx.slow_manifold(run, [0.3, 1.0]),
        lambda: sx.slow_manifold(run, sinks),
        lambda: sx.slow_manifold(run, sinks, row=2),
        lambda: sx.slow_manifold(run, sinks, row=0, length=-1.0),
        lambda: sx.slow_manifold(run, [[1.0, 0.0], [-1.0, 0.0]]),
        lambda: sx.slow_manifold("flow", [1.0, 0.0]),
        lambda: sx.slow_manifold(run, dataclasses.replace(sinks, points=np.zeros((2, 2))), row=0),
    ):
        with pytest.raises(sx.SeparatrixError):
            bad()
    of_a_saddle = curves_at(run, np.zeros(2), "slow", "saddle")
    assert "no sink" in of_a_saddle.reasons[0] and of_a_saddle.certainty is sx.Certainty.UNKNOWN


def test_piecewise_linear_networks_are_refused():
    f = random_mlp(np.random.default_rng(1), (2, 6, 3), "relu").library_potential("log_density")
    with pytest.raises(sx.InputError, match="creases"):
        curves_at(flow_of(f), np.zeros(2), "slow", "s0")


def test_lengths_are_cut_and_the_whole_space_has_no_walls():
    f = Circle(5.0, 1.0, 3.3)
    for kind in KINDS:
        curves = CALLS[kind](sx.GradientFlow(f, sx.WholeSpace(2)), [0.0, 0.0], length=1.5)
        np.testing.assert_allclose(curves.lengths, 1.5, rtol=1e-6)
        assert set(curves.reasons) == {"the length asked for"}


def test_the_orbits_of_a_class_probability_are_those_of_the_log_odds():
    net = random_mlp(np.random.default_rng(5), (3, 8, 3), "tanh", scale=2.0).library_potential("log_density").net
    box = sx.Box.cube(3, -1, 1)
    sinks = sx.GradientFlow(sx.log_odds(net, 1), box).sinks(box.uniform(5, np.random.default_rng(0)))
    one = sx.slow_manifold(sx.GradientFlow(sx.log_odds(net, 1), box), sinks, row=0)
    other = sx.slow_manifold(sx.GradientFlow(sx.class_probability(net, 1), box), sinks, row=0)
    assert all((a == b).all() for a, b in zip(one.points, other.points, strict=True))
    assert other.notes and "log-odds" in other.notes[0]


def test_a_strong_branch_ends_at_the_saddle_that_it_runs_into() -> None:
    f = sx.expression("-0.2*(sqrt(x**2 + y**2) - 1)**2 + x/sqrt(x**2 + y**2)", "x y")
    flow = sx.GradientFlow(f, sx.Box.cube(2, -2, 2))
    curves = sx.strong_manifold(flow, flow.sinks([[1.0, 0.1]]), row=0)
    for points, error, reason in zip(curves.points, curves.error, curves.reasons, strict=True):
        assert (np.abs(np.hypot(*points.T) - 1.0) <= error).all() and reason.startswith("another equilibrium")
    assert np.allclose(curves.lengths, np.pi, atol=np.pi * 1e-3)
