"""Chains, groups and boundary operators as text and as LaTeX."""

from __future__ import annotations

import re
from collections.abc import Sequence

from separatrix.homology.homology_record import short

SPECIAL = {"\\": r"\backslash ", "{": r"\{", "}": r"\}", "_": r"\_", "^": r"\hat{}", "#": r"\#", "%": r"\%", "&": r"\&",
           "$": r"\$", "~": r"\sim "}  # fmt: skip
Terms = Sequence[tuple[int, str]]


class TextNotation:
    """Formulas as plain text: ``2 (a + b)``, ``Z^2 + Z/6``, ``d2``."""

    def math(self, formula: str) -> str:
        """A formula within a sentence."""
        return formula

    def name(self, name: str) -> str:
        """The name of a cell."""
        return name

    def symbol(self, letter: str, index: int) -> str:
        """A letter with an index: a group ``H_1``, a chain ``z1``."""
        return f"{letter}_{index}" if letter.isupper() else f"{letter}{index}"

    def differential(self, k: int) -> str:
        """The boundary operator of degree k."""
        return f"d{k}"

    def ring(self, coefficients: str) -> str:
        """Z, Q or Z/p."""
        return coefficients

    def span(self, coefficients: str, members: Sequence[str]) -> str:
        """The module that the members span."""
        return f"{self.ring(coefficients)}<{', '.join(members)}>" if members else "0"

    def group(self, coefficients: str, betti: int, torsion: Sequence[int]) -> str:
        """A free part and cyclic groups."""
        ring = self.ring(coefficients)
        base = f"({ring})" if "/" in coefficients and betti > 1 else ring
        free = [] if not betti else [ring if betti == 1 else self.power(base, betti)]
        cyclic = []
        for order in dict.fromkeys(torsion):
            one, times = self.quotient(self.ring("Z"), short(order)), list(torsion).count(order)
            cyclic.append(one if times == 1 else self.power(f"({one})", times))
        return self.plus.join([*free, *cyclic]) or "0"

    plus = " + "

    def power(self, base: str, exponent: int) -> str:
        """base^exponent."""
        return f"{base}^{exponent}"

    def quotient(self, group: str, subgroup: str) -> str:
        """group / subgroup."""
        return f"{group}/{subgroup}"

    def arrow(self, k: int) -> str:
        """The arrow of the boundary operator of degree k."""
        return f" --{self.differential(k)}--> "

    def chain(self, terms: Terms) -> str:
        """A sum of multiples of cells; the first positive one stands first."""
        parts = []
        first = next((i for i, (coefficient, _) in enumerate(terms) if coefficient > 0), 0)  # b - a, not -a + b
        for coefficient, cell in [*terms[first : first + 1], *terms[:first], *terms[first + 1 :]]:
            size = "" if abs(coefficient) == 1 else f"{short(abs(coefficient))} "
            sign = "-" if coefficient < 0 else "+"
            parts.append(f" {sign} {size}{cell}" if parts else f"{'-' if coefficient < 0 else ''}{size}{cell}")
        return "".join(parts) or "0"

    def multiple(self, factor: int, chain: str) -> str:
        """factor times a chain."""
        if factor == 1:
            return chain
        return f"{short(factor)} {chain}" if re.fullmatch(r"[^ -][^ ]*", chain) else f"{short(factor)} ({chain})"


class LatexNotation(TextNotation):
    """Formulas as LaTeX, set off within sentences by ``opening`` and ``closing``."""

    plus = r" \oplus "

    def __init__(self, opening: str, closing: str) -> None:
        self.opening, self.closing = opening, closing

    def math(self, formula: str) -> str:
        """A formula within a sentence."""
        return f"{self.opening}{formula}{self.closing}"

    def name(self, name: str) -> str:
        """A letter with digits gets an index; anything else is set as it is, with LaTeX's own signs escaped."""
        indexed = re.fullmatch(r"([A-Za-z])([0-9]+)", name)
        if indexed:
            return f"{indexed[1]}_{{{indexed[2]}}}"
        escaped = "".join(SPECIAL.get(sign, sign) for sign in name)
        return (
            re.sub(r"[^\W\d_]{2,}", lambda word: rf"\mathrm{{{word[0]}}}", escaped) if "\\" not in escaped else escaped
        )

    def symbol(self, letter: str, index: int) -> str:
        """A letter with an index."""
        return f"{letter}_{{{index}}}"

    def differential(self, k: int) -> str:
        """The boundary operator of degree k."""
        return rf"\partial_{{{k}}}"

    def ring(self, coefficients: str) -> str:
        """Z, Q or Z/p."""
        return rf"\mathbb{{{coefficients[0]}}}{coefficients[1:]}"

    def span(self, coefficients: str, members: Sequence[str]) -> str:
        """The module that the members span."""
        return rf"{self.ring(coefficients)}\langle {', '.join(members)}\rangle" if members else "0"

    def power(self, base: str, exponent: int) -> str:
        """base^exponent."""
        return f"{base}^{{{exponent}}}"

    def arrow(self, k: int) -> str:
        """The arrow of the boundary operator of degree k."""
        return rf" \xrightarrow{{{self.differential(k)}}} "
