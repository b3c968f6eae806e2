"""A box cut into dyadic cubes of several sizes that fit together without gaps, and who is whose neighbour (§9).

The cubes lie sorted along the Z-curve: a cube is known by the code of its lower corner, the bits of its coordinates in turn, and
the cube that holds a place is the last one whose code is not larger. So neighbours of any size are found by bisection.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from separatrix.domains import Box

SKEW = 0.0737  # planes are not in the middle, where symmetric systems have their equilibria
MOST_BITS = 62
CHUNK = 65_536


@dataclass(frozen=True, eq=False)
class CubicalGrid:
    """``box`` cut into m cubes: products of intervals between planes that all cubes share.

    ``depth`` D: there are 2^D finest cubes a side; ``corner`` (m, dim) int32: lower corners in units of these; ``level`` (m,)
    int8: a cube of level k spans 2^(D - k) of them; ``code`` (m,) int64, ascending: corners along the Z-curve.
    """

    box: Box
    depth: int
    corner: np.ndarray
    level: np.ndarray
    code: np.ndarray

    @classmethod
    def uniform(cls, box: Box, depth: int) -> CubicalGrid:
        """2^depth cubes a side, all of one level."""
        grid = cls(
            box, 0, np.zeros((1, box.dim), dtype=np.int32), np.zeros(1, dtype=np.int8), np.zeros(1, dtype=np.int64)
        )
        for _ in range(depth):
            grid = grid.refined(np.ones(len(grid), dtype=bool))
        return grid

    def __len__(self) -> int:
        return len(self.code)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.box.dim

    @property
    def deepest(self) -> int:
        """The largest depth that codes have room for."""
        return min(31 - 1, MOST_BITS // self.dim)

    @property
    def span(self) -> np.ndarray:
        """Sides of the cubes in units of the finest, (m,) int64."""
        return np.left_shift(1, self.depth - self.level.astype(np.int64))

    @property
    def at_lower(self) -> np.ndarray:
        """Which cubes touch which lower side of the box, (m, dim)."""
        return self.corner == 0

    @property
    def at_upper(self) -> np.ndarray:
        """Which cubes touch which upper side of the box, (m, dim)."""
        return self.corner + self.span[:, None] == 1 << self.depth

    @property
    def at_edge(self) -> np.ndarray:
        """Which cubes touch the boundary of the box, (m,)."""
        return np.asarray((self.at_lower | self.at_upper).any(axis=1))

    def planes(self, number: np.ndarray, axis: int) -> np.ndarray:
        """Where the planes of these numbers (0 … 2^depth) across ``axis`` stand: the same doubles at every refinement."""
        low, high = self.box.lower[axis], self.box.upper[axis]
        share = number / float(1 << self.depth)
        share = share + SKEW * share * (1.0 - share)
        return np.where(share >= 1.0, high, np.minimum(low + share * (high - low), high))

    def ends(self, rows: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
        """(lower, upper), each (k, dim): the cubes ``rows`` as boxes."""
        corner, span = self.corner[rows], np.left_shift(1, self.depth - self.level[rows].astype(np.int64))
        lower, upper = np.empty(corner.shape), np.empty(corner.shape)
        for axis in range(self.dim):
            lower[:, axis] = self.planes(corner[:, axis], axis)
            upper[:, axis] = self.planes(corner[:, axis] + span, axis)
        return lower, upper

    def refined(self, chosen: np.ndarray) -> CubicalGrid:
        """The grid with each cube of the mask ``chosen`` (m,) cut into 2^dim; the others stay."""
        n, depth = self.dim, self.depth
        corner, code = self.corner, self.code
        if chosen.any() and int(self.level[chosen].max()) == depth:
            depth, corner, code = depth + 1, corner << 1, code << n
        count = np.where(chosen, 1 << n, 1)
        owner = np.repeat(np.arange(len(self)), count)
        child = np.arange(owner.size) - np.repeat(np.cumsum(count) - count, count)
        level = (self.level + chosen).astype(np.int8)[owner]
        down = depth - level.astype(np.int64)
        bits = ((child[:, None] >> np.arange(n)) & 1) << down[:, None]
        return CubicalGrid(
            self.box, depth, (corner[owner] + bits).astype(np.int32), level, code[owner] + (child << (n * down))
        )

    def parents(self, chosen: np.ndarray) -> np.ndarray:
        """For each cube of ``refined(chosen)`` the row of the cube that it was or was cut from."""
        return np.repeat(np.arange(len(self)), np.where(chosen, 1 << self.dim, 1))

    def holding(self, code: np.ndarray) -> np.ndarray:
        """Rows of the cubes that hold finest cubes with these codes."""
        return np.searchsorted(self.code, code, side="right") - 1

    def meeting(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Rows of the closed cubes that meet the box [lower, upper], which may be a point."""
        rows = np.arange(len(self))
        span = self.span
        for axis in range(self.dim):  # from one coordinate to the next fewer cubes are left
            first = self.planes(self.corner[rows, axis], axis)
            last = self.planes(self.corner[rows, axis] + span[rows], axis)
            rows = rows[(first <= upper[axis]) & (last >= lower[axis])]
        return rows

    def neighbours(self, axis: int) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
        """All pairs of cubes with a common face across ``axis``, each once, a chunk at a time.

        (low, high, upper): rows of the cubes below and above the face, and whether the face is the whole upper face of the
        lower cube (True) or the lower face of the upper cube, which is then the smaller one.
        """
        n, ones = self.dim, np.int64(-1)
        mask = np.int64(sum(1 << (bit * n + axis) for bit in range(MOST_BITS // n)))
        for first in range(0, len(self), CHUNK):
            rows = np.arange(first, min(first + CHUNK, len(self)))
            down = self.depth - self.level[rows].astype(np.int64)
            code, place = self.code[rows], self.corner[rows, axis]
            inner = place + (1 << down) < 1 << self.depth
            a = rows[inner]
            step = np.left_shift(np.int64(1), n * down[inner] + axis)
            above = (((code[inner] | (ones ^ mask)) + step) & mask) | (code[inner] & (ones ^ mask))
            b = self.holding(above)
            whole = self.level[b] <= self.level[a]
            yield a[whole], b[whole], np.ones(int(whole.sum()), dtype=bool)
            inner = place > 0
            b = rows[inner]
            below = (((code[inner] & mask) - np.int64(1 << axis)) & mask) | (code[inner] & (ones ^ mask))
            a = self.holding(below)
            larger = self.level[a] < self.level[b]
            yield a[larger], b[larger], np.zeros(int(larger.sum()), dtype=bool)
