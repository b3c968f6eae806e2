"""Trajectories against exact solutions and a fine reference; faces met and left; what ends a row, and what does not."""

from collections import Counter

import numpy as np
import pytest
import scipy.linalg
from threadpoolctl import threadpool_limits

import separatrix as sx
from separatrix.flow.free.free_flow import FreeField
from separatrix.flow.free.row_space import RowSpace
from tests.flow import known, reference
from tests.oracles.blueprints import random_mlp

CUBE = sx.Box.cube(2, -2, 2)
REASONS = {"sink", "time", "left the box", "budget"}


def flow(f, domain=CUBE, boundary="project"):
    return sx.GradientFlow(f, domain, boundary)


def assert_is_sound(f, domain, found, starts, t_max):
    """Bookkeeping: reasons, times, paths that rise, stay in the box, start and end where they should."""
    n = len(starts)
    assert found.end.shape == (n, f.dim) and found.time.shape == (n,) and found.n_evaluations.shape == (n,)
    assert len(found.reason) == n and set(found.reason) <= REASONS
    assert sum(Counter(found.reason).values()) == n
    assert (found.time >= 0).all() and (found.time <= t_max).all()
    assert (found.time[np.array(found.reason) == "time"] == t_max).all()
    assert (found.n_evaluations > 0).all()
    for row in range(n):
        times, points = found.path(row)
        assert times.shape == (len(points),) and (np.diff(times) >= 0).all()
        assert times[0] == 0 and times[-1] == found.time[row]
        np.testing.assert_array_equal(points[0], starts[row])
        np.testing.assert_allclose(points[-1], found.end[row], rtol=1e-14, atol=1e-14)
        if isinstance(domain, sx.Box):
            assert domain.contains(points).all()
        values = f.value(points)
        tolerance = found.provenance.tolerances["atol"] + found.provenance.tolerances["rtol"]
        slack = tolerance * 10 * (1 + np.abs(f.gradient(points)).max()) + 1e-13 * np.abs(values).max()
        assert (np.diff(values) >= -slack).all(), np.diff(values).min()


# -- exact solutions


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-7, 1e-9])
def test_quadratics_on_a_box_by_exponentials(tolerance):
    """Coordinates are independent: x_i(t) = c_i + (x_i - c_i) exp(lam_i t), and stays at the side that it reaches."""
    lam, c = np.array([-1.0, 0.8, -0.3, 1.5]), np.array([0.5, 0.2, 1.8, -0.4])
    f, box = known.Quadratic(np.diag(lam), c), sx.Box([-1, -1, -1, -1], [1, 1, 1, 1])
    starts = box.uniform(12, np.random.default_rng(0))
    for t_max in (0.3, 2.0):
        found = flow(f, box).trajectories(starts, t_max, rtol=tolerance, atol=tolerance)
        exact = np.clip(c + (starts - c) * np.exp(lam * t_max), -1, 1)
        timed = np.array(found.reason) == "time"
        assert timed.all()
        np.testing.assert_allclose(found.end, exact, rtol=0, atol=20 * tolerance)
        np.testing.assert_array_equal(found.end[np.abs(exact) == 1], exact[np.abs(exact) == 1])
        assert_is_sound(f, box, found, starts, t_max)


def test_the_time_at_which_a_face_is_met_is_located():
    """x' = x - c: the path has the event among its points, the coordinate exactly on the side."""
    f = known.Quadratic(np.diag([1.0, -1.0]), [-0.5, 0.0])
    found = flow(f, sx.Box.cube(2, -1, 1)).trajectories([[0.0, 0.7], [0.5, -0.3]], 3.0, rtol=1e-9, atol=1e-9)
    for row, start in enumerate((0.0, 0.5)):
        times, points = found.path(row)
        first = int(np.flatnonzero(points[:, 0] == 1.0)[0])
        assert abs(times[first] - np.log(1.5 / (start + 0.5))) < 1e-7
        assert (points[:first, 0] < 1).all() and (points[first:, 0] == 1).all()


@pytest.mark.parametrize("seed", range(3))
def test_quadratics_on_the_whole_space_by_the_matrix_exponential(seed):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((4, 4))
    f = known.Quadratic(0.5 * (a + a.T), rng.standard_normal(4))
    starts = rng.standard_normal((5, 4))
    found = flow(f, sx.WholeSpace(4)).trajectories(starts, 1.5, rtol=1e-9, atol=1e-9)
    exact = f.center + (starts - f.center) @ scipy.linalg.expm(1.5 * f.matrix)
    np.testing.assert_allclose(found.end, exact, rtol=1e-7, atol=1e-7)
    assert set(found.reason) == {"time"}
    assert_is_sound(f, sx.WholeSpace(4), found, starts, 1.5)


def pushed_and_released():
    """f = x + y - x y: x' = 1 - y, y' = 1 - x, so that x is pushed up while y < 1 and down after."""
    return known.Formula(lambda x, y: x + y - x * y, 2, "pushed and released")


def exact_pushed_and_released(start, wall, t):
    """(point at time t, time of contact, time of release) with the side x <= ``wall``; u + v and u - v decouple."""

    def free(u, v, s):
        p, q = (u + v) * np.exp(-s), (u - v) * np.exp(s)
        return np.array([1 + 0.5 * (p + q), 1 + 0.5 * (p - q)])

    from scipy.optimize import brentq

    u, v = start[0] - 1, start[1] - 1
    top = 0.5 * np.log((u + v) / (u - v))
    assert free(u, v, top)[0] > wall
    contact = brentq(lambda s: free(u, v, s)[0] - wall, 0, top, xtol=1e-15)
    y = free(u, v, contact)[1]
    release = contact + (1 - y) / (1 - wall)
    if t < contact:
        return free(u, v, t), contact, release
    if t < release:
        return np.array([wall, y + (1 - wall) * (t - contact)]), contact, release
    return free(wall - 1, 0.0, t - release), contact, release


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("depth", [0.1, 1e-2, 1e-3, 1e-4])
def test_a_face_is_met_and_left(tolerance, depth):
    """The free orbit would pass the side by ``depth``, for a time of about 2 sqrt(depth), less than a step."""
    start = np.array([-1.0, 0.0])
    wall = 1 - np.sqrt(3.0) - depth
    f, box = pushed_and_released(), sx.Box([-3, -3], [wall, 5])
    for t in (0.3, 0.55, 0.8, 1.5):
        exact, contact, release = exact_pushed_and_released(start, wall, t)
        found = flow(f, box).trajectories([start], t, rtol=tolerance, atol=tolerance)
        np.testing.assert_allclose(found.end[0], exact, rtol=0, atol=100 * tolerance)
        if contact + 10 * tolerance < t < release - 10 * tolerance and depth > 100 * tolerance:
            assert found.end[0, 0] == wall


@pytest.mark.parametrize("tolerance", [1e-4, 1e-6, 1e-8])
@pytest.mark.parametrize("dip", [0.25, 1e-2, 1e-3])
def test_a_face_is_left_for_a_moment(tolerance, dip):
    """x is held at 0 but for |y - 1/2| < sqrt(dip), where it dips by 4/3 dip^1.5 and comes back."""
    f = known.Formula(lambda x, y: x * ((y - 0.5).square() - dip) + y, 2)
    box = sx.Box([-1, -2], [0, 5])
    for t in (0.5, 0.5 + np.sqrt(dip), 1.3):
        found = flow(f, box).trajectories([[0.0, 0.0]], t, rtol=tolerance, atol=tolerance)
        _, exact, _, _ = reference.solve(reference.gradient_of(f), box, [0.0, 0.0], t)
        np.testing.assert_allclose(found.end[0], exact, rtol=0, atol=100 * tolerance)


# -- against the reference


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus", "gelu"])
@pytest.mark.parametrize("dim", [2, 3, 5])
def test_random_networks_against_the_reference(dim, activation):
    """Boxes that cut the field: faces are met in most cases, and left in many."""
    rng = np.random.default_rng(20 + dim)
    blueprint = random_mlp(rng, (dim, 8, 3), activation, scale=3.0)
    f, box = blueprint.library_potential("log_odds", 0), sx.Box.cube(dim, -0.5, 0.5)
    starts = np.concatenate([box.uniform(3, rng), np.where(rng.random((1, dim)) < 0.5, -0.5, box.uniform(1, rng))])
    events = 0
    for tolerance, t_max in ((1e-6, 3.0), (1e-9, 1.0)):
        found = flow(f, box).trajectories(starts, t_max, rtol=tolerance, atol=tolerance)
        assert_is_sound(f, box, found, starts, t_max)
        for row, start in enumerate(starts):
            _, exact, count, _ = reference.solve(reference.gradient_of(f), box, start, t_max, pieces=40)
            events += count
            np.testing.assert_allclose(found.end[row], exact, rtol=0, atol=100 * tolerance, err_msg=f"row {row}")
    assert events > 0 or dim == 2


@pytest.mark.parametrize("seed", range(4))
def test_winding_quadratics_on_a_box_against_the_reference(seed):
    """Indefinite quadratics on narrow boxes run along faces, leave them and meet others."""
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((3, 3))
    f = known.Quadratic(a + a.T - np.eye(3), rng.uniform(-1, 1, 3))
    box = sx.Box(-rng.uniform(0.2, 1.0, 3), rng.uniform(0.2, 1.0, 3))
    starts = box.uniform(6, rng)
    found = flow(f, box).trajectories(starts, 2.0, rtol=1e-8, atol=1e-8)
    for row, start in enumerate(starts):
        _, exact, _, _ = reference.solve(reference.gradient_of(f), box, start, 2.0)
        np.testing.assert_allclose(found.end[row], exact, rtol=0, atol=1e-6)


def test_the_error_falls_with_the_tolerance():
    rng = np.random.default_rng(5)
    f = random_mlp(rng, (3, 8, 3), "tanh", scale=3.0).library_potential("log_density")
    box, start = sx.Box.cube(3, -1, 1), np.array([0.1, -0.2, 0.3])
    _, exact, _, _ = reference.solve(reference.gradient_of(f), box, start, 1.0)
    errors = [
        np.abs(flow(f, box).trajectories([start], 1.0, rtol=t, atol=t).end[0] - exact).max()
        for t in (1e-3, 1e-5, 1e-7, 1e-9)
    ]
    assert errors[0] < 1e-2 and errors[1] < 1e-4 and errors[2] < 1e-6 and errors[3] < 1e-8


def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(2)
    f = random_mlp(rng, (3, 10, 4), "tanh", scale=3.0).library_potential("log_odds", 2)
    box = sx.Box.cube(3, -1, 1)
    starts = box.uniform(9, rng)
    together = flow(f, box).trajectories(starts, 2.0)
    for row in range(9):
        alone = flow(f, box).trajectories(starts[row], 2.0)
        np.testing.assert_allclose(alone.end[0], together.end[row], rtol=0, atol=1e-9)
        assert alone.reason[0] == together.reason[row]
        assert abs(alone.n_evaluations[0] - together.n_evaluations[row]) <= 6
    shuffled = flow(f, box).trajectories(starts[::-1], 2.0)
    np.testing.assert_allclose(shuffled.end[::-1], together.end, rtol=0, atol=1e-9)


def test_the_number_of_threads_changes_no_bit():
    f, box = sx.log_density(sx.data.network("mnist-deep-tanh")), sx.Box.cube(784, 0, 1)
    starts = box.uniform(32, np.random.default_rng(0))
    ends = []
    for threads in (1, 2):
        with threadpool_limits(threads):
            ends.append(flow(f, box).trajectories(starts, 0.5).end)
    np.testing.assert_array_equal(*ends)


# -- starts on faces and corners


def test_starts_on_faces_and_corners():
    """Outward stays, inward leaves, and along the face it moves."""
    f, box = known.double_well(), sx.Box([-1.5, -0.5], [0.5, 0.5])
    starts = np.array([[0.5, 0.5], [0.5, -0.5], [-1.5, 0.5], [-1.5, 0.0], [0.0, 0.5], [0.5, 0.0], [-1.0, -0.5]])
    found = flow(f, box).trajectories(starts, 1.0, rtol=1e-8, atol=1e-8)
    for row, start in enumerate(starts):
        _, exact, _, _ = reference.solve(reference.gradient_of(f), box, start, found.time[row])
        np.testing.assert_allclose(found.end[row], exact, rtol=0, atol=1e-6)
    assert (found.end[[0, 1, 5], 0] == 0.5).all()
    assert_is_sound(f, box, found, starts, 1.0)


def test_a_vertex_that_is_a_sink_holds_its_start():
    found = flow(known.linear([1.0, -2.0])).trajectories([[2.0, -2.0], [0.0, 0.0], [-2.0, 2.0]], 100.0)
    np.testing.assert_array_equal(found.end, [[2.0, -2.0]] * 3)
    assert found.reason == ("sink",) * 3 and (found.time < 100).all()


def test_a_start_on_an_equilibrium_stays():
    for f, point in ((known.double_well(), [0.0, 0.0]), (known.ring(), [1.0, 0.0]), (known.plateau(), [1.9, 1.9])):
        found = flow(f).trajectories([point], 5.0)
        np.testing.assert_array_equal(found.end, [point])
        assert found.reason == ("time",), f.name


# -- boundary="exit"


def test_exit_ends_on_the_face_at_the_located_time():
    """x' = x, y' = -y: the side x = +-1 is met at time log(1 / |x|)."""
    f, box = known.Quadratic(np.diag([1.0, -1.0]), [0.0, 0.0]), sx.Box.cube(2, -1, 1)
    starts = np.array([[0.5, 0.5], [-0.1, 0.9], [1e-3, -1.0], [0.99, 0.0]])
    for tolerance in (1e-6, 1e-9):
        found = flow(f, box, "exit").trajectories(starts, 20.0, rtol=tolerance, atol=tolerance)
        assert found.reason == ("left the box",) * 4
        np.testing.assert_array_equal(found.end[:, 0], np.sign(starts[:, 0]))
        # a relative error of the tolerance in x is one of the tolerance in time
        np.testing.assert_allclose(found.time, -np.log(np.abs(starts[:, 0])), rtol=0, atol=1000 * tolerance)
        np.testing.assert_allclose(found.end[:, 1], starts[:, 1] * np.abs(starts[:, 0]), rtol=0, atol=100 * tolerance)
        assert_is_sound(f, box, found, starts, 20.0)


def test_exit_from_a_face():
    """Outward at the start: it leaves at time 0; inward: it comes in; along the side: it stays."""
    f, box = known.Quadratic(np.diag([1.0, -1.0]), [0.0, 0.0]), sx.Box.cube(2, -1, 1)
    found = flow(f, box, "exit").trajectories(
        [[1.0, 0.5], [1.0, 1.0], [0.0, 1.0], [0.2, -1.0]], 1.0, rtol=1e-8, atol=1e-8
    )
    assert found.reason == ("left the box", "left the box", "time", "time")
    np.testing.assert_array_equal(found.end[:2], [[1.0, 0.5], [1.0, 1.0]])
    assert (found.time[:2] == 0).all()
    np.testing.assert_allclose(found.end[2:], [[0.0, np.exp(-1.0)], [0.2 * np.e, -np.exp(-1.0)]], atol=1e-6)


@pytest.mark.parametrize("depth", [1e-2, 1e-4])
def test_exit_sees_an_orbit_that_would_come_back(depth):
    """The free orbit passes the side for less than a step: it has left all the same."""
    start, wall = np.array([-1.0, 0.0]), 1 - np.sqrt(3.0) - depth
    _, contact, _ = exact_pushed_and_released(start, wall, 0.0)
    found = flow(pushed_and_released(), sx.Box([-3, -3], [wall, 5]), "exit").trajectories([start], 1.0)
    assert found.reason == ("left the box",) and found.end[0, 0] == wall
    # the side is met at an angle of sqrt(depth)
    assert abs(found.time[0] - contact) < 1e-4 / np.sqrt(depth)


def test_exit_of_random_networks_against_the_reference():
    rng = np.random.default_rng(9)
    f = random_mlp(rng, (3, 8, 3), "tanh", scale=3.0).library_potential("log_odds", 1)
    box = sx.Box.cube(3, -1, 1)
    starts = box.uniform(8, rng)
    found = flow(f, box, "exit").trajectories(starts, 5.0, rtol=1e-8, atol=1e-8)
    assert "left the box" in found.reason
    for row, start in enumerate(starts):
        t, exact, _, left = reference.solve(reference.gradient_of(f), box, start, 5.0, "exit")
        assert left == (found.reason[row] == "left the box")
        if left:
            assert abs(found.time[row] - t) < 1e-5 and np.isin(np.abs(found.end[row]), 1.0).any()
            np.testing.assert_allclose(found.end[row], exact, rtol=0, atol=1e-6)


# -- the whole space and its reduction


def wide_network(seed=0, widths=(6, 3, 4), activation="tanh"):
    return random_mlp(np.random.default_rng(seed), widths, activation, scale=2.0)


@pytest.mark.parametrize("case", [("log_odds", 1), ("log_density",), ("class_probability", 0)])
@pytest.mark.parametrize("widths", [(6, 3, 4), (5, 4, 3, 3)])
def test_the_reduction_to_the_row_space_is_the_flow(case, widths, monkeypatch):
    blueprint = wide_network(widths=widths)
    f = blueprint.library_potential(*case)
    starts = np.random.default_rng(1).standard_normal((5, f.dim))
    reduction = RowSpace.of(f)
    assert reduction is not None and reduction.basis.shape == (f.dim, widths[1])
    reduced = flow(f, sx.WholeSpace(f.dim)).trajectories(starts, 2.0, rtol=1e-9, atol=1e-9)
    for row, start in enumerate(starts):
        _, exact, _, _ = reference.solve(reference.gradient_of(f), None, start, 2.0)
        np.testing.assert_allclose(reduced.end[row], exact, rtol=0, atol=1e-7)
    weight = blueprint.nodes[0][2]
    kernel = scipy.linalg.null_space(weight)
    assert kernel.shape[1] == f.dim - widths[1]
    for row in range(5):
        moved = reduced.path(row)[1] - starts[row]
        assert np.abs(moved @ kernel).max() < 1e-14 * (1 + np.abs(moved).max()) * f.dim
    assert_is_sound(f, sx.WholeSpace(f.dim), reduced, starts, 2.0)
    monkeypatch.setattr(FreeField, "of", classmethod(lambda cls, potential: None))
    in_basis = flow(f, sx.WholeSpace(f.dim)).trajectories(starts, 2.0, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(in_basis.end, reduced.end, rtol=0, atol=1e-7)
    monkeypatch.setattr(RowSpace, "of", classmethod(lambda cls, potential: None))
    whole = flow(f, sx.WholeSpace(f.dim)).trajectories(starts, 2.0, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(whole.end, reduced.end, rtol=0, atol=1e-7)


def test_the_reduction_of_a_first_layer_without_full_rank():
    rng = np.random.default_rng(3)
    first = rng.standard_normal((3, 1)) @ rng.standard_normal((1, 6))
    net = sx.Network.from_arrays([first, rng.standard_normal((2, 3))], [rng.standard_normal(3), np.zeros(2)], "tanh")
    f = sx.log_odds(net, 0)
    reduction = RowSpace.of(f)
    assert reduction is not None and reduction.basis.shape == (6, 1)
    start = rng.standard_normal(6)
    found = flow(f, sx.WholeSpace(6)).trajectories([start], 1.0, rtol=1e-9, atol=1e-9)
    _, exact, _, _ = reference.solve(reference.gradient_of(f), None, start, 1.0)
    np.testing.assert_allclose(found.end[0], exact, atol=1e-7)
    zero = sx.Network.from_arrays([np.zeros((3, 6)), np.ones((2, 3))], [np.ones(3), np.zeros(2)], "tanh")
    still = flow(sx.log_odds(zero, 0), sx.WholeSpace(6)).trajectories([start], 1.0)
    np.testing.assert_array_equal(still.end[0], start)


@pytest.mark.parametrize("domain", [sx.WholeSpace(3), sx.Box.cube(3, -1, 1)])
def test_probability_and_log_odds_have_the_same_orbits(domain):
    """dt_l = p (1 - p) dt_p: the p_k flow at time t is the l_k flow at the integral of p (1 - p)."""
    rng = np.random.default_rng(4)
    blueprint = random_mlp(rng, (3, 8, 3), "tanh", scale=2.0)
    p, odds = blueprint.library_potential("class_probability", 1), blueprint.library_potential("log_odds", 1)
    starts = rng.uniform(-0.9, 0.9, (4, 3))
    box = domain if isinstance(domain, sx.Box) else None
    slow = flow(p, domain).trajectories(starts, 6.0, rtol=1e-10, atol=1e-10)
    for row, start in enumerate(starts):
        assert slow.reason[row] == "time"
        clock = lambda y: np.append(p.gradient(y[None, :3])[0], p.value(y[None, :3])[0] * (1 - p.value(y[None, :3])[0]))  # noqa: E731
        wide = None if box is None else sx.Box(np.append(box.lower, -1.0), np.append(box.upper, 100.0))
        _, both, _, _ = reference.solve(clock, wide, np.append(start, 0.0), 6.0)
        fast = flow(odds, domain).trajectories([start], float(both[3]), rtol=1e-10, atol=1e-10)
        np.testing.assert_allclose(fast.end[0], slow.end[row], rtol=0, atol=1e-7)


# -- what a row ends with


def test_rows_that_reach_a_sink_say_so():
    found = flow(known.double_well()).trajectories([[0.3, 0.5], [-0.2, -1.0], [2.0, 2.0]], 1000.0)
    assert found.reason == ("sink",) * 3 and (found.time < 100).all()
    np.testing.assert_allclose(found.end, [[1, 0], [-1, 0], [1, 0]], atol=2e-5)


@pytest.mark.parametrize("scale", [1e-9, 1e-3, 1e3, 1e6])
def test_rest_does_not_depend_on_the_unit_of_f(scale):
    """A stiff sink is jumped about by the tolerance, with a speed that is never small; a faint one is crept up to."""
    f = known.Formula(lambda x, y: scale * (-(x.square() - 1.0).square() - y.square()), 2)
    found = flow(f).trajectories([[0.3, 0.5], [-0.2, -1.0]], 1000.0 / scale)
    assert found.reason == ("sink", "sink") and (found.time * scale < 100).all()
    np.testing.assert_allclose(found.end, [[1, 0], [-1, 0]], atol=2e-5)


def test_sinks_on_faces_are_reached():
    f, box = known.double_well(), sx.Box([-0.5, 0.25], [0.5, 1.0])
    found = flow(f, box).trajectories([[0.3, 0.5], [-0.2, 0.9]], 1000.0)
    assert found.reason == ("sink", "sink")
    np.testing.assert_array_equal(found.end, [[0.5, 0.25], [-0.5, 0.25]])


def test_stop_ends_rows_in_the_region_of_a_known_sink():
    run = flow(known.double_well())
    sinks = run.sinks([[0.5, 0.5], [-0.5, 0.5]])
    found = run.trajectories([[0.3, 0.5], [-0.2, -1.0]], 1000.0, stop=sinks)
    assert found.reason == ("sink", "sink")
    for row, end in enumerate(found.end):
        assert np.abs(sinks.points - end).max(axis=1).min() < 1e-4, row


def test_stop_at_saddles_is_not_a_sink():
    """A list with a saddle in it: rows that pass the saddle go on."""
    import dataclasses

    run = flow(known.double_well())
    sinks = run.sinks([[0.5, 0.5]])
    saddle = dataclasses.replace(
        sinks, points=np.zeros((1, 2)), indices=np.array([1]), active=np.zeros((1, 2), dtype=np.int8)
    )
    found = run.trajectories([[0.0, 1.0], [1e-9, 1.0]], 4.0, stop=saddle)
    assert "sink" not in found.reason


def test_a_small_budget_is_a_reason():
    found = flow(known.double_well()).trajectories([[0.01, 1.5], [0.3, 0.5]], 1000.0, max_steps=3)
    assert found.reason == ("budget", "budget") and (found.time < 1000).all()
    assert (found.n_evaluations <= 3 * 6 + 1 + 3).all()


def test_time_is_reached_exactly():
    for t_max in (1e-9, 0.1, 1 / 3, 7.0):
        found = flow(known.double_well()).trajectories([[0.1, 0.5]], t_max)
        assert found.time[0] == t_max and found.reason == ("time",)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6, 1e-8])
def test_a_plateau_is_no_sink(tolerance):
    """Saturation looks like rest: gradient and Hessian vanish together, and Newton steps stay as long as they are."""
    for steepness in (2.0, 40.0):
        found = flow(known.plateau(steepness)).trajectories(
            [[0.1, 0.1], [1.5, 1.0], [0.0, 1.0]], 1e4, rtol=tolerance, atol=tolerance
        )
        on_vertex = (np.abs(found.end) == 2.0).all(axis=1)
        assert all(vertex or reason != "sink" for vertex, reason in zip(on_vertex, found.reason, strict=True)), (
            found.end
        )
    net = sx.Network.from_arrays([[[20.0, 0.0], [0.0, 20.0]], [[4.0, 4.0], [-4.0, -4.0]]], [[0, 0], [0, 0]], "tanh")
    for f in (sx.class_probability(net, 0), sx.log_odds(net, 0)):
        for domain in (sx.WholeSpace(2), sx.Box.cube(2, -50, 50)):
            found = flow(f, domain).trajectories(
                [[0.1, 0.1], [0.5, 0.3], [1.5, 0.01]], 1e6, rtol=tolerance, atol=tolerance
            )
            assert "sink" not in found.reason, (f.name, domain, found.end)


@pytest.mark.parametrize("tolerance", [1e-2, 1e-4, 1e-6])
def test_a_slow_passage_is_no_sink(tolerance):
    """Near a saddle, at a degenerate saddle, and through a passage that is nearly an equilibrium."""
    cases = [
        (known.double_well(), [[1e-12, 1.0], [0.0, 1.0]], 10.0, 0.9),
        (known.Formula(lambda x, y: x * x.square() - y.square(), 2), [[-1.0, 0.5], [-1e-4, 0.0]], 1e7, 1.9),
        (known.Formula(lambda x, y: x * x.square() + 1e-11 * x - y.square(), 2), [[-1.0, 0.5], [-1e-5, 0.0]], 1e5, 1.9),
        (known.Formula(lambda x, y: x * x.square() - 3.0 * (x * y.square()), 2), [[-1.0, 0.0], [-1e-3, 0.0]], 1e7, 1.9),
        (known.ring(), [[0.5, 0.5], [1.5, 0.1]], 1e3, 9.0),
    ]
    for f, starts, t_max, arrived in cases:
        found = flow(f).trajectories(starts, t_max, rtol=tolerance, atol=tolerance, max_steps=500)
        for end, reason in zip(found.end, found.reason, strict=True):
            assert reason != "sink" or np.abs(end).max() >= arrived, (f.name, end)


# -- input


def test_no_rows():
    for domain, boundary in ((CUBE, "project"), (CUBE, "exit"), (sx.WholeSpace(2), "project")):
        found = flow(known.double_well(), domain, boundary).trajectories(np.zeros((0, 2)), 1.0)
        assert (
            found.end.shape == (0, 2)
            and found.time.shape == (0,)
            and found.reason == ()
            and found.n_evaluations.shape == (0,)
        )
        assert len(found.to_dataframe()) == 0 and "none" in repr(found)
    net = wide_network().network()
    assert flow(sx.log_odds(net, 0), sx.WholeSpace(6)).trajectories(np.zeros((0, 6)), 1.0).end.shape == (0, 6)


@pytest.mark.parametrize(
    "bad",
    [
        {"t_max": 0.0},
        {"t_max": -1.0},
        {"t_max": np.inf},
        {"t_max": np.nan},
        {"t_max": "1"},
        {"rtol": 0.0},
        {"atol": -1e-6},
        {"max_steps": 0},
        {"max_steps": -3},
    ],
)
def test_bad_numbers_are_errors_of_ours(bad):
    with pytest.raises(sx.InputError):
        flow(known.double_well()).trajectories([[0.0, 0.5]], **{"t_max": 1.0, **bad})


@pytest.mark.parametrize("bad", [[[0.0, 3.0]], [[np.nan, 0.0]], [[np.inf, 0.0]], [[1.0, 2.0, 3.0]], "x", [[None, 1]]])
def test_bad_starts_are_errors_of_ours(bad):
    with pytest.raises((sx.InputError, sx.KindError)):
        flow(known.double_well()).trajectories(bad, 1.0)


def test_bad_flows_are_errors_of_ours():
    with pytest.raises(sx.KindError):
        sx.GradientFlow("f", CUBE)
    with pytest.raises(sx.InputError):
        sx.GradientFlow(known.double_well(), CUBE, "periodic")
    with pytest.raises(sx.InputError):
        sx.GradientFlow(known.double_well(), sx.Box.cube(3, 0, 1))
    with pytest.raises(sx.KindError):
        sx.GradientFlow(known.double_well(), "box")
    net = sx.Network.from_arrays([np.eye(2)] * 3, [np.zeros(2)] * 3, ["relu", "tanh"])
    with pytest.raises(sx.InputError, match="piecewise linear"):
        sx.GradientFlow(sx.log_odds(net, 0), CUBE)


def test_paths_that_were_not_kept_are_an_error():
    found = flow(known.double_well()).trajectories([[0.1, 0.2]], 1.0, keep_paths=False)
    with pytest.raises(sx.InputError, match="keep_paths"):
        found.path(0)


def test_starts_are_left_as_they_were():
    starts = np.array([[0.1, 0.2], [2.0, 2.0]])
    before = starts.copy()
    flow(known.double_well()).trajectories(starts, 3.0)
    np.testing.assert_array_equal(starts, before)
