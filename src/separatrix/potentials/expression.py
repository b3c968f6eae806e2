"""A potential written as a formula: parsed, never run as code; derivatives and enclosures from one tree (§2, §8)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import numpy as np

from separatrix.domains import points
from separatrix.errors import InputError, KindError, printable
from separatrix.networks.propagation import namespace
from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import LARGEST_SEARCHED, Enclosure, Potential
from separatrix.potentials.expressions.enclosures import bounds, gradient_ball
from separatrix.potentials.expressions.jets import Jet, jets
from separatrix.potentials.expressions.numbers import (
    NOT_NEGATIVE,
    NOT_ZERO,
    POSITIVE,
    ArrayNumbers,
    nearest_double,
)
from separatrix.potentials.expressions.parser import parse
from separatrix.potentials.expressions.tokens import FUNCTIONS
from separatrix.potentials.point_rows import point_rows

DOMAINS = {POSITIVE: "above 0", NOT_NEGATIVE: "0 or above"}


def expression(text: str, variables: str | Sequence[str]) -> Expression:
    """The potential f that ``text`` writes as a formula of ``variables``; as every potential it is climbed.

    - ``text``: numbers, the variables, ``+ - * / **``, parentheses, exp, log, sqrt, sin, cos, tan, atan, sinh, cosh, tanh. Signs
      and powers bind as in Python: ``-x**2`` = ``-(x**2)``, ``2**3**2`` = ``2**9``. An integer power is a product; any
      other power ``a**b`` is exp(b log a), for a above 0. To descend V, write -(V)
    - ``variables``: names in one string, separated by spaces or commas, or a sequence of names; their order is that of the
      coordinates

    A decimal literal denotes the number that it writes: in enclosures and proofs 0.1 is 1/10, in values the nearest double.
    Derivatives are exact up to rounding; enclosures are rounded outward, and where f is not defined on all of a box they are
    the whole line. ``value``, ``gradient`` and ``hessian`` raise InputError for rows where f is not defined.

    Raises InputError that points at the place of what is no formula, KindError where ``text`` is no string.

    >>> f = expression("-(x**2 - 1)**2 - y**2", "x y")
    >>> f.value([[0.0, 0.0], [1.0, 0.5]]).tolist(), f.gradient([[0.5, 1.0]]).tolist()
    ([-1.0, -0.25], [[1.5, -2.0]])
    """
    return Expression(text, variables)


class Expression(Potential):
    """The potential of a formula, made by :func:`expression`. ``text``, ``variables`` (names in order), ``dim``."""

    def __init__(self, text: str, variables: str | Sequence[str]) -> None:
        if not isinstance(text, str):
            raise KindError(f"expression: expected the formula as a string, came {type(text).__name__}")
        self.text, self.variables = text, _names(variables)
        self.dim = len(self.variables)
        self.name = printable(" ".join(text.split()), 1000)
        self.program, self.root = parse(text, self.variables)
        self._batches: dict[tuple[int, ...], Any] = {}

    def __reduce__(self) -> tuple[Any, ...]:
        return Expression, (self.text, self.variables)

    def value(self, x: Any) -> Any:
        """f at the rows of ``x`` (n, dim), numpy or torch, shape (n,)."""
        rows = self._rows(x)
        return self._value(rows, self._checked(rows, 0))

    def gradient(self, x: Any) -> Any:
        """grad f at the rows of ``x``, (n, dim)."""
        rows = self._rows(x)
        return self._gradient(rows, self._checked(rows, 1))

    def hessian(self, x: Any) -> Any:
        """Hess f, (n, dim, dim)."""
        rows = self._rows(x)
        found, xp = self._checked(rows, 2), namespace(rows)
        zero = xp.zeros_like(rows[:, 0])
        entries = {key: self._entry(zero, entry) for key, entry in found.hessian.items()}
        span = range(self.dim)
        lines = [xp.stack([entries.get((min(i, j), max(i, j)), zero) for j in span], axis=1) for i in span]
        return xp.stack(lines, axis=1)

    def hessian_vector(self, x: Any, v: Any) -> Any:
        """Hess f(x) v row by row, (n, dim); a single direction serves all rows."""
        rows, directions = self._rows(x), self._rows(v, "directions")
        if directions.shape[0] not in (1, rows.shape[0]):
            raise InputError(
                f"{self._short}: expected one direction or one a point, came {directions.shape[0]} for {rows.shape[0]}"
            )
        return (self.hessian(rows) @ directions[:, :, None])[:, :, 0]

    def value_and_gradient(self, x: Any) -> tuple[Any, Any]:
        """Both from one pass; NaN in rows where one is not defined or beyond 1e100 (a search steps back there)."""
        found, numbers = self._jets(x, 1)
        jet, xp = found[self.root], numbers.xp
        value, gradient = self._value(x, jet), self._gradient(x, jet)
        lost = ~((xp.abs(value) < LARGEST_SEARCHED) & xp.all(xp.abs(gradient) < LARGEST_SEARCHED, axis=1))
        if numbers.broken is not None:
            lost = lost | numbers.broken
        if not bool(xp.any(lost)):
            return value, gradient
        nothing = xp.full_like(value, np.nan)
        return xp.where(lost, nothing, value), xp.where(lost[:, None], nothing[:, None], gradient)

    def require_defined(self, x: Any, what: str = "points") -> None:
        """Raise InputError where f or its gradient is not defined at a row of ``x``."""
        self._checked(self._rows(x, what), 1)

    def enclose(self, lower: Any, upper: Any) -> Enclosure:
        """Rigorous enclosures on the boxes [lower, upper], each (dim,) or (n, dim).

        The whole line, in all three, on boxes that hold a point where f is not defined; in the derivatives, where they are
        not.
        """
        low, high = (points(side, self.dim, "enclose") for side in (lower, upper))
        found = bounds(self.program, self.root, Interval(low, high), 2)
        single = np.ndim(lower) == 1 and low.shape[0] == 1
        return Enclosure(*(part[0] for part in found)) if single else Enclosure(*found)

    def enclose_batch(
        self, lower: np.ndarray, upper: np.ndarray, free: np.ndarray | None = None
    ) -> tuple[Interval, Interval]:
        """Rigorous enclosures of grad f (n, dim) and of the Hessian's columns ``free`` (n, dim, k) on n boxes (n, dim)."""
        from separatrix.potentials.expressions.batches import BatchEnclosure

        columns = tuple(range(self.dim)) if free is None else tuple(int(i) for i in free)
        found = self._batches.get(columns)
        if found is None:
            found = self._batches[columns] = BatchEnclosure(self.program, self.root, columns)
        return found(lower, upper)

    def value_bounds(self, x: np.ndarray) -> Interval:
        """A rigorous enclosure of f at one point, shape ()."""
        return bounds(self.program, self.root, Interval.point(x[None]), 0)[0][0]

    def gradient_bounds(self, x: np.ndarray, precise: bool = False) -> Interval:
        """A rigorous enclosure of grad f at one point; ``precise`` computes in balls of 200 bits."""
        if precise:
            return gradient_ball(self.program, self.root, x)
        return self.gradient_over(Interval.point(x))

    def gradient_over(self, box: Interval) -> Interval:
        """A rigorous enclosure of grad f on one box, (dim,)."""
        return bounds(self.program, self.root, box.reshape((1, self.dim)), 1)[1][0]

    def _rows(self, x: Any, what: str = "points") -> Any:
        """``x`` as rows (n, dim): tensors of floating-point numbers stay tensors, anything else becomes float64."""
        return point_rows(x, self.dim, f"{self._short}: {what}")

    def _jets(self, rows: Any, order: int) -> tuple[dict[int, Jet], ArrayNumbers]:
        numbers = ArrayNumbers(namespace(rows), rows[:, 0])
        with np.errstate(all="ignore"):
            return jets(self.program, self.root, numbers, [rows[:, i] for i in range(self.dim)], order), numbers

    def _checked(self, rows: Any, order: int) -> Jet:
        """The jet of f; InputError for the first row where f or a derivative is not defined or not finite."""
        found, numbers = self._jets(rows, order)
        if numbers.first is not None:
            k, kind, of_derivative, row = numbers.first
            raise InputError(self._undefined(k, kind, of_derivative, rows, row))
        last = found[self.root]
        entries = [last.value, *last.gradient.values(), *last.hessian.values()]
        for entry in entries:
            if (row := _first_lost(numbers.xp, entry)) is not None:
                raise InputError(self._overflow(found, rows, row))
        return last

    def _undefined(self, k: int, kind: str, order: int, rows: Any, row: int) -> str:
        argument = self.program.nodes[k].parents[-1]
        part, inner = self._part(k), self._part(argument)
        what = f"{inner} is 0 in double precision" if kind == NOT_ZERO else f"{inner} is not {DOMAINS[kind]}"
        fails = "has no derivative" if order else "is not defined"
        return f"{self._short}: {part} {fails} where {what}: row {row}, {self._point(rows, row)}; leave such rows out"

    def _overflow(self, found: dict[int, Jet], rows: Any, row: int) -> str:
        parts = [k for k, part in found.items() if _is_lost(part.value, row)]
        what = f"{self._part(parts[0])} is" if parts else "a derivative is"
        return f"{self._short}: {what} not finite in double precision: row {row}, {self._point(rows, row)}"

    def _part(self, k: int) -> str:
        start, end = self.program.places[k]
        return f"'{printable(' '.join(self.text[start:end].split()), 60)}'"

    def _point(self, rows: Any, row: int) -> str:
        shown = [f"{name} = {float(c):g}" for name, c in zip(self.variables[:4], rows[row, :4], strict=True)]
        return printable(", ".join(shown) + (", …" if self.dim > 4 else ""), 120)

    @property
    def _short(self) -> str:
        return printable(self.name, 60)

    def _entry(self, like: Any, entry: Any) -> Any:
        return namespace(like).full_like(like, nearest_double(entry)) if isinstance(entry, Fraction) else entry

    def _value(self, rows: Any, jet: Jet) -> Any:
        return self._entry(rows[:, 0], jet.value)

    def _gradient(self, rows: Any, jet: Jet) -> Any:
        xp, zero = namespace(rows), rows[:, 0] * 0.0
        entries = [self._entry(zero, jet.gradient[i]) if i in jet.gradient else zero for i in range(self.dim)]
        return xp.stack(entries, axis=1)

    def __repr__(self) -> str:
        return f"<expression {printable(self.name, 120)}, dim={self.dim}>"


def _first_lost(xp: Any, entry: Any) -> int | None:
    """The first row that is not finite."""
    if isinstance(entry, Fraction):
        return None if np.isfinite(nearest_double(entry)) else 0
    lost = ~xp.isfinite(entry)
    return int(xp.argmax(xp.astype(lost, xp.int8))) if bool(xp.any(lost)) else None


def _is_lost(value: Any, row: int) -> bool:
    return not np.isfinite(nearest_double(value) if isinstance(value, Fraction) else float(value[row]))


def _names(variables: Any) -> tuple[str, ...]:
    """The names of the variables, checked."""
    if isinstance(variables, str):
        found = variables.replace(",", " ").split()
    elif isinstance(variables, Sequence) and all(isinstance(name, str) for name in variables):
        found = list(variables)
    else:
        raise KindError(
            f"expression: expected the variables as a string such as 'x y' or a list of names, came "
            f"{printable(repr(variables), 60)}"
        )
    if not found:
        raise InputError("expression: expected at least one variable, came none; write for example 'x y'")
    for name in found:
        if not name.isidentifier() or name in FUNCTIONS:
            why = "is a function" if name in FUNCTIONS else "is not a name"
            raise InputError(
                f"expression: variable '{printable(name, 40)}' {why}; take letters, digits and _, a letter first"
            )
        if found.count(name) > 1:
            raise InputError(f"expression: variable '{printable(name, 40)}' is given twice")
    return tuple(found)
