"""Cubes and the directed graph of a flow through their faces: no orbit leaves it, and there is no time step (§9).

Two cubes with a common face across coordinate i are joined from the lower to the upper one unless d_i f is proved negative on
the whole closed face, and downwards unless it is proved positive. An orbit that starts in a cube stays in the cubes that can
be reached from it (9.2), as long as it stays in the box; so does one of the projected flow, whose components across inner faces
are those of the gradient.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from separatrix.conley.cubical_grid import CubicalGrid
from separatrix.domains import Box
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.potentials.base import Potential

if TYPE_CHECKING:
    from scipy.sparse import csr_array

BATCH = 4096


@dataclass(frozen=True, eq=False)
class OuterApproximation:
    """The graph of a gradient flow on the cubes of ``grid``.

    - ``signs`` (m, dim) int8: +1, -1 where d_i f is proved to be of this sign on the whole cube, else 0
    - ``graph`` (m, m): scipy's csr_array, an entry (a, b) where orbits may go from cube a to its neighbour b
    - ``may_rest`` (m,): whether the cube may hold an equilibrium: the enclosure of the field on it does not exclude 0
    - ``labels`` (m,): numbers of the strongly connected components; ``is_recurrent`` (m,): the cube lies on a cycle or may rest
    """

    potential: Potential
    boundary: str
    grid: CubicalGrid
    signs: np.ndarray

    def __len__(self) -> int:
        return len(self.grid)

    @cached_property
    def graph(self) -> csr_array:
        """The edges through faces, made at the first call: faces on which no cube beside decides are enclosed."""
        return _graph(self.potential, self.grid, self.signs)

    @cached_property
    def may_rest(self) -> np.ndarray:
        """Which cubes may hold an equilibrium, (m,)."""
        moves = self.signs != 0
        if self.boundary == "project":  # on a side of the box an outward component is held
            moves &= ~((self.signs < 0) & self.grid.at_lower) & ~((self.signs > 0) & self.grid.at_upper)
        return ~moves.any(axis=1)

    @cached_property
    def labels(self) -> np.ndarray:
        """The strongly connected component of each cube, (m,)."""
        from scipy.sparse.csgraph import connected_components

        return connected_components(self.graph, directed=True, connection="strong")[1]

    @cached_property
    def is_recurrent(self) -> np.ndarray:
        """Which cubes lie on a cycle of the graph or may hold an equilibrium, (m,)."""
        return self.may_rest | (np.bincount(self.labels)[self.labels] > 1)

    def component(self, rows: np.ndarray) -> np.ndarray:
        """Mask (m,) of the components of the cubes ``rows``."""
        return np.isin(self.labels, np.unique(self.labels[rows]))

    def forward(self, chosen: np.ndarray) -> np.ndarray:
        """Mask (m,) of the cubes that can be reached from the mask ``chosen`` (m,), itself included."""
        return _closure(self.graph, chosen)

    def backward(self, chosen: np.ndarray) -> np.ndarray:
        """Mask (m,) of the cubes from which the mask ``chosen`` (m,) can be reached, itself included."""
        return _closure(self._reversed, chosen)

    def filled(self, chosen: np.ndarray) -> np.ndarray:
        """The smallest mask around ``chosen`` that no path leaves and comes back to (convex in the graph)."""
        return self.forward(chosen) & self.backward(chosen)

    @cached_property
    def _reversed(self) -> csr_array:
        return self.graph.T.tocsr()

    def meeting(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Rows of the closed cubes that meet the box [lower, upper] (dim,), which may be a point."""
        return self.grid.meeting(lower, upper)

    def signs_between(self, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        """Proved signs (k, dim) of the gradient on boxes (k, dim), 0 where there are none."""
        if not ieee_arithmetic_holds():
            return np.zeros(lower.shape, dtype=np.int8)
        return _sign_between(self.potential, lower, upper)

    def refined(self, chosen: np.ndarray) -> OuterApproximation:
        """The approximation with the cubes of the mask ``chosen`` (m,) cut into 2^dim each."""
        grid = self.grid.refined(chosen)
        parents = self.grid.parents(chosen)
        known = ~chosen[parents]
        signs = np.zeros((len(grid), grid.dim), dtype=np.int8)
        signs[known] = self.signs[parents[known]]
        signs[~known] = _signs(self.potential, grid, np.flatnonzero(~known))
        return OuterApproximation(self.potential, self.boundary, grid, signs)


def outer_approximation(
    potential: Potential, box: Box, boundary: str = "exit", *, depth: int | None = None, n_boxes: int = 4096
) -> OuterApproximation:
    """The outer approximation of the flow dx/dt = grad f on a uniform grid of 2^depth cubes a side, or of at most ``n_boxes``.

    ``potential``: with enclosures of its gradient (that of a piecewise linear function must hold all its one-sided gradients);
    ``boundary`` decides which cubes at the sides may hold equilibria. Nothing is checked. Refine it with :meth:`refined`.
    """
    if depth is None:
        depth = max(0, int(np.log2(max(n_boxes, 1)) / box.dim + 1e-9))
    grid = CubicalGrid.uniform(box, depth)
    signs = _signs(potential, grid, np.arange(len(grid)))
    return OuterApproximation(potential, boundary, grid, signs)


def _signs(potential: Potential, grid: CubicalGrid, rows: np.ndarray) -> np.ndarray:
    """Proved signs (k, dim) of the gradient on whole cubes."""
    found = np.zeros((rows.size, grid.dim), dtype=np.int8)
    if not ieee_arithmetic_holds():
        return found
    for first in range(0, rows.size, BATCH):
        part = slice(first, first + BATCH)
        found[part] = _sign_between(potential, *grid.ends(rows[part]))
    return found


def _sign_between(potential: Potential, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        gradient = potential.gradient_batch(lower, upper)
    return gradient.is_positive.astype(np.int8) - gradient.is_negative.astype(np.int8)


def _graph(potential: Potential, grid: CubicalGrid, signs: np.ndarray) -> csr_array:
    """The edges through faces as a matrix of ones."""
    from scipy.sparse import csr_array

    tails, heads = [], []
    for axis in range(grid.dim):
        for low, high, sign in _crossings(potential, grid, signs, axis):
            up, down = sign >= 0, sign <= 0
            tails += [low[up], high[down]]
            heads += [high[up], low[down]]
    tail, head = np.concatenate(tails), np.concatenate(heads)
    tails.clear()
    heads.clear()
    return csr_array((np.ones(tail.size), (tail, head)), shape=(len(grid), len(grid)))  # csgraph wants doubles


def _crossings(
    potential: Potential, grid: CubicalGrid, signs: np.ndarray, axis: int
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """(low, high, sign): pairs of neighbours across ``axis`` and the proved sign of d_axis f on their common closed face."""
    rigorous = ieee_arithmetic_holds()
    for low, high, of_low in grid.neighbours(axis):
        sign = np.where(signs[low, axis] != 0, signs[low, axis], signs[high, axis])
        for rows in np.array_split(np.flatnonzero(sign == 0), max(1, -(-int((sign == 0).sum()) // BATCH))):
            if not rows.size or not rigorous:
                continue
            lower, upper = grid.ends(np.where(of_low[rows], low[rows], high[rows]))
            plane = np.where(of_low[rows], upper[:, axis], lower[:, axis])
            lower[:, axis] = upper[:, axis] = plane
            sign[rows] = _sign_between(potential, lower, upper)[:, axis]
        yield low.astype(np.int32), high.astype(np.int32), sign


def _closure(graph: csr_array, chosen: np.ndarray) -> np.ndarray:
    """The rows that can be reached from ``chosen`` (m,) along the edges, by breadth."""
    reached = chosen.copy()
    front = np.flatnonzero(chosen)
    starts, targets = graph.indptr, graph.indices
    while front.size:
        count = starts[front + 1] - starts[front]
        total = int(count.sum())
        place = np.arange(total) - np.repeat(np.cumsum(count) - count, count) + np.repeat(starts[front], count)
        after = targets[place]
        front = np.unique(after[~reached[after]])
        reached[front] = True
    return reached
