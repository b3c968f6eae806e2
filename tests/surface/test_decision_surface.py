"""The exact decision surface: against brute force, on known shapes, and its laws."""

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.data.embedded_networks import network as embedded_network
from separatrix.domains import AffineSlice, Box
from separatrix.errors import InputError, KindError, UnresolvedError
from separatrix.networks.network import Network
from separatrix.surface.decision_surface import decision_surface
from tests.oracles.rational_arrangement import RationalArrangement
from tests.surface.shapes import (
    around_circle,
    beside_brute_force,
    cross_polytope,
    figure_eight,
    linked_circles,
    random_network,
    three_sectors,
    two_discs,
)

CASES = [
    ([1, 4, 3, 3], None), ([2, 4, 1], None), ([2, 3, 3, 3], None), ([2, 4, 4], None), ([3, 3, 3], None),
    ([1, 4, 3, 3], 1), ([2, 4, 1], 1), ([2, 4, 1], 2), ([2, 4, 3, 3], 1), ([2, 4, 4], 2), ([3, 3, 2], 1), ([3, 3, 3], 1),
]  # fmt: skip


@pytest.mark.parametrize(("widths", "largest"), CASES)
def test_cells_are_those_of_brute_force(widths, largest):
    n = widths[0]
    truth, net = beside_brute_force(widths, largest, sum(widths) + 7 * (largest or 0))
    box = [-1.0] * n, [1.0] * n
    surface = decision_surface(net, box)
    assert surface.certainty is Certainty.PROVED
    assert surface.cell_counts == truth.surface().counts
    assert surface.homology("Z/2").betti == truth.surface().betti
    assert surface.ambient.cell_counts == truth.argmax.counts
    assert surface.euler_characteristic == surface.homology().euler_characteristic
    tops = sorted(tuple(np.flatnonzero(row)) for k in range(surface.dim + 1) for row in surface.top_classes(k))
    assert tops == sorted(tuple(sorted(key[1])) for key in truth.surface().dims)
    if net.n_classes > 2:
        pair = decision_surface(net, box, classes=(2, 0))
        assert pair.cell_counts == truth.surface((0, 2)).counts
        row = [-1, 0, 1] + [0] * (net.n_classes - 3)
        assert pair.ambient.cell_counts == truth.cells([row]).counts


def test_pairs_make_up_the_surface_of_all_classes():
    weights, biases = random_network(np.random.default_rng(5), [2, 6, 4])
    net, box = Network.from_arrays(weights, biases), ([-3, -3], [3, 3])
    surface = decision_surface(net, box)
    pairs = [decision_surface(net, box, classes=(i, j)) for i in range(4) for j in range(i)]
    for k in range(2):
        tied = surface.top_classes(k).sum(axis=1)
        assert sum(pair.cell_counts[k] for pair in pairs) == (tied * (tied - 1) // 2).sum() > 0


@pytest.mark.parametrize(
    ("net", "half", "counts", "betti"),
    [
        (cross_polytope(1), 2, (2,), (2,)),
        (cross_polytope(2), 2, (4, 4), (1, 1)),
        (cross_polytope(3), 2, (6, 12, 8), (1, 0, 1)),
        (cross_polytope(4), 2, (8, 24, 32, 16), (1, 0, 0, 1)),
        (two_discs(), 4, None, (2, 2)),
        (around_circle(2), 4, None, (2, 2)),
        (around_circle(3), 4, None, (1, 2, 1)),
        (around_circle(4), 4, None, (1, 1, 1, 1)),
        (figure_eight(), 5, None, (1, 4, 1)),
        (linked_circles(), 5, None, (2, 4, 2)),
    ],
)
def test_known_shapes(net, half, counts, betti):
    surface = decision_surface(net, Box.cube(net.n_inputs, -half, half))
    groups = surface.homology()
    assert groups.betti == betti and not any(groups.torsion)
    if counts is not None:
        assert surface.cell_counts == counts
    assert surface.triangulate().homology().betti == betti
    for generator in groups.generators(surface.dim - 1 if surface.dim > 1 else 1):
        boundary = surface.complex.boundary_operator(generator.degree) @ generator.to_array()
        assert not boundary.any()


@pytest.mark.parametrize(
    ("name", "betti"), [("circles-relu", (1, 1)), ("ring-relu", (2, 2)), ("torus-relu", (1, 2, 1))]
)
def test_trained_networks_have_the_shapes_they_were_trained_to(name, betti):
    net = embedded_network(name)
    surface = decision_surface(net, Box.cube(net.n_inputs, -2, 2))
    assert surface.homology().betti == betti and not surface.on_box[0].any()
    cover = surface.neurons
    assert np.abs(cover.shares.sum(axis=1) - 1).max() < 1e-9
    comparison = cover.comparison()
    assert comparison["agree"] or not comparison["must agree"]


def test_slices_of_a_torus():
    torus, box = around_circle(3), Box.cube(2, -4, 4)
    flat = torus.restrict(AffineSlice([0, 0, 0], [[1, 0, 0], [0, 1, 0]]))
    upright = torus.restrict(AffineSlice([0, 0, 0], [[1, 0, 0], [0, 0, 1]]))
    assert decision_surface(flat, box).homology().betti == (2, 2)
    assert decision_surface(upright, box).homology().betti == (2, 2)
    assert decision_surface(flat, Box.cube(2, -0.5, 0.5)).cell_counts == (4, 0)  # |x| + |y| = 1 in the corners only
    assert decision_surface(flat, Box.cube(2, -0.25, 0.25)).is_empty


@pytest.mark.parametrize("seed", range(4))
def test_lefschetz_duality_on_generic_surfaces(seed):
    """A generic surface is a manifold S with boundary in the box's: H_k(S) and H_(n-1-k)(S, boundary) have one rank."""
    n = 2 + seed % 2
    weights, biases = random_network(np.random.default_rng(40 + seed), [n, 8, 5, 1])
    biases[-1] -= Network.from_arrays(weights, biases).logits([[0.0] * n])[0, 1]  # the surface passes near the middle
    surface = decision_surface(Network.from_arrays(weights, biases), Box.cube(n, -2, 2))
    own, pair = surface.homology("Z/2").betti, surface.homology("Z/2", relative_to=surface.on_box).betti
    assert own == pair[::-1] and own[0] > 0


@pytest.mark.parametrize("largest", [None, 2])
def test_nothing_depends_on_order_scale_or_place(largest):
    rng = np.random.default_rng(3)
    (w1, w2, w3), (b1, b2, b3) = random_network(rng, [2, 5, 4, 3], largest)
    if largest is None:  # so that moves are exact
        w1, b1 = np.round(64 * w1) / 64, np.round(64 * b1) / 64
    box, shift = (np.array([-1.5, -1.5]), np.array([1.5, 1.5])), np.array([0.5, -0.25])
    plain = decision_surface(Network.from_arrays([w1, w2, w3], [b1, b2, b3]), box)
    order, scale = rng.permutation(5), np.array([0.25, 1, 2, 4, 0.5])
    mixed = [(w1 * scale[:, None])[order], (w2 / scale)[:, order], w3], [(b1 * scale)[order], b2, b3]
    moved = [w1, w2, w3], [b1 - w1 @ shift, b2, b3]
    for other in (
        decision_surface(Network.from_arrays(*mixed), box),
        decision_surface(Network.from_arrays(*moved), (box[0] + shift, box[1] + shift)),
    ):
        assert other.cell_counts == plain.cell_counts and other.ambient.cell_counts == plain.ambient.cell_counts
        assert other.homology().betti == plain.homology().betti


def test_degenerate_networks():
    zero, box = np.zeros((1, 2)), Box.cube(2, -1, 1)
    whole = decision_surface(Network.from_arrays([zero], [[0.0]]), box)  # the two logits are equal everywhere
    assert whole.dim == 2 and whole.cell_counts == (4, 4, 1)
    none = decision_surface(Network.from_arrays([zero], [[1.0]]), box)
    assert none.cell_counts == (0, 0) and none.is_empty and none.dim == 1 and none.euler_characteristic == 0
    side = decision_surface(Network.from_arrays([[[1.0, 0.0]]], [[-1.0]]), box)  # x = 1 is a side of the box
    assert side.cell_counts == (2, 1) and (side.complex.vertices[:, 0] == 1).all()
    corner = decision_surface(Network.from_arrays([[[1.0, 1.0]]], [[-2.0]]), box)  # touches a corner only
    assert corner.cell_counts == (1, 0) and corner.dim == 1
    half = decision_surface(Network.from_arrays([[[1.0, 0.0]], [[1.0]]], [[0.0], [0.0]]), box)  # relu(x)
    assert half.dim == 2 and half.complex.volumes().sum() == 2.0


@pytest.mark.parametrize("power", [45, 70])
def test_lines_closer_than_any_float_can_tell(power):
    """relu(x) - relu(x - 2^-p) - 2^-(p+1) crosses zero once, in a strip of width 2^-p."""
    tiny = 2.0**-power
    weights, biases = [[[1.0, 0.0], [1.0, 0.0]], [[1.0, -1.0]]], [[0.0, -tiny], [-tiny / 2]]
    surface = decision_surface(Network.from_arrays(weights, biases), Box.cube(2, -1, 1))
    assert surface.cell_counts == (2, 1) and surface.ambient.cell_counts == (10, 13, 4)
    assert surface.ambient.locate([[tiny / 4, 0.3], [0.75 * tiny, 0.3]]).size == 2
    assert len(set(surface.ambient.locate([[-0.5, 0.3], [tiny / 4, 0.3], [0.75 * tiny, 0.3], [0.5, 0.3]]))) == 4


def test_points_are_located_in_the_argmax_complex():
    weights, biases = random_network(np.random.default_rng(8), [2, 5, 4])
    net, box = Network.from_arrays(weights, biases), Box.cube(2, -2, 2)
    ambient = decision_surface(net, box).ambient
    x = box.uniform(200, np.random.default_rng(0))
    number = ambient.locate(x)
    assert (number >= 0).all()
    assert (ambient.top_classes(2)[number].argmax(axis=1) == net.predict(x)).all()
    assert (ambient.locate(ambient.witnesses()) == np.arange(ambient.cell_counts[2])).all()
    assert (ambient.locate([[5.0, 0.0]]) == -1).all()
    a, c = ambient.affine_map(int(number[0]))
    assert np.allclose(a @ x[0] + c, net.logits(x[:1])[0])


def test_three_sectors_meet_in_a_point():
    surface = decision_surface(three_sectors(), Box.cube(2, -1, 1))
    assert surface.cell_counts == (4, 3) and surface.ambient.cell_counts[2] == 3
    tied = surface.top_classes(0).sum(axis=1)
    assert sorted(tied) == [2, 2, 2, 3] and (surface.complex.vertices[tied == 3] == 0).all()


def test_skip_connections_and_leaky_slopes():
    from separatrix.networks.layers import Activation, Affine, Node, Sum
    from separatrix.networks.network import INPUT

    first, last = (
        Affine(np.array([[1.0, 1.0], [1.0, -1.0]]), np.zeros(2)),
        Affine(np.array([[1.0, 1.0]]), np.array([-1.0])),
    )
    nodes = (INPUT, Node(first, (0,)), Node(Activation("relu"), (1,)), Node(Sum(), (0, 2)), Node(last, (3,)))
    net = Network.graph(nodes, 2)  # x + y + relu(x + y) + relu(x - y) = 1
    surface = decision_surface(net, Box.cube(2, -3, 3))
    assert np.abs(net.logits(surface.complex.vertices)[:, 1]).max() < 1e-12 and surface.cell_counts == (4, 3)
    leaky = Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [-1.0]], "leaky_relu", slope=-1.0)
    assert np.allclose(decision_surface(leaky, ([-2], [2])).complex.vertices.ravel(), [-0.5, 0.5])  # 2 |x| = 1


@pytest.mark.parametrize(
    ("classes", "error"),
    [
        ((0, 0), InputError),
        ((0, 9), InputError),
        ((0, 1, 2), InputError),
        ("01", KindError),
        ((0, 1.5), KindError),
        (1, KindError),
        ((True, False), KindError),
    ],
)
def test_bad_classes_are_refused(classes, error):
    with pytest.raises(error, match="classes"):
        decision_surface(three_sectors(), Box.cube(2, -1, 1), classes=classes)


def test_bad_questions_are_refused():
    net = three_sectors()
    with pytest.raises(KindError, match="Network"):
        decision_surface("net", Box.cube(2, -1, 1))
    with pytest.raises(InputError, match="dimension"):
        decision_surface(net, Box.cube(3, -1, 1))
    with pytest.raises(InputError, match="method"):
        decision_surface(net, Box.cube(2, -1, 1), method="fast")
    with pytest.raises(InputError, match="piecewise linear"):
        decision_surface(net, Box.cube(2, -1, 1)).piecewise_linear_approximation()
    for options in ({"halvings": 3}, {"max_cells": 0}, {"max_cells": "many"}):
        with pytest.raises(InputError, match=next(iter(options))):
            decision_surface(net, Box.cube(2, -1, 1), **options)
    with pytest.raises(KindError, match="progress"):
        decision_surface(net, Box.cube(2, -1, 1), progress=3)
    with pytest.raises(UnresolvedError, match="max_cells"):
        decision_surface(around_circle(3), Box.cube(3, -4, 4), max_cells=50)
    smooth = Network.from_arrays([[[1.0]], [[1.0]]], [[0.0], [0.0]], "tanh")
    assert decision_surface(smooth, ([-1], [1]), max_cells=1000).cell_counts == (1,)
    with pytest.raises(InputError, match="lattices"):
        decision_surface(smooth, ([-1], [1]), lattices=3)
    wide = Network.from_arrays([np.ones((1, 40))], [[0.0]])
    with pytest.raises(InputError, match="slice"):
        decision_surface(wide, Box.cube(40, -1, 1))


@pytest.mark.parametrize("largest", [None, 1])
def test_whole_space_has_the_open_cells_of_a_huge_box(largest):
    weights, biases = random_network(np.random.default_rng(3), [2, 4, 3], largest)
    truth = RationalArrangement(weights, biases, [-(2.0**30)] * 2, [2.0**30] * 2)
    surface = decision_surface(Network.from_arrays(weights, biases))
    for found, cells in ((surface.complex, truth.surface()), (surface.ambient, truth.argmax)):
        off_the_box = [d for key, d in cells.dims.items() if all(key[0][:4])]
        assert found.cell_counts == tuple(off_the_box.count(k) for k in range(found.dim + 1))
    assert surface.ambient.euler_characteristic == 1
    assert surface.ambient.homology(kind="borel-moore").betti == (0, 0, 1)
    if largest is None:
        assert np.abs(surface.neurons.shares.sum(axis=1) - 1).max() < 1e-9


def test_three_sectors_of_the_whole_plane():
    surface = decision_surface(three_sectors())
    assert surface.cell_counts == (1, 3) and surface.ambient.cell_counts == (1, 3, 3)
    assert surface.homology().betti == (1, 0)  # three rays from a point can be drawn together into it
    assert surface.homology(kind="borel-moore").betti == (0, 2)
    assert surface.homology(kind="one-point").betti == (1, 2)  # three arcs between the origin and infinity
