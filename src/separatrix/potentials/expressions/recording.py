"""The derivatives of a formula as straight-line code: its jets, evaluated in numbers that record what is done (§8).

What the rules of jets leave out, entries that are 0 or the same rational everywhere, never enters the code; equal operations
are recorded once; what no wanted entry needs is dropped, and registers are used again.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.potentials.expressions.numbers import NOT_NEGATIVE, NOT_ZERO, POSITIVE, Numbers, nearest_double

ADD, SUBTRACT, MULTIPLY, SQUARE, NEGATE, SCALE, SHIFT = (
    "add",
    "subtract",
    "multiply",
    "square",
    "negate",
    "scale",
    "shift",
)
ODD_POWER, INVERSE, ROOT = "odd power", "inverse", "root"
GUARDS = (POSITIVE, NOT_NEGATIVE, NOT_ZERO)
# in the order of their numbers in the kernel
OPERATIONS = (ADD, SUBTRACT, MULTIPLY, SQUARE, NEGATE, SCALE, SHIFT, ODD_POWER, INVERSE, ROOT, *GUARDS)
INPUT, CONSTANT = "input", "constant"


@dataclass(frozen=True)
class Step:
    """A recorded operation on earlier steps; ``number``: exponent, index of an input or of a constant."""

    operation: str
    operands: tuple[int, ...] = ()
    number: int = 0


class Recorder(Numbers):
    """Numbers that are places in a list of steps."""

    def __init__(self, n_inputs: int) -> None:
        self.steps: list[Step] = []
        self.constants: list[tuple[float, float]] = []
        self._places: dict[Any, int] = {}
        self.inputs = [self.record(Step(INPUT, number=i)) for i in range(n_inputs)]

    def record(self, step: Step) -> Recorded:
        """The number of an operation, noted where it is new."""
        place = self._places.get(step)
        if place is None:
            place = self._places[step] = len(self.steps)
            self.steps.append(step)
        return Recorded(self, place)

    def constant(self, low: float, high: float) -> Recorded:
        """A constant between two doubles."""
        number = self._places.get((low, high))
        if number is None:
            number = self._places[low, high] = len(self.constants)
            self.constants.append((low, high))
        return self.record(Step(CONSTANT, number=number))

    def lift(self, value: Fraction) -> Recorded:
        return self.constant(*between(value))

    def guard(self, kind: str, u: Recorded, k: int, order: int = 0) -> Recorded:
        return self.record(Step(kind, (u.place,)))

    def primitive(self, name: str, u: Recorded) -> Recorded:
        return self.record(Step(ROOT if name == "sqrt" else name, (u.place,)))

    def derivatives(self, name: str, u: Any, k: int, order: int) -> tuple[Any, ...]:
        """As for all numbers; the second derivative of tanh by its proved range."""
        found = super().derivatives(name, u, k, order)
        if name == "tanh" and order == 2:
            return (*found[:2], self.primitive("curvature of tanh", u))
        return found

    def natural_power(self, u: Recorded, n: int) -> Recorded:
        if n == 1:
            return u
        if n % 2 == 0:
            return self.record(Step(SQUARE, (self.natural_power(u, n // 2).place,)))
        return self.record(Step(ODD_POWER, (u.place,), n))

    def divide(self, a: Any, b: Recorded) -> Recorded:
        inverse = self.record(Step(INVERSE, (b.place,)))
        return inverse if isinstance(a, float) and a == 1.0 else a * inverse

    def binary(self, operation: str, a: Recorded, b: Recorded) -> Recorded:
        """A sum, difference or product; with a constant, on its own."""
        left, right = self.steps[a.place], self.steps[b.place]
        if operation == MULTIPLY and a.place == b.place:
            return self.record(Step(SQUARE, (a.place,)))
        if operation == SUBTRACT and right.operation == CONSTANT:
            low, high = self.constants[right.number]
            return self.binary(ADD, a, self.constant(-high, -low))
        if operation == SUBTRACT:
            return self.record(Step(SUBTRACT, (a.place, b.place)))
        if left.operation == CONSTANT:
            a, b, left, right = b, a, right, left
        if right.operation == CONSTANT and left.operation != CONSTANT:
            return self.record(Step(SHIFT if operation == ADD else SCALE, (a.place,), right.number))
        return self.record(Step(operation, (min(a.place, b.place), max(a.place, b.place))))


class Recorded:
    """A number of a :class:`Recorder`."""

    __slots__ = ("place", "recorder")

    def __init__(self, recorder: Recorder, place: int) -> None:
        self.recorder, self.place = recorder, place

    def _number(self, other: Any) -> Recorded:
        return other if isinstance(other, Recorded) else self.recorder.constant(float(other), float(other))

    def __add__(self, other: Any) -> Recorded:
        return self.recorder.binary(ADD, self, self._number(other))

    __radd__ = __add__

    def __sub__(self, other: Any) -> Recorded:
        return self.recorder.binary(SUBTRACT, self, self._number(other))

    def __rsub__(self, other: Any) -> Recorded:
        return self._number(other) - self

    def __mul__(self, other: Any) -> Recorded:
        return self.recorder.binary(MULTIPLY, self, self._number(other))

    __rmul__ = __mul__

    def __neg__(self) -> Recorded:
        return self.recorder.record(Step(NEGATE, (self.place,)))


def between(value: Fraction) -> tuple[float, float]:
    """The two doubles next to a rational, or the double that it is."""
    near = nearest_double(value)
    if near == value:
        return near, near
    largest = np.finfo(np.float64).max
    finite = min(max(near, -largest), largest)
    return float(np.nextafter(finite, -np.inf)), float(np.nextafter(finite, np.inf))
