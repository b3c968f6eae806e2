"""Tensors that files encode in unusual ways, and batches that do not stay in front."""

from typing import Any

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import separatrix as sx
from separatrix.errors import UnreadableFileError
from tests.networks.onnx.models import RNG, B, C, V, W, model, node, written

X = np.random.default_rng(2).normal(size=(6, 3))
LAST = node("Gemm", "g V C", "y", transB=1)
SPARSE = np.where(np.abs(W) > 0.6, W, 0).astype(np.float32)
V32, B32, C32 = (part.astype(np.float32).astype(float) for part in (V, B, C))


def sparse(dense: np.ndarray, name: str, is_flat: bool = True, shift: int = 0) -> Any:
    places = np.argwhere(dense) if not is_flat else np.flatnonzero(dense)
    return helper.make_sparse_tensor(
        numpy_helper.from_array(dense[dense != 0], name), numpy_helper.from_array(places + shift, f"{name} places"),
        dense.shape,
    )  # fmt: skip


def expected(weight: np.ndarray) -> np.ndarray:
    return np.maximum(X @ weight.T + B32, 0) @ V32.T + C32


DENSE = [node("Gemm", "x W B", "h", transB=1), node("Relu", "h", "g"), LAST]


def sparse_model(kind: str) -> Any:
    """A perceptron whose first matrix is sparse, written in one of three ways."""
    proto = model(DENSE, constants={"B": B, "V": V, "C": C})
    if kind == "constant node":
        proto.graph.node.insert(0, helper.make_node("Constant", [], ["W"], sparse_value=sparse(SPARSE, "")))
    else:
        proto.graph.sparse_initializer.append(sparse(SPARSE, "W", kind == "flat"))
    return proto


@pytest.mark.parametrize("kind", ["flat", "by axes", "constant node"])
def test_sparse_tensors(tmp_path, kind):
    net = sx.load(written(sparse_model(kind), tmp_path))
    assert np.abs(net.logits(X) - expected(SPARSE.astype(float))).max() < 1e-12
    assert net.reading.largest_difference == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("is_flat", [True, False])
@pytest.mark.parametrize("shift", [100, -100])
def test_sparse_tensors_that_reach_outside_are_refused(tmp_path, is_flat, shift):
    proto = model(DENSE, constants={"B": B, "V": V, "C": C})
    proto.graph.sparse_initializer.append(sparse(SPARSE, "W", is_flat, shift))
    with pytest.raises(UnreadableFileError, match=r"net\.onnx: tensor W: its indices do not fit"):
        sx.load(written(proto, tmp_path))


@pytest.mark.parametrize("axis", [None, 0])
def test_stored_integers_with_a_scale(tmp_path, axis):
    scale = np.float32(0.02) if axis is None else RNG.random(4).astype(np.float32)
    zero = np.array(3, np.int8) if axis is None else np.arange(4, dtype=np.int8)
    stored = (10 * W).astype(np.int8)
    more = {} if axis is None else {"axis": axis}
    tensors = {"Q": numpy_helper.from_array(stored, "Q"), "s": scale, "z": numpy_helper.from_array(zero, "z")}
    nodes = [node("DequantizeLinear", "Q s z", "W", **more), *DENSE]
    net = sx.load(written(model(nodes, constants={**tensors, "B": B, "V": V, "C": C}), tmp_path))
    weight = (stored.astype(float) - zero.astype(float).reshape(-1, 1)) * scale.astype(float).reshape(-1, 1)
    assert np.abs(net.logits(X) - expected(weight)).max() < 1e-12


def test_features_picked_as_converters_of_sklearn_write_it(tmp_path):
    picks = np.array([2, 0, 0, 1])
    nodes = [node("ArrayFeatureExtractor", "x ix", "g", domain="ai.onnx.ml"), LAST]
    net = sx.load(written(model(nodes, constants={"ix": picks, "V": V, "C": C}), tmp_path))
    assert np.abs(net.logits(X) - (X[:, picks] @ V32.T + C32)).max() < 1e-12


@pytest.mark.parametrize("name", ["columns", "stacked in front"])
def test_a_free_batch_at_another_axis(tmp_path, name):
    w32 = W.astype(np.float32).astype(float)
    if name == "columns":
        middle = [node("Transpose", "x", "t"), node("MatMul", "W t", "a"), node("Add", "a b", "h"), node("Relu", "h", "r"),
                  node("Transpose", "r", "g")]  # fmt: skip
        own = expected(w32)
    else:
        middle = [
            node("Gemm", "x W B", "h", transB=1), node("Unsqueeze", "h zero", "u"), node("Concat", "u u", "s", axis=0),
            node("ReduceSum", "s zero", "k", keepdims=0), node("Relu", "k", "g"),
        ]  # fmt: skip
        own = np.maximum(2 * (X @ w32.T + B32), 0) @ V32.T + C32
    constants = {"W": W, "B": B, "b": B[:, None], "V": V, "C": C, "zero": np.array([0])}
    net = sx.load(written(model([*middle, LAST], constants=constants), tmp_path))
    assert np.abs(net.logits(X) - own).max() < 1e-12
    assert net.reading.largest_difference is not None and net.reading.largest_difference < 1e-9


def test_a_choice_by_shapes_and_a_body_run_on_a_list(tmp_path):
    """What exporters write for hstack: a branch by the number of axes, and a body that sees constants around it."""
    branches = [
        helper.make_graph([node("ConcatFromSequence", "q", name, axis=axis)], name, [],
                          [helper.make_tensor_value_info(name, TensorProto.FLOAT, None)])
        for name, axis in (("c0", 0), ("c1", 1))
    ]  # fmt: skip
    body = helper.make_graph([node("Mul", "part two", "out")], "body",
                             [helper.make_tensor_value_info("part", TensorProto.FLOAT, None)],
                             [helper.make_tensor_value_info("out", TensorProto.FLOAT, None)])  # fmt: skip
    nodes = [
        node("SequenceConstruct", "x x", "p"), node("SequenceMap", "p", "q", body=body), node("SequenceAt", "q zero", "f"),
        node("Shape", "f", "s"), node("Size", "s", "n"), node("Equal", "n one", "c"),
        node("If", "c", "j", then_branch=branches[0], else_branch=branches[1]), node("Gemm", "j V C", "y", transB=1),
    ]  # fmt: skip
    last = RNG.standard_normal((3, 6)).astype(np.float32)
    constants = {"two": np.float32(2), "zero": np.array(0), "one": np.array(1), "V": last, "C": C}
    with pytest.warns(sx.errors.ReadingWarning, match="nothing was compared"):
        net = sx.load(written(model(nodes, constants=constants), tmp_path))
    assert np.abs(net.logits(X) - (np.hstack([2 * X, 2 * X]) @ last.astype(float).T + C32)).max() < 1e-12
