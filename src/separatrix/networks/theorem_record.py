"""A theorem about one network: its hypotheses with their evidence, and what follows (§4)."""

from __future__ import annotations

from dataclasses import dataclass

from separatrix.certainty import Certainty

MARKS = {True: "yes", False: "no", None: "open"}


@dataclass(frozen=True)
class Hypothesis:
    """One hypothesis: what it says, whether it holds (None: not decided), how certain that is and on what it rests.

    >>> print(Hypothesis("the network is a chain", True, Certainty.PROVED, "its graph"))
    [yes, proved] the network is a chain: its graph
    """

    text: str
    holds: bool | None
    certainty: Certainty
    evidence: str = ""

    def __str__(self) -> str:
        return f"[{MARKS[self.holds]}, {self.certainty}] {self.text}" + (f": {self.evidence}" if self.evidence else "")


@dataclass(frozen=True)
class Theorem:
    """A theorem of §4 held against one network and one domain.

    ``number``: as in the mathematics, "4.2"; ``statement``: the theorem in general; ``conclusion``: what it says of
    this network, or which hypothesis is missing; ``potentials``: for what it holds here (empty where it does not
    apply); ``on_domain``: what holds and what does not on the domain given; ``reference``: where it comes from.
    """

    number: str
    name: str
    statement: str
    hypotheses: tuple[Hypothesis, ...]
    conclusion: str
    potentials: tuple[str, ...]
    on_domain: str
    reference: str

    @property
    def applies(self) -> bool | None:
        """True where all hypotheses hold, False where one fails, None where one is not decided and none fails."""
        if any(hypothesis.holds is False for hypothesis in self.hypotheses):
            return False
        return True if all(hypothesis.holds for hypothesis in self.hypotheses) else None

    @property
    def certainty(self) -> Certainty:
        """Of the conclusion: the weakest of the hypotheses where all hold, else unknown (the theorem says nothing)."""
        if not self.applies:
            return Certainty.UNKNOWN
        return Certainty.weakest(hypothesis.certainty for hypothesis in self.hypotheses)

    def __str__(self) -> str:
        verdict = {True: f"applies, {self.certainty}", False: "does not apply", None: "not decided"}[self.applies]
        lines = [f"({self.number}) {self.name}: {verdict}", f"  {self.conclusion}"]
        if self.applies and self.potentials:
            lines.append(f"  holds for: {', '.join(self.potentials)}")
        lines += [f"  on the domain: {self.on_domain}"] if self.on_domain else []
        lines += [f"  {hypothesis}" for hypothesis in self.hypotheses]
        return "\n".join([*lines, f"  reference: {self.reference}"])

    def __repr__(self) -> str:
        verdict = {True: str(self.certainty), False: "does not apply", None: "not decided"}[self.applies]
        return f"Theorem({self.number} {self.name}: {verdict}; {self.conclusion})"
