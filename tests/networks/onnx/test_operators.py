"""ONNX operators and exporters' patterns, against formulas in numpy on points of our own, over several opsets."""

import numpy as np
import pytest
from onnx.defs import onnx_opset_version
from scipy.special import erf, expit

import separatrix as sx
from tests.networks.onnx.models import B, W, model, node, perceptron, written

W32, B32 = W.astype(np.float32).astype(float), B.astype(np.float32).astype(float)
NEWEST = onnx_opset_version()
X = np.random.default_rng(1).standard_normal((20, 3)) * 2
H = X @ W32.T + B32
S2 = np.float32(np.sqrt(2))
P = np.array([0.5, 2.0, -1.0, 0.25])
GELU_TANH = 0.5 * H * (1 + np.tanh(np.sqrt(2 / np.pi) * (H + 0.044715 * H**3)))
MISH = H * np.tanh(np.logaddexp(0, H))
GELU = 0.5 * H * (1 + erf(H / np.sqrt(2)))


def n(*args, **attributes):
    return node(*args, **attributes)


# name: (opsets, nodes from h to g, constants, g in numpy)
ELEMENTWISE = {
    "relu": ((7, 14, 20), [n("Relu", "h", "g")], {}, np.maximum(H, 0)),
    "leaky": ((7, 16), [n("LeakyRelu", "h", "g", alpha=0.25)], {}, np.where(H > 0, H, 0.25 * H)),
    "prelu": ((7, 16), [n("PRelu", "h p", "g")], {"p": P}, np.where(H > 0, H, P * H)),
    "prelu, one slope": ((9,), [n("PRelu", "h p", "g")], {"p": [0.5]}, np.where(H > 0, H, 0.5 * H)),
    "defaults of attributes": (
        (7, 13),
        [n("LeakyRelu", "h", "m"), n("HardSigmoid", "m", "k"), n("BatchNormalization", "k p a q v", "g")],
        {"p": P, "a": P + 1, "q": P - 1, "v": P**2},
        (np.clip(0.2 * np.where(H > 0, H, 0.01 * H) + 0.5, 0, 1) - P + 1) / np.sqrt(P**2 + 1e-5) * P + P + 1,
    ),
    "tanh": ((7, 13), [n("Tanh", "h", "g")], {}, np.tanh(H)),
    "sigmoid": ((7, 13), [n("Sigmoid", "h", "g")], {}, expit(H)),
    "softplus": ((7, NEWEST), [n("Softplus", "h", "g")], {}, np.logaddexp(0, H)),
    "gelu": ((20,), [n("Gelu", "h", "g")], {}, GELU),
    "gelu tanh": ((20,), [n("Gelu", "h", "g", approximate="tanh")], {}, GELU_TANH),
    "clip as attributes": ((7, 10), [n("Clip", "h", "g", min=-0.5, max=1.0)], {}, np.clip(H, -0.5, 1)),
    "clip": ((11, 13), [n("Clip", "h a b", "g")], {"a": -0.5, "b": 1.0}, np.clip(H, -0.5, 1)),
    "clip above": ((13,), [n("Clip", "h  b".replace("  ", " a "), "g")], {"a": -np.inf, "b": 1.0}, np.minimum(H, 1)),
    "hard sigmoid": ((7, NEWEST), [n("HardSigmoid", "h", "g", alpha=0.25)], {}, np.clip(0.25 * H + 0.5, 0, 1)),
    "max, min": ((8, 13), [n("Max", "h a", "m"), n("Min", "m b", "g")], {"a": P - 1, "b": [2.0]}, np.clip(H, P - 1, 2)),
    "max of values": ((13,), [n("Neg", "h", "m"), n("Max", "h m", "g")], {}, np.abs(H)),
    "abs": ((13,), [n("Abs", "h", "g")], {}, np.abs(H)),
    "arithmetic": (
        (7, 14),
        [n("Sub", "a h", "m"), n("Mul", "m p", "m1"), n("Div", "m1 a", "m2"), n("Add", "m2 h", "m3"), n("Neg", "m3", "g")],
        {"a": [2.0], "p": P},
        -((2 - H) * P / 2 + H),
    ),
    "mean, sum": ((8, 13), [n("Mean", "h h", "m"), n("Sum", "m h h", "g")], {}, 3 * H),
    "batch norm": (
        (7, 9, 14, 15),
        [n("BatchNormalization", "h p a m v", "k", epsilon=0.25), n("Relu", "k", "g")],
        {"p": P, "a": P + 1, "m": P - 1, "v": P**2},
        np.maximum((H - P + 1) / np.sqrt(P**2 + 0.25) * P + P + 1, 0),
    ),
    "gelu by erf": (
        (9, 13),
        [n("Div", "h s", "m"), n("Erf", "m", "e"), n("Add", "e a", "f"), n("Mul", "h f", "k"), n("Mul", "k b", "g")],
        {"s": S2, "a": [1.0], "b": [0.5]},
        GELU,
    ),
    "gelu by erf, factors first": (
        (13,),
        [n("Mul", "h s", "m"), n("Erf", "m", "e"), n("Add", "a e", "f"), n("Mul", "b h", "k"), n("Mul", "f k", "g")],
        {"s": [1 / S2], "a": [1.0], "b": [0.5]},
        GELU,
    ),
    "gelu by tanh and a power": (
        (12, 15),
        [n("Pow", "h three", "q"), n("Mul", "q c", "r"), n("Add", "h r", "s"), n("Mul", "s d", "t"), n("Tanh", "t", "u"),
         n("Add", "u a", "v"), n("Mul", "b v", "w"), n("Mul", "h w", "g")],
        {"three": [3.0], "c": [0.044715], "d": [0.7978845608], "a": [1.0], "b": [0.5]},
        GELU_TANH,
    ),
    "gelu by tanh, factored": (
        (13,),
        [n("Mul", "h h", "q"), n("Mul", "q c", "r"), n("Add", "r a", "s"), n("Mul", "h d", "z"), n("Mul", "s z", "t"),
         n("Tanh", "t", "u"), n("Add", "u a", "v"), n("Mul", "h v", "w"), n("Mul", "w b", "g")],
        {"c": [0.044715], "d": [0.7978845608], "a": [1.0], "b": [0.5]},
        GELU_TANH,
    ),
    "silu": ((7, 13), [n("Sigmoid", "h", "e"), n("Mul", "e h", "g")], {}, H * expit(H)),
    "silu, scaled": (
        (13,),
        [n("Mul", "h a", "m"), n("Sigmoid", "m", "e"), n("Mul", "h e", "g")],
        {"a": [1.5]},
        H * expit(1.5 * H),
    ),
    "mish": ((7, 13), [n("Softplus", "h", "e"), n("Tanh", "e", "t"), n("Mul", "h t", "g")], {}, MISH),
    "mish by itself": ((18, 22), [n("Mish", "h", "g")], {}, MISH),
    "silu by exp": (
        (13,),
        [n("Neg", "h", "m"), n("Exp", "m", "e"), n("Add", "e a", "f"), n("Div", "h f", "g")],
        {"a": [1.0]},
        H * expit(H),
    ),
    "sigmoid by exp": (
        (13,),
        [n("Neg", "h", "m"), n("Exp", "m", "e"), n("Add", "e a", "f"), n("Reciprocal", "f", "g")],
        {"a": [1.0]},
        expit(H),
    ),
    "softplus by log": (
        (13,),
        [n("Exp", "h", "e"), n("Add", "e a", "f"), n("Log", "f", "g")],
        {"a": [1.0]},
        np.logaddexp(0, H),
    ),
    "softplus, its argument where it is large": (
        (13,),
        [n("Mul", "h two", "k"), n("Softplus", "k", "s"), n("Div", "s two", "t"), n("Greater", "k cut", "c"),
         n("Where", "c h t", "g")],
        {"two": [2.0], "cut": [20.0]},
        np.logaddexp(0, 2 * H) / 2,
    ),
    "leaky relu by a condition": (
        (9, 16),
        [n("Less", "zero h", "c"), n("Mul", "h a", "k"), n("Where", "c h k", "l"), n("Less", "l zero", "d"),
         n("Where", "d zero l", "g")],
        {"zero": [0.0], "a": [0.25]},
        np.maximum(H, 0),
    ),
    "soft shrink as torch writes it out": (
        (13, 20),
        [n("Abs", "h", "m"), n("Greater", "m half", "c"), n("Sign", "h", "s"), n("Mul", "s half", "t"), n("Sub", "h t", "k"),
         n("Mul", "h zero", "z"), n("Where", "c k z", "g")],
        {"half": [0.5], "zero": [0.0]},
        np.sign(H) * np.maximum(np.abs(H) - 0.5, 0),
    ),
    "dropout, casts": (
        (7, 12, 13),
        [n("Dropout", "h", "m"), n("Cast", "m", "k", to=1), n("Identity", "k", "g")],
        {},
        H,
    ),
    "skip": ((13,), [n("Relu", "h", "r"), n("MatMul", "r M", "m"), n("Add", "m h", "k"), n("Tanh", "k", "g")],
             {"M": np.outer(P, P)}, np.tanh(np.maximum(H, 0) @ np.outer(P, P) + H)),
    "transpose, reshape": (
        (7, 13),
        [n("Reshape", "h s", "m"), n("Transpose", "m", "t", perm=[0, 2, 1]), n("Flatten", "t", "f"), n("Relu", "f", "g")],
        {"s": [0, 2, 2]},
        np.maximum(H[:, [0, 2, 1, 3]], 0),
    ),
    "slice": ((10, 13), [n("Slice", "h a b one two", "g")], {"a": [3], "b": [-9], "one": [1], "two": [-1]}, H[:, ::-1]),
    "slice as attributes": (
        (9,),
        [n("Slice", "h", "m", axes=[1], starts=[0], ends=[4]), n("Relu", "m", "g")],
        {},
        np.maximum(H, 0),
    ),
    "gather, concat": (
        (7, 13),
        [n("Gather", "h i", "m", axis=1), n("Gather", "h k", "q", axis=1), n("Concat", "m q", "g", axis=1)],
        {"i": [3, -3], "k": [0, 0]},
        H[:, [3, 1, 0, 0]],
    ),
    "split": (
        (13, 18),
        [n("Split", "h s", "a b", axis=-1), n("Relu", "a", "r"), n("Concat", "b r", "g", axis=-1)],
        {"s": [1, 3]},
        np.hstack([H[:, 1:], np.maximum(H[:, :1], 0)]),
    ),
    "split as attribute": (
        (7, 11),
        [n("Split", "h", "a b", axis=1, split=[3, 1]), n("Tanh", "a", "r"), n("Concat", "r b", "g", axis=1)],
        {},
        np.hstack([np.tanh(H[:, :3]), H[:, 3:]]),
    ),
    "tile, pad": (
        (13, 18),
        [n("Tile", "h s", "m"), n("Pad", "m p", "k"), n("Relu", "k", "g")],
        {"s": [1, 2], "p": [0, 1, 0, 2]},
        np.pad(np.maximum(np.hstack([H, H]), 0), ((0, 0), (1, 2))),
    ),
    "pad as attributes": ((7,), [n("Pad", "h", "g", pads=[0, 1, 0, 2])], {}, np.pad(H, ((0, 0), (1, 2)))),
    "sum and mean": (
        (13,),
        [n("Reshape", "h s", "m"), n("ReduceSum", "m two", "a", keepdims=0),
         n("ReduceMean", "m", "b", axes=[-1], keepdims=0),
         n("Concat", "a b", "k", axis=1), n("Relu", "k", "g")],
        {"s": [0, 2, 2], "two": [2]},
        np.maximum(np.hstack([H[:, ::2] + H[:, 1::2], (H[:, ::2] + H[:, 1::2]) / 2]), 0),
    ),
    "log sigmoid": ((13,), [n("Sigmoid", "h", "k"), n("Log", "k", "g")], {}, -np.logaddexp(0, -H)),
    "squeeze, unsqueeze": (
        (13,),
        [n("Unsqueeze", "h a", "m"), n("Relu", "m", "r"), n("Squeeze", "r a", "g")],
        {"a": [1]},
        np.maximum(H, 0),
    ),
    "squeeze as attributes": (
        (7, 11),
        [n("Unsqueeze", "h", "m", axes=[1, 3]), n("Relu", "m", "r"), n("Squeeze", "r", "g", axes=[1, 3])],
        {},
        np.maximum(H, 0),
    ),
    "shape by Shape, Gather, Concat": (
        (13,),
        [n("Shape", "x", "s"), n("Gather", "s zero", "rows"), n("Unsqueeze", "rows zeros", "r"),
         n("Concat", "r rest", "t", axis=0), n("Reshape", "h t", "m"), n("Relu", "m", "k"), n("Flatten", "k", "g")],
        {"zero": 0, "zeros": [0], "rest": [2, -1]},
        np.maximum(H, 0),
    ),
    "constants by constants": (
        (13,),
        [n("Sqrt", "p", "q"), n("Expand", "q s", "r"), n("ReduceSum", "r ax", "t", keepdims=0),
         n("Where", "c t p", "u"), n("Mul", "h u", "g")],
        {"p": P**2, "s": [3, 4], "ax": [0], "c": np.array([True, False, True, True])},
        H * np.where([True, False, True, True], 3 * np.abs(P), P**2),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ELEMENTWISE)
def test_operators_between_dense_layers(name, tmp_path):
    opsets, nodes, constants, g = ELEMENTWISE[name]
    for opset in opsets:
        proto, last = perceptron(nodes, opset, g.shape[1], constants)
        net = sx.load(written(proto, tmp_path))
        own = g @ last.astype(np.float32).T + proto_bias(proto)
        np.testing.assert_allclose(net.logits(X), own, atol=2e-6, rtol=1e-6)
        assert net.reading.largest_difference < (1e-6 if "gelu" in name or "large" in name else 1e-12)


def proto_bias(proto):
    from onnx.numpy_helper import to_array

    return to_array(next(t for t in proto.graph.initializer if t.name == "C")).astype(float)


GEMMS = [
    ([node("Gemm", "x W B", "y", transB=1, alpha=2.0, beta=0.5)], 2 * X @ W32.T + 0.5 * B32),
    ([node("Transpose", "W", "T"), node("MatMul", "x T", "m"), node("Add", "B m", "y")], H),
    ([node("Transpose", "W", "T"), node("Gemm", "x T", "y")], X @ W32.T),
]


@pytest.mark.parametrize("number", range(len(GEMMS)))
def test_dense_layers(number, tmp_path):
    nodes, own = GEMMS[number]
    net = sx.load(written(model(nodes, constants={"W": W, "B": B}), tmp_path))
    np.testing.assert_allclose(net.logits(X), own, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("shape", [(3,), (3, 1), (1, 3), ("n", 3), (5, 3), (None, None), None])
def test_shapes_of_the_input(shape, tmp_path):
    """Column form, one row, any number of rows, a fixed number of rows, nothing said: the same network."""
    column = shape in ((3,), (3, 1))
    first = [node("MatMul", "W x", "m")] if column else [node("Gemm", "x W", "m", transB=1)]
    bias = B[:, None] if shape == (3, 1) else B
    nodes = [*first, node("Add", "m b", "h"), node("Relu", "h", "y")]
    out = {(3, 1): (4, 1), (3,): (4,), (5, 3): (5, 4)}.get(shape)
    net = sx.load(written(model(nodes, shape, {"W": W, "b": bias}, out=out), tmp_path))
    np.testing.assert_allclose(net.logits(X), np.maximum(H, 0), rtol=1e-12, atol=1e-12)
    assert net.reading.largest_difference < 1e-12 and net.n_inputs == 3


def test_images_are_flattened_row_by_row(tmp_path):
    nodes = [node("Transpose", "x", "t", perm=[0, 2, 3, 1]), node("Reshape", "t s", "f"), node("MatMul", "f W", "y")]
    weight = np.random.default_rng(2).standard_normal((12, 3))
    net = sx.load(written(model(nodes, ("n", 3, 2, 2), {"s": [-1, 12], "W": weight}), tmp_path))
    x = np.random.default_rng(3).standard_normal((5, 3, 2, 2))
    np.testing.assert_allclose(
        net.logits(x.reshape(5, 12)), x.transpose(0, 2, 3, 1).reshape(5, 12) @ weight.astype(np.float32)
    )
