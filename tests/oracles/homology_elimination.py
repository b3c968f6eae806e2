"""Homology by elimination as in a textbook, on dense matrices of Python integers; slow, and knows nothing of the library.

A matrix is a list of rows. ``boundaries`` is [d_1, d_2, …] with the numbers of cells given apart, so that degrees without
cells are no trouble.
"""

from __future__ import annotations


def smith_diagonal(matrix: list[list[int]]) -> list[int]:
    """The invariant factors other than zero: row and column steps with the first non-zero entry as pivot."""
    rows = [list(row) for row in matrix]
    diagonal = []
    while True:
        place = next(((i, j) for i, row in enumerate(rows) for j, x in enumerate(row) if x), None)
        if place is None:
            break
        i, j = place
        rows[0], rows[i] = rows[i], rows[0]
        for row in rows:
            row[0], row[j] = row[j], row[0]
        _clear(rows)
        diagonal.append(abs(rows[0][0]))
        rows = [row[1:] for row in rows[1:]]
    return _divided(diagonal)


def _clear(rows: list[list[int]]) -> None:
    """Euclid's algorithm on the first column and row until both are zero but for the corner, which shrinks at every swap."""
    while True:
        for i in range(1, len(rows)):
            while rows[i][0]:
                q = rows[i][0] // rows[0][0]
                rows[i] = [x - q * y for x, y in zip(rows[i], rows[0], strict=True)]
                if rows[i][0]:
                    rows[0], rows[i] = rows[i], rows[0]
        if not any(rows[0][1:]):
            return
        for j in range(1, len(rows[0])):
            while rows[0][j]:
                q = rows[0][j] // rows[0][0]
                for row in rows:
                    row[j] -= q * row[0]
                if rows[0][j]:
                    for row in rows:
                        row[0], row[j] = row[j], row[0]


def _divided(diagonal: list[int]) -> list[int]:
    """A diagonal with every entry dividing the next, by gcd and lcm of pairs."""
    entries = list(diagonal)
    for i in range(len(entries)):
        for j in range(i + 1, len(entries)):
            a, b = entries[i], entries[j]
            while b:
                a, b = b, a % b
            entries[i], entries[j] = a, entries[i] * entries[j] // a
    return entries


def rank_modulo(matrix: list[list[int]], p: int) -> int:
    """The rank over the field of p elements."""
    rows, rank = [[x % p for x in row] for row in matrix], 0
    for j in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][j]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        inverse = pow(rows[rank][j], -1, p)
        for i in range(rank + 1, len(rows)):
            q = rows[i][j] * inverse
            rows[i] = [(x - q * y) % p for x, y in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def groups(counts: list[int], boundaries: list[list[list[int]]]) -> tuple[tuple[int, ...], tuple[tuple[int, ...], ...]]:
    """Betti numbers and invariant factors > 1 over Z."""
    factors = [[], *(smith_diagonal(d) for d in boundaries), []]
    betti = tuple(n - len(factors[k]) - len(factors[k + 1]) for k, n in enumerate(counts))
    return betti, tuple(tuple(s for s in factors[k + 1] if s > 1) for k in range(len(counts)))


def betti_modulo(counts: list[int], boundaries: list[list[list[int]]], p: int) -> tuple[int, ...]:
    """Betti numbers over Z/p."""
    ranks = [0, *(rank_modulo(d, p) for d in boundaries), 0]
    return tuple(n - ranks[k] - ranks[k + 1] for k, n in enumerate(counts))
