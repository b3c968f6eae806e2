"""Where a network is studied: boxes and the whole space (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable


def real_array(x: Any) -> np.ndarray:
    """``x`` as a float64 array, not copied where it is one; KindError for what is no array of real numbers."""
    try:
        array = np.asarray(x)
    except (TypeError, ValueError, RuntimeError):  # ragged lists; tensors that another device or a graph holds
        array = None
    if array is None or array.dtype.kind not in "fiub":
        raise KindError(
            f"expected an array of real numbers, came {type(x).__name__}; pass a numpy array or lists of numbers"
        )
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64)


def points(x: Any, dim: int, what: str = "points") -> np.ndarray:
    """``x`` as a float64 array of shape (n, dim); a single point of shape (dim,) is one row.

    Raises InputError for other shapes and for NaN or infinite entries, KindError for what is no array of numbers.
    """
    try:
        array = real_array(x)
    except KindError:
        raise KindError(
            f"{what}: expected an array of real numbers of shape (n, {dim}), came {type(x).__name__}; "
            "pass a numpy array or nested lists of numbers"
        ) from None
    if array.ndim == 1 and array.shape[0] == dim and array.size:
        array = array[None, :]
    if array.ndim == 1 and array.size == 0:
        array = array.reshape(0, dim)
    if array.ndim > 2 and int(np.prod(array.shape[1:])) == dim:
        array = array.reshape(array.shape[0], dim)
    if array.ndim != 2 or array.shape[1] != dim:
        raise InputError(f"{what}: expected shape (n, {dim}), came {array.shape}; one row a point")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array).all(axis=1))[0])
        raise InputError(f"{what}: expected finite numbers, row {row} has NaN or infinity; remove or repair it")
    return array


@dataclass(frozen=True, eq=False)
class Box:
    """A closed box [lower, upper] with lower < upper in every coordinate.

    ``lower``, ``upper``: float64 arrays of shape (dim,), read-only.

    >>> Box.cube(3, 0, 1)
    Box(dim=3, [0, 1]^3)
    """

    lower: np.ndarray
    upper: np.ndarray

    def __init__(self, lower: Any, upper: Any) -> None:
        low, high = (self._side(side, name) for side, name in ((lower, "lower"), (upper, "upper")))
        if low.shape != high.shape:
            raise InputError(f"Box: lower and upper must have one shape, came {low.shape} and {high.shape}")
        if low.size == 0:
            raise InputError("Box: expected at least one coordinate, came none")
        if not (low < high).all():
            i = int(np.flatnonzero(~(low < high))[0])
            raise InputError(
                f"Box: lower must be below upper in every coordinate, coordinate {i} has "
                f"[{low[i]}, {high[i]}]; swap them or widen the side"
            )
        for name, side in (("lower", low), ("upper", high)):
            side.flags.writeable = False
            object.__setattr__(self, name, side)

    @staticmethod
    def _side(side: Any, name: str) -> np.ndarray:
        try:
            array = np.array(real_array(side))
        except KindError:
            raise KindError(f"Box: {name} must be a list of real numbers, came {printable(repr(side))}") from None
        if array.ndim != 1:
            raise InputError(
                f"Box: {name} must have shape (dim,), came {array.shape}; for a cube use Box.cube(dim, low, high)"
            )
        if not np.isfinite(array).all():
            raise InputError(f"Box: {name} must be finite; for an unbounded domain use WholeSpace(dim)")
        return array

    @classmethod
    def cube(cls, dim: int, low: float, high: float) -> Box:
        """The box [low, high]^dim."""
        if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < 1:
            raise InputError(f"Box.cube: dim must be a positive integer, came {dim!r}")
        if np.ndim(low) or np.ndim(high):
            raise InputError("Box.cube: low and high must be numbers; for sides that differ use Box(lower, upper)")
        return cls([low] * dim, [high] * dim)

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return self.lower.shape[0]

    @property
    def width(self) -> np.ndarray:
        """Side lengths, shape (dim,)."""
        return self.upper - self.lower

    def contains(self, x: Any) -> np.ndarray:
        """Which rows of ``x`` (n, dim) lie in the closed box, shape (n,)."""
        array = points(x, self.dim)
        return np.asarray(((array >= self.lower) & (array <= self.upper)).all(axis=1))

    def clip(self, x: np.ndarray) -> np.ndarray:
        """Nearest points of the box, row by row."""
        return np.clip(x, self.lower, self.upper)

    def uniform(self, n: int, rng: np.random.Generator) -> np.ndarray:
        """``n`` points drawn uniformly, shape (n, dim)."""
        return self.lower + self.width * rng.random((n, self.dim))

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, Box)
            and np.array_equal(self.lower, other.lower)
            and np.array_equal(self.upper, other.upper)
        )

    def __hash__(self) -> int:
        return hash(((self.lower + 0.0).tobytes(), (self.upper + 0.0).tobytes()))  # -0 equals 0

    def __repr__(self) -> str:
        low, high = self.lower, self.upper
        if (low == low[0]).all() and (high == high[0]).all():
            return f"Box(dim={self.dim}, [{low[0]:g}, {high[0]:g}]^{self.dim})"
        sides = " x ".join(f"[{a:g}, {b:g}]" for a, b in zip(low[:4], high[:4], strict=True))
        return f"Box(dim={self.dim}, {sides}{' x …' if self.dim > 4 else ''})"


@dataclass(frozen=True)
class WholeSpace:
    """The domain R^dim.

    >>> WholeSpace(2)
    WholeSpace(dim=2)
    """

    dim: int

    def __post_init__(self) -> None:
        if isinstance(self.dim, bool) or not isinstance(self.dim, (int, np.integer)) or self.dim < 1:
            raise InputError(f"WholeSpace: dim must be a positive integer, came {self.dim!r}")


Domain = Box | WholeSpace


def as_box(box: Any, dim: int) -> Box:
    """A Box of dimension ``dim`` from a Box or a pair (lower, upper) of arrays.

    >>> as_box(([0, 0], [1, 2]), 2)
    Box(dim=2, [0, 1] x [0, 2])
    """
    if not isinstance(box, Box):
        if not (isinstance(box, (tuple, list)) and len(box) == 2):
            raise KindError(
                f"expected a Box or a pair (lower, upper) of arrays of length {dim}, came {type(box).__name__}"
            )
        box = Box(*box)
    if box.dim != dim:
        raise InputError(f"expected a box of dimension {dim}, came one of dimension {box.dim}")
    return box


def as_domain(domain: Any, dim: int) -> Domain:
    """A Box or WholeSpace of dimension ``dim``, checked."""
    if isinstance(domain, WholeSpace):
        if domain.dim != dim:
            raise InputError(f"expected a domain of dimension {dim}, came one of dimension {domain.dim}")
        return domain
    return as_box(domain, dim)
