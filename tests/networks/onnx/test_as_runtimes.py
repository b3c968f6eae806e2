"""Where arithmetic of integers, empty pieces and columns of numbers are read as runtimes take them, or refused."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import separatrix as sx
from separatrix.errors import InputError, UnsupportedLayerError
from tests.networks.onnx.models import B, C, V, W, model, node, written

SQUARE = np.array([[1.0, 2.0, 0.0], [0.5, -1.0, 3.0], [0.0, 1.0, -2.0]])


def refused(proto, folder, match):
    with pytest.raises(UnsupportedLayerError, match=match) as caught:
        sx.load(written(proto, folder))
    assert "net.onnx" in str(caught.value)


@pytest.mark.parametrize("kind", [TensorProto.UINT8, TensorProto.INT32, TensorProto.INT64])
def test_integers_are_cast_before_anything_is_computed(kind, tmp_path):
    cast, last = node("Cast", "h", "f", to=1), node("MatMul", "f M", "y")
    moved = [node("Reshape", "x s", "r"), node("Slice", "r b e a p", "h"), cast, last]
    lists = {"s": [0, 3, 1], "b": [2], "e": [-4], "a": [1], "p": [-1]}
    reshaped = [*moved[:2], cast, node("Reshape", "f t", "g"), node("MatMul", "g M", "y")]
    net = sx.load(written(model(reshaped, constants={**lists, "t": [0, 3], "M": SQUARE}, kind=kind), tmp_path))
    np.testing.assert_allclose(net.logits([[3.0, 4.0, 5.0]]), [np.array([5.0, 4.0, 3.0]) @ SQUARE])
    for first in (node("Sub", "x one", "h"), node("ReduceMean", "x", "h", axes=[1]), node("Relu", "x", "h")):
        proto = model([first, cast, last], constants={"one": np.array([1]), "M": SQUARE}, kind=kind)
        refused(proto, tmp_path, f"holds integers, and '{first.op_type}' in 'the {first.op_type}'")


def test_integers_inside_functions(tmp_path):
    opset = [helper.make_opsetid("", 17)]
    for operator, is_read in (("Identity", True), ("Neg", False)):
        inner = [helper.make_node(operator, ["a"], ["b"]), helper.make_node("Cast", ["b"], ["c"], to=1)]
        function = helper.make_function("own", "First", ["a"], ["c"], inner, opset)
        nodes = [helper.make_node("First", ["x"], ["f"], domain="own"), node("MatMul", "f M", "y")]
        proto = model(nodes, constants={"M": SQUARE}, kind=TensorProto.INT64, functions=[function])
        if is_read:
            np.testing.assert_allclose(sx.load(written(proto, tmp_path)).logits([[1.0, 0, 0]]), SQUARE[:1])
        else:
            refused(proto, tmp_path, "holds integers, and 'Neg'")


def test_pieces_without_entries(tmp_path):
    parts = [node("Split", "x s", "a b c", axis=1), node("Concat", "c b a", "y", axis=1)]
    net = sx.load(written(model(parts, constants={"s": [2, 0, 1]}), tmp_path))
    np.testing.assert_array_equal(net.logits([[1.0, 2.0, 3.0]]), [[3.0, 1.0, 2.0]])
    empty = node("Slice", "x a b c", "y")
    refused(model([empty], constants={"a": [1], "b": [1], "c": [1]}), tmp_path, "a tensor without entries")
    refused(model([node("Split", "x s", "a b", axis=1), node("Concat", "b b", "y", axis=1)], constants={"s": [3, 0]}),
            tmp_path, "without entries")  # fmt: skip


@pytest.mark.parametrize("operator", ["If", "SequenceMap", "SequenceAt", "ConcatFromSequence"])
def test_nodes_without_inputs(operator, tmp_path):
    refused(model([helper.make_node(operator, [], ["y"], name="bare")]), tmp_path, "input")
    refused(model([node("Relu", "x", "h"), helper.make_node(operator, [], ["k"]), node("Add", "h k", "y")]), tmp_path,
            "without its inputs")  # fmt: skip


def test_lists_where_a_tensor_is_expected(tmp_path):
    nodes = [node("SequenceConstruct", "x x", "s"), node("Concat", "s x", "y", axis=1)]
    refused(model(nodes), tmp_path, "Concat .of a list of tensors")


def test_columns_with_a_number_a_row_first(tmp_path):
    """x (3, 1) as networks of ACAS Xu take it, normalised first, with as many outputs as inputs."""
    nodes = [node("Sub", "x m", "c"), node("Mul", "c d", "n"), node("MatMul", "W n", "h"), node("Relu", "h", "r"),
             node("MatMul", "V r", "y")]  # fmt: skip
    mean, factor = np.array([[1.0], [2.0], [3.0]]), np.array([[2.0], [0.5], [4.0]])
    constants = {"m": mean, "d": factor, "W": W, "V": V}
    net = sx.load(written(model(nodes, (3, 1), constants, out=(3, 1)), tmp_path))
    x = np.array([0.3, -1.0, 2.0])
    first, last = W.astype(np.float32).astype(float), V.astype(np.float32).astype(float)
    expected = last @ np.maximum(first @ ((x - mean[:, 0]) * factor[:, 0]), 0)
    np.testing.assert_allclose(net.logits([x]), [expected], atol=1e-12)


REFUSED = {
    "a transposed convolution beyond its windows": (
        [node("ConvTranspose", "x K", "y", strides=[2, 2], output_shape=[9, 8])], {"K": np.ones((1, 1, 3, 3))},
        (1, 1, 4, 3), "beyond the last window",
    ),
    "aligned corners between pixels": (
        [node("Resize", "x  s", "y", coordinate_transformation_mode="align_corners", mode="linear")],
        {"s": [1.0, 1.0, 1.7, 2.5]}, (1, 1, 3, 4), "no whole sizes",
    ),
    "numbers that do not fit into a byte": (
        [node("Cast", "big", "b", to=3), node("Cast", "b", "f", to=1), node("Add", "x f", "y")], {"big": [300.0] * 3},
        ("n", 3), "out of the range",
    ),
    "a slice from before the first entry backwards": (
        [node("Slice", "x a b c d", "y")], {"a": [-9], "b": [-10], "c": [1], "d": [-1]}, ("n", 3), "backwards",
    ),
    "a cast like integers": ([node("CastLike", "x i", "y")], {"i": np.array([1])}, ("n", 3), "CastLike .to integers"),
    "a shrink with a jump": ([node("Shrink", "x", "y", lambd=-1.0, bias=-1.0)], {}, ("n", 3), "negative one"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_runtimes_take_differently(name, tmp_path):
    nodes, constants, shape, match = REFUSED[name]
    for part in nodes:
        if part.op_type == "Resize":
            part.input[:] = ["x", "", "s"]
    refused(model(nodes, shape, constants), tmp_path, match)


def test_constants_of_bytes_that_wrap(tmp_path):
    nodes = [node("Sub", "a b", "c"), node("Cast", "c", "f", to=1), node("Add", "x f", "y")]
    for a, is_read in ((3, True), (1, False)):
        bytes_of = {name: numpy_helper.from_array(np.full(3, n, np.uint8), name) for name, n in (("a", a), ("b", 2))}
        path = written(model(nodes, constants=bytes_of), tmp_path)
        if is_read:
            assert sx.load(path).logits([[0.0, 1.0, 2.0]]).tolist() == [[1.0, 2.0, 3.0]]
        else:
            with pytest.raises(InputError, match="differs from the file's own output"):
                sx.load(path)


def test_norms_of_constants(tmp_path):
    nodes = [node("ReduceL2", "W", "l", axes=[1]), node("Div", "W l", "U"), node("Gemm", "x U B", "y", transB=1)]
    net = sx.load(written(model(nodes, constants={"W": W, "B": B}), tmp_path))
    unit = W.astype(np.float32).astype(float)
    unit = unit / np.linalg.norm(unit, axis=1, keepdims=True)
    np.testing.assert_allclose(net.logits([[1.0, 2.0, 3.0]]), [unit @ [1, 2, 3] + B.astype(np.float32)], atol=1e-12)


def test_gelu_with_a_complementary_error_function(tmp_path):
    nodes = [node("Gemm", "x W B", "h", transB=1), node("Neg", "h", "n"), node("Mul", "n k", "u"), node("Erfc", "u", "e"),
             node("Mul", "h half", "g"), node("Mul", "g e", "a"), node("Gemm", "a V C", "y", transB=1)]  # fmt: skip
    constants = {"W": W, "B": B, "V": V, "C": C, "k": [np.sqrt(0.5)], "half": [0.5]}
    net = sx.load(written(model(nodes, constants=constants), tmp_path))
    assert net.activations == ("gelu",) and 0 < net.reading.largest_difference < 1e-6
