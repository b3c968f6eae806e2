"""Volumes by oriented boundaries (6.5), against boxes, triangulations and draws."""

import numpy as np
import pytest

from separatrix.complexes.oriented_volumes import full_volumes
from separatrix.domains import Box
from separatrix.networks.network import Network
from separatrix.surface.linear_regions import linear_regions
from tests.surface.shapes import random_network


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_volumes_fill_the_box_and_are_those_of_a_triangulation(n):
    weights, biases = random_network(np.random.default_rng(n), [n, 6, 4, 1])
    regions = linear_regions(Network.from_arrays(weights, biases), Box.cube(n, -1, 2))
    found = full_volumes(regions.cells, regions.points)
    assert found.sum() == pytest.approx(3.0**n, rel=1e-13)
    assert np.allclose(found, regions.volumes(), rtol=1e-9, atol=1e-14)


def test_cells_far_from_the_origin_keep_their_digits():
    net = Network.from_arrays([[[1.0, 1.0]], [[1.0]]], [[-2048.0], [0.0]])
    regions = linear_regions(net, Box([1023.0, 1023.0], [1025.0, 1025.0]))
    assert full_volumes(regions.cells, regions.points).tolist() == [2.0, 2.0]
