"""The affine map that a network is on a cell, from the cell's sign vector (§1, §6)."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.point_signs import rational_matrix
from separatrix.errors import InputError

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex

Maps = list[tuple[np.ndarray, np.ndarray]]


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
    """Affine maps in doubles whose composition, exactly, is the network on a cell of these signs."""
    if not complex_.steps:
        raise InputError("this complex was made without its network; it has no affine maps")
    layout, found = complex_.layout, []
    assert len(complex_.steps) == len(layout.coordinates) + (not layout.has_rows), "steps must hold the outputs, too"
    hidden, last = complex_.steps[:-1], complex_.steps[-1]
    for index, step in enumerate(hidden):
        found += step.factors
        slope = np.ones(step.bias.size)
        creased = layout.coordinates[index]
        slope[creased] = np.where(signs[layout.columns(index)] > 0, 1.0, step.slope[creased])
        found.append((np.diag(slope), np.zeros(slope.size)))
    return found + list(last.factors[:-1] if layout.has_rows else last.factors)


def _rounded(maps: Maps, dim: int) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = np.eye(dim), np.zeros(dim)
    for w, b in maps:
        weight, bias = w @ weight, w @ bias + b
    return weight, bias


def _exact(maps: Maps, dim: int) -> tuple[np.ndarray, np.ndarray]:
    weight, bias = rational_matrix(np.eye(dim)), rational_matrix(np.zeros((dim, 1)))
    for w, b in maps:
        factor = rational_matrix(w)
        weight, bias = factor * weight, factor * bias + rational_matrix(b[:, None])
    rows = [[Fraction(int(v.p), int(v.q)) for v in row] for row in weight.tolist()]
    return np.array(rows, dtype=object), np.array([Fraction(int(v.p), int(v.q)) for v in bias.entries()], dtype=object)
