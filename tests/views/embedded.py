"""The embedded digits as the networks take them."""

from functools import cache
from pathlib import Path

import numpy as np

DATA = Path(__file__).parents[2] / "src" / "separatrix" / "data"


@cache
def digits(n: int) -> tuple[np.ndarray, np.ndarray]:
    """The first ``n`` test images (n, 784) in [0, 1] and their labels."""
    with np.load(DATA / "mnist.npz") as arrays:
        return arrays["x_test"][:n].reshape(n, -1) / 255.0, arrays["y_test"][:n].astype(np.int64)
