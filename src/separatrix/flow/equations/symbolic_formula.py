"""The equation of a potential that was typed in as a formula: its derivatives as sympy takes them (§2)."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.equations.symbolic import sp
from separatrix.potentials.expression import Expression

NO_REDUCTION = "closed_form: a formula has no first layer, and so no reduction (4.1)"


class FormulaEquations:
    """``matrix``: grad f, a column (n, 1) in the formula's own variables; numbers are the rationals that the text writes."""

    is_short = True

    def __init__(self, potential: Expression) -> None:
        self.potential = potential
        self.variables = [sp.Symbol(name) for name in potential.variables]

    @cached_property
    def value(self) -> Any:
        """f."""
        found: list[Any] = []
        for node in self.potential.program.nodes:
            parents = [found[i] for i in node.parents]
            if node.kind == "number":
                found.append(_rational(node.constant))
            elif node.kind == "variable":
                found.append(self.variables[node.index])
            elif node.kind == "sum":
                terms = [_rational(factor) * p for factor, p in zip(node.factors, parents, strict=True)]
                found.append(sum(terms, start=_rational(node.constant)))
            elif node.kind in ("product", "quotient"):
                found.append(parents[0] * parents[1] if node.kind == "product" else parents[0] / parents[1])
            elif node.kind == "power":
                found.append(parents[0] ** node.index)
            else:
                found.append(getattr(sp, node.kind)(parents[0]))
        return found[self.potential.root]

    @cached_property
    def matrix(self) -> Any:
        """grad f."""
        return sp.ImmutableDenseMatrix([sp.diff(self.value, symbol) for symbol in self.variables])

    def explicit(self, exact: bool = True) -> Any:
        """The same; ``exact=False`` with the numbers as doubles."""
        return self.matrix if exact else self.matrix.evalf(17)

    def lines(self) -> list[str]:
        """One equation a variable, then f."""
        names = [sp.latex(symbol) for symbol in self.variables]
        rates = [rf"\dot{{{name}}} = {sp.latex(entry)}" for name, entry in zip(names, self.matrix, strict=True)]
        return [*rates, f"f = {sp.latex(self.value)}"]

    @property
    def slope(self) -> Any:
        """There is none."""
        raise InputError(NO_REDUCTION)

    reduced = slope

    def evaluate(self, name: str, rows: np.ndarray) -> np.ndarray:
        """grad f at the rows (n, dim)."""
        if name != "matrix":
            raise InputError(NO_REDUCTION)
        function = sp.lambdify(self.variables, list(self.matrix), modules=["numpy"], cse=True)
        with np.errstate(all="ignore"):  # rows where f is not defined have NaN
            found = function(*rows.T)
        return np.stack(
            [np.broadcast_to(np.asarray(column, dtype=np.float64), rows.shape[:1]) for column in found], axis=1
        )


def _rational(value: Any) -> Any:
    return sp.Rational(value.numerator, value.denominator)
