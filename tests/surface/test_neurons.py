"""Neurons and the cells of the surface: shares, dominance, the cover's nerve (6.1)."""

import numpy as np
import pytest

from separatrix.complexes.cells import Cells
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.surface.decision_surface import decision_surface
from separatrix.surface.nerve import nerve
from separatrix.surface.neurons import cell_points, neuron_cover
from tests.surface.shapes import cross_polytope, random_network


def three_arcs() -> Network:
    """1 - sum_j c_j relu(w_j . x): a hexagon around 0 in which each neuron dominates one arc."""
    angle = 2 * np.pi * np.arange(3) / 3
    return Network.from_arrays(
        [np.stack([np.cos(angle), np.sin(angle)], axis=1), [[-1.0, -1.1, -1.25]]], [[0.0] * 3, [1.0]]
    )


def test_shares_by_hand():
    """On the side x + y = 1 of the diamond the neurons relu(x) and relu(y) have half of the normal each."""
    cover = decision_surface(cross_polytope(2), Box.cube(2, -2, 2)).neurons
    assert sorted(map(tuple, cover.shares.tolist())) == [
        (0, 0.5, 0, 0.5),
        (0, 0.5, 0.5, 0),
        (0.5, 0, 0, 0.5),
        (0.5, 0, 0.5, 0),
    ]
    assert sorted(cover.dominant) == [0, 0, 1, 1]  # ties go to the smallest number
    assert cover.nerve.cell_counts == (2, 1) and not cover.is_good  # two half circles meet in two points, not in one
    assert cover.comparison()["agree"] is False and cover.comparison()["must agree"] is False


def test_nerve_of_three_arcs_is_a_circle():
    surface = decision_surface(three_arcs(), Box.cube(2, -4, 4))
    cover = surface.neurons
    assert surface.cell_counts == (6, 6) and cover.nerve.cell_counts == (3, 3) and cover.is_good
    comparison = cover.comparison()
    assert comparison["surface"] == comparison["nerve"] == ["Z", "Z"]
    assert comparison["agree"] and comparison["must agree"]
    assert cover.active.tolist() == [0, 1, 2] and [cover.dominated_by(j).size for j in range(3)] == [1, 2, 3]
    assert cover.columns()["dominates"] == [1, 2, 3]  # where two neurons act, the heavier one has the larger share


@pytest.mark.parametrize(("widths", "layer"), [([2, 6, 5, 1], 0), ([2, 6, 5, 1], 1), ([3, 6, 4], 0), ([2, 5, 5, 3], 1)])
def test_shares_are_those_of_the_formula(widths, layer):
    weights, biases = random_network(np.random.default_rng(11), widths)
    middle = Network.from_arrays(weights, biases).logits([[0.1] * widths[0]])[0]
    biases[-1] -= middle[-len(biases[-1]) :].round(1)  # the classes tie near the middle
    net = Network.from_arrays(weights, biases)
    surface = decision_surface(net, Box.cube(widths[0], -3, 3))
    cover = surface.neuron_cover(layer)
    assert len(cover.shares) == surface.cell_counts[-1] > 0
    assert np.abs(cover.shares.sum(axis=1) - 1).max() < 1e-9
    points, top = surface.complex.witnesses(), surface.top_classes(surface.dim)
    last = [np.zeros_like(weights[-1][0]), weights[-1][0]] if widths[-1] == 1 else weights[-1]
    for cell, x in enumerate(points):  # by hand, layer by layer, at a point of the cell
        masks, jacobians, h, jacobian = [], [], x, np.eye(widths[0])
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            u, jacobian = w @ h + b, w @ jacobian
            masks.append(u > 0)
            jacobians.append(jacobian)
            h, jacobian = np.maximum(u, 0), masks[-1][:, None] * jacobian
        i, j = np.flatnonzero(top[cell])
        outer = last[j] - last[i]
        for w, mask in zip(weights[-2:layer:-1], masks[:layer:-1], strict=True):
            outer = (outer * mask) @ w
        normal = (outer * masks[layer]) @ jacobians[layer]
        by_hand = outer * masks[layer] * (jacobians[layer] @ normal) / (normal @ normal)
        assert np.allclose(cover.shares[cell], by_hand, rtol=1e-8, atol=1e-10)
        assert abs(by_hand[cover.dominant[cell]]) == pytest.approx(np.abs(by_hand).max())


def test_maps_between_neurons_and_cells_invert_each_other():
    weights, biases = random_network(np.random.default_rng(2), [2, 7, 1])
    cover = decision_surface(Network.from_arrays(weights, biases), Box.cube(2, -3, 3)).neurons
    pairs = {(c, j) for c in range(len(cover.shares)) for j in cover.neurons_of(c)}
    assert pairs == {(c, j) for j in range(7) for c in cover.cells_of(j)} and pairs
    assert all(cover.neurons_of(c)[0] == cover.dominant[c] for c in range(len(cover.shares)))
    with pytest.raises(InputError, match="neuron"):
        cover.cells_of(7)
    with pytest.raises(KindError, match="top cell"):
        cover.neurons_of("a")


def test_surface_within_a_crease_takes_a_side_that_has_a_normal():
    box = Box.cube(2, -1, 1)
    odd = Network.from_arrays([[[1.0, 0.0], [-1.0, 0.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]])  # relu(x) - relu(-x)
    shares = decision_surface(odd, box).neurons.shares
    assert sorted(shares[0]) == [0.0, 1.0]
    deep = Network.from_arrays([[[1.0, 0.0]], [[1.0], [-1.0]], [[1.0, -1.0]]], [[1.0], [-1.0, 1.0], [0.0]])
    assert decision_surface(deep, box).neurons.shares.tolist() == [
        [1.0]
    ]  # relu(relu(x + 1) - 1) - relu(1 - relu(x + 1))


def test_two_classes_with_equal_logits_do_not_hide_the_third():
    net = Network.from_arrays([[[1.0, 0.0]], [[1.0], [1.0], [0.0]]], [[0.5], [0.0, 0.0, 0.5]])
    surface = decision_surface(net, Box.cube(2, -0.25, 1))  # classes 0 and 1 win together where x > 0
    assert surface.dim == 2  # they tie on a full cell
    lower = Network.from_arrays(
        [[[1.0, 0.0], [-1.0, 0.0]], [[-1.0, -1.0], [-1.0, -1.0], [1.0, 1.0]]], [[0.0] * 2, [0.0] * 3]
    )
    shares = decision_surface(lower, Box.cube(2, -1, 1)).neurons.shares  # -|x|, -|x|, |x|: all three tie on x = 0
    assert sorted(shares[0]) == [0.0, 1.0]


def test_skips_take_the_rest_of_the_normal():
    first, last = (
        Affine(np.array([[1.0, 0.0], [0.0, 2.0]]), np.zeros(2)),
        Affine(np.array([[1.0, 1.0]]), np.array([-1.0])),
    )
    nodes = (INPUT, Node(first, (0,)), Node(Activation("relu"), (1,)), Node(Sum(), (0, 2)), Node(last, (3,)))
    cover = decision_surface(Network.graph(nodes, 2), Box([0, 0], [1, 1])).neurons  # 2 x + 3 y = 1
    assert np.allclose(cover.shares, [[2 / 13, 6 / 13]])  # N = (2, 3), of which the skip gives (1, 1)


def test_no_normal_and_no_neurons():
    box = Box.cube(2, -1, 1)
    with pytest.raises(SeparatrixError, match="full cell"):
        decision_surface(Network.from_arrays([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]]), box).neuron_cover()
    linear = decision_surface(Network.from_arrays([[[1.0, 0.0]]], [[0.0]]), box)
    with pytest.raises(InputError, match="hidden layer"):
        linear.neuron_cover()
    hexagon = decision_surface(three_arcs(), box)
    with pytest.raises(InputError, match="layer"):
        hexagon.neuron_cover(1)
    with pytest.raises(KindError, match="layer"):
        hexagon.neuron_cover("first")
    empty = decision_surface(three_arcs(), Box([-0.1, -0.1], [0.1, 0.1])).neurons
    assert empty.shares.shape == (0, 3) and not empty.active.size


def test_cover_of_a_smooth_surface_by_slopes_at_points():
    net = Network.from_arrays([[[1.0, 0.0], [0.0, 2.0]], [[1.0, -1.0]]], [[0.0, 0.0], [0.0]], "tanh")
    segment = Cells.from_facets([3, 2], [[[0, 1], [1, 2]]], [[[-1, 1], [-1, 1]]])
    vertices = np.array([[0.0, 0.0], [0.5, 0.25], [1.0, 0.5]])
    points = cell_points(segment, vertices, 1)
    assert points.tolist() == [[0.25, 0.125], [0.75, 0.375]]
    cover = neuron_cover(net, segment, points, np.tile([[-1.0, 1.0]], (2, 1)))
    assert np.allclose(cover.shares, [[0.2, 0.8]] * 2)  # x = 2 y: equal slopes, normals (1, 0) and (0, -2)
    assert cover.nerve.cell_counts == (1,) and cover.comparison()["agree"]


def test_nerve_of_a_sphere_cut_in_four():
    """The boundary of a tetrahedron, one neuron a face: any three faces share a vertex, all four none."""
    triangles = [[0, 1, 2], [0, 1, 3], [0, 2, 3], [1, 2, 3]]
    from separatrix.complexes.simplicial_complex import SimplicialComplex

    cells = SimplicialComplex(triangles).incidence
    found = nerve(cells, np.array([3, 5, 8, 9]))
    assert found.cell_counts == (4, 6, 4) and found.homology().betti == (1, 0, 1)
