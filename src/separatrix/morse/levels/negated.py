"""The potential -f: level sets from below are superlevel sets of it."""

from __future__ import annotations

from typing import Any

from separatrix.numerics.balls import MidRad
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Enclosure, Potential
from separatrix.potentials.expression import Expression
from separatrix.potentials.head import Head, NetworkPotential
from separatrix.potentials.margin import Coordinate


def negated(potential: Potential) -> Potential:
    """-f with its derivatives and enclosures.

    >>> from separatrix import expression
    >>> negated(expression("x**2 - y", "x y")).gradient([[1.0, 5.0]]).tolist()
    [[-2.0, 1.0]]
    """
    if isinstance(potential, Expression):
        return Expression(f"-({potential.text})", potential.variables)
    name = f"minus {potential.name}"
    if isinstance(potential, NetworkPotential) and type(potential).enclose is NetworkPotential.enclose:
        if isinstance(potential.head, Coordinate):
            return NetworkPotential(potential.network, potential.head, -potential.contrasts, name)
        found = NetworkPotential(potential.network, NegatedHead(potential.head), potential.contrasts, name)
        found.companion = None if potential.companion is None else negated(potential.companion)
        return found
    return Negated(potential, name)


class NegatedHead(Head):
    """-Phi."""

    def __init__(self, head: Head) -> None:
        self.head = head

    def value_and_gradient(self, xp: Any, v: Any) -> tuple[Any, Any]:
        value, gradient = self.head.value_and_gradient(xp, v)
        return -value, -gradient

    def hessian_product(self, xp: Any, v: Any, t: Any) -> Any:
        return -self.head.hessian_product(xp, v, t)

    def hessian(self, xp: Any, v: Any) -> Any:
        return -self.head.hessian(xp, v)

    def bounds(self, v: Interval) -> Enclosure:
        return Enclosure(*(-part for part in self.head.bounds(v)))

    def pairs(self, m: int) -> Any:
        return self.head.pairs(m)

    def batch_bounds(self, v: Interval) -> tuple[Interval, float, Interval]:
        slopes, total, coefficients = self.head.batch_bounds(v)
        return -slopes, -total, -coefficients

    def ball_gradient(self, v: list[Any]) -> list[Any]:
        return [-entry for entry in self.head.ball_gradient(v)]


class Negated(Potential):
    """-f of any other potential."""

    def __init__(self, potential: Potential, name: str) -> None:
        self.positive, self.name, self.dim = potential, name, potential.dim
        self.net, self.rests_on = potential.net, potential.rests_on
        self.companion = None if potential.companion is None else negated(potential.companion)

    def value(self, x: Any) -> Any:
        return -self.positive.value(x)

    def gradient(self, x: Any) -> Any:
        return -self.positive.gradient(x)

    def hessian_vector(self, x: Any, v: Any) -> Any:
        return -self.positive.hessian_vector(x, v)

    def hessian(self, x: Any) -> Any:
        return -self.positive.hessian(x)

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        return Enclosure(*(-part for part in self.positive.enclose(lower, upper)))

    def require_defined(self, x: Any, what: str = "points") -> None:
        self.positive.require_defined(x, what)

    def enclose_batch(self, lower: Any, upper: Any, free: Any = None) -> tuple[Interval, Interval]:
        gradient, hessian = self.positive.enclose_batch(lower, upper, free)
        return -gradient, -hessian

    def gradient_bounds(self, x: Any, precise: bool = False) -> Interval:
        return -self.positive.gradient_bounds(x, precise)

    def gradient_over(self, box: Interval) -> Interval:
        return -self.positive.gradient_over(box)

    def value_bounds(self, x: Any) -> Interval:
        return -self.positive.value_bounds(x)

    def hessian_bounds(self, box: Interval, left: Any, right: Any) -> MidRad:
        found = self.positive.hessian_bounds(box, left, right)
        return MidRad(-found.mid, found.rad)
