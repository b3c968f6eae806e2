"""Cubes with the homology of a superlevel set {f >= l} of the projected flow's box (9.11).

X_in are the cubes on all of which f >= l, X_out those on which that is not refuted, T their difference. No equilibrium has a
value between ``below`` and ``above``, and l lies between. Three facts make the groups of the cubes those of the set.

1. {f >= l} is a retract of X_out if every point of X_out flows up to the level l. It does if its value is above ``below``.
   Let s be a function with s <= f on the other cubes of X_out that changes more slowly than f along the flow, where
   s <= f <= l: then f - s grows along orbits, which stay in that region and leave it through the level l.
2. The set can be pushed into X_in within itself: by the flow to a level below ``above``, if no cube of T reaches that high. Let
   s be a function with s > f on the cubes of T that do and that changes more slowly than f where l <= f <= s: then the flow
   leads to {f >= s}, which keeps off these cubes.
3. The inclusion of X_in in X_out is an isomorphism, which is computed.

By 1 the set injects into X_out on homology, by 2 X_in maps onto it, and so by 3 both maps are isomorphisms.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.conley.cubical_pairs import is_acyclic
from separatrix.conley.level_grid import LevelGrid

SHARES = (0.5, 0.4, 0.62, 0.3, 0.75)  # where in its gap a level is tried
RATES = (0.7, 0.45)  # at which s changes, as a share of the slope of f
FARTHEST = 12
MORE = 1.0 + 1e-9  # for strict inequalities and rounding


@dataclass(frozen=True, eq=False)
class SuperlevelCubes:
    """A level and the masks of X_in and X_out."""

    level: float
    inner: np.ndarray
    outer: np.ndarray


def superlevel_cubes(
    grid: LevelGrid, below: float, above: float, exits: tuple[np.ndarray, np.ndarray] | None = None
) -> SuperlevelCubes | None:
    """A level between two values and cubes with the homology of {f >= level}; None where it is not shown on this grid.

    -inf and inf stand for no equilibrium below or above. ``exits``: masks of what the exit set surely and possibly is, on the
    grid with a layer around it; the sets are then joined to it.
    """
    if below == -np.inf or above == np.inf:
        whole = np.full(grid.shape, below == -np.inf)
        return SuperlevelCubes(-np.inf if below == -np.inf else np.inf, whole, whole)
    for share in SHARES:
        level = below + share * (above - below)
        inner, outer = grid.above(level)
        if not (_flows_up(grid, outer, level, below) and _is_pushed_in(grid, inner, outer, level, above)):
            continue
        wide, narrow = outer, inner
        if exits is not None:
            wide, narrow = np.pad(outer, 1) | exits[1], np.pad(inner, 1) | exits[0]
        if is_acyclic(wide, narrow):
            return SuperlevelCubes(level, inner, outer)
    return None


def _flows_up(grid: LevelGrid, outer: np.ndarray, level: float, below: float) -> bool:
    """Fact 1."""
    low, high = (end.reshape(grid.shape) for end in (grid.values.lower, grid.values.upper))
    bad = outer & ~(low > below)
    return _is_steep(grid, bad, MORE * (level - low), lambda depth: (low <= level) & (high >= level - depth))


def _is_pushed_in(grid: LevelGrid, inner: np.ndarray, outer: np.ndarray, level: float, above: float) -> bool:
    """Fact 2."""
    low, high = (end.reshape(grid.shape) for end in (grid.values.lower, grid.values.upper))
    bad = outer & ~inner & ~(high < above)
    return _is_steep(grid, bad, MORE * (high - level), lambda height: outer & (low < level + height))


def _is_steep(grid: LevelGrid, bad: np.ndarray, size: np.ndarray, region: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether f rises fast enough everywhere in the region about the cubes ``bad``.

    The region is bounded by a function that is at least ``size`` on each bad cube and falls at a constant rate away from it;
    bad cubes of about one slope, within a factor of 2, have one rate.
    """
    if not bad.any():
        return True
    if not np.isfinite(size[bad]).all() or not (grid.slope[bad] > 0).all():
        return False
    octave = np.full(grid.shape, -1)
    octave[bad] = np.floor(np.log2(grid.slope[bad].max() / grid.slope[bad])).astype(np.int64)
    return all(_rises(grid, octave == k, size, region) for k in np.unique(octave[bad]))


def _rises(grid: LevelGrid, bad: np.ndarray, size: np.ndarray, region: Callable[[np.ndarray], np.ndarray]) -> bool:
    """Whether there is a rate at which the function of :func:`_is_steep` changes more slowly than f."""
    least = float(grid.slope[bad].min())
    for share in RATES:
        rate = share * least
        heights = _falling(np.where(bad, size, -np.inf), rate * grid.width)
        if heights is not None and bool((grid.slope[(heights > 0) & region(heights)] > rate * 1.001).all()):
            return True
    return False


def _falling(heights: np.ndarray, step: float) -> np.ndarray | None:
    """Upper bounds on each cube of the largest of the functions that are a cube's height on it and fall by ``step`` a cube.

    Closed cubes d apart in the grid have a distance of d - 1 cubes at least. None where the functions reach too far.
    """
    from scipy.ndimage import maximum_filter

    top = float(heights.max())
    if top > (FARTHEST - 1) * step:
        return None
    found = heights
    for apart in range(1, FARTHEST + 1):
        fallen = (apart - 1) * step
        if top - fallen <= 0:
            break
        near = maximum_filter(heights, 2 * apart + 1, mode="constant", cval=-np.inf)
        found = np.maximum(found, near - 0.999 * fallen)
    return found
