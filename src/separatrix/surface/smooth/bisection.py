"""The mesh of the unit cube: Kuhn's simplices, bisected where asked, conforming throughout (§6)."""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np

TAG, LEVEL, STATUS, STAMP = 0, 1, 2, 3


class Bisection:
    """A conforming mesh of [0, 1]^n with growing arrays.

    ``coords`` (n_vertices, n) exact dyadic numbers, ``simplices`` (N, n + 1) int64 vertex numbers, ``state`` (N, 4):
    tag, level, status, stamp. The simplices of level k have volume 2^-k / n!.
    """

    def __init__(self, dim: int) -> None:
        self.dim = dim
        corners = np.array([[(i >> j) & 1 for j in range(dim)] for i in range(2**dim)], dtype=np.float64)
        orders = list(permutations(range(dim)))
        assert len(orders) == factorial(dim)
        room = 256
        self._simplices = np.zeros((room, dim + 1), dtype=np.int64)
        self._state = np.zeros((room, 4), dtype=np.int64)
        self._coords = np.zeros((room, dim))
        self._touched = np.zeros(room, dtype=np.int64)
        self._keys = np.full((1024, 2), -1, dtype=np.int64)
        self._coords[: len(corners)] = corners
        for row, order in enumerate(orders):
            self._simplices[row] = np.concatenate([[0], np.cumsum([1 << axis for axis in order])])
        self._state[: len(orders), TAG] = dim
        self._counts = np.array([len(orders), len(corners), 0, 0], dtype=np.int64)

    @property
    def coords(self) -> np.ndarray:
        """Vertices, (n_vertices, n)."""
        return self._coords[: self._counts[1]]

    @property
    def simplices(self) -> np.ndarray:
        """Vertex numbers, (N, n + 1)."""
        return self._simplices[: self._counts[0]]

    @property
    def status(self) -> np.ndarray:
        """What is known of every simplex; may be written to."""
        return self._state[: self._counts[0], STATUS]

    @property
    def level(self) -> np.ndarray:
        """Number of bisections that led to every simplex."""
        return self._state[: self._counts[0], LEVEL]

    def midpoints(self) -> tuple[np.ndarray, np.ndarray]:
        """Keys of the cut edges, a * 2^32 + b with a < b, ascending, and their midpoints."""
        entries = self._keys[self._keys[:, 0] >= 0]
        entries = entries[np.argsort(entries[:, 0])]
        return entries[:, 0], entries[:, 1]

    def copy(self) -> Bisection:
        """A mesh that can be refined on its own."""
        made = Bisection.__new__(Bisection)
        made.dim = self.dim
        for name in ("_simplices", "_state", "_coords", "_touched", "_keys", "_counts"):
            setattr(made, name, getattr(self, name).copy())
        return made

    def refine(self) -> None:
        """Cut the marked simplices and those that no longer conform."""
        from separatrix.surface.smooth.kernels.bisection import refine

        self._counts[2] += 1
        old = np.zeros((0, 2), dtype=np.int64)
        while not refine(self._simplices, self._state, self._coords, self._touched, self._keys, old, self._counts):
            old = np.zeros((0, 2), dtype=np.int64)
            n_simplices, n_vertices, _, entries = (int(count) for count in self._counts)
            if n_simplices + 1 > len(self._simplices):
                self._simplices, self._state = _longer(self._simplices), _longer(self._state)
            if n_vertices + 1 > len(self._coords):
                self._coords, self._touched = _longer(self._coords), _longer(self._touched)
            if 2 * (entries + 1) > len(self._keys):
                old, self._keys = self._keys, np.full((4 * len(self._keys), 2), -1, dtype=np.int64)


def _longer(array: np.ndarray) -> np.ndarray:
    room = np.zeros((2 * len(array), *array.shape[1:]), dtype=array.dtype)
    room[: len(array)] = array
    return room
