"""The strong Morse inequalities for the numbers of critical points (3.2)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from separatrix.errors import InputError


@dataclass(frozen=True)
class MorseInequality:
    """c_m - c_(m-1) + … >= b_m - b_(m-1) + …, an equality in the top degree.

    ``degree`` m; ``left``: the alternating sum of the numbers c_i of points of index i; ``right``: that of the Betti numbers b_i.
    One that fails shows that points are missing; that all hold does not show that none is.
    """

    degree: int
    left: int
    right: int
    is_equality: bool = False

    @property
    def holds(self) -> bool:
        """Whether it is satisfied."""
        return self.left == self.right if self.is_equality else self.left >= self.right

    def __str__(self) -> str:
        terms = " ".join(f"{'+' if i % 2 == 0 else '-'} c_{self.degree - i}" for i in range(self.degree + 1))[2:]
        relation = "=" if self.is_equality else ">="
        return f"{terms} = {self.left}, expected {relation} {self.right}: {'holds' if self.holds else 'fails'}"


def morse_inequalities(counts: Sequence[int], betti: Sequence[int]) -> tuple[MorseInequality, ...]:
    """The strong Morse inequalities from the ``counts`` c_i of points by index and the Betti numbers b_i of (B, exit set).

    One a degree, from 0 to the dimension; InputError where the two have different lengths.

    >>> [str(law) for law in morse_inequalities([2, 1], [1, 0])]
    ['c_0 = 2, expected >= 1: holds', 'c_1 - c_0 = -1, expected = -1: holds']
    """
    if len(counts) != len(betti):
        raise InputError(
            f"morse_inequalities: {len(counts)} numbers of points and {len(betti)} Betti numbers; one a degree"
        )
    found, left, right = [], 0, 0
    for m, (c, b) in enumerate(zip(counts, betti, strict=True)):
        left, right = int(c) - left, int(b) - right
        found.append(MorseInequality(m, left, right, m == len(counts) - 1))
    return tuple(found)
