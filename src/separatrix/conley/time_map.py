"""Cubes and the directed graph of the time-T map: a second outer approximation of the flow (§9, (9.7))."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from separatrix.conley.cubical_grid import CubicalGrid
from separatrix.conley.outer_approximation import OuterApproximation, outer_approximation
from separatrix.conley.time_images import TimeImages
from separatrix.domains import Box
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.potentials.base import Potential

if TYPE_CHECKING:
    from scipy.sparse import csr_array

Array = np.ndarray
BATCH, SAMPLED, MOST_TIMES = 4096, 96, 16
FOLLOWED, WIDEST = 0.98, 12.0  # share of the sampled cubes, and cubes that an image may meet


@dataclass(frozen=True, eq=False)
class TimeMap(OuterApproximation):
    """The graph of x -> phi_T(x) on the cubes: an edge (a, b) where phi_T of an orbit in a that stays in the box may lie in b.

    ``time`` T; ``low``, ``high`` (m, n): boxes that hold the images, low > high where none stays; ``was_followed`` (m,): where
    not, every cube is a target. The rest is as in :class:`OuterApproximation`.
    """

    time: float
    low: Array
    high: Array
    was_followed: Array

    @cached_property
    def graph(self) -> csr_array:
        """The edges, made at the first call."""
        from scipy.sparse import csr_array

        stays = np.flatnonzero((self.low <= self.high).all(axis=1))
        none = np.zeros(0, dtype=np.int32)
        tails, heads = [none], [none]
        for first in range(0, stays.size, BATCH):
            rows = stays[first : first + BATCH]
            tail, head = meeting_pairs(self.grid, self.low[rows], self.high[rows])
            tails.append(rows[tail].astype(np.int32))
            heads.append(head.astype(np.int32))
        tail, head = np.concatenate(tails), np.concatenate(heads)
        return csr_array((np.ones(tail.size), (tail, head)), shape=(len(self), len(self)))  # csgraph wants doubles

    @cached_property
    def may_rest(self) -> Array:
        """Which cubes may hold an equilibrium, (m,): the field does not exclude it, nor does the image."""
        lower, upper = self.grid.ends()
        return super().may_rest & (self.low <= upper).all(axis=1) & (self.high >= lower).all(axis=1)

    def refined(self, chosen: Array) -> TimeMap:
        """The approximation with the cubes of the mask ``chosen`` (m,) cut into 2^dim each."""
        finer, parents = super().refined(chosen), self.grid.parents(chosen)
        new = np.flatnonzero(chosen[parents])
        low, high, was_followed = self.low[parents], self.high[parents], self.was_followed[parents]
        low[new], high[new], was_followed[new] = _images(finer, new, self.time)
        return TimeMap(self.potential, self.boundary, finer.grid, finer.signs, self.time, low, high, was_followed)


def time_map(
    potential: Potential,
    box: Box,
    boundary: str = "exit",
    time: float | None = None,
    *,
    depth: int | None = None,
    n_boxes: int = 4096,
) -> TimeMap:
    """The graph of the time-T map of dx/dt = grad f on a uniform grid, as :func:`outer_approximation` makes it.

    ``potential``: smooth, with enclosures of its derivatives. ``time``: T; None: as long as almost all cubes can be followed
    and their images meet few cubes. Nothing is checked.
    """
    cubes = outer_approximation(potential, box, boundary, depth=depth, n_boxes=n_boxes)
    time = chosen_time(cubes) if time is None else time
    images = _images(cubes, np.arange(len(cubes)), time)
    return TimeMap(potential, boundary, cubes.grid, cubes.signs, time, *images)


def chosen_time(cubes: OuterApproximation) -> float:
    """A time in which cubes turn by about one radian at the most and can be followed, found on a sample of them."""
    rows = np.unique(np.linspace(0, len(cubes) - 1, SAMPLED).astype(np.int64))
    lower, upper = cubes.grid.ends(rows)
    hessian = cubes.potential.enclose_batch(lower, upper)[1].magnitude
    sizes = np.sqrt((hessian**2).sum(axis=(1, 2)))
    scale = float(np.median(sizes[np.isfinite(sizes)])) if np.isfinite(sizes).any() else 1.0
    time = 2.0 * 2.0 ** np.floor(-np.log2(max(scale, 1e-100)))
    for _ in range(MOST_TIMES):
        low, high, followed = _images(cubes, rows, time)
        met = np.prod(np.maximum(high - low, 0.0) / (upper - lower) + 1.0, axis=1)
        if followed.mean() >= FOLLOWED and met[followed].mean() <= WIDEST * 2.0 ** (cubes.grid.dim - 2):
            break
        time *= 0.5
    return float(time)


def _images(cubes: OuterApproximation, rows: Array, time: float) -> tuple[Array, Array, Array]:
    """(low, high, was_followed) of some cubes."""
    grid = cubes.grid
    low, high = np.broadcast_to(grid.box.lower, (rows.size, grid.dim)).copy(), np.empty((rows.size, grid.dim))
    high[:], followed = grid.box.upper, np.zeros(rows.size, dtype=bool)
    if not ieee_arithmetic_holds():
        return low, high, followed
    images = TimeImages(cubes.potential, grid.box, cubes.boundary, time)
    for first in range(0, rows.size, BATCH):
        part = slice(first, first + BATCH)
        low[part], high[part], followed[part] = images.of(*grid.ends(rows[part]))
    return low, high, followed


def meeting_pairs(grid: CubicalGrid, low: Array, high: Array) -> tuple[Array, Array]:
    """All pairs (row of a box, row of a closed cube of the grid that meets it), for boxes [low, high] (k, n) in the grid's box.

    Starts with the cubes of the coarsest level, as many as a box meets, and halves those that the grid has cut.
    """
    level, n = int(grid.level.min(initial=0)), grid.dim
    owner, corner = np.arange(len(low)), np.zeros((len(low), n), dtype=np.int64)
    for axis in range(n):  # one axis after the other: the numbers of the planes between which a box lies
        planes = grid.planes(np.arange((1 << level) + 1) << (grid.depth - level), axis)
        first = np.maximum(np.searchsorted(planes, low[owner, axis], "left") - 1, 0)
        last = np.minimum(np.searchsorted(planes, high[owner, axis], "right") - 1, (1 << level) - 1)
        count = np.maximum(last - first + 1, 0)
        place = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        owner, corner = np.repeat(owner, count), np.repeat(corner, count, axis=0)
        corner[:, axis] = np.repeat(first, count) + place
    tails, heads = [], []
    while owner.size:
        rows = grid.holding(_codes(corner << (grid.depth - level), n))
        is_whole = grid.level[rows] <= level
        tails.append(owner[is_whole])
        heads.append(rows[is_whole])
        owner, corner = owner[~is_whole], corner[~is_whole]
        level += 1
        owner, corner = np.repeat(owner, 1 << n), np.repeat(2 * corner, 1 << n, axis=0)
        corner += np.tile((np.arange(1 << n)[:, None] >> np.arange(n)) & 1, (len(corner) >> n, 1))
        meets = np.ones(len(owner), dtype=bool)
        for axis in range(n):
            number = corner[:, axis] << max(grid.depth - level, 0)
            span = 1 << max(grid.depth - level, 0)
            meets &= grid.planes(number, axis) <= high[owner, axis]
            meets &= grid.planes(number + span, axis) >= low[owner, axis]
        owner, corner = owner[meets], corner[meets]
    return np.concatenate([*tails, np.zeros(0, dtype=np.int64)]), np.concatenate([*heads, np.zeros(0, dtype=np.int64)])


def _codes(corner: Array, dim: int) -> Array:
    """Codes (k,) of finest cubes with these corners (k, dim) along the Z-curve."""
    code = np.zeros(len(corner), dtype=np.int64)
    for bit in range(62 // dim):
        for axis in range(dim):
            code |= ((corner[:, axis] >> bit) & 1) << (bit * dim + axis)
    return code
