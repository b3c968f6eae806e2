"""The theorems of §4 on networks whose ranks, widths and activations are known."""

from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network, Reading

RNG = np.random.default_rng(1)


def net_of(widths, activation, slope=0.01, reading=None):
    pairs = list(zip(widths, widths[1:], strict=False))
    weights = [RNG.standard_normal((m, n)) for n, m in pairs]
    return Network.from_arrays(weights, [RNG.standard_normal(m) for _, m in pairs], activation, slope, reading)


def held(net, domain=None):
    """The five theorems by number."""
    return {theorem.number: theorem for theorem in sx.theorems(net, domain)}


def verdicts(net):
    return {number: theorem.applies for number, theorem in held(net).items()}


def test_the_network_of_the_paper():
    found = held(net_of([20, 8, 4], "sigmoid"), sx.Box.cube(20, 0, 1))
    assert [found[n].applies for n in ("4.1", "4.2", "4.3", "4.4", "4.5")] == [True, True, True, False, True]
    assert "from 20 to 8 dimensions" in found["4.1"].conclusion
    assert found["4.2"].potentials == ("class probability", "log-odds", "margin", "log-density")
    assert "boundary" in found["4.2"].on_domain
    assert "nothing follows" in found["4.3"].on_domain
    assert "touches the box's boundary" in found["4.5"].on_domain
    assert "fails for sigmoid" in found["4.4"].conclusion
    for theorem in found.values():
        assert theorem.certainty is (Certainty.PROVED if theorem.applies else Certainty.UNKNOWN)
        assert theorem.number in str(theorem) and theorem.name in repr(theorem) and theorem.reference


@pytest.mark.parametrize(
    ("activation", "slope", "expected"),
    [
        ("tanh", 0, (True, True, False)),
        ("softplus", 0, (True, True, False)),
        ("identity", 0, (True, True, True)),
        ("relu", 0, (False, False, False)),
        ("leaky_relu", 0.1, (False, True, True)),
        ("leaky_relu", 0.0, (False, False, False)),
        ("leaky_relu", -0.1, (False, False, False)),
        ("gelu", 0, (False, False, False)),
        ("silu", 0, (False, False, False)),
        ("mish", 0, (False, False, False)),
    ],
)
def test_which_activations_serve_which_theorem(activation, slope, expected):
    found = verdicts(net_of([6, 4, 3], activation, slope))
    assert (found["4.2"], found["4.3"], found["4.4"]) == expected
    assert found["4.5"] is (activation not in ("gelu", "silu", "mish") and slope >= 0)


def test_a_rank_that_is_lost_by_the_last_bit_only_is_seen():
    weight = RNG.standard_normal((3, 8))
    weight[2] = weight[0] * 0.5
    last = RNG.standard_normal((2, 3))
    dependent = Network.from_arrays([weight, last], [np.zeros(3), np.zeros(2)], "tanh")
    assert verdicts(dependent) == {"4.1": True, "4.2": False, "4.3": False, "4.4": False, "4.5": True}
    assert "from 8 to 2 dimensions" in held(dependent)["4.1"].conclusion
    assert "rank below 3" in held(dependent)["4.2"].conclusion
    weight = weight.copy()
    weight[2, 0] = np.nextafter(weight[2, 0], np.inf)
    assert verdicts(Network.from_arrays([weight, last], [np.zeros(3), np.zeros(2)], "tanh"))["4.2"] is True


def test_widths_that_grow_and_inputs_that_are_all_seen():
    found = held(net_of([2, 5, 3], "tanh"))
    assert not any(theorem.applies for theorem in found.values())
    assert "rank 2" in found["4.1"].conclusion and "the width grows" in found["4.2"].conclusion


def test_one_logit_needs_its_single_row_only():
    found = held(net_of([5, 3, 1], "sigmoid"))
    assert found["4.2"].potentials == ("class probability", "log-odds", "margin", "log-density")
    zero = Network.from_arrays([RNG.standard_normal((3, 5)), np.zeros((1, 3))], [np.zeros(3), np.ones(1)], "sigmoid")
    assert verdicts(zero)["4.2"] is False


def test_only_the_potentials_for_which_it_is_proved():
    first, bias = RNG.standard_normal((2, 5)), [np.zeros(2), np.zeros(3)]
    simplex = np.array([[1.0, 0.0], [0.0, 1.0], [-1.0, -1.0]])
    found = held(Network.from_arrays([first, simplex], bias, "tanh"))["4.2"]
    assert found.applies and found.potentials == ("class probability", "log-odds", "margin")
    net = Network.from_arrays([first, simplex], bias, "tanh")
    p = np.full(3, 1 / 3)
    assert np.abs(p @ net.affine_layers[-1].weight).max() < 1e-15, "the log-density does have an equilibrium"
    zeros = np.array([[0.0, 0.0], [0.0, 0.0], [1.0, 2.0]])
    assert held(Network.from_arrays([first, zeros], bias, "tanh"))["4.2"].potentials == ("log-density",)
    normalised = net_of([5, 3, 2], "tanh", reading=Reading(is_normalised=True))
    assert "log-density" not in held(normalised)["4.2"].potentials


def test_differences_are_tested_exactly_not_after_rounding():
    last = np.array([[1.0, 2.0**-60], [0.0, 2.0**-60], [1.0, 0.0]])
    last[0, 1] = 2.0**-60 + 1.0
    net = Network.from_arrays([np.eye(2), last], [np.zeros(2), np.zeros(3)], "tanh")
    assert "log-odds" in held(net)["4.2"].potentials


def test_submersions_have_no_small_gradients_where_theorem_says_so():
    net = net_of([6, 4, 3], "tanh")
    x = RNG.standard_normal((200, 6))
    passed = net.propagate(x)
    q = np.exp(passed.output) / np.exp(passed.output).sum(axis=1, keepdims=True)
    assert held(net)["4.2"].applies
    assert np.linalg.norm(passed.cotangents(q)[0], axis=1).min() > 0


def test_deeper_networks_keep_what_their_depth_allows():
    assert verdicts(net_of([6, 5, 4, 3], "tanh")) == {"4.1": True, "4.2": True, "4.3": False, "4.4": False, "4.5": True}
    assert verdicts(net_of([6, 5, 4, 3], "leaky_relu"))["4.4"] is True
    assert verdicts(net_of([6, 4, 5, 3], "leaky_relu"))["4.4"] is False
    assert verdicts(net_of([6, 4, 5, 3], "relu"))["4.5"] is True


def test_four_affine_logits_in_the_plane_bound_a_triangle():
    weight = np.array([[0.0, 0.0], [0.0, -1.0], [1.0, 1.0], [-1.0, 1.0]])
    triangle = Network.from_arrays([weight], [np.array([1.0, 0.0, 0.0, 0.0])], [])
    ring = 100.0 * np.column_stack([np.cos(t := np.linspace(0, 2 * np.pi, 500)), np.sin(t)])
    assert triangle.predict([[0.0, 0.0]]) == [0] and (triangle.predict(ring) != 0).all()
    assert verdicts(triangle)["4.5"] is False
    three = Network.from_arrays([weight[:3]], [np.array([1.0, 0.0, 0.0])], [])
    assert verdicts(three)["4.5"] is True
    narrow = Network.from_arrays([weight[:1] + 1, weight[:, :1]], [np.zeros(1), np.zeros(4)], "relu")
    assert verdicts(narrow)["4.5"] is True


def test_skip_connections_leave_the_row_space_only():
    first, square = Affine(RNG.standard_normal((3, 7)), np.zeros(3)), Affine(RNG.standard_normal((3, 3)), np.zeros(3))
    nodes = (INPUT, Node(first, (0,)), Node(Activation("tanh"), (1,)), Node(square, (2,)), Node(Sum(), (1, 3)))
    skip = Network.graph((*nodes, Node(Affine(RNG.standard_normal((2, 3)), np.zeros(2)), (4,))), 7)
    assert verdicts(skip) == {"4.1": True, "4.2": False, "4.3": False, "4.4": False, "4.5": False}
    assert "chain" in held(skip)["4.2"].conclusion
    residual = Network.graph((INPUT, Node(Affine(np.eye(3), np.zeros(3)), (0,)), Node(Sum(), (0, 1))), 3)
    assert verdicts(residual)["4.1"] is False


def test_rounded_weights_prove_nothing():
    net = net_of([5, 3, 2], "tanh")
    rounded = net.contrasted(np.array([[1.0, -1.0], [0.0, 1.0]]))
    theorem = held(rounded)["4.2"]
    assert theorem.applies is None and theorem.certainty is Certainty.UNKNOWN and not theorem.potentials
    assert "not decided" in str(theorem)


def test_domains_are_checked():
    net = net_of([3, 2, 2], "tanh")
    assert held(net, sx.WholeSpace(3))["4.2"].on_domain == held(net)["4.2"].on_domain
    assert "no equilibrium in the interior" in held(net, ([0, 0, 0], [1, 1, 1]))["4.2"].on_domain
    with pytest.raises(InputError, match="dimension 3"):
        sx.theorems(net, sx.Box.cube(2, 0, 1))
    with pytest.raises(KindError, match="expected a Network"):
        sx.theorems(np.eye(2), None)


def test_the_embedded_digits_network():
    net = sx.load(Path(sx.__file__).parent / "data" / "networks" / "mnist-sigmoid.safetensors")
    found = held(net, sx.Box.cube(784, 0, 1))
    assert "from 784 to 256 dimensions" in found["4.1"].conclusion
    assert found["4.2"].certainty is Certainty.PROVED and "log-density" in found["4.2"].potentials
