"""A formula as a program: its subexpressions in the order of evaluation, each one once, constants as exact rationals.

Equal subexpressions are one node, so that x*x is a square and nothing is computed twice. Sums with their constant factors
are one node each (a linear combination); numbers are the rationals that the text writes, 0.1 is 1/10.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

MOST_NODES = 50_000
FOLDED_BITS = 4096  # constants are folded while numerator and denominator stay below 2^this


@dataclass(frozen=True)
class Node:
    """A subexpression.

    ``kind``: "number" (``constant``), "variable" (``index``), "sum" (``constant`` + sum of ``factors`` times parents),
    "product" or "quotient" of two parents, "power" (parent to the integer ``index``), or the name of a function.
    """

    kind: str
    parents: tuple[int, ...] = ()
    index: int = 0
    constant: Fraction = Fraction(0)
    factors: tuple[Fraction, ...] = ()


class Program:
    """Nodes in the order of evaluation, parents before children; ``places[k]``: where the text first writes node k."""

    def __init__(self, n_variables: int) -> None:
        self.nodes: list[Node] = []
        self.places: list[tuple[int, int]] = []
        self._numbers: dict[Node, int] = {}
        self.n_variables = n_variables

    def node(self, node: Node, place: tuple[int, int]) -> int:
        """The number of ``node``, entered where it is new."""
        known = self._numbers.get(node)
        if known is not None:
            return known
        self._numbers[node] = len(self.nodes)
        self.nodes.append(node)
        self.places.append(place)
        return len(self.nodes) - 1

    def number(self, value: Fraction, place: tuple[int, int]) -> int:
        """A constant."""
        return self.node(Node("number", constant=value), place)

    def variable(self, index: int, place: tuple[int, int]) -> int:
        """The variable of that index."""
        return self.node(Node("variable", index=index), place)

    def constant_of(self, k: int) -> Fraction | None:
        """The value of node ``k`` where it is a number."""
        return self.nodes[k].constant if self.nodes[k].kind == "number" else None

    def sum(self, terms: Sequence[tuple[Fraction, int]], place: tuple[int, int]) -> int:
        """sum of factor times node; numbers and the factors of single terms are drawn together."""
        constant, factors = Fraction(0), {}
        for factor, k in terms:
            inner = self.nodes[k]
            if inner.kind == "number":
                constant += factor * inner.constant
                continue
            if inner.kind == "sum" and len(inner.parents) == 1 and _is_small(factor * inner.factors[0]):
                constant += factor * inner.constant
                factor, k = factor * inner.factors[0], inner.parents[0]
            # a term that cancels is kept with factor 0: it still says where the formula is defined
            factors[k] = factors.get(k, Fraction(0)) + factor
        if not factors:
            return self.number(constant, place)
        if constant == 0 and list(factors.values()) == [1]:
            return next(iter(factors))
        parents = tuple(sorted(factors))
        return self.node(Node("sum", parents, constant=constant, factors=tuple(factors[k] for k in parents)), place)

    def product(self, a: int, b: int, place: tuple[int, int]) -> int:
        """a times b."""
        for left, right in ((a, b), (b, a)):
            factor = self.constant_of(left)
            if factor is not None and _is_small(factor):
                return self.sum([(factor, right)], place)
        if a == b:
            return self.power(a, 2, place)
        return self.node(Node("product", (min(a, b), max(a, b))), place)

    def quotient(self, a: int, b: int, place: tuple[int, int]) -> int:
        """a over b; b is not the number 0."""
        divisor = self.constant_of(b)
        if divisor is not None and _is_small(1 / divisor):
            return self.sum([(1 / divisor, a)], place)
        if self.constant_of(a) == 1:
            return self.power(b, -1, place)
        return self.node(Node("quotient", (a, b)), place)

    def power(self, a: int, exponent: int, place: tuple[int, int]) -> int:
        """a to an integer; a is not the number 0 where the exponent is negative."""
        if exponent == 0:
            return self.number(Fraction(1), place)
        if exponent == 1:
            return a
        base = self.constant_of(a)
        if base is not None and abs(exponent) * _bits(base) <= FOLDED_BITS:
            return self.number(base**exponent, place)
        return self.node(Node("power", (a,), index=exponent), place)

    def function(self, name: str, a: int, place: tuple[int, int]) -> int:
        """The function ``name`` of a."""
        return self.node(Node(name, (a,)), place)

    def used_by(self, root: int) -> list[int]:
        """The nodes that ``root`` needs, in the order of evaluation."""
        needed = {root}
        for k in range(root, -1, -1):
            if k in needed:
                needed.update(self.nodes[k].parents)
        return sorted(needed)


def _bits(value: Fraction) -> int:
    return max(value.numerator.bit_length(), value.denominator.bit_length())


def _is_small(value: Fraction) -> bool:
    return _bits(value) <= FOLDED_BITS
