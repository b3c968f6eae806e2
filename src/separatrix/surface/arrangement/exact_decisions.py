"""Open signs of single vertices decided in rational numbers, with the positions of the latest vertices kept (§6)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.rational_point import ExactArithmetic, RationalPoint, signs_of_words
from separatrix.surface.arrangement.rational_signs import rounding_error, words_of_signs
from separatrix.surface.arrangement.residue_forms import are_structured
from separatrix.surface.arrangement.vanishing_rows import VanishingRows
from separatrix.surface.arrangement.zero_forms import unpacked

MOST_POINTS = 20_000
ROWS_AT_ONCE = 2048


class ExactDecisions:
    """``count``: signs decided so far."""

    def __init__(self, steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        self.exact = ExactArithmetic(steps, lower, upper)
        self.count = 0
        self.vanishing = VanishingRows(steps, lower.size, self.exact.residues)
        self.is_structured = [are_structured([step]) for step in steps]
        self._points: dict[int, RationalPoint] = {}

    def point(self, lattice: Any, v: int, index: int) -> RationalPoint:
        """The exact position of vertex v; open signs of step ``index`` count as not zero."""
        if v not in self._points:
            self._keep_point(v, self.exact.vertex(lattice.positive[v], lattice.negative[v], index + 1))
        return self._points[v]

    def _point_and_values(self, lattice: Any, v: int, index: int, places: list[int]) -> tuple[RationalPoint, list[int]]:
        bits = lattice.positive[v], lattice.negative[v]
        if v in self._points:
            return self._points[v], self.exact.some_values(self._points[v], *bits, index, places)
        point, values = self.exact.vertex_and_values(*bits, index, places)
        self._keep_point(v, point)
        return point, values

    def _keep_point(self, v: int, point: RationalPoint) -> None:
        if len(self._points) >= MOST_POINTS:
            self._points.clear()
        self._points[v] = point

    def settle_vanishing(self, lattice: Any, vertices: np.ndarray, index: int) -> np.ndarray:
        """Write 0 for the open signs of neurons of step ``index`` that vanish identically; the vertices still open."""
        if index == 0 or not self.is_structured[index]:
            return vertices
        parts = [
            self._settled_vanishing(lattice, vertices[start : start + ROWS_AT_ONCE], index)
            for start in range(0, vertices.size, ROWS_AT_ONCE)
        ]
        return vertices[np.concatenate(parts)] if parts else vertices

    def _settled_vanishing(self, lattice: Any, vertices: np.ndarray, index: int) -> np.ndarray:
        """Booleans: whether signs of each of ``vertices`` are still open."""
        words = slice(self.exact.words[index], self.exact.words[index + 1])
        both = lattice.positive[vertices, words] & lattice.negative[vertices, words]
        v, place = np.nonzero(unpacked(both, self.exact.steps[index].n_signs))
        is_zero = np.zeros(v.size, dtype=bool)
        which, group = self.vanishing.grouped(index, (vertices[v], place), (lattice.positive, lattice.negative))
        asked = which[group == np.arange(group.size)]  # by rising v
        for here in np.split(asked, np.flatnonzero(np.diff(v[asked])) + 1) if asked.size else []:
            vertex = vertices[v[here[0]]]
            earlier = self.exact.earlier_signs(index, lattice.positive[vertex], lattice.negative[vertex])
            is_zero[here] = self.vanishing.vanish(index, place[here].tolist(), earlier)
        is_zero[which] = is_zero[which][group]
        at, bit = words.start + (place[is_zero] >> 6), np.uint64(1) << (place[is_zero] & 63).astype(np.uint64)
        for bits in (lattice.positive, lattice.negative):
            np.bitwise_and.at(bits, (vertices[v[is_zero]], at), ~bit)
        self.count += int(is_zero.sum())
        return np.bincount(v[~is_zero], minlength=vertices.size) > 0

    def decide(self, lattice: Any, v: int, index: int) -> None:
        """Write the open signs (both bits set) of vertex v at step ``index``, and its position as nearest doubles."""
        signs, write = self._signs(lattice, v, index)
        is_open = np.flatnonzero(signs == 2)
        point, values = self._point_and_values(lattice, v, index, is_open.tolist())
        signs[is_open] = [(value > 0) - (value < 0) for value in values]
        write(signs)
        lattice.x[v] = point.doubles()
        lattice.error[v] = rounding_error(lattice.x[v])
        self.count += is_open.size

    def _signs(self, lattice: Any, v: int, index: int) -> tuple[np.ndarray, Callable[[np.ndarray], None]]:
        """The signs of step ``index`` at vertex v, 2 where open, and what writes them into the lattice."""
        words = slice(self.exact.words[index], self.exact.words[index + 1])
        positive, negative = lattice.positive[v], lattice.negative[v]

        def write(signs: np.ndarray) -> None:
            positive[words], negative[words] = words_of_signs(signs)

        return signs_of_words(positive[words], negative[words], self.exact.steps[index].n_signs), write

    def doubles(self, lattice: Any, v: int, index: int) -> tuple[np.ndarray, float, np.ndarray, float]:
        """Position and all values of step ``index`` at vertex v as nearest doubles, each with a bound of its 2-norm error."""
        point = self.point(lattice, v, index)
        x, values = (
            point.doubles(),
            self.exact.coordinates(point, lattice.positive[v], lattice.negative[v], index).doubles(),
        )
        return x, rounding_error(x), values, rounding_error(values)

    def keep(self, kept: np.ndarray) -> None:
        """Vertices were renumbered: ``kept`` lists the old ids of the new ones."""
        order = {old: new for new, old in enumerate(kept.tolist())} if self._points else {}
        self._points = {order[v]: point for v, point in self._points.items() if v in order}
