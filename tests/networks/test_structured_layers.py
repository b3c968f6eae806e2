"""Convolutions and sparse maps: against loops over integers, and whole networks against their dense copies."""

import copy
from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.networks.balls import gradient_ball
from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Activation, Affine, AffineMap, Layer, Node
from separatrix.networks.network import INPUT, Network
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.numerics.intervals import Interval


def slid(kernel, shape, stride, padding, dilation, groups):
    """The matrix of a cross-correlation, entry by entry as the textbooks define it."""
    sizes = [
        (n + sum(p) - d * (k - 1) - 1) // s + 1
        for n, k, s, p, d in zip(shape[1:], kernel.shape[2:], stride, padding, dilation, strict=True)
    ]
    inputs = np.arange(np.prod(shape)).reshape(shape)
    rows = []
    for channel, *place in product(range(kernel.shape[0]), *map(range, sizes)):
        row = np.zeros(inputs.size)
        group = channel // (kernel.shape[0] // groups)
        for inner, *offset in product(*map(range, kernel.shape[1:])):
            source = [
                s * i + d * o - p[0] for s, i, d, o, p in zip(stride, place, dilation, offset, padding, strict=True)
            ]
            if all(0 <= at < n for at, n in zip(source, shape[1:], strict=True)):
                row[inputs[(group * kernel.shape[1] + inner, *source)]] += kernel[(channel, inner, *offset)]
        rows.append(row)
    return np.array(rows)


@st.composite
def convolutions(draw):
    axes = draw(st.integers(1, 2))
    few = lambda low, high: tuple(draw(st.integers(low, high)) for _ in range(axes))  # noqa: E731
    groups, window, stride, dilation = draw(st.integers(1, 3)), few(1, 3), few(1, 3), few(1, 2)
    padding = tuple(zip(few(0, 2), few(0, 2), strict=True))
    shape = (groups * draw(st.integers(1, 2)), *few(5, 7))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kernel = rng.integers(-3, 4, (groups * draw(st.integers(1, 2)), shape[0] // groups, *window)).astype(float)
    bias = rng.integers(-3, 4, len(kernel)).astype(float)
    return Convolution(kernel, bias, shape, stride, padding, dilation, groups)


@settings(deadline=None)  # the first example compiles
@given(convolutions(), st.integers(0, 2**32))
def test_a_convolution_is_the_matrix_of_the_definition(layer: Convolution, seed: int):
    matrix = slid(layer.kernel, layer.shape, layer.stride, layer.padding, layer.dilation, layer.groups)
    assert np.array_equal(layer.weight, matrix)
    assert np.array_equal(layer.bias, np.repeat(layer.channel_bias, np.prod(layer.output_shape[1:])))
    assert (matrix != 0).sum(axis=1).max() <= layer.terms
    assert (matrix != 0).sum(axis=0).max() <= layer.pull_terms
    assert layer.linear(np.ones((1, layer.n_inputs), np.float32)).dtype == np.float32
    rng = np.random.default_rng(seed)
    x, y = rng.integers(-3, 4, (3, layer.n_inputs)) * 1.0, rng.integers(-3, 4, (3, layer.n_outputs)) * 1.0
    for shown in (layer, SparseAffine.of(layer.rows()), Affine(matrix, layer.bias)):
        assert np.array_equal(shown.linear(x), x @ matrix.T)
        assert np.array_equal(shown.pull(y), y @ matrix)
        assert np.array_equal(shown.magnitude(np.abs(x)), np.abs(x) @ np.abs(matrix).T)
        assert np.array_equal(shown.pull_magnitude(np.abs(y)), np.abs(y) @ np.abs(matrix))
        assert shown.linear(x[:0]).shape == (0, layer.n_outputs)


def test_torch_tensors_take_the_same_way():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    for kernel, shape, stride, padding in (
        ((4, 1, 3), (2, 9), (2,), ((1, 2),)),
        ((4, 1, 3, 2), (2, 9, 7), (2, 1), ((1, 2), (0, 1))),
    ):
        layer = Convolution(rng.normal(size=kernel), np.zeros(4), shape, stride, padding, (1,) * len(stride), 2)
        x, y = rng.normal(size=(3, layer.n_inputs)), rng.normal(size=(3, layer.n_outputs))
        for shown in (layer, SparseAffine.of(layer.rows())):
            assert shown.linear(torch.tensor(x)).numpy() == pytest.approx(layer.linear(x), abs=1e-13)
            assert shown.pull(torch.tensor(y)).numpy() == pytest.approx(layer.pull(y), abs=1e-13)


def pair(activation: str, seed: int) -> tuple[Network, Network]:
    """A network of two convolutions with average pooling between, and its dense copy."""
    rng = np.random.default_rng(seed)
    one = (1, 1)
    first = Convolution(rng.normal(size=(3, 2, 3, 3)) * 0.4, rng.normal(size=3), (2, 6, 6), one, ((1, 0), (1, 1)), one)
    _, high, wide = first.output_shape
    means = Convolution(np.full((3, 1, 2, 2), 0.25), np.zeros(3), (3, high, wide), (2, 2), ((0, 0), (0, 0)), one, 3)
    pool = SparseAffine.of(means.rows())
    second = Convolution(
        rng.normal(size=(4, 3, 2, 2)) * 0.4, rng.normal(size=4), means.output_shape, (1, 2), ((0, 0), (0, 0)), one
    )
    last = Affine(rng.normal(size=(3, second.n_outputs)) * 0.5, rng.normal(size=3))
    layers: list[Layer] = [first, Activation(activation), pool, second, Activation(activation), last]
    dense = [Affine(layer.weight, layer.bias) if isinstance(layer, AffineMap) else layer for layer in layers]
    return Network.chain(layers, first.n_inputs), Network.chain(dense, first.n_inputs)


def test_derivatives_are_those_of_the_dense_copy():
    ours, dense = pair("tanh", 1)
    x = np.random.default_rng(2).uniform(size=(4, ours.n_inputs))
    free = np.arange(10, 30)
    for potential, other in (
        (sx.log_density(ours), sx.log_density(dense)),
        (sx.log_odds(ours, 1), sx.log_odds(dense, 1)),
    ):
        assert potential.value(x) == pytest.approx(other.value(x), abs=1e-13)
        assert potential.gradient(x) == pytest.approx(other.gradient(x), abs=1e-13)
        assert potential.hessian_vector(x, x[::-1]) == pytest.approx(other.hessian_vector(x, x[::-1]), abs=1e-13)
        assert potential.hessian(x) == pytest.approx(other.hessian(x), abs=1e-13)
        assert potential.hessian_on(x[0], free) == pytest.approx(other.hessian_on(x[0], free), abs=1e-13)


def test_enclosures_hold_samples_and_are_as_narrow_as_those_of_the_dense_copy():
    ours, dense = pair("tanh", 3)
    rng = np.random.default_rng(4)
    x = rng.uniform(size=(2, ours.n_inputs))
    box, basis = Interval(x - 1e-2, x + 1e-2), rng.normal(size=(ours.n_inputs, 4))
    y, outer = Interval.point(rng.normal(size=(2, 3))), Interval.point(np.zeros((2, 3, 3)))
    found = []
    for net in (ours, dense):
        state = BoundPropagation(net, box)
        cotangents = state.cotangents(y)
        hessian = state.hessian(cotangents, outer, basis, basis)
        found.append([state.output, cotangents[0], state.jacobians(basis)[-1].to_interval(), hessian.to_interval()])
    for mine, its in zip(*found, strict=True):
        assert (mine.upper - mine.lower).max() <= (its.upper - its.lower).max() * (1 + 1e-9)
    for _ in range(20):
        point = rng.uniform(box.lower, box.upper)
        state = ours.propagate(point)
        assert found[0][0].contains(state.output).all()
        assert found[0][1].contains(state.cotangents(y.lower)[0]).all()
        assert found[0][2].contains(state.jacobians(basis)[-1]).all()
        assert found[0][3].contains(state.hessians(state.cotangents(y.lower), basis, outer.lower)).all()


def test_balls_and_batches_of_boxes_agree_with_the_dense_copy():
    ours, dense = pair("sigmoid", 5)
    x = np.random.default_rng(6).uniform(size=ours.n_inputs)
    mine, its = (gradient_ball(net, np.eye(3), lambda z: [z[0], -z[1], z[2]], x) for net in (ours, dense))
    assert np.array_equal(mine.lower, its.lower)
    assert np.array_equal(mine.upper, its.upper)
    plane = sx.AffineSlice(x, np.random.default_rng(7).normal(size=(2, x.size)) * 0.1)
    corners = np.random.default_rng(8).uniform(-1, 1, (5, 2))
    bounds = [sx.log_odds(net.restrict(plane), 0).enclose_batch(corners, corners + 0.01) for net in (ours, dense)]
    for one, other in zip(*bounds, strict=True):
        assert one.lower == pytest.approx(other.lower, abs=1e-10)
        assert one.upper == pytest.approx(other.upper, abs=1e-10)


def test_layers_say_what_does_not_fit():
    kernel, bias = np.ones((2, 1, 3, 3)), np.zeros(2)
    with pytest.raises(InputError, match="does not fit into an image"):
        Convolution(kernel, bias, (1, 2, 5), (1, 1), ((0, 0), (0, 0)), (1, 1))
    with pytest.raises(InputError, match="does not fit 3 channels"):
        Convolution(kernel, bias, (3, 5, 5), (1, 1), ((0, 0), (0, 0)), (1, 1))
    with pytest.raises(InputError, match="rows of a sparse layer"):
        SparseAffine(np.array([0, 1]), np.array([4]), np.ones(1), np.zeros(1), 4)
    large = Convolution(np.ones((64, 1, 1, 1)), np.zeros(64), (1, 40, 40), (1, 1), ((0, 0), (0, 0)), (1, 1))
    with pytest.raises(KindError, match="too large"):
        _ = large.weight
    again = copy.deepcopy(large)
    assert np.array_equal(again.linear(np.ones((1, 1600))), large.linear(np.ones((1, 1600))))


def test_moves_of_large_images_store_their_ones_and_zeros_once(tmp_path):
    rng = np.random.default_rng(3)
    index = rng.integers(-1, 5000, 6000)
    layer = SparseAffine.picking(index, 5000)
    assert layer.entries.strides == layer.bias.strides == (0,)
    x, y = rng.standard_normal((3, 5000)), rng.standard_normal((3, 6000))
    picked = np.where(index >= 0, x[:, index], 0.0)
    back = np.zeros((3, 5000))
    np.add.at(back.T, index[index >= 0], y.T[index >= 0])
    for shown in (layer, copy.deepcopy(layer), SparseAffine.of(layer.rows().copy())):
        np.testing.assert_array_equal(shown.linear(x), picked)
        np.testing.assert_array_equal(shown.magnitude(np.abs(x)), np.abs(picked))
        np.testing.assert_allclose(shown.pull(y), back, rtol=0, atol=1e-14)
        assert shown.rows().data.flags.c_contiguous and (shown.rows() != layer.rows()).nnz == 0
    net = Network.graph((INPUT, Node(layer, (0,)), Node(Activation("relu"), (1,))), 5000)
    net.save(tmp_path / "net.safetensors")
    np.testing.assert_array_equal(sx.load(tmp_path / "net.safetensors").logits(x), np.maximum(picked, 0.0))
    scaled = SparseAffine(layer.starts, layer.columns, np.arange(layer.columns.size) + 1.0, layer.bias, 5000)
    assert scaled.entries.strides == (8,)
