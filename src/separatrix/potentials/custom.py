"""A potential made of a user's own functions, checked where they enter (§2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.domains import points
from separatrix.errors import InputError, KindError, SeparatrixError, printable
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import LARGEST_SEARCHED, Enclosure, Potential
from separatrix.potentials.custom_checks import FiniteDifferences, check_functions

ENTRIES_AT_ONCE = 2**22
BY_DIFFERENCES = "its Hessian is taken by differences of the gradient (heuristic)"
BY_USER = "rests on the enclosure given by the user"


def custom(
    value: Any, gradient: Any, hessian: Any = None, enclosure: Any = None, *, dim: int, name: str = "custom potential",
    version: str = "",
) -> Custom:  # fmt: skip
    """The potential of functions of rows ``x`` (n, dim) float64; as every potential it is climbed.

    - ``value(x)`` (n,), ``gradient(x)`` (n, dim), ``hessian(x)`` (n, dim, dim); rows must not depend on each other
    - ``hessian=None``: differences of the gradient, right to about six digits (heuristic)
    - ``enclosure(lower, upper)`` for boxes (n, dim) -> (value, gradient, Hessian), each an
      :class:`~separatrix.numerics.intervals.Interval` or a pair (lower, upper) of arrays in the shapes above, that holds
      all values on the box. What is proved then rests on it, and the evidence says so. Without it nothing is proved:
      sinks are *verified* at best
    - ``version``: a word of yours for exactly these functions, another one after every change of them and of all they use: under
      it ``analyze(…, resume=)`` keeps finished pieces and takes them up. Without it those of this potential are not kept

    Shapes and kinds are checked at every call, one against the other at the first: ``gradient`` against differences of
    ``value``, ``hessian`` against those of ``gradient``, ``enclosure`` against both. Raises InputError where they disagree,
    for functions of one point only, and for rows where the result is not finite; KindError for what cannot be called.

    >>> f = custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, dim=2)
    >>> f.gradient([[1.0, 2.0]]).tolist()
    [[-2.0, -4.0]]
    """
    if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < 1:
        raise InputError(f"custom: dim must be a positive integer, came {dim!r}")
    named = {"value": value, "gradient": gradient, "hessian": hessian, "enclosure": enclosure}
    for what, function in named.items():
        if not (callable(function) or (function is None and what in ("hessian", "enclosure"))):
            raise KindError(f"custom: {what} must be a function of rows (n, {dim}), came {type(function).__name__}")
    if not isinstance(version, str):
        raise KindError(f"custom: version must be a string, such as '2', came {type(version).__name__}")
    found = Custom(named, int(dim), printable(name))
    found.version = version
    return found


class Custom(Potential):
    """A potential of a user's functions, made by :func:`custom` or ``Potential.custom``."""

    def __init__(self, functions: dict[str, Callable[..., Any] | None], dim: int, name: str) -> None:
        self.functions, self.dim, self.name = functions, dim, name
        self._is_checked = False
        reasons = [BY_DIFFERENCES] if functions["hessian"] is None else []
        reasons += [BY_USER] if functions["enclosure"] is not None else []
        self.rests_on = "; ".join(reasons)

    def value(self, x: Any) -> np.ndarray:
        """f at the rows of ``x`` (n, dim), shape (n,)."""
        return self._finite("value", self._rows(x))

    def gradient(self, x: Any) -> np.ndarray:
        """grad f at the rows of ``x``, (n, dim)."""
        return self._finite("gradient", self._rows(x))

    def hessian(self, x: Any) -> np.ndarray:
        """Hess f, (n, dim, dim); by central differences of the gradient where none was given."""
        rows = self._rows(x)
        if self.functions["hessian"] is not None:
            return self._finite("hessian", rows)
        every = np.arange(self.dim)
        step = max(1, ENTRIES_AT_ONCE // (2 * self.dim**2))
        parts = [self._differences(rows[i : i + step], every) for i in range(0, max(rows.shape[0], 1), step)]
        return np.concatenate(parts)

    def hessian_vector(self, x: Any, v: Any) -> np.ndarray:
        """Hess f(x) v row by row, (n, dim); a single direction serves all rows."""
        rows, directions = self._rows(x), points(v, self.dim, f"{self.name}: directions")
        if directions.shape[0] not in (1, rows.shape[0]):
            raise InputError(
                f"{self.name}: expected one direction or one a point, came {directions.shape[0]} for {rows.shape[0]}"
            )
        if self.functions["hessian"] is not None:
            return (self.hessian(rows) @ directions[:, :, None])[:, :, 0]
        return self._settled(FiniteDifferences(self._slopes).along(rows, directions), rows)

    def value_and_gradient(self, x: Any) -> tuple[np.ndarray, np.ndarray]:
        """Both at once; NaN in rows where one of them is not finite or beyond 1e100 (a search steps back there)."""
        value, gradient = self._call("value", x), self._call("gradient", x)
        lost = ~((np.abs(value) < LARGEST_SEARCHED) & (np.abs(gradient) < LARGEST_SEARCHED).all(axis=1))
        if lost.any():
            value, gradient = np.where(lost, np.nan, value), np.where(lost[:, None], np.nan, gradient)
        return value, gradient

    def hessian_on(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """The Hessian at one point ``x`` (dim,) on the coordinates ``free`` (k,), shape (k, k)."""
        if self.functions["hessian"] is not None:
            return super().hessian_on(x, free)
        return self._differences(x[None], free)[0]

    def _differences(self, rows: np.ndarray, free: np.ndarray) -> np.ndarray:
        return self._settled(FiniteDifferences(self._slopes).hessians(rows, free), rows)

    def _slopes(self, rows: np.ndarray) -> np.ndarray:
        return self._call("gradient", rows)

    def _settled(self, found: np.ndarray, rows: np.ndarray) -> np.ndarray:
        """Differences, or InputError for the first row about which the gradient is not finite."""
        lost = ~np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
        if lost.any():
            row = rows[int(lost.argmax())]
            raise InputError(
                f"{self.name}: the gradient is not finite around {np.array2string(row, threshold=6, precision=6)}; "
                "give hessian= for points so near the edge of where f is defined"
            )
        return found

    def require_defined(self, x: Any, what: str = "points") -> None:
        """Raise InputError where f or its gradient is not finite at a row of ``x``."""
        rows = points(x, self.dim, what)
        self.value(rows)
        self.gradient(rows)

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """The user's enclosures on the boxes [lower, upper], each (dim,) or (n, dim).

        Raises SeparatrixError where none was given.
        """
        low, high = (points(side, self.dim, "enclose") for side in (lower, upper))
        found = self._enclosed(low, high, Interval)
        single = np.ndim(lower) == 1 and found[0].shape[0] == 1
        return Enclosure(*(part[0] for part in found)) if single else Enclosure(*found)

    def enclose_batch(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray | None = None
    ) -> tuple[Interval, Interval]:
        """Enclosures by the user's function; the whole line in entries where it gives NaN or an end at the wrong infinity.

        Raises SeparatrixError where no enclosure was given.
        """
        _, gradient, hessian = self._enclosed(lower, upper, _known_ends)
        return gradient, hessian if free is None else hessian[:, :, free]

    def _enclosed(self, low: np.ndarray, high: np.ndarray, made: Callable[[Any, Any], Interval]) -> list[Interval]:
        """What the user's function gives for boxes (n, dim), its ends joined by ``made``."""
        function = self.functions["enclosure"]
        if function is None:
            raise SeparatrixError(
                f"the {self.name} has no enclosure: give enclosure= to Potential.custom, or write it as sx.expression(…)"
            )
        with np.errstate(all="ignore"):
            parts = function(low.copy(), high.copy())
        if not (isinstance(parts, (tuple, list, Enclosure)) and len(tuple(parts)) == 3):
            raise InputError(f"{self.name}: enclosure must return (value, gradient, Hessian), came {_kind(parts)}")
        n, shapes = low.shape[0], ((), (self.dim,), (self.dim, self.dim))
        return [
            self._interval(part, (n, *shape), what, made)
            for part, shape, what in zip(parts, shapes, ("value", "gradient", "Hessian"), strict=True)
        ]

    def _interval(self, part: Any, shape: tuple[int, ...], what: str, made: Callable[[Any, Any], Interval]) -> Interval:
        if not isinstance(part, Interval):
            if not (isinstance(part, (tuple, list)) and len(part) == 2):
                raise InputError(
                    f"{self.name}: the enclosure of the {what} must be an Interval or a pair (lower, upper), came "
                    f"{_kind(part)}"
                )
            part = made(*(np.asarray(end, dtype=np.float64) for end in part))
        if part.shape != shape:
            raise InputError(f"{self.name}: expected an enclosure of the {what} of shape {shape}, came {part.shape}")
        return part

    def _rows(self, x: Any) -> np.ndarray:
        return points(x, self.dim, self.name)

    def _finite(self, what: str, rows: np.ndarray) -> np.ndarray:
        found = self._call(what, rows)
        lost = ~np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
        if lost.any():
            row = int(lost.argmax())
            raise InputError(
                f"{self.name}: {what} is not finite in {int(lost.sum())} of {rows.shape[0]} rows, row {row} first "
                f"({np.array2string(rows[row], threshold=6, precision=6)}); leave such rows out"
            )
        return found

    def _call(self, what: str, rows: np.ndarray) -> np.ndarray:
        """What a user's function gives for ``rows``, as float64 of the right shape."""
        if not self._is_checked and rows.shape[0]:
            check_functions(self, rows)
            self._is_checked = True
        return self.raw(what, rows)

    def raw(self, what: str, rows: np.ndarray) -> np.ndarray:
        """As the user's function ``what`` gives it, its kind and shape checked."""
        function = self.functions[what]
        assert function is not None
        n, dim = rows.shape
        shape = {"value": (n,), "gradient": (n, dim), "hessian": (n, dim, dim)}[what]
        with np.errstate(all="ignore"):
            found = function(rows.copy())
        try:
            array = np.asarray(found)
        except (TypeError, ValueError, RuntimeError):
            array = np.asarray(None)
        if array.dtype.kind not in "fiu":
            raise KindError(f"{self.name}: {what} must return an array of real numbers, came {_kind(found)}")
        if array.shape != shape:
            raise InputError(
                f"{self.name}: {what} of {n} rows of {dim} coordinates must have shape {shape}, came {array.shape}"
            )
        return array.astype(np.float64)


def _kind(value: Any) -> str:
    array = value if isinstance(value, np.ndarray) else None
    return f"an array of {array.dtype}" if array is not None else type(value).__name__


def _known_ends(lower: np.ndarray, upper: np.ndarray) -> Interval:
    """The interval of both ends; nothing is known where one is NaN or at the wrong infinity."""
    if lower.shape != upper.shape:
        return Interval(lower, upper)
    unknown = np.isnan(lower) | np.isnan(upper) | (lower == np.inf) | (upper == -np.inf)
    return Interval(np.where(unknown, -np.inf, lower), np.where(unknown, np.inf, upper))
