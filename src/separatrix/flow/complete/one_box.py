"""A potential whose enclosures on one box are those of its batches: proofs of points then run at their speed (§8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential

CUBE = 1.001e-6  # times the root of the dimension: holds the first region in which Krawczyk's test is tried
NOT_MUCH = 0.25


class OneBox(Potential):
    """``potential`` with gradient and Hessian, at points and over one box, from ``gradient_batch`` and ``enclose_batch``."""

    def __init__(self, potential: Potential) -> None:
        self.potential, self.name, self.dim, self.net = potential, potential.name, potential.dim, potential.net
        self.rests_on = potential.rests_on
        self._known: dict[tuple[bytes, bytes], tuple[Interval, Interval]] = {}
        self._cubes = np.zeros((0, potential.dim)), np.zeros((0, potential.dim))
        self._over: tuple[Interval, Interval] | None = None

    def prepare(self, x: np.ndarray, free: np.ndarray) -> None:
        """Enclose gradient and Hessian at the points ``x`` (n, dim), and over small cubes about them in the coordinates ``free``,
        in two batches, for what is asked of them next."""
        gradient, hessian = self.potential.enclose_batch(x, x)
        rows = [row.tobytes() for row in x]
        self._known = {(row, row): (gradient[i], hessian[i]) for i, row in enumerate(rows)}
        reach = np.zeros(x.shape)
        reach[:, free] = CUBE * np.sqrt(free.size)
        self._cubes = x - reach, x + reach
        self._over = self.potential.enclose_batch(*self._cubes)

    def _enclosed(self, lower: np.ndarray, upper: np.ndarray) -> tuple[Interval, Interval]:
        """Gradient and Hessian over one box, each box once; over a little more where that is prepared."""
        key = lower.tobytes(), upper.tobytes()
        if key not in self._known:
            self._known[key] = self._over_cube(lower, upper) or self._over_box(lower, upper)
        return self._known[key]

    def _over_box(self, lower: np.ndarray, upper: np.ndarray) -> tuple[Interval, Interval]:
        gradient, hessian = self.potential.enclose_batch(lower[None], upper[None])
        return gradient[0], hessian[0]

    def _over_cube(self, lower: np.ndarray, upper: np.ndarray) -> tuple[Interval, Interval] | None:
        """The enclosures over a prepared cube that holds the box and is not much wider."""
        low, high = self._cubes
        rows = np.flatnonzero((low <= lower).all(axis=1) & (upper <= high).all(axis=1))
        if not rows.size or self._over is None:
            return None
        row = int(rows[0])
        if float((upper - lower).max()) < NOT_MUCH * float((high[row] - low[row]).max()):
            return None
        return self._over[0][row], self._over[1][row]

    def value(self, x: Any) -> Any:
        """f at the rows of ``x``."""
        return self.potential.value(x)

    def gradient(self, x: Any) -> Any:
        """grad f at the rows of ``x``."""
        return self.potential.gradient(x)

    def hessian_vector(self, x: Any, v: Any) -> Any:
        """Hess f(x) v row by row."""
        return self.potential.hessian_vector(x, v)

    def hessian(self, x: Any) -> Any:
        """Hess f at the rows of ``x``."""
        return self.potential.hessian(x)

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """Rigorous enclosures on boxes."""
        return self.potential.enclose(lower, upper)

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Both at the rows of ``x``, the gradient as the middle of its enclosure."""
        return self.potential.value(x), np.array([self._enclosed(row, row)[0].midpoint for row in x])

    def hessian_on(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """The middle of the Hessian's enclosure at one point, made symmetric."""
        found = self._enclosed(x, x)[1].midpoint[np.ix_(free, free)]
        return 0.5 * (found + found.T)

    def gradient_bounds(self, x: np.ndarray, precise: bool = False) -> Interval:
        """A rigorous enclosure of grad f at one point."""
        if precise:
            return self.potential.gradient_bounds(x, precise=True)
        return self._enclosed(x, x)[0]

    def gradient_over(self, box: Interval) -> Interval:
        """A rigorous enclosure of grad f on one box."""
        return self._enclosed(box.lower, box.upper)[0]

    def hessian_bounds(self, box: Interval, left: np.ndarray | None, right: np.ndarray) -> MidRad:
        """A rigorous enclosure of left^T H(X) right on one box."""
        middle = MidRad.from_interval(self._enclosed(box.lower, box.upper)[1])
        return product(middle if left is None else product(left.T, middle), right)
