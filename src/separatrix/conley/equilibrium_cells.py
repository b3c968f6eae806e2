"""Where the projected flow on a box may have equilibria: cells of the box and of its faces, the others excluded (§9).

A point of a face is an equilibrium of the projected flow when the gradient vanishes along the face and points out of the box,
or vanishes, along the other coordinates. Cells are halved until they are small; what is dropped holds no equilibrium.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np

from separatrix.conley.cell_values import mean_values
from separatrix.conley.turned_gradient import least_slope
from separatrix.domains import Box
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential

CUT = 0.4871  # not in the middle, where symmetric systems have their equilibria
MOST_CELLS = {1: 1_000, 2: 6_000, 3: 6_000, 4: 6_000}  # by dimension
MOST_ASKED = 400_000
WIDTH = {1: 2.0**-20, 2: 2.0**-11, 3: 2.0**-9, 4: 2.0**-7}  # share of a side
MOST_DIM = 4


@dataclass(frozen=True, eq=False)
class EquilibriumCells:
    """Cells [lower, upper] (m, dim) with all equilibria; ``active`` (m, dim) int8: on which sides of the box they lie.

    ``values``: enclosures (m,) of f on them; ``cluster`` (m,): cells of one number touch one another; ``asked``: cells
    that were looked at; ``width``: the largest share of a side that a cell has.
    """

    lower: np.ndarray
    upper: np.ndarray
    active: np.ndarray
    values: Interval
    cluster: np.ndarray
    asked: int
    width: float

    def __len__(self) -> int:
        return len(self.lower)

    @property
    def is_inner(self) -> np.ndarray:
        """Which cells are cells of the interior, not of a face, (m,)."""
        return ~(self.active != 0).any(axis=1)

    def hulls(self) -> np.ndarray:
        """The hull of every cluster, (clusters, 2, dim)."""
        numbers = range(int(self.cluster.max(initial=-1)) + 1)
        hulls = [
            (self.lower[self.cluster == k].min(axis=0), self.upper[self.cluster == k].max(axis=0)) for k in numbers
        ]
        return np.array(hulls).reshape(-1, 2, self.lower.shape[1])


def equilibrium_cells(
    potential: Potential, box: Box, *, width: float | None = None, most: int | None = None, faces: bool = True
) -> EquilibriumCells:
    """The cells of ``box`` and its faces in which the projected flow of a smooth ``potential`` may have an equilibrium.

    Cells are halved down to ``width`` of the sides or until there are ``most``. In at most 4 dimensions.
    """
    width, most = WIDTH[box.dim] if width is None else width, MOST_CELLS[box.dim] if most is None else most
    lower, upper, active = _first(box, faces)
    small, asked, side = 1.0, 0, box.upper - box.lower
    while True:
        kept = _may_rest(potential, lower, upper, active)
        asked += len(lower)
        lower, upper, active = lower[kept], upper[kept], active[kept]
        shares = (upper - lower) / side
        small = float(shares.max(initial=0.0))
        if small <= width or len(lower) > most or asked > MOST_ASKED:
            break
        lower, upper, active = _halved(lower, upper, active, shares, small)
    gradient = potential.gradient_batch(lower, upper)
    values = mean_values(potential, lower, upper, gradient) if len(lower) else Interval(np.zeros(0), np.zeros(0))
    return EquilibriumCells(lower, upper, active, values, _touching(lower, upper), asked, small)


def _first(box: Box, faces: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The box and, with ``faces``, all its faces down to the corners."""
    kinds = itertools.product((-1, 0, 1), repeat=box.dim) if faces else [(0,) * box.dim]
    active = np.array(list(kinds), dtype=np.int8)
    return np.where(active > 0, box.upper, box.lower), np.where(active < 0, box.lower, box.upper), active


def _may_rest(potential: Potential, lower: np.ndarray, upper: np.ndarray, active: np.ndarray) -> np.ndarray:
    """Which cells are not proved to hold no equilibrium of the projected flow, (m,)."""
    gradient, hessian = potential.enclose_batch(lower, upper)
    kept = _admits(gradient, active)
    if not kept.any():
        return kept
    low, high = lower[kept], upper[kept]
    middle = np.clip(0.5 * low + 0.5 * high, low, high)
    offset = Interval(low, high) - Interval.point(middle)
    slopes = Interval(hessian.lower[kept], hessian.upper[kept])
    change = (slopes * offset[:, None, :]).sum(axis=2)
    centre = potential.gradient_batch(middle, middle)
    admitted = _admits(centre + change, active[kept])
    inner = admitted & (active[kept] == 0).all(axis=1)
    if inner.any():
        admitted[inner] = least_slope(centre[inner], slopes[inner], offset[inner]) == 0.0
    kept[kept] = admitted
    return kept


def _admits(gradient: Interval, active: np.ndarray) -> np.ndarray:
    """Whether 0 lies in every free entry and no outward entry is negative."""
    free = (gradient.lower <= 0) & (gradient.upper >= 0)
    outward = np.where(active > 0, gradient.upper >= 0, gradient.lower <= 0)
    return np.asarray(np.where(active == 0, free, outward).all(axis=1))


def _halved(
    lower: np.ndarray, upper: np.ndarray, active: np.ndarray, shares: np.ndarray, small: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Cells whose widest side is above half of the widest of all, cut along it; the others as they are."""
    axis = shares.argmax(axis=1)
    rows = np.arange(len(lower))
    wide = shares[rows, axis] > 0.5 * small
    rows, axis = rows[wide], axis[wide]
    cut = lower[rows, axis] + CUT * (upper[rows, axis] - lower[rows, axis])
    cut = np.clip(cut, lower[rows, axis], upper[rows, axis])
    first_upper, second_lower = upper.copy(), lower[rows].copy()
    first_upper[rows, axis] = cut
    second_lower[np.arange(len(rows)), axis] = cut
    return (
        np.concatenate([lower, second_lower]),
        np.concatenate([first_upper, upper[rows]]),
        np.concatenate([active, active[rows]]),
    )


def _touching(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Numbers (m,) of the connected unions of closed cells, where cells less than a cell's width apart are joined, too."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components
    from scipy.spatial import KDTree

    m = len(lower)
    if m < 2:
        return np.zeros(m, dtype=np.int64)
    middle, radius = 0.5 * (lower + upper), 0.5 * (upper - lower)
    scale = np.maximum(radius.max(axis=0), 1e-300)
    pairs = KDTree(middle / scale).query_pairs(4.0 + 1e-9, p=np.inf, output_type="ndarray")
    i, j = pairs[:, 0], pairs[:, 1]
    room = 2.0 * np.minimum(radius[i], radius[j])
    meet = ((lower[i] - room <= upper[j]) & (lower[j] - room <= upper[i])).all(axis=1)
    links = coo_array((np.ones(meet.sum()), (i[meet], j[meet])), shape=(m, m))
    return connected_components(links, directed=False)[1].astype(np.int64)
