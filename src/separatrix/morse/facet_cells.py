"""One facet of a box cut into cells on which the outward slope has one sign or is monotone: see :mod:`.exit_set`."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from separatrix.domains import Box
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential

SKEW = 0.0737  # cuts are not in the middle, where symmetric systems have their tangencies
MOST_MIXED = 4_000


@dataclass(frozen=True, eq=False)
class Slopes:
    """On m cells: the outward ``slope`` g (m,), its derivatives ``along`` (m, n - 1) in the facet, the second derivative
    ``touch`` (m,) of the outward coordinate along orbits where g = 0."""

    slope: Interval
    along: Interval
    touch: Interval

    @property
    def sign(self) -> np.ndarray:
        """+1, -1, or 0 where it is not proved to be one, (m,) int8."""
        return self.slope.is_positive.astype(np.int8) - self.slope.is_negative.astype(np.int8)

    @property
    def monotone(self) -> np.ndarray:
        """In which coordinates of the facet g is strictly monotone, (m, n - 1)."""
        return self.along.is_positive | self.along.is_negative


@dataclass(frozen=True, eq=False)
class SignGrid:
    """Signs of the outward slope at the vertices of the uniform grid of one level, int8, (N + 1,) * (n - 1)."""

    level: int
    signs: np.ndarray

    def joined(self, sign: int) -> tuple[np.ndarray, np.ndarray]:
        """Pairs of vertices with this sign that lie in one cell."""
        numbers, own, k = np.arange(self.signs.size).reshape(self.signs.shape), self.signs == sign, self.signs.ndim
        first, second = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        corners = list(itertools.product((0, 1), repeat=k))
        for a, b in itertools.combinations(corners, 2):
            here, there = (tuple(slice(c, c - 1 or None) for c in corner) for corner in (a, b))
            both = own[here] & own[there]
            first.append(numbers[here][both])
            second.append(numbers[there][both])
        return np.concatenate(first), np.concatenate(second)


@dataclass(eq=False)
class Facet:
    """The facet ``axis`` = lower (``side`` -1) or upper (+1) side, and its cells that are not of one sign at the last level."""

    potential: Potential
    box: Box
    axis: int
    side: int
    mixed: np.ndarray
    decided: list[tuple[int, np.ndarray, np.ndarray]] = field(default_factory=list)
    is_settled: bool = False
    is_touched_from_inside: bool = False
    is_hopeless: bool = False
    corners: dict[tuple[int, ...], int] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """In words."""
        return f"{'upper' if self.side > 0 else 'lower'} side of coordinate {self.axis}"

    @property
    def others(self) -> np.ndarray:
        """The coordinates along the facet."""
        return np.delete(np.arange(self.box.dim), self.axis)

    @property
    def sign(self) -> int:
        """+1 or -1 where the slope has one sign on all of the facet, else 0."""
        found = {int(s) for _, _, signs in self.decided for s in np.unique(signs)}
        return found.pop() if len(found) == 1 and not len(self.mixed) else 0

    def refine(self, level: int) -> None:
        """Cut the mixed cells to this level and judge them, their faces and their vertices."""
        if self.decided and not len(self.mixed):
            self.is_settled = True
            return
        cells = self._cut(level)
        found = self.slopes(cells, cells + 1, level)
        sign = found.sign
        if (sign != 0).any():
            self.decided.append((level, cells[sign != 0], sign[sign != 0]))
        mixed = sign == 0
        self.mixed = cells[mixed]
        self.is_hopeless = len(self.mixed) > MOST_MIXED
        self.corners = {}
        if self.box.dim > 3:
            return
        fine = found.touch.is_positive & found.monotone.any(axis=1)
        self.is_settled = bool(fine[mixed].all()) and not self.is_hopeless and self._faces_are_fine(level)
        if not self.is_settled and (found.touch.is_negative & mixed).any():
            self._look_inside(cells[found.touch.is_negative & mixed], level)

    def _cut(self, level: int) -> np.ndarray:
        """Cells of this level that make up the mixed ones of an earlier level, (m, n - 1) integers."""
        if not self.decided and not self.mixed.size and self.box.dim > 1:
            axes = np.meshgrid(*[np.arange(2**level)] * (self.box.dim - 1), indexing="ij")
            return np.stack([axis.ravel() for axis in axes], axis=1)
        if self.box.dim == 1:
            return np.zeros((1, 0), dtype=np.int64)
        children = np.array(list(itertools.product((0, 1), repeat=self.box.dim - 1)))
        return (2 * self.mixed[:, None, :] + children[None]).reshape(-1, self.box.dim - 1)

    def slopes(self, low: np.ndarray, high: np.ndarray, level: int) -> Slopes:
        """Enclosures on the cells between the integer corners ``low`` and ``high`` (m, n - 1) of the level's grid."""
        lower, upper = self.places(low, level), self.places(high, level)
        gradient, hessian = self.potential.enclose_batch(lower, upper, free=np.array([self.axis]))
        along = hessian[:, self.others, 0] * float(self.side)
        return Slopes(gradient[:, self.axis] * float(self.side), along, (along * gradient[:, self.others]).sum(axis=1))

    def places(self, corners: np.ndarray, level: int) -> np.ndarray:
        """Points (m, n) of the facet at integer corners (m, n - 1), the same numbers for every facet that holds them."""
        share = corners / 2.0**level
        share = share + SKEW * share * (1.0 - share)
        points = np.empty((len(corners), self.box.dim))
        points[:, self.axis] = self.box.upper[self.axis] if self.side > 0 else self.box.lower[self.axis]
        low, high = self.box.lower[self.others], self.box.upper[self.others]
        points[:, self.others] = np.where(share >= 1.0, high, np.minimum(low + share * (high - low), high))
        return points + 0.0  # no negative zeros: places are compared as bytes

    def _faces_are_fine(self, level: int) -> bool:
        """Whether the proper faces of the mixed cells are of one sign or monotone, and their vertices of one sign."""
        k = self.box.dim - 1
        for kind in itertools.product((-1, 0, 1), repeat=k):  # -1, 1: that end of the coordinate; 0: along it
            if k == 0 or all(c == 0 for c in kind) or not len(self.mixed):
                continue
            low = self.mixed + np.array([int(c == 1) for c in kind])
            high = low + np.array([int(c == 0) for c in kind])
            found = self.slopes(low, high, level)
            free = np.array([c == 0 for c in kind])
            if not ((found.sign != 0) | found.monotone[:, free].any(axis=1)).all():
                return False
            if not free.any():
                self.corners.update(zip(map(tuple, low.tolist()), found.sign.tolist(), strict=True))
        return True

    def _look_inside(self, cells: np.ndarray, level: int) -> None:
        """Whether in one of these cells, where every zero is touched from inside, the slope takes both signs."""
        k = self.box.dim - 1
        signs = [
            self.slopes(cells + np.array(corner), cells + np.array(corner), level).sign
            for corner in itertools.product((0, 1), repeat=k)
        ]
        self.is_touched_from_inside = bool((np.min(signs, axis=0) < 0)[np.max(signs, axis=0) > 0].any())

    def sign_grid(self, level: int) -> SignGrid:
        """Signs at all vertices of the grid, once the facet is settled."""
        n = 2**level
        signs = np.zeros((n + 1,) * (self.box.dim - 1), dtype=np.int8)
        for at, cells, sign in self.decided:
            ratio = 2 ** (level - at)
            for cell, s in zip(cells.tolist(), sign.tolist(), strict=True):
                signs[tuple(slice(c * ratio, (c + 1) * ratio + 1) for c in cell)] = s
        for corner, s in self.corners.items():
            signs[corner] = s
        return SignGrid(level, signs)

    def rim_vertices(self, grid: SignGrid, sign: int) -> Iterator[tuple[bytes, int]]:
        """(key of the place, number) of the vertices with this sign that lie on other facets, too."""
        k, n = grid.signs.ndim, 2**grid.level
        if k == 0:
            return
        places = np.argwhere(grid.signs == sign)
        places = places[((places == 0) | (places == n)).any(axis=1)]
        points = self.places(places, grid.level)
        for place, point in zip(places, points, strict=True):
            yield point.tobytes(), int(np.ravel_multi_index(tuple(place), grid.signs.shape))

    def changing_rim_edges(self, grid: SignGrid) -> Iterator[tuple[bytes, bytes]]:
        """Grid edges on the rim of a facet of dimension 2 between whose ends the slope changes sign."""
        n = 2**grid.level
        for axis, end in itertools.product((0, 1), (0, n)):
            line = np.take(grid.signs, end, axis=axis)
            changes = np.flatnonzero(line[1:] != line[:-1])
            for i in changes:
                ends = np.array([[end, i], [end, i + 1]]) if axis == 0 else np.array([[i, end], [i + 1, end]])
                low, high = self.places(ends, grid.level)
                yield low.tobytes(), high.tobytes()


def facets_of(potential: Potential, box: Box) -> list[Facet]:
    """All facets, nothing of them examined yet."""
    nothing = np.zeros((0, box.dim - 1), dtype=np.int64)
    return [Facet(potential, box, axis, side, nothing) for axis in range(box.dim) for side in (-1, 1)]
