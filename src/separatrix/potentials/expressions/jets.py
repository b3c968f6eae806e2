"""Second-order jets: value, gradient and Hessian carried forward through a program, in numbers of any kind (§2).

Sums, products and compositions by their rules, the last being
    (g o u)_i = g' u_i,   (g o u)_ij = g'' u_i u_j + g' u_ij.
Only entries that can differ from 0 are kept, and entries that are the same rational everywhere stay rationals: the second
derivative of x**2 is 2, exactly.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from functools import lru_cache
from typing import Any

from separatrix.potentials.expressions.numbers import NOT_ZERO, Numbers, nearest_double
from separatrix.potentials.expressions.program import Node, Program

Pair = tuple[int, int]


@dataclass
class Jet:
    """``value``; ``gradient[i]``; ``hessian[i, j]`` for i <= j; absent entries are 0."""

    value: Any
    gradient: dict[int, Any] = field(default_factory=dict)
    hessian: dict[Pair, Any] = field(default_factory=dict)


def jets(program: Program, root: int, numbers: Numbers, columns: list[Any], order: int) -> dict[int, Jet]:
    """The jets of node ``root``, the last, and of all that it needs, at the variables' values ``columns``.

    ``order`` 0, 1 or 2: up to which derivative.
    """
    rules = _Rules(numbers, order)
    found: dict[int, Jet] = {}
    for k in program.used_by(root):
        node = program.nodes[k]
        parents = [found[parent] for parent in node.parents]
        if node.kind == "number":
            found[k] = Jet(node.constant)
        elif node.kind == "variable":
            found[k] = Jet(columns[node.index], {node.index: Fraction(1)} if order else {})
        elif node.kind == "sum":
            found[k] = rules.linear(node, parents)
        elif node.kind == "product":
            found[k] = rules.product(parents[0], parents[1])
        elif node.kind == "quotient":
            found[k] = rules.quotient(parents[0], parents[1], k)
        elif node.kind == "power":
            found[k] = rules.power(parents[0], node.index, k)
        else:
            u = rules.number(parents[0].value)
            found[k] = rules.composed(parents[0], numbers.derivatives(node.kind, u, k, order))
    return found


@lru_cache(maxsize=4096)
def _double(numerator: int, denominator: int) -> float | None:
    """The rational as a double where it is one: it multiplies as such."""
    rational = Fraction(numerator, denominator)
    double = nearest_double(rational)
    return double if double == rational else None


class _Rules:
    def __init__(self, numbers: Numbers, order: int) -> None:
        self.numbers, self.order = numbers, order

    def number(self, value: Any) -> Any:
        """``value`` as a number of the kind at hand where it is a rational."""
        return self.numbers.lift(value) if type(value) is Fraction else value

    def times(self, a: Any, b: Any) -> Any:
        """a b, exact where both are rationals or one is 1 or -1."""
        if type(b) is Fraction:
            a, b = b, a
        if type(a) is not Fraction or type(b) is Fraction:
            return a * b
        double = _double(a.numerator, a.denominator)
        if double is None:
            return self.numbers.lift(a) * b
        if double == 1.0:
            return b
        return -b if double == -1.0 else double * b

    def plus(self, a: Any, b: Any) -> Any:
        if (type(a) is Fraction) != (type(b) is Fraction):
            return self.number(a) + self.number(b)
        return a + b

    def add(self, into: dict[Any, Any], key: Any, value: Any) -> None:
        into[key] = self.plus(into[key], value) if key in into else value

    def linear(self, node: Node, parents: list[Jet]) -> Jet:
        total = Jet(None)
        for factor, parent in zip(node.factors, parents, strict=True):
            if factor == 0:
                continue
            term = self.times(factor, parent.value)
            total.value = term if total.value is None else self.plus(total.value, term)
            for into, entries in ((total.gradient, parent.gradient), (total.hessian, parent.hessian)):
                for key, entry in entries.items():
                    self.add(into, key, self.times(factor, entry))
        if total.value is None:
            return Jet(node.constant)
        if node.constant:
            total.value = self.plus(total.value, node.constant)
        return total

    def product(self, a: Jet, b: Jet, value: Any = None) -> Jet:
        """The product, its value given where it is known otherwise."""
        found = Jet(self.times(a.value, b.value) if value is None else value)
        for one, other in ((a, b), (b, a)):
            for i, entry in one.gradient.items():
                self.add(found.gradient, i, self.times(entry, other.value))
            for key, entry in one.hessian.items():
                self.add(found.hessian, key, self.times(entry, other.value))
        if self.order > 1:
            for i, left in a.gradient.items():
                for j, right in b.gradient.items():
                    term = self.times(left, right)
                    self.add(found.hessian, (min(i, j), max(i, j)), term if i != j else self.times(Fraction(2), term))
        return found

    def quotient(self, a: Jet, b: Jet, k: int) -> Jet:
        divisor = self.numbers.guard(NOT_ZERO, self.number(b.value), k)
        value = self.numbers.divide(self.number(a.value), divisor)
        if self.order == 0:
            return Jet(value)
        inverse = self.power(Jet(divisor, b.gradient, b.hessian), -1, k)
        return self.product(a, inverse, value)

    def power(self, u: Jet, n: int, k: int) -> Jet:
        base = self.number(u.value)
        if n < 0:
            base = self.numbers.guard(NOT_ZERO, base, k)
        derivatives: list[Any] = [self.numbers.power(base, n)]
        factor = Fraction(1)
        for order in range(1, self.order + 1):
            factor *= n - order + 1
            rest = n - order
            # no power is left where n = 1, 2 and the order is n
            derivatives.append(factor if rest == 0 else self.times(factor, self.numbers.power(base, rest)))
        return self.composed(u, tuple(derivatives))

    def composed(self, u: Jet, derivatives: tuple[Any, ...]) -> Jet:
        found = Jet(derivatives[0])
        if self.order == 0:
            return found
        first = derivatives[1]
        found.gradient = {i: self.times(first, entry) for i, entry in u.gradient.items()}
        if self.order == 1:
            return found
        found.hessian = {key: self.times(first, entry) for key, entry in u.hessian.items()}
        entries = list(u.gradient.items())
        for at, (i, left) in enumerate(entries):
            for j, right in entries[at:]:
                square = self._square(left) if i == j else self.times(left, right)
                self.add(found.hessian, (min(i, j), max(i, j)), self.times(derivatives[2], square))
        return found

    def _square(self, entry: Any) -> Any:
        return entry * entry if type(entry) is Fraction else self.numbers.power(entry, 2)
