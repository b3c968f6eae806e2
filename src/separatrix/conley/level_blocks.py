"""Index pairs that are bounded by levels of f in a box: for rings, monkey saddles and other degenerate sets (9.11).

Let B be a box and K the equilibria meant, in its interior, with values in [c, d]. Let a < c and d < b be levels such that the
projected flow on B has no other equilibrium with a value in [a, b]. Then f increases along a field that is grad f away from the
sides and keeps B, and the index of K is H_*({f >= a}, {f >= b}), sets in B. Both sets are enclosed by cubes from inside and
outside; where these inclusions are isomorphisms on homology, the groups of the cubes are those of the sets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.conley.cubical_pairs import PairGroups, pair_groups, touched
from separatrix.conley.equilibrium_cells import EquilibriumCells
from separatrix.conley.level_grid import LevelGrid, finest_shape, shapes_of
from separatrix.conley.superlevel_cubes import superlevel_cubes
from separatrix.domains import Box
from separatrix.potentials.base import Potential

SMALLEST_GAP = 1e-9
MOST_LAYERS = 24


@dataclass(frozen=True, eq=False)
class Gaps:
    """The values of the set meant, [low, high], and the nearest values of other equilibria: ``below`` < low, ``above`` > high."""

    low: float
    high: float
    below: float
    above: float

    @classmethod
    def of(cls, cells: EquilibriumCells, meant: np.ndarray) -> Gaps | None:
        """The gaps about the cells ``meant`` (m,); None where another cell has a value between theirs."""
        lower, upper = cells.values.lower, cells.values.upper
        low, high = float(lower[meant].min()), float(upper[meant].max())
        others = ~meant
        if (others & (upper >= low) & (lower <= high)).any():
            return None
        below = float(upper[others & (upper < low)].max(initial=-np.inf))
        above = float(lower[others & (lower > high)].min(initial=np.inf))
        room = min(low - below, above - high)
        scale = max(abs(low), abs(high), 1e-300)
        return cls(low, high, below, above) if room > SMALLEST_GAP * scale else None


@dataclass(frozen=True, eq=False)
class LevelBlock:
    """What a level block gave: the groups, the levels (a, b), the grid, and whether orbits were shown to stay inside."""

    groups: PairGroups
    levels: tuple[float, float]
    grid: LevelGrid
    stays_inside: bool


def level_block(
    potential: Potential,
    box: Box,
    cells: EquilibriumCells,
    meant: np.ndarray,
    *,
    slack: tuple[float, float] = (1.0, 0.0),
    finest: bool = False,
) -> LevelBlock | str:
    """The index of the equilibria in the cells ``meant`` of the interior, or why it was not found, in words.

    ``slack``: by what factor orbits may climb more slowly than the slopes of this potential say, and by how many times what they
    gain its values may differ from those along them; ``finest``: on the finest grid alone.
    """
    gaps = Gaps.of(cells, meant)
    if gaps is None:
        return "another equilibrium, or a point of the sides where f is critical along them, has the same value"
    found: LevelBlock | None = None
    for shape in [finest_shape(box)] if finest else shapes_of(box):
        grid = LevelGrid.of(potential, box, shape)
        lower = superlevel_cubes(grid, gaps.below, gaps.low)
        upper = superlevel_cubes(grid, gaps.high, gaps.above)
        if lower is None or upper is None or not (upper.outer <= lower.outer).all():
            continue
        stays = _stays_inside(grid, cells, meant, gaps, slack)
        if stays or found is None:
            groups = pair_groups(lower.outer, upper.outer)
            found = LevelBlock(groups, (lower.level, upper.level), grid, stays)
        if stays:
            break
    return found or "the grid is too coarse for the levels between the values of equilibria"


def _stays_inside(
    grid: LevelGrid, cells: EquilibriumCells, meant: np.ndarray, gaps: Gaps, slack: tuple[float, float]
) -> bool:
    """Whether an orbit between the equilibria meant cannot come near a side of the box.

    It gains no more than the spread of their values, and on a way of length s outside the cubes about them at least s times
    the least slope there.
    """
    about = grid.meeting(cells.lower[meant], cells.upper[meant])
    room = slack[1] * (gaps.high - gaps.low) * (1.0 + 1e-9)
    between = (grid.values.upper >= gaps.low - room) & (grid.values.lower <= gaps.high + room)
    slope = grid.slope.ravel()
    for _ in range(MOST_LAYERS):
        places = np.argwhere(about)
        layers = int(min(places.min(), (np.array(grid.shape) - 1 - places.max(axis=0)).min())) - 1
        if layers < 1:
            return False
        least = float(slope[between & ~about.ravel()].min(initial=np.inf))
        if 0.999 * least * layers * grid.width > slack[0] * (gaps.high - gaps.low):
            return True
        about = touched(about)
    return False
