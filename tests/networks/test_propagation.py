"""Forward, tangent, adjoint and second passes through graphs, and their enclosures, node by node."""

import numpy as np
import pytest
import torch

from separatrix.networks.bounds import BoundPropagation
from separatrix.networks.layers import Affine, Node
from separatrix.networks.network import INPUT, Network
from separatrix.networks.propagation import chain_of, constant
from separatrix.numerics.intervals import Interval
from tests.oracles import jets
from tests.oracles.blueprints import ACTIVATIONS, SMOOTH, Blueprint, architectures, doubles


def up_to(blueprint, number):
    """The network whose output is node ``number``."""
    return Blueprint(blueprint.n_inputs, blueprint.nodes[:number])


def node_jets(blueprint, number, x):
    """Jets of the value of a node, before a single output is paired with 0."""
    z = up_to(blueprint, number).logits(jets.LongDoubles, x)
    return z if z.value.shape[1] > 1 and not _is_single(blueprint, number) else z[[1]]


def _is_single(blueprint, number):
    return up_to(blueprint, number).network().widths[number] == 1


@pytest.fixture(params=ACTIVATIONS)
def blueprint(request):
    return architectures(np.random.default_rng(80), request.param)["skips"]


def test_every_node_has_its_value_and_jacobian(blueprint):
    rng = np.random.default_rng(81)
    x, basis = rng.standard_normal((4, 3)), rng.standard_normal((3, 2))
    state = blueprint.network().propagate(x)
    by_units, by_numbers, by_basis = (state.jacobians(b) for b in (np.eye(3), np.array([2, 0]), basis))
    tangents = state.tangents(x)
    for number in range(1, len(blueprint.nodes) + 1):
        exact = node_jets(blueprint, number, x)
        jacobian = doubles(exact.gradient)
        np.testing.assert_allclose(state.values[number], doubles(exact.value), rtol=1e-13, atol=1e-13)
        np.testing.assert_allclose(by_units[number], jacobian, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(by_numbers[number], jacobian[:, :, [2, 0]], rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(by_basis[number], jacobian @ basis, rtol=1e-12, atol=1e-12)
        np.testing.assert_allclose(tangents[number], (jacobian @ x[:, :, None])[:, :, 0], rtol=1e-12, atol=1e-12)


def test_the_backward_pass_is_the_adjoint_of_the_tangent_pass(blueprint):
    """<y, J v> = <J^T y, v>, at every cut through the graph that separates input and output."""
    rng = np.random.default_rng(82)
    x, v, y = rng.standard_normal((5, 3)), rng.standard_normal((5, 3)), rng.standard_normal((5, 3))
    state = blueprint.network().propagate(x)
    tangents, cotangents = state.tangents(v), state.cotangents(y)
    outside = (y * tangents[-1]).sum(axis=1)
    np.testing.assert_allclose((cotangents[0] * v).sum(axis=1), outside, rtol=1e-11)
    through_sum = (cotangents[6] * tangents[6]).sum(axis=1) + (cotangents[8] * tangents[8]).sum(axis=1)
    np.testing.assert_allclose(through_sum, outside, rtol=1e-11)


def test_hessian_of_a_function_of_the_output_by_both_ways(blueprint):
    """Phi(z) = y.z + z^T A z / 2: forward over backward, the adjoint form (2.4), and jets."""
    rng = np.random.default_rng(83)
    x, y, a = rng.standard_normal((4, 3)), rng.standard_normal(3), rng.standard_normal((3, 3))
    a = a + a.T
    state = blueprint.network().propagate(x)
    slopes = y + state.output @ a
    cotangents = state.cotangents(slopes)
    basis = rng.standard_normal((3, 2))
    found = state.hessians(cotangents, basis, np.broadcast_to(a, (4, 3, 3)))
    z = blueprint.logits(jets.LongDoubles, x)
    weighted = (doubles(z.hessian) * slopes[:, :, None, None]).sum(axis=1)
    jacobian = doubles(z.gradient)
    exact = weighted + jacobian.mT @ a @ jacobian
    np.testing.assert_allclose(found, basis.T @ exact @ basis, rtol=1e-11, atol=1e-11)
    for direction in np.eye(3):
        tangents = state.tangents(np.broadcast_to(direction, x.shape))
        product = state.second_cotangents(cotangents, tangents, tangents[-1] @ a)
        np.testing.assert_allclose(product, exact @ direction, rtol=1e-11, atol=1e-11)


def test_unused_nodes_are_harmless():
    """A node that does not reach the output has no cotangent and changes nothing."""
    wide = Affine(np.ones((5, 2)), np.zeros(5))
    net = Network.graph([INPUT, Node(wide, (0,)), Node(Affine(np.eye(2), np.ones(2)), (0,))], 2)
    state = net.propagate(np.zeros((1, 2)))
    cotangents = state.cotangents(np.ones((1, 2)))
    assert cotangents[1] is None and cotangents[0].tolist() == [[1.0, 1.0]]
    assert state.hessians(cotangents, np.eye(2), np.zeros((1, 2, 2))).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]
    bounds = BoundPropagation(net, Interval.point(np.zeros((1, 2))))
    assert bounds.cotangents(Interval.point(np.ones((1, 2))))[1] is None


def test_chains_and_graphs():
    affine = Affine(np.eye(2), np.zeros(2))
    assert chain_of([INPUT, Node(affine, (0,)), Node(affine, (1,))])
    assert not chain_of([INPUT, Node(affine, (0,)), Node(affine, (0,))])


def test_constants_take_the_kind_of_their_company():
    array = np.eye(2)
    array.flags.writeable = False
    single = constant(array, torch.zeros(1, dtype=torch.float32))
    assert single.dtype == torch.float32 and single.tolist() == array.tolist()
    assert constant(array, np.zeros(1)) is array


@pytest.mark.parametrize("width", [0.0, 1e-9, 0.3, 3.0])
def test_every_node_is_enclosed(blueprint, width):
    rng = np.random.default_rng(84)
    net, lower = blueprint.network(), rng.standard_normal((3, 3))
    points = np.clip(lower[:, None] + width * rng.random((3, 200, 3)), lower[:, None], lower[:, None] + width)
    basis = rng.standard_normal((3, 2))
    bounds = BoundPropagation(net, Interval(lower, lower + width))
    units, projected = bounds.jacobians(None), bounds.jacobians(basis)
    for number in range(1, len(blueprint.nodes) + 1):
        exact = node_jets(blueprint, number, points.reshape(-1, 3))
        jacobian = exact.gradient.reshape(3, 200, -1, 3)
        for found, numbers in (
            (bounds.values[number], exact.value.reshape(3, 200, -1)),
            (units[number].to_interval(), jacobian),
            (projected[number].to_interval(), jacobian @ basis.astype(jets.LONG)),
        ):
            slack = 1e-17 * (1 + np.abs(numbers))
            assert ((found.lower[:, None] - slack <= numbers) & (numbers <= found.upper[:, None] + slack)).all(), number


@pytest.mark.parametrize("activation", SMOOTH)
def test_enclosures_of_hessians_for_left_and_right_factors(activation):
    rng = np.random.default_rng(85)
    blueprint = architectures(rng, activation)["skips"]
    net, x, y = blueprint.network(), rng.standard_normal((2, 3)), rng.standard_normal((2, 3))
    bounds = BoundPropagation(net, Interval.point(x))
    cotangents, outer = bounds.cotangents(Interval.point(y)), Interval.point(np.zeros((2, 3, 3)))
    z = blueprint.logits(jets.LongDoubles, x)
    exact = (z.hessian * y[:, :, None, None]).sum(axis=1)
    left, right = rng.standard_normal((3, 2)), rng.standard_normal((3, 4))
    for a, b in ((left, right), (None, right), (left, None), (None, None), (left, left)):
        found = bounds.hessian(cotangents, outer, a, b)
        wanted = (np.eye(3) if a is None else a).T @ exact @ (np.eye(3) if b is None else b)
        assert found.shape == wanted.shape
        assert (np.abs(wanted - found.mid) <= found.rad + 1e-17).all() and found.rad.max() < 1e-11
