"""The network value: what it computes, what it refuses, and that it cannot be changed."""

import pickle
from fractions import Fraction

import joblib
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.networks import network as network_module
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from tests.oracles import jets
from tests.oracles.blueprints import ACTIVATIONS, architectures, doubles, mlp, random_mlp


def net(seed=0, widths=(3, 4, 3), activation="tanh"):
    return random_mlp(np.random.default_rng(seed), widths, activation).network()


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_logits_are_the_oracles(activation):
    rng = np.random.default_rng(70)
    for blueprint in architectures(rng, activation).values():
        x = 3 * rng.standard_normal((7, blueprint.n_inputs))
        exact = doubles(blueprint.logits(jets.LongDoubles, x).value)
        np.testing.assert_allclose(blueprint.network().logits(x), exact, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_from_arrays_chains_layers_as_written(activation):
    rng = np.random.default_rng(71)
    weights = [rng.standard_normal(shape) for shape in ((4, 2), (3, 4), (3, 3))]
    biases = [rng.standard_normal(n) for n in (4, 3, 3)]
    ours = Network.from_arrays([w.tolist() for w in weights], biases, ["sigmoid", activation])
    x = rng.standard_normal((5, 2))
    oracle = mlp(weights, biases, ["sigmoid", activation]).logits(jets.LongDoubles, x)
    np.testing.assert_allclose(ours.logits(x), doubles(oracle.value), rtol=1e-13)
    assert ours.activations == ("sigmoid", activation) and ours.architecture == "2-4-3-3"
    assert (ours.n_inputs, ours.n_classes, ours.is_chain) == (2, 3, True)
    assert ours.is_piecewise_linear is False


def test_kinds_of_networks():
    for activation in ACTIVATIONS:
        ours = net(activation=activation)
        assert ours.is_piecewise_linear == (activation in ("identity", "relu", "leaky_relu"))
    assert Network.from_arrays([np.eye(2)], [[0, 0]]).is_piecewise_linear
    skips = architectures(np.random.default_rng(72), "relu")["skips"].network()
    assert not skips.is_chain and skips.n_inputs == 3
    assert repr(net()) == "Network(3-4-3, tanh, from arrays)"


def test_slope_of_leaky_relu():
    for slope in (0.01, 0.3, -0.5, 1, np.float32(0.25)):
        ours = Network.from_arrays([[[1.0]], [[1.0], [2.0]]], [[0.0], [0.0, 0.0]], "leaky_relu", slope=slope)
        assert ours.logits([[-2.0]]).tolist() == [[-2.0 * float(slope), -4.0 * float(slope)]]


def test_one_logit_stands_for_two_classes():
    ours = Network.from_arrays([[[2.0, 1.0]]], [[-1.0]])
    assert ours.n_classes == 2 and ours.logits([[1.0, 2.0]]).tolist() == [[0.0, 3.0]]
    np.testing.assert_allclose(
        ours.probabilities([[1.0, 2.0]]), [[1 / (1 + np.exp(3)), 1 / (1 + np.exp(-3))]], rtol=1e-15
    )
    ending = Network.chain([Affine(np.array([[1.0]]), np.zeros(1)), Activation("tanh")], 1)
    np.testing.assert_allclose(ending.logits([[0.5]]), [[0.0, np.tanh(0.5)]], rtol=1e-15)


def test_probabilities_are_a_softmax_and_ties_go_to_the_smallest_class():
    ours = Network.from_arrays([np.eye(3)], [[0.0, 0.0, 0.0]])
    assert ours.predict([[1, 1, 0], [0, 2, 2], [3, 3, 3], [0, 0, 1], [-0.0, 0.0, 0.0]]).tolist() == [0, 1, 0, 2, 0]
    p = ours.probabilities([[1e4, -1e4, 0.0], [np.log(2), 0.0, 0.0]])
    np.testing.assert_allclose(p, [[1, 0, 0], [0.5, 0.25, 0.25]], rtol=1e-15)


@given(st.integers(0, 2**32), st.integers(2, 5))
def test_prediction_is_the_most_probable_class(seed, n_classes):
    ours = net(seed, (2, 3, n_classes))
    x = np.random.default_rng(seed).standard_normal((20, 2))
    p, z = ours.probabilities(x), ours.logits(x)
    np.testing.assert_allclose(p.sum(axis=1), 1.0, rtol=1e-14)
    assert (np.take_along_axis(p, ours.predict(x)[:, None], axis=1)[:, 0] == p.max(axis=1)).all()
    np.testing.assert_allclose(np.log(p[:, :1] / p), z[:, :1] - z, rtol=1e-8, atol=1e-12)


def test_no_rows():
    for empty in (np.zeros((0, 3)), [], np.zeros((0, 3), dtype=np.float32), np.zeros((0, 3, 1))):
        assert net().logits(empty).shape == net().probabilities(empty).shape == (0, 3)
        assert net().logits(empty).dtype == np.float64
        assert net().predict(empty).shape == (0,)


def test_kinds_of_points():
    ours, x = net(), np.array([[1.0, 0.0, 1.0], [0.0, 1.0, 1.0]])
    for given_ in (
        x.tolist(),
        x.astype(np.float32),
        x.astype(int),
        x.astype(bool),
        x.astype(np.uint8),
        x.astype(np.float16),
        np.asfortranarray(x),
        x[::-1][::-1],
        torch.tensor(x),
        x.astype(np.longdouble),
        x.reshape(2, 3, 1),
        tuple(map(tuple, x)),
    ):
        found = ours.logits(given_)
        assert isinstance(found, np.ndarray) and found.dtype == np.float64
        np.testing.assert_array_equal(found, ours.logits(x))
    np.testing.assert_array_equal(ours.logits(x[0]), ours.logits(x[:1]))


@pytest.mark.parametrize("method", ["logits", "probabilities", "predict"])
def test_points_that_do_not_fit(method):
    call = getattr(net(), method)
    for x in (
        [[1.0, 2.0]],
        [1.0, 2.0],
        np.zeros((2, 4)),
        np.zeros((2, 2, 2)),
        1.0,
        np.zeros((0, 4)),
        [[np.nan, 0, 0]],
        [[0, 0, -np.inf]],
        np.array([[np.longdouble("1e4000"), 0, 0]]),
    ):
        with pytest.raises(InputError) as caught:
            call(x)
        assert isinstance(caught.value, ValueError)
        assert "(n, 3)" in str(caught.value) or "row 0" in str(caught.value)
    for x in (
        None,
        "abc",
        [["a", "b", "c"]],
        [[1j, 0, 0]],
        [[1.0], [1.0, 2.0]],
        {},
        object(),
        [[10**400, 0, 0]],
        np.array([["2020", "2021", "2022"]], dtype="M8[D]"),
        torch.zeros((1, 3), requires_grad=True),
    ):
        with pytest.raises(KindError) as caught:
            call(x)
        assert isinstance(caught.value, TypeError)


def test_portions_of_rows_make_no_difference(monkeypatch):
    ours, x = net(activation="gelu"), np.random.default_rng(73).standard_normal((1001, 3))
    whole = ours.logits(x)
    for rows in (1, 7, 1000, 1001):
        monkeypatch.setattr(network_module, "ROWS_AT_ONCE", rows)
        np.testing.assert_allclose(ours.logits(x), whole, rtol=1e-13, atol=1e-14)


BAD_ARRAYS = {
    "NaN": ([[[np.nan]]], [[0]], "layer 0: the weight has 1 NaN"),
    "infinite bias": ([[[1.0]], [[1.0]]], [[0], [np.inf]], "layer 1: the bias has 1 NaN or infinite"),
    "none": ([], [], "at least one"),
    "counts": ([[[1.0]]], [[0], [0]], "came 1 and 2"),
    "chain": ([[[1.0, 2.0]], [[1.0, 2.0]]], [[0], [0]], "transposed"),
    "bias shape": ([[[1.0]]], [[[0]]], "shape"),
    "bias length": ([[[1.0]]], [[0, 1]], "shape"),
    "no outputs": ([np.zeros((0, 2))], [np.zeros(0)], "at least one input and one output"),
    "no inputs": ([np.zeros((2, 0))], [np.zeros(2)], "at least one input and one output"),
    "three axes": ([np.zeros((1, 2, 2))], [[0]], "shape"),
    "text": ([[["1"]]], [["0"]], "real numbers"),
    "complex": ([np.array([[1 + 1j]])], [[0]], "real numbers"),
    "ragged": ([[[1], [1, 2]]], [[0, 0]], "real numbers"),
    "too large": ([[[10**400]]], [[0]], "real numbers"),
    "missing": ([None], [[0]], "real numbers"),
}


@pytest.mark.parametrize("name", BAD_ARRAYS)
def test_arrays_that_make_no_network(name):
    weights, biases, words = BAD_ARRAYS[name]
    with pytest.raises(InputError, match=words):
        Network.from_arrays(weights, biases)


def test_activations_that_make_no_network():
    weights, biases = [[[1.0]], [[1.0]]], [[0.0], [0.0]]
    for activation in ("swish", "", "ReLU", [None], ["relu", "relu"], [], "relu\x1b[31m"):
        with pytest.raises(InputError) as caught:
            Network.from_arrays(weights, biases, activation)
        assert "\x1b" not in str(caught.value)
    for slope in (np.nan, np.inf, "0.1", None, 1j):
        with pytest.raises(InputError, match="slope"):
            Network.from_arrays(weights, biases, "leaky_relu", slope=slope)
    for arguments in ((5, biases), (weights, None), (weights, biases, 5)):
        with pytest.raises(KindError):
            Network.from_arrays(*arguments)


def test_graphs_that_make_no_network():
    affine, plus = Affine(np.eye(2), np.zeros(2)), Sum()
    for nodes in (
        [INPUT],
        [INPUT, Node(affine, ())],
        [INPUT, Node(affine, (1,))],
        [INPUT, Node(affine, (2,)), Node(affine, (0,))],
        [INPUT, Node(affine, (-1,))],
        [INPUT, Node(affine, (0, 0))],
        [INPUT, Node(Activation("tanh"), (0, 0))],
        [INPUT, Node(plus, ())],
        [INPUT, Node(Affine(np.eye(3), np.zeros(3)), (0,))],
        [INPUT, Node(Affine(np.ones((3, 2)), np.zeros(3)), (0,)), Node(plus, (0, 1))],
    ):
        with pytest.raises(InputError):
            Network.graph(nodes, 2)
    with pytest.raises(InputError, match="at least one input"):
        Network.graph([INPUT, Node(affine, (0,))], 0)


def test_negated_networks_predict_the_least():
    for ours in (
        net(activation="silu"),
        architectures(np.random.default_rng(74), "tanh")["one logit"].network(),
        Network.chain([Affine(np.eye(3), np.zeros(3)), Activation("tanh")], 3),
    ):
        x = np.random.default_rng(75).standard_normal((20, ours.n_inputs))
        np.testing.assert_array_equal(ours.negated().logits(x), -ours.logits(x))
        np.testing.assert_array_equal(ours.negated().predict(x), ours.logits(x).argmin(axis=1))


def test_contrasts_combine_the_logits():
    rng = np.random.default_rng(76)
    x = rng.standard_normal((9, 3))
    for ours in (net(), Network.chain([Affine(rng.standard_normal((3, 3)), np.zeros(3)), Activation("softplus")], 3)):
        for contrasts in (np.eye(3), np.array([[1.0, -1.0, 0.0]]), np.array([[1.0, 1.0, -1.0], [0.5, 0.0, 0.0]])):
            np.testing.assert_allclose(
                ours.contrasted(contrasts).logits(x), ours.logits(x) @ contrasts.T, rtol=0, atol=1e-13
            )
            again = ours.contrasted(contrasts).contrasted(np.ones((2, len(contrasts))))
            np.testing.assert_allclose(
                again.logits(x)[:, 0], (ours.logits(x) @ contrasts.T).sum(axis=1), rtol=0, atol=1e-13
            )
    for contrasts in (np.eye(2), np.ones(3), np.ones((1, 4))):
        with pytest.raises(InputError, match="contrasts"):
            net().contrasted(contrasts)


def test_differences_of_logits_are_formed_from_differences_of_weights():
    """Logits of 1e17 that differ by 1 in exact arithmetic: their doubles are equal."""
    ours = Network.from_arrays([[[1e17], [1e17]]], [[0.5, -0.5]])
    assert ours.logits([[1.0]])[0, 0] == ours.logits([[1.0]])[0, 1]
    assert sx.margin(ours, 0, 1).value([[1.0]]) == 1.0
    assert sx.log_odds(ours, 0).value([[1.0]]) == 1.0


def test_the_rounding_of_folded_differences_is_bounded():
    """|fl(a - b) - (a - b)| stays within the radius that the layer carries, in rational numbers."""
    rng = np.random.default_rng(80)
    weight = rng.standard_normal((2, 400)) * 10.0 ** rng.integers(-200, 200, 400)
    bias = np.array([0.1, 0.3])
    folded = Network.from_arrays([weight], [bias]).contrasted(np.array([[1.0, -1.0]])).affine_layers[-1]
    for (a, b), rounded, radius in (
        *zip(weight.T, folded.weight[0], folded.weight_radius[0], strict=True),
        (bias, folded.bias[0], folded.bias_radius[0]),
    ):
        assert abs(Fraction(a) - Fraction(b) - Fraction(rounded)) <= Fraction(radius)
        assert radius <= 2.0**-52 * abs(rounded)


def test_differences_of_weights_that_overflow_are_left_to_the_logits():
    ours = Network.from_arrays([[[1.5e308], [-1.5e308]]], [[0.0, 0.0]])
    assert sx.margin(ours, 0, 1).value([[0.25]]) == 7.5e307
    assert sx.margin(ours, 0, 1).value([[0.0]]) == 0.0


def test_networks_cannot_be_changed():
    weights, biases = [np.ones((2, 2)), np.ones((1, 2))], [np.zeros(2), np.zeros(1)]
    ours = Network.from_arrays(weights, biases, "tanh")
    before = ours.logits([[1.0, 1.0]])
    weights[0][:] = 7.0
    biases[1][:] = 7.0
    np.testing.assert_array_equal(ours.logits([[1.0, 1.0]]), before)
    made = [ours, net(), ours.negated(), ours.contrasted(np.array([[1.0, -1.0]]))]
    for array in [
        a for n in made for layer in n.affine_layers for a in (layer.weight, layer.bias, layer.weight_radius)
    ]:
        if array is not None:
            with pytest.raises(ValueError, match="read-only"):
                array[0] = 1.0
    with pytest.raises(AttributeError):
        ours.n_inputs = 3
    with pytest.raises(AttributeError):
        ours.affine_layers[0].weight = np.eye(2)


def there_and_back(value):
    return pickle.loads(pickle.dumps(value))  # noqa: S301


def test_networks_and_potentials_travel_between_processes(tmp_path):
    for blueprint in architectures(np.random.default_rng(77), "gelu").values():
        ours, x = blueprint.network(), np.random.default_rng(78).standard_normal((3, blueprint.n_inputs))
        ours.propagate(torch.tensor(x))  # what is converted for a framework stays behind
        for case in blueprint.potentials:
            f = blueprint.library_potential(*case)
            f.gradient(torch.tensor(x))
            np.testing.assert_array_equal(there_and_back(f).gradient(x), f.gradient(x))
        joblib.dump(ours, tmp_path / "net")
        stored = joblib.load(tmp_path / "net"), joblib.load(tmp_path / "net", mmap_mode="r")
        for back in (there_and_back(ours), *stored):
            np.testing.assert_array_equal(back.logits(x), ours.logits(x))
            assert back.activations == ours.activations and back.reading == ours.reading


def test_permuted_neurons_make_the_same_function():
    rng = np.random.default_rng(79)
    w, b = [rng.standard_normal((5, 2)), rng.standard_normal((3, 5))], [rng.standard_normal(5), rng.standard_normal(3)]
    order, x = rng.permutation(5), rng.standard_normal((10, 2))
    one = Network.from_arrays(w, b, "silu")
    other = Network.from_arrays([w[0][order], w[1][:, order]], [b[0][order], b[1]], "silu")
    np.testing.assert_allclose(one.logits(x), other.logits(x), rtol=1e-13)


def test_what_a_network_says_where_it_comes_from():
    reading = sx.Reading(source="a\x1b[31mb" * 100, notes=("batch norm folded",))
    text = repr(Network.from_arrays([np.eye(2)], [[0, 0]], reading=reading))
    assert "\x1b" not in text and len(text) < 400 and text.startswith("Network(2-2, no activation, from a\\x1b[31mb")
    assert Network.from_arrays([np.eye(2)], [[0, 0]]).reading.largest_difference is None
