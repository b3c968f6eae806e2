"""The piecewise linear approximation by chords: its bound holds, its exact surface is the smooth one where proved (C1)."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Network
from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.surface.smooth.chord_isotopy import chord_topology
from separatrix.surface.smooth.chords import piecewise_linear_approximation
from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface

from .random_networks import SMOOTH, random_network, skip_network
from .shapes import bowl


@pytest.mark.parametrize("activation", SMOOTH)
@pytest.mark.parametrize("knots", ["density", "uniform"])
def test_the_error_bound_holds(activation: str, knots: str) -> None:
    box = Box([-1.0, 0.2], [0.7, 1.4])
    x = box.uniform(4000, np.random.default_rng(0))
    for net in (random_network((2, 7, 5, 2), activation, 1), skip_network(2, activation)):
        bounds = []
        for pieces in (1, 3, 8, 32):
            made = piecewise_linear_approximation(net, box, pieces, knots=knots)
            assert made.network.is_piecewise_linear and made.certainty is Certainty.PROVED
            seen = np.abs(np.diff(made.network.logits(x)) - np.diff(net.logits(x))).max()
            assert seen <= made.error_bound + 1e-12
            bounds.append(made.error_bound)
        assert bounds[-1] < 0.02 * bounds[0]


def test_one_hidden_layer_needs_no_lipschitz_constant() -> None:
    """With one hidden layer the bound is sum |c_j| max|s''| h^2 / 8, close to what is seen."""
    net = random_network((2, 6, 2), "tanh", 5)
    box = Box.cube(2, -1.0, 1.0)
    made = piecewise_linear_approximation(net, box, 16)
    x = box.uniform(20_000, np.random.default_rng(0))
    seen = np.abs(np.diff(made.network.logits(x)) - np.diff(net.logits(x))).max()
    assert seen > 0.1 * made.error_bound


@pytest.mark.parametrize(("dim", "betti"), [(2, (1, 1)), (3, (1, 0, 1))])
def test_the_exact_surface_of_the_chords_is_the_sphere(dim: int, betti: tuple[int, ...]) -> None:
    made = smooth_decision_surface(bowl(dim, 0.1), Box.cube(dim, -1.0, 1.5)).piecewise_linear_approximation(pieces=4)
    assert made.isotopy.is_proved
    assert made.surface.homology().betti == betti


def test_too_few_pieces_are_not_proved_and_lose_the_circle() -> None:
    made = piecewise_linear_approximation(bowl(2, 0.1), Box.cube(2, -1.0, 1.5), 1)
    assert not made.isotopy.is_proved and made.isotopy.where is not None
    assert made.surface.homology().betti != (1, 1)
    topology = chord_topology(bowl(2, 0.1), Box.cube(2, -1.0, 1.5), limit=6)
    assert topology.least_pieces == 3 and topology.limit == 6
    assert chord_topology(bowl(2, 0.1), Box.cube(2, -1.0, 1.5), limit=2).least_pieces is None


def test_where_the_isotopy_is_proved_the_exact_surface_has_the_same_groups() -> None:
    box = Box.cube(2, -1.0, 1.0)
    n_proved = 0
    for seed in range(4):
        net = random_network((2, 5, 4, 2), "tanh", 300 + seed, gain=1.3)
        surface = smooth_decision_surface(net, box)
        for pieces in (2, 5):
            made = surface.piecewise_linear_approximation(pieces=pieces)
            if made.isotopy.is_proved:
                n_proved += 1
                assert made.surface.homology().betti == surface.homology().betti
    assert n_proved >= 4


def test_a_pair_of_three_classes_and_what_is_refused() -> None:
    net = random_network((2, 5, 3), "sigmoid", 0)
    box = Box.cube(2, -1.0, 1.0)
    assert len(piecewise_linear_approximation(net, box, 3).error_bounds) == 3
    with pytest.raises(InputError, match="classes"):
        _ = piecewise_linear_approximation(net, box, 3).isotopy
    assert piecewise_linear_approximation(net, box, 6, classes=(0, 2)).isotopy.n_boxes >= 0
    for pieces, kind in ((0, InputError), (True, KindError), (2.5, KindError)):
        with pytest.raises(kind, match="pieces"):
            piecewise_linear_approximation(net, box, pieces)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="knots"):
        piecewise_linear_approximation(net, box, 2, knots="best")
    relu = Network.from_arrays([np.eye(2), np.eye(2)], [np.zeros(2), np.zeros(2)], "relu")
    with pytest.raises(InputError, match="piecewise linear already"):
        piecewise_linear_approximation(relu, box, 2)
