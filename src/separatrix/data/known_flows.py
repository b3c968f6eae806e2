"""Gradient flows whose equilibria are known, as formulas that are climbed: minus the energies of the literature (§8).

The counts follow from the formulas: products of wells by counting factors, the tilted hat from the cubic on its axis of
symmetry; those of Himmelblau's function, of the surface of Müller and Brown and of the three Gaussians are found again in the
tests by other means, resultants and dense multistarts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from math import comb
from typing import TYPE_CHECKING

from separatrix.errors import InputError, printable

if TYPE_CHECKING:
    from separatrix.domains import Box
    from separatrix.potentials.expression import Expression

# pairs of coordinates and Pythagorean triples: plane rotations whose product mixes all coordinates, in rationals
TURNS = (
    (0, 1, 3, 4, 5),
    (2, 3, 5, 12, 13),
    (1, 2, 8, 15, 17),
    (0, 3, 7, 24, 25),
    (3, 4, 20, 21, 29),
    (0, 4, 9, 40, 41),
)
MUELLER_BROWN = (
    (-200, "-1", "0", "-10", "1", "0"),
    (-100, "-1", "0", "-10", "0", "0.5"),
    (-170, "-6.5", "11", "-6.5", "-0.5", "1.5"),
    (15, "0.7", "0.6", "0.7", "-1", "1"),
)


@dataclass(frozen=True, eq=False)
class KnownFlow:
    """A potential that is climbed, a box with all its equilibria in the interior, and their ``counts`` by index.

    ``counts[m]``: equilibria with m positive eigenvalues of the Hessian, for m = 0 (sinks), …, dim (repellers).
    """

    name: str
    potential: Expression = field(repr=False)
    box: Box
    counts: tuple[int, ...]


def known_flows() -> tuple[str, ...]:
    """The names that :func:`known_flow` takes.

    >>> "himmelblau" in known_flows()
    True
    """
    return tuple(_SYSTEMS)


def known_flow(name: str) -> KnownFlow:
    """A flow by name, with its box and the counts of its equilibria by index.

    Raises InputError for an unknown name, with the names that there are.

    >>> known_flow("four wells").counts
    (4, 4, 1)
    """
    from separatrix.domains import Box
    from separatrix.potentials.expression import expression

    if not isinstance(name, str) or name not in _SYSTEMS:
        raise InputError(f"no known flow is called {printable(str(name), 60)}; known: {', '.join(known_flows())}")
    text, variables, lower, upper, counts = _SYSTEMS[name]
    return KnownFlow(name, expression(text, variables), Box(list(lower), list(upper)), counts)


def _names(dim: int) -> str:
    return " ".join(["x", "y", "z"] if dim == 3 else ["x", "y"] if dim == 2 else [f"x{i}" for i in range(1, dim + 1)])


def _wells(dim: int) -> tuple[int, ...]:
    """Points by index of a sum of dim double wells, each with two sinks and a repeller."""
    return tuple(comb(dim, m) * 2 ** (dim - m) for m in range(dim + 1))


def _product_wells(dim: int) -> tuple[str, str, tuple[float, ...], tuple[float, ...], tuple[int, ...]]:
    terms = " + ".join(f"({name}**2 - 1)**2" for name in _names(dim).split())
    return f"-({terms})", _names(dim), (-2.0,) * dim, (2.0,) * dim, _wells(dim)


def _rotated_wells(dim: int) -> tuple[str, str, tuple[float, ...], tuple[float, ...], tuple[int, ...]]:
    """Product wells in turned coordinates, so that no mixed derivative vanishes everywhere."""
    from fractions import Fraction

    rows = [[Fraction(i == j) for j in range(dim)] for i in range(dim)]
    for i, j, a, b, c in TURNS:
        if max(i, j) < dim:
            left, right = rows[i], rows[j]
            rows[i] = [(a * p + b * q) / c for p, q in zip(left, right, strict=True)]
            rows[j] = [(a * q - b * p) / c for p, q in zip(left, right, strict=True)]
    names = _names(dim).split()
    forms = [" + ".join(f"({w})*{name}" for w, name in zip(row, names, strict=True) if w) for row in rows]
    text = "-(" + " + ".join(f"(({form})**2 - 1)**2" for form in forms) + ")"
    return text, _names(dim), (-2.5,) * dim, (2.5,) * dim, _wells(dim)


def _tilted_hat(dim: int) -> tuple[str, str, tuple[float, ...], tuple[float, ...], tuple[int, ...]]:
    """(|x|^2 - 1)^2 + x_1/5: a sink, a point of index dim - 1 on the other side of the ring, a repeller."""
    names = _names(dim)
    squares = " + ".join(f"{name}**2" for name in names.split())
    counts = [0] * (dim + 1)
    for m in (0, dim - 1, dim):
        counts[m] += 1
    return f"-(({squares} - 1)**2 + {names.split()[0]}/5)", names, (-2.0,) * dim, (2.0,) * dim, tuple(counts)


def _mueller_brown() -> str:
    terms = []
    for factor, a, b, c, x0, y0 in MUELLER_BROWN:
        dx, dy = f"(x - ({x0}))", f"(y - ({y0}))"
        terms.append(f"({factor})*exp(({a})*{dx}**2 + ({b})*{dx}*{dy} + ({c})*{dy}**2)")
    return f"-({' + '.join(terms)})"


_SYSTEMS: dict[str, tuple[str, str, tuple[float, ...], tuple[float, ...], tuple[int, ...]]] = {
    "double well": ("-((x**2 - 1)**2 + y**2)", "x y", (-2.0, -2.0), (2.0, 2.0), (2, 1, 0)),
    "four wells": _product_wells(2),
    "tilted hat": _tilted_hat(2),
    "tilted hat in 3-D": _tilted_hat(3),
    "tilted hat in 4-D": _tilted_hat(4),
    "tilted hat in 5-D": _tilted_hat(5),
    "himmelblau": ("-((x**2 + y - 11)**2 + (x + y**2 - 7)**2)", "x y", (-6.0, -6.0), (6.0, 6.0), (4, 4, 1)),
    "mueller-brown": (_mueller_brown(), "x y", (-1.75, -0.75), (1.25, 2.25), (3, 2, 0)),
    "eight wells": _product_wells(3),
    "three gaussians": (
        "exp(-2*((x - 1)**2 + y**2)) + 0.9*exp(-2*((x + 0.5)**2 + (y - 0.9)**2))"
        " + 0.8*exp(-2*((x + 0.6)**2 + (y + 0.8)**2))",
        "x y",
        (-2.0, -2.0),
        (2.0, 2.0),
        (3, 3, 1),
    ),
    "rotated wells in 4-D": _rotated_wells(4),
    "rotated wells in 5-D": _rotated_wells(5),
}
