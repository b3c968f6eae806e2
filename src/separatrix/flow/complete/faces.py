"""The faces of a box by their free coordinates, and its vertices (§3)."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np

Array = np.ndarray


def free_sets(coordinates: Array, boundary: str) -> list[Array]:
    """Sets of free coordinates, largest first: all of ``coordinates`` for "exit", every subset for "project"."""
    if boundary == "exit":
        return [coordinates]
    sizes = range(coordinates.size, -1, -1)
    return [np.array(chosen, dtype=np.int64) for size in sizes for chosen in combinations(coordinates.tolist(), size)]


def faces(free: Array, coordinates: Array, lower: Array, upper: Array) -> tuple[Array, Array]:
    """The faces of [lower, upper] on which ``free`` of the ``coordinates`` are free, as thin boxes (m, dim); what is not
    among the coordinates stands at the lower side."""
    fixed = [int(i) for i in coordinates if i not in set(free.tolist())]
    sides = list(product((0, 1), repeat=len(fixed)))
    low, high = np.tile(lower, (len(sides), 1)), np.tile(lower, (len(sides), 1))
    high[:, free] = upper[free]
    for row, chosen in enumerate(sides):
        for axis, side in zip(fixed, chosen, strict=True):
            low[row, axis] = high[row, axis] = upper[axis] if side else lower[axis]
    return low, high
