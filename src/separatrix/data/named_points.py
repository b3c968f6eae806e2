"""The embedded data by name, as ``data=`` and ``--data`` take them: ``mnist``, ``moons-test``, ``mnist:400``."""

from __future__ import annotations

import difflib
import os

import numpy as np

from separatrix.data.digits import mnist
from separatrix.data.point_files import DataPoints
from separatrix.data.toy_problems import toy, toys
from separatrix.errors import InputError, printable

TRAINED_ON, HELD_OUT = 6_000, 10_000
TEST = "-test"
PLAIN = 40  # longest text that may be a name


def data_names() -> tuple[str, ...]:
    """The names that :func:`named_points` knows: what the embedded networks learned, and with ``-test`` what they did not see.

    >>> data_names()[:4]
    ('mnist', 'mnist-test', 'moons', 'moons-test')
    """
    return tuple(f"{name}{part}" for name in ("mnist", *toys()) for part in ("", TEST))


def named_points(name: str) -> DataPoints:
    """Embedded data by name, in the units of the embedded networks: pixels / 255; ``name:n`` gives n of them, evenly spaced.

    Raises InputError for an unknown name, with the names that there are.

    >>> named_points("moons-test:100")
    DataPoints(100 of the 10,000 test points of the toy problem moons: 100 points of shape (2,), 2 different labels)
    """
    word, _, count = name.partition(":")
    known = data_names()
    if word not in known or (":" in name and not (count.isascii() and count.isdecimal() and int(count[:9]) > 0)):
        close = difflib.get_close_matches(word, known, 1)
        hint = f"; did you mean {close[0]}?" if close and close[0] != word else "."
        raise InputError(
            f"{printable(name, 60)}: there is no such file, and no embedded data of that name{hint} Embedded are "
            f"{', '.join(known)}, or a number of them, as mnist:400"
        )
    task, is_test = word.removesuffix(TEST), word.endswith(TEST)
    if task == "mnist":
        digits = mnist()
        x, y = (digits.x_test, digits.y_test) if is_test else (digits.x_train, digits.y_train)
        kind = "MNIST images"
    else:
        x, y = toy(task, HELD_OUT, 1) if is_test else toy(task, TRAINED_ON, 0)
        kind = f"points of the toy problem {task}"
    text = f"{'test' if is_test else 'training'} {kind}"
    if count and int(count) < len(y):
        chosen = np.linspace(0, len(y) - 1, int(count)).round().astype(np.int64)
        text = f"{int(count):,} of the {len(y):,} {text}"
        x, y = x[chosen], y[chosen]
    return DataPoints(x / 255.0 if task == "mnist" else x, y.astype(np.int64), text)


def is_name(path: str | os.PathLike[str]) -> bool:
    """Whether a text is to be taken for a name: no file is called so, and it has neither folder nor ending."""
    text = os.fsdecode(path)
    plain = (
        text.isprintable() and 0 < len(text) <= PLAIN and not os.path.dirname(text) and not os.path.splitext(text)[1]
    )
    return plain and not os.path.lexists(text)
