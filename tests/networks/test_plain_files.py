"""Perceptrons in .npz and .safetensors files: keys, orders, number formats, activations, round trips."""

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from safetensors.torch import save_file as save_torch_file

import separatrix as sx
from separatrix.errors import InputError, KindError, ReadingWarning, UnreadableFileError, UnsupportedLayerError
from separatrix.networks.layers import Activation, Affine
from separatrix.networks.network import Network

RNG = np.random.default_rng(0)


def perceptron(*widths, dtype=np.float64):
    """W0, b0, … of these widths."""
    arrays = {}
    for index, (n, m) in enumerate(zip(widths, widths[1:], strict=False)):
        arrays[f"W{index}"] = RNG.standard_normal((m, n)).astype(dtype)
        arrays[f"b{index}"] = RNG.standard_normal(m).astype(dtype)
    return arrays


def by_hand(arrays, x, function):
    """The forward pass, written out."""
    n_layers = len(arrays) // 2
    for index in range(n_layers):
        x = x @ np.float64(arrays[f"W{index}"]).T + np.float64(arrays[f"b{index}"])
        x = function(x) if index < n_layers - 1 else x
    return x


POINTS = RNG.standard_normal((20, 3))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("kind", ["npz", "safetensors"])
def test_both_formats_give_the_network_of_their_numbers(tmp_path, kind, dtype):
    arrays = perceptron(3, 5, 4, 2, dtype=dtype)
    path = tmp_path / f"net.{kind}"
    if kind == "npz":
        np.savez(path, lo=np.zeros(3), hi=np.ones(3), **arrays)
        net = sx.load(path, activation="tanh")
    else:
        save_file(arrays, path, metadata={"activation": "tanh", "accuracy": "0.9"})
        net = sx.load(str(path))
        assert net.reading.metadata["accuracy"] == "0.9"
    assert net.architecture == "3-5-4-2"
    assert net.activations == ("tanh", "tanh")
    np.testing.assert_allclose(net.logits(POINTS), by_hand(arrays, POINTS, np.tanh), rtol=1e-13, atol=1e-13)
    assert "net" in net.reading.source and net.reading.largest_difference is None


def test_state_dict_keys_are_ordered_by_number_not_by_letter(tmp_path):
    model = torch.nn.Sequential(*(torch.nn.Linear(3, 3) for _ in range(12)))
    np.savez(tmp_path / "net.npz", **{f"layers.{key}": value.numpy() for key, value in model.state_dict().items()})
    net = sx.load(tmp_path / "net.npz", activation="identity")
    with torch.no_grad():
        own = model(torch.from_numpy(POINTS).float()).numpy()
    np.testing.assert_allclose(net.logits(POINTS), own, atol=1e-5)


@pytest.mark.parametrize("names", [("0", "2"), ("fc1", "fc2"), ("net.2", "net.10"), ("encoder", "head"), ("", "x")])
def test_module_names_of_two_layers(tmp_path, names):
    arrays = {}
    for name, (n, m) in zip(names, [(3, 5), (5, 2)], strict=True):
        arrays[f"{name}.weight".lstrip(".")], arrays[f"{name}.bias".lstrip(".")] = np.ones((m, n)), np.zeros(m)
    save_file(arrays, tmp_path / "net.safetensors")
    assert sx.load(tmp_path / "net.safetensors", activation="relu").architecture == "3-5-2"


def test_shapes_decide_where_names_do_not(tmp_path):
    shapes = {"out": (2, 7), "fc1": (5, 3), "fc2": (5, 5), "bottleneck": (7, 5)}
    np.savez(tmp_path / "net.npz", **{f"{k}.weight": np.ones(s) for k, s in shapes.items()})
    net = sx.load(tmp_path / "net.npz", activation="relu")
    assert net.architecture == "3-5-5-7-2"
    assert any("no bias" in note for note in net.reading.notes)


def test_an_ambiguous_order_is_refused(tmp_path):
    save_file({"body.weight": np.eye(3), "head.weight": np.ones((3, 3))}, tmp_path / "net.safetensors")
    with pytest.raises(InputError, match=r"order of the layers .*body.*head.* is ambiguous"):
        sx.load(tmp_path / "net.safetensors", activation="relu")


def test_hundreds_of_unrelated_names_of_one_shape_end_quickly(tmp_path):
    names = ["".join(chr(97 + int(d)) for d in f"{i:04d}") for i in range(300)]
    np.savez(tmp_path / "net.npz", **{f"{name}.weight": np.eye(2) for name in names})
    with pytest.raises(InputError, match="ambiguous") as caught:
        sx.load(tmp_path / "net.npz", activation="relu")
    assert len(str(caught.value)) < 5000


def test_activation_and_slope_may_stand_in_the_file(tmp_path):
    arrays = perceptron(3, 4, 4, 2)
    np.savez(tmp_path / "net.npz", activation=np.array(["leaky_relu", "tanh"]), slope=np.array(0.25), **arrays)
    net = sx.load(tmp_path / "net.npz")
    assert net.activations == ("leaky_relu", "tanh")
    assert next(node.layer.slope for node in net.nodes if isinstance(node.layer, Activation)) == 0.25
    np.savez(tmp_path / "one.npz", activation="sigmoid", **arrays)
    assert sx.load(tmp_path / "one.npz").activations == ("sigmoid", "sigmoid")
    assert sx.load(tmp_path / "one.npz", activation="Sigmoid").activations == ("sigmoid", "sigmoid")


def test_what_is_asked_for_wins_over_the_file_with_a_warning(tmp_path):
    np.savez(tmp_path / "net.npz", activation="tanh", **perceptron(2, 3, 2))
    with pytest.warns(ReadingWarning, match="relu was asked for"):
        net = sx.load(tmp_path / "net.npz", activation="relu")
    assert net.activations == ("relu",) and any("tanh" in note for note in net.reading.notes)


def test_a_network_without_hidden_layer_needs_no_activation(tmp_path):
    np.savez(tmp_path / "net.npz", **perceptron(2, 3))
    assert sx.load(tmp_path / "net.npz").activations == ()


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        (None, InputError, "pass activation="),
        ("swishy", InputError, "unknown activation 'swishy'.*known are gelu"),
        (["relu", "tanh", "relu"], InputError, "expected one activation or one for each of the 1"),
        (3, KindError, "activation"),
    ],
)
def test_activations_that_are_missing_or_wrong(tmp_path, given, error, match):
    np.savez(tmp_path / "net.npz", **perceptron(2, 3, 2))
    with pytest.raises(error, match=match):
        sx.load(tmp_path / "net.npz", activation=given)


def test_missing_biases_are_zero_and_said(tmp_path):
    np.savez(tmp_path / "net.npz", W0=np.ones((3, 2)), W1=np.ones((2, 3)))
    with pytest.warns(ReadingWarning, match="no biases"):
        net = sx.load(tmp_path / "net.npz", activation="relu")
    assert not net.affine_layers[0].bias.any() and any("zero" in note for note in net.reading.notes)


@pytest.mark.parametrize(
    ("change", "missing"),
    [({"b1": None}, "b1"), ({"W1": None}, "W1"), ({"W0": None, "b0": None}, "W0"), ({"W4": np.eye(2)}, "W3")],
)
def test_gaps_are_named(tmp_path, change, missing):
    arrays = {key: value for key, value in (perceptron(2, 2, 2, 2) | change).items() if value is not None}
    np.savez(tmp_path / "net.npz", **arrays)
    with pytest.raises(InputError, match=f"net.npz: .*{missing}.* missing"):
        sx.load(tmp_path / "net.npz", activation="relu")


def test_everything_that_looks_like_a_layer_and_is_none_is_named_at_once(tmp_path):
    foreign = {
        "1.running_mean": np.ones(3),
        "c.weight": np.ones((2, 2, 3, 3)),
        "rnn.weight_ih_l0": np.eye(2),
        "fc7": np.eye(2),
        "dense/kernel": np.eye(2),
        "norm.weight": np.ones(2),
    }
    np.savez(tmp_path / "net.npz", **perceptron(2, 3, 2), **foreign)
    with pytest.raises(UnsupportedLayerError) as caught:
        sx.load(tmp_path / "net.npz", activation="relu")
    for key in foreign:
        assert key in str(caught.value)
    assert "convolution" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"W1": np.ones((2, 4))}, "W1 needs 4 inputs, W0 gives 3"),
        ({"b0": np.ones(2)}, "b0 has 2 entries, W0 gives 3"),
        ({"W1": np.full((2, 3), np.nan)}, "W1, b1.*NaN"),
        ({"b0": np.array([0, np.inf, 0])}, "W0, b0.*bias.*infinite"),
        ({"W0": np.ones((3, 2), complex)}, "W0.*complex"),
        ({"W0": np.full((3, 2), 2**60)}, "W0.*integers above"),
        ({"W0": np.array([["a", "b"]] * 3)}, "W0"),
        ({"fc.weight": np.eye(2)}, "two styles"),
    ],
)
def test_weights_that_do_not_fit(tmp_path, change, match):
    np.savez(tmp_path / "net.npz", **(perceptron(2, 3, 2) | change))
    with pytest.raises(InputError, match=f"net.npz: .*{match}"):
        sx.load(tmp_path / "net.npz", activation="relu")


def test_small_integers_are_exact(tmp_path):
    np.savez(tmp_path / "net.npz", W0=np.array([[1, -1]]), b0=np.array([3]))
    assert sx.load(tmp_path / "net.npz").logits([[1.0, 2.0]]).tolist() == [[0.0, 2.0]]


def test_bfloat16_is_read_exactly_and_float8_refused(tmp_path):
    weight = torch.randn(2, 3).bfloat16()
    save_torch_file({"W0": weight, "b0": torch.zeros(2)}, tmp_path / "net.safetensors")
    assert (sx.load(tmp_path / "net.safetensors").affine_layers[0].weight == weight.double().numpy()).all()
    save_torch_file({"W0": weight.to(torch.float8_e4m3fn)}, tmp_path / "small.safetensors")
    with (
        pytest.raises(InputError, match="W0 has the number format F8_E4M3"),
    ):
        sx.load(tmp_path / "small.safetensors")


def test_one_logit_stands_for_two_classes(tmp_path):
    np.savez(tmp_path / "net.npz", **perceptron(3, 4, 1))
    net = sx.load(tmp_path / "net.npz", activation="relu")
    assert net.n_classes == 2 and not net.logits(POINTS)[:, 0].any()
    assert any("one output" in note for note in net.reading.notes)


@pytest.mark.parametrize(
    "names", [["tanh"], ["relu", "gelu"], ["leaky_relu", "identity"], ["gelu_tanh", "silu", "softplus"]]
)
def test_saving_and_loading_gives_the_same_network_bit_for_bit(tmp_path, names):
    widths = [3, *[4] * len(names), 2]
    arrays = perceptron(*widths)
    n = len(names) + 1
    net = Network.from_arrays(
        [arrays[f"W{i}"] for i in range(n)], [arrays[f"b{i}"] for i in range(n)], names, slope=0.3
    )
    net.save(tmp_path / "net.safetensors")
    again = sx.load(tmp_path / "net.safetensors")
    assert again.activations == tuple(names)
    assert (again.logits(POINTS) == net.logits(POINTS)).all()
    assert [path.name for path in tmp_path.iterdir()] == ["net.safetensors"]
    again.negated().save(tmp_path / "negated.safetensors")
    assert (sx.load(tmp_path / "negated.safetensors").logits(POINTS) == -net.logits(POINTS)).all()


def test_saving_keeps_metadata(tmp_path):
    save_file(perceptron(2, 3, 2), tmp_path / "a.safetensors", metadata={"activation": "tanh", "seed": "7"})
    sx.load(tmp_path / "a.safetensors").save(tmp_path / "b.safetensors")
    assert sx.load(tmp_path / "b.safetensors").reading.metadata == {"activation": "tanh", "seed": "7"}


def test_files_that_cannot_be_written_are_refused(tmp_path):
    chain = Network.chain([Affine(np.eye(2), np.zeros(2))], 2)
    with pytest.raises(InputError, match="safetensors"):
        chain.save(tmp_path / "net.npz")
    with pytest.raises(UnreadableFileError, match="cannot be written"):
        chain.save(tmp_path / "missing" / "net.safetensors")
    assert not list(tmp_path.iterdir())
