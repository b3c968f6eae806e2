"""Arrays of closed real intervals with outward rounding (mathematics §8)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics.rounding import Array, add_down, add_up, as_doubles, down, sum_down, up


class Interval:
    """An array of intervals [lower, upper]; every operation returns intervals that hold all exact results.

    ``lower`` and ``upper`` are read-only float64 arrays of one shape, lower <= upper; lower may be -inf and upper inf
    (the interval is then unbounded; inf itself is not a member). Numbers and arrays in arithmetic stand for exact
    points. A factor 0 gives 0 exactly, also against an unbounded interval (0 . inf = 0: all members are real). Sums
    that are doubles
    are exact; the rest is rounded outward by one or two ulp. Division by an interval that holds 0 gives the whole line.

    Raises InputError for NaN, lower > upper, lower = inf or upper = -inf.

    >>> x = Interval([1.0, -1.0], [2.0, 3.0])
    >>> x + 1
    Interval([2., 0.], [3., 4.])
    >>> (x * x).contains([4.0, -3.0]).tolist(), x.square().contains([4.0, -3.0]).tolist()
    ([True, True], [True, False])
    """

    __slots__ = ("_lower", "_upper")
    __array_ufunc__ = None  # numpy arrays leave their operators to Interval
    __hash__ = None  # type: ignore[assignment]

    _lower: Array
    _upper: Array

    def __init__(self, lower: Any, upper: Any) -> None:
        low, high = as_doubles(lower, "lower"), as_doubles(upper, "upper")
        if low.shape != high.shape:
            raise InputError(f"expected lower and upper of one shape, got {low.shape} and {high.shape}")
        if not (low <= high).all():
            raise InputError("expected lower <= upper everywhere; exchange the ends or drop the empty entries")
        if (low == np.inf).any() or (high == -np.inf).any():
            raise InputError("expected lower < inf and upper > -inf: an interval has a real member")
        low = low.copy()
        self._store(low, low if lower is upper else high.copy())

    def _store(self, lower: Array, upper: Array) -> None:
        for name, array in (("_lower", lower), ("_upper", upper)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"an Interval is frozen: cannot set {name}")

    @classmethod
    def _trusted(cls, lower: Array, upper: Array) -> Interval:
        """An interval from ends known to be valid; a NaN that an internal overflow left becomes unbounded."""
        made = object.__new__(cls)
        low = np.where(np.isnan(lower), -np.inf, lower)
        made._store(low, low if lower is upper else np.where(np.isnan(upper), np.inf, upper))
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return Interval, (np.array(self._lower), np.array(self._upper))

    @classmethod
    def point(cls, x: Any) -> Interval:
        """The intervals [x, x] of finite doubles."""
        x = as_doubles(x)
        return cls(x, x)

    @classmethod
    def around(cls, middle: Any, radius: Any) -> Interval:
        """All numbers within ``radius`` >= 0 of ``middle``, rounded outward.

        >>> Interval.around(1.0, 0.5)
        Interval(0.5, 1.5)
        """
        middle, radius = np.broadcast_arrays(as_doubles(middle, "middle"), as_doubles(radius, "radius"))
        if not (radius >= 0).all():
            raise InputError("expected a radius >= 0 everywhere")
        with _silent():
            return cls(add_down(middle, -radius), add_up(middle, radius))

    @classmethod
    def whole_line(cls, shape: int | tuple[int, ...] = ()) -> Interval:
        """[-inf, inf] in every entry."""
        return cls(np.full(shape, -np.inf), np.full(shape, np.inf))

    # -- what it is

    @property
    def lower(self) -> Array:
        """The lower ends."""
        return self._lower

    @property
    def upper(self) -> Array:
        """The upper ends."""
        return self._upper

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of the array of intervals."""
        return self._lower.shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return self._lower.ndim

    @property
    def size(self) -> int:
        """The number of intervals."""
        return self._lower.size

    @property
    def midpoint(self) -> Array:
        """Finite doubles inside the intervals, the middle up to rounding; 0 or the finite end where unbounded."""
        low, high = self._lower, self._upper
        with _silent():
            middle = np.clip(0.5 * low + 0.5 * high, low, high)
        unbounded = ~np.isfinite(low) | ~np.isfinite(high)
        if unbounded.any():
            ends = np.where(np.isfinite(low), low, np.where(np.isfinite(high), high, 0.0))
            middle = np.where(unbounded, ends, middle)
        return middle

    @property
    def radius(self) -> Array:
        """The smallest convenient r with |x - midpoint| <= r for all members, rounded up; inf where unbounded."""
        middle = self.midpoint
        with _silent():
            return np.maximum(add_up(middle, -self._lower), add_up(self._upper, -middle))

    @property
    def magnitude(self) -> Array:
        """max |x| over the members."""
        return np.maximum(np.abs(self._lower), np.abs(self._upper))

    @property
    def mignitude(self) -> Array:
        """min |x| over the members."""
        return np.maximum(np.maximum(self._lower, -self._upper), 0.0)

    @property
    def is_positive(self) -> Array:
        """Whether every member is > 0."""
        return self._lower > 0

    @property
    def is_negative(self) -> Array:
        """Whether every member is < 0."""
        return self._upper < 0

    def contains(self, x: Any) -> Array:
        """Whether the numbers, or all members of the intervals, ``x`` are members."""
        other = _interval(x)
        return (self._lower <= other._lower) & (other._upper <= self._upper)

    def interior_contains(self, x: Any) -> Array:
        """Whether ``x`` lies in the interior; an unbounded end of self does not touch anything."""
        other = _interval(x)
        low = (self._lower < other._lower) | (self._lower == -np.inf)
        return low & ((other._upper < self._upper) | (self._upper == np.inf))

    def overlaps(self, other: Any) -> Array:
        """Whether the intervals have a common member."""
        other = _interval(other)
        return (self._lower <= other._upper) & (other._lower <= self._upper)

    # -- sets

    def hull(self, other: Any) -> Interval:
        """The smallest intervals that hold both."""
        other = _interval(other)
        return Interval._trusted(np.minimum(self._lower, other._lower), np.maximum(self._upper, other._upper))

    def intersection(self, other: Any) -> Interval:
        """The common members; InputError where there are none (ask :meth:`overlaps` first)."""
        other = _interval(other)
        if not self.overlaps(other).all():
            raise InputError("the intersection is empty in some entry; ask overlaps first")
        return Interval._trusted(np.maximum(self._lower, other._lower), np.minimum(self._upper, other._upper))

    # -- arithmetic

    def __neg__(self) -> Interval:
        return Interval._trusted(-self._upper, -self._lower)

    def __pos__(self) -> Interval:
        return self

    def __abs__(self) -> Interval:
        return Interval._trusted(self.mignitude, self.magnitude)

    abs = __abs__

    def __add__(self, other: Any) -> Interval:
        other = _interval(other)
        with _silent():
            return Interval._trusted(add_down(self._lower, other._lower), add_up(self._upper, other._upper))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Interval:
        return self + (-_interval(other))

    def __rsub__(self, other: Any) -> Interval:
        return _interval(other) + (-self)

    def __mul__(self, other: Any) -> Interval:
        return _combine(np.multiply, self, _interval(other))

    __rmul__ = __mul__

    def __truediv__(self, other: Any) -> Interval:
        other = _interval(other)
        holds_zero = (other._lower <= 0) & (other._upper >= 0)
        quotient = _combine(np.divide, self, other)
        if not holds_zero.any():
            return quotient
        lower, upper = np.where(holds_zero, -np.inf, quotient._lower), np.where(holds_zero, np.inf, quotient._upper)
        return Interval._trusted(lower, upper)

    def __rtruediv__(self, other: Any) -> Interval:
        return _interval(other) / self

    def square(self) -> Interval:
        """{x^2}, never below 0: sharper than ``x * x``, which does not know that both factors are one number."""
        least, most = self.mignitude, self.magnitude
        with _silent():
            lower = np.maximum(down(least * least), 0.0)
            return Interval._trusted(lower, np.where(most == 0.0, 0.0, up(most * most)))

    def sum(self, axis: int | tuple[int, ...] | None = None) -> Interval:
        """The sum of independent members along ``axis``.

        >>> Interval([1.0, 2.0], [1.0, 3.0]).sum().contains([3.0, 4.0]).tolist()
        [True, True]
        """
        with _silent():
            return Interval._trusted(sum_down(self._lower, axis), -sum_down(-self._upper, axis))

    # -- arrays

    def __getitem__(self, index: Any) -> Interval:
        low = self._lower[index]
        return Interval._trusted(low, low if self._lower is self._upper else self._upper[index])

    def __len__(self) -> int:
        return len(self._lower)

    def reshape(self, *shape: Any) -> Interval:
        """The same intervals in another shape."""
        return Interval._trusted(self._lower.reshape(*shape), self._upper.reshape(*shape))

    @property
    def mT(self) -> Interval:
        """The transposed matrices (the last two axes exchanged)."""
        return Interval._trusted(self._lower.mT, self._upper.mT)

    def __repr__(self) -> str:
        low, high = (np.array2string(end, separator=", ", threshold=20) for end in (self._lower, self._upper))
        return f"Interval({low}, {high})"


def _silent() -> Any:
    return np.errstate(over="ignore", under="ignore", invalid="ignore", divide="ignore")


def _interval(x: Any) -> Interval:
    return x if isinstance(x, Interval) else Interval.point(x)


def _combine(operation: Any, a: Interval, b: Interval) -> Interval:
    """Product or quotient (b without 0): extremes at the ends, rounded outward, with the sign that the exact result
    has.

    NaN arises from 0 . inf, inf / inf and 0 / 0 only: in the first two 0 is the limit of members or irrelevant, since
    the other three values bound the range; where b holds 0 the caller discards the quotient.
    A result that underflowed to 0 is moved off 0 by down and up, and the known sign then brings it back where it may.
    """
    with _silent():
        values = [operation(x, y) for x in _ends(a) for y in _ends(b)]
        values = [np.where(np.isnan(value), 0.0, value) for value in values]
        lower, upper = values[0], values[0]
        for value in values[1:]:
            lower, upper = np.minimum(lower, value), np.maximum(upper, value)
        lower, upper = down(lower), up(upper)
    a_above, a_below, b_above, b_below = a.lower >= 0, a.upper <= 0, b.lower >= 0, b.upper <= 0
    lower = np.where((a_above & b_above) | (a_below & b_below), np.maximum(lower, 0.0), lower)
    upper = np.where((a_above & b_below) | (a_below & b_above), np.minimum(upper, 0.0), upper)
    zero = a_above & a_below
    if operation is np.multiply:
        zero = zero | (b_above & b_below)
    return Interval._trusted(np.where(zero, 0.0, lower), np.where(zero, 0.0, upper))


def _ends(x: Interval) -> tuple[Array, ...]:
    return (x.lower,) if x.lower is x.upper else (x.lower, x.upper)
