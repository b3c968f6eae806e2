"""Where the sign of a neuron lies among the sign bits of a vertex or cell, and the sign vectors of cells (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.complexes.cells import Cells
from separatrix.errors import InputError

WORD = 64
VARIES = 2  # in place of a fixed sign
CELLS_AT_ONCE = 1 << 15
FEW = 1 << 13  # facets, for which one call costs less than several


@dataclass(frozen=True, eq=False)
class SignLayout:
    """Which bit of a row of 64-bit words belongs to which face of the box, neuron or combination of outputs.

    Word 0 holds the 2 dim faces of the box: bit 2i for x_i - lower_i, bit 2i + 1 for upper_i - x_i. Every step of the
    network begins at a new word and holds its creased coordinates in their order, bit 0 first; those that have one sign
    everywhere have no bit.

    - ``dim``: number of inputs, at most 32
    - ``coordinates``: for every step the numbers of its creased coordinates, int64
    - ``has_rows``: whether the last step's coordinates are rows of outputs rather than neurons
    - ``fixed``: for every step the signs 1, -1 or 0 that its creased coordinates have everywhere, int8, 2 for those that have
      a bit; empty where all have one

    >>> layout = SignLayout.of(2, [3, 65])
    >>> layout.n_words, layout.n_neurons, layout.neurons[-1].tolist()
    (4, 68, [1, 64])
    """

    dim: int
    coordinates: tuple[np.ndarray, ...]
    has_rows: bool = False
    fixed: tuple[np.ndarray, ...] = ()

    def __post_init__(self) -> None:
        if self.fixed and [part.size for part in self.fixed] != [part.size for part in self.coordinates]:
            raise InputError("sign layout: expected as many fixed signs as creased coordinates")
        if not 1 <= self.dim <= WORD // 2:
            raise InputError(f"sign layout: expected 1 to {WORD // 2} inputs, came {self.dim}; take a slice")

    @classmethod
    def of(cls, dim: int, creased: Sequence[int | np.ndarray], has_rows: bool = False) -> SignLayout:
        """The layout of steps with so many creased coordinates, or with these ones."""
        parts = [np.arange(c) if isinstance(c, (int, np.integer)) else np.asarray(c) for c in creased]
        return cls(dim, tuple(part.astype(np.int64) for part in parts), has_rows)

    @cached_property
    def first_words(self) -> tuple[int, ...]:
        """The word at which each step begins."""
        found = [1]
        for places in self._places:
            found.append(found[-1] + -(-places.size // WORD))
        return tuple(found[:-1])

    @property
    def n_words(self) -> int:
        """Words of a sign vector."""
        return 1 + sum(-(-places.size // WORD) for places in self._places)

    @cached_property
    def _places(self) -> tuple[np.ndarray, ...]:
        """For every step the positions of the creased coordinates that have a bit."""
        if not self.fixed:
            return tuple(np.arange(part.size) for part in self.coordinates)
        return tuple(np.flatnonzero(part == VARIES) for part in self.fixed)

    @property
    def n_rows(self) -> int:
        """Number of rows of outputs that have a bit."""
        return self.coordinates[-1].size if self.has_rows else 0

    @property
    def n_neurons(self) -> int:
        """Number of signs beside those of the box; the rows of outputs come last."""
        return sum(part.size for part in self.coordinates)

    @cached_property
    def neurons(self) -> np.ndarray:
        """(step, coordinate) of every neuron in the order of the columns of sign vectors, (n_neurons, 2) int64."""
        pairs = [np.stack([np.full(part.size, s), part], axis=1) for s, part in enumerate(self.coordinates)]
        return np.concatenate(pairs) if pairs else np.zeros((0, 2), dtype=np.int64)

    def place(self, step: int, position: int) -> tuple[int, int]:
        """(word, bit) of the creased coordinate at ``position`` of a step; KeyError where it has no bit."""
        bit = int(np.searchsorted(self._places[step], position))
        if bit == self._places[step].size or self._places[step][bit] != position:
            raise KeyError(position)
        return self.first_words[step] + bit // WORD, bit % WORD

    def columns(self, step: int) -> slice:
        """Columns of a step in a matrix of sign vectors."""
        first = sum(part.size for part in self.coordinates[:step])
        return slice(first, first + self.coordinates[step].size)

    def unpacked(self, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """Signs (n, n_neurons) int8 of rows of words (n, n_words) uint64: 1, -1, or 0 where neither bit is set."""
        found = np.zeros((positive.shape[0], self.n_neurons), dtype=np.int8)
        for step, (first, places) in enumerate(zip(self.first_words, self._places, strict=True)):
            part, last = self.columns(step), first + -(-places.size // WORD)
            signs = _bits(positive[:, first:last], places.size) - _bits(negative[:, first:last], places.size)
            if self.fixed:
                found[:, part] = self.fixed[step]
            found[:, part.start + places if self.fixed else part] = signs
        return found

    def packed(self, signs: np.ndarray, box_signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(positive, negative) words (n, n_words) of neuron signs (n, n_neurons) and box signs (n, 2 dim).

        Signs of coordinates that have no bit are not looked at.
        """
        words = []
        for value in (1, -1):
            parts = [_words(box_signs == value)]
            parts += [_words(signs[:, self.columns(step)][:, at] == value) for step, at in enumerate(self._places)]
            words.append(np.concatenate(parts, axis=1))
        return words[0], words[1]

    def with_all_bits(self, positive: np.ndarray, negative: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows of words (n, n_words) as those of a layout in which every coordinate has a bit."""
        if not self.fixed:
            return positive, negative
        layout = SignLayout(self.dim, self.coordinates, self.has_rows)
        return layout.packed(self.unpacked(positive, negative), self.box_signs(positive))

    def box_signs(self, positive: np.ndarray) -> np.ndarray:
        """1 off and 0 on every face of the box, (n, 2 dim) int8, for rows of words."""
        return _bits(positive[:, :1], 2 * self.dim)


def _bits(words: np.ndarray, count: int) -> np.ndarray:
    """The first ``count`` bits of rows of words as 0 and 1, int8."""
    octets = np.ascontiguousarray(words).astype("<u8").view(np.uint8).reshape(words.shape[0], 8 * words.shape[1])
    return np.unpackbits(octets, axis=1, count=count, bitorder="little").view(np.int8)


def _words(flags: np.ndarray) -> np.ndarray:
    """Rows of flags (n, m) as words (n, ceil(m / 64)), flag 0 the lowest bit."""
    n_words = -(-flags.shape[1] // WORD)
    octets = np.zeros((flags.shape[0], 8 * n_words), dtype=np.uint8)
    packed = np.packbits(flags, axis=1, bitorder="little")
    octets[:, : packed.shape[1]] = packed
    return octets.view("<u8").astype(np.uint64)


def words_over_facets(cells: Cells, k: int, below: np.ndarray) -> np.ndarray:
    """The OR of the words (counts[k - 1], n_words) of its facets for every k-cell, (counts[k], n_words)."""
    if 0 < cells.faces[k].size < FEW and (cells.starts[k][1:] > cells.starts[k][:-1]).all():
        return np.bitwise_or.reduceat(below[cells.faces[k]], cells.starts[k][:-1], axis=0)
    found = np.zeros((cells.counts[k], below.shape[1]), dtype=np.uint64)
    for first in range(0, cells.counts[k], CELLS_AT_ONCE):  # whole rows at a time: one miss of the cache for each facet
        starts = cells.starts[k][first : first + CELLS_AT_ONCE + 1]
        lengths, part = np.diff(starts), found[first : first + CELLS_AT_ONCE]
        shortest = int(lengths.min())
        for i in range(shortest):
            part |= below[cells.faces[k][starts[:-1] + i]]
        for i in range(shortest, int(lengths.max())):
            longer = np.flatnonzero(lengths > i)
            part[longer] |= below[cells.faces[k][starts[longer] + i]]
    return found


class SignWords(dict[int, tuple[np.ndarray, np.ndarray]]):
    """(positive, negative) sign words of the cells by dimension, made from those below when first asked for."""

    def __init__(self, cells: Cells, positive: np.ndarray, negative: np.ndarray) -> None:
        super().__init__({0: (positive, negative)})
        self._cells = cells

    def __missing__(self, k: int) -> tuple[np.ndarray, np.ndarray]:
        positive, negative = self[k - 1]
        self[k] = words_over_facets(self._cells, k, positive), words_over_facets(self._cells, k, negative)
        return self[k]
