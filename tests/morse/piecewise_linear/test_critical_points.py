"""Equilibria on creases and faces: dense sampling and grids as oracles, the laws on random networks, degenerate sets."""

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.complexes.cubical_complex import CubicalComplex
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.flow.critical_points import chosen
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.homology.persistence import persistence
from separatrix.morse.piecewise_linear.critical_points import piecewise_linear_critical_points
from separatrix.networks.network import Network
from separatrix.potentials.class_probability import class_probability
from separatrix.potentials.confidence import confidence
from separatrix.potentials.log_density import log_density
from separatrix.potentials.log_odds import log_odds
from separatrix.potentials.margin import margin
from separatrix.potentials.neg_entropy import neg_entropy
from tests.morse.piecewise_linear.functions import of_absolute_values, random_network, ring, three_crests


def found_in(potential, boundary="project", **options):
    n = potential.dim
    return piecewise_linear_critical_points(potential, Box(-2 * np.ones(n), 2 * np.ones(n)), boundary, **options)


@pytest.mark.parametrize(
    ("make", "seeds"),
    [(log_density, (0, 1, 2)), (confidence, (0,)), (neg_entropy, (1,)), (lambda net: log_odds(net, 1), (3, 4))],
)
def test_on_a_line_they_are_the_turning_points_of_a_dense_sample(make, seeds):
    n_compared = 0
    for seed in seeds:
        f = make(random_network(1, [6, 5], 3, [seed, 7]))
        found = found_in(f)
        x = np.linspace(-2, 2, 20_001)
        rise = np.sign(np.diff(f.value(x[:, None])))
        turns = np.flatnonzero((rise[1:] != rise[:-1]) & (rise[1:] != 0) & (rise[:-1] != 0)) + 1
        expected = [(0, x[i]) if rise[i] < 0 else (1, x[i]) for i in turns]
        expected += [(0, -2.0)] * int(rise[0] < 0) + [(0, 2.0)] * int(rise[-1] > 0)
        own = sorted(zip(found.indices.tolist(), found.points[:, 0].tolist(), strict=True))
        assert found.is_complete or found.unresolved
        if found.is_complete:
            n_compared += 1
            assert [i for i, _ in own] == [i for i, _ in sorted(expected)]
            assert np.allclose([v for _, v in own], [v for _, v in sorted(expected)], atol=4e-4)
    assert n_compared > 0


def test_in_the_plane_they_are_the_events_of_a_fine_grid():
    # oracle: cubical persistence; what lives longer than twice the variation on a square is born and dies at listed points
    f = log_density(random_network(2, [12, 8], 4, [2, 2, 9]))
    found, side = found_in(f), np.linspace(-2, 2, 121)
    grid = np.stack(np.meshgrid(side, side, indexing="ij"), axis=-1)
    values = f.value(grid.reshape(-1, 2)).reshape(grid.shape[:2])
    error = 2 * max(float(np.abs(np.diff(values, axis=a)).max()) for a in (0, 1))
    diagram = persistence(CubicalComplex((120, 120)), values, superlevel=True)
    assert found.is_complete and len(found) > 5
    for k in (0, 1):
        for birth, death in diagram.pairs(k, least=2 * error):
            assert np.abs(found.values[found.indices == k] - birth).min() <= error
            if np.isfinite(death):
                assert np.abs(found.values[found.indices == k + 1] - death).min() <= error
    classes = sum(len(diagram.pairs(k, least=2 * error)) for k in (0, 1))
    assert classes >= 2


@pytest.mark.parametrize(
    ("n", "hidden", "seed", "activation"),
    [(2, [10], 0, "relu"), (2, [9, 7], 1, "leaky_relu"), (3, [7], 2, "leaky_relu"), (3, [6, 5], 3, "relu")],
)
def test_random_networks_obey_the_laws(n, hidden, seed, activation):
    net = random_network(n, hidden, 3, seed, activation)
    for f in (log_density(net), log_odds(net, 0), margin(net, 0, 2)):
        found = found_in(f)
        assert not any("BROKEN" in law for law in found.laws)
        assert all(c is Certainty.PROVED for c in found.certainty) and len(found)
        assert found.is_complete or len(found.unresolved) == len(found.unresolved_reasons) > 0
        assert (found.multipliers[found.active != 0] > 0).all()
    interior, rows = found_in(f, "exit"), (found.active == 0).all(axis=1)
    assert np.array_equal(interior.points, found.points[rows])
    assert np.array_equal(interior.indices, found.indices[rows]) and "(3.1)" in interior.laws[-1]


def test_a_list_with_a_point_taken_out_is_caught():
    found = found_in(log_density(random_network(2, [9, 7], 3, 1, "leaky_relu")))
    assert found.is_complete and "holds" in found.laws[0]
    for row in range(len(found)):
        less = chosen(found, np.delete(np.arange(len(found)), row)).checked()
        assert any("BROKEN" in law or "does not hold" in law for law in less.laws) and not less.is_complete


def test_sinks_are_those_of_the_event_driven_flow():
    f = log_density(random_network(2, [9, 7], 3, 1))
    found, box = found_in(f), Box([-2, -2], [2, 2])
    sinks = GradientFlow(f, box).sinks(Box([-2, -2], [2, 2]).uniform(10, np.random.default_rng(0)))
    own = np.flatnonzero(found.indices == 0)
    assert sinks.n_proved == len(sinks) > 1
    for i, x in enumerate(sinks.points):
        row = own[np.abs(found.points[own] - x).max(axis=1).argmin()]
        assert np.allclose(found.points[row], x, atol=1e-12) and np.array_equal(found.creases[row], sinks.creases[i])
        assert np.allclose(found.multipliers[row], sinks.multipliers[i], atol=1e-9)
        assert np.allclose(found.spectra[row], sinks.spectra[i], atol=1e-9)
        assert found.radius[row] > found.error[row]


def test_a_probability_has_the_points_of_its_log_odds():
    net = random_network(2, [8], 3, 4)
    odds, probability = found_in(log_odds(net, 0)), found_in(class_probability(net, 0))
    assert np.array_equal(odds.points, probability.points) and np.array_equal(odds.indices, probability.indices)
    p = probability.values
    assert np.allclose(p, 1 / (1 + np.exp(-odds.values))) and probability.potential != odds.potential
    assert np.allclose(probability.multipliers, (p * (1 - p))[:, None] * odds.multipliers)


def test_equilibria_without_an_index_are_reported_with_their_groups():
    found = found_in(margin(three_crests(), 0, 1))
    assert not found.is_complete and any("H_1 = Z^2" in reason for reason in found.unresolved_reasons)
    assert "groups of all" in found.laws[-1] and found.laws[-1].endswith("= 1: holds")
    found = found_in(margin(ring(), 0, 1))
    assert found.indices.tolist() == [2] and len(found.unresolved) == 1
    assert "constant" in found.unresolved_reasons[0] and "H_0 = Z, H_1 = Z" in found.unresolved_reasons[0]


def test_a_valley_of_critical_points_is_no_point():
    # f = log(exp x + exp -x + 1) is least on the line x = 0: for every y of the box
    net = Network.from_arrays(
        [[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0], [-1.0, 1.0], [0.0, 0.0]]], [np.zeros(2), np.zeros(3)]
    )
    found = found_in(log_density(net))
    assert not found.is_complete and len(found) == 0 and "direction" in "".join(found.unresolved_reasons)
    assert all(box.lower[1] <= -2 and box.upper[1] >= 2 for box in found.unresolved)


def test_no_equilibrium_is_proved():
    slope = Network.from_arrays(
        [[[1.0, 0.2], [0.3, 1.0]], [[1.0, 1.0], [0.5, 0.2]]], [np.ones(2), np.zeros(2)], "leaky_relu"
    )
    found = found_in(log_density(slope), "exit")
    assert len(found) == 0 and found.is_complete
    corner = found_in(log_density(slope))
    assert corner.points.tolist() == [[2.0, 2.0]] and corner.indices.tolist() == [0]


def test_hats_by_hand():
    found = found_in(margin(of_absolute_values(1, -1), 0, 1), "exit")
    assert found.points.tolist() == [[0, 0]] and found.indices.tolist() == [1] and found.is_complete
    assert [c.tolist() for c in found.creases] == [[0, 1, 2, 3]]


def test_what_cannot_be_searched_is_refused():
    f = log_density(random_network(2, [4], 3, 0))
    with pytest.raises(InputError, match="boundary"):
        found_in(f, "periodic")
    with pytest.raises(KindError, match="potential of a network"):
        piecewise_linear_critical_points(np.sin, ([0], [1]))
    with pytest.raises(InputError, match="piecewise linear network"):
        found_in(log_density(random_network(2, [4], 3, 0, "tanh")))
    short = found_in(neg_entropy(random_network(2, [8], 3, 5)), max_boxes=1)
    assert not short.is_complete and "budget" in "".join(short.unresolved_reasons)
