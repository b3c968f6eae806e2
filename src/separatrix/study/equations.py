"""The differential equations of a study in closed form, each held against the library's own gradient (C4; §2, §4)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, Domain
from separatrix.errors import InputError, MissingExtraError
from separatrix.flow.equations.closed_form import ClosedForm, closed_form
from separatrix.networks.network import Network
from separatrix.potentials.base import Potential
from separatrix.potentials.class_probability import class_probability
from separatrix.potentials.head import NetworkPotential

CHECKED = 5


@dataclass(frozen=True)
class Equation:
    """One potential's equation as the page shows it, all formulas in LaTeX.

    ``lines``: the equation first, then what stands in it; ``reduced``: the reduction (4.1) to ``rank`` dimensions, () for
    none; ``solution``: an exact solution, () for none, with ``evidence``; ``largest_difference``: of the sympy object to the
    library's gradient at ``n_checked`` random points, relative to the largest entry, None without sympy.
    """

    potential: str
    lines: tuple[str, ...]
    reduced: tuple[str, ...]
    solution: tuple[str, ...]
    evidence: str
    notes: tuple[str, ...]
    n_inputs: int
    width: int
    rank: int | None
    certainty: Certainty
    largest_difference: float | None
    n_checked: int


def equations_of(net: Network, domain: Domain, potentials: Sequence[Potential], seed: int) -> tuple[Equation, ...]:
    """The equation of the first potential of each kind, and that of the probability of a class, the programme's own.

    Potentials that are no functions of the network's logits are left out.

    >>> from separatrix import Box, log_odds
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> [equation.potential for equation in equations_of(net, Box.cube(2, -1, 1), [log_odds(net, 1)], 0)]
    ['log-odds of class 1', 'probability of class 1']
    """
    found: dict[str, Equation] = {}
    numbered = [p for p in potentials if " of class " in p.name and " over " not in p.name]
    k = int(numbered[0].name.rsplit(" ", 1)[1]) if numbered else 0
    for potential in (*potentials, class_probability(net, k)):
        kind = potential.name.partition(" of class ")[0]
        if kind in found or not isinstance(potential, NetworkPotential):
            continue
        try:
            form = closed_form(potential, domain)
        except InputError:  # a head of the user's own
            continue
        found[kind] = _equation(form, potential, domain, seed)
    return tuple(found.values())


def _equation(form: ClosedForm, potential: Potential, domain: Domain, seed: int) -> Equation:
    solution, layer = form.solution, form.parameters["W_1"]
    return Equation(
        potential=potential.name, lines=form.lines, reduced=form.reduced_lines,
        solution=() if solution is None else solution.lines, evidence="" if solution is None else solution.evidence,
        notes=form.notes, n_inputs=potential.dim, width=layer.shape[0], rank=form.rank, certainty=form.certainty,
        largest_difference=largest_difference(form, potential, domain, seed), n_checked=CHECKED,
    )  # fmt: skip


def largest_difference(form: ClosedForm, potential: Potential, domain: Domain, seed: int) -> float | None:
    """Of the sympy object to the library's gradient at CHECKED random points; None where sympy is not installed.

    A point's differences are divided by the largest entry of its gradient (where that is 0, they are taken as they are).
    """
    rng = np.random.default_rng([seed, CHECKED])
    is_box = isinstance(domain, Box)
    x = domain.uniform(CHECKED, rng) if is_box else rng.standard_normal((CHECKED, potential.dim))
    try:
        found = form.evaluate(x)
    except MissingExtraError:
        return None
    expected = potential.gradient(x)
    size = np.abs(expected).max(axis=1, keepdims=True)
    return float(np.max(np.abs(found - expected) / np.where(size > 0, size, 1.0)))
