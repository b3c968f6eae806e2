"""Files that tf2onnx made of Keras models, channels last: the network gives what Keras gives."""

from pathlib import Path

import numpy as np
import pytest

import separatrix as sx

FOLDER = Path(__file__).parent / "keras"
FILES = {
    "residual": ("192-4c3x3-4c3x3-2c1x1-3", ("relu", "relu")),
    "depthwise": ("192-6c3x3-5c1x1-5c3x3-3", ("relu",) * 3),
    "separable": ("128-2c3x3-5c1x1-5c3x3-4c1x1-3", ("relu", "gelu")),
    "causal": ("24-4c1x3-4c1x3-3", ("relu", "relu", "tanh")),
}


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_the_model(name):
    net, known = sx.load(FOLDER / f"{name}.onnx"), np.load(FOLDER / "outputs.npz")
    assert (net.architecture, net.activations) == FILES[name]
    assert net.reading.largest_difference < (1e-6 if name == "separable" else 1e-12)
    np.testing.assert_allclose(net.logits(known[f"{name}_x"]), known[f"{name}_y"], atol=2e-6)
    assert any("Erfc" in note for note in net.reading.notes) == (name == "separable")
