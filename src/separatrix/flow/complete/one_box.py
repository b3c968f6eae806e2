"""A potential whose enclosures on one box are those of its batches: proofs of points then run at their speed (§8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential


class OneBox(Potential):
    """``potential`` with gradient and Hessian, at points and over one box, from ``gradient_batch`` and ``enclose_batch``."""

    def __init__(self, potential: Potential) -> None:
        self.potential, self.name, self.dim, self.net = potential, potential.name, potential.dim, potential.net
        self.rests_on = potential.rests_on
        self._known: dict[tuple[bytes, bytes], tuple[Interval, Interval]] = {}

    def prepare(self, x: np.ndarray) -> None:
        """Enclose gradient and Hessian at the points ``x`` (n, dim) in one batch, for what is asked of them next."""
        gradient, hessian = self.potential.enclose_batch(x, x)
        rows = [row.tobytes() for row in x]
        self._known = {(row, row): (gradient[i], hessian[i]) for i, row in enumerate(rows)}

    def _enclosed(self, lower: np.ndarray, upper: np.ndarray) -> tuple[Interval, Interval]:
        """Gradient and Hessian over one box, each box once."""
        key = lower.tobytes(), upper.tobytes()
        if key not in self._known:
            gradient, hessian = self.potential.enclose_batch(lower[None], upper[None])
            self._known[key] = gradient[0], hessian[0]
        return self._known[key]

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
