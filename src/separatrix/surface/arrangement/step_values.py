"""Values of a step at the vertices of its start, with the bits that their bounds prove, and what follows for later ones (§6)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import CellWalk, mask_of
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.refresh import Refreshed
from separatrix.surface.arrangement.step_bounds import StepBounds

FEWEST = 256  # rows of an array that grows


class StepValues:
    """The ``old`` vertices have ``values`` (old, m) and ``numbers`` (old, 5) = s, g of (1), the bounds of |A - exact| and of |A|,
    and what a position's own error adds to (1); later ones their simplices ``support``, ``weights`` and ``errors``, or a row of
    their ``own``.

    Where a walk gives the values, only those of ``pairs`` (old, words + 1) are kept, ``values`` (1, pairs): bits of the neurons
    that cut a cell at the vertex, and the place of the first of them. ``rows``, ``exact_bias``: of the bounds of single values.
    """

    def __init__(self, n: int, old: int, bounds: StepBounds, *, keeps_pairs: bool = False) -> None:
        self.old, self.bounds, self.rows, self.exact_bias = old, bounds, bounds.rows, bounds.exact_bias
        width = bounds.bias.size
        self.keeps_pairs = keeps_pairs
        self.values, self.numbers = np.empty((0 if keeps_pairs else old, width)), np.empty((old, 5))
        self.pairs = np.zeros((0, 1), dtype=np.uint64)
        self.support = np.full((old, n + 1), -1, dtype=np.int32)
        self.weights = np.zeros((old, n + 1))
        self.errors, self.state = np.full(old, np.inf), np.zeros(old, dtype=np.int8)
        self.own = np.full(old, -1, dtype=np.int64)
        self.own_values = np.zeros((0, width))

    def compute(self, lattice: Lattice, inputs: tuple[Any, ...], word: int, copies: np.ndarray) -> None:
        """A = h W^T + b from ``inputs``: vertices, a slice or ids, h (r, k), bounds of |h| (-1: exactly 0) and of |h - exact|."""
        from separatrix.surface.arrangement.sign_kernels import proved_signs

        rows, h, lengths, errors = inputs
        b, is_view = self.bounds, isinstance(rows, slice)
        last = word + -(-b.creased.size // 64)
        bits = [
            array[rows] if is_view else np.ascontiguousarray(array[rows, word:last])
            for array in (lattice.positive, lattice.negative)
        ]
        values = self.values[rows] if is_view else np.empty((h.shape[0], b.bias.size))
        numbers = self.numbers[rows] if is_view else np.empty((h.shape[0], 5))
        b.times(h, out=values)
        proved_signs(
            h, values, errors, lengths, b.weight, b.bias, b.rows, b.exact_bias, b.norms, b.creased, copies,
            *bits, word if is_view else 0, np.empty(b.bias.size), numbers,
        )  # fmt: skip
        if not is_view:
            self.values[rows], self.numbers[rows] = values, numbers
            lattice.positive[rows, word:last], lattice.negative[rows, word:last] = bits

    def walk(self, lattice: Lattice, walk: CellWalk, vertices: np.ndarray | None, word: int) -> np.ndarray:
        """Bits and numbers of ``vertices``, by default all, by a walk; those where a sign is left open.

        The bounds of the walk's values are not those of a product with h: ``rows`` is replaced.
        """
        from separatrix.surface.arrangement.sign_kernels import walked_signs

        self.rows = np.maximum(self.bounds.rows, walk.bounds.rows[-1])
        is_open = np.zeros(self.old, dtype=bool)

        def settle(ids: np.ndarray, values: np.ndarray, numbers: np.ndarray) -> None:
            self.numbers[ids] = numbers
            some = np.zeros(ids.size, dtype=bool)
            walked_signs(
                values, ids, numbers, self.rows, self.bounds.creased, lattice.positive, lattice.negative, word,
                np.empty(values.shape[1]), some,
            )  # fmt: skip
            is_open[ids] = some

        walk.rows(mask_of(self.old, vertices), settle)
        return np.flatnonzero(is_open)

    def keep_pairs(self, lattice: Lattice, walk: CellWalk, word: int, moved: np.ndarray) -> None:
        """Values of the neurons that cut cells, at the vertices of these; ``moved``: vertices that were placed again since."""
        from separatrix.surface.arrangement.pair_kernels import pairs_of_cuts

        self.pairs = np.zeros((self.old, -(-self.bounds.creased.size // 64) + 1), dtype=np.uint64)
        count = pairs_of_cuts(walk.starts, walk.corners, lattice.positive, lattice.negative, word, self.pairs)
        self.values = np.empty((1, int(count)))
        walk.pairs(self.pairs, self.values)

        def take(ids: np.ndarray, _: np.ndarray, numbers: np.ndarray) -> None:
            self.numbers[ids] = numbers

        walk.rows(mask_of(self.old, moved), take)

    def reserve(self, rows: int) -> None:
        """Make room for so many later vertices."""
        if rows <= self.errors.size:
            return
        more = max(rows, 3 * self.errors.size // 2, FEWEST) - self.errors.size
        for name, fill in (("support", -1), ("weights", 0.0), ("errors", np.inf), ("state", 0), ("own", -1)):
            array = getattr(self, name)
            extra = np.full((more, *array.shape[1:]), fill, dtype=array.dtype)
            setattr(self, name, np.concatenate([array, extra]))

    def take_over(self, vertices: np.ndarray, found: Refreshed) -> None:
        """Values and bounds of later vertices, where they are better than what is known."""
        places = vertices - self.old
        gains = np.flatnonzero(places >= 0)
        gains = gains[found.errors[gains] < self.errors[places[gains]]]
        if gains.size and not self.keeps_pairs:
            self.take_own(places[gains], found.A[gains], found.errors[gains])

    def take_own(self, places: np.ndarray, values: np.ndarray, errors: np.ndarray) -> None:
        """Rows of their own for later vertices."""
        self.own[places] = self.own_values.shape[0] + np.arange(places.size)
        self.own_values = np.concatenate([self.own_values, values])
        self.errors[places] = errors


def signs_of_biases(
    lattice: Lattice,
    vertices: np.ndarray,
    steps: tuple[LinearStep, LinearStep],
    words: tuple[int, int],
    copies: np.ndarray,
) -> np.ndarray:
    """Settle open signs of the second of ``steps`` at ``vertices`` where all that the neuron takes from the first is off; those
    where one is left open. ``words``: where the bits of the steps begin.
    """
    from separatrix.surface.arrangement import sign_kernels

    before, step = steps
    bit_of = np.full(before.slope.size, -1, dtype=np.int64)
    bit_of[before.creased] = np.arange(before.creased.size)
    row, column = np.nonzero(step.weight)
    starts = np.concatenate([[0], np.cumsum(np.bincount(row, minlength=step.bias.size))]).astype(np.int64)
    is_open = np.zeros(vertices.size, dtype=bool)
    sign_kernels.signs_of_biases(
        vertices, starts, column, bit_of, np.array(before.slope), words[0], np.array(step.bias), np.array(step.bias_radius),
        step.weight_radius == 0, copies, np.array(step.creased), lattice.positive, lattice.negative, words[1], is_open,
    )  # fmt: skip
    return vertices[is_open]
