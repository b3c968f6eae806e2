"""Midpoint-radius matrices: enclosures whose products run at the speed of BLAS (mathematics §8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import ETA, UNIT, Array, add_up, as_doubles, two_sum, up

Map = Callable[[Array], Array]
LEAST_RADIUS = 1e-280


class MidRad:
    """An array of all real arrays X with |X - mid| <= rad, entry by entry; the last two axes are the matrix.

    ``mid`` finite, ``rad`` >= 0 (inf: nothing is known of the entry). Plain arrays and numbers in operations are exact;
    Intervals are converted.
    Every radius is rounded upward. The arrays are kept, not copied, and read-only.

    Raises InputError for NaN, an infinite midpoint, a negative radius or two shapes.

    >>> x = MidRad([[1.0, 2.0]], [[0.0, 0.5]])
    >>> product(x, [[1.0], [1.0]]).to_interval().contains([[3.5]]).item()
    True
    """

    __slots__ = ("_mid", "_rad")
    __array_ufunc__ = None  # numpy arrays leave their operators to MidRad
    _mid: Array
    _rad: Array

    def __init__(self, mid: Any, rad: Any) -> None:
        middle, radius = as_doubles(mid, "mid"), as_doubles(rad, "rad")
        if middle.shape != radius.shape:
            raise InputError(f"expected mid and rad of one shape, got {middle.shape} and {radius.shape}")
        if not np.isfinite(middle).all() or not (radius >= 0).all():
            raise InputError("expected finite midpoints and radii >= 0; an unknown entry has midpoint 0 and radius inf")
        for name, array in (("_mid", middle), ("_rad", radius)):
            view = array.view()
            view.flags.writeable = False
            object.__setattr__(self, name, view)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a MidRad is frozen: cannot set {name}")

    @classmethod
    def _trusted(cls, mid: Array, rad: Array) -> MidRad:
        """Parts known to be valid, unchecked."""
        made = object.__new__(cls)
        for name, array in (("_mid", mid), ("_rad", rad)):
            object.__setattr__(made, name, array)
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return MidRad, (np.array(self._mid), np.array(self._rad))

    @classmethod
    def from_interval(cls, x: Interval) -> MidRad:
        """The smallest convenient enclosure of an interval array."""
        return cls(x.midpoint, x.radius)

    @classmethod
    def exact(cls, x: Any) -> MidRad:
        """Finite doubles with radius 0."""
        x = as_doubles(x)
        return cls(x, np.zeros_like(x))

    def to_interval(self) -> Interval:
        """[mid - rad, mid + rad], rounded outward."""
        return Interval.around(self._mid, self._rad)

    @property
    def mid(self) -> Array:
        """The midpoints."""
        return self._mid

    @property
    def rad(self) -> Array:
        """The radii."""
        return self._rad

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array."""
        return self._mid.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._mid.ndim

    @property
    def T(self) -> MidRad:
        """All axes reversed."""
        return MidRad._trusted(self._mid.T, self._rad.T)

    @property
    def mT(self) -> MidRad:
        """The transposed matrices (the last two axes exchanged)."""
        return MidRad._trusted(self._mid.mT, self._rad.mT)

    @property
    def magnitude(self) -> Array:
        """Upper bounds of |x|."""
        with np.errstate(over="ignore", invalid="ignore"):
            return add_up(np.abs(self._mid), self._rad)

    def contains(self, x: Any) -> Array:
        """Whether numbers (n-dimensional, exact) are proved to be members."""
        mid, rad = np.broadcast_arrays(as_doubles(x), self._rad)
        with np.errstate(over="ignore", invalid="ignore"):
            above, below = add_up(mid, -self._mid), add_up(self._mid, -mid)
        return np.maximum(above, below) <= rad

    def __getitem__(self, index: Any) -> MidRad:
        return MidRad(self._mid[index], self._rad[index])

    def reshape(self, *shape: Any) -> MidRad:
        """The same entries in another shape."""
        return MidRad(self._mid.reshape(*shape), self._rad.reshape(*shape))

    def __neg__(self) -> MidRad:
        return MidRad(-self._mid, self._rad)

    def __add__(self, other: Any) -> MidRad:
        """The midpoints' rounding error is known exactly (TwoSum) and joins the radii."""
        other = _mid_rad(other)
        with np.errstate(over="ignore", invalid="ignore"):
            mid, error = two_sum(self._mid, other._mid)
            rad = add_up(add_up(self._rad, other._rad), np.abs(error))
        return _made(mid, rad)

    __radd__ = __add__

    def __sub__(self, other: Any) -> MidRad:
        return self + (-_mid_rad(other))

    def __rsub__(self, other: Any) -> MidRad:
        return _mid_rad(other) + (-self)

    def multiply(self, other: Any) -> MidRad:
        """The entrywise product with another MidRad, an exact array or an exact number, axes broadcast.

        |x y - fl(a b)| <= u |fl(a b)| + eta + |a| s + r (|b| + s) for |x - a| <= r, |y - b| <= s; 0 where a factor is
        0.
        """
        other = _mid_rad(other)
        a, r, b, s = self._mid, self._rad, other._mid, other._rad
        with np.errstate(over="ignore", under="ignore", invalid="ignore"):
            mid = a * b
            rad = up(up(_times(np.abs(a), s) + _times(r, up(np.abs(b) + s))) + up(UNIT * np.abs(mid) + ETA))
        zero = ((a == 0) & (r == 0)) | ((b == 0) & (s == 0))
        return _made(np.where(zero, 0.0, mid), np.where(zero, 0.0, rad))

    scale = multiply

    def __repr__(self) -> str:
        mid, rad = (np.array2string(part, separator=", ", threshold=20) for part in (self._mid, self._rad))
        return f"MidRad({mid}, {rad})"


def product(a: Any, b: Any) -> MidRad:
    """Matrix products of MidRads or exact arrays, leading axes broadcast as in numpy.matmul (vectors too).

    With k terms in a sum, A = Am +- Ar, B = Bm +- Br, C = fl(Am Bm) in any order of summation, with or without FMA:
        |A B - C| <= gamma_k |Am| |Bm| + k eta + |Am| Br + Ar (|Bm| + Br),   gamma_k = k u / (1 - k u)
    (Higham, Accuracy and Stability, 3.1-3.5; each product or FMA underflows by at most eta/2, and later roundings
    enlarge that by less than 2). As |Am| (gamma_k |Bm| + Br) is a product, too, two products give the radius; each of
    its factors
    is rounded upward and each product, a sum of k non-negative terms, is at least (1 - gamma_(k+1)) of its exact value
    less k eta: the final factor 1 + 2 gamma_(k+8) and 4 k eta cover these and the last additions.
    Not for products of Strassen's kind or in reduced precision, which no BLAS uses for float64 unasked.

    Raises InputError for k > 2^30. Entries whose midpoint overflows come back as 0 with radius inf.

    >>> product([[0.1, 0.2]], [[3.0], [4.0]]).contains([[1.1]]).item()
    True
    """
    left, right = _mid_rad(a), _mid_rad(b)
    k = left.shape[-1] if left.ndim else 0
    if not left.ndim or not right.ndim or k != right.shape[-2 if right.ndim > 1 else 0]:
        raise InputError(f"expected matrices whose inner sizes agree, got shapes {left.shape} and {right.shape}")
    if k > 2**30:
        raise InputError(f"sums of {k} terms are too long for the bound; split the product")
    gamma = 1.0001 * (k + 1) * UNIT
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        mid = np.matmul(left.mid, right.mid)
        size = np.abs(right.mid)
        spread = up(up(gamma * size) + right.rad)
        rad = np.matmul(np.abs(left.mid), spread)
        if left.rad.any():
            rad = rad + np.matmul(left.rad, up(size + right.rad))
        rad = up(up(rad * (1.0 + 2.0 * gamma + 20.0 * UNIT)) + 4.0 * (k + 1) * ETA)
    return _made(mid, rad)


def structured_product(x: MidRad, linear: Map, magnitude: Map, terms: int) -> MidRad:
    """W x for the rows of ``x`` (n, in) and an exact matrix W that is known by its maps W x and |W| r on rows.

    ``terms``: the largest number of products in a sum of either. The bound is that of :func:`product`. Radii are at least
    LEAST_RADIUS: sums of subnormal numbers take ten times as long.
    """
    gamma = 1.0001 * (terms + 1) * UNIT
    with np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore"):
        mid = linear(np.ascontiguousarray(x.mid))
        spread = np.maximum(up(up(gamma * np.abs(x.mid)) + x.rad), LEAST_RADIUS)
        rad = magnitude(np.ascontiguousarray(spread))
        rad = up(up(rad * (1.0 + 2.0 * gamma + 20.0 * UNIT)) + 4.0 * (terms + 1) * ETA)
    return _made(mid, rad)


def _mid_rad(x: Any) -> MidRad:
    if isinstance(x, MidRad):
        return x
    return MidRad.from_interval(x) if isinstance(x, Interval) else MidRad.exact(x)


def _made(mid: Array, rad: Array) -> MidRad:
    """A MidRad where overflow (an infinite midpoint, a NaN) says that nothing is known."""
    lost = ~np.isfinite(mid) | np.isnan(rad)
    if np.any(lost):
        mid, rad = np.where(lost, 0.0, mid), np.where(lost, np.inf, rad)
    return MidRad(mid, rad)


def _times(a: Array, b: Array) -> Array:
    """An upper bound of a b for a, b >= 0, with 0 . inf = 0."""
    value = up(a * b)
    return np.where((a == 0) | (b == 0), 0.0, value)
