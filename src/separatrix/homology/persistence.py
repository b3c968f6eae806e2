"""Persistent homology of a function on a complex, over a field Z/p (§7).

A k-cell appears with the largest value on its faces. On a polyhedral complex whose cells are bounded and on each of which f
is affine, {f <= c} then deformation retracts to the subcomplex of the cells whose value is at most c, so that the diagram
is that of f itself. Column algorithm with clearing (Chen & Kerber 2011).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError
from separatrix.homology.coefficients import Coefficients
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.records import Provenance

PRIME_LIMIT = 2**31
FEW_CELLS = 2_000


@dataclass(frozen=True, eq=False)
class Boundary:
    """A boundary operator by columns: starts, faces, coefficients, int64."""

    starts: np.ndarray
    faces: np.ndarray
    coefficients: np.ndarray


def persistence(
    complex: Any,
    values: Any,
    coefficients: str = "Z/2",
    superlevel: bool = False,
) -> PersistenceDiagram:
    """Birth and death of homology classes over Z/p in the sublevel sets of a function on a complex.

    Args:
        complex: a SimplicialComplex, CubicalComplex, PolyhedralComplex or ChainComplex.
        values: one number a vertex, (n_vertices,) (for a CubicalComplex also an array over its grid of vertices); or a
            list with one array a dimension, no cell below its faces (above them with ``superlevel``).
        coefficients: ``"Z/p"`` with a prime p below 2^31.
        superlevel: study {f >= c} as c falls; births lie above deaths then.

    Returns:
        A PersistenceDiagram, exact for the values as they are given in float64. Where these are themselves rounded by at
        most e, births and deaths move by at most e, and classes that live no longer than 2e may come and go (stability:
        Cohen-Steiner, Edelsbrunner & Harer 2007); ``pairs(degree, least=2 * e)`` leaves these out.

    Raises:
        InputError: values that do not fit or are not finite, a cell below its face, an unbounded cell, no such field.
        KindError: the complex or the values are of another kind.

    Example:
        >>> from separatrix.homology.chain_complex import ChainComplex
        >>> square = ChainComplex([[[-1, 0, 0, -1], [1, -1, 0, 0], [0, 1, -1, 0], [0, 0, 1, 1]]])
        >>> persistence(square, [0.0, 2.0, 1.0, 3.0]).pairs(0).tolist()
        [[0.0, inf], [1.0, 2.0]]
    """
    begun = time.perf_counter()
    p = _field(coefficients)
    counts, boundaries = _boundaries(complex)
    sign = -1.0 if superlevel else 1.0
    heights = _heights(complex, counts, boundaries, values, sign)
    degree, births, deaths = _pairs(counts, boundaries, heights, p)
    starts = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    every = np.append(np.concatenate(heights) if heights else np.zeros(0), np.inf)  # -1 reads the last: never dies
    birth = every[starts[degree] + births]
    death = every[np.where(deaths < 0, -1, starts[np.minimum(degree + 1, len(counts) - 1)] + deaths)]
    return PersistenceDiagram(
        degree=degree, birth=sign * birth + 0.0, death=sign * death + 0.0, birth_cell=births, death_cell=deaths,
        dim=len(counts) - 1, coefficients=coefficients, superlevel=bool(superlevel), certainty=Certainty.PROVED,
        provenance=Provenance("column algorithm with clearing", seconds=time.perf_counter() - begun),
    )  # fmt: skip


def _field(coefficients: Any) -> int:
    ring = Coefficients.read(coefficients)
    if not 0 < ring.modulus < PRIME_LIMIT:
        raise InputError(f"persistence: expected 'Z/p' with a prime p below 2^31, came {ring.name}; 'Z/2' is usual")
    return ring.modulus


def _boundaries(complex_: Any) -> tuple[tuple[int, ...], list[Boundary | None]]:
    """Counts and boundary operators of whatever has cells; entry 0 is None."""
    cells = complex_ if hasattr(complex_, "starts") else getattr(complex_, "cells", complex_)
    if hasattr(cells, "starts"):
        counts = tuple(cells.counts)
        if tuple(getattr(complex_, "cell_counts", counts)) != counts:
            raise InputError("persistence: the complex has unbounded cells; give one on a box, or a bounded subcomplex")
        columns = [(cells.starts[k], cells.faces[k], cells.signs[k]) for k in range(1, len(counts))]
    elif hasattr(complex_, "columns") and hasattr(complex_, "boundary_matrix"):
        counts = tuple(complex_.counts)
        found = [complex_.columns(k) for k in range(1, len(counts))]
        columns = [(c.starts, c.faces, c.coefficients) for c in found]
    else:
        raise KindError(
            "persistence: expected a SimplicialComplex, CubicalComplex, PolyhedralComplex or ChainComplex, came "
            f"{type(complex_).__name__}"
        )
    return counts, [None, *(Boundary(_whole(starts), _whole(faces), entries) for starts, faces, entries in columns)]


def _whole(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array, dtype=np.int64)


def _heights(
    complex_: Any, counts: tuple[int, ...], boundaries: list[Boundary | None], values: Any, sign: float
) -> list[np.ndarray]:
    """Values of all cells by dimension, times ``sign``, checked: no cell below a face."""
    if isinstance(values, (list, tuple)) and len(values) == len(counts) and all(np.ndim(v) == 1 for v in values):
        heights = [sign * _numbers(v, count, f"values of dimension {k}")
                   for k, (v, count) in enumerate(zip(values, counts, strict=True))]  # fmt: skip
        for k in range(1, len(counts)):
            if (heights[k] < _highest(boundaries[k], heights[k - 1], k)).any():
                raise InputError(f"persistence: a cell of dimension {k} appears before one of its faces")
        return heights
    grid = getattr(complex_, "vertex_grid", None)
    if grid is not None and np.shape(values) == grid() and np.ndim(values) > 1:
        values = np.asarray(values).ravel()[complex_.vertex_places()]
    heights = [sign * _numbers(values, counts[0] if counts else 0, "values")]
    for k in range(1, len(counts)):
        heights.append(_highest(boundaries[k], heights[k - 1], k))
        if not np.isfinite(heights[k]).all():
            cell = int(np.flatnonzero(~np.isfinite(heights[k]))[0])
            raise InputError(
                f"persistence: cell {cell} of dimension {k} has no vertex; give the values of all cells, one array a "
                "dimension"
            )
    return heights[: len(counts)]


def _highest(boundary: Boundary | None, below: np.ndarray, k: int) -> np.ndarray:
    """The largest value over the faces of every k-cell, -inf where it has none."""
    assert boundary is not None, k
    found = np.full(len(boundary.starts) - 1, -np.inf)
    filled = np.flatnonzero(np.diff(boundary.starts) > 0)
    if len(filled):
        found[filled] = np.maximum.reduceat(below[boundary.faces], boundary.starts[filled])
    return found


def _numbers(values: Any, count: int, what: str) -> np.ndarray:
    try:
        array = np.asarray(values)
    except ValueError:
        raise InputError(f"persistence: {what}: rows of different lengths; expected {count} numbers") from None
    if array.dtype.kind not in "fiub":
        raise KindError(f"persistence: {what}: expected {count} real numbers, came an array of {array.dtype}")
    if array.shape != (count,):
        raise InputError(f"persistence: {what}: expected shape ({count},), one number a cell, came {array.shape}")
    found = array.astype(np.float64)
    if not np.isfinite(found).all():
        raise InputError(f"persistence: {what}: expected finite numbers, came NaN or infinity")
    return found


def _pairs(
    counts: Sequence[int], boundaries: list[Boundary | None], heights: list[np.ndarray], p: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Degree, birth cell and death cell (-1: never) of all classes, by degree and the order of birth."""
    orders = [np.argsort(height, kind="stable") for height in heights]
    paired = [np.full(n, -1, dtype=np.int64) for n in counts]  # the cell that kills what this cell bears
    bears = [np.ones(n, dtype=bool) for n in counts]
    for k in range(len(counts) - 1, 0, -1):
        boundary = _modulo(boundaries[k], p, counts[k - 1])
        rank = np.empty(counts[k - 1], dtype=np.int64)
        rank[orders[k - 1]] = np.arange(counts[k - 1])
        skipped = paired[k][orders[k]] >= 0
        pivots = (_pivots_of_few if sum(counts) <= FEW_CELLS else _pivots_of_many)(
            boundary, orders[k], rank, skipped, p
        )
        killers = np.flatnonzero(pivots >= 0)
        bears[k][orders[k][killers]] = False
        paired[k - 1][orders[k - 1][pivots[killers]]] = orders[k][killers]
    births = [order[bears[k][order]] for k, order in enumerate(orders)]
    degree = np.repeat(np.arange(len(counts)), [len(b) for b in births]).astype(np.int64)
    deaths = [paired[k][born] for k, born in enumerate(births)]
    empty = np.zeros(0, dtype=np.int64)
    return degree, np.concatenate([empty, *births]), np.concatenate([empty, *deaths])


def _modulo(boundary: Boundary | None, p: int, n_faces: int) -> Boundary:
    """The operator modulo p, entries from 1 to p - 1."""
    assert boundary is not None, n_faces
    given = boundary.coefficients
    entries = np.ascontiguousarray((given if given.dtype == object else given.astype(np.int64)) % p).astype(np.int64)
    kept = entries != 0
    if kept.all():
        return Boundary(boundary.starts, boundary.faces, entries)
    before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int64)
    return Boundary(before[boundary.starts], boundary.faces[kept], entries[kept])


def _pivots_of_many(boundary: Boundary, order: np.ndarray, rank: np.ndarray, skipped: np.ndarray, p: int) -> np.ndarray:
    from separatrix.homology.persistence_kernel import reduce_columns

    return reduce_columns((boundary.starts, boundary.faces, boundary.coefficients), order, rank, skipped, p)


def _pivots_of_few(boundary: Boundary, order: np.ndarray, rank: np.ndarray, skipped: np.ndarray, p: int) -> np.ndarray:
    """The pivot rows of the reduced columns, -1 where there is none, without the seconds of a first compilation."""
    rows, entries = rank[boundary.faces].tolist(), boundary.coefficients.tolist()
    starts, pivots = boundary.starts.tolist(), np.full(len(order), -1, dtype=np.int64)
    owner: dict[int, dict[int, int]] = {}
    for j, cell in enumerate(order.tolist()):
        if skipped[j]:
            continue
        column: dict[int, int] = {}
        for t in range(starts[cell], starts[cell + 1]):
            column[rows[t]] = (column.get(rows[t], 0) + entries[t]) % p
        column = {row: entry for row, entry in column.items() if entry}
        while column and (top := max(column)) in owner:
            factor = -column[top]
            for row, entry in owner[top].items():
                column[row] = (column.get(row, 0) + factor * entry) % p
                if not column[row]:
                    del column[row]
        if column:
            scale = pow(column[max(column)], -1, p)
            pivots[j] = max(column)
            owner[max(column)] = {row: entry * scale % p for row, entry in column.items()}
    return pivots
