"""The equation of a flow as the page shows it: formulas as MathML, sentences about them (§2, §4)."""

from __future__ import annotations

from dataclasses import dataclass

from markupsafe import Markup

from separatrix.certainty import Certainty
from separatrix.study.equations import Equation
from separatrix.views.mathml import mathml
from separatrix.views.tables import number

SPACE = r"\mathbb{R}"
AGREEMENT = 1e-9


@dataclass(frozen=True)
class EquationView:
    """One equation: ``head`` is the differential equation itself, ``parts`` what stands in it, ``spaces`` where its letters
    live, ``reduced`` and ``solution`` more formulas."""

    equation: Equation
    head: Markup
    parts: tuple[Markup, ...]
    spaces: Markup
    reduced: tuple[Markup, ...]
    solution: tuple[Markup, ...]

    @property
    def check(self) -> str:
        """The check against the library's own gradient as a sentence, "" where it was not made."""
        difference = self.equation.largest_difference
        if difference is None:
            return ""
        verb = "agrees with" if difference <= AGREEMENT else "differs from"
        return (f"As a sympy object the equation {verb} the library's own gradient at {self.equation.n_checked} "
                f"random points: the largest difference is {number(difference, 2)} of the largest entry.")  # fmt: skip

    @property
    def check_certainty(self) -> Certainty:
        """Verified where both agree to rounding."""
        difference = self.equation.largest_difference
        return Certainty.VERIFIED if difference is not None and difference <= AGREEMENT else Certainty.UNKNOWN

    @property
    def reduction(self) -> str:
        """What the reduction says, in a sentence."""
        equation = self.equation
        if equation.rank is None:
            return "The input acts through one affine layer only, so the flow is one of that layer's output."
        moving = f"{equation.n_inputs:,} to {equation.rank:,}" if equation.rank < equation.n_inputs else ""
        size = f"from {moving} dimensions" if moving else f"in the {equation.width:,} coordinates of the first layer"
        return f"Exact reduction (4.1) {size}: the input acts through one affine layer only."


def equation_view(equation: Equation) -> EquationView:
    """The formulas of an equation, set."""
    spaces = [line for line in equation.lines if SPACE in line]
    inner = [line for line in equation.lines[1:] if SPACE not in line]
    return EquationView(
        equation=equation,
        head=mathml(equation.lines[0]),
        parts=tuple(mathml(line) for line in inner),
        spaces=Markup(" ").join(mathml(line, display=False) for line in spaces),
        reduced=tuple(mathml(line) for line in equation.reduced if line not in inner),
        solution=tuple(mathml(line) for line in equation.solution),
    )
