"""Elimination of units from a matrix that has filled up: the same steps as on sparse columns, on int64 arrays (§7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Vector = dict[int, int]
MOST = 2**62
FEWEST_COLUMNS = 24
DENSE = 0.25
LARGEST_MODULUS = 2**31


@dataclass(frozen=True, eq=False)
class Pivot:
    """A pair split off: cell ``below`` of degree k - 1, ``above`` of degree k, and the surviving columns' ``quotients``.

    A quotient is the column's entry in the row of ``below``, divided by the pivot.
    """

    below: int
    above: int
    quotients: Vector


def is_dense(columns: dict[int, Vector], n_rows: int) -> bool:
    """Whether so many entries are other than zero that arrays are faster."""
    n = len(columns)
    return n >= FEWEST_COLUMNS and sum(map(len, columns.values())) > DENSE * n * n_rows


def eliminate_dense(columns: dict[int, Vector], modulus: int) -> tuple[list[Pivot], dict[int, Vector]]:
    """Pivots in order and the non-empty columns left; ends early where entries would leave int64.

    The unit with the smallest product of its row's and its column's sums of absolute values is taken, so that entries
    grow slowly.
    """
    cells = sorted(columns)
    below = sorted({a for column in columns.values() for a in column})
    largest = max(abs(value) for column in columns.values() for value in column.values())
    if largest > MOST or modulus > LARGEST_MODULUS:
        return [], columns
    place = {a: i for i, a in enumerate(below)}
    matrix = np.zeros((len(below), len(cells)), dtype=np.int64)
    for j, c in enumerate(cells):
        for a, value in columns[c].items():
            matrix[place[a], j] = value
    names, faces, found = np.array(cells), np.array(below), []
    while True:
        size = np.abs(matrix)
        units = np.nonzero(matrix if modulus else size == 1)
        if len(units[0]) == 0:
            break
        sums = size.sum(axis=1, dtype=np.float64)[units[0]] * size.sum(axis=0, dtype=np.float64)[units[1]]
        best = int(np.argmin(sums))
        i, j = int(units[0][best]), int(units[1][best])
        row, column, unit = matrix[i].copy(), matrix[:, j].copy(), int(matrix[i, j])
        if int(size[i].max()) * int(size[:, j].max()) + int(size.max()) > MOST:
            break
        row = row * pow(unit, -1, modulus) % modulus if modulus else row * unit
        matrix -= np.outer(column, row)
        if modulus:
            matrix %= modulus
        keep_rows, keep_columns = np.arange(len(faces)) != i, np.arange(len(names)) != j
        kept = np.flatnonzero((row != 0) & keep_columns)
        entries = dict(zip(names[kept].tolist(), row[kept].tolist(), strict=True))
        found.append(Pivot(int(faces[i]), int(names[j]), entries))
        matrix = np.ascontiguousarray(matrix[keep_rows][:, keep_columns])
        names, faces = names[keep_columns], faces[keep_rows]
    left = {}
    for j in np.flatnonzero(matrix.any(axis=0)).tolist():
        rows = np.flatnonzero(matrix[:, j])
        left[int(names[j])] = dict(zip(faces[rows].tolist(), matrix[rows, j].tolist(), strict=True))
    return found, left
