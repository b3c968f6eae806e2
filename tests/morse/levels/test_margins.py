"""Exact level sets of piecewise linear margins: beside the exact regions, beside the triangulated sets, by symmetry."""

from __future__ import annotations

import numpy as np
import pytest

import separatrix as sx
from separatrix import Box, Certainty, Network
from separatrix.morse.levels.level_sets import level_sets


def network(seed: int, n_inputs: int = 2) -> Network:
    rng = np.random.default_rng(seed)
    weights = [rng.integers(-3, 4, shape).astype(float) for shape in ((7, n_inputs), (2, 7))]
    return Network.from_arrays(weights, [rng.integers(-2, 3, 7).astype(float), np.zeros(2)], "relu")


@pytest.mark.parametrize(("seed", "n_inputs"), [(0, 2), (1, 2), (2, 2), (3, 3)])
def test_levels_are_those_of_the_triangulated_function(seed, n_inputs):
    net = network(seed, n_inputs)
    found = level_sets(sx.margin(net, 0, 1), Box.cube(n_inputs, -2, 2))
    assert found.tolerance == 0.0 and found.certainty is Certainty.PROVED and all(e.matched for e in found.events)
    for c in found.levels(4):
        for side, sign in ((">=", 1.0), ("<=", -1.0)):
            kept = (sign * found.values >= sign * c)[found.simplices]
            faces = [tuple(row[mask].tolist()) for row, mask in zip(found.simplices, kept, strict=True) if mask.any()]
            betti = sx.SimplicialComplex(faces).homology().betti
            assert found.betti(c, side) == betti + (0,) * (n_inputs + 1 - len(betti))
            assert found.certainty_at(c, side) is Certainty.PROVED
        mesh = found.mesh(c).to_complex().homology().betti
        assert found.betti(c, "=") == mesh + (0,) * (n_inputs + 1 - len(mesh))


def test_level_zero_is_the_decision_region():
    net, box = sx.data.network("ring-relu"), Box.cube(2, -2, 2)
    found = level_sets(sx.margin(net, 1, 0), box)
    regions = sx.decision_regions(net, box)
    assert found.betti(0.0)[:2] == regions[1].homology().betti[:2]
    assert found.betti(0.0, "<=")[:2] == regions[0].homology().betti[:2]
    assert found.betti(0.0, "=")[:2] == sx.decision_surface(net, box).homology().betti


def test_the_other_margin_is_seen_from_below():
    net, box = network(4), Box.cube(2, -2, 2)
    one, other = level_sets(sx.margin(net, 0, 1), box), level_sets(sx.log_odds(net, 1), box)
    assert np.array_equal(one.persistence.pairs(0), -other.persistence_below.pairs(0)[::-1] + 0.0)
    assert len(one.merge_tree) == (one.persistence.degree == 0).sum()


def test_a_flat_top_is_one_component():
    net = Network.from_arrays([[[1.0, 0.0], [1.0, 0.0]], [[-1.0, 1.0], [0.0, 0.0]]], [[0.0, -1.0], [0.0, 0.0]], "relu")
    found = level_sets(sx.margin(net, 0, 1), ([-1, -1], [2, 2]))  # 0 for x <= 0, falls to -1 at x = 1, flat again
    assert [(e.what, e.value) for e in found.events if e.side == ">="] == [("a component appears", 0.0)]
    assert found.betti(-0.5) == (1, 0, 0) and found.betti(-2.0) == (1, 0, 0) and found.betti(0.5) == (0, 0, 0)


def test_a_probability_is_not_its_margin():
    net = network(5)
    found = level_sets(sx.class_probability(net, 0), Box.cube(2, -2, 2), 32, match=False)
    assert found.values.min() >= 0.0 and found.values.max() <= 1.0 and found.tolerance > 0.0
