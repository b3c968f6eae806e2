"""Coefficients of homology: the integers, the rationals, and the fields of p elements."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from separatrix.errors import InputError, KindError, printable

LONGEST_PRIME = 100


@dataclass(frozen=True)
class Coefficients:
    """A ring of coefficients: ``name`` as it is written, ``modulus`` p for Z/p and 0 for Z and Q.

    >>> Coefficients.read("Z/5")
    Coefficients(name='Z/5', modulus=5)
    """

    name: str
    modulus: int = 0

    @property
    def is_field(self) -> bool:
        """Whether every number other than zero has an inverse."""
        return self.name != "Z"

    @staticmethod
    def read(coefficients: Any) -> Coefficients:
        """The ring called "Z", "Q" or "Z/p" with a prime p; KindError or InputError for anything else."""
        if isinstance(coefficients, Coefficients):
            return coefficients
        if not isinstance(coefficients, str):
            raise KindError(
                f"coefficients: expected a string such as 'Z', 'Q' or 'Z/2', came {type(coefficients).__name__}"
            )
        name = coefficients.replace(" ", "")
        if name in ("Z", "Q"):
            return Coefficients(name)
        match = re.fullmatch(r"Z/([0-9]+)(Z?)", name, re.ASCII)
        if not match:
            raise InputError(
                f"coefficients: expected 'Z', 'Q' or 'Z/p' with a prime p, came {printable(coefficients)!r}"
            )
        digits = match[1].lstrip("0") or "0"
        if len(digits) > LONGEST_PRIME:
            raise InputError(
                f"coefficients: primes of up to {LONGEST_PRIME} digits are checked, came one of {len(digits)}"
            )
        return Coefficients(f"Z/{digits}", _prime(int(digits)))


def _prime(p: int) -> int:
    from flint import fmpz

    if p < 2 or not fmpz(p).is_prime():
        reason = "there is no such field" if p < 2 else "it is not a prime, so Z/p is no field"
        raise InputError(
            f"coefficients: expected 'Z/p' with a prime p, came p = {p}: {reason}; compute over 'Z', from which the groups "
            "over Z/m follow by universal coefficients"
        )
    return p
