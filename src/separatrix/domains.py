"""Where a network is studied: boxes and the whole space (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, printable

MOST_NUMBERS, MOST_REPEATS = 1 << 26, 16


def real_array(x: Any) -> np.ndarray:
    """``x`` as a float64 array, not copied where it is one; KindError for what is no array of real numbers."""
    try:
        array = np.asarray(x)
    except (
        TypeError,
        ValueError,
        RuntimeError,
        MemoryError,
    ):  # ragged lists; tensors that another device or a graph holds
        array = None
    if array is None or array.dtype.kind not in "fiub":
        raise KindError(
            f"expected an array of real numbers, came {type(x).__name__}; pass a numpy array or lists of numbers"
        )
    if array.size > MOST_NUMBERS and array.size * array.itemsize > MOST_REPEATS * _held(array):
        raise InputError(
            f"came a view of {printable(array.shape)} numbers that repeats few; they would not fit into memory as points"
        )
    with np.errstate(over="ignore"):
        return np.asarray(array, dtype=np.float64)


def _held(array: np.ndarray) -> int:
    """Bytes that an array's own numbers take, those along a stride of 0 once."""
    sides = [n for n, stride in zip(array.shape, array.strides, strict=True) if stride]
    return array.itemsize * int(np.prod(sides, dtype=object)) if sides else array.itemsize


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
            raise InputError(f"Box.cube: dim must be a positive integer, came {printable(repr(dim), 60)}")
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
            raise InputError(f"WholeSpace: dim must be a positive integer, came {printable(repr(self.dim), 60)}")


@dataclass(frozen=True, eq=False)
class AffineSlice:
    """The affine map t -> origin + t_1 d_1 + … + t_m d_m of R^m into the space of the inputs.

    ``origin`` (dim,), ``directions`` (m, dim): float64, read-only, the directions linearly independent (checked exactly).
    The doubles are the slice: a network restricted to it is exact for them.

    >>> plane = AffineSlice.through([[0.0, 0.0, 1.0], [1.0, 0.0, 1.0], [0.0, 2.0, 1.0]])
    >>> plane.point([[0.5, 0.5]]).tolist()
    [[0.5, 1.0, 1.0]]
    >>> plane.coordinates([[0.5, 1.0, 1.0]]).round(9).tolist()
    [[0.5, 0.5]]
    """

    origin: np.ndarray
    directions: np.ndarray

    def __init__(self, origin: Any, directions: Any) -> None:
        start, rows = np.array(real_array(origin)), np.array(real_array(directions), order="C")
        if start.ndim != 1 or rows.ndim != 2 or not start.size or rows.shape[1] != start.size:
            raise InputError(
                "AffineSlice: expected an origin of shape (dim,) and directions of shape (m, dim), came "
                f"{start.shape} and {rows.shape}"
            )
        if not 1 <= rows.shape[0] <= rows.shape[1]:
            raise InputError(f"AffineSlice: expected 1 to {rows.shape[1]} directions, came {rows.shape[0]}")
        if not (np.isfinite(start).all() and np.isfinite(rows).all()):
            raise InputError("AffineSlice: expected finite numbers, came NaN, infinity or an overflow of differences")
        if not _independent(rows):
            raise InputError(
                "AffineSlice: the directions are linearly dependent (points on a line span no plane); choose others"
            )
        for name, array in (("origin", start), ("directions", rows)):
            array.flags.writeable = False
            object.__setattr__(self, name, array)

    @classmethod
    def through(cls, points: Any) -> AffineSlice:
        """The slice through 2 or more points, an array (m + 1, dim) or of images (m + 1, height, width).

        The origin is the first point and the directions are the differences to it, rounded to doubles, so that point i lies
        at the i-th unit vector up to that rounding. Raises InputError for points that are affinely dependent.
        """
        rows = real_array(points)
        if rows.ndim < 2 or rows.shape[0] < 2 or not rows.size:
            raise InputError(f"AffineSlice.through: expected at least two points, one a row, came shape {rows.shape}")
        rows = rows.reshape(rows.shape[0], -1)
        with np.errstate(over="ignore", invalid="ignore"):
            return cls(rows[0], rows[1:] - rows[0])

    @property
    def dim(self) -> int:
        """Number of coordinates m of the slice."""
        return self.directions.shape[0]

    @property
    def ambient_dim(self) -> int:
        """Dimension of the space that the slice lies in."""
        return self.directions.shape[1]

    def point(self, t: Any) -> np.ndarray:
        """The points (n, ambient_dim) at the coordinates ``t`` (n, m), rounded."""
        return self.origin + points(t, self.dim, "coordinates of a slice") @ self.directions

    def coordinates(self, x: Any) -> np.ndarray:
        """Coordinates (n, m) of the points of the slice that are nearest to the rows of ``x`` (n, ambient_dim)."""
        shift = points(x, self.ambient_dim, "points of a slice's space") - self.origin
        return np.linalg.lstsq(self.directions.T, shift.T, rcond=None)[0].T

    def box(self, margin: float = 0.25) -> Box:
        """The cube [-margin, 1 + margin]^m, which holds the points of :meth:`through`.

        It may reach out of a box of the inputs: ``domain.contains(slice.point(t))`` says where.
        """
        if isinstance(margin, bool) or not isinstance(margin, (int, float)) or not 0 <= margin < np.inf:
            raise InputError(f"AffineSlice.box: expected a margin from 0 up, came {printable(repr(margin))}")
        return Box.cube(self.dim, -float(margin), 1.0 + float(margin))

    def inside(self, domain: Box) -> Box | None:
        """The smallest box of coordinates that holds the slice's part of ``domain``, a little widened; None if empty."""
        from separatrix.numerics.linear_programs import solve_linear_program

        box = as_box(domain, self.ambient_dim)
        rows = np.vstack([self.directions.T, -self.directions.T])
        limits = np.concatenate([box.upper - self.origin, self.origin - box.lower])
        ends = []
        for cost in np.vstack([np.eye(self.dim), -np.eye(self.dim)]):
            found = solve_linear_program(cost, A_ub=rows, b_ub=limits, bounds=(None, None))
            if found.status == 2:
                return None
            if found.status != 0:
                raise InputError(f"AffineSlice.inside: the linear program failed: {found.message}")
            ends.append(float(found.fun))
        lower, upper = np.array(ends[: self.dim]), -np.array(ends[self.dim :])
        room = 1e-6 * (1.0 + np.maximum(np.abs(lower), np.abs(upper)))
        return Box(lower - room, upper + room)

    def __repr__(self) -> str:
        return f"AffineSlice(dim={self.dim} in R^{self.ambient_dim})"


def _independent(rows: np.ndarray) -> bool:
    """Whether the rows are linearly independent, exactly."""
    from separatrix.numerics.rank import has_full_row_rank

    return bool(has_full_row_rank(rows))


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
