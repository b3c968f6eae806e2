"""The event-driven flow of one hidden layer: known polygons, a smoothed network's fine integration, degenerate networks."""

from collections import Counter

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.special import expit, softmax

import separatrix as sx
from separatrix.flow.piecewise_linear.one_layer import OneLayer
from separatrix.flow.piecewise_linear.rest import to_rest
from separatrix.flow.projection import Arena

REASONS = {
    "sink",
    "budget",
    "left the box",
    "at infinity: no crease ahead, f rises forever along the ray",
    "ran off towards infinity (beyond 10000)",
    "starts on a repelling crease: the orbit is not unique",
    "meets a repelling crease: the orbit is not unique",
    "at rest, no strict maximum",
    "at infinity: no crease is ahead on a ray along which f rises",
    "at infinity: beyond 10000",
}


def random_net(seed, n, m, classes):
    rng = np.random.default_rng(seed)
    weights = [rng.normal(size=(m, n)), rng.normal(size=(classes, m))]
    return sx.Network.from_arrays(weights, [0.5 * rng.normal(size=m), rng.normal(size=classes)])


def potential_of(kind, net):
    return {"margin": lambda: sx.margin(net, 0, 1), "density": lambda: sx.log_density(net)}.get(
        kind, lambda: sx.log_odds(net, 0)
    )()


def rest(f, domain, starts, boundary="project", **options):
    return to_rest(Arena.of(f, domain, boundary), np.asarray(starts, dtype=float), **options)


def one_margin(weight, bias, output):
    """A network whose margin of class 0 over 1 is output . relu(weight x + bias)."""
    output = np.asarray(output, dtype=float)
    return sx.margin(sx.Network.from_arrays([weight, [output, 0 * output]], [bias, [0.0, 0.0]]), 0, 1)


# -- polygons known by hand


def test_two_ridges_are_slid_along_to_their_corner():
    # f = -|x| - 3 |y|: from (2, 1) straight to the ridge y = 0 at t = 1/3, along it to the corner at t = 2
    f = one_margin([[1, 0], [-1, 0], [0, 1], [0, -1]], [0, 0, 0, 0], [-1, -1, -3, -3])
    ends = rest(f, sx.WholeSpace(2), [[2.0, 1.0], [0.0, 0.0]])
    assert ends.reason == ("sink", "sink")
    np.testing.assert_allclose(ends.points, 0.0, atol=1e-15)
    np.testing.assert_allclose(ends.time, [2.0, 0.0], atol=1e-14)
    assert [c.tolist() for c in ends.creases] == [[0, 1, 2, 3]] * 2


def test_an_oblique_ridge_is_slid_along_with_the_least_norm_velocity():
    # f = y - 4 relu(y - x): on the ridge y = x the flow has velocity (1/2, 1/2) until the side x = 1
    f = one_margin([[0, 1], [0, -1], [-1, 1]], [0, 0, 0], [1, -1, -4])
    ends = rest(f, sx.Box.cube(2, -1, 1), [[0.0, -0.5]])
    np.testing.assert_allclose(ends.points, [[1.0, 1.0]], atol=1e-14)
    np.testing.assert_allclose(ends.time, [0.5 + 2.0], atol=1e-13)


def test_a_corner_of_a_ridge_and_a_face_takes_the_least_norm_in_one_step():
    # pull (1, 1/2) with the ridge x + y = 1 of strength 2 and the face x <= 1/2: rest at (1/2, 1/2)
    f = one_margin([[1, 0], [-1, 0], [0, 1], [0, -1], [1, 1]], [0, 0, 0, 0, -1], [1, -1, 0.5, -0.5, -2])
    ends = rest(f, sx.Box([-1.0, -1.0], [0.5, 1.0]), [[0.2, 0.1]])
    np.testing.assert_allclose(ends.points, [[0.5, 0.5]], atol=1e-14)
    assert ends.reason == ("sink",) and ends.creases[0].tolist() == [4]


def test_the_flow_leaves_or_runs_to_infinity_where_nothing_holds_it():
    f = one_margin([[1.0, 0.0], [-1.0, 0.0]], [0.0, 0.0], [1.0, -1.0])
    assert rest(f, sx.Box.cube(2, -1, 1), [[0.0, 0.5]], "exit").reason == ("left the box",)
    assert rest(f, sx.Box.cube(2, -1, 1), [[0.0, 0.5]], "exit").points.tolist() == [[1.0, 0.5]]
    assert rest(f, sx.WholeSpace(2), [[0.0, 0.5]]).reason[0].startswith("at infinity: no crease ahead")


def test_a_start_on_a_repelling_crease_is_not_decided():
    valley = one_margin([[1.0], [-1.0]], [0.0, 0.0], [1.0, 1.0])
    ends = rest(valley, sx.Box([-1.0], [2.0]), [[0.0], [1e-9], [-1e-9]])
    assert ends.reason[0] == "starts on a repelling crease: the orbit is not unique"
    assert ends.points.tolist() == [[0.0], [2.0], [-1.0]] and ends.time[0] == 0.0
    # a convex crease that the flow only crosses leaves no choice: slopes 1 and 3
    crossed = one_margin([[1.0], [-1.0]], [0.0, 0.0], [3.0, -1.0])
    assert rest(crossed, sx.Box([-1.0], [2.0]), [[0.0]]).points.tolist() == [[2.0]]


def test_times_along_a_polygon_are_exact():
    # slope 1 up to x = 0, 3 up to x = 1, rest there: a step of the roof
    f = one_margin([[1.0], [-1.0], [1.0]], [0.0, 0.0, -1.0], [3.0, -1.0, -5.0])
    ends = rest(f, sx.WholeSpace(1), [[-2.0]])
    assert ends.points.tolist() == [[1.0]]
    np.testing.assert_allclose(ends.time, [2.0 + 1.0 / 3.0], rtol=1e-14)


# -- against the smoothed network


def smoothed_end(form, start, half, t, beta=1e4, wall=3e5):
    """Where a fine integration of the network with softplus of sharpness beta, in a box with stiff walls, is at time t."""

    def speed(_, x):
        inside = np.clip(x, -half, half)
        u = form.weight @ inside + form.bias
        z = form.base @ inside + form.constant + form.output.T @ (np.logaddexp(0, beta * u) / beta)
        y = form.sign * (softmax(z) if z.size > 1 else np.ones(1))
        return form.base.T @ y + form.weight.T @ ((form.output @ y) * expit(beta * u)) - wall * (x - inside)

    return solve_ivp(speed, (0, t), start, method="LSODA", rtol=1e-8, atol=1e-10).y[:, -1]


@pytest.mark.parametrize(("kind", "classes"), [("margin", 2), ("density", 2), ("density", 3), ("odds", 4)])
def test_ends_are_those_of_a_fine_integration_of_the_smoothed_network(kind, classes):
    for seed in range(2):
        n = 2 + seed
        f = potential_of(kind, random_net(seed, n, 4 * n, classes))
        starts = np.random.default_rng(seed).uniform(-1.5, 1.5, (3, n))
        ends = rest(f, sx.Box.cube(n, -1.5, 1.5), starts)
        assert ends.reason == ("sink",) * 3
        for start, end, t in zip(starts, ends.points, ends.time, strict=True):
            np.testing.assert_allclose(smoothed_end(OneLayer.of(f), start, 1.5, 1.5 * t + 5), end, atol=5e-3)


# -- laws


@pytest.mark.parametrize("kind", ["margin", "density", "odds"])
@pytest.mark.parametrize("seed", range(4))
def test_every_row_ends_with_a_reason_and_higher_than_it_began(kind, seed):
    n = 1 + seed
    f = potential_of(kind, random_net(seed, n, 8, 3))
    box = sx.Box.cube(n, -1, 1)
    starts = box.uniform(60, np.random.default_rng(seed))
    for domain, boundary in ((box, "project"), (box, "exit"), (sx.WholeSpace(n), "project")):
        ends = rest(f, domain, starts, boundary)
        assert sum(Counter(ends.reason).values()) == 60 and set(ends.reason) <= REASONS
        assert (f.value(ends.points) >= f.value(starts) - 1e-9).all()
        if boundary == "project" and domain is box:
            assert set(ends.reason) == {"sink"} and box.contains(ends.points).all()


def test_the_edge_of_a_plateau_is_reached_and_left_at_rest():
    # f = -2 relu(x): beyond its only crease the gradient is exactly 0
    f = one_margin([[1.0, 0.0]], [0.0], [-2.0])
    ends = rest(f, sx.Box.cube(2, -1, 1), [[0.5, 0.25], [-0.5, 0.25]])
    assert ends.reason == ("sink", "sink") and ends.points.tolist() == [[0.0, 0.25], [-0.5, 0.25]]


def test_the_numbers_of_workers_and_rows_change_nothing():
    f = sx.log_density(random_net(5, 2, 12, 3))
    box = sx.Box.cube(2, -1, 1)
    starts = box.uniform(300, np.random.default_rng(0))
    whole = rest(f, box, starts)
    for other in (rest(f, box, starts, workers=2), rest(f, box, starts[200:])):
        np.testing.assert_array_equal(other.points, whole.points[-len(other.points) :])


def test_a_permutation_of_the_neurons_changes_their_numbers_only():
    net = random_net(2, 2, 10, 3)
    first, last = net.affine_layers
    order = np.random.default_rng(0).permutation(10)
    other = sx.Network.from_arrays([first.weight[order], last.weight[:, order]], [first.bias[order], last.bias])
    box = sx.Box.cube(2, -1, 1)
    starts = box.uniform(50, np.random.default_rng(1))
    one, two = (rest(sx.log_density(n), box, starts) for n in (net, other))
    np.testing.assert_allclose(one.points, two.points, atol=1e-9)
    assert [set(c) for c in one.creases] == [set(order[c]) for c in two.creases]


# -- degenerate networks


def degenerate(name, n=2, m=8, classes=3):
    rng = np.random.default_rng(7)
    w, b, v = rng.normal(size=(m, n)), 0.5 * rng.normal(size=m), rng.normal(size=(classes, m))
    if name == "duplicates":
        w, b, v = np.vstack([w, w]), np.concatenate([b, b]), np.hstack([v, v])
    if name == "negated":
        w, b, v = np.vstack([w, -2 * w]), np.concatenate([b, -2 * b]), np.hstack([v, v])
    if name == "zero biases":
        b = 0 * b
    if name == "quantised":
        w, b, v = np.round(w), np.round(2 * b) / 2, np.round(v)
    if name == "dead":
        b[:4] = -100.0
    if name == "all zero":
        w, v = 0 * w, 0 * v
    if name == "near duplicates":
        w, b, v = np.vstack([w, w * (1 + 1e-15)]), np.concatenate([b, b]), np.hstack([v, v])
    return sx.Network.from_arrays([w, v], [b, np.zeros(classes)])


NAMES = ["duplicates", "negated", "zero biases", "quantised", "dead", "all zero", "near duplicates"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["margin", "density", "odds"])
def test_degenerate_networks_end_with_a_reason(name, kind):
    f = potential_of(kind, degenerate(name, m=5 if name == "zero biases" else 8))  # all creases meet: dear to judge
    axis = np.linspace(-1, 1, 5)
    starts = np.array(np.meshgrid(axis, axis)).reshape(2, -1).T
    for domain in (sx.Box.cube(2, -1, 1), sx.WholeSpace(2)):
        ends = rest(f, domain, starts)
        assert set(ends.reason) <= REASONS
        assert (f.value(ends.points) >= f.value(starts) - 1e-9).all()


def test_duplicates_count_as_one_neuron_with_the_sum_of_their_outputs():
    net = random_net(4, 2, 8, 3)
    first, last = net.affine_layers
    twice = sx.Network.from_arrays(
        [np.vstack([first.weight, first.weight]), np.hstack([0.5 * last.weight, 0.5 * last.weight])],
        [np.concatenate([first.bias, first.bias]), last.bias],
    )
    box = sx.Box.cube(2, -1, 1)
    starts = box.uniform(60, np.random.default_rng(1))
    one, two = (rest(sx.log_density(n), box, starts) for n in (net, twice))
    np.testing.assert_allclose(one.points, two.points, atol=1e-9)
    assert [np.concatenate([c, c + 8]).tolist() for c in one.creases] == [c.tolist() for c in two.creases]


# -- the embedded network


def test_images_of_digits_come_to_rest_on_vertices_of_the_log_density():
    net, data = sx.data.network("mnist-relu"), sx.data.mnist()
    f, box = sx.log_density(net), sx.Box.cube(784, 0, 1)
    ends = rest(f, box, data.x_test[:4].reshape(-1, 784) / 255.0)
    assert ends.reason == ("sink",) * 4
    for point, creases in zip(ends.points, ends.creases, strict=True):
        assert ((point > 0) & (point < 1)).sum() == len(creases) > 0
        u = net.affine_layers[0].weight @ point + net.affine_layers[0].bias
        assert np.abs(u[creases]).max() < 1e-12 and (np.abs(np.delete(u, creases)) > 1e-9).all()
