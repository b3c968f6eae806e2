"""Cubical complexes on grids of any dimension: some or all of the top cubes with their faces, axes periodic or not."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from separatrix.complexes.cell_complex import CellComplex, check_size
from separatrix.complexes.cells import Cells, Masks
from separatrix.errors import InputError, KindError, printable

DIMENSION_LIMIT = 16


class CubicalComplex(CellComplex):
    """Unit cubes of a grid with all their faces.

    A cell is a product of vertices and edges of the axes. Axis j has s_j edges and s_j + 1 vertices, or s_j vertices if
    it is periodic; a periodic axis of length 1 is one vertex with one edge, a loop. Cells are written by doubled
    coordinates: on each axis 2i for vertex i and 2i + 1 for the edge from vertex i to the next.

    Args:
        mask_or_shape: a boolean array with one entry a top cube, or a tuple of numbers of cubes (all cubes).
        periodic: True or False for all axes, or one truth value an axis.

    Raises:
        InputError: no axis, an axis without cubes, more than 16 axes, too many cells.
        KindError: an array that is not boolean.

    Example:
        >>> CubicalComplex((3, 4), periodic=True).homology().betti
        (1, 2, 1)
        >>> CubicalComplex(np.array([[1, 1, 1], [1, 0, 1], [1, 1, 1]]) == 1).homology().betti
        (1, 1, 0)
    """

    def __init__(self, mask_or_shape: Any, periodic: Any = False) -> None:
        cubes = _cubes(mask_or_shape)
        self.shape = cubes.shape
        self.periodic = _axes(periodic, cubes.ndim)
        bitmap = _with_faces(cubes, self.periodic)
        self._fill({parity: bitmap[_grid(parity)] for parity in product((0, 1), repeat=cubes.ndim)})

    def _fill(self, present: dict[tuple[int, ...], np.ndarray]) -> None:
        """Number the cells: by dimension, then by the axes along which they extend, then along the grid."""
        self.places: dict[tuple[int, ...], np.ndarray] = {}
        numbers, totals = {}, [0] * (len(self.shape) + 1)
        for parity in sorted(present, reverse=True):
            grid, k = present[parity], sum(parity)
            chosen = np.flatnonzero(grid)
            number = np.full(grid.shape, -1, dtype=np.int32)
            number.ravel()[chosen] = totals[k] + np.arange(len(chosen), dtype=np.int32)
            totals[k] += len(chosen)
            self.places[parity], numbers[parity] = chosen, number
        top = max((k for k, n in enumerate(totals) if n), default=-1)
        super().__init__(_incidence(numbers, self.places, self.periodic, top))

    def cells(self, k: int) -> np.ndarray:
        """The k-cells by doubled coordinates, int64 (n, axes): 2i is vertex i of an axis, 2i + 1 the edge after it."""
        self.incidence.dimension(k)
        found = [np.stack(np.unravel_index(places, self._grid_shape(parity)), axis=1) * 2 + np.array(parity)
                 for parity, places in self._of_dimension(k)]  # fmt: skip
        return np.concatenate(found)

    def cell_name(self, k: int, number: int) -> str:
        """A cell as a product of vertices and edges: ``2 x [0,1]``."""
        row = self.cells(k)[number]
        ends = [
            (int(c) // 2, (int(c) // 2 + 1) % s if p else int(c) // 2 + 1)
            for c, s, p in zip(row, self.shape, self.periodic, strict=True)
        ]
        return "x".join(f"[{a},{b}]" if c % 2 else f"{a}" for c, (a, b) in zip(row, ends, strict=True))

    def vertex_grid(self) -> tuple[int, ...]:
        """Shape of the grid of vertices."""
        return self._grid_shape((0,) * len(self.shape))

    def vertex_places(self) -> np.ndarray:
        """Where the vertices stand in the grid of vertices, read row by row, (n_vertices,) int64."""
        return self.places[(0,) * len(self.shape)]

    def cube_values(self, values: Any) -> list[np.ndarray]:
        """Values of all cells from values of the top cubes (an array of the grid's shape): the least over the cubes around.

        The sublevel sets are then unions of closed cubes. For ``persistence``.
        """
        array = np.asarray(values)
        if array.shape != self.shape or array.dtype.kind not in "fiub":
            raise InputError(f"values: expected numbers of shape {self.shape}, one a cube, came {array.shape}")
        found = [np.full(n, np.inf) for n in self.counts]
        if self.dim == len(self.shape):
            found[self.dim] = array.astype(np.float64).ravel()[self.places[(1,) * self.dim]]
        for k in range(self.dim, 0, -1):
            np.minimum.at(found[k - 1], self.faces[k], np.repeat(found[k], self.incidence.lengths(k)))
        return found

    def subcomplex(self, choice: Any) -> CubicalSubcomplex:
        """A subcomplex, usable as ``relative_to``: a boolean array of top cubes, or masks by dimension, closed under faces.

        Raises InputError for cubes that the complex does not have and masks that are not closed.
        """
        if isinstance(choice, np.ndarray):
            cubes = _cubes(choice)
            if cubes.shape != self.shape:
                raise InputError(f"subcomplex: expected cubes of shape {self.shape}, came {cubes.shape}")
            bitmap = _with_faces(cubes, self.periodic)
            masks = [np.zeros(n, dtype=bool) for n in self.counts]
            for k in range(self.dim + 1):
                parts = [bitmap[_grid(parity)].ravel()[places] for parity, places in self._of_dimension(k)]
                masks[k] = np.concatenate(parts)
            if int(cubes.sum()) != (int(masks[self.dim].sum()) if self.dim == cubes.ndim else 0):
                raise InputError("subcomplex: a cube is chosen that the complex does not have")
            return CubicalSubcomplex(self, tuple(masks))
        return CubicalSubcomplex(self, self.incidence.masks(choice))

    def part(self, relative_to: Any) -> Any:
        """Subcomplexes by masks or by a boolean array of top cubes.

        Masks are checked here, against all faces: the ends of a loop, on an axis of length 1, cancel in its boundary.
        """
        return relative_to if relative_to is None or hasattr(relative_to, "masks") else self.subcomplex(relative_to)

    def _of_dimension(self, k: int) -> list[tuple[tuple[int, ...], np.ndarray]]:
        return [(parity, self.places[parity]) for parity in sorted(self.places, reverse=True) if sum(parity) == k]

    def _grid_shape(self, parity: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(
            s if odd or wraps else s + 1 for s, odd, wraps in zip(self.shape, parity, self.periodic, strict=True)
        )


class CubicalSubcomplex(CubicalComplex):
    """A part of a cubical complex, a complex itself; ``parent``, and ``masks``: its cells there, by dimension."""

    def __init__(self, parent: CubicalComplex, masks: Masks) -> None:
        parent.incidence.restricted(masks)  # refuses masks that are not closed
        self.parent, self.masks = parent, masks
        self.shape, self.periodic = parent.shape, parent.periodic
        present, done = {}, [0] * (len(parent.shape) + 1)
        for parity in sorted(parent.places, reverse=True):
            k, places = sum(parity), parent.places[parity]
            grid = np.zeros(parent._grid_shape(parity), dtype=bool)
            if len(places):
                grid.ravel()[places] = masks[k][done[k] : done[k] + len(places)]
            done[k] += len(places)
            present[parity] = grid
        self._fill(present)


def _incidence(
    numbers: dict[tuple[int, ...], np.ndarray],
    places: dict[tuple[int, ...], np.ndarray],
    periodic: tuple[bool, ...],
    top: int,
) -> Cells:
    """An edge of an axis has the faces end (+) and start (-); the sign turns with every edge axis before it."""
    starts, faces, signs, counts = [], [], [], []
    for k in range(top + 1):
        rows = [_faces(numbers, parity, places[parity], periodic)
                for parity in sorted(places, reverse=True) if sum(parity) == k]  # fmt: skip
        found = np.concatenate(rows)
        counts.append(len(found))
        starts.append(np.arange(len(found) + 1, dtype=np.int64) * (2 * k))
        faces.append(found.ravel())
        pattern = [(-1) ** (i // 2) * (1 if i % 2 else -1) for i in range(2 * k)]
        signs.append(np.tile(np.array(pattern, dtype=np.int8), len(found)))
    return Cells(tuple(counts), tuple(starts), tuple(faces), tuple(signs))


def _faces(numbers: dict, parity: tuple[int, ...], places: np.ndarray, periodic: tuple[bool, ...]) -> np.ndarray:
    """Numbers of the faces of the cells of one kind, int32 (n, 2k): for every edge axis start and end."""
    columns = []
    for axis, odd in enumerate(parity):
        if odd:
            below = numbers[(*parity[:axis], 0, *parity[axis + 1 :])]
            if periodic[axis]:
                ends = below, np.roll(below, -1, axis=axis)
            else:
                length = below.shape[axis]
                ends = np.take(below, np.arange(length - 1), axis), np.take(below, np.arange(1, length), axis)
            columns += [end.ravel()[places] for end in ends]
    return np.stack(columns, axis=1) if columns else np.zeros((len(places), 0), dtype=np.int32)


def _with_faces(cubes: np.ndarray, periodic: tuple[bool, ...]) -> np.ndarray:
    """Which cells are faces of the cubes, on the grid of doubled coordinates."""
    shape = tuple(2 * s if wraps else 2 * s + 1 for s, wraps in zip(cubes.shape, periodic, strict=True))
    check_size(int(np.prod([float(s) for s in shape])), "cubical complex")
    bitmap = np.zeros(shape, dtype=bool)
    bitmap[_grid((1,) * cubes.ndim)] = cubes
    for axis, wraps in enumerate(periodic):
        before = (slice(None),) * axis
        edges = bitmap[(*before, slice(1, None, 2))]
        bitmap[(*before, slice(0, 2 * cubes.shape[axis], 2))] = edges
        if wraps:
            bitmap[(*before, slice(0, None, 2))] |= np.roll(edges, 1, axis=axis)
        else:
            bitmap[(*before, slice(2, None, 2))] |= edges
    return bitmap


def _grid(parity: tuple[int, ...]) -> tuple[slice, ...]:
    return tuple(slice(odd, None, 2) for odd in parity)


def _cubes(given: Any) -> np.ndarray:
    if (
        isinstance(given, tuple)
        and given
        and all(isinstance(s, (int, np.integer)) and not isinstance(s, bool) for s in given)
    ):
        if min(given) < 1:
            raise InputError(f"cubical complex: expected at least one cube an axis, came shape {printable(given, 80)}")
        _check_axes(len(given))
        check_size(int(np.prod([2.0 * s for s in given])), "cubical complex")
        return np.ones(given, dtype=bool)
    try:
        array = np.asarray(given)
    except ValueError:
        raise InputError("cubical complex: the rows of the mask have different lengths") from None
    if array.dtype != bool:
        raise KindError(
            f"cubical complex: expected a tuple of numbers of cubes or a boolean array, came {array.dtype} of shape "
            f"{array.shape}; write values <= c or mask != 0"
        )
    _check_axes(array.ndim)
    if 0 in array.shape:
        raise InputError(f"cubical complex: expected at least one cube an axis, came shape {array.shape}")
    return array


def _check_axes(n: int) -> None:
    if not 1 <= n <= DIMENSION_LIMIT:
        raise InputError(f"cubical complex: expected 1 to {DIMENSION_LIMIT} axes, came {n}")


def _axes(periodic: Any, n: int) -> tuple[bool, ...]:
    if isinstance(periodic, (bool, np.bool_)):
        return (bool(periodic),) * n
    if not isinstance(periodic, (list, tuple, np.ndarray)) or not all(
        isinstance(p, (bool, np.bool_)) for p in periodic
    ):
        raise KindError(f"periodic: expected True, False or one of them an axis, came {printable(repr(periodic), 60)}")
    if len(periodic) != n:
        raise InputError(f"periodic: expected {n} truth values, one an axis, came {len(periodic)}")
    return tuple(bool(p) for p in periodic)
