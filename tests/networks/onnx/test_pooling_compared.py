"""Pooling that onnx's reference evaluator computes wrongly: right files are read, and compared with the standard."""

import warnings
from itertools import product

import numpy as np
import pytest

import separatrix as sx
from tests.networks.onnx.models import model, node, written


def pooled(x, window, stride, before, sizes):
    """Max pooling of images (n, channels, height, width) by its definition."""
    result = np.empty((*x.shape[:2], *sizes))
    for place in product(*map(range, sizes)):
        starts = [i * s - b for i, s, b in zip(place, stride, before, strict=True)]
        cut = tuple(slice(max(a, 0), a + w) for a, w in zip(starts, window, strict=True))
        result[:, :, *place] = x[:, :, *cut].max(axis=(2, 3))
    return result


@pytest.mark.parametrize(
    ("attributes", "stride", "before", "sizes"),
    [
        ({"pads": [1, 1, 0, 1]}, (1, 1), (1, 1), (5, 7)),
        ({"pads": [0, 0, 1, 0]}, (1, 1), (0, 0), (5, 5)),
        ({"auto_pad": "SAME_LOWER", "strides": [2, 2]}, (2, 2), (1, 0), (3, 3)),
        ({"auto_pad": "SAME_UPPER", "strides": [2, 2]}, (2, 2), (0, 0), (3, 3)),
        ({"pads": [0, 0, 1, 1], "ceil_mode": 1}, (1, 1), (0, 0), (5, 6)),
    ],
)
def test_uneven_windows(tmp_path, attributes, stride, before, sizes):
    x = np.random.default_rng(0).standard_normal((4, 2, 5, 6))
    expected = pooled(x, (2, 2), stride, before, sizes).reshape(4, -1)
    weight = np.eye(expected.shape[1])
    nodes = [
        node("MaxPool", "x", "t", kernel_shape=[2, 2], **attributes),
        node("Flatten", "t", "f"),
        node("MatMul", "f V", "y"),
    ]
    check(written(model(nodes, ("n", 2, 5, 6), {"V": weight}), tmp_path), x, expected)


@pytest.mark.parametrize(
    ("attributes", "before"),
    [({}, (0, 0)), ({"pads": [1, 0, 1, 1], "count_include_pad": 1}, (1, 0)), ({"pads": [1, 0, 1, 1]}, (1, 0))],
)
def test_means_of_windows_that_are_cut(tmp_path, attributes, before):
    """ceil_mode with stride 3: the last windows reach beyond the image, whose mean is over what is there."""
    x = np.random.default_rng(0).standard_normal((4, 2, 7, 7))
    pads = attributes.get("pads", [0] * 4)
    expected = np.empty((4, 2, 3, 3))
    for i, j in product(range(3), repeat=2):
        starts = (3 * i - before[0], 3 * j - before[1])
        sides = [(max(a, 0), min(a + 3, 7)) for a in starts]
        total = x[:, :, slice(*sides[0]), slice(*sides[1])].sum(axis=(2, 3))
        if attributes.get("count_include_pad"):
            sides = [(a, min(a + 3, 7 + pads[2 + k])) for k, a in enumerate(starts)]
        expected[:, :, i, j] = total / np.prod([b - a for a, b in sides])
    nodes = [node("AveragePool", "x", "t", kernel_shape=[3, 3], strides=[3, 3], ceil_mode=1, **attributes),
             node("Flatten", "t", "f"), node("MatMul", "f V", "y")]  # fmt: skip
    check(written(model(nodes, ("n", 2, 7, 7), {"V": np.eye(18)}), tmp_path), x, expected.reshape(4, -1))


def test_the_maximum_along_a_line(tmp_path):
    x = np.random.default_rng(0).standard_normal((4, 3, 5))
    nodes = [node("GlobalMaxPool", "x", "t"), node("Flatten", "t", "f"), node("MatMul", "f V", "y")]
    check(written(model(nodes, ("n", 3, 5), {"V": np.eye(3)}), tmp_path), x, x.max(axis=2))


def check(path, x, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        net = sx.load(path)
    assert net.reading.largest_difference is not None and net.reading.largest_difference < 1e-12
    np.testing.assert_allclose(net.logits(x.reshape(len(x), -1)), expected, atol=1e-12)
