"""Hermite and Smith forms of small integer matrices, and from them groups and generators (§7).

Matrices are flint's ``fmpz_mat``; a k-cell is a row of A_k, the transpose of d_k.
"""

from __future__ import annotations

from typing import Any

PRIME = 2**61 - 1


def image_of(matrix: Any) -> Any:
    """The Hermite form of a matrix without its rows of zeros: a basis of what its rows span over Z."""
    if matrix.nrows() == 0 or matrix.ncols() == 0:
        return matrix_of([], matrix.ncols())
    return matrix_of([row for row in matrix.hnf().table() if any(row)], matrix.ncols())


def invariant_factors(image: Any) -> list[int]:
    """Invariant factors > 1, ascending, of a matrix in Hermite form without rows of zeros.

    A row with pivot 1 and its column, which is zero elsewhere, go; of the rest the Hermite form of the transpose is taken
    and treated so again; few rows are left for the Smith form.
    """
    rest = _without_unit_pivots(image)
    if rest.nrows() == 0:
        return []
    form = _without_unit_pivots(image_of(rest.transpose())).snf()
    factors = [abs(int(form[i, i])) for i in range(min(form.nrows(), form.ncols()))]
    return sorted(factor for factor in factors if factor > 1)


def pivots_of(image: Any) -> list[int]:
    """Column of the first entry other than zero in each row of a Hermite form without rows of zeros."""
    found, column = [], 0
    for i in range(image.nrows()):
        while image[i, column] == 0:
            column += 1
        found.append(column)
    return found


def _without_unit_pivots(image: Any) -> Any:
    pivots = pivots_of(image)
    rows = [i for i, j in enumerate(pivots) if image[i, j] != 1]
    gone = {j for i, j in enumerate(pivots) if image[i, j] == 1}
    kept = [j for j in range(image.ncols()) if j not in gone]
    return matrix_of([[image[i, j] for j in kept] for i in rows], len(kept))


def smith_with_basis(matrix: list[list[int]], n_columns: int) -> tuple[list[int], list[list[int]]]:
    """Smith form of the relations ``matrix``, with the new basis of the columns: factors, and the rows of Q^-1.

    U R Q = diag(factors): row operations are not tracked; adding f times column i to column j is subtracting f times row j
    from row i of Q^-1. Every factor divides the next.
    """
    rows = [list(row) for row in matrix]
    basis = [[int(i == j) for j in range(n_columns)] for i in range(n_columns)]
    factors: list[int] = []
    corner = 0
    while True:
        place = _smallest(rows, corner)
        if place is None:
            return factors, basis
        _bring_to_corner(rows, basis, place, corner)
        if _clear_row(rows, basis, corner) and _clear_column(rows, corner) and _divides_all(rows, corner):
            factors.append(abs(rows[corner][corner]))
            corner += 1


def _smallest(rows: list[list[int]], corner: int) -> tuple[int, int] | None:
    best, place = 0, None
    for i in range(corner, len(rows)):
        for j in range(corner, len(rows[i])):
            size = abs(rows[i][j])
            if size and (place is None or size < best):
                best, place = size, (i, j)
    return place


def _bring_to_corner(rows: list[list[int]], basis: list[list[int]], place: tuple[int, int], corner: int) -> None:
    i, j = place
    rows[corner], rows[i] = rows[i], rows[corner]
    for row in rows:
        row[corner], row[j] = row[j], row[corner]
    basis[corner], basis[j] = basis[j], basis[corner]


def _clear_row(rows: list[list[int]], basis: list[list[int]], corner: int) -> bool:
    """Reduce the corner's row by the corner; whether all of it became zero."""
    pivot, done = rows[corner][corner], True
    for j in range(corner + 1, len(rows[corner])):
        factor = rows[corner][j] // pivot
        if factor:
            for row in rows:
                row[j] -= factor * row[corner]
            basis[corner] = [x + factor * y for x, y in zip(basis[corner], basis[j], strict=True)]
        done = done and rows[corner][j] == 0
    return done


def _clear_column(rows: list[list[int]], corner: int) -> bool:
    """Reduce the corner's column by the corner; whether all of it became zero."""
    pivot, done = rows[corner][corner], True
    for i in range(corner + 1, len(rows)):
        factor = rows[i][corner] // pivot
        if factor:
            rows[i] = [x - factor * y for x, y in zip(rows[i], rows[corner], strict=True)]
        done = done and rows[i][corner] == 0
    return done


def _divides_all(rows: list[list[int]], corner: int) -> bool:
    """Whether the corner divides all that is below; if not, a row that it does not divide is added to the corner's."""
    pivot = rows[corner][corner]
    for i in range(corner + 1, len(rows)):
        if any(value % pivot for value in rows[i]):
            rows[corner] = [x + y for x, y in zip(rows[corner], rows[i], strict=True)]
            return False
    return True


def preimage(matrix: Any, target: list[int]) -> Any:
    """A vector x of integers with x A = target, as a matrix of one row; the target is in the image."""
    form, transform = matrix.hnf(transform=True)
    image = matrix_of([row for row in form.table() if any(row)], matrix.ncols())
    left, found = list(target), []
    for row, pivot in zip(image.table(), pivots_of(image), strict=True):
        factor, remainder = divmod(left[pivot], int(row[pivot]))
        assert remainder == 0, "the vector is in the image"
        found.append(factor)
        if factor:
            left = [x - factor * int(y) for x, y in zip(left, row, strict=True)]
    assert not any(left), "the vector is in the image"
    return matrix_of([found], len(found)) * matrix_of(transform.table()[: len(found)], matrix.nrows())


def nearby(rows: Any, lattice: Any) -> Any:
    """Rows minus the elements of a lattice that round their projections on it: the same classes, mostly shorter.

    ``lattice``: rows that generate it; independent ones among them are used.
    """
    if rows.nrows() == 0 or lattice.nrows() == 0:
        return rows
    from flint import fmpq

    rows_of_lattice = lattice.table()
    basis = matrix_of([rows_of_lattice[i] for i in independent(lattice)], lattice.ncols())
    if basis.nrows() == basis.ncols():
        solution = basis.transpose().solve(rows.transpose()).transpose()
    else:
        solution = (basis * basis.transpose()).solve(basis * rows.transpose()).transpose()
    half = fmpq(1, 2)
    steps = [[(value + half).floor() for value in row] for row in solution.table()]
    shorter = rows - matrix_of(steps, basis.nrows()) * basis
    pairs = zip(rows.table(), shorter.table(), strict=True)
    return matrix_of([min(pair, key=lambda row: max(map(abs, row))) for pair in pairs], rows.ncols())


def independent(matrix: Any) -> list[int]:
    """Rows that are independent modulo a large prime, and so over Q, and span the others modulo it."""
    from flint import nmod_mat

    reduced, rank = nmod_mat(matrix.transpose(), PRIME).rref()
    table, found, column = reduced.table(), [], 0
    for i in range(rank):
        while table[i][column] == 0:
            column += 1
        found.append(column)
    return found


def matrix_of(rows: list[Any], n_columns: int) -> Any:
    """An integer matrix of rows, which may be none."""
    from flint import fmpz_mat

    return fmpz_mat(len(rows), n_columns, [value for row in rows for value in row])


def identity(n: int) -> Any:
    """The unit matrix."""
    return matrix_of([[int(i == j) for j in range(n)] for i in range(n)], n)
