"""Bases over Z of the integer vectors x with x A = 0, saturated and short (§7)."""

from __future__ import annotations

import math
from typing import Any

from separatrix.homology.smith import identity, image_of, independent, matrix_of

DELTA = 0.75
FEW = 12
COMBINATIONS = 4


def cycles_of(matrix: Any, rank: int) -> Any:
    """A short basis, over Z, of the vectors x with x A = 0, as rows; ``rank`` is that of A.

    Few of them: the rational kernel N, saturated: where U N^T = (R, 0) with U unimodular, R^-T N spans all integer vectors
    of the kernel. Many: by a congruence, or else the rows of the transform beside the rows of zeros of the Hermite form.
    """
    n = matrix.nrows()
    if rank == 0:
        return identity(n)
    if n == rank:
        return matrix_of([], n)
    if n - rank <= FEW:
        basis = _saturated(matrix, n - rank)
    else:
        basis = _by_congruence(matrix, rank)
        if basis is None:
            basis = matrix_of(matrix.hnf(transform=True)[1].table()[rank:], n)
    return basis.lll(delta=DELTA)


def _saturated(matrix: Any, n_vectors: int) -> Any:
    n = matrix.nrows()
    columns = matrix.transpose().nullspace()[0].transpose().table()[:n_vectors]
    rational = matrix_of([_primitive(row) for row in columns], n)
    index = image_of(rational.transpose())
    basis, denominator = index.transpose().solve(rational).numer_denom()
    assert denominator == 1, "the rows of R^-T N are integers"
    return basis


def _primitive(row: list[Any]) -> list[int]:
    numbers = [int(value) for value in row]
    divisor = math.gcd(*numbers)
    return [value // divisor for value in numbers]


def _by_congruence(matrix: Any, rank: int) -> Any | None:
    """All integer vectors of the kernel, from one congruence; None where one is not enough.

    Let B be ``rank`` independent rows of A, C the others, and C = (N / D) B. The vector that is x on C and y on B is in the
    kernel where y = -x N / D, so that the x to be found are those with x N = 0 modulo D. If a combination t of N's columns
    has an entry prime to D, the x with x t = 0 modulo D are a lattice with a known basis, which contains the one sought;
    the two are equal if its basis satisfies all congruences, which is checked.
    """
    chosen = independent(matrix)
    others = sorted(set(range(matrix.nrows())) - set(chosen))
    rows = matrix.table()
    base = matrix_of([rows[i] for i in chosen], matrix.ncols())
    columns = independent(base.transpose())
    if len(chosen) < rank or len(columns) < rank:  # the prime divides a minor
        return None
    square = matrix_of([[row[j] for j in columns] for row in base.table()], rank)
    rest = matrix_of([[rows[i][j] for j in columns] for i in others], rank)
    numerators, denominator = square.transpose().solve(rest.transpose()).transpose().numer_denom()
    divisor = int(denominator)
    basis = _solutions([[int(value) for value in row] for row in numerators.table()], divisor)
    if basis is None:
        return None
    short = matrix_of(basis, len(others)).lll(delta=DELTA)
    product = short * numerators
    if any(value % denominator != 0 for row in product.table() for value in row):
        return None
    made = []
    for x, y in zip(short.table(), product.table(), strict=True):
        vector = [0] * matrix.nrows()
        for place, value in zip(others, x, strict=True):
            vector[place] = value
        for place, value in zip(chosen, y, strict=True):
            vector[place] = -value // denominator
        made.append(vector)
    return matrix_of(made, matrix.nrows())


def _solutions(numerators: list[list[int]], divisor: int) -> list[list[int]] | None:
    """A basis of the x with x t = 0 modulo the divisor, t a combination of columns that has a unit; None without one."""
    n = len(numerators)
    for step in range(1, COMBINATIONS + 1):
        t = [sum((1 + step * j % 7) * value for j, value in enumerate(row)) % divisor for row in numerators]
        unit = next((i for i, value in enumerate(t) if math.gcd(value, divisor) == 1), None)
        if unit is None:
            continue
        inverse = pow(t[unit], -1, divisor) if divisor > 1 else 0
        basis = [[int(i == j) for j in range(n)] for i in range(n)]
        for i in range(n):
            basis[i][unit] = divisor if i == unit else -t[i] * inverse % divisor
        return basis
    return None
