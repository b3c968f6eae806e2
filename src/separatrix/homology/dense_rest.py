"""What elimination leaves over Z, piece by piece: groups, generators and the chains that torsion bounds (§7)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from separatrix.homology.cycles import cycles_of
from separatrix.homology.smith import (
    identity,
    image_of,
    invariant_factors,
    matrix_of,
    nearby,
    pivots_of,
    preimage,
    smith_with_basis,
)
from separatrix.homology.unit_pivots import Vector


@dataclass(eq=False)
class Piece:
    """A connected part of the rest: a chain complex of few cells without a unit. ``cells[k]`` their numbers in degree k."""

    cells: dict[int, list[int]]
    columns: dict[int, dict[int, Vector]]
    _images: dict[int, Any] = field(default_factory=dict)
    _cycles: dict[int, Any] = field(default_factory=dict)

    def __getstate__(self) -> dict[str, Any]:
        return {"cells": self.cells, "columns": self.columns, "_images": {}, "_cycles": {}}  # flint's cannot be pickled

    def size(self, degree: int) -> tuple[int, int]:
        """Rows and columns of d_k."""
        return len(self.cells.get(degree - 1, ())), len(self.cells.get(degree, ()))

    def matrix(self, degree: int) -> Any:
        """A_k: a row for every cell of degree k, its boundary in the cells of degree k - 1."""
        below = {cell: j for j, cell in enumerate(self.cells.get(degree - 1, ()))}
        rows = []
        for cell in self.cells.get(degree, ()):
            row = [0] * len(below)
            for a, value in self.columns[degree].get(cell, {}).items() if degree in self.columns else ():
                row[below[a]] = value
            rows.append(row)
        return matrix_of(rows, len(below))

    def image(self, degree: int) -> Any:
        """The Hermite form of A_k, made once: a basis of the boundaries in degree k - 1."""
        if degree not in self._images:
            self._images[degree] = image_of(self.matrix(degree))
        return self._images[degree]

    def torsion(self, degree: int) -> list[int]:
        """Invariant factors > 1 of H_k, which are those of d_(k+1)."""
        return invariant_factors(self.image(degree + 1))

    def betti(self, degree: int, with_torsion: bool) -> int:
        """The rank of H_k; ``with_torsion``: from the forms that give the torsion as well."""
        return len(self.cells.get(degree, ())) - self._rank(degree, with_torsion) - self._rank(degree + 1, with_torsion)

    def _rank(self, degree: int, with_torsion: bool) -> int:
        return self.image(degree).nrows() if with_torsion else self.matrix(degree).rank()

    def cycles(self, degree: int) -> Any:
        """A short basis of the cycles of degree k as rows, made once."""
        if degree not in self._cycles:
            self._cycles[degree] = cycles_of(self.matrix(degree), self.image(degree).nrows())
        return self._cycles[degree]

    def generators(self, degree: int) -> tuple[list[Vector], list[tuple[int, Vector]]]:
        """Free generators, and torsion generators with their orders."""
        cycles, image = self.cycles(degree), self.image(degree + 1)
        factors, basis = _presented(_coordinates(image, cycles), cycles.nrows())
        rows = matrix_of(basis, cycles.nrows()) * cycles
        rank = len(factors)
        free = matrix_of(rows.table()[rank:], rows.ncols())
        if free.nrows() and image.nrows():
            free = free.lll()
        torsion = [i for i in range(rank) if factors[i] > 1]
        bound = nearby(matrix_of([rows.table()[i] for i in torsion], rows.ncols()), self.matrix(degree + 1))
        names = self.cells[degree]
        return (
            [_vector(row, names) for row in free.table()],
            [(factors[i], _vector(row, names)) for i, row in zip(torsion, bound.table(), strict=True)],
        )

    def bounding(self, degree: int, boundary: Vector) -> Vector:
        """A chain of degree k + 1 whose boundary is the given boundary of degree k."""
        place = {cell: i for i, cell in enumerate(self.cells[degree])}
        target = [0] * len(place)
        for cell, value in boundary.items():
            target[place[cell]] = value
        chain = nearby(preimage(self.matrix(degree + 1), target), self.cycles(degree + 1))
        return _vector(chain.table()[0], self.cells[degree + 1])


def _vector(row: Any, names: list[int]) -> Vector:
    return {names[i]: int(value) for i, value in enumerate(row) if value != 0}


def _coordinates(image: Any, cycles: Any) -> Any:
    """S with S cycles = image, exactly; the rows of ``cycles`` are a saturated basis, so S has integers."""
    if image.nrows() == 0 or (cycles.nrows() == cycles.ncols() and cycles == identity(cycles.ncols())):
        return image if image.nrows() else matrix_of([], cycles.nrows())
    turned = cycles.transpose()
    solution = (cycles * turned).solve(cycles * image.transpose())
    numerators, denominator = solution.numer_denom()
    assert denominator == 1, "boundaries are cycles, and the basis of cycles is saturated"
    return numerators.transpose()


def _presented(relations: Any, n: int) -> tuple[list[int], list[list[int]]]:
    """Smith form of relations among n generators: factors in order, and the new generators as rows over the old ones."""
    form = image_of(relations)
    rows, pivots = form.table(), pivots_of(form)
    gone = {pivots[i] for i in range(len(rows)) if rows[i][pivots[i]] == 1}
    kept = [j for j in range(n) if j not in gone]
    left = [[int(rows[i][j]) for j in kept] for i in range(len(rows)) if pivots[i] not in gone]
    factors, basis = smith_with_basis(left, len(kept))
    wide = []
    for row in basis:
        full = [0] * n
        for j, value in zip(kept, row, strict=True):
            full[j] = value
        wide.append(full)
    return factors, wide


def pieces(columns: list[dict[int, Vector]]) -> list[Piece]:
    """The connected parts of what is left, over all degrees; cells without a boundary or coboundary are in none."""
    parent: dict[tuple[int, int], tuple[int, int]] = {}

    def root(x: tuple[int, int]) -> tuple[int, int]:
        parent.setdefault(x, x)
        while parent[x] != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for k, by_cell in enumerate(columns):
        for cell, column in by_cell.items():
            for a in column:
                parent[root((k - 1, a))] = root((k, cell))
    found: dict[tuple[int, int], Piece] = defaultdict(lambda: Piece({}, {}))
    for k, cell in sorted(parent):
        piece = found[root((k, cell))]
        piece.cells.setdefault(k, []).append(cell)
        if k < len(columns) and cell in columns[k]:
            piece.columns.setdefault(k, {})[cell] = columns[k][cell]
    return list(found.values())


def merged_orders(orders: list[int]) -> list[int]:
    """Invariant factors, ascending, each dividing the next, of a sum of cyclic groups.

    >>> merged_orders([2, 36, 3])
    [6, 36]
    """
    return [order for order, _ in merged_torsion(orders)]


def merged_torsion(orders: list[int]) -> list[tuple[int, Vector]]:
    """Generators of a sum of cyclic groups, one for each invariant factor, as combinations of the summands' generators.

    Factors ascend, and each divides the next.
    """
    merged: list[tuple[int, Vector]] = []
    for order, i in sorted(((order, i) for i, order in enumerate(orders)), reverse=True):
        current: tuple[int, Vector] = (order, {i: 1})
        if merged and merged[-1][0] % order:
            for j in range(len(merged)):
                merged[j], current = _least_and_greatest(merged[j], current)
        if current[0] > 1:
            merged.append(current)
    return merged[::-1]


def _least_and_greatest(x: tuple[int, Vector], y: tuple[int, Vector]) -> tuple[tuple[int, Vector], tuple[int, Vector]]:
    """Two cyclic summands as one of the least common multiple and one of the greatest common divisor of their orders."""
    factors, basis = smith_with_basis([[x[0], 0], [0, y[0]]], 2)
    made = [(order, combined([(p, x[1]), (q, y[1])])) for order, (p, q) in zip(factors, basis, strict=True)]
    return made[1], made[0]


def combined(terms: Iterable[tuple[int, Vector]]) -> Vector:
    """A linear combination of vectors."""
    total: Vector = defaultdict(int)
    for factor, vector in terms:
        for cell, value in vector.items():
            total[cell] += factor * value
    return {cell: value for cell, value in total.items() if value}
