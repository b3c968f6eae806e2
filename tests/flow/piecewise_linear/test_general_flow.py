"""Rows brought to rest in networks of any depth: strict maxima, rays to infinity, plateaus, budgets."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.piecewise_linear import general_flow


def network(widths, seed, activation="relu"):
    rng = np.random.default_rng([seed, *widths])
    pairs = list(zip(widths[:-1], widths[1:], strict=True))
    weights = [rng.normal(size=(o, i)) * 1.5 / np.sqrt(i) for i, o in pairs]
    return sx.Network.from_arrays(weights, [0.5 * rng.normal(size=o) for _, o in pairs], activation)


@pytest.mark.parametrize("widths", [(2, 8, 8, 3), (3, 8, 6, 2), (2, 5, 5, 5, 4)], ids=str)
@pytest.mark.parametrize("potential", [sx.log_density, lambda net: sx.log_odds(net, 1)], ids=["density", "odds"])
def test_ends_are_strict_maxima_in_the_box(widths, potential):
    rng = np.random.default_rng(0)
    f = potential(network(widths, 2))
    box = sx.Box.cube(widths[0], -1, 1)
    starts = rng.uniform(-1, 1, (8, widths[0]))
    ends = general_flow.to_rest(sx.GradientFlow(f, box).arena, starts)
    assert len(ends.reason) == len(ends.creases) == 8
    at_rest = [reason == "sink" for reason in ends.reason]
    assert sum(at_rest) >= 1
    assert set(ends.reason) <= {"sink", "at rest, no strict maximum"}
    assert (f.value(ends.points) >= f.value(starts) - 1e-9).all()
    for point in ends.points[at_rest]:
        around = box.clip(point + 1e-3 * rng.normal(size=(300, widths[0])))
        away = np.abs(around - point).max(axis=1) > 3e-4
        assert (f.value(around[away]) < f.value(point[None])[0] + 1e-12).all()


def test_answers_are_the_same_for_any_number_of_workers():
    f = sx.log_odds(network((2, 8, 8, 3), 4), 0)
    arena = sx.GradientFlow(f, sx.Box.cube(2, -1, 1)).arena
    starts = np.random.default_rng(0).uniform(-1, 1, (20, 2))
    seen = []
    one = general_flow.to_rest(arena, starts, progress=lambda *where: seen.append(where))
    two = general_flow.to_rest(arena, starts, workers=2)
    assert (one.points == two.points).all() and one.reason == two.reason
    assert [where[1] for where in seen] == [0, 16, 20]


def test_rays_plateaus_and_budgets_are_called_what_they_are():
    tent = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, 1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]])
    arena = sx.GradientFlow(sx.margin(tent, 0, 1), sx.WholeSpace(1)).arena  # f = -x
    assert (
        general_flow.to_rest(arena, np.array([[1.0], [-1.0]])).reason
        == ("at infinity: no crease is ahead on a ray along which f rises",) * 2
    )
    hat = sx.Network.from_arrays([[[1.0], [-1.0]], [[-1.0, 0.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]])
    arena = sx.GradientFlow(sx.margin(hat, 0, 1), sx.WholeSpace(1)).arena  # f = -relu(x): flat for x < 0
    found = general_flow.to_rest(arena, np.array([[1.0], [-1.0]]))
    assert found.reason == ("at rest, no strict maximum",) * 2
    assert found.points.tolist() == [[0.0], [-1.0]] and found.time.tolist() == [1.0, 0.0]
    deep = sx.GradientFlow(sx.margin(network((2, 12, 12, 2), 1), 0, 1), sx.Box.cube(2, -1, 1)).arena
    assert "budget" in general_flow.to_rest(deep, np.random.default_rng(0).uniform(-1, 1, (4, 2)), budget=1).reason


def test_images_climb_a_deeper_network_and_stay_in_the_box():
    rng = np.random.default_rng(0)
    pairs = [(784, 24), (24, 16), (16, 10)]
    net = sx.Network.from_arrays(
        [rng.normal(size=(o, i)) * np.sqrt(2 / i) for i, o in pairs], [0.1 * rng.normal(size=o) for _, o in pairs]
    )
    f = sx.log_density(net)
    starts = rng.uniform(0, 1, (2, 784))
    ends = general_flow.to_rest(sx.GradientFlow(f, sx.Box.cube(784, 0, 1)).arena, starts, budget=120)
    assert set(ends.reason) <= {"sink", "budget"}
    assert ends.points.min() >= 0 and ends.points.max() <= 1
    assert (f.value(ends.points) > f.value(starts) + 0.2).all()


def test_a_held_coordinate_does_not_drift_by_rounding():
    rng = np.random.default_rng(0)
    pairs = [(60, 16), (16, 12), (12, 2)]
    net = sx.Network.from_arrays(
        [rng.normal(size=(o, i)) * np.sqrt(2 / i) for i, o in pairs], [0.1 * rng.normal(size=o) for _, o in pairs]
    )
    flow = sx.GradientFlow(sx.margin(net, 0, 1), sx.Box.cube(60, 0, 1))
    found = flow.trajectories(rng.uniform(0, 1, (3, 60)), 1e3, max_steps=3000)
    assert "budget" not in found.reason
    for i in range(3):
        times = found.path(i)[0]
        assert (np.diff(times)[:-1] > 1e-13).mean() > 0.95  # events do not repeat on the spot


def test_a_vertex_from_which_f_rises_is_no_place_of_rest() -> None:
    shapes = [[[0, 3], [-2, 1], [2, -3], [0, 1]], [[4, -1, 1, -1], [2, 4, 2, -2]]]
    net = sx.Network.from_arrays(shapes, [[0] * 4, [0] * 2], "relu")
    flow = sx.GradientFlow(sx.margin(net, 0, 1), sx.Box.cube(2, -1, 1))
    found = flow.trajectories([[0.0, -1.0], [0.06288841504508724, -0.40717450703149227]], 1e3)
    # on the ridge y = 2 x to 0, where two more creases meet it; by hand one direction leads on, along the ridge to the side
    assert np.abs(found.end - np.array([0.5, 1.0])).max() < 1e-9
    assert all(np.abs(found.path(i)[1][-3]).max() < 1e-12 for i in range(2))
    deep = [
        [[2, 2], [3, -1], [1, -1]],
        [[-2, -1, 0], [-1, 0, 2], [1, 1, 1], [0, -3, 1]],
        [[-2, 0, 0, 0], [0, -1, 1, -2]],
    ]
    flow = sx.GradientFlow(
        sx.margin(sx.Network.from_arrays(deep, [[0] * 3, [0] * 4, [0] * 2], "relu"), 0, 1), sx.Box.cube(2, -1, 1)
    )
    assert flow.trajectories([[0.0, 0.0]], 1e3).reason == ("starts on a repelling crease: the orbit is not unique",)


def test_a_constant_has_no_sink() -> None:
    net = sx.Network.from_arrays([[[0.0, 0.0]], [[1.0], [2.0]]], [[1.0], [0.0, 0.0]], "relu")
    flow = sx.GradientFlow(sx.margin(net, 0, 1), sx.Box.cube(2, -1, 1))
    assert len(flow.sinks()) == 0 and flow.basins([[0.0, 0.5]]).n_unresolved == 1
