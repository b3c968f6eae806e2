"""All critical points of f = Phi(z) on the affine hulls of cells, by branch and bound in the cells' charts (§5, §8).

On a box T of a chart z lies in z_0 + E T and grad f = E^T grad Phi. T is dropped when it lies outside its cell, when one
direction rises on all cells about it (5.10), or when Krawczyk's operator for the gradient misses it; it is settled when that
operator maps T, a little enlarged, into itself: then it holds one and only one zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.morse.piecewise_linear.cell_gradients import CellGradients, slope_sum
from separatrix.morse.piecewise_linear.cell_tables import Table, chosen_rows
from separatrix.morse.piecewise_linear.charts import Chart
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.potentials.head import Head

Boxes = tuple[np.ndarray, np.ndarray, np.ndarray]
AT_ONCE = 1024
ENLARGED = 0.05
NARROWEST = 2.0**-36
REFINEMENTS = 60
NEWTON_STEPS, SMALL = 10, 1e-12
ROUNDS = 8
MOST_A_CELL = 4000


@dataclass(frozen=True, eq=False)
class Zero:
    """A zero of the gradient on the hull of cell ``cell`` (a place in the list of charts): it lies in ``lower`` to ``upper``
    (s,), and is the only one in ``only_lower`` to ``only_upper``. ``slope`` (m,) and ``hessian`` (s, s) enclose there grad Phi
    and the Hessian of f in the chart.
    """

    cell: int
    lower: np.ndarray
    upper: np.ndarray
    only_lower: np.ndarray
    only_upper: np.ndarray
    slope: Interval
    hessian: MidRad


@dataclass(eq=False)
class Search:
    """The search in charts of one dimension s. ``tops``: the cells of full dimension about every chart's cell;
    ``blocked`` as in a Fan. After :meth:`run`: ``zeros``, ``unsettled`` (cells), ``n_boxes``.
    """

    head: Head
    gradients: CellGradients
    charts: list[Chart]
    tops: Table
    blocked: np.ndarray
    budget: int

    def __post_init__(self) -> None:
        parts = self.charts
        self.z = MidRad(np.array([c.z for c in parts]), np.array([c.z_error for c in parts]))
        self.slopes = MidRad(np.array([c.slopes for c in parts]), np.array([c.slopes_error for c in parts]))
        most = max(c.least.size for c in parts)
        s = parts[0].lower.size
        self.facets, self.least = np.zeros((len(parts), most, s)), np.full((len(parts), most), -np.inf)
        for i, c in enumerate(parts):
            self.facets[i, : c.least.size], self.least[i, : c.least.size] = c.facets, c.least
        self.zeros: list[Zero] = []
        self.unsettled: set[int] = set()
        self._count = np.zeros(len(parts), dtype=np.int64)
        self.n_boxes = 0
        self._found: list[tuple[Any, ...]] = []

    def run(self) -> None:
        """Settle all boxes, as far as ``budget`` boxes reach."""
        cells = np.arange(len(self.charts))
        stack: list[Boxes] = [
            (cells, np.array([c.lower for c in self.charts]), np.array([c.upper for c in self.charts]))
        ]
        most = MOST_A_CELL * self.charts[0].lower.size
        while stack:
            cells, lower, upper = stack.pop()
            if cells.size > AT_ONCE:
                stack.append((cells[AT_ONCE:], lower[AT_ONCE:], upper[AT_ONCE:]))
                cells, lower, upper = cells[:AT_ONCE], lower[:AT_ONCE], upper[:AT_ONCE]
            self._count += np.bincount(cells, minlength=self._count.size)
            keep = self._count[cells] <= (0 if self.n_boxes > self.budget else most)
            self.unsettled |= set(cells[~keep].tolist())
            cells, lower, upper = cells[keep], lower[keep], upper[keep]
            self.n_boxes += cells.size
            rest = self._one_round(cells, lower, upper)
            if rest[0].size:
                stack.append(rest)
        if self._found:
            self._sharpen()

    def _one_round(self, cells: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> Boxes:
        keep = ~self._outside(cells, lower, upper)
        cells, lower, upper = cells[keep], lower[keep], upper[keep]
        if not cells.size:
            return cells, lower, upper
        wide = ENLARGED * (upper - lower)
        box = _Box.of(self, cells, lower - wide, upper + wide)
        keep = ~self._rising(cells, box.slope)
        keep[keep] = self._not_settled_before(cells[keep], lower[keep], upper[keep])
        cells, lower, upper, box = cells[keep], lower[keep], upper[keep], box.chosen(keep)
        if not cells.size:
            return cells, lower, upper
        image = box.krawczyk()
        misses = ((image.upper < lower) | (image.lower > upper)).any(axis=1)
        inside = ((image.lower > box.lower) & (image.upper < box.upper)).all(axis=1) & ~misses
        for i in np.flatnonzero(inside).tolist():
            self._found.append((int(cells[i]), image.lower[i], image.upper[i], box.lower[i], box.upper[i]))
        rest = ~misses & ~inside
        low, high = np.maximum(lower, image.lower)[rest], np.minimum(upper, image.upper)[rest]
        return self._halves(cells[rest], low, high)

    def _outside(self, cells: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        facets = self.facets[cells]
        most = np.maximum(facets * lower[:, None], facets * upper[:, None]).sum(axis=2)
        size = (np.abs(facets) * np.maximum(np.abs(lower), np.abs(upper))[:, None]).sum(axis=2)
        return (most + 1e-14 * size < self.least[cells]).any(axis=1)

    def _rising(self, cells: np.ndarray, slope: Interval) -> np.ndarray:
        fan = self.gradients.fan(chosen_rows(self.tops, cells), slope, self.blocked[cells], slope_sum(self.head))
        return fan.rises(ROUNDS)

    def _not_settled_before(self, cells: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        found = np.ones(cells.size, dtype=bool)
        for cell, _, _, low, high in self._found:
            found &= ~((cells == cell) & (lower >= low).all(axis=1) & (upper <= high).all(axis=1))
        return found

    def _sharpen(self) -> None:
        """All enclosures made narrow, and those of one zero joined."""
        cells = np.array([zero[0] for zero in self._found])
        low, high, only_lower, only_upper = (np.array(part) for part in list(zip(*self._found, strict=True))[1:])
        low, high = self._by_newton(cells, (low, high), (only_lower, only_upper))
        for _ in range(REFINEMENTS):
            image = _Box.of(self, cells, low, high).krawczyk()
            closer = np.maximum(low, image.lower), np.minimum(high, image.upper)
            gained = (closer[1] - closer[0] < 0.9 * (high - low)).any()
            low, high = closer
            if not gained:
                break
        there = _Box.of(self, cells, low, high)
        for i, cell in enumerate(cells.tolist()):
            if not any(
                zero.cell == cell and (low[i] >= zero.only_lower).all() and (high[i] <= zero.only_upper).all()
                for zero in self.zeros
            ):
                enclosed = there.slope[i], there.hessian[i]
                self.zeros.append(Zero(cell, low[i], high[i], only_lower[i], only_upper[i], *enclosed))

    def _by_newton(
        self, cells: np.ndarray, enclosed: tuple[np.ndarray, np.ndarray], only: tuple[np.ndarray, np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """The enclosures cut down to small boxes about Newton's points where Krawczyk's test holds there."""
        low, high = enclosed
        middle, step = 0.5 * (low + high), high - low
        for _ in range(NEWTON_STEPS):
            moved = np.clip(_Box.of(self, cells, middle, middle).krawczyk().midpoint, low, high)
            step, middle = np.abs(moved - middle), moved
        reach = 8.0 * step.max(axis=1, keepdims=True) + SMALL * (1.0 + np.abs(middle))
        box = _Box.of(self, cells, middle - reach, middle + reach)
        image = box.krawczyk()
        holds = (image.lower > box.lower) & (image.upper < box.upper)
        holds &= (box.lower >= only[0]) & (box.upper <= only[1])
        holds = holds.all(axis=1, keepdims=True)
        return np.where(holds, np.maximum(low, image.lower), low), np.where(holds, np.minimum(high, image.upper), high)

    def _halves(self, cells: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> Boxes:
        """The boxes cut in the coordinate that moves z most; those too narrow are given up."""
        width = upper - lower
        narrow = width.max(axis=1, initial=0.0) <= NARROWEST
        self.unsettled |= set(cells[narrow].tolist())
        cells, lower, upper, width = cells[~narrow], lower[~narrow], upper[~narrow], width[~narrow]
        moved = np.abs(self.slopes.mid[cells]).max(axis=1) * width
        moved = np.where(moved.max(axis=1, keepdims=True) > 0, moved, width)
        axis, rows = moved.argmax(axis=1), np.arange(cells.size)
        middle = 0.5 * (lower[rows, axis] + upper[rows, axis])
        first, second = upper.copy(), lower.copy()
        first[rows, axis] = second[rows, axis] = middle
        return np.tile(cells, 2), np.concatenate([lower, second]), np.concatenate([first, upper])


@dataclass(frozen=True, eq=False)
class _Box:
    """Enclosures on boxes (N, s): ``slope`` (N, m) of grad Phi, ``gradient`` (N, s) at the middle, ``hessian`` (N, s, s)."""

    lower: np.ndarray
    upper: np.ndarray
    middle: np.ndarray
    slope: Interval
    gradient: MidRad
    hessian: MidRad

    @classmethod
    def of(cls, search: Search, cells: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> _Box:
        z, slopes = search.z[cells], search.slopes[cells]
        middle = np.clip(0.5 * (lower + upper), lower, upper)
        shift = Interval(lower, upper) - Interval.point(middle)
        moved = product(slopes, MidRad.from_interval(shift).reshape(*shift.shape, 1))
        here = product(slopes, middle[:, :, None]).reshape(len(cells), -1) + z
        there = here + moved.reshape(len(cells), -1)
        at = search.head.bounds(here.to_interval())
        over = search.head.bounds(there.to_interval())
        curved = MidRad.from_interval(over.hessian)
        mean = MidRad.from_interval(at.gradient) + product(curved, moved).reshape(len(cells), -1)
        slope = over.gradient.intersection(mean.to_interval())
        gradient = product(slopes.mT, MidRad.from_interval(at.gradient).reshape(len(cells), -1, 1))
        hessian = product(slopes.mT, product(curved, slopes))
        return cls(lower, upper, middle, slope, gradient.reshape(len(cells), -1), hessian)

    def chosen(self, keep: np.ndarray) -> _Box:
        """Some of the boxes."""
        return _Box(*(getattr(self, name)[keep] for name in self.__dataclass_fields__))

    def krawczyk(self) -> Interval:
        """m - Y g(m) + (I - Y H)[-d, d], which holds all zeros in the boxes; the whole line where no Y is known."""
        n, s = self.middle.shape
        inverse, known = _inverses(self.hessian.mid)
        step = product(inverse, self.gradient.reshape(n, s, 1)).reshape(n, s)
        defect = MidRad.exact(np.broadcast_to(np.eye(s), (n, s, s)).copy()) - product(inverse, self.hessian)
        shift = Interval(self.lower, self.upper) - Interval.point(self.middle)
        spread = product(defect, MidRad.from_interval(shift).reshape(n, s, 1)).reshape(n, s)
        found = (MidRad.exact(self.middle) - step + spread).to_interval()
        lower, upper = np.where(known[:, None], found.lower, -np.inf), np.where(known[:, None], found.upper, np.inf)
        return Interval(lower, upper)


def _inverses(matrices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Approximate inverses (N, s, s), and which are finite; 0 where not."""
    with np.errstate(all="ignore"):
        size = np.abs(matrices).max(axis=(1, 2))
        scaled = matrices / np.where(size > 0, size, 1.0)[:, None, None]
        good = (np.abs(np.linalg.det(scaled)) > 1e-13) & (size > 1e-250)
    safe = np.where(good[:, None, None], scaled, np.eye(matrices.shape[1]))
    found = np.linalg.inv(safe) / np.where(good, size, 1.0)[:, None, None]
    good &= np.isfinite(found).all(axis=(1, 2))
    return np.where(good[:, None, None], found, 0.0), good
