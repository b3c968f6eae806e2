"""Piecewise linear Morse theory: functions known by hand, ties and plateaus, and persistence of a triangulation as oracle."""

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.homology.persistence import persistence
from separatrix.morse.piecewise_linear.level_checks import euler_law, morse_inequalities
from separatrix.morse.piecewise_linear.margins import piecewise_linear_morse
from separatrix.networks.network import Network
from separatrix.potentials.log_density import log_density
from separatrix.potentials.log_odds import log_odds
from separatrix.potentials.margin import margin
from separatrix.surface.linear_regions import linear_regions
from tests.morse.piecewise_linear.functions import (
    of_absolute_values,
    of_layers,
    random_network,
    ring,
    three_crests,
)

SQUARE = ([-1, -1], [1, 1])


def morse(net, box=SQUARE, **options):
    return piecewise_linear_morse(margin(net, 0, 1), box, **options)


@pytest.mark.parametrize(
    ("factors", "counts"),
    [
        ((1, 1), (4, 4, 1)),
        ((-1, -1), (1, 0, 0)),
        ((1, -1), (2, 1, 0)),
        ((1, 1, 1), (8, 12, 6, 1)),
        ((1, -1, -1), (2, 1, 0, 0)),
    ],
)
def test_sums_of_absolute_values_are_products_of_intervals(factors, counts):
    n = len(factors)
    found = morse(of_absolute_values(*factors), (-np.ones(n), np.ones(n)))
    assert found.counts == counts and found.certainty is Certainty.PROVED
    centre = found.points[found.indices == sum(f > 0 for f in factors)]
    assert (np.abs(centre).max(axis=1) == 0).any()


def test_a_monkey_saddle_has_two_classes():
    found = morse(three_crests())
    at = np.flatnonzero(found.indices < 0)
    assert found.points[at].tolist() == [[0, 0]] and found.groups[at[0]] == "H_1 = Z^2" and found.values[at] == [0]
    assert found.multiplicity[at].tolist() == [2] and "other groups" in repr(found)


def test_plateaus_are_one_piece():
    found = morse(ring(), ([-3, -3], [3, 3]))
    assert found.groups == ("H_0 = Z, H_1 = Z", "H_2 = Z")
    assert found.flat_dim.tolist() == [2, 0] and found.values.tolist() == [0.0, -0.5]
    assert np.abs(found.lower[0]).max() == found.upper[0].max() == 1.5
    roof = of_layers([[1], [-1]], [[1, 1]], [[-1]], bias={1: [-1]})  # -relu(|x| - 1)
    found = morse(roof, ([-3], [3]))
    assert (found.indices.tolist(), found.flat_dim.tolist(), found.counts) == ([0], [1], (1, 0))
    nothing = Network.from_arrays([np.zeros((3, 2)), np.zeros((2, 3))], [-np.ones(3), np.zeros(2)])
    found = morse(nothing)
    assert (found.counts, found.n_regular, found.flat_dim.tolist()) == ((1, 0, 0), 0, [2])


def test_a_plateau_on_the_side_changes_nothing():
    step = of_layers([[1], [1]], [[1, -1]], bias={0: [0, -1]})  # relu(x) - relu(x - 1)
    found = morse(step, ([-2], [3]))
    assert found.counts == (1, 0) and found.n_plateaus == 1 and found.flat_dim.tolist() == [1]


@pytest.mark.parametrize(
    ("n", "hidden", "seed"), [(1, [9], 0), (2, [12, 8], 1), (2, [9, 7], 2), (3, [8, 5], 3), (4, [6], 4)]
)
def test_events_are_those_of_persistent_homology(n, hidden, seed):
    # oracle: a class of degree k is born, or one of degree k - 1 dies, at a critical value of index k and nowhere else
    net, box = random_network(n, hidden, 3, seed, "leaky_relu"), (-2 * np.ones(n), 2 * np.ones(n))
    found = morse(net, box)
    complex_ = linear_regions(net, box)
    f = margin(net, 0, 1)
    triangles = complex_.triangulate()
    diagram = persistence(triangles, f.value(complex_.vertices), superlevel=True)
    for k in range(n + 1):
        births = [birth for birth, death in diagram.pairs(k) if birth != death]
        deaths = [death for birth, death in diagram.pairs(k - 1) if birth != death and np.isfinite(death)] if k else []
        expected = np.sort(np.array([*births, *deaths]))
        own = np.sort(np.repeat(found.values, found.betti[:, k]))
        assert own.shape == expected.shape and np.allclose(own, expected, atol=1e-10)


@pytest.mark.parametrize("seed", range(6))
def test_ties_dead_and_repeated_neurons_break_no_law(seed):
    net = random_network(2 + seed % 2, [7, 5], 2, seed, integers=True)
    n = net.n_inputs
    found = morse(net, (-2 * np.ones(n), 2 * np.ones(n)), levels=5)
    assert found.euler_sum == 1 and len(found.laws) == 3
    assert (np.diff(found.values) <= 1e-12).all() and (np.diff(found.events) >= 0).all()


def test_the_log_odds_of_one_of_two_classes_are_a_margin():
    net = of_absolute_values(1, -1)
    found = piecewise_linear_morse(log_odds(net, 0), SQUARE)
    assert found.counts == (2, 1, 0) and found.to_dataframe().shape[0] == 3
    turned = piecewise_linear_morse(log_odds(net, 1), SQUARE)
    assert turned.counts == (2, 1, 0) and turned.values.max() == 1.0


def test_lists_that_break_a_law_are_refused():
    assert "1" in euler_law(np.array([[1, 0], [1, 0], [0, 1]]))
    with pytest.raises(SeparatrixError, match="alternating sum"):
        euler_law(np.array([[1, 0], [1, 0]]))
    with pytest.raises(SeparatrixError, match="degree 1"):
        morse_inequalities(np.array([[2, 0, 0], [0, 0, 1]]))


def test_what_is_no_margin_is_refused():
    net = random_network(2, [4], 3, 0)
    with pytest.raises(InputError, match="piecewise linear function"):
        piecewise_linear_morse(log_density(net), SQUARE)
    with pytest.raises(KindError):
        piecewise_linear_morse(lambda x: x, SQUARE)
    with pytest.raises(InputError, match="piecewise linear network"):
        morse(random_network(2, [4], 2, 0, "tanh"))
    with pytest.raises(InputError, match="levels"):
        morse(net, levels=-1)
