"""The embedded MNIST digits (Y. LeCun, C. Cortes, C. J. C. Burges; CC BY-SA 3.0)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from separatrix.records import Provenance, Record

FILE = Path(__file__).with_name("mnist.npz")
ORIGIN = "MNIST (Y. LeCun, C. Cortes, C. J. C. Burges), CC BY-SA 3.0"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Digits(Record):
    """Labelled images of digits, arrays uint8 and read-only.

    ``x_train`` (n_train, 28, 28), ``y_train`` (n_train,), ``x_test`` (n_test, 28, 28), ``y_test`` (n_test,); pixels
    from 0 (background) to 255. The embedded networks take pixels / 255.
    """

    x_train: np.ndarray
    y_train: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray

    def columns(self) -> dict[str, Any]:
        """One row a class: how many images there are of it."""
        return {
            "class": np.arange(10),
            "train": np.bincount(self.y_train, minlength=10),
            "test": np.bincount(self.y_test, minlength=10),
        }

    def __repr__(self) -> str:
        return f"Digits({len(self.x_train)} training and {len(self.x_test)} test images of 28 x 28, uint8; {ORIGIN})"


@cache
def mnist() -> Digits:
    """The 60,000 training and 10,000 test images of MNIST, read once.

    >>> digits = mnist()
    >>> digits.x_train.shape, digits.x_train.dtype, digits.y_test[:5].tolist()
    ((60000, 28, 28), dtype('uint8'), [7, 2, 1, 0, 4])
    """
    with np.load(FILE, allow_pickle=False) as file:
        arrays = {name: file[name] for name in ("x_train", "y_train", "x_test", "y_test")}
    for array in arrays.values():
        array.flags.writeable = False
    return Digits(**arrays, provenance=Provenance(ORIGIN))
