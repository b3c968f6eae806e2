"""Values of a step at the vertices of its start, with the bits that their bounds prove, and what follows for later ones (§6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.surface.arrangement.cell_walk import CellWalk
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.refresh import Refreshed
from separatrix.surface.arrangement.step_bounds import StepBounds

FEWEST, SHARE = 256, 4  # rows of an array that grows: so many, and one for so many vertices of the start


class StepValues:
    """The ``old`` vertices have ``values`` (old, m) and ``numbers`` (old, 5) = s, g of (1), the bounds of |A - exact| and of |A|,
    and what a position's own error adds to (1); later ones their simplices ``support``, ``weights`` and ``errors``, or a row of
    their ``own``.

    Where a walk gives the values, only those of pairs of a vertex and a neuron that cuts a cell there are kept:
    ``values`` (3, number) with the bounds of their errors and the neuron's bit; ``pairs`` (old + 1,): where those of a vertex
    begin. ``rows``, ``exact_bias``: of the bounds of single values.
    """

    def __init__(self, n: int, old: int, bounds: StepBounds, *, keeps_pairs: bool = False) -> None:
        self.old, self.bounds, self.rows, self.exact_bias = old, bounds, bounds.rows, bounds.exact_bias
        width = bounds.bias.size
        self.keeps_pairs = keeps_pairs
        self.values, self.numbers = np.empty((0 if keeps_pairs else old, width)), np.empty((old, 5))
        if not keeps_pairs:  # memory that nobody reads is not written to
            self.numbers[:] = np.inf
        self.pairs, room = np.zeros(0, dtype=np.int64), old // SHARE + FEWEST
        self.support = np.empty((room, n + 1), dtype=np.int32)
        self.weights = np.empty((room, n + 1))
        self.errors, self.state = np.empty(room), np.empty(room, dtype=np.int8)
        self.own = np.full(room, -1, dtype=np.int64)
        self.own_values = np.zeros((0, width))

    def compute(self, lattice: Lattice, inputs: tuple[Any, ...], word: int, copies: np.ndarray) -> None:
        """A = h W^T + b from ``inputs``: vertices, a slice or ids, h (r, k), bounds of |h| (-1: exactly 0) and of |h - exact|."""
        rows, h, lengths, errors = inputs
        if isinstance(rows, slice):
            bits = lattice.positive[rows], lattice.negative[rows]
            products(self.bounds, (h, lengths, errors), copies, (*bits, word), (self.values[rows], self.numbers[rows]))
        else:
            self.values[rows], self.numbers[rows] = products_at(lattice, self.bounds, inputs, word, copies)

    def keep_pairs(self, lattice: Lattice, walk: CellWalk, word: int, read: Callable[..., None]) -> None:
        """Values of the neurons that cut cells, at the vertices of these; ``word``: where the bits of the step begin.

        ``read(pairs, places, out)`` as ``CellWalk.pairs``.
        """
        from separatrix.surface.arrangement.pair_kernels import pairs_of_cuts

        bits, self.pairs = (
            np.zeros((self.old, -(-self.bounds.creased.size // 64)), np.uint64),
            np.empty(self.old + 1, np.int64),
        )
        pairs_of_cuts(walk.starts, walk.corners, lattice.positive, lattice.negative, word, bits, self.pairs)
        self.values = np.empty((3, int(self.pairs[-1])))
        read(bits, self.pairs, self.values)

    def reserve(self, rows: int) -> None:
        """Make room for so many later vertices."""
        if rows <= self.errors.size:
            return
        more = max(rows, 3 * self.errors.size // 2) - self.errors.size
        for name in ("support", "weights", "errors", "state"):
            array = getattr(self, name)
            extra = np.empty((more, *array.shape[1:]), dtype=array.dtype)
            setattr(self, name, np.concatenate([array, extra]))
        self.own = np.concatenate([self.own, np.full(more, -1, dtype=np.int64)])

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


def products(
    b: StepBounds,
    inputs: tuple[Any, ...],
    copies: np.ndarray,
    bits: tuple[Any, ...],
    out: tuple[np.ndarray, np.ndarray],
) -> None:
    """Values and numbers ``out`` (r, m), (r, 5) of a step from ``inputs``: h, bounds of |h|, of |h - exact|.

    ``bits``: positive and negative, in rows as these, and the word from which on they are written.
    """
    from separatrix.surface.arrangement.sign_kernels import proved_signs

    (h, lengths, errors), (values, numbers) = inputs, out
    b.times(h, out=values)
    proved_signs(
        h, values, errors, lengths, b.weight, b.bias, b.rows, b.exact_bias, b.norms, b.creased, copies,
        *bits, np.empty(b.bias.size), numbers,
    )  # fmt: skip


def products_at(
    lattice: Lattice, bounds: StepBounds, inputs: tuple[Any, ...], word: int, copies: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The same at vertices that do not stand side by side, the first of ``inputs``: values, numbers, and their bits written."""
    ids, *rest = inputs
    last = word + -(-bounds.creased.size // 64)
    bits = [np.ascontiguousarray(array[ids, word:last]) for array in (lattice.positive, lattice.negative)]
    out = np.empty((ids.size, bounds.bias.size)), np.empty((ids.size, 5))
    products(bounds, tuple(rest), copies, (*bits, 0), out)
    lattice.positive[ids, word:last], lattice.negative[ids, word:last] = bits
    return out


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
