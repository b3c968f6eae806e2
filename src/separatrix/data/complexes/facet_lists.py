"""Triangulations that are known by their facets: facts of the literature, checked in the tests."""

from __future__ import annotations

PROJECTIVE_PLANE = "123 134 145 156 126 235 346 245 356 246"
"""The projective plane with 6 vertices, the icosahedron modulo its antipodal map."""

COMPLEX_PLANE = "12456 12459 12568 12647 23567 23564 23649 23458 31645 31648 31457 31569"
"""A third of the facets of the complex projective plane with 9 vertices (W. Kühnel 1980); vertex + 3 modulo 9 gives the rest."""

POINCARE_SPHERE = (
    "1,2,4,9 1,2,4,15 1,2,6,14 1,2,6,15 1,2,9,14 1,3,4,12 1,3,4,15 1,3,7,10 1,3,7,12 1,3,10,15 1,4,9,12 1,5,6,13 1,5,6,14 "
    "1,5,8,11 1,5,8,13 1,5,11,14 1,6,13,15 1,7,8,10 1,7,8,11 1,7,11,12 1,8,10,13 1,9,11,12 1,9,11,14 1,10,13,15 2,3,5,10 "
    "2,3,5,11 2,3,7,10 2,3,7,13 2,3,11,13 2,4,9,13 2,4,11,13 2,4,11,15 2,5,8,11 2,5,8,12 2,5,10,12 2,6,10,12 2,6,10,14 "
    "2,6,12,15 2,7,9,13 2,7,9,14 2,7,10,14 2,8,11,15 2,8,12,15 3,4,5,14 3,4,5,15 3,4,12,14 3,5,10,15 3,5,11,14 3,7,12,13 "
    "3,11,13,14 3,12,13,14 4,5,6,7 4,5,6,14 4,5,7,15 4,6,7,11 4,6,10,11 4,6,10,14 4,7,11,15 4,8,9,12 4,8,9,13 4,8,10,13 "
    "4,8,10,14 4,8,12,14 4,10,11,13 5,6,7,13 5,7,9,13 5,7,9,15 5,8,9,12 5,8,9,13 5,9,10,12 5,9,10,15 6,7,11,12 6,7,12,13 "
    "6,10,11,12 6,12,13,15 7,8,10,14 7,8,11,15 7,8,14,15 7,9,14,15 8,12,14,15 9,10,11,12 9,10,11,16 9,10,15,16 9,11,14,16 "
    "9,14,15,16 10,11,13,16 10,13,15,16 11,13,14,16 12,13,14,15 13,14,15,16"
)
"""The Poincaré sphere with 16 vertices (A. Björner & F. H. Lutz, Experiment. Math. 9 (2000), 275-289)."""


def digits(text: str) -> list[tuple[int, ...]]:
    """Facets from words of digits, numbered from 0.

    >>> digits("123 14")
    [(0, 1, 2), (0, 3)]
    """
    return [tuple(int(sign) - 1 for sign in word) for word in text.split()]


def numbers(text: str) -> list[tuple[int, ...]]:
    """Facets from numbers with commas between, numbered from 0.

    >>> numbers("1,2,10")
    [(0, 1, 9)]
    """
    return [tuple(int(number) - 1 for number in word.split(",")) for word in text.split()]
