"""Algebraic discrete Morse reduction within grades: what is left of a graded chain complex when no unit joins one grade (§9).

Cells carry grades, a face none above its cell's. Cells are matched within their grades only, by coreductions; the boundary
of what is left follows the matching down, and units that it has within a grade are split off. The result has one generator
for every generator of the homology of a grade: over a field it is a connection matrix.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass

import numpy as np

Vector = dict[int, int]


@dataclass(eq=False)
class GradedComplex:
    """Cells in one numbering, degree by degree: ``first[k]`` is the first of degree k; boundaries by columns; ``grade`` (n,)."""

    first: np.ndarray
    ptr: np.ndarray
    face: np.ndarray
    sign: np.ndarray
    grade: np.ndarray

    @property
    def degree(self) -> np.ndarray:
        """The degree of every cell, (n,)."""
        return np.repeat(np.arange(len(self.first) - 1), np.diff(self.first))

    def column(self, cell: int) -> list[tuple[int, int]]:
        """The faces of a cell with their incidence numbers."""
        part = slice(self.ptr[cell], self.ptr[cell + 1])
        return list(zip(self.face[part].tolist(), self.sign[part].tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Matched:
    """``mate[a]``: the cell that a face is matched with, else -1; ``time`` (n,): when; ``critical``: the cells left over."""

    mate: list[int]
    time: list[int]
    critical: list[int]


def matched(complex_: GradedComplex) -> Matched:
    """Coreductions, grade after grade from below; a cell of lowest degree is left over where none is possible.

    When a cell is matched its other faces are gone: matched before, left over, or of a lower grade. So following the matching
    from a face to its mate's other faces goes to a lower grade or back in time, and ends.
    """
    n = len(complex_.grade)
    owner = np.repeat(np.arange(n), np.diff(complex_.ptr))
    same = complex_.grade[complex_.face] == complex_.grade[owner]
    cells, faces = owner[same], complex_.face[same].astype(np.int64)
    left = np.bincount(cells, minlength=n).tolist()
    up, down = _grouped(faces, cells, n), _grouped(cells, faces, n)
    mate, time, live, critical, now = [-1] * n, [-1] * n, [True] * n, [], 0
    order = np.argsort(complex_.grade, kind="stable").tolist()
    ready = deque(cell for cell in order if left[cell] == 1)
    place = 0
    while True:
        if ready:
            b = ready.popleft()
            if not live[b] or left[b] != 1:
                continue
            a = next(face for face in down(b) if live[face])
            mate[a], time[a], gone = b, now, (a, b)
        else:
            while place < n and not live[order[place]]:
                place += 1
            if place == n:
                return Matched(mate, time, critical)
            gone = (order[place],)
            critical.append(gone[0])
        now += 1
        for x in gone:
            live[x] = False
        for x in gone:
            for c in up(x):
                left[c] -= 1
                if left[c] == 1 and live[c]:
                    ready.append(c)


def _grouped(keys: np.ndarray, values: np.ndarray, n: int):
    """The values of each key, as a function."""
    order = np.argsort(keys, kind="stable")
    starts = np.searchsorted(keys[order], np.arange(n + 1)).tolist()
    found = values[order].tolist()
    return lambda key: found[starts[key] : starts[key + 1]]


def morse_boundaries(complex_: GradedComplex, pairs: Matched, modulus: int) -> dict[int, Vector]:
    """The boundary of every cell left over, on cells left over, modulo p; empty ones are left out."""
    left, found = set(pairs.critical), {}
    for cell in pairs.critical:
        total: Vector = {}
        heap: list[tuple[int, int, int]] = []
        _add(complex_, pairs, total, heap, cell, 1)
        while heap:
            a = heapq.heappop(heap)[2]
            value = total.pop(a, 0) % modulus
            if value:
                b = pairs.mate[a]
                incidence = dict(complex_.column(b))[a]
                _add(complex_, pairs, total, heap, b, -value * pow(incidence % modulus, -1, modulus))
                total.pop(a, None)
        column = {a: value % modulus for a, value in total.items() if a in left and value % modulus}
        if column:
            found[cell] = column
    return found


def _add(
    complex_: GradedComplex, pairs: Matched, total: Vector, heap: list[tuple[int, int, int]], cell: int, factor: int
) -> None:
    """Add ``factor`` times the boundary of a cell; faces that are matched wait for their turn: the highest grade, the latest."""
    for a, value in complex_.column(cell):
        if a not in total and pairs.mate[a] >= 0:
            heapq.heappush(heap, (-int(complex_.grade[a]), -pairs.time[a], a))
        total[a] = total.get(a, 0) + factor * value


def without_units(columns: dict[int, Vector], cells: list[int], grade: np.ndarray, p: int) -> tuple[list[int], dict]:
    """Split off pairs of one grade with an entry between them, over Z/p; the cells and columns that are left."""
    columns = {b: dict(column) for b, column in columns.items()}
    gone: set[int] = set()
    while True:
        pair = next(
            ((a, b) for b, column in columns.items() for a in column if grade[a] == grade[b]),
            None,
        )
        if pair is None:
            return [cell for cell in cells if cell not in gone], {b: c for b, c in columns.items() if c}
        a, b = pair
        pivot = columns.pop(b)
        inverse = pow(pivot[a], -1, p)
        for column in columns.values():
            value = column.get(a, 0)
            if value:
                factor = -value * inverse % p
                for face, entry in pivot.items():
                    column[face] = (column.get(face, 0) + factor * entry) % p
                    if not column[face]:
                        del column[face]
        columns.pop(a, None)
        for column in columns.values():
            column.pop(b, None)
        gone |= {a, b}


def rank_modulo(matrix: np.ndarray, p: int) -> int:
    """The rank of an integer matrix over Z/p, by elimination in Python integers."""
    rows = [[int(value) % p for value in row] for row in matrix]
    rank = 0
    for column in range(matrix.shape[1] if len(rows) else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][column], -1, p)
        for i in range(rank + 1, len(rows)):
            factor = rows[i][column] * inverse % p
            if factor:
                rows[i] = [(x - factor * y) % p for x, y in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank
