"""Newton on strata: exact ridges by hand, wrong active sets repaired, creases told apart exactly."""

from fractions import Fraction

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.flow.piecewise_linear.sinks import frame_of
from separatrix.flow.piecewise_linear.stratum import polish
from separatrix.networks.network import Network
from tests.flow.piecewise_linear.known_ridges import (
    NONE,
    absolute,
    arena_of,
    degenerate_network,
    margin_of,
    random_network,
)


def stratum_of(potential, x, creases=NONE, half_side=2.0, reach=np.inf):
    return polish(frame_of(arena_of(potential, half_side)), np.array(x, dtype=float), np.array(creases), reach)


# -- creases


def test_rows_are_one_crease_only_where_they_are_proportional_exactly():
    row = np.array([0.1, 0.7, -0.3])
    rows = np.array([row, 4 * row, -0.5 * row, 3 * row, np.nextafter(row, 1.0)])
    net = Network.from_arrays([rows[:, :2], np.ones((2, 5))], [rows[:, 2], [0.0, 0.0]])
    groups = CreaseGroups.of(net)
    exactly = Fraction(0.1) * 3 == Fraction(3 * 0.1) and Fraction(0.7) * 3 == Fraction(3 * 0.7)
    assert groups.leader.tolist() == [0, 0, 0, 0 if exactly else 3, 4]
    assert groups.ratio[:3] == (Fraction(1), Fraction(4), Fraction(-1, 2))
    assert groups.members(np.array([0])).tolist()[:3] == [0, 1, 2]


def test_a_bias_tells_parallel_creases_apart_and_constant_neurons_have_none():
    net = Network.from_arrays([[[1.0], [2.0], [2.0], [0.0]], np.ones((2, 4))], [[1.0, 2.0, 1.0, 0.0], [0.0, 0.0]])
    groups = CreaseGroups.of(net)
    assert groups.leader.tolist() == [0, 0, 2, -1]
    assert groups.leaders_of(np.array([1, 3])).tolist() == [0]


def test_neurons_of_later_layers_are_numbered_after_those_of_the_first():
    net = random_network([2, 5, 4, 2], np.random.default_rng(0))
    groups = CreaseGroups.of(net)
    assert len(groups) == 9 and groups.node_of(7) == (4, 2)


# -- by hand


def test_a_tent_is_climbed_to_its_ridge():
    found = stratum_of(absolute([[1.0]], [-1.0], [-0.5]), [-1.3])
    assert found.reason == "" and found.point.tolist() == [0.5]
    assert found.creases.tolist() == [0] and found.balance.share.tolist() == [0.5]
    assert found.balance.bend.tolist() == [-2.0]


def test_two_ridges_and_a_face():
    # -|x + y - 1| - |x - z| + y: up along y to the face, then onto both ridges
    f = absolute([[1.0, 1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [-1.0, -1.0, 0.125], [-1.0, 0.0, 2.0])
    found = stratum_of(f, [0.3, 0.1, 0.2])
    assert found.reason == ""
    assert found.point.tolist() == [-1.0, 2.0, -1.0] and found.faces.tolist() == [0, 1, 0]
    assert found.multipliers.tolist() == [0.0, 0.125, 0.0]
    assert found.creases.tolist() == [0, 1] and found.balance.share.tolist() == [0.5, 0.5]


def test_leaky_slopes_are_shares_between_the_two_sides():
    net = Network.from_arrays([[[1.0]], [[-1.0], [0.0]]], [[0.0], [0.0, 0.0]], "leaky_relu", slope=-0.25)
    found = stratum_of(sx.margin(net, 0, 1), [1.0])
    # slopes of f: 0.25 on the left, -1 on the right; 0 is a fifth of the way
    assert found.point.tolist() == [0.0] and found.balance.share == pytest.approx([0.2])


def test_a_direction_to_infinity_is_named():
    found = stratum_of(margin_of([[1.0, 0.0]], [0.0], [1.0]), [0.5, 0.5], half_side=None)
    assert "infinity" in found.reason


def test_a_flat_region_has_a_flat_spectrum():
    found = stratum_of(margin_of([[1.0, 1.0]], [0.0], [-1.0]), [-0.75, 0.5])
    assert found.spectrum.tolist() == [0.0, 0.0]


# -- repairs


@pytest.mark.parametrize("widths", [[3, 12, 3], [3, 10, 8, 3], [4, 16, 4]])
def test_a_crease_too_many_or_too_few_is_repaired(widths):
    tried = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        f = sx.log_odds(random_network(widths, rng), 0)
        frame = frame_of(arena_of(f))
        exact = polish(frame, rng.uniform(-2, 2, widths[0]), NONE)
        if exact.reason or not exact.creases.size:
            continue
        room = np.abs(exact.point)[exact.faces == 0] < 1.9
        near = np.where(exact.faces == 0, exact.point + 1e-4 * rng.normal(size=widths[0]), exact.point)
        wrong = [exact.creases[:-1], exact.creases[1:], exact.creases]
        for creases in wrong:
            again = polish(frame, near, creases, reach=0.02)
            assert room.all() and again.reason == ""
            assert np.abs(again.point - exact.point).max() < 1e-9
            assert again.creases.tolist() == exact.creases.tolist()
            tried += 1
    assert tried >= 6


def test_an_end_that_is_none_is_not_carried_far():
    f = sx.log_density(random_network([3, 12, 3], np.random.default_rng(1)))
    found = stratum_of(f, [0.1, 0.2, 0.3], reach=1e-3)
    assert "no isolated sink next to the end" in found.reason


@pytest.mark.parametrize("kind", ["repeated", "opposite", "no effect"])
def test_a_sink_does_not_depend_on_the_order_of_neurons(kind):
    rng = np.random.default_rng(5)
    net = degenerate_network(kind, [3, 12, 4], rng)
    order = rng.permutation(12)
    first, last = net.affine_layers
    turned = Network.from_arrays([first.weight[order], last.weight[:, order]], [first.bias[order], last.bias])
    for x in rng.uniform(-2, 2, (6, 3)):
        here, there = (stratum_of(sx.log_density(one), x) for one in (net, turned))
        assert np.abs(here.point - there.point).max() < 1e-9
        assert here.faces.tolist() == there.faces.tolist() and here.creases.size == there.creases.size


def test_coordinates_with_hardly_any_weight_stand_where_their_gradient_points():
    rng = np.random.default_rng(2)
    weight = rng.normal(size=(8, 3))
    weight[:, 2] = 1e-30 * np.abs(weight[:, 2])
    f = sx.log_odds(Network.from_arrays([weight, rng.normal(size=(3, 8))], [rng.normal(size=8), np.zeros(3)]), 1)
    found = stratum_of(f, [0.1, 0.2, 0.3])
    assert found.reason == "" and abs(found.faces[2]) == 1
    assert found.multipliers[2] > 0
