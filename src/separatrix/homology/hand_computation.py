"""Homology of a small chain complex as one computes it by hand: one Smith form a degree, in bases that are written out (§7).

From degree 1 up, d_k is written in the basis of the cycles Z_{k-1} that the step before has found. Its Smith form gives new
bases: cycles z_1, …, z_r of degree k - 1 and chains c_1, …, c_n of degree k with d_k c_j = s_j z_j for j up to the rank and
d_k c_j = 0 beyond. So the boundaries are spanned by the s_j z_j, H_{k-1} is the sum of the Z/s_j and of a Z for every other
z, and the remaining c_j are a basis of Z_k.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

Vector = list[int]


@dataclass(frozen=True)
class Operation:
    """One step on a matrix: ``factor`` times line ``source`` added to line ``target``; source -1: the line times factor."""

    is_column: bool
    target: int
    factor: int
    source: int = -1


@dataclass(frozen=True)
class Image:
    """d_k ``chain`` = ``factor`` times ``cycle``, factor > 0."""

    chain: Vector
    factor: int
    cycle: Vector


@dataclass(frozen=True, eq=False)
class Step:
    """The Smith form of d_k in the basis ``cycles`` of Z_{k-1} (``is_whole``: of C_{k-1}, all cells).

    ``matrix``: rows as cycles, columns as cells of degree k; ``operations`` lead to the ``images``; ``free``: the cycles
    of the new basis no multiple of which is an image; ``kernel``: a basis of Z_k.
    """

    degree: int
    cycles: list[Vector]
    is_whole: bool
    matrix: list[Vector]
    operations: list[Operation]
    images: list[Image]
    free: list[Vector]
    kernel: list[Vector]

    @property
    def torsion(self) -> list[Image]:
        """The images whose factor is more than 1: torsion of degree k - 1."""
        return [image for image in self.images if image.factor > 1]


@dataclass(eq=False)
class _Elimination:
    """A matrix on its way to Smith form, with the bases in which it is written."""

    matrix: list[Vector]
    cycles: list[Vector]
    chains: list[Vector]
    inverse: list[Vector]
    modulus: int
    operations: list[Operation] = field(default_factory=list)

    def residue(self, value: int) -> int:
        """Modulo p, or the integer itself."""
        return value % self.modulus if self.modulus else value

    def add_column(self, target: int, factor: int, source: int) -> None:
        """Column target += factor * column source: the chain of the target changes."""
        for row in self.matrix:
            row[target] = self.residue(row[target] + factor * row[source])
        self._combine(self.chains, target, factor, source)
        self._combine(self.inverse, source, -factor, target)
        self.operations.append(Operation(True, target, factor, source))

    def add_row(self, target: int, factor: int, source: int) -> None:
        """Row target += factor * row source: the cycle of the source changes."""
        self._combine(self.matrix, target, factor, source)
        self._combine(self.cycles, source, -factor, target)
        self.operations.append(Operation(False, target, factor, source))

    def scale_row(self, target: int, unit: int, inverse: int) -> None:
        """Row target times a unit: its cycle is divided by it."""
        self.matrix[target] = [self.residue(unit * value) for value in self.matrix[target]]
        self.cycles[target] = [self.residue(inverse * value) for value in self.cycles[target]]
        self.operations.append(Operation(False, target, unit))

    def _combine(self, lines: list[Vector], target: int, factor: int, source: int) -> None:
        pairs = zip(lines[target], lines[source], strict=True)
        lines[target] = [self.residue(a + factor * b) for a, b in pairs]


def computed_by_hand(matrices: list[np.ndarray], counts: tuple[int, ...], modulus: int) -> list[Step]:
    """The steps k = 1, …, dim + 1 for the boundary matrices d_1, …, d_dim (of integers); the last has no columns.

    ``modulus``: 0 over Z, else a prime p. The product of neighbours must be zero.
    """
    if not counts:
        return []
    kernel, inverse = _identity(counts[0]), _identity(counts[0])
    steps = []
    for k in range(1, len(counts) + 1):
        n = counts[k] if k < len(counts) else 0
        columns = [[int(value) for value in matrices[k - 1][:, j]] for j in range(n)]
        rows = [[_dot(line, column, modulus) for column in columns] for line in inverse]
        work = _Elimination([row[:] for row in rows], [v[:] for v in kernel], _identity(n), _identity(n), modulus)
        pivots = _smith(work)
        images = [_image(work.chains[j], work.matrix[i][j], work.cycles[i], modulus) for i, j in pivots]
        used_rows, used_columns = {i for i, _ in pivots}, {j for _, j in pivots}
        free = [_positive(v, modulus)[0] for i, v in enumerate(work.cycles) if i not in used_rows]
        rest = [j for j in range(n) if j not in used_columns]
        signed = [_positive(work.chains[j], modulus) for j in rest]
        steps.append(Step(k, kernel, k == 1, rows, work.operations, images, free, [v for v, _ in signed]))
        kernel = [v for v, _ in signed]
        inverse = [[sign * value for value in work.inverse[j]] for j, (_, sign) in zip(rest, signed, strict=True)]
    return steps


def _smith(work: _Elimination) -> list[tuple[int, int]]:
    """Bring the matrix to Smith form up to the order of its lines; the places of its factors, each dividing the next."""
    pivots: list[tuple[int, int]] = []
    rows, columns = set(range(len(work.matrix))), set(range(len(work.chains)))
    while True:
        entries = [(abs(work.matrix[i][j]), j, i) for i in rows for j in columns if work.matrix[i][j]]
        if not entries:
            return pivots
        if work.modulus:
            _, j, i = min(entries, key=lambda entry: (entry[0] not in (1, work.modulus - 1), *entry[1:]))
        else:
            _, j, i = min(entries)
        if _cleared(work, i, j, rows, columns):
            unit = pow(work.matrix[i][j], -1, work.modulus) if work.modulus else (1 if work.matrix[i][j] > 0 else -1)
            if unit != 1:
                work.scale_row(i, unit, pow(unit, -1, work.modulus) if work.modulus else -1)
            rows.discard(i)
            columns.discard(j)
            pivots.append((i, j))


def _cleared(work: _Elimination, i: int, j: int, rows: set[int], columns: set[int]) -> bool:
    """Clear the row and the column of a pivot; False where a smaller entry came up and is to be the pivot."""
    value = work.matrix[i][j]
    scale = pow(value, -1, work.modulus) if work.modulus else 0
    for column in sorted(columns - {j}):
        if work.matrix[i][column]:
            work.add_column(column, _quotient(work.matrix[i][column], value, scale, work.modulus), j)
    if any(work.matrix[i][column] for column in columns - {j}):
        return False
    for row in sorted(rows - {i}):
        if work.matrix[row][j]:
            work.add_row(row, _quotient(work.matrix[row][j], value, scale, work.modulus), i)
    if any(work.matrix[row][j] for row in rows - {i}):
        return False
    if not work.modulus:
        for row in sorted(rows - {i}):
            if any(work.matrix[row][column] % value for column in columns):
                work.add_row(i, 1, row)  # brings up a remainder: factors must divide one another
                return False
    return True


def _quotient(value: int, pivot: int, scale: int, modulus: int) -> int:
    """The multiple of the pivot's line that makes ``value`` 0, or as small as can be."""
    if not modulus:
        return -(value // pivot) if value % pivot == 0 else -_nearest(value, pivot)
    factor = -value * scale % modulus
    return factor - modulus if 2 * factor > modulus else factor


def _nearest(value: int, pivot: int) -> int:
    """The integer nearest to value / pivot."""
    return (2 * value + abs(pivot)) // (2 * abs(pivot)) * (1 if pivot > 0 else -1)


def _positive(vector: Vector, modulus: int) -> tuple[Vector, int]:
    """The vector or its negative, with its first entry positive (least residues modulo p), and the sign."""
    signed = [value - modulus if modulus and 2 * value > modulus else value for value in vector]
    sign = -1 if next((value for value in signed if value), 1) < 0 else 1
    return [sign * value for value in signed], sign


def _image(chain: Vector, factor: int, cycle: Vector, modulus: int) -> Image:
    """The image of a chain; both change sign where no coefficient of the cycle is positive."""
    if any(value > 0 and not (modulus and 2 * value > modulus) for value in cycle):
        return Image(chain, factor, cycle)
    return Image([-value for value in chain], factor, [-value for value in cycle])


def _identity(n: int) -> list[Vector]:
    return [[int(i == j) for j in range(n)] for i in range(n)]


def _dot(line: Vector, column: Vector, modulus: int) -> int:
    total: Any = sum(a * b for a, b in zip(line, column, strict=True))
    return total % modulus if modulus else total
