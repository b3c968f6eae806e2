"""What stands at the ends of ONNX files, how their numbers are stored, functions, and files of torch's exporter."""

import contextlib
import io
import sys
import warnings

import numpy as np
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from scipy.special import expit, log_softmax, softmax
from torch import nn

import separatrix as sx
from separatrix.errors import InputError, MissingExtraError, UnreadableFileError
from tests.networks.onnx.models import B, W, model, node, perceptron, written

X = np.random.default_rng(1).standard_normal((20, 3))
H = X @ W.astype(np.float32).T + B.astype(np.float32)
DENSE = node("Gemm", "x W B", "h", transB=1)
CONSTANTS = {"W": W, "B": B}


@pytest.mark.parametrize("opset", [7, 11, 13])
@pytest.mark.parametrize(("operator", "own"), [("Softmax", softmax), ("LogSoftmax", log_softmax)])
def test_a_softmax_at_the_end_is_taken_off_and_its_temperature_stays(operator, own, opset, tmp_path):
    nodes = [DENSE, node("Div", "h T", "k"), node(operator, "k", "y", axis=1)]
    net = sx.load(written(model(nodes, constants={**CONSTANTS, "T": [2.0]}, opset=opset), tmp_path))
    np.testing.assert_allclose(net.logits(X), H / 2, atol=1e-12)
    np.testing.assert_allclose(own(net.logits(X), axis=1), own(H / 2, axis=1), atol=1e-12)
    assert any("at the end was taken off" in note for note in net.reading.notes)


def test_a_log_of_a_softmax_and_one_sigmoid(tmp_path):
    nodes = [DENSE, node("Softmax", "h", "p"), node("Log", "p", "y")]
    np.testing.assert_allclose(sx.load(written(model(nodes, constants=CONSTANTS), tmp_path)).logits(X), H, atol=1e-12)
    nodes = [node("Gemm", "x W B", "h", transB=1), node("Sigmoid", "h", "y")]
    net = sx.load(written(model(nodes, constants={"W": W[:1], "B": B[:1]}), tmp_path))
    np.testing.assert_allclose(net.probabilities(X)[:, 1], expit(H[:, 0]), atol=1e-12)


def test_labels_beside_probabilities_as_converters_of_sklearn_write_them(tmp_path):
    """A scaler, one logit, (1 - p, p), ArgMax to labels and ZipMap."""
    nodes = [
        helper.make_node("Scaler", ["x"], ["s"], domain="ai.onnx.ml", offset=[1.0, 0.0, 2.0], scale=[0.5, 1.0, 2.0]),
        node("MatMul", "s W", "m"),
        node("Add", "m B", "h"),
        node("Sigmoid", "h", "p"),
        node("Sub", "one p", "q"),
        node("Concat", "q p", "both", axis=1),
        node("ArgMax", "both", "k", axis=1),
        helper.make_node("ArrayFeatureExtractor", ["names", "k"], ["label"], domain="ai.onnx.ml"),
        helper.make_node("ZipMap", ["both"], ["y"], domain="ai.onnx.ml", classlabels_strings=["cat", "do\x1bg"]),
    ]
    proto = model(nodes, constants={"W": W[:1].T, "B": B[:1], "one": [1.0], "names": np.array([0, 1])})
    proto.graph.output[0].type.CopyFrom(
        helper.make_sequence_type_proto(
            helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(1, []))
        )
    )
    proto.graph.output.insert(0, helper.make_tensor_value_info("label", TensorProto.STRING, ["n"]))
    net = sx.load(written(proto, tmp_path))
    p = expit(((X - [1, 0, 2]) * [0.5, 1, 2]) @ W[0].astype(np.float32) + B[0].astype(np.float32))
    np.testing.assert_allclose(net.probabilities(X), np.column_stack([1 - p, p]), atol=1e-12)
    assert net.reading.metadata["classes"] == "cat, do\\x1bg" and net.reading.largest_difference < 1e-12


STORED = {
    "float32": numpy_helper.from_array(np.array([[1.5, -2.0, 0.1]], np.float32), "W"),
    "float32, typed": helper.make_tensor("W", TensorProto.FLOAT, (1, 3), [1.5, -2.0, 0.1]),
    "float64": numpy_helper.from_array(np.array([[1.5, -2.0, 0.1]]), "W"),
    "float64, typed": helper.make_tensor("W", TensorProto.DOUBLE, (1, 3), [1.5, -2.0, 0.1]),
    "float16": numpy_helper.from_array(np.array([[1.5, -2.0, 0.1]], np.float16), "W"),
    "float16, typed": helper.make_tensor("W", TensorProto.FLOAT16, (1, 3), [1.5, -2.0, 0.1]),
    "bfloat16": helper.make_tensor("W", TensorProto.BFLOAT16, (1, 3), b"\xc0\x3f\x00\xc0\xcd\x3d", raw=True),
    "bfloat16, typed": helper.make_tensor("W", TensorProto.BFLOAT16, (1, 3), [1.5, -2.0, 0.1]),
}
LAST = {"float32": np.float32(0.1), "float64": 0.1, "float16": np.float16(0.1), "bfloat16": 0.10009765625}


@pytest.mark.parametrize("how", STORED)
@pytest.mark.parametrize("is_node", [False, True])
def test_numbers_of_every_width_are_taken_as_they_are(how, is_node, tmp_path):
    nodes = [node("Cast", "W", "U", to=1), node("Gemm", "x U", "y", transB=1)]
    nodes = [node("Constant", "", "W", value=STORED[how]), *nodes] if is_node else nodes
    net = sx.load(written(model(nodes, constants={} if is_node else {"W": STORED[how]}), tmp_path))
    expected = [1.5, -2.0, float(LAST[how.split(",")[0]])]
    assert net.affine_layers[0].weight[1].tolist() == expected


def external(location, **more):
    tensor = TensorProto(name="W", data_type=TensorProto.FLOAT, dims=(4, 3), data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **more}.items():
        tensor.external_data.add(key=key, value=str(value))
    return tensor


def test_data_beside_the_model(tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "w.bin").write_bytes(b"1234" + W.astype("<f4").tobytes())
    proto = model([DENSE, node("Relu", "h", "y")], constants={"W": external("data/w.bin", offset=4), "B": B})
    np.testing.assert_allclose(sx.load(written(proto, tmp_path)).logits(X), np.maximum(H, 0), atol=1e-12)


@pytest.mark.parametrize("form", ["float32", "float64", "bfloat16"])
def test_large_files_are_read_a_weight_at_a_time(form, tmp_path):
    """Weights of a file above a megabyte stay in the file until they are needed: little memory, the same numbers."""
    weight = np.random.default_rng(0).standard_normal((900, 800))
    if form == "bfloat16":
        weight = (weight.astype("<f4").view("<u4") >> 16 << 16).view("<f4").astype(float)
        halves = (weight.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
        tensor = helper.make_tensor("W", TensorProto.BFLOAT16, (900, 800), halves, raw=True)
    else:
        weight = weight.astype(form).astype(float)
        tensor = numpy_helper.from_array(weight.astype(form), "W")
    nodes = [DENSE, node("Relu", "h", "r"), node("Gemm", "r V", "y", transB=1)]
    constants = {"B": np.zeros(900), "V": np.ones((2, 900)), "W": tensor}
    path = written(model(nodes, ("n", 800), constants), tmp_path)
    net = sx.load(path)
    assert (net.affine_layers[0].weight == weight).all() and net.reading.largest_difference < 1e-9
    content = path.read_bytes()
    for n in (len(content) - 1, len(content) // 2, (1 << 20) + 1):
        path.write_bytes(content[:n])
        with pytest.raises(UnreadableFileError):
            sx.load(path)


def test_functions_of_the_file_are_entered(tmp_path):
    """A function that calls a function, with an attribute that is handed on, one left out, and a constant inside."""
    inner = helper.make_function(
        "own", "Leak", ["u"], ["v"], [helper.make_node("LeakyRelu", ["u"], ["v"])], [helper.make_opsetid("", 17)], ["a"]
    )
    inner.node[0].attribute.add(name="alpha", ref_attr_name="a", type=1)
    outer = helper.make_function(
        "own",
        "Layer",
        ["u", "w", "c"],
        ["v"],
        [
            node("MatMul", "u w", "m"),
            node("Constant", "", "two", value_float=2.0),
            node("Mul", "m two", "k"),
            helper.make_node("Leak", ["k"], ["v"], domain="own", a=0.25),
        ],
        [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)],
    )
    call = helper.make_node("Layer", ["x", "T"], ["y"], domain="own")
    proto = model([node("Transpose", "W", "T"), call], constants={"W": W}, functions=[inner, outer])
    net = sx.load(written(proto, tmp_path))
    u = 2 * X @ W.astype(np.float32).T
    np.testing.assert_allclose(net.logits(X), np.where(u > 0, u, 0.25 * u), atol=1e-12)
    assert net.reading.largest_difference < 1e-12


class Mixed(nn.Module):
    """Activations that exporters write out, skips, a batch norm, slices and concatenations."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(16, 3)
        self.norm, self.slopes = nn.BatchNorm1d(8), nn.PReLU(8)
        self.norm.running_var.uniform_(0.5, 2.0)

    def forward(self, x):
        f = nn.functional
        h = f.gelu(self.a(x.flatten(1)))
        h = f.gelu(self.norm(h + f.silu(self.b(h))), approximate="tanh")
        h = f.hardtanh(self.slopes(h)) + f.softplus(h, beta=2)
        h = torch.cat([h, f.relu6(self.b(h)).view(-1, 8)], 1)
        return f.log_softmax(self.c(f.leaky_relu(h[:, torch.arange(15, -1, -1)], 0.2)) / 2, dim=1)


@pytest.mark.parametrize("opset", [9, 13, 20])
@pytest.mark.parametrize("is_dynamic", [False, True])
def test_files_of_torchs_exporter(opset, is_dynamic, tmp_path):
    torch.manual_seed(0)
    module, path = Mixed().eval(), tmp_path / "net.onnx"
    quiet = io.StringIO()
    with warnings.catch_warnings(), contextlib.redirect_stdout(quiet), contextlib.redirect_stderr(quiet):
        warnings.simplefilter("ignore")
        axes = {"x": {0: "n"}} if is_dynamic else None
        example = (torch.zeros(1, 2, 3),)
        torch.onnx.export(
            module, example, path, dynamo=False, opset_version=opset, dynamic_axes=axes, input_names=["x"]
        )
    net = sx.load(path)
    x = np.random.default_rng(5).standard_normal((20, 6))
    with torch.no_grad():
        own = module.double()(torch.from_numpy(x).reshape(20, 2, 3)).numpy()
    np.testing.assert_allclose(log_softmax(net.logits(x), axis=1), own, atol=1e-6)
    assert net.reading.largest_difference < 1e-7


def test_a_network_comes_back_from_its_file_bit_for_bit(tmp_path):
    torch.manual_seed(1)
    module = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module, (torch.zeros(1, 2),), tmp_path / "n.onnx", dynamo=False)
    net = sx.load(tmp_path / "n.onnx")
    stored = [part.detach().double().numpy() for part in module.parameters()]
    assert net.activations == ("relu", "relu") and len(net.affine_layers) == 3
    for layer, weight, bias in zip(net.affine_layers, stored[::2], stored[1::2], strict=True):
        assert (layer.weight == weight).all() and (layer.bias == bias).all()


def test_activation_input_shape_and_a_missing_package(tmp_path, monkeypatch):
    path = written(perceptron([node("Relu", "h", "g")])[0], tmp_path)
    assert sx.load(path, activation="relu", input_shape=3).architecture == "3-4-3"
    with pytest.raises(InputError, match="activation= is for files only"):
        sx.load(path, activation="tanh")
    with pytest.raises(InputError, match="input_shape"):
        sx.load(path, input_shape=4)
    for name in [name for name in sys.modules if name.split(".")[0] == "onnx" or "networks.onnx." in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingExtraError, match=r"separatrix\[onnx\]"):
        sx.load(path)
