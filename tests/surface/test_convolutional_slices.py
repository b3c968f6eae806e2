"""Exact cells of convolutional networks with max pooling on slices: those of the same network with dense matrices."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.networks.layers import Activation, Affine, AffineMap, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.surface.arrangement.equal_coordinates import ZERO, after_crease, merged
from separatrix.surface.arrangement.linear_steps import linear_steps
from separatrix.surface.arrangement.rational_point import ExactArithmetic, RationalPoint, masked
from separatrix.surface.arrangement.step_composition import composed
from separatrix.surface.arrangement.vanishing_rows import VanishingRows

SIDE = 8


def pairs(channels: int, high: int, wide: int) -> tuple[SparseAffine, SparseAffine]:
    """b - a and a for the pairs (a, b) of columns 2 k and 2 k + 1: max(a, b) = a + relu(b - a)."""
    left = np.arange(channels * high * wide).reshape(channels, high, wide)[:, :, 0 : wide - wide % 2 : 2].ravel()
    width = channels * high * wide
    starts = 2 * np.arange(left.size + 1)
    columns, entries = np.stack([left, left + 1], axis=1).ravel(), np.tile([-1.0, 1.0], left.size)
    return SparseAffine(starts, columns, entries, np.zeros(left.size), width), SparseAffine.picking(left, width)


def convolutional(rng: np.random.Generator) -> Network:
    """Convolution, maximum of neighbours, ReLU, convolution, ReLU, dense."""
    one, none = (1, 1), ((0, 0), (0, 0))
    first = Convolution(rng.normal(size=(2, 1, 3, 3)), rng.normal(size=2) * 0.1, (1, SIDE, SIDE), one, none, one)
    difference, kept = pairs(*first.output_shape)
    second = Convolution(rng.normal(size=(2, 2, 3, 2)), rng.normal(size=2) * 0.1, (2, 6, 3), (2, 1), none, one)
    last = Affine(rng.normal(size=(3, second.n_outputs)), rng.normal(size=3))
    nodes = (
        INPUT, Node(first, (0,)), Node(difference, (1,)), Node(Activation("relu"), (2,)), Node(kept, (1,)),
        Node(Sum(), (3, 4)), Node(Activation("relu"), (5,)), Node(second, (6,)), Node(Activation("relu"), (7,)),
        Node(last, (8,)),
    )  # fmt: skip
    return Network.graph(nodes, SIDE * SIDE)


def pooled(rng: np.random.Generator) -> Network:
    """Convolution, maximum over windows of four in two levels, dense."""
    one, none = (1, 1), ((0, 0), (0, 0))
    first = Convolution(rng.normal(size=(2, 1, 3, 3)), rng.normal(size=2) * 0.1, (1, SIDE, SIDE), one, none, one)
    difference, kept = pairs(*first.output_shape)  # (2, 6, 3)
    turned = SparseAffine.picking(np.arange(36).reshape(2, 6, 3).transpose(0, 2, 1).ravel(), 36)  # rows side by side
    below, upper = pairs(2, 3, 6)
    last = Affine(rng.normal(size=(3, below.n_outputs)), rng.normal(size=3))
    nodes = (
        INPUT, Node(first, (0,)), Node(difference, (1,)), Node(Activation("relu"), (2,)), Node(kept, (1,)),
        Node(Sum(), (3, 4)), Node(turned, (5,)), Node(below, (6,)), Node(Activation("relu"), (7,)), Node(upper, (6,)),
        Node(Sum(), (8, 9)), Node(last, (10,)),
    )  # fmt: skip
    return Network.graph(nodes, SIDE * SIDE)


def dense(net: Network) -> Network:
    nodes = [
        Node(Affine(node.layer.weight, node.layer.bias), node.parents) if isinstance(node.layer, AffineMap) else node
        for node in net.nodes[1:]
    ]
    return Network.graph((INPUT, *nodes), net.n_inputs)


def images(rng: np.random.Generator, n: int) -> np.ndarray:
    """Strokes on black: most of every image is 0, as in digits."""
    found = np.zeros((n, SIDE, SIDE))
    for image in found:
        row, column = rng.integers(1, SIDE - 3, 2)
        image[row : row + 2, column : column + 3] = rng.uniform(0.3, 1.0, (2, 3))
    return found.reshape(n, -1)


@pytest.mark.parametrize(("seed", "dim", "reach"), [(0, 2, 0.7), (1, 2, 0.7), (2, 2, 0.7), (3, 3, 0.0)])
def test_cells_signs_and_maps_are_those_of_the_dense_network(seed, dim, reach):
    rng = np.random.default_rng(seed)
    net, points = convolutional(rng), images(rng, dim + 1)
    part = sx.AffineSlice.through(points)
    box = sx.Box.cube(dim, -0.3, reach)
    found, other = (sx.linear_regions(shown.restrict(part), box) for shown in (net, dense(net)))
    assert found.cell_counts == other.cell_counts
    assert found.cell_counts[-1] > 20
    assert found.euler_characteristic == other.euler_characteristic
    for k in (0, dim):
        signs, others = (
            {row.tobytes() for row in np.asarray(shown.signs(k, np.arange(shown.cell_counts[k])))}
            for shown in (found, other)
        )
        assert signs == others
    for region in range(0, found.cell_counts[-1], 17):
        exact, rounded = found.affine_map(region, exact=True), found.affine_map(region)
        witness = found.witnesses(dim)[region] if hasattr(found, "witnesses") else None
        assert np.asarray(exact[0], dtype=float) == pytest.approx(rounded[0], abs=1e-12)
        if witness is not None:
            assert rounded[0] @ witness + rounded[1] == pytest.approx(
                net.restrict(part).logits([witness])[0], abs=1e-12
            )


def test_decision_surface_and_regions_are_those_of_the_dense_network():
    rng = np.random.default_rng(5)
    net, points = convolutional(rng), images(rng, 3)
    part, box = sx.AffineSlice.through(points), sx.Box.cube(2, -0.3, 0.7)
    surfaces = [sx.decision_surface(shown.restrict(part), box) for shown in (net, dense(net))]
    assert surfaces[0].cell_counts == surfaces[1].cell_counts
    regions = [sx.decision_regions(shown.restrict(part), box) for shown in (net, dense(net))]
    assert [len(parts) for parts in (regions[0].components, regions[1].components)]
    assert repr(regions[0]) == repr(regions[1])


def test_differences_of_equal_areas_are_exactly_zero():
    rng = np.random.default_rng(7)
    net = convolutional(rng)
    part = sx.AffineSlice.through(images(rng, 3))
    steps = linear_steps(net.restrict(part))
    whole = linear_steps(dense(net).restrict(part))
    still = np.array([not any(row[:-1]) and not row[-1] for row in whole[0].exact_forms().tolist()][:-1])
    here = still[whole[0].creased]
    assert here.sum() > 5
    rows = steps[0].creased[here]
    assert not steps[0].weight[rows].any()
    assert not steps[0].bias[rows].any()
    assert not steps[0].weight_radius[rows].any()
    assert not steps[0].bias_radius[rows].any()


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_a_neuron_is_said_to_vanish_where_its_exact_form_does(seed, monkeypatch):
    monkeypatch.setattr("separatrix.surface.arrangement.linear_steps.DENSE", 0)  # as if the images were large
    rng = np.random.default_rng(seed)
    net, part = pooled(rng), sx.AffineSlice.through(images(rng, 3))
    steps, whole = (linear_steps(shown.restrict(part)) for shown in (net, dense(net)))
    exact, vanishing = ExactArithmetic(whole, -np.ones(2), np.ones(2)), VanishingRows(steps, 2)
    places, found = range(steps[1].n_signs), []
    for point in rng.uniform(-1, 2, (20, 2)):
        values = exact.coordinates(RationalPoint((*(int(x * 2**20) for x in point),), 2**20), *[np.zeros(0)] * 2, 0)
        signs = np.sign(np.array(values.doubles())[whole[0].creased]).astype(np.int8)
        forms = whole[1].exact_times(masked(whole[0], signs, whole[0].exact_forms())).tolist()
        expected = [not any(forms[row]) for row in whole[1].creased.tolist()]
        assert vanishing.vanish(1, places, [signs]).tolist() == expected
        found.append(sum(expected))
    assert sum(found) > 0
    box = sx.Box.cube(2, -0.3, 1.0)
    assert (
        sx.linear_regions(net.restrict(part), box).cell_counts
        == sx.linear_regions(dense(net).restrict(part), box).cell_counts
    )


def test_equal_numbers_stand_for_equal_functions():
    from scipy.sparse import csr_array

    weight = csr_array(np.array([[1.0, -1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]]))
    factors, numbers = merged([(weight, np.zeros(4))], np.array([5, 5, 2]))
    assert numbers[0] == ZERO  # x0 - x1 with x0 = x1
    assert numbers[1] == numbers[2]
    assert numbers[3] not in (numbers[1], ZERO)
    points = np.array([[0.3, 0.3, -0.7], [2.0, 2.0, 0.1]])
    assert (factors[0][0] @ points.T == weight @ points.T).all()
    behind = after_crease(numbers, np.array([0.0, 0.0, 1.0, 0.0]))
    assert behind[0] == ZERO
    assert behind[1] != behind[2]


@pytest.mark.parametrize("seed", range(5))
def test_composed_rows_that_are_called_exact_are(seed):
    from fractions import Fraction

    rng = np.random.default_rng(seed)
    first = np.where(rng.random((6, 3)) < 0.4, 0.0, rng.standard_normal((6, 3))), rng.integers(-1, 2, 6) * 0.1
    first[0][3], first[1][3] = first[0][2], first[1][2]
    unit = np.zeros((8, 6))
    for row in unit:
        row[rng.choice(6, 2, replace=False)] = rng.choice([-1.0, 1.0], 2)
    unit[0], unit[1] = [0, 0, 1, -1, 0, 0], [0, 0, 0, 0, 1, 0]
    weight, bias, radius, bias_radius = composed([first, (unit, np.zeros(8))])
    exact = [
        [sum(Fraction(w) * Fraction(v) for w, v in zip(row, column, strict=True)) for column in first[0].T]
        for row in unit
    ]
    constants = [sum(Fraction(w) * Fraction(v) for w, v in zip(row, first[1], strict=True)) for row in unit]
    for i in range(8):
        apart = sum((Fraction(a) - b) ** 2 for a, b in zip(weight[i], exact[i], strict=True))
        assert apart <= Fraction(radius[i]) ** 2
        assert abs(Fraction(bias[i]) - constants[i]) <= Fraction(bias_radius[i])
    assert radius[0] == bias_radius[0] == radius[1] == bias_radius[1] == 0
    assert not weight[0].any()
