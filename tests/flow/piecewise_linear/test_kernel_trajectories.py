"""The compiled flow against the general one: times, paths, corners where creases meet, and what both say of them."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.event_stepper import Settings
from separatrix.flow.piecewise_linear import event_flow, general_flow, kernel_rows
from separatrix.flow.piecewise_linear.general_field import Field
from separatrix.flow.piecewise_linear.kernel_trajectories import follow_rows
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.orbit import Limits, Orbit
from separatrix.flow.projection import Arena, Bounds
from tests.flow.piecewise_linear.known_ridges import POTENTIALS, degenerate_network, margin_of, random_network

REPELLED = "meets a repelling crease: the orbit is not unique"


def both(potential, domain, boundary, starts, t_max, tolerance=1e-9):
    """The rows by the kernel and by the general flow."""
    flow, form = Field.of(potential, domain, boundary), OneLayer.of(potential)
    settings = Settings(t_max, tolerance, tolerance, 10_000)
    limits = Limits(t_max, tolerance, tolerance, 10_000)
    compiled = follow_rows(flow, form, domain, starts, settings, True)
    return compiled, [Orbit(flow, start, limits, keep=True).run() for start in starts]


@pytest.mark.parametrize("name", ["margin", "log-odds", "log-density"])
@pytest.mark.parametrize("boundary", ["project", "exit", "whole"])
def test_rows_are_those_of_the_general_flow(name, boundary):
    for seed, widths in enumerate(((2, 9, 3), (3, 8, 4))):
        rng = np.random.default_rng(seed)
        potential = POTENTIALS[name](random_network(widths, rng, ("relu", "leaky_relu")[seed]))
        domain = sx.WholeSpace(widths[0]) if boundary == "whole" else sx.Box.cube(widths[0], -1, 1)
        starts = rng.uniform(-1, 1, (6, widths[0]))
        side = "exit" if boundary == "exit" else "project"
        for row, orbit in zip(*both(potential, domain, side, starts, 2.0), strict=True):
            assert row.reason == orbit.reason
            assert np.abs(row.x - orbit.x).max() < 1e-6
            if row.reason != "sink" or name == "margin":
                assert abs(row.time - orbit.time) < 1e-6
            if name == "margin":
                assert row.n_events == orbit.n_events
                assert np.abs(row.path[1] - orbit.path[1]).max() < 1e-12
                assert np.abs(row.path[0] - orbit.path[0]).max() < 1e-12


@pytest.mark.parametrize("kind", ["no bias", "quantised", "repeated", "opposite"])
def test_corners_where_creases_meet_are_what_the_general_flow_says_of_them(kind):
    for seed in range(2):
        rng = np.random.default_rng(seed)
        potential = sx.margin(degenerate_network(kind, (2, 6, 3), rng), 0, 1)
        arena = Arena.of(potential, sx.Box.cube(2, -1, 1), "project")
        starts = np.vstack([np.zeros((1, 2)), rng.uniform(-1, 1, (5, 2))])
        one = event_flow.to_rest(arena, OneLayer.of(potential), starts)
        other = general_flow.to_rest(arena, starts)
        # the compiled flow leaves it to the search to say whether a point of rest is a strict maximum
        assert one.reason == tuple(reason.replace("at rest, no strict maximum", "sink") for reason in other.reason)
        assert np.abs(one.points - other.points).max() < 1e-9


def test_a_start_on_a_vertex_is_judged_alike_by_sinks_and_by_trajectories():
    alike = 0
    for seed in range(4):
        net = degenerate_network("no bias", (2, 6, 2), np.random.default_rng(seed))
        flow = sx.GradientFlow(sx.margin(net, 0, 1), sx.Box.cube(2, -1, 1))
        ends = event_flow.to_rest(flow.arena, OneLayer.of(flow.potential), np.zeros((1, 2)))
        followed = flow.trajectories(np.zeros((1, 2)), 1e3)
        assert ("not unique" in ends.reason[0]) == ("not unique" in followed.reason[0])
        if followed.reason[0] == ends.reason[0]:
            assert np.abs(followed.end - ends.points).max() < 1e-12
            alike += 1
    assert alike >= 2


def test_an_orbit_that_slides_into_a_vertex_does_not_leave_it_by_rounding():
    # f = 3 x - 8 |y - x / 3| + |x| + |y| / 4 + |x - y|: the ridge y = x / 3 leads to 0, where valleys meet it
    normals = np.array([[1.0, 0.0], [-1 / 3, 1.0], [1.0, 0.0], [0.0, 1.0], [1.0, -1.0]])
    weight = np.vstack([normals, -normals])
    out = np.array([3.0, -8.0, 1.0, 0.25, 1.0, -3.0, -8.0, 1.0, 0.25, 1.0])
    potential = margin_of(weight, np.zeros(10), out)
    arena = Arena.of(potential, sx.Box.cube(2, -1, 1), "project")
    starts = np.random.default_rng(0).uniform(-1, -0.2, (20, 2))
    ends = event_flow.to_rest(arena, OneLayer.of(potential), starts)
    exact = general_flow.to_rest(arena, starts)
    assert ends.reason == exact.reason
    assert np.abs(ends.points - exact.points).max() < 1e-9


def test_a_curved_move_that_turns_before_a_face_ends_on_the_face_that_it_met():
    rng = np.random.default_rng(7)
    weight, bias, out = rng.normal(size=(8, 2)), 0.5 * rng.normal(size=8), rng.normal(size=(3, 8))
    bias[:4] = -100.0
    potential = sx.log_odds(sx.Network.from_arrays([weight, out], [bias, np.zeros(3)]), 0)
    box = sx.Box.cube(2, -1, 1)
    kernel = kernel_rows.Kernel.of(OneLayer.of(potential), Bounds.of(box), None)
    starts = box.uniform(40, np.random.default_rng(3))
    rows = kernel.run(starts, None, kernel_rows.RowLimits(10_000), keep=True)
    for _, points in rows.paths:
        assert (np.diff(potential.value(points)) > -1e-9).all()


def test_paths_longer_than_the_room_for_them_are_kept_whole(monkeypatch):
    potential = sx.margin(random_network((2, 20, 2), np.random.default_rng(1)), 0, 1)
    flow = sx.GradientFlow(potential, sx.Box.cube(2, -1, 1))
    starts = np.random.default_rng(0).uniform(-1, 1, (30, 2))
    wide = flow.trajectories(starts, 5.0)
    monkeypatch.setattr(kernel_rows, "FIRST_TRACE", 3)
    narrow = flow.trajectories(starts, 5.0)
    for i in range(30):
        assert all(np.array_equal(a, b) for a, b in zip(wide.path(i), narrow.path(i), strict=True))
        assert wide.path(i)[0][-1] == wide.time[i] and (wide.path(i)[1][-1] == wide.end[i]).all()
    bare = flow.trajectories(starts, 5.0, keep_paths=False)
    assert bare.paths == () and (bare.end == wide.end).all() and bare.reason == wide.reason
