"""Signs of neurons at vertices, all decided in rational numbers: slow, and the measure of the quick ones (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.rational_point import ExactArithmetic, RationalPoint, signs_of_words


class RationalSigns:
    """The numbers of the insertion, exact. ``n_exact_decisions`` counts the signs that were decided so.

    :meth:`begin` once with the box's lattice; then for every step :meth:`start_step` once, for each creased coordinate that
    splits :meth:`new_vertices` after the vertices were made, their bits the OR of the ends' bits, and :meth:`end_step` once.
    """

    def __init__(self, steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        self.exact = ExactArithmetic(steps, lower, upper)
        self.steps = self.exact.steps
        self.index = -1
        self.n_exact_decisions = 0
        self._points: list[RationalPoint] = []

    def begin(self, lattice: Any) -> None:
        """Take over the corners of the box."""
        for v in range(lattice.n_vertices):
            self._points.append(self.exact.vertex(lattice.positive[v], lattice.negative[v], 0))

    def start_step(self, lattice: Any, step: LinearStep) -> None:
        """Write the bits of ``step`` of all vertices that the lattice has."""
        self.index += 1
        if self.steps[self.index] is not step:
            raise AssertionError("steps come in their order")
        words = slice(self.exact.words[self.index], self.exact.words[self.index + 1])
        for v in range(lattice.n_vertices):
            values = self.exact.values(self._points[v], lattice.positive[v], lattice.negative[v], self.index)
            signs = np.array([(value > 0) - (value < 0) for value in values], dtype=np.int8)
            lattice.positive[v, words], lattice.negative[v, words] = words_of_signs(signs)
            self.n_exact_decisions += step.n_signs

    def new_vertices(self, lattice: Any, edges: np.ndarray, first: int, j: int) -> None:
        """Positions of the vertices from ``first`` on, on neuron ``j`` and ``edges``, and the bits that the OR leaves open."""
        words = slice(self.exact.words[self.index], self.exact.words[self.index + 1])
        count = self.steps[self.index].n_signs
        lattice.join()
        for v, ends in enumerate(lattice.edges[edges, :2], first):
            positive, negative = lattice.positive[v], lattice.negative[v]
            either = [np.bitwise_or.reduce(bits[ends, words], axis=0) for bits in (lattice.positive, lattice.negative)]
            signs = signs_of_words(either[0], either[1], count)
            signs[j] = 0
            positive[words], negative[words] = words_of_signs(signs)
            point = self.exact.vertex(positive, negative, self.index + 1)
            self._points.append(point)
            lattice.x[v] = point.doubles()
            lattice.error[v] = rounding_error(lattice.x[v])
            is_open = np.flatnonzero(signs == 2)
            if is_open.size:
                values = self.exact.values(point, positive, negative, self.index)
                signs[is_open] = [(values[i] > 0) - (values[i] < 0) for i in is_open.tolist()]
                positive[words], negative[words] = words_of_signs(signs)
                self.n_exact_decisions += is_open.size

    def end_step(self, lattice: Any) -> None:
        """Nothing is left to do: positions are exact but for their rounding to doubles."""

    def next_values(self, lattice: Any, vertices: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Between two steps: values (V, m) of the next step at ``vertices`` (V,) and bounds (V, m) of their errors."""
        positive, negative, index = lattice.positive, lattice.negative, self.index + 1
        values = np.array(
            [
                self.exact.coordinates(self._points[v], positive[v], negative[v], index).doubles()
                for v in vertices.tolist()
            ]
        ).reshape(vertices.size, -1)
        return values, np.abs(values) * 2.0**-52 + 2.0**-1074

    def keep(self, kept: np.ndarray) -> None:
        """Drop all vertices but ``kept`` (ascending ids), which are renumbered 0, 1, …; between two steps."""
        self._points = [self._points[v] for v in kept.tolist()]


def rounding_error(x: np.ndarray) -> float:
    """A bound on the 2-norm distance between a point and the nearest doubles ``x``; 0 never, inf where x is not finite."""
    with np.errstate(all="ignore"):
        size = np.abs(x).sum() * 2.0**-52 + x.size * 2.0**-1074
    return float(size) if np.isfinite(size) else np.inf


def words_of_signs(signs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """uint64 words (positive, negative) of int8 signs -1, 0, 1; a sign 2 sets both bits."""
    words = -(-signs.size // 64)
    both = []
    for bits in ((signs > 0), (signs == 2) | (signs < 0)):
        padded = np.zeros(64 * words, dtype=bool)
        padded[: signs.size] = bits
        both.append(np.packbits(padded, bitorder="little").view("<u8").astype(np.uint64))
    return both[0], both[1]
