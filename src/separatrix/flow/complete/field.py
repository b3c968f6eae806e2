"""The gradient of a potential on boxes of one kind of face: which coordinates are free, and how many boxes were asked."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential

Array = np.ndarray
Ends = tuple[Array, Array]


class Budget:
    """How many boxes a search may still ask, shared by all faces."""

    def __init__(self, limit: int) -> None:
        self.limit, self.used = limit, 0

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left."""
        return self.used >= self.limit


@dataclass(frozen=True, eq=False)
class Field:
    """grad f on boxes (n, dim) whose coordinates other than ``free`` (k,) are points.

    ``lower``, ``upper`` (dim,): the box of the search; ``ignored``: coordinates on which f does not depend there.
    """

    potential: Potential
    free: Array
    lower: Array
    upper: Array
    ignored: Array

    @cached_property
    def side(self) -> Array:
        """Side lengths of the box along the free coordinates, (k,)."""
        return self.upper[self.free] - self.lower[self.free]

    @cached_property
    def fixed(self) -> Array:
        """The coordinates that stand at a side of the box."""
        return np.setdiff1d(np.arange(self.lower.size), np.concatenate([self.free, self.ignored]))

    def outward(self, x: Array) -> Array:
        """Signs (n, dim - k) of the outward normals along the fixed coordinates at points ``x`` (n, dim) of faces."""
        return np.where(x[:, self.fixed] == self.upper[self.fixed], 1.0, -1.0)

    def slopes(self, lower: Array, upper: Array) -> tuple[Ends, Ends]:
        """(lower, upper) of the gradient (n, dim) and of the Hessian's free columns (n, dim, k); NaN never."""
        gradient, hessian = self.potential.enclose_batch(lower, upper, self.free)
        return _ends(gradient), _ends(hessian)

    def centred(self, lower: Array, upper: Array) -> tuple[Ends, Ends, Ends | None]:
        """As :meth:`slopes`, and the gradient at the centres lower / 2 + upper / 2 where it comes nearly for nothing."""
        gradient, hessian, middle = self.potential.enclose_centred(lower, upper, self.free)
        return _ends(gradient), _ends(hessian), None if middle is None else _ends(middle)

    def at(self, x: Array) -> tuple[Array, Array]:
        """The free gradient (n, k) and Hessian (n, k, k) at points ``x`` (n, dim) in doubles; where f is not defined at one of
        them, the middles of enclosures, NaN where nothing is known."""
        free = self.free
        try:
            return self.potential.gradient(x)[:, free], self.potential.hessian(x)[:, free[:, None], free]
        except SeparatrixError:
            (low, high), (h_low, h_high) = self.slopes(x, x)
            return (0.5 * low + 0.5 * high)[:, free], (0.5 * h_low + 0.5 * h_high)[:, free]

    def gradient(self, lower: Array, upper: Array) -> Ends:
        """(lower, upper) of the gradient alone, (n, dim)."""
        return _ends(self.potential.gradient_batch(lower, upper))


def _ends(x: Interval) -> Ends:
    return x.lower, x.upper
