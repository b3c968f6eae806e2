"""Contrasts of the logits at the vertices of a complex: doubles with proved bounds, rational numbers on demand (§6)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.complexes.point_signs import RAISED, norms
from separatrix.complexes.polyhedral_complex import PolyhedralComplex
from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.numerics.rounding import ETA, UNIT, ieee_arithmetic_holds
from separatrix.surface.arrangement.linear_steps import LinearStep, linear_steps
from separatrix.surface.arrangement.rational_point import ExactArithmetic


class VertexValues:
    """z = D logits at the vertices of ``complex_``, for integer rows D (m, n_classes).

    ``values`` (V, m) and ``errors`` (V, m): |values - z| <= errors, proved; inf where doubles know nothing.
    """

    def __init__(self, complex_: PolyhedralComplex, contrasts: np.ndarray) -> None:
        domain = complex_.domain
        if not isinstance(domain, Box):
            raise InputError("expected the complex of a network in a box; the whole space has no outermost vertices")
        self.steps = linear_steps(complex_.network, contrasts)
        self._complex = complex_
        self._arithmetic = ExactArithmetic(self.steps, domain.lower, domain.upper)
        self._exact: dict[int, tuple[Fraction, ...]] = {}
        self.values, self.errors = bounded_values(self.steps, complex_.vertices, complex_.vertex_error)
        if not ieee_arithmetic_holds():
            self.errors = np.full_like(self.errors, np.inf)

    def exact(self, v: int) -> tuple[Fraction, ...]:
        """z at vertex ``v`` in rational numbers; kept."""
        if v not in self._exact:
            (positive, negative), last = self._words(v), len(self.steps) - 1
            point = self._arithmetic.vertex(positive, negative, last)
            found = self._arithmetic.coordinates(point, positive, negative, last)
            self._exact[v] = tuple(Fraction(int(p), int(found.denominator)) for p in found.numerators)
        return self._exact[v]

    def position(self, v: int) -> tuple[Fraction, ...]:
        """Vertex ``v`` in rational numbers."""
        point = self._arithmetic.vertex(*self._words(v), len(self.steps) - 1)
        return tuple(Fraction(int(p), int(point.denominator)) for p in point.numerators)

    def _words(self, v: int) -> tuple[np.ndarray, np.ndarray]:
        """The sign words of vertex ``v``, a bit for every creased coordinate of the steps."""
        rows = self._complex.positive[v : v + 1], self._complex.negative[v : v + 1]
        positive, negative = self._complex.layout.with_all_bits(*rows)
        return positive[0], negative[0]

    def rounded_position(self, v: int) -> tuple[np.ndarray, float]:
        """The nearest doubles to vertex ``v`` and a bound on their distance."""
        exact = self.position(v)
        near = np.array([float(p) for p in exact])
        gap = sum((abs(Fraction(a) - p) for a, p in zip(near.tolist(), exact, strict=True)), start=Fraction(0))
        return near, float(np.nextafter(float(gap), np.inf)) if gap else 0.0

    def sharpen(self, vertices: np.ndarray) -> None:
        """Replace the doubles of ``vertices`` by the nearest ones to the rational values."""
        for v in vertices.tolist():
            for i, value in enumerate(self.exact(v)):
                near = float(value)
                self.values[v, i] = near
                gap = abs(Fraction(near) - value)
                self.errors[v, i] = float(np.nextafter(float(gap), np.inf)) if gap else 0.0

    def ranks(self) -> np.ndarray:
        """The order of the first contrast, (V,) int64 from 0 up: equal exactly where the rational values are equal."""
        low, high = self.values[:, 0] - self.errors[:, 0], self.values[:, 0] + self.errors[:, 0]
        low, high = np.nextafter(low, -np.inf), np.nextafter(high, np.inf)
        low, high = np.where(np.isnan(low), -np.inf, low), np.where(np.isnan(high), np.inf, high)
        order = np.argsort(low, kind="stable")
        reached = np.maximum.accumulate(high[order])
        begins = np.concatenate([[True], low[order][1:] > reached[:-1]])
        ranks, next_rank = np.empty(order.size, dtype=np.int64), 0
        ends = np.append(np.flatnonzero(begins), order.size)
        lone = np.diff(ends) == 1
        for first, last, is_lone in zip(ends[:-1].tolist(), ends[1:].tolist(), lone.tolist(), strict=True):
            if is_lone:
                ranks[order[first]] = next_rank
                next_rank += 1
                continue
            members = order[first:last].tolist()
            levels = {value: i for i, value in enumerate(sorted({self.exact(v)[0] for v in members}))}
            for v in members:
                ranks[v] = next_rank + levels[self.exact(v)[0]]
            next_rank += len(levels)
        return ranks


def bounded_values(steps: Sequence[LinearStep], x: np.ndarray, x_error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The outputs (n, m) of the last step next to the points ``x`` (n, dim), and bounds (n, m) of their errors.

    ``x_error`` (n,): bounds on the distance (2-norm) of ``x`` to the points meant.
    """
    return bounded_layers(steps, x, x_error)[-1]


def bounded_layers(
    steps: Sequence[LinearStep], x: np.ndarray, x_error: np.ndarray
) -> list[tuple[np.ndarray, np.ndarray]]:
    """The values before the crease and their error bounds, step by step.

    The bound of :mod:`separatrix.complexes.point_signs` with E = ``x_error`` at the start; a step's creases multiply errors
    by at most max(1, |slope|), whichever side a value lies on.
    """
    h, error, found = np.ascontiguousarray(x, dtype=np.float64), np.asarray(x_error, dtype=np.float64), []
    with np.errstate(all="ignore"):
        for step in steps:
            value, bound = _bounded_step(step, h, error)
            found.append((value, np.where(np.isfinite(bound) & np.isfinite(value), bound, np.inf)))
            h = np.where(value > 0, value, step.slope * value)
            error = norms(bound * np.maximum(1.0, np.abs(step.slope)) + 2 * UNIT * np.abs(h) + ETA)
    return found


def _bounded_step(step: LinearStep, h: np.ndarray, error: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    size = norms(h)
    gamma = (step.weight.shape[1] + 8) * UNIT
    value = h @ step.weight.T + step.bias
    bound = np.outer(error + gamma * size + ETA, norms(step.weight)) + gamma * np.abs(step.bias)
    if step.weight_radius.any() or step.bias_radius.any():
        bound = bound + np.outer(size + error, step.weight_radius) + step.bias_radius
    return value, bound * RAISED + (step.weight.shape[1] + 8) * ETA


def linear_contrast(potential: Any) -> np.ndarray | None:
    """The integer row (1, n_classes) whose flow has the orbits of ``potential``, None where there is none.

    A head that is an increasing function of one contrast is as good as that contrast: margins, and the log-odds and
    probability of one of two classes.
    """
    from separatrix.potentials.class_probability import LogisticOfLogOdds
    from separatrix.potentials.log_density import LogSumExp
    from separatrix.potentials.margin import Coordinate

    head, contrasts = potential.head, potential.contrasts
    if contrasts.shape[0] != 1:
        return None
    if isinstance(head, Coordinate):
        return contrasts
    if isinstance(head, LogSumExp):
        return head.sign * contrasts
    return -contrasts if isinstance(head, LogisticOfLogOdds) else None
