"""Which cell of a polyhedral complex holds a point, by the exact signs of the network at the point (§6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.complexes.point_signs import neuron_signs
from separatrix.domains import Box, points
from separatrix.errors import InputError

if TYPE_CHECKING:
    from separatrix.complexes.polyhedral_complex import PolyhedralComplex


class SignIndex:
    """Rows of sign words (n, words) by a hash: finds the row that equals a given one."""

    def __init__(self, positive: np.ndarray, negative: np.ndarray) -> None:
        self._rows = np.concatenate([positive, negative], axis=1)
        numbers = np.random.default_rng(11).integers(0, 2**64, self._rows.shape[1], dtype=np.uint64)
        self._factors = numbers | np.uint64(1)
        keys = self._keys(self._rows)
        self._order = np.argsort(keys, kind="stable")
        self._sorted = keys[self._order]

    def _keys(self, rows: np.ndarray) -> np.ndarray:
        keys = np.zeros(rows.shape[0], dtype=np.uint64)
        for column, factor in zip(rows.T, self._factors, strict=True):
            keys = (keys ^ (keys >> np.uint64(29))) * np.uint64(0x9E3779B97F4A7C15) + column * factor
        return keys

    def find(self, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """For each row (m, words) the number of the equal row, the first of several, -1 if none: (m,) int64."""
        rows = np.concatenate([positive, negative], axis=1)
        keys = self._keys(rows)
        place = np.searchsorted(self._sorted, keys)
        found = np.full(rows.shape[0], -1, dtype=np.int64)
        open_ = np.arange(rows.shape[0])
        while open_.size:
            open_ = open_[place[open_] < self._sorted.size]
            open_ = open_[self._sorted[place[open_]] == keys[open_]]
            candidate = self._order[place[open_]]
            equal = (self._rows[candidate] == rows[open_]).all(axis=1)
            found[open_[equal]] = candidate[equal]
            open_ = open_[~equal]
            place[open_] += 1
        return found


def point_words(complex_: PolyhedralComplex, x: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(positive, negative) sign words of points ``x`` (n, dim), and which of them lie in the domain."""
    if not complex_.steps:
        raise InputError("this complex was made without its network; points cannot be located in it")
    layout, domain = complex_.layout, complex_.domain
    box = np.ones((x.shape[0], 2 * layout.dim), dtype=np.int8)
    inside = np.ones(x.shape[0], dtype=bool)
    if isinstance(domain, Box):
        box[:, 0::2], box[:, 1::2] = x > domain.lower, x < domain.upper
        inside = domain.contains(x)
    positive, negative = layout.packed(neuron_signs(complex_.steps, layout, x), box)
    return positive, negative, inside


def carriers(complex_: PolyhedralComplex, x: Any) -> tuple[np.ndarray, np.ndarray]:
    """(dimension, number) of the cell whose relative interior holds each point, (n,) int64 both, -1 where there is none."""
    rows = points(x, complex_.ambient_dim, "locate")
    positive, negative, inside = complex_.point_words(rows)
    dimension, number = (np.full(rows.shape[0], -1, dtype=np.int64) for _ in range(2))
    rest = np.flatnonzero(inside)
    for k in range(complex_.dim, -1, -1):
        if not rest.size:
            break
        found = complex_.sign_index(k).find(positive[rest], negative[rest])
        hit = found >= 0
        dimension[rest[hit]], number[rest[hit]] = k, found[hit]
        rest = rest[~hit]
    return dimension, number


def locate(complex_: PolyhedralComplex, x: Any) -> np.ndarray:
    """The number of a top cell that holds each point, the smallest one of several, -1 where there is none: (n,) int64."""
    dimension, number = carriers(complex_, x)
    for i in np.flatnonzero((dimension >= 0) & (dimension < complex_.dim)):
        cells = np.array([number[i]])
        for k in range(int(dimension[i]), complex_.dim):
            starts, above, _ = complex_.cells.cofaces(k)
            held = [above[starts[c] : starts[c + 1]] for c in cells]
            cells = np.unique(np.concatenate(held)) if held else cells[:0]
        number[i] = cells[0] if cells.size else -1
    return number
