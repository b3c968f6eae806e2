"""The exact position of a vertex from its zero rows, and the exact signs of a step there (§6).

A vertex needs no stored numbers: it is the one point where the forms of its zero neurons and box faces vanish, each layer
under the masks of the one before, a neuron that is 0 counted as off.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.surface.arrangement.exact_maps import integer_rows
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words
from separatrix.surface.arrangement.residue_forms import ResidueForms, are_structured
from separatrix.surface.arrangement.residue_points import all_rows, all_vanish, independent_rows, values_of, zero_forms
from separatrix.surface.arrangement.sparse_rows import rows_behind


@dataclass(frozen=True)
class RationalPoint:
    """A point numerators / denominator, both integers, denominator > 0."""

    numerators: tuple[int, ...]
    denominator: int

    def doubles(self) -> np.ndarray:
        """The nearest doubles, (n,); Python divides integers with one rounding."""
        return np.array([_quotient(p, self.denominator) for p in self.numerators])


def _quotient(p: int, q: int) -> float:
    try:
        return p / q
    except OverflowError:
        return np.inf if p > 0 else -np.inf


def signs_of_words(positive: np.ndarray, negative: np.ndarray, count: int) -> np.ndarray:
    """int8 signs (count,) of the bits of one vertex in the words of one step; 2 where both bits are set (not decided)."""
    plus, minus = (
        np.unpackbits(np.ascontiguousarray(bits).astype("<u8").view(np.uint8), bitorder="little")[:count]
        for bits in (positive, negative)
    )
    signs = plus.astype(np.int8) - minus.astype(np.int8)
    signs[(plus & minus) > 0] = 2
    return signs


class ExactArithmetic:
    """Exact positions and signs of vertices that are given by their bits, for the steps of one network in one box."""

    def __init__(self, steps: Sequence[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        self.steps, self.words, self.n = list(steps), first_words(steps), lower.size
        columns, exponent = integer_rows(np.concatenate([lower, upper])[None, :])
        self._one = 1 if exponent > 0 else 1 << -exponent
        self._sides = [entry << max(exponent, 0) for entry in columns[0]]
        self.residues = ResidueForms(steps, lower.size)

    def vertex(self, positive: np.ndarray, negative: np.ndarray, n_steps: int) -> RationalPoint:
        """The point where the zero rows of ``positive``, ``negative`` (words,) vanish; steps 0 to n_steps - 1 count."""
        if self._takes_residues(n_steps - 1):
            forms, _ = zero_forms(self.residues, self.earlier_signs(n_steps, positive, negative))
            return self._where_all_vanish(positive, forms)
        rows, _ = self._zero_rows(positive, negative, n_steps)
        return self._fixed(self._solved([[*row[:-1], -row[-1]] for row in rows]))

    def vertex_and_values(
        self, positive: np.ndarray, negative: np.ndarray, index: int, places: Sequence[int]
    ) -> tuple[RationalPoint, list[int]]:
        """``vertex`` of the steps up to ``index`` and ``some_values`` of that step there."""
        if self._takes_residues(index):
            signs, others = self.earlier_signs(index + 1, positive, negative), self.steps[index].creased[list(places)]
            forms, asked = zero_forms(self.residues, signs, others)
            point = self._where_all_vanish(positive, forms)
            return point, values_of(self.residues, index, asked, (*point.numerators, point.denominator))
        point = self.vertex(positive, negative, index + 1)
        return point, self.some_values(point, positive, negative, index, places)

    def _where_all_vanish(self, positive: np.ndarray, forms: Sequence[np.ndarray]) -> RationalPoint:
        """The point of the vertex with these faces and residues of forms."""
        rows = self._face_rows(positive)[0]
        chosen = independent_rows(self.residues, rows, forms)
        found = self._solved([[*row[:-1], -row[-1]] for row in chosen or [*rows, *all_rows(self.residues, forms)]])
        if found is not None and not all_vanish(forms, (*found.numerators, found.denominator)):
            found = None
        return self._fixed(found)

    def _fixed(self, found: RationalPoint | None) -> RationalPoint:
        if found is None:
            raise AssertionError(f"the zero rows of a vertex do not fix it in dimension {self.n}")
        return found

    def velocity(self, positive: np.ndarray, negative: np.ndarray) -> RationalPoint | None:
        """The velocity of a vertex where the box grows on all sides at speed 1 and its zero rows stay zero; None: they cannot.

        As a direction for :meth:`coordinates` use denominator 0: the linear parts alone are applied then.
        """
        rows, speeds = self._zero_rows(positive, negative, len(self.steps))
        return self._solved([[*row[:-1], speed] for row, speed in zip(rows, speeds, strict=True)])

    def _takes_residues(self, index: int) -> bool:
        """Whether the forms of steps 0 to ``index`` are computed by residues: those of networks with structure."""
        return index >= 0 and are_structured(self.steps[: index + 1]) and self.residues.reaches(index)

    def _zero_rows(self, positive: np.ndarray, negative: np.ndarray, n_steps: int) -> tuple[list[list[int]], list[int]]:
        """The affine forms (n coefficients, constant) that vanish, and the speed of each where the box grows."""
        rows, speeds = self._face_rows(positive)
        if self._takes_residues(n_steps - 1):
            forms, _ = zero_forms(self.residues, self.earlier_signs(n_steps, positive, negative))
            rows += all_rows(self.residues, forms)
        elif are_structured(self.steps[:n_steps]):
            unit = [[int(i == j) for j in range(self.n + 1)] for i in range(self.n + 1)]
            for index in range(n_steps):
                zero = np.flatnonzero(self.signs(index, positive, negative) == 0)
                wanted = self.steps[index].creased[zero].tolist()
                rows += self._some(unit, positive, negative, index, wanted)[:-1] if wanted else []
        else:
            rows += self._dense_rows(positive, negative, n_steps)
        return rows, speeds + [0] * (len(rows) - len(speeds))

    def _dense_rows(self, positive: np.ndarray, negative: np.ndarray, n_steps: int) -> list[list[int]]:
        """The forms of the zero neurons of a network without structure."""
        forms, rows = None, []
        for index in range(n_steps):
            step = self.steps[index]
            forms = step.exact_forms() if forms is None else step.exact_times(forms)
            signs = self.signs(index, positive, negative)
            rows += [_row(forms, int(step.creased[i])) for i in np.flatnonzero(signs == 0)]
            if index + 1 < n_steps:
                forms = masked(step, signs, forms)
        return rows

    def values(self, point: RationalPoint, positive: np.ndarray, negative: np.ndarray, index: int) -> list[int]:
        """The exact values of the creased coordinates of step ``index`` at ``point``, up to one positive factor."""
        creased = self.steps[index].creased
        if self._takes_residues(index):
            return self._at(point, positive, negative, index, creased)
        entries = self.coordinates(point, positive, negative, index).numerators
        return [entries[i] for i in creased.tolist()]

    def some_values(
        self, point: RationalPoint, positive: np.ndarray, negative: np.ndarray, index: int, places: Sequence[int]
    ) -> list[int]:
        """The exact values of the creased coordinates of step ``index`` at ``places`` among them, up to a positive factor."""
        wanted = self.steps[index].creased[list(places)]
        if self._takes_residues(index):
            return self._at(point, positive, negative, index, wanted)
        if not are_structured(self.steps[: index + 1]):
            values = self.values(point, positive, negative, index)
            return [values[i] for i in places]
        column = [[p] for p in (*point.numerators, point.denominator)]
        return [row[0] for row in self._some(column, positive, negative, index, wanted.tolist())[:-1]]

    def _some(
        self, start: list[list[int]], positive: np.ndarray, negative: np.ndarray, index: int, wanted: list[int]
    ) -> list[list[int]]:
        signs = self.earlier_signs(index, positive, negative)
        return rows_behind(self.steps[: index + 1], signs, wanted, start)

    def _at(
        self, point: RationalPoint, positive: np.ndarray, negative: np.ndarray, index: int, wanted: np.ndarray
    ) -> list[int]:
        """The values at ``point`` of rows of step ``index`` by residues, times the step's scale and the denominator."""
        signs = self.earlier_signs(index, positive, negative)
        forms = self.residues.forms(signs, [np.zeros(0, dtype=np.int64)] * index + [wanted])[-1]
        return values_of(self.residues, index, forms, (*point.numerators, point.denominator))

    def coordinates(
        self, point: RationalPoint, positive: np.ndarray, negative: np.ndarray, index: int
    ) -> RationalPoint:
        """The exact values of all coordinates of step ``index`` at ``point``, before the crease."""
        if self._takes_residues(index):
            rows = np.arange(self.steps[index].bias.size)
            values = self._at(point, positive, negative, index, rows)
            return RationalPoint(tuple(values), self.residues.scales[index] * point.denominator)
        from flint import fmpz_mat

        column = fmpz_mat([[p] for p in (*point.numerators, point.denominator)])
        for earlier in range(index):
            step = self.steps[earlier]
            column = masked(step, self.signs(earlier, positive, negative), step.exact_times(column))
        entries = [int(entry) for entry in self.steps[index].exact_times(column).entries()]
        return RationalPoint(tuple(entries[:-1]), entries[-1])

    def signs(self, index: int, positive: np.ndarray, negative: np.ndarray) -> np.ndarray:
        """int8 signs of the creased coordinates of step ``index`` at the vertex with these bits; 2: not decided."""
        words = slice(self.words[index], self.words[index + 1])
        return signs_of_words(positive[words], negative[words], self.steps[index].n_signs)

    def earlier_signs(self, index: int, positive: np.ndarray, negative: np.ndarray) -> list[np.ndarray]:
        """The signs of the steps before ``index`` at the vertex with these bits."""
        return [self.signs(earlier, positive, negative) for earlier in range(index)]

    def _face_rows(self, positive: np.ndarray) -> tuple[list[list[int]], list[int]]:
        bits, rows, speeds = int(positive[0]), [], []
        for face in range(2 * self.n):
            if not bits >> face & 1:
                i, is_upper = divmod(face, 2)
                row = [0] * (self.n + 1)
                row[i], row[-1] = self._one, -self._sides[i + self.n * is_upper]
                rows.append(row)
                speeds.append(self._one if is_upper else -self._one)
        return rows, speeds

    def _solved(self, rows: list[list[int]]) -> RationalPoint | None:
        """The solution of the equations (n coefficients, right side); None where there is none or more than one."""
        from flint import fmpz_mat

        if len(rows) < self.n:
            return None
        reduced, _, rank = fmpz_mat(rows).rref()
        common = int(reduced[0, 0])
        if rank != self.n or not common or any(int(reduced[i, i]) != common for i in range(self.n)):
            return None
        entries = [int(reduced[i, self.n]) for i in range(self.n)]
        factor = math.gcd(common, *entries) * (1 if common > 0 else -1)
        return RationalPoint(tuple(entry // factor for entry in entries), common // factor)


def _row(forms: Any, i: int) -> list[int]:
    return [int(forms[i, j]) for j in range(forms.ncols())]


def masked(step: LinearStep, signs: np.ndarray, forms: Any) -> Any:
    """The forms (m + 1 rows, the last one the constant) behind the crease, up to a positive factor; 0 counts as off."""
    from flint import fmpz_mat

    numerators, denominator = step.exact_slopes
    factors = [denominator] * (len(numerators) + 1)
    for i, sign in zip(step.creased.tolist(), signs.tolist(), strict=True):
        if sign <= 0:
            factors[i] = numerators[i] if sign < 0 else 0
    if all(factor in (0, denominator) for factor in factors):
        zero = [0] * forms.ncols()
        return fmpz_mat([row if factor else zero for row, factor in zip(forms.tolist(), factors, strict=True)])
    rows = zip(forms.tolist(), factors, strict=True)
    return fmpz_mat([[factor * entry for entry in row] for row, factor in rows])
