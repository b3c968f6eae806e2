"""The dispatcher: what it takes, what it says to everything else, and the shape of inputs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.networks.network import Network

NET = Network.from_arrays([np.ones((3, 6)), np.ones((2, 3))], [np.zeros(3), np.zeros(2)], "relu")


@pytest.mark.parametrize(
    "source", [None, 3, 2.5, [1, 2], {"W0": 1}, np.eye(2), print, lambda x: x, object(), Network, Path]
)
def test_other_objects_are_told_what_can_be_read(source):
    with pytest.raises(KindError) as caught:
        sx.load(source)
    assert isinstance(caught.value, TypeError)
    assert "pass an instance" in str(caught.value) or ".safetensors" in str(caught.value)


@pytest.mark.parametrize("shape", [6, (6,), [2, 3], (1, 2, 3), np.int64(6)])
def test_input_shape_is_checked_against_the_network(tmp_path, shape):
    NET.save(tmp_path / "net.safetensors")
    assert sx.load(tmp_path / "net.safetensors", input_shape=shape).n_inputs == 6


@pytest.mark.parametrize(
    ("shape", "error", "match"),
    [
        ((2, 2), InputError, "has 4 entries, the network takes 6"),
        ((), InputError, "positive"),
        ((0, 6), InputError, "positive"),
        ((-1, 6), InputError, "positive"),
        ((2.0, 3), InputError, "positive"),
        (6.0, KindError, "integers"),
        (True, InputError, "positive"),
    ],
)
def test_input_shapes_that_do_not_fit(tmp_path, shape, error, match):
    NET.save(tmp_path / "net.safetensors")
    with pytest.raises(error, match=match):
        sx.load(tmp_path / "net.safetensors", input_shape=shape)


def test_networks_and_paths_of_all_kinds(tmp_path):
    NET.save(tmp_path / "net.safetensors")
    (tmp_path / "net.safetensors").rename(tmp_path / "weights")
    for path in (tmp_path / "weights", str(tmp_path / "weights"), str(tmp_path / "weights").encode()):
        assert sx.load(path).architecture == "6-3-2"
    assert sx.load(NET) is NET
    assert sx.load(NET, activation="relu") is NET
    with pytest.raises(InputError, match="activation= is for files only"):
        sx.load(NET, activation="tanh")


def test_reading_files_needs_neither_torch_nor_sklearn(tmp_path):
    NET.save(tmp_path / "net.safetensors")
    code = (
        "import sys, separatrix as sx; sx.load(sys.argv[1])\n"
        "try: sx.load(object())\n"
        "except TypeError: pass\n"
        "assert not {'torch', 'sklearn', 'joblib'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code, tmp_path / "net.safetensors"], check=True, timeout=60)
