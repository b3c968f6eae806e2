"""The embedded networks classify as well as their files say: recomputed from the bytes, in plain numpy."""

import json
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import separatrix.data
from separatrix.data.toy_problems import toy

DATA = Path(separatrix.data.__file__).parent
FILES = {path.stem: path for path in sorted((DATA / "networks").glob("*.safetensors"))}

LEAST_ACCURACY = {
    "mnist-sigmoid": 0.97,
    "mnist-tanh": 0.975,
    "mnist-relu": 0.975,
    "mnist-deep-tanh": 0.965,
    "mnist-conv-tanh": 0.985,
    "moons-tanh": 0.98,
    "moons-silu": 0.98,
    "circles-tanh": 0.98,
    "circles-relu": 0.98,
    "spirals-tanh": 0.95,
    "blobs-tanh": 0.98,
    "blobs-sigmoid": 0.98,
    "ring-tanh": 0.98,
    "ring-relu": 0.98,
    "ball-tanh": 0.98,
    "torus-tanh": 0.98,
    "torus-relu": 0.98,
    "blobs3d-softplus": 0.98,
}

ACTIVATIONS = {
    "relu": lambda u: np.maximum(u, 0.0),
    "sigmoid": lambda u: 1.0 / (1.0 + np.exp(-u)),
    "tanh": np.tanh,
    "softplus": lambda u: np.logaddexp(0.0, u),
    "silu": lambda u: u / (1.0 + np.exp(-u)),
}

# Euler characteristic of the region of each class in the box, from the shapes that the data are drawn from: a disc or a
# ball has 1, a ring or a solid torus 0, a disjoint union the sum.
EULER_CHARACTERISTICS = {
    "moons": (1, 1),
    "circles": (0, 1),
    "spirals": (1, 1),
    "blobs": (1, 1, 1),
    "ring": (1, 0),
    "ball": (2, 1),
    "torus": (1, 0),
    "blobs3d": (1, 1, 1),
}


def read(name):
    with safe_open(FILES[name], framework="numpy") as file:
        return file.metadata(), {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a mapping


def convolutional_logits(x, arrays):
    """Two convolutions of 5 x 5 with tanh and means over 2 x 2, then a dense layer, from the arrays by number of the layer."""
    parts = [
        arrays[key].astype(np.float64) for key in ("1.weight", "1.bias", "4.weight", "4.bias", "7.weight", "7.bias")
    ]
    found = []
    for images in x.reshape(-1, 100, 1, 28, 28):
        for kernel, bias in (parts[:2], parts[2:4]):
            windows = np.lib.stride_tricks.sliding_window_view(images, (5, 5), axis=(2, 3))
            images = np.tanh(
                np.tensordot(windows, kernel, ((1, 4, 5), (1, 2, 3))).transpose(0, 3, 1, 2) + bias[:, None, None]
            )
            images = 0.25 * sum(images[:, :, i::2, j::2] for i in (0, 1) for j in (0, 1))
        found.append(images.reshape(100, -1) @ parts[4].T + parts[5])
    return np.concatenate(found)


def logits(x, arrays, activation):
    if "W0" not in arrays:
        return convolutional_logits(x, arrays)
    depth = len(arrays) // 2
    for k in range(depth):
        x = x @ arrays[f"W{k}"].astype(np.float64).T + arrays[f"b{k}"]
        x = ACTIVATIONS[activation](x) if k + 1 < depth else x
    return x


@pytest.fixture(scope="module")
def digits():
    with np.load(DATA / "mnist.npz") as mnist:
        return mnist["x_test"].reshape(-1, 784) / 255.0, mnist["y_test"]


def euler_characteristic(cells):
    """Vertices - edges + squares - cubes of a closed union of pixels or voxels."""
    cells, total = np.pad(cells, 1), 0
    for corner in np.ndindex(*(2,) * cells.ndim):
        faces = cells
        for axis in np.flatnonzero(corner):
            upper, lower = np.split(faces, [1], axis=axis)[1], np.split(faces, [-1], axis=axis)[0]
            faces = upper | lower
        total += (-1) ** (cells.ndim - sum(corner)) * int(faces.sum())
    return total


def test_every_promised_network_is_there_and_no_other():
    assert set(FILES) == set(LEAST_ACCURACY)


@pytest.mark.parametrize("name", [name for name in LEAST_ACCURACY if "conv" not in name])
def test_arrays_fit_the_architecture(name):
    about, arrays = read(name)
    widths = [int(width) for width in about["architecture"].split("-")]
    expected = {f"W{k}": pair[::-1] for k, pair in enumerate(zip(widths[:-1], widths[1:], strict=True))}
    expected |= {f"b{k}": (width,) for k, width in enumerate(widths[1:])}
    assert {key: array.shape for key, array in arrays.items()} == expected
    assert all(array.dtype == np.float32 and np.isfinite(array).all() for array in arrays.values())
    assert np.array(json.loads(about["box"])).shape == (2, widths[0])
    for key in ("task", "trained", "seed", "torch", "input", "description"):
        assert about[key]


@pytest.mark.parametrize("name", LEAST_ACCURACY)
def test_accuracy_is_the_one_in_the_file_and_good_enough(name, digits):
    about, arrays = read(name)
    x, y = digits if about["task"] == "mnist" else toy(about["task"], 10_000, 1)
    accuracy = np.mean(logits(x, arrays, about["activation"]).argmax(axis=1) == y)
    # One point in 10,000 may lie so near to the decision surface that rounding decides.
    assert accuracy == pytest.approx(float(about["accuracy"]), abs=1.5e-4)
    assert accuracy >= LEAST_ACCURACY[name]


@pytest.mark.parametrize("name", [name for name in LEAST_ACCURACY if not name.startswith("mnist")])
def test_decision_regions_have_the_shape_of_the_data(name):
    about, arrays = read(name)
    lower, upper = np.array(json.loads(about["box"]))
    dim = len(lower)
    n = 400 if dim == 2 else 80
    centres = (np.indices((n,) * dim).reshape(dim, -1).T + 0.5) / n * (upper - lower) + lower
    label = logits(centres, arrays, about["activation"]).argmax(axis=1).reshape((n,) * dim)
    found = tuple(euler_characteristic(label == k) for k in range(label.max() + 1))
    assert found == EULER_CHARACTERISTICS[about["task"]]


def test_table_lists_every_network_with_its_accuracy():
    table = (DATA / "networks" / "README.md").read_text(encoding="utf-8")
    for name in FILES:
        about, _ = read(name)
        row = f"| {name} | {about['architecture']} | {about['activation']} | {100 * float(about['accuracy']):.2f} % |"
        assert row in table
