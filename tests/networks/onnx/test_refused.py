"""ONNX files that are no classifier of one point: every cause in one message, with the node's name and what to do."""

import numpy as np
import pytest
from onnx import TensorProto, helper

import separatrix as sx
from separatrix.errors import InputError, UnsupportedLayerError
from tests.networks.onnx.models import B, W, model, node, written

DENSE = node("Gemm", "x W B", "h", transB=1)
SIGMOIDS, REST = node("Sigmoid", "h", "p"), node("Sub", "one p", "q")
CONSTANTS = {"W": W, "B": B}


def refused(proto, folder, match, error=UnsupportedLayerError):
    with pytest.raises(error, match=match) as caught:
        sx.load(written(proto, folder))
    message = str(caught.value)
    assert type(caught.value) is error and len(message) < 5000 and message.isprintable() and "net.onnx" in message
    return message


def test_all_causes_are_named_at_once(tmp_path):
    nodes = [
        DENSE,
        node("Elu", "h", "a"),
        node("Mul", "h h", "b"),
        node("Round", "b", "c"),
        node("MatMul", "h h", "d"),
        node("LayerNormalization", "h B", "e"),
        node("Sum", "a b c d e", "y"),
    ]
    message = refused(model(nodes, constants=CONSTANTS), tmp_path, "4 operations cannot be read")
    for word in (
        "Elu [not twice differentiable at 0, which proofs about equilibria need; train with mish, silu or gelu] x1 in the Elu",
        "Round",
        "MatMul [of two computed values]",
        "LayerNormalization",
        "Readable are",
    ):
        assert word in message
    foreign = helper.make_node("Own", ["h"], ["y"], domain="com.x", name="mi\x1bne")
    refused(model([DENSE, foreign], constants=CONSTANTS), tmp_path, r"com.x::Own x1 in mi\\x1bne")


CASES = {
    "a product": ([DENSE, node("Mul", "h h", "y")], {}, "mul .of two computed values.*the Mul"),
    "a sign": ([DENSE, node("Sign", "h", "y")], {}, "sign .a step; export the scores before it"),
    "an error function alone": ([DENSE, node("Erf", "h", "y")], {}, "erf .in no pattern"),
    "exp": ([DENSE, node("Exp", "h", "k"), node("Add", "k two", "f"), node("Log", "f", "y")], {"two": [2.0]}, "log"),
    "a window that does not fit": ([node("Conv", "x K", "y")], {"K": np.ones((1, 1, 1, 1))}, "Conv .of shapes that do not"),
    "softmax over the batch": ([DENSE, node("Softmax", "h", "y", axis=0)], {}, "Softmax .not over the classes"),
    "mixed rows": ([DENSE, node("Reshape", "h s", "y")], {"s": [-1, 2]}, "Reshape .mixes the rows"),
    "rows moved": ([DENSE, node("Transpose", "h", "y")], {}, "Transpose .moves the batch"),
    "rows picked": ([DENSE, node("Slice", "h a b", "y")], {"a": [0], "b": [1]}, "Slice .picks rows"),
    "batch statistics": (
        [DENSE, node("BatchNormalization", "h B B B B", "y", training_mode=1)],
        {},
        "BatchNormalization .with statistics of the batch",
    ),
    "dropout in training": (
        [DENSE, node("Dropout", "h r t", "y")],
        {"r": [0.5], "t": np.array(True)},
        "Dropout .in training mode",
    ),
    "a step": ([DENSE, node("ThresholdedRelu", "h", "y")], {}, "ThresholdedRelu .with a threshold other than 0"),
    "a comparison": ([DENSE, node("Greater", "h o", "c"), node("Cast", "c", "y", to=1)], {"o": [0.0]}, "comparison"),
    "a jump": (
        [DENSE, node("Greater", "h o", "c"), node("Tanh", "h", "t"), node("Where", "c h t", "y")],
        {"o": [0.0]},
        "Where .by a condition that makes no activation",
    ),
    "a softplus cut early": (
        [DENSE, node("Greater", "h o", "c"), node("Softplus", "h", "t"), node("Where", "c h t", "y")],
        {"o": [5.0]},
        "Where .by a condition that makes no activation",
    ),
    "integers": ([DENSE, node("Cast", "h", "k", to=7), node("Cast", "k", "y", to=1)], {}, "Cast .to integers"),
    "tokens": ([node("Cast", "x", "i", to=7), node("Gather", "W i", "y")], {}, "Cast .to integers"),
    "multi-label": ([DENSE, node("Sigmoid", "h", "y")], {}, "4 sigmoids, independent labels"),
    "multi-label as converters of sklearn write it": (
        [DENSE, SIGMOIDS, REST, node("Concat", "q p", "y", axis=1)], {"one": [1.0]}, "4 sigmoids, independent labels",
    ),
    "multi-label, stacked": (
        [DENSE, SIGMOIDS, REST, node("Unsqueeze", "q a", "r"), node("Unsqueeze", "p a", "s"),
         node("Concat", "r s", "y", axis=2)], {"one": [1.0], "a": [2]}, "4 sigmoids, independent labels",
    ),
    "two labels in percent": (
        [DENSE, SIGMOIDS, node("Gather", "p k", "g", axis=1), node("Mul", "g c", "y")], {"k": [2, 0], "c": [100.0]},
        "2 sigmoids, independent labels",
    ),
    "multi-label, clipped": (
        [DENSE, SIGMOIDS, node("Clip", "p a b", "y")], {"a": np.float32(1e-7), "b": np.float32(0.9)}, "4 sigmoids",
    ),
    "two classifications": (
        [DENSE, node("Split", "h s", "a b", axis=1), node("Softmax", "a", "p"), node("Softmax", "b", "q"),
         node("Concat", "p q", "y", axis=1)], {"s": [2, 2]}, "2 softmaxes side by side",
    ),
    "one probability of four": (
        [DENSE, node("Softmax", "h", "p"), node("Gather", "p k", "y", axis=1)], {"k": [1]}, "never changes its sign",
    ),
    "one probability, clipped": (
        [DENSE, node("Gather", "h k", "g", axis=1), node("Sigmoid", "g", "p"), node("Clip", "p a b", "y")],
        {"k": [1], "a": np.float32(1e-7), "b": np.float32(0.9)}, "never changes its sign",
    ),
    "a softmax of many in the middle": (
        [node("MatMul", "x U", "h"), node("Softmax", "h", "p"), node("Relu", "p", "y")], {"U": np.ones((3, 2000))},
        "a softmax over 2000 classes in 'the Softmax', before its end",
    ),
    "SAME with windows that leave gaps": (
        [node("Unsqueeze", "x a", "i"), node("MaxPool", "i", "y", kernel_shape=[1], strides=[3], auto_pad="SAME_UPPER")],
        {"a": [1]}, "place differently",
    ),
    "a constant": ([node("Identity", "W", "y")], {}, "depends on 0 inputs"),
    "quantised": ([DENSE, node("QuantizeLinear", "h s", "y")], {"s": np.array(1.0)}, "quantised; export the unquantised"),
    "random": ([node("RandomNormalLike", "x", "k"), node("Add", "x k", "y")], {}, "draws random numbers"),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_what_is_refused(name, tmp_path):
    nodes, constants, match = CASES[name]
    refused(model(nodes, constants=CONSTANTS | constants), tmp_path, match)


def test_scores_made_of_probabilities_are_read(tmp_path):
    """One score 2 p - 1, and images of outputs, which are told about."""
    nodes = [
        node("Gemm", "x W B", "h", transB=1),
        node("Sigmoid", "h", "p"),
        node("Mul", "p two", "d"),
        node("Sub", "d one", "y"),
    ]
    constants = {"W": W[:1], "B": B[:1], "two": [2.0], "one": [1.0]}
    net = sx.load(written(model(nodes, constants=constants), tmp_path))
    p = 1 / (1 + np.exp(-(np.ones(3) @ W[0].astype(np.float32) + B[0].astype(np.float32))))
    np.testing.assert_allclose(net.logits(np.ones((1, 3))), [[0, 2 * p - 1]], atol=1e-12)
    net = sx.load(
        written(model([DENSE, node("Reshape", "h s", "y")], constants=CONSTANTS | {"s": [-1, 2, 2]}), tmp_path)
    )
    assert "outputs of shape (2, 2) were read as the 4 classes of one classification" in net.reading.notes


def test_control_flow_is_read_where_the_condition_is_constant(tmp_path):
    out = [helper.make_tensor_value_info("k", 1, None)]
    one = helper.make_graph([node("Relu", "h", "k")], "b", [], out)
    two = helper.make_graph([node("Add", "h B", "k")], "b", [], out)
    choice = helper.make_node("If", ["c"], ["y"], name="choice", then_branch=one, else_branch=two)
    for condition in (True, False):
        net = sx.load(written(model([DENSE, choice], constants=CONSTANTS | {"c": np.array(condition)}), tmp_path))
        assert net.activations == ("relu",) * condition and net.reading.largest_difference < 1e-12
    asked = [DENSE, node("ReduceMax", "h", "m", keepdims=0), node("Greater", "m o", "c"), choice]
    refused(model(asked, constants=CONSTANTS | {"o": [0.0]}), tmp_path, "ReduceMax .mixes the rows")
    asked[1] = node("ReduceMax", "h", "m", keepdims=0, axes=[1])
    refused(
        model(asked, constants=CONSTANTS | {"o": [0.0]}),
        tmp_path,
        "If .control flow that depends on the data. x1 in choice",
    )


def test_several_outputs_inputs_and_opsets(tmp_path):
    proto = model([DENSE, node("Relu", "h", "y")], constants=CONSTANTS)
    proto.graph.output.append(helper.make_tensor_value_info("h", 1, None))
    refused(proto, tmp_path, r"2 outputs of real numbers \(y, h\)")
    del proto.graph.output[1]
    proto.graph.input.append(helper.make_tensor_value_info("z", 1, ["n", 4]))
    proto.graph.node[1].op_type = "Add"
    proto.graph.node[1].input.append("z")
    refused(proto, tmp_path, r"2 inputs \(x, z\)")
    refused(model([DENSE], constants=CONSTANTS, opset=6), tmp_path, "opset 6; opsets 7 to")
    refused(model([DENSE], constants=CONSTANTS, opset=99), tmp_path, "update the package onnx")


@pytest.mark.parametrize("which", ["W", "B"])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_no_numbers(which, value, tmp_path):
    constants = {key: array.copy() for key, array in CONSTANTS.items()}
    constants[which].flat[1] = value
    proto = model([node("Gemm", "x W B", "y", transB=1)], constants=constants)
    error, match = (InputError, "NaN or infinite") if which == "W" else (UnsupportedLayerError, "NaN or infinite")
    refused(proto, tmp_path, match, error)


def test_number_formats_that_are_not_read(tmp_path):
    tensor = TensorProto(name="W", data_type=TensorProto.FLOAT8E4M3FN, dims=(4, 3), raw_data=b"0" * 12)
    refused(model([node("Gemm", "x W", "y", transB=1)], constants={"W": tensor}), tmp_path, "float8", InputError)


def test_an_input_shape_that_is_not_said(tmp_path):
    nodes = [node("Reshape", "x s", "k"), node("Gemm", "k W B", "y", transB=1)]
    proto = model(nodes, ("n", "h", "w"), CONSTANTS | {"s": [-1, 3]})
    refused(proto, tmp_path, "pass input_shape=", InputError)
    assert sx.load(written(proto, tmp_path), input_shape=(1, 3)).n_inputs == 3
