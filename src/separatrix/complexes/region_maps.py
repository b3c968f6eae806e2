"""The affine map that a network is on a cell, from the cell's sign vector (§1, §6)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.point_signs import rational_matrix
from separatrix.errors import InputError

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

Maps = list[tuple[Any, np.ndarray]]


def affine_map(complex_: PolyhedralComplex, region: int, exact: bool = False) -> tuple[Any, Any]:
    """(A, c) with logits A x + c on the closed top cell ``region``: float64 (n_classes, n) and (n_classes,).

    ``exact``: arrays of :class:`fractions.Fraction` instead, without rounding.
    """
    number = complex_.numbers(complex_.dim, region)
    if number.size != 1:
        raise InputError("affine_map: expected the number of one top cell")
    maps = _maps(complex_, complex_.signs(complex_.dim, number)[0])
    return _exact(maps, complex_.ambient_dim) if exact else _rounded(maps, complex_.ambient_dim)


def _maps(complex_: PolyhedralComplex, signs: np.ndarray) -> Maps:
    """Affine maps in doubles whose composition, exactly, is the network on a cell of these signs; a vector is a diagonal."""
    if not complex_.steps:
        raise InputError("this complex was made without its network; it has no affine maps")
    layout, found = complex_.layout, []
    assert len(complex_.steps) == len(layout.coordinates) + (not layout.has_rows), "steps must hold the outputs, too"
    hidden, last = complex_.steps[:-1], complex_.steps[-1]
    for index, step in enumerate(hidden):
        found += step.factors
        slope = np.ones(step.bias.size)  # of every coordinate
        creased = layout.coordinates[index]
        slope[creased] = np.where(signs[layout.columns(index)] > 0, 1.0, step.slope[creased])
        found.append((slope, np.zeros(slope.size)))
    return found + list(last.factors[:-1] if layout.has_rows else last.factors)


def _rounded(maps: Maps, dim: int) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = np.eye(dim), np.zeros(dim)
    for w, b in maps:
        weight, bias = (w[:, None] * weight, w * bias) if w.ndim == 1 else (w @ weight, w @ bias + b)
    return weight, bias


def _exact(maps: Maps, dim: int) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = rational_matrix(np.eye(dim)), rational_matrix(np.zeros((dim, 1)))
    for w, b in maps:
        weight, bias = _times(w, weight), _times(w, bias) + rational_matrix(b[:, None])
    rows = [[Fraction(int(v.p), int(v.q)) for v in row] for row in weight.tolist()]
    return np.array(rows, dtype=object), np.array([Fraction(int(v.p), int(v.q)) for v in bias.entries()], dtype=object)


def _times(w: Any, columns: Any) -> Any:
    """The exact product of a matrix of doubles, dense, sparse or (a vector) diagonal, and a flint matrix."""
    from flint import fmpq, fmpq_mat

    if isinstance(w, np.ndarray) and w.ndim == 2:
        return rational_matrix(w) * columns
    rows = columns.tolist()
    if isinstance(w, np.ndarray):
        return fmpq_mat(
            [[fmpq(*v.as_integer_ratio()) * x for x in row] for v, row in zip(w.tolist(), rows, strict=True)]
        )
    entries, places = [fmpq(*v.as_integer_ratio()) for v in w.data.tolist()], w.indices.tolist()
    found = []
    for start, end in zip(w.indptr[:-1].tolist(), w.indptr[1:].tolist(), strict=True):
        terms = [(entries[k], rows[places[k]]) for k in range(start, end)]
        found.append([sum((v * row[j] for v, row in terms), fmpq(0)) for j in range(columns.ncols())])
    return fmpq_mat(found)
