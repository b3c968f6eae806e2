"""What a potential is: a scalar function that is climbed, with derivatives and enclosures of them (§2)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.networks.network import Network
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval

LARGEST_SEARCHED = 1e100  # beyond, values and slopes are not followed: their products overflow


@dataclass(frozen=True)
class Enclosure:
    """Intervals that hold the value (n,), gradient (n, dim) and Hessian (n, dim, dim) on each of n boxes.

    ``value``, ``gradient`` and ``hessian`` are :class:`~separatrix.numerics.intervals.Interval` records with ``lower`` and
    ``upper``; iterating gives the three in that order. For a single box (dim,) the leading axis is absent.
    """

    value: Interval
    gradient: Interval
    hessian: Interval

    def __iter__(self):
        return iter((self.value, self.gradient, self.hessian))


class Potential(ABC):
    """A function f on R^dim that is climbed.

    ``net``: the network it comes from, or None; ``companion``: a potential with the same orbits and equilibria on which
    they are better sought, or None; ``rests_on``: what its derivatives and enclosures rest on beyond the library, a
    sentence for the evidence, or empty; ``version``: a user's word for exactly these functions, under which finished pieces
    of a study are kept, or empty: then they are not.

    A user's own functions become one by :meth:`custom`. An extender writes ``value``, ``gradient``, ``hessian_vector``,
    ``hessian`` and ``enclose``.
    """

    name: str
    dim: int
    net: Network | None = None
    companion: Potential | None = None
    rests_on: str = ""
    version: str = ""

    @staticmethod
    def custom(
        value: Any,
        gradient: Any,
        hessian: Any = None,
        enclosure: Any = None,
        *,
        dim: int,
        name: str = "custom potential",
        version: str = "",
    ) -> Potential:
        """The potential of a user's own functions of rows (n, dim): see :func:`separatrix.potentials.custom.custom`.

        >>> import numpy as np
        >>> f = Potential.custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, dim=2)
        >>> f.value([[1.0, 2.0]]).tolist(), f.hessian([[1.0, 2.0]]).round(6).tolist()
        ([-5.0], [[[-2.0, 0.0], [0.0, -2.0]]])
        """
        from separatrix.potentials.custom import custom

        return custom(value, gradient, hessian, enclosure, dim=dim, name=name, version=version)

    @abstractmethod
    def value(self, x: Any) -> Any:
        """f at the rows of ``x`` (n, dim), shape (n,)."""

    @abstractmethod
    def gradient(self, x: Any) -> Any:
        """grad f at the rows of ``x`` (n, dim), shape (n, dim)."""

    @abstractmethod
    def hessian_vector(self, x: Any, v: Any) -> Any:
        """Hess f(x) v row by row, (n, dim)."""

    @abstractmethod
    def hessian(self, x: Any) -> Any:
        """Hess f, (n, dim, dim)."""

    @abstractmethod
    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """Rigorous enclosures on the boxes [lower, upper], each (dim,) or (n, dim)."""

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Both at once, for rows that were checked before."""
        return self.value(x), self.gradient(x)

    def require_defined(self, x: Any, what: str = "points") -> None:
        """Raise InputError where f or its gradient is not defined at a row of ``x`` (n, dim); here they always are."""
        return

    def hessian_on(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """The Hessian at one point ``x`` (dim,) on the coordinates ``free`` (k,), shape (k, k)."""
        return self.hessian(x[None])[0][np.ix_(free, free)]

    def gradient_bounds(self, x: np.ndarray, precise: bool = False) -> Interval:
        """A rigorous enclosure of grad f at the one point ``x`` (dim,); ``precise`` asks for all digits of a double."""
        return self.enclose(x, x).gradient

    def gradient_over(self, box: Interval) -> Interval:
        """A rigorous enclosure of grad f on one box, (dim,)."""
        return self.enclose(box.lower, box.upper).gradient

    def enclose_batch(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray | None = None
    ) -> tuple[Interval, Interval]:
        """Rigorous enclosures of grad f (n, dim) and of the Hessian's columns ``free`` (n, dim, k) on n boxes (n, dim).

        ``free`` (k,): indices of coordinates, None for all. For searches through thousands of boxes: nothing is checked,
        the ends are finite float64 with lower <= upper. Infinite ends in the result mean that nothing is known.
        """
        found = self.enclose(lower, upper)
        columns = slice(None) if free is None else free
        return found.gradient, found.hessian[:, :, columns]

    def gradient_batch(self, lower: np.ndarray, upper: np.ndarray) -> Interval:
        """Rigorous enclosures of grad f (n, dim) on n boxes (n, dim), as :meth:`enclose_batch`; points are boxes too."""
        return self.enclose_batch(lower, upper, np.zeros(0, dtype=np.int64))[0]

    def enclose_centred(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray
    ) -> tuple[Interval, Interval, Interval | None]:
        """As :meth:`enclose_batch`, and enclosures of grad f (n, dim) at the centres lower / 2 + upper / 2 where these come
        nearly for nothing, else None."""
        return *self.enclose_batch(lower, upper, free), None

    def value_bounds(self, x: np.ndarray) -> Interval:
        """A rigorous enclosure of f at the one point ``x`` (dim,), shape ()."""
        return self.enclose(x, x).value

    def hessian_bounds(self, box: Interval, left: np.ndarray | None, right: np.ndarray) -> MidRad:
        """A rigorous enclosure of left^T H(X) right on one box; ``left`` (dim, k), ``right`` (dim, l) are exact: (k, l)."""
        middle = MidRad.from_interval(self.enclose(box.lower, box.upper).hessian)
        return product(middle if left is None else product(left.T, middle), right)

    def __repr__(self) -> str:
        return f"<{self.name}, dim={self.dim}>"
