"""ONNX convolutions, pooling and moves of images, against torch's own operators, over several opsets."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from onnx import helper
from onnx.defs import onnx_opset_version

import separatrix as sx
from separatrix.networks.layers import Activation, Affine
from separatrix.networks.structured_layers import Convolution
from tests.networks.onnx.models import model, node, written

NEWEST = onnx_opset_version()
RNG = np.random.default_rng(3)
KERNEL = RNG.standard_normal((4, 2, 3, 2)).astype(np.float32)
GROUPED = RNG.standard_normal((4, 1, 3, 3)).astype(np.float32)
BIAS = RNG.standard_normal(4).astype(np.float32)
LINE = RNG.standard_normal((3, 2, 3)).astype(np.float32)
BACK = RNG.standard_normal((2, 3, 3, 2)).astype(np.float32)
SHAPE = (2, 7, 8)
N = "n"


def t(array):
    return torch.from_numpy(np.asarray(array, np.float64))


def same(x, upper):
    """Zeros of a stride (2, 3) and a window (3, 2) on 7 by 8: totals 2 and 0; on a window (2, 4): 1 and 2."""
    return F.pad(x, (1, 1, 0, 1) if upper else (1, 1, 1, 0))


def n(*args, **attributes):
    return node(*args, **attributes)


# name: (opsets, nodes from x to y, constants, y in torch)
IMAGES = {
    "conv": ((7, 11, NEWEST), [n("Conv", "x K B", "y", pads=[1, 0, 2, 1], strides=[2, 1], dilations=[1, 2])],
             {"K": KERNEL, "B": BIAS},
             lambda x: F.conv2d(F.pad(x, (0, 1, 1, 2)), t(KERNEL), t(BIAS), (2, 1), 0, (1, 2))),
    "conv, groups, no bias": ((11,), [n("Conv", "x K", "y", group=2, kernel_shape=[3, 3])], {"K": GROUPED},
                              lambda x: F.conv2d(x, t(GROUPED), groups=2)),
    "conv, same upper": ((11,), [n("Conv", "x K", "y", auto_pad="SAME_UPPER", strides=[2, 3])], {"K": KERNEL[:, :, :2]},
                         lambda x: F.conv2d(F.pad(x, (0, 0, 0, 1)), t(KERNEL[:, :, :2]), stride=(2, 3))),
    "conv, same lower": ((11,), [n("Conv", "x K", "y", auto_pad="SAME_LOWER", strides=[1, 1])], {"K": KERNEL},
                         lambda x: F.conv2d(F.pad(x, (1, 0, 1, 1)), t(KERNEL))),
    "conv, valid": ((7,), [n("Conv", "x K", "y", auto_pad="VALID")], {"K": KERNEL}, lambda x: F.conv2d(x, t(KERNEL))),
    "transposed": ((11,), [n("ConvTranspose", "x K", "y", strides=[2, 1], pads=[1, 0, 1, 0], output_padding=[1, 0])],
                   {"K": BACK}, lambda x: F.conv_transpose2d(x, t(BACK), None, (2, 1), (1, 0), (1, 0))),
    "max pool": ((7, 12), [n("MaxPool", "x", "y", kernel_shape=[3, 2], strides=[2, 2], pads=[1, 0, 1, 0])], {},
                 lambda x: F.max_pool2d(x, (3, 2), 2, (1, 0))),
    "max pool, ceil, dilated": ((10, NEWEST), [n("MaxPool", "x", "y", kernel_shape=[2, 2], strides=[3, 2], ceil_mode=1,
                                                 dilations=[2, 1])], {},
                                lambda x: F.max_pool2d(x, 2, (3, 2), 0, (2, 1), True)),
    "max pool, same": ((11,), [n("MaxPool", "x", "y", kernel_shape=[2, 4], strides=[1, 1], auto_pad="SAME_UPPER")], {},
                       lambda x: F.max_pool2d(F.pad(x, (1, 2, 0, 1), value=-np.inf), (2, 4), 1)),
    "average pool": ((7, 11, NEWEST), [n("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1])],
                     {}, lambda x: F.avg_pool2d(x, 3, 2, 1, count_include_pad=False)),
    "average pool with pads": ((7, 19), [n("AveragePool", "x", "y", kernel_shape=[2, 2], pads=[1, 1, 0, 0],
                                           count_include_pad=1)], {},
                               lambda x: F.avg_pool2d(F.pad(x, (1, 0, 1, 0)), 2, 1)),
    "average pool, ceil": ((10, 19), [n("AveragePool", "x", "y", kernel_shape=[3, 3], strides=[2, 2], ceil_mode=1)], {},
                           lambda x: F.avg_pool2d(x, 3, 2, 0, True, False)),
    "global": ((7, NEWEST), [n("GlobalAveragePool", "x", "a"), n("GlobalMaxPool", "x", "b"), n("Concat", "a b", "y", axis=1)],
               {}, lambda x: torch.cat([x.mean((2, 3)), x.amax((2, 3))], 1)),
    "reductions": ((11,), [n("ReduceMean", "x", "a", axes=[2, -1], keepdims=0), n("ReduceMax", "x", "b", axes=[2], keepdims=0),
                           n("ReduceMin", "x", "c", axes=[3], keepdims=0), n("ReduceSum", "x", "d", axes=[1], keepdims=0),
                           n("ReduceLogSumExp", "x", "e", axes=[2], keepdims=0),
                           n("Flatten", "b", "f"), n("Flatten", "c", "g"), n("Flatten", "d", "h"), n("Flatten", "e", "i"),
                           n("Concat", "a f g h i", "y", axis=1)], {},
                   lambda x: torch.cat([x.mean((2, 3)), x.amax(2).flatten(1), x.amin(3).flatten(1), x.sum(1).flatten(1),
                                        x.logsumexp(2).flatten(1)], 1)),
    "batch norm": ((9, 15), [n("BatchNormalization", "x s s m v", "y")],
                   {"s": [0.5, -2.0], "m": [1.0, 3.0], "v": [0.25, 4.0]},
                   lambda x: F.batch_norm(x, t([1.0, 3.0]), t([0.25, 4.0]), t([0.5, -2.0]), t([0.5, -2.0]))),
    "pads": ((11, 18), [n("Pad", "x p", "a", mode="reflect"), n("Pad", "a p", "b", mode="edge"), n("Pad", "b p v", "y")],
             {"p": [0, 0, 1, 0, 0, 0, 2, 1], "v": np.array(0.5, np.float32)},
             lambda x: F.pad(F.pad(F.pad(x, (0, 1, 1, 2), "reflect"), (0, 1, 1, 2), "replicate"), (0, 1, 1, 2), value=0.5)),
    "negative pads": ((11,), [n("Pad", "x p", "y")], {"p": [0, 0, -1, 0, 0, 0, 2, -3]}, lambda x: F.pad(x, (0, -3, -1, 2))),
    "depth and space": ((11,), [n("Slice", "x a b c", "h"), n("SpaceToDepth", "h", "d", blocksize=2),
                                n("DepthToSpace", "d", "e", blocksize=2, mode="CRD"), n("Relu", "e", "y")],
                        {"a": [0], "b": [6], "c": [2]},
                        lambda x: torch.relu(F.pixel_shuffle(
                            x[:, :, :6].reshape(-1, 2, 3, 2, 4, 2).permute(0, 3, 5, 1, 2, 4).reshape(-1, 8, 3, 4), 2))),
    "resize": ((13,), [n("Resize", "x  s".replace("  ", " r "), "y", mode="nearest", nearest_mode="floor",
                         coordinate_transformation_mode="asymmetric")], {"r": np.zeros(0, np.float32),
                                                                        "s": np.array([1, 1, 2, 2], np.float32)},
               lambda x: F.interpolate(x, scale_factor=2)),
    "einsum": ((12,), [n("Einsum", "x W", "y", equation="nchw,dc->ndwh")], {"W": KERNEL[:, :, 0, 0]},
               lambda x: torch.einsum("nchw,dc->ndwh", x, t(KERNEL[:, :, 0, 0]))),
    "softmax over channels": ((13,), [n("Softmax", "x", "s", axis=1), n("LogSoftmax", "x", "l", axis=-1), n("Sub", "s l", "y")],
                              {}, lambda x: F.softmax(x, 1) - F.log_softmax(x, 3)),
    "channels last": (
        (13,),  # as Keras models are written: rows of pixels with their channels
        [n("Transpose", "x", "a", perm=[0, 2, 3, 1]), n("Transpose", "a", "b", perm=[0, 3, 1, 2]),
         n("Conv", "b K", "c", auto_pad="SAME_UPPER"), n("Transpose", "c", "d", perm=[0, 2, 3, 1]), n("Add", "d B", "e"),
         n("Relu", "e", "f"), n("Mul", "f B", "g"), n("Transpose", "g", "h", perm=[0, 3, 1, 2]),
         n("MaxPool", "h", "i", kernel_shape=[2, 2], strides=[2, 2]), n("Transpose", "i", "y", perm=[0, 2, 3, 1])],
        {"K": KERNEL[:, :, :, :1], "B": BIAS},
        lambda x: F.max_pool2d(
            torch.relu(F.conv2d(F.pad(x, (0, 0, 1, 1)), t(KERNEL[:, :, :, :1]), t(BIAS))) * t(BIAS).view(4, 1, 1), 2
        ).permute(0, 2, 3, 1),
    ),
    "written into": ((13,), [n("ScatterElements", "x i u", "y", axis=3)],
                     {"i": np.zeros((1, 2, 7, 1), np.int64), "u": np.ones((1, 2, 7, 1), np.float32)},
                     lambda x: torch.cat([torch.ones_like(x[..., :1]), x[..., 1:]], 3)),
    "picked by a mask": ((9,), [n("Where", "m x z", "y")], {"m": np.eye(7, 8) > 0, "z": [0.25]},
                         lambda x: torch.where(torch.eye(7, 8) > 0, x, 0.25)),
    "one dimension": ((11,), [n("Reshape", "x s", "a"), n("Conv", "a K", "b", pads=[1, 1], strides=[2]),
                              n("MaxPool", "b", "c", kernel_shape=[3], strides=[2], ceil_mode=1),
                              n("AveragePool", "c", "y", kernel_shape=[2])],
                      {"s": [0, 2, 56], "K": LINE},
                      lambda x: F.avg_pool1d(F.max_pool1d(F.conv1d(x.flatten(2), t(LINE), None, 2, 1), 3, 2, 0, 1, True), 2, 1)),
}  # fmt: skip
FIXED = ("written into",)


@pytest.mark.parametrize("name", IMAGES)
def test_operators_on_images(name, tmp_path):
    opsets, nodes, constants, function = IMAGES[name]
    x = RNG.standard_normal((9, *SHAPE))
    own = function(t(x)).reshape(9, -1).numpy()
    for opset in opsets:
        for first in (1,) if name in FIXED else (N, 1):  # a batch of any size, and fixed to one
            proto = model(nodes, (first, *SHAPE), constants, opset)
            net = sx.load(written(proto, tmp_path))
            ours = net.logits(x.reshape(9, -1))
            np.testing.assert_allclose(ours, own, atol=1e-12, rtol=1e-12)
            assert net.reading.largest_difference < 1e-12


def test_channels_last_are_read_with_the_structure_of_channels_first(tmp_path):
    _, nodes, constants, _ = IMAGES["channels last"]
    weight = RNG.standard_normal((48, 3)).astype(np.float32)
    nodes = [n("Transpose", "image", "x", perm=[0, 3, 1, 2]), *nodes, n("Flatten", "y", "r"), n("MatMul", "r W", "z")]
    proto = model(nodes, ("n", 7, 8, 2), {**constants, "W": weight}, 13)
    proto.graph.input[0].name, proto.graph.output[0].name = "image", "z"
    net = sx.load(written(proto, tmp_path))
    layers = [node.layer for node in net.nodes[1:]]
    assert net.widths[1] == net.n_inputs and isinstance(layers[1], Convolution)  # one reordering, of the image
    assert net.activations == ("relu",) * 3 and isinstance(layers[-1], Affine) and layers[-1].n_inputs == 48
    assert isinstance(layers[-2], Activation) and net.reading.largest_difference < 1e-12


def test_an_activation_is_taken_behind_a_pooling_that_it_feeds_alone(tmp_path):
    nodes = [n("Conv", "x K", "h"), n("Relu", "h", "r"), n("MaxPool", "r", "y", kernel_shape=[2, 2], strides=[2, 2])]
    net = sx.load(written(model(nodes, (N, *SHAPE), {"K": KERNEL}), tmp_path))
    assert [node.layer.name for node in net.nodes[1:] if isinstance(node.layer, Activation)] == ["relu"] * 3
    assert isinstance(net.nodes[-1].layer, Activation) and net.widths[-1] == 4 * 2 * 3
    nodes.append(n("GlobalMaxPool", "r", "g"))
    proto = model([*nodes, n("Add", "y g", "z")], (N, *SHAPE), {"K": KERNEL})
    proto.graph.output[0].name = "z"
    assert not isinstance(sx.load(written(proto, tmp_path)).nodes[-1].layer, Activation)


def test_lists_of_tensors(tmp_path):
    nodes = [n("SplitToSequence", "x two", "s", axis=2), n("SequenceAt", "s one", "a"), n("SequenceAt", "s zero", "b"),
             n("SequenceConstruct", "a b", "u"), n("ConcatFromSequence", "u", "y", axis=2)]  # fmt: skip
    constants = {"two": np.array(4), "one": np.array(1), "zero": np.array(0)}
    net = sx.load(written(model(nodes, (N, *SHAPE), constants), tmp_path))
    x = RNG.standard_normal((3, *SHAPE))
    swapped = np.concatenate([x[:, :, 4:], x[:, :, :4]], axis=2)
    np.testing.assert_array_equal(net.logits(x.reshape(3, -1)), swapped.reshape(3, -1))


def test_windows_that_cannot_be(tmp_path):
    huge = helper.make_node("MaxPool", ["x"], ["y"], name="huge", kernel_shape=[1 << 40, 1])
    far = helper.make_node("Conv", ["x", "K"], ["y"], name="far", pads=[1 << 40, 0, 0, 0])
    empty = helper.make_node("AveragePool", ["x"], ["y"], name="empty", kernel_shape=[2, 2], pads=[5, 5, 5, 5])
    computed = [n("GlobalAveragePool", "x", "K"), helper.make_node("Conv", ["x", "K"], ["y"], name="own")]
    for nodes, match in (([huge], "MaxPool.*huge"), ([far], "Conv .*too large.*far"), ([empty], "AveragePool.*empty"),
                         (computed, "Conv .with a computed kernel. x1 in own")):  # fmt: skip
        with pytest.raises(sx.UnsupportedLayerError, match=match):
            sx.load(written(model(nodes, (N, *SHAPE), {"K": KERNEL} if nodes is not computed else {}), tmp_path))
