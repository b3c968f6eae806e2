"""Directions along which f rises on every cell about a point: where there is one, the point is no equilibrium (§5).

If d lies in the tangent cone of the box at x and d . g > 0 for the gradients g of f on all cells of full dimension at x, then
d . (g - nu) > 0 for all g of the Clarke gradient and all nu of the normal cone: 0 is not among the differences.   (5.10)
On a cell g = A^T y, so that d . g = y . (A d); for y within r of m, and for any number a where the entries of y sum to S,

    y . (A d) >= a S + m . (A d - a) - r . |A d - a|.                                                            (5.11)

The search for d is the perceptron's, with the worst y of each round; what it finds is checked with bounds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.numerics.linear_programs import solve_linear_program
from separatrix.numerics.rounding import UNIT

ROUNDS = 40
PROGRAMMES = 8
BLUNT = 1e-9
SAFE = 1.0 + 2.0**-30


@dataclass(frozen=True, eq=False)
class Fan:
    """The cells of full dimension about some cells: rows ``starts[c]`` to ``starts[c + 1]`` belong to cell c.

    ``jacobians`` (P, m, n) of z, exact to ``error`` (m, n); slopes of Phi ``middle`` (P, m) with ``radius`` (P, m), their
    exact ``total``, or None; ``blocked`` (cells, n): -1 where the box blocks d_i < 0, +1 where it blocks d_i > 0.
    """

    starts: np.ndarray
    jacobians: np.ndarray
    error: np.ndarray
    middle: np.ndarray
    radius: np.ndarray
    total: float | None
    blocked: np.ndarray

    def rises(self, rounds: int = ROUNDS) -> np.ndarray:
        """For which cells one direction is proved to rise: (cells,) booleans; the search ends after ``rounds``."""
        found = np.zeros(self.starts.size - 1, dtype=bool)
        if not found.size:
            return found
        known = np.isfinite(self.radius).all(axis=1)
        open_ = np.flatnonzero(np.logical_and.reduceat(known, self.starts[:-1]))
        unit = _normalised(np.einsum("pmn,pm->pn", self.jacobians, self.middle))
        direction = _admitted(np.add.reduceat(unit, self.starts[:-1], axis=0), self.blocked)
        for _ in range(rounds):
            if not open_.size:
                break
            rows, pairs = self._pairs(open_)
            least, worst = self._least_slopes(direction[open_][rows], pairs)
            first = np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=open_.size))])[:-1]
            holds = np.minimum.reduceat(least, first) > 0
            found[open_[holds]] = True
            gradient = np.einsum("pmn,pm->pn", self.jacobians[pairs], worst)
            size = np.sqrt((gradient**2).sum(axis=1))
            at = _lowest(least / np.where(size > 0, size, 1.0), rows, first)[~holds]
            open_ = open_[~holds]
            direction[open_] = _admitted(direction[open_] + _normalised(gradient[at]), self.blocked[open_])
        return found

    def _pairs(self, cells: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(place in ``cells``, row) of all their rows."""
        lengths = self.starts[cells + 1] - self.starts[cells]
        rows = np.repeat(np.arange(cells.size), lengths)
        offsets = np.cumsum(lengths) - lengths
        return rows, np.repeat(self.starts[cells] - offsets, lengths) + np.arange(rows.size)

    def _least_slopes(self, d: np.ndarray, pairs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Lower bounds (Q,) of d . g for the rows ``pairs`` with directions d (Q, n), and slopes y (Q, m) near the worst."""
        jacobian, middle, radius = self.jacobians[pairs], self.middle[pairs], self.radius[pairs]
        m, n = jacobian.shape[1:]
        change = np.einsum("qmn,qn->qm", jacobian, d)
        size = np.einsum("qmn,qn->qm", np.abs(jacobian), np.abs(d))
        lost = np.abs(d) @ self.error.T + (n + 4) * UNIT * size
        most = np.abs(middle) + radius
        shift = np.zeros((pairs.size, 1)) if self.total is None else _median(change, radius)
        moved = change - shift
        gain = (middle * moved - radius * np.abs(moved)).sum(axis=1) + shift[:, 0] * (self.total or 0.0)
        slack = (most * (lost + (m + 6) * UNIT * (np.abs(change) + 2 * np.abs(shift)))).sum(axis=1)
        slack += 4 * UNIT * np.abs(shift[:, 0]) * abs(self.total or 0.0)
        return gain - slack * SAFE - 1e-290, middle - radius * np.sign(moved)

    def rises_by_programme(self) -> bool:
        """The same for a fan of one cell, the direction from linear programmes with the worst slopes as cuts."""
        if not np.isfinite(self.radius).all():
            return False
        n, pairs = self.jacobians.shape[2], np.arange(self.middle.shape[0])
        bounds = [(0.0 if b < 0 else -1.0, 0.0 if b > 0 else 1.0) for b in self.blocked[0].tolist()]
        cuts = _normalised(np.einsum("pmn,pm->pn", self.jacobians, self.middle))
        for _ in range(PROGRAMMES):
            rows, cost = np.column_stack([-cuts, np.ones(len(cuts))]), np.append(np.zeros(n), -1.0)
            found = solve_linear_program(cost, A_ub=rows, b_ub=np.zeros(len(cuts)), bounds=[*bounds, (None, 1.0)])
            if found.status != 0 or found.x[-1] <= BLUNT:
                return False
            d = np.broadcast_to(_admitted(found.x[:-1], self.blocked[0]), (pairs.size, n))
            least, worst = self._least_slopes(d, pairs)
            if (least > 0).all():
                return True
            cuts = np.concatenate([cuts, _normalised(np.einsum("pmn,pm->pn", self.jacobians, worst)[least <= 0])])
        return False


def _admitted(direction: np.ndarray, blocked: np.ndarray) -> np.ndarray:
    return np.where((blocked * direction) > 0, 0.0, direction)


def _normalised(rows: np.ndarray) -> np.ndarray:
    size = np.sqrt((rows**2).sum(axis=1))
    return rows / np.where(size > 0, size, 1.0)[:, None]


def _median(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The entry of every row of ``values`` (Q, m) for which the weighted sum of distances to the others is least, (Q, 1)."""
    order = np.argsort(values, axis=1)
    heavy = np.cumsum(np.take_along_axis(weights, order, axis=1), axis=1)
    place = (heavy >= 0.5 * heavy[:, -1:]).argmax(axis=1)
    return np.take_along_axis(values, np.take_along_axis(order, place[:, None], axis=1), axis=1)


def _lowest(values: np.ndarray, rows: np.ndarray, first: np.ndarray) -> np.ndarray:
    """The position of the least of the values of each group."""
    least = np.minimum.reduceat(values, first)
    hits = np.flatnonzero(values == least[rows])
    return hits[np.unique(rows[hits], return_index=True)[1]]
