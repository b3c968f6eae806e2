"""A uniform grid on a box with enclosures of f and its gradient on every cube (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.conley.cell_values import mean_values
from separatrix.conley.turned_gradient import least_slope
from separatrix.domains import Box
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import down
from separatrix.potentials.base import Potential

MOST_CUBES = {1: (64, 1_024), 2: (1_000, 4_000, 16_000, 65_000), 3: (1_700, 14_000, 64_000), 4: (4_000, 20_000)}
FINEST = {1: 4_096, 2: 250_000, 3: 250_000, 4: 60_000}  # where nothing coarser is enough
FEWEST = 4


@dataclass(frozen=True, eq=False)
class LevelGrid:
    """A uniform grid on ``box`` of ``shape`` cubes, with enclosures of f and its gradient on each, in grid order, and lower
    bounds ``turned`` (m,) of the length of the gradient in the Hessian's frame."""

    box: Box
    shape: tuple[int, ...]
    values: Interval
    gradient: Interval
    turned: np.ndarray

    @classmethod
    def of(cls, potential: Potential, box: Box, shape: tuple[int, ...]) -> LevelGrid:
        """The grid with its enclosures."""
        lower, upper = cubes_of(box, shape)
        gradient, turned = _sharpened(potential, lower, upper, potential.gradient_batch(lower, upper))
        return cls(box, shape, mean_values(potential, lower, upper, gradient), gradient, turned)

    @cached_property
    def cubes(self) -> tuple[np.ndarray, np.ndarray]:
        """Lower and upper corners, (m, dim) each."""
        return cubes_of(self.box, self.shape)

    @property
    def width(self) -> float:
        """The smallest side of a cube."""
        return float((self.cubes[1] - self.cubes[0]).min())

    @cached_property
    def slope(self) -> np.ndarray:
        """Lower bounds of the length of the projected gradient on the cubes, in the shape of the grid.

        In cubes at a side of the box a component across it counts only where it is proved to point inward.
        """
        (lower, upper), gradient = self.cubes, self.gradient
        outward = (lower <= self.box.lower) & ~gradient.is_positive | (upper >= self.box.upper) & ~gradient.is_negative
        parts = np.where(outward, 0.0, gradient.mignitude)
        length = np.sqrt(np.maximum(down(parts**2), 0.0).sum(axis=1)) * (1.0 - 1e-12)
        return np.where(outward.any(axis=1), length, np.maximum(length, self.turned)).reshape(self.shape)

    def above(self, level: float) -> tuple[np.ndarray, np.ndarray]:
        """Masks of the cubes on all of which f >= level, and of those on which that is not refuted."""
        return (self.values.lower >= level).reshape(self.shape), (self.values.upper >= level).reshape(self.shape)

    def meeting(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Mask of the cubes that meet one of the boxes (m, dim); never fewer."""
        edges = [np.unique(self.cubes[0][:, i]) for i in range(self.box.dim)]
        mask = np.zeros(self.shape, dtype=bool)
        first = [np.searchsorted(edge, lower[:, i], "left") - 1 for i, edge in enumerate(edges)]
        last = [np.searchsorted(edge, upper[:, i], "right") for i, edge in enumerate(edges)]
        for row in range(len(lower)):
            mask[tuple(slice(max(int(a[row]), 0), int(b[row])) for a, b in zip(first, last, strict=True))] = True
        return mask


def _sharpened(
    potential: Potential, lower: np.ndarray, upper: np.ndarray, gradient: Interval
) -> tuple[Interval, np.ndarray]:
    """The gradient enclosed anew, by its value in the middle and the Hessian, in cubes where 0 is not excluded; and lower bounds
    (m,) of its length there, by the Hessian's frame."""
    turned = np.zeros(len(lower))
    weak = np.flatnonzero((gradient.mignitude == 0).all(axis=1))
    if not len(weak):
        return gradient, turned
    low, high = lower[weak], upper[weak]
    middle = np.clip(0.5 * low + 0.5 * high, low, high)
    slopes = potential.enclose_batch(low, high)[1]
    offset, centre = Interval(low, high) - Interval.point(middle), potential.gradient_batch(middle, middle)
    centred = centre + (slopes * offset[:, None, :]).sum(axis=2)
    turned[weak] = least_slope(centre, slopes, offset)
    found_lower, found_upper = gradient.lower.copy(), gradient.upper.copy()
    found_lower[weak] = np.maximum(found_lower[weak], centred.lower)
    found_upper[weak] = np.minimum(found_upper[weak], centred.upper)
    return Interval(found_lower, found_upper), turned


def cubes_of(box: Box, shape: int | tuple[int, ...]) -> tuple[np.ndarray, np.ndarray]:
    """Corners of the cubes of a uniform grid, the last axis fastest; neighbours share their doubles."""
    counts = (shape,) * box.dim if isinstance(shape, int) else shape
    edges = [np.linspace(low, high, n + 1) for low, high, n in zip(box.lower, box.upper, counts, strict=True)]
    lower, upper = (
        np.stack([axis.ravel() for axis in np.meshgrid(*[e[part] for e in edges], indexing="ij")], axis=1)
        for part in (slice(None, -1), slice(1, None))
    )
    return lower, upper


def shapes_of(box: Box) -> list[tuple[int, ...]]:
    """Grids on a box from coarse to fine, with cubes about as long as wide: the gradient knows no axes."""
    return [_shape(box, most) for most in MOST_CUBES[box.dim]]


def finest_shape(box: Box) -> tuple[int, ...]:
    """The grid that is tried last."""
    return _shape(box, FINEST[box.dim])


def _shape(box: Box, most: int) -> tuple[int, ...]:
    size = (np.prod(box.width) / most) ** (1.0 / box.dim)
    return tuple(int(n) for n in np.clip(np.round(box.width / size), FEWEST, most))
