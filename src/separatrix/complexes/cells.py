"""The cells of a complex as arrays by dimension: faces in rows of one length a cell, with signed incidence (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError

Masks = tuple[np.ndarray, ...]
CELLS_AT_ONCE = 1 << 20


@dataclass(frozen=True, eq=False)
class Cells:
    """A complex of cells with signed incidence, each list a tuple by dimension k = 0, …, dim.

    - ``counts``: number of k-cells
    - ``starts[k]`` (counts[k] + 1,) int64, ``faces[k]`` int32, ``signs[k]`` int8: the k-cell c has the facets
      ``faces[k][starts[k][c]:starts[k][c + 1]]``, numbers of (k-1)-cells, with the incidence numbers ±1 in ``signs[k]``;
      for k = 0 there are none

    Raises InputError where the arrays do not fit together. That the boundary of a boundary is zero is checked by
    :meth:`verify`, which :meth:`boundary_operator` calls once.

    >>> triangle = Cells.from_facets([3, 3], [[[0, 1], [1, 2], [0, 2]]], [[[-1, 1], [-1, 1], [-1, 1]]])
    >>> triangle.euler_characteristic
    0
    >>> triangle.boundary_operator(1).toarray().tolist()
    [[-1, 0, -1], [1, -1, 0], [0, 1, 1]]
    """

    counts: tuple[int, ...]
    starts: tuple[np.ndarray, ...]
    faces: tuple[np.ndarray, ...]
    signs: tuple[np.ndarray, ...]

    def __post_init__(self) -> None:
        if not len(self.counts) == len(self.starts) == len(self.faces) == len(self.signs):
            raise InputError("cells: expected counts, starts, faces and signs for the same dimensions")
        object.__setattr__(self, "counts", tuple(int(n) for n in self.counts))
        for name, kind in (("starts", np.int64), ("faces", np.int32), ("signs", np.int8)):
            arrays = tuple(np.ascontiguousarray(a, dtype=kind) for a in getattr(self, name))
            object.__setattr__(self, name, arrays)
        for k in range(len(self.counts)):
            self._check(k)

    def _check(self, k: int) -> None:
        starts, faces, signs = self.starts[k], self.faces[k], self.signs[k]
        if starts.shape != (self.counts[k] + 1,) or starts[0] != 0 or (starts[1:] < starts[:-1]).any():
            raise InputError(f"cells of dimension {k}: starts must rise from 0 and have one entry more than cells")
        if faces.shape != signs.shape or faces.shape != (int(starts[-1]),):
            raise InputError(f"cells of dimension {k}: expected {int(starts[-1])} faces and signs, came {faces.size}")
        if faces.size and (k == 0 or faces.min() < 0 or faces.max() >= self.counts[k - 1]):
            raise InputError(f"cells of dimension {k}: a face is no cell of dimension {k - 1}")
        if signs.size and not (np.abs(signs) == 1).all():
            raise InputError(f"cells of dimension {k}: incidence numbers must be 1 or -1")

    @classmethod
    def from_facets(cls, counts: Sequence[int], facets: Sequence[Any], signs: Sequence[Any]) -> Cells:
        """Cells from nested lists: ``facets[k - 1][c]`` are the facets of the k-cell c and ``signs[k - 1][c]`` their signs."""
        starts = [np.zeros(counts[0] + 1, dtype=np.int64)]
        flat, incidence = [np.zeros(0, dtype=np.int32)], [np.zeros(0, dtype=np.int8)]
        for rows, numbers in zip(facets, signs, strict=True):
            starts.append(np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64))
            flat.append(np.array([face for row in rows for face in row], dtype=np.int32))
            incidence.append(np.array([sign for row in numbers for sign in row], dtype=np.int8))
        return cls(tuple(counts), tuple(starts), tuple(flat), tuple(incidence))

    @property
    def dim(self) -> int:
        """Number of dimensions less one; cells of the top dimension may be missing."""
        return len(self.counts) - 1

    @property
    def euler_characteristic(self) -> int:
        """Alternating sum of the counts."""
        return sum((-1) ** k * n for k, n in enumerate(self.counts))

    def dimension(self, k: Any, least: int = 0) -> int:
        """``k`` as a dimension of these cells, from ``least`` up; KindError or InputError otherwise."""
        if isinstance(k, bool) or not isinstance(k, (int, np.integer)):
            raise KindError(f"expected a dimension from {least} to {self.dim}, came {type(k).__name__}")
        if not least <= k <= self.dim:
            raise InputError(f"expected a dimension from {least} to {self.dim}, came {int(k)}")
        return int(k)

    def lengths(self, k: int) -> np.ndarray:
        """Number of facets of every k-cell, (counts[k],)."""
        return np.diff(self.starts[k])

    def owners(self, k: int) -> np.ndarray:
        """The k-cell of every entry of ``faces[k]``, int32."""
        return np.repeat(np.arange(self.counts[k], dtype=np.int32), self.lengths(k))

    def boundary_operator(self, k: int) -> Any:
        """Boundary operator of degree k, a scipy sparse array (cells of k - 1, cells of k), CSC, int64; d_0 is (0, cells).

        Raises SeparatrixError where boundary of boundary is not zero.
        """
        from scipy.sparse import csc_array

        degree = self.dimension(k)
        self.verify()
        if degree == 0:
            return csc_array((0, self.counts[0]), dtype=np.int64)
        signs = self.signs[degree].astype(np.int64)
        shape = (self.counts[degree - 1], self.counts[degree])
        return csc_array((signs, self.faces[degree].copy(), index_array(self.starts[degree])), shape=shape)

    def verify(self) -> None:
        """Check once that boundary of boundary is zero, in integers; InputError names a cell where it is not."""
        fault = self._fault
        if fault is not None:
            raise InputError(f"boundary of boundary is not zero at cell {fault[1]} of dimension {fault[0]}")

    @cached_property
    def _fault(self) -> tuple[int, int] | None:
        """The first (dimension, cell) whose boundary has a boundary; an edge's signs must sum to zero (augmentation)."""
        for k in range(1, self.dim + 1):
            for first in range(0, self.counts[k], CELLS_AT_ONCE):
                last = min(first + CELLS_AT_ONCE, self.counts[k])
                column = self._boundary_of_boundary(k, first, last)
                if column is not None:
                    return k, first + column
        return None

    def _boundary_of_boundary(self, k: int, first: int, last: int) -> int | None:
        from scipy.sparse import csc_array

        start, end = int(self.starts[k][first]), int(self.starts[k][last])
        pointers = index_array(self.starts[k][first : last + 1] - start)
        signs = self.signs[k][start:end].astype(np.int32)
        if k == 1:
            totals = segment_sums(signs, pointers)
            bad = np.flatnonzero(totals)
            return int(bad[0]) if bad.size else None
        upper = csc_array((signs, self.faces[k][start:end], pointers), shape=(self.counts[k - 1], last - first))
        lower_signs = self.signs[k - 1].astype(np.int32)
        shape = (self.counts[k - 2], self.counts[k - 1])
        lower = csc_array((lower_signs, self.faces[k - 1], index_array(self.starts[k - 1])), shape=shape)
        product: Any = (lower @ upper).tocoo()  # pyright: ignore[reportAttributeAccessIssue]
        bad = product.coords[1][product.data != 0]
        return int(bad.min()) if bad.size else None

    def cofaces(self, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The (k+1)-cells around every k-cell: (starts int64, cells int32, signs int8), sorted by cell; kept."""
        degree = self.dimension(k)
        if degree not in self._cofaces:
            self._cofaces[degree] = self._around(degree + 1)
        return self._cofaces[degree]

    @cached_property
    def _cofaces(self) -> dict[int, tuple[np.ndarray, np.ndarray, np.ndarray]]:
        return {}

    def _around(self, above: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if above > self.dim:
            return np.zeros(self.counts[-1] + 1, dtype=np.int64), np.zeros(0, np.int32), np.zeros(0, np.int8)
        from scipy.sparse import csc_array

        shape = (self.counts[above - 1], self.counts[above])
        rows = csc_array((self.signs[above], self.faces[above], index_array(self.starts[above])), shape=shape).tocsr()
        return rows.indptr.astype(np.int64), rows.indices.astype(np.int32), rows.data

    def masks(self, masks: Any) -> Masks:
        """Boolean masks by dimension, checked: one array of length counts[k] a dimension, missing dimensions empty.

        Accepts what has an attribute ``masks``. Raises KindError and InputError.
        """
        given = getattr(masks, "masks", masks)
        if isinstance(given, np.ndarray) or not isinstance(given, Sequence) or isinstance(given, str):
            raise KindError(f"expected a list of boolean masks, one a dimension, came {type(given).__name__}")
        if len(given) > len(self.counts):
            raise InputError(f"expected at most {len(self.counts)} masks, one a dimension, came {len(given)}")
        found = []
        for k, count in enumerate(self.counts):
            mask = np.asarray(given[k]) if k < len(given) else np.zeros(count, dtype=bool)
            if mask.size == 0 and count == 0:
                mask = np.zeros(0, dtype=bool)
            if mask.dtype != bool or mask.shape != (count,):
                raise InputError(f"mask {k}: expected {count} booleans, came shape {mask.shape} of {mask.dtype}")
            found.append(mask)
        return tuple(found)

    def closure(self, masks: Any) -> Masks:
        """The masks with all faces of their members, a new tuple."""
        found = [mask.copy() for mask in self.masks(masks)]
        for k in range(self.dim, 0, -1):
            found[k - 1][self._facets_of(k, found[k])] = True
        return tuple(found)

    def star(self, masks: Any) -> Masks:
        """The masks with all cells that have a member as a face, a new tuple."""
        found = [mask.copy() for mask in self.masks(masks)]
        for k in range(1, self.dim + 1):
            found[k] |= self.any_facet(k, found[k - 1])
        return tuple(found)

    def unclosed(self, masks: Any) -> tuple[int, int, int] | None:
        """(dimension, cell, face) of a member one of whose facets is no member, None where the masks are closed."""
        members = self.masks(masks)
        for k in range(self.dim, 0, -1):
            entries = np.flatnonzero(np.repeat(members[k], self.lengths(k)) & ~members[k - 1][self.faces[k]])
            if entries.size:
                cell = int(np.searchsorted(self.starts[k], entries[0], side="right")) - 1
                return k, cell, int(self.faces[k][entries[0]])
        return None

    def any_facet(self, k: int, mask: np.ndarray) -> np.ndarray:
        """Which k-cells have a facet in ``mask`` (counts[k - 1],)."""
        return segment_sums(mask[self.faces[k]].astype(np.int64), self.starts[k]) > 0

    def _facets_of(self, k: int, mask: np.ndarray) -> np.ndarray:
        return self.faces[k] if mask.all() else self.faces[k][np.repeat(mask, self.lengths(k))]

    def restricted(self, masks: Any, dim: int | None = None) -> tuple[Cells, tuple[np.ndarray, ...]]:
        """The cells of closed masks as a complex of their own, and for every dimension the numbers they had, int32.

        ``dim``: the dimension to keep, by default that of the highest member. Raises InputError where the masks are not
        closed.
        """
        members = self.masks(masks)
        fault = self.unclosed(members)
        if fault is not None:
            k, cell, face = fault
            raise InputError(
                f"a subcomplex must hold the faces of its cells: cell {cell} of dimension {k} is in, its face {face} is "
                "not; take closure(masks)"
            )
        top = max((k for k, mask in enumerate(members) if mask.any()), default=0)
        if dim is not None:
            top = max(top, self.dimension(dim))
        ids = tuple(np.flatnonzero(mask).astype(np.int32) for mask in members[: top + 1])
        starts, faces, signs = [np.zeros(ids[0].size + 1, dtype=np.int64)], [self.faces[0]], [self.signs[0]]
        for k in range(1, top + 1):
            number = np.full(self.counts[k - 1], -1, dtype=np.int32)
            number[ids[k - 1]] = np.arange(ids[k - 1].size, dtype=np.int32)
            entries = np.repeat(members[k], self.lengths(k))
            faces.append(number[self.faces[k][entries]])
            signs.append(self.signs[k][entries])
            starts.append(np.concatenate([[0], np.cumsum(self.lengths(k)[ids[k]])]))
        return Cells(tuple(i.size for i in ids), tuple(starts), tuple(faces), tuple(signs)), ids


def segment_sums(values: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sums of ``values[starts[c]:starts[c + 1]]`` for every c; 0 where there are none."""
    found = np.zeros((starts.size - 1, *values.shape[1:]), dtype=values.dtype)
    filled = np.flatnonzero(np.diff(starts) > 0)
    if filled.size:
        found[filled] = np.add.reduceat(values, starts[filled], axis=0)
    return found


def index_array(starts: np.ndarray) -> np.ndarray:
    """A copy of ``starts`` as int32 where that holds them, so that scipy keeps the faces in int32, too."""
    return starts.astype(np.int32 if starts[-1] < 2**31 else np.int64)
