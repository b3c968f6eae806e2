"""What potentials refuse, and with which words."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT
from tests.oracles.blueprints import POTENTIALS, random_mlp

NET = random_mlp(np.random.default_rng(30), (2, 3, 3), "tanh").network()
ONE = sx.Network.from_arrays([[[1.0, -1.0]], [[2.0]]], [[0.0], [0.5]], "tanh")


@pytest.mark.parametrize("k", [-1, 3, 1.0, True, "0", None, np.float64(1)])
def test_class_numbers(k):
    for make in (lambda: sx.log_odds(NET, k), lambda: sx.class_probability(NET, k), lambda: sx.margin(NET, 0, k)):
        with pytest.raises(InputError, match="class number from 0 to 2"):
            make()
    assert sx.log_odds(NET, np.int64(2)).name == "log-odds of class 2"


def test_a_margin_is_between_two_classes():
    with pytest.raises(InputError, match="two different classes"):
        sx.margin(NET, 1, 1)


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
@pytest.mark.parametrize("net", [None, "model.onnx", 5, np.zeros(3)], ids=type)
def test_what_is_no_network(net, case):
    with pytest.raises(KindError, match="expected a Network"):
        getattr(sx, case[0])(net, *case[1:])


def test_log_density_of_a_single_logit_is_refused():
    with pytest.raises(InputError, match="single logit"):
        sx.log_density(ONE)
    two = sx.Network.from_arrays([[[0.0, 0.0], [1.0, 1.0]]], [[0.5, 0.0]])
    assert sx.log_density(two).value([[0.0, 0.0]]).shape == (1,)


def test_log_density_of_a_sum_whose_last_part_is_a_single_logit():
    """Only the last node decides: here the first logit is x_1 and not 0."""
    parts = Affine(np.eye(2), np.zeros(2)), Affine(np.array([[0.0, 0.0], [1.0, 2.0]]), np.zeros(2))
    net = sx.Network.graph([INPUT, Node(parts[0], (0,)), Node(parts[1], (0,)), Node(Sum(), (1, 2))], 2)
    np.testing.assert_allclose(sx.log_density(net).gradient([[0.0, 0.0]]), [[1.0, 1.5]])


def test_log_density_of_a_normalised_source_is_refused():
    reading = sx.Reading(is_normalised=True)
    net = sx.Network.from_arrays([np.eye(2)], [[0.0, 0.0]], reading=reading)
    with pytest.raises(InputError, match="before any normalisation"):
        sx.log_density(net)
    assert sx.log_odds(net, 0).value([[1.0, 0.0]]) == 1.0


@pytest.mark.parametrize("method", ["value", "gradient", "hessian"])
def test_points_of_wrong_shape_or_kind(method):
    call = getattr(sx.log_odds(NET, 0), method)
    for x in ([[1.0]], [1.0, 2.0, 3.0], np.zeros((2, 3)), 0.0, [[np.nan, 0.0]], [[0.0, np.inf]]):
        with pytest.raises(InputError):
            call(x)
    for x in ("ab", None, [["a", "b"]], [[1j, 0.0]], [[1.0], [1.0, 2.0]]):
        with pytest.raises(KindError):
            call(x)


def test_directions_must_fit_the_points():
    f = sx.log_odds(NET, 0)
    with pytest.raises(InputError):
        f.hessian_vector(np.zeros((2, 2)), np.zeros((3, 2)))
    with pytest.raises(KindError):
        f.hessian_vector(np.zeros((2, 2)), "ab")


def test_boxes_to_enclose():
    f = sx.log_odds(NET, 0)
    for lower, upper in (([1.0, 0.0], [0.0, 1.0]), ([0.0, 0.0], [[0.0, 0.0], [1.0, 1.0]]), ([np.nan, 0.0], [1.0, 1.0])):
        with pytest.raises(InputError):
            f.enclose(lower, upper)
    assert [part.shape for part in f.enclose([0, 0], [1, 1])] == [(), (2,), (2, 2)]
    assert [part.shape for part in f.enclose([[0, 0]], [[1, 1]])] == [(1,), (1, 2), (1, 2, 2)]
    assert [part.shape for part in f.enclose([], [])] == [(0,), (0, 2), (0, 2, 2)]


def test_an_activation_may_end_a_network():
    net = sx.Network.graph([INPUT, Node(Affine(np.eye(2), np.zeros(2)), (0,)), Node(Activation("relu"), (1,))], 2)
    f = sx.margin(net, 0, 1)
    assert f.value([[2.0, -3.0]]) == 2.0 and f.gradient([[2.0, -3.0]]).tolist() == [[1.0, 0.0]]
