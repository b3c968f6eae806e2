"""Surfaces and regions of several classes of smooth networks: verified, against grids and by laws (§6)."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix import Network
from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import SeparatrixError
from separatrix.surface.smooth.decision_regions_smooth import smooth_decision_regions
from separatrix.surface.smooth.decision_surface_smooth import smooth_decision_surface
from separatrix.surface.smooth.envelope import breakpoints

from .random_networks import random_network
from .shapes import count_pieces


def _three_sectors(dim: int) -> Network:
    """Logits tanh(c_k . x / 4) for three directions at 120 degrees: three sectors that meet in the line x_1 = x_2 = 0."""
    angle = np.array([0.1, 0.1 + 2 * np.pi / 3, 0.1 + 4 * np.pi / 3])
    rows = np.zeros((3, dim))
    rows[:, 0], rows[:, 1] = np.cos(angle), np.sin(angle)
    return Network.from_arrays([0.25 * rows, np.eye(3)], [np.zeros(3), np.zeros(3)], "tanh")


def test_three_sectors_meet_in_a_point() -> None:
    box = Box([-1.0, -0.9], [0.8, 1.0])
    surface = smooth_decision_surface(_three_sectors(2), box)
    assert surface.certainty is Certainty.VERIFIED
    assert len(surface.triple_points) == 1 and surface.triple_classes == ((0, 1, 2),)
    assert np.abs(surface.triple_points).max() < 0.05
    assert surface.homology().betti == (1, 0)
    on_side = ((surface.vertices == box.lower) | (surface.vertices == box.upper)).any(axis=1)
    assert on_side.sum() == 3  # a tripod
    one = smooth_decision_surface(_three_sectors(2), box, (2, 1))
    assert one.homology().betti == (1, 0) and len(one.facets) < len(surface.facets)
    assert (one.pairs == [1, 2]).all()


def test_three_sectors_in_space_meet_in_a_line() -> None:
    surface = smooth_decision_surface(_three_sectors(3), Box([-1.0, -0.9, -0.5], [0.8, 1.0, 0.6]))
    assert surface.certainty is Certainty.VERIFIED
    assert surface.homology().betti == (1, 0, 0)
    edges, counts = np.unique(
        np.sort(surface.facets[:, [0, 1, 1, 2, 0, 2]].reshape(-1, 2), axis=1), axis=0, return_counts=True
    )
    at = surface.vertices[edges[counts == 3]]
    assert len(at) > 0 and np.abs(at[:, :, :2]).max() < 0.1  # three sheets along the line only
    assert counts.max() == 3


def _grid(net: Network, box: Box, n: int) -> list[int]:
    axes = [np.linspace(low, high, n) for low, high in zip(box.lower, box.upper, strict=True)]
    points = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, box.dim)
    labels = net.predict(points).reshape([n] * box.dim)
    return [count_pieces(labels == k, corners=True) for k in range(net.n_classes)]


@pytest.mark.parametrize(
    ("sizes", "seeds", "n"), [((2, 8, 8, 3), 3, 241), ((2, 8, 8, 5), 3, 241), ((1, 6, 4), 4, 20001)]
)
def test_components_agree_with_a_grid(sizes: tuple[int, ...], seeds: int, n: int) -> None:
    for seed in range(seeds):
        net = random_network(sizes, "tanh", 200 + seed, gain=1.5)
        box = Box.cube(sizes[0], -1.0, 1.0)
        data = box.uniform(500, np.random.default_rng(0))
        regions = smooth_decision_regions(net, box, data)
        assert regions.surface.certainty is Certainty.VERIFIED
        assert regions.certainty is Certainty.HEURISTIC  # of the data in them
        assert [region.n_components for region in regions] == _grid(net, box, n)
        assert sum(c.n_data or 0 for c in regions.components) == len(data)
        assert [sum(c.n_data or 0 for c in r.components) for r in regions] == np.bincount(
            net.predict(data), minlength=net.n_classes
        ).tolist()
        for component in regions.components:
            if component.certainty is Certainty.VERIFIED:
                assert net.predict(component.witness[None])[0] == component.class_number
        for region in regions:
            assert region.homology().betti[0] == region.n_components if region.n_components else True


def test_euler_characteristics_of_regions_and_surface_add_up_in_space() -> None:
    """Closed regions cover the box: chi(box) = sum chi(regions) - chi of what is shared, here by inclusion-exclusion."""
    net = random_network((3, 8, 3), "tanh", 3, gain=1.2)
    regions = smooth_decision_regions(net, Box.cube(3, -1.0, 1.0))
    assert regions.certainty is Certainty.VERIFIED
    surface = regions.surface
    by_pair = {pair: surface.facets[(surface.pairs == pair).all(axis=1)] for pair in ((0, 1), (0, 2), (1, 2))}
    from separatrix.complexes.simplicial_complex import SimplicialComplex

    walls = sum(SimplicialComplex(facets).euler_characteristic for facets in by_pair.values() if len(facets))
    together = surface.complex.euler_characteristic
    triple = (walls - together) / 2 if all(len(f) for f in by_pair.values()) else 0
    chi = sum(region.homology().euler_characteristic for region in regions if region.n_components)
    assert chi - walls + triple == 1


def test_equal_logits_that_win_are_refused() -> None:
    net = Network.from_arrays([np.eye(2), [[1.0, 0], [1.0, 0], [0, 1.0]]], [np.zeros(2), np.zeros(3)], "tanh")
    with pytest.raises(SeparatrixError, match="vanishes"):
        smooth_decision_surface(net, Box([-1.0, -0.9], [1.1, 1.0]))


def test_envelopes_find_a_class_hidden_inside_an_edge() -> None:
    levels = np.array([[1.0, 0.0, 0.9], [0.0, 1.0, 0.8]])
    points = breakpoints(levels, np.array([[0, 1]]))
    assert points.before.tolist() == [0, 2] and points.after.tolist() == [2, 1]
    at = points.at[:, None]
    values = (1 - at) * levels[0] + at * levels[1]
    assert np.allclose(np.sort(values, axis=1)[:, -1], np.sort(values, axis=1)[:, -2])


def test_triple_points_are_where_three_logits_agree() -> None:
    n_found = 0
    for seed in range(6):
        net = random_network((2, 5, 4), "tanh", seed, gain=4.0)
        surface = smooth_decision_surface(net, Box.cube(2, -1.0, 1.0), resolution=8)
        highest = np.sort(net.logits(surface.triple_points), axis=1)[:, -3:]
        assert (np.ptp(highest, axis=1) < 1e-9).all()
        n_found += len(highest)
    assert n_found > 3
