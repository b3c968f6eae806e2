"""Graphs of every kind of layer in files: back bit for bit, and nothing that is false is taken."""

import json

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

import separatrix as sx
from separatrix.errors import InputError, SeparatrixError
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.networks.structured_layers import Convolution, SparseAffine


def every_kind() -> Network:
    rng = np.random.default_rng(0)
    one = Convolution(rng.normal(size=(3, 1, 2, 3)), rng.normal(size=3), (1, 4, 5), (1, 2), ((1, 0), (0, 1)), (1, 1))
    mean = Convolution(np.full((3, 1, 2, 1), 0.5), np.zeros(3), one.output_shape, (2, 1), ((0, 0), (0, 0)), (1, 1), 3)
    picked = SparseAffine.picking([0, -1, *range(3, 12), 2], mean.n_outputs)
    line = Convolution(rng.normal(size=(2, 2, 3)), rng.normal(size=2), (2, 6), (1,), ((1, 1),), (1,))
    last = Affine(rng.normal(size=(3, 12)), rng.normal(size=3), np.full((3, 12), 1e-18), np.full(3, 1e-18))
    nodes = (
        INPUT, Node(one, (0,)), Node(Activation("leaky_relu", 0.2), (1,)), Node(mean, (2,)), Node(picked, (3,)),
        Node(line, (4,)), Node(Activation("gelu"), (5,)), Node(Sum(), (6, 4)), Node(last, (7,)),
    )  # fmt: skip
    return Network.graph(nodes, 20)


def test_every_kind_of_layer_comes_back_bit_for_bit(tmp_path):
    net = every_kind()
    net.save(tmp_path / "net.safetensors")
    again = sx.load(tmp_path / "net.safetensors")
    x = np.random.default_rng(1).normal(size=(5, 20))
    assert np.array_equal(again.logits(x), net.logits(x))
    assert again.architecture == net.architecture == "20-3c2x3-mean2x1-2c3-3"
    assert np.array_equal(again.nodes[-1].layer.weight_radius, net.nodes[-1].layer.weight_radius)
    again.save(tmp_path / "twice.safetensors")
    assert sx.load(tmp_path / "twice.safetensors").logits(x[:1]).tolist() == net.logits(x[:1]).tolist()


def changed(folder, change):
    """The file of ``every_kind`` with its graph and arrays changed."""
    every_kind().save(folder / "net.safetensors")
    with safe_open(folder / "net.safetensors", framework="numpy") as file:
        arrays, graph = {key: file.get_tensor(key) for key in file.keys()}, json.loads(file.metadata()["graph"])  # noqa: SIM118
    change(graph, arrays)
    save_file(arrays, folder / "net.safetensors", metadata={"graph": json.dumps(graph)})
    return folder / "net.safetensors"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda graph, arrays: graph["nodes"][0].update(padding=[[2**40, 0], [0, 0]]), "padding"),
        (lambda graph, arrays: graph["nodes"][0].update(groups=0), "at least 1"),
        (lambda graph, arrays: graph["nodes"][0].update(parents=[3]), "from 0 to 0"),
        (lambda graph, arrays: graph["nodes"][0].update(parents=[]), "do not chain"),
        (lambda graph, arrays: graph["nodes"][0].update(kind="convolute\u0007"), "not known"),
        (lambda graph, arrays: graph["nodes"][1].update(name="step"), "step"),
        (lambda graph, arrays: graph["nodes"][1].update(slope="a"), "finite number"),
        (lambda graph, arrays: graph["nodes"][3].update(width=11), "rows of a sparse layer"),
        (lambda graph, arrays: graph.update(inputs=21), "do not chain"),
        (lambda graph, arrays: graph.update(inputs=True), "inputs"),
        (lambda graph, arrays: graph.update(nodes=[]), "nodes"),
        (lambda graph, arrays: arrays.pop("1.weight"), "needs the array 1.weight"),
        (lambda graph, arrays: arrays.update({"1.weight": np.full((3, 1, 2, 3), np.nan)}), "finite"),
        (lambda graph, arrays: arrays.update({"4.columns": np.zeros(11)}), "integers"),
        (lambda graph, arrays: arrays.update({"8.weight_radius": -np.ones((3, 12))}), "non-negative"),
    ],
)
def test_graphs_that_are_false_are_refused_by_name(tmp_path, change, message):
    with pytest.raises(InputError, match=message) as caught:
        sx.load(changed(tmp_path, change))
    assert str(caught.value).isprintable()
    assert "net.safetensors" in str(caught.value)


@pytest.mark.parametrize(
    "text", ["", "[", "[" * 100_000, "{}", '{"inputs": 2, "nodes": 3}', '{"inputs": 2, "nodes": [4]}']
)
def test_what_is_no_description_is_refused(tmp_path, text):
    save_file({"W0": np.eye(2)}, tmp_path / "net.safetensors", metadata={"graph": text})
    with pytest.raises(SeparatrixError, match="graph"):
        sx.load(tmp_path / "net.safetensors")
