"""Exact rank of a matrix of doubles: finite doubles are rational numbers m 2^e."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.numerics.rounding import Array, as_doubles

PRIME = 2**61 - 1  # a Mersenne prime: multiplication by 2^k is a rotation of 61 bits


def exact_rank(matrix: Any) -> int:
    """The rank over the rational numbers, exactly.

    Modulo an odd prime p, 2 is invertible, and the rank r of the residues of m 2^e is at most the rank over the
    rationals (a minor that is not 0 modulo p is not 0): a full rank modulo p is a proof. Otherwise the relations
    among the rows modulo p are read as
    rational numbers; if n - r of them hold exactly over the integers, the rank is r. The last resort is flint's
    exact elimination, which can take minutes for large dense matrices. Zero rows and columns (dead neurons) are
    dropped first.

    Raises InputError unless ``matrix`` is two-dimensional and finite.

    >>> exact_rank([[1e300, 1e-300], [1.0, 0.0]]), exact_rank([[0.1, 0.2], [0.2, 0.4]])
    (2, 1)
    """
    array = as_doubles(matrix, "matrix")
    if array.ndim != 2 or not np.isfinite(array).all():
        raise InputError(f"expected a finite matrix, got shape {array.shape}")
    array = array[(array != 0).any(axis=1)]
    array = array[:, (array != 0).any(axis=0)]
    if not array.size:
        return 0
    if array.shape[0] > array.shape[1]:
        array = array.T
    mantissa, exponent = _integers(array)
    residues = _residues(mantissa, exponent)
    rank = residues.rank()
    if rank == array.shape[0]:
        return rank
    integers = _integer_matrix(mantissa, exponent)
    return rank if _relations_hold(residues, integers) else integers.rank()


def has_full_row_rank(matrix: Any) -> bool:
    """Whether the rows are linearly independent over the rational numbers.

    >>> has_full_row_rank([[1.0, 2.0, 3.0], [2.0, 4.0, 6.0]])
    False
    """
    array = as_doubles(matrix, "matrix")
    if array.ndim != 2:
        raise InputError(f"expected a matrix, got shape {array.shape}")
    return array.shape[0] <= array.shape[1] and exact_rank(array) == array.shape[0]


def _integers(array: Array) -> tuple[Array, Array]:
    """int64 arrays (m, e), array = m 2^e, m odd or 0, e = 0 where m = 0."""
    fraction, exponent = np.frexp(array)
    mantissa = (fraction * 2.0**53).astype(np.int64)
    lowest = mantissa & -mantissa  # the lowest bit that is set
    shift = np.where(lowest == 0, 0, np.frexp(lowest.astype(np.float64))[1] - 1).astype(np.int64)
    return mantissa >> shift, np.where(mantissa == 0, 0, exponent.astype(np.int64) - 53 + shift)


def _residues(mantissa: Array, exponent: Array) -> Any:
    """m 2^e modulo PRIME as a flint matrix."""
    from flint import nmod_mat

    m, k = (mantissa % PRIME).astype(np.uint64), (exponent % 61).astype(np.uint64)
    rotated = ((m << k) & np.uint64(PRIME)) | (m >> (np.uint64(61) - k))
    rows, columns = mantissa.shape
    return nmod_mat(rows, columns, rotated.ravel().tolist(), PRIME)


def _integer_matrix(mantissa: Array, exponent: Array) -> Any:
    """The matrix, its columns multiplied by powers of two that make it integral; relations of rows stay the same."""
    from flint import fmpz_mat

    present = mantissa != 0
    least = np.where(present, exponent, np.iinfo(np.int64).max).min(axis=0, keepdims=True)
    shift = np.where(present, exponent - least, 0)
    return fmpz_mat(
        [[m << e for m, e in zip(*row, strict=True)] for row in zip(mantissa.tolist(), shift.tolist(), strict=True)]
    )


def _relations_hold(residues: Any, integers: Any) -> bool:
    """Whether n - r independent relations of the n rows, read off modulo PRIME, hold over the integers.

    In the reduced echelon form of the transpose each column without a pivot is a combination of pivot columns.
    """
    from flint import fmpz_mat

    reduced, rank = residues.transpose().rref()
    table = [[int(entry) for entry in row] for row in reduced.tolist()[:rank]]
    pivots = [next(j for j, entry in enumerate(row) if entry) for row in table]
    relations = []
    for j in sorted(set(range(integers.nrows())) - set(pivots)):
        fractions = [_rational(row[j]) for row in table]
        if any(fraction is None for fraction in fractions):
            return False
        common = math.lcm(*(fraction.denominator for fraction in fractions if fraction is not None), 1)
        relation = [0] * integers.nrows()
        relation[j] = -common
        for pivot, fraction in zip(pivots, fractions, strict=True):
            assert fraction is not None
            relation[pivot] = int(fraction * common)
        relations.append(relation)
    product = fmpz_mat(relations) * integers
    return product == fmpz_mat(product.nrows(), product.ncols())


def _rational(residue: int) -> Fraction | None:
    """The fraction n/d = residue modulo PRIME with |n|, d < 2^30, or None (Wang's reconstruction)."""
    before, after, past, now = PRIME, residue, 0, 1
    while after >= 2**30:
        quotient = before // after
        before, after, past, now = after, before - quotient * after, now, past - quotient * now
    return Fraction(after, now) if now and abs(now) < 2**30 else None
