"""How much a number is worth: proved, verified, heuristic or unknown, and on what that rests."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Certainty(enum.Enum):
    """The four words of the library, strongest first.

    - ``PROVED``: outward-rounded arithmetic, exact arithmetic, or a theorem whose hypotheses were proved so.
    - ``VERIFIED``: consistent floating-point tests.
    - ``HEURISTIC``: a good method's answer without a check.
    - ``UNKNOWN``: not decided.

    >>> str(Certainty.PROVED), Certainty.weakest([Certainty.PROVED, Certainty.HEURISTIC])
    ('proved', <Certainty.HEURISTIC: 'heuristic'>)
    """

    PROVED = "proved"
    VERIFIED = "verified"
    HEURISTIC = "heuristic"
    UNKNOWN = "unknown"

    def __str__(self) -> str:
        return self.value

    @property
    def rank(self) -> int:
        """0 for proved up to 3 for unknown."""
        return list(Certainty).index(self)

    @staticmethod
    def weakest(members: Iterable[Certainty]) -> Certainty:
        """The certainty of a statement that needs all of ``members``; PROVED where there are none."""
        return max(members, key=lambda member: member.rank, default=Certainty.PROVED)


@dataclass(frozen=True)
class Statement:
    """A sentence with its certainty and what it rests on."""

    text: str
    certainty: Certainty
    rests_on: str = ""

    def __str__(self) -> str:
        return f"[{self.certainty}] {self.text}"
