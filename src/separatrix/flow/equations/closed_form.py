"""The differential equation of a flow in closed form, with its exact reduction (§2, (2.1) to (2.8), §4, (4.1))."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box, Domain, points
from separatrix.errors import InputError, printable
from separatrix.flow.equations.equation_graph import Graph
from separatrix.flow.equations.equation_latex import (
    Chain,
    aligned,
    definition,
    head_factor,
    indexed,
    sizes,
    softmax_lines,
)
from separatrix.flow.equations.equation_parts import Gradient
from separatrix.flow.equations.exact_solutions import ExactSolution, exact_solution
from separatrix.potentials.base import Potential
from separatrix.potentials.expression import Expression
from separatrix.records import Provenance, Record

if TYPE_CHECKING:
    from separatrix.flow.equations.symbolic_equations import Equations
    from separatrix.flow.equations.symbolic_formula import FormulaEquations

METHOD = "chain rule, layer by layer"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ClosedForm(Record):
    """The equation dx/dt = grad f(x) of a network's potential or of an expression, written out.

    ``lines``: its formulas in LaTeX, the equation first; ``reduced_lines``: those of the exact reduction (4.1), () where
    the input acts through more than one layer or not through an affine one; ``rank``: rank of W_1, exactly, None where it is
    not known exactly; ``parameters``: the arrays W_1 (out, in), b_1 (out, 1), …; ``notes``: what holds on the domain.
    """

    potential: str
    lines: tuple[str, ...]
    reduced_lines: tuple[str, ...]
    rank: int | None
    parameters: dict[str, np.ndarray]
    notes: tuple[str, ...] = ()
    _gradient: Gradient | None
    _source: Potential
    _boundary: str

    @property
    def latex(self) -> str:
        """The equation in LaTeX, one ``aligned`` block without dollar signs."""
        return aligned(self.lines)

    @property
    def reduced_latex(self) -> str:
        """The reduction (4.1) to the row space of the first layer in LaTeX, "" where there is none."""
        return aligned(self.reduced_lines) if self.reduced_lines else ""

    @cached_property
    def solution(self) -> ExactSolution | None:
        """The exact solution where there is one, as :func:`separatrix.flow.equations.exact_solutions.exact_solution` says."""
        return None if self._gradient is None else exact_solution(self._source, self.domain, self._boundary)

    @cached_property
    def equations(self) -> Equations | FormulaEquations:
        """The same as sympy objects. Raises MissingExtraError without sympy (extra ``symbolic``)."""
        if self._gradient is None:
            from separatrix.flow.equations.symbolic_formula import FormulaEquations

            assert isinstance(self._source, Expression)
            return FormulaEquations(self._source)
        from separatrix.flow.equations.symbolic_equations import Equations

        return Equations(self._gradient)

    @cached_property
    def sympy(self) -> Any:
        """grad f as a sympy object: a column (n, 1) in x1, …, xn (or an expression's own variables) where that is short,
        else an expression in matrix symbols.

        The second kind is always in ``equations.matrix``: ``x`` (n, 1) and the names of ``parameters``.
        """
        return self.equations.explicit() if self.equations.is_short else self.equations.matrix

    @property
    def reduced_sympy(self) -> Any:
        """du/dt = W_1 W_1^T y(u) of (4.1) in matrix symbols, ``u`` (width, 1)."""
        return self.equations.reduced

    def lambdify(self) -> Callable[[Any], np.ndarray]:
        """A function from points (n, dim) to grad f (n, dim), made of the sympy object ``equations.matrix``."""
        return self.evaluate

    def evaluate(self, x: Any) -> np.ndarray:
        """grad f at the rows of ``x`` (n, dim), from the sympy object: (n, dim). On a box, before the projection."""
        rows = points(x, self._source.dim, "closed_form")
        return self.equations.evaluate("matrix", rows)

    def evaluate_reduced(self, u: Any) -> np.ndarray:
        """du/dt of (4.1) at the rows of ``u`` (n, width), from the sympy object: (n, width)."""
        return self.equations.evaluate("reduced", points(u, self._width(), "closed_form: u"))

    def evaluate_slope(self, u: Any) -> np.ndarray:
        """y(u), the gradient of f by u, at the rows of ``u`` (n, width): grad f = W_1^T y(W_1 x + b_1)."""
        return self.equations.evaluate("slope", points(u, self._width(), "closed_form: u"))

    def _width(self) -> int:
        """The width of u."""
        layer = None if self._gradient is None else self._gradient.input_layer
        if layer is None:
            raise InputError(
                "closed_form: there is no reduction (4.1), for the input does not act through one affine layer alone"
            )
        return layer.n_outputs

    def _repr_latex_(self) -> str:
        return f"$\\displaystyle {self.latex}$"

    def _repr_markdown_(self) -> str:
        parts = [f"$$\n{self.latex}\n$$"]
        if self.reduced_lines:
            parts += [f"Exact reduction (4.1):\n\n$$\n{self.reduced_latex}\n$$"]
        return "\n\n".join([*parts, *self.notes])

    def __repr__(self) -> str:
        reduced = f", reduced to {self.rank} dimensions" if self.reduced_lines and self.rank is not None else ""
        return f"ClosedForm({printable(self.potential, 60)}: {self.lines[0]}{reduced})"


def closed_form(potential: Potential, domain: Domain, boundary: str = "project") -> ClosedForm:
    """The closed form of the flow of ``potential`` on ``domain``: a function of a network's logits, or an expression.

    Raises InputError for other potentials, of which nothing but numbers is known; MissingExtraError for an expression
    without sympy, which takes its derivatives.

    >>> from separatrix import Network, WholeSpace, log_odds
    >>> net = Network.from_arrays([[[1.0, 0.5], [-1.0, 1.0]], [[1.0, 0.0], [0.0, 1.0]]], [[0, 0], [0, 0]], "tanh")
    >>> closed_form(log_odds(net, 0), WholeSpace(2)).lines[0]
    '\\\\dot{x} = W_1^\\\\top D W_2^\\\\top (e_0 - e_1)'
    """
    is_projected = isinstance(domain, Box) and boundary == "project"
    if isinstance(potential, Expression):
        return _of_expression(potential, domain, boundary, is_projected)
    gradient = Gradient.of(potential)
    rank = _rank(gradient)
    lines = _lines(gradient, is_projected)
    return ClosedForm(
        potential=potential.name, lines=tuple(lines), reduced_lines=tuple(_reduced(gradient, rank, is_projected)), rank=rank,
        parameters=gradient.parameters, notes=tuple(_notes(gradient, domain, is_projected, rank)), domain=domain,
        certainty=Certainty.PROVED, provenance=Provenance(METHOD), _gradient=gradient, _source=potential, _boundary=boundary,
    )  # fmt: skip


def _of_expression(potential: Expression, domain: Domain, boundary: str, is_projected: bool) -> ClosedForm:
    from separatrix.flow.equations.symbolic_formula import FormulaEquations

    lines = FormulaEquations(potential).lines()
    note = "On a side of the box the components of the gradient that would leave it are dropped."
    return ClosedForm(
        potential=potential.name, lines=tuple(lines), reduced_lines=(), rank=None, parameters={},
        notes=(note,) if is_projected else (), domain=domain, certainty=Certainty.PROVED,
        provenance=Provenance("derivatives taken by sympy"), _gradient=None, _source=potential, _boundary=boundary,
    )  # fmt: skip


def _rank(gradient: Gradient) -> int | None:
    layer = gradient.input_layer
    if layer is None or layer.weight_radius is not None:
        return None
    from separatrix.numerics.rank import exact_rank

    return int(exact_rank(layer.weight))


def _lines(gradient: Gradient, is_projected: bool) -> list[str]:
    factor, vector = head_factor(gradient)
    writer: Chain | Graph
    if Chain.fits(gradient):
        writer = Chain(gradient)
        right = factor + " ".join([*writer.factors(), vector])
        middle = [*writer.forward(), *writer.slopes()]
    else:
        writer = Graph(gradient)
        right = writer.input_terms()
        last = f"{indexed('y', len(gradient.nodes) - 1)} = {factor}{vector}"
        middle = [*writer.forward(), last, *writer.backward()]
    right = rf"P_{{T(x)}}\big( {right} \big)" if is_projected else right
    return [
        rf"\dot{{x}} = {right}",
        definition(gradient),
        *middle,
        *softmax_lines(gradient),
        *writer.shapes(),
        *sizes(gradient),
    ]


def _reduced(gradient: Gradient, rank: int | None, is_projected: bool) -> list[str]:
    layer = gradient.input_layer
    if layer is None:
        return []
    factor, vector = head_factor(gradient)
    if Chain.fits(gradient):
        writer = chain = Chain(gradient)
        u, middle = chain.first, [*chain.forward()[1:], *chain.slopes()]
        y = [rf"y({u}) = {factor}{' '.join([*chain.factors()[1:], vector])}"]
    else:
        writer = graph = Graph(gradient)
        u, middle = "v_1", graph.forward()[1:]
        last = f"{indexed('y', len(gradient.nodes) - 1)} = {factor}{vector}"
        y = [r"y(v_1) = y_1", last, *graph.backward()]
    width = layer.n_outputs
    known = [rf"\operatorname{{rank}}\, W_1 = {rank}"] if rank is not None else []
    inside = r"\text{while } x \text{ is inside the box}"
    head, _, index = u.partition("_")
    dotted = rf"\dot{{{head}}}" + (f"_{index}" if index else "")
    return [
        rf"{dotted} = W_1 W_1^\top\, y({u})", *y, *middle, *softmax_lines(gradient), *writer.shapes(),
        rf"{u}(0) = W_1\, x(0) + b_1", r"x(t) = x(0) + W_1^\top c(t)", rf"\dot{{c}} = y({u}),\quad c(0) = 0",
        rf"W_1 W_1^\top \in \mathbb{{R}}^{{{width} \times {width}}}", *known,
        *([inside] if is_projected else []),
    ]  # fmt: skip


def _notes(gradient: Gradient, domain: Domain, is_projected: bool, rank: int | None) -> list[str]:
    found = []
    is_reduced = gradient.input_layer is not None
    if is_projected:
        found.append("P, the projection on the tangent cone T(x) of the box, drops those components of the gradient that "
                     "would leave the box; in its interior it drops none."
                     + (" On a side of the box the reduction (4.1) does not hold." if is_reduced else ""))  # fmt: skip
    elif isinstance(domain, Box):
        found.append("A trajectory ends where it leaves the box."
                     + (" Inside, the reduction (4.1) holds." if is_reduced else ""))  # fmt: skip
    if rank is not None:
        still = gradient.n_inputs - rank
        found.append(f"W1 has rank {rank}, by exact arithmetic: "
                     + (f"the component of x in its kernel, {still:,} of {gradient.n_inputs:,} dimensions, never moves."
                        if still else "every dimension moves."))  # fmt: skip
    if gradient.n_classes == 2 and gradient.kind in ("log-odds", "class probability"):
        k = gradient.classes[0]
        found.append(f"With two classes the softmax over the others is the unit vector of class {1 - k}.")
    if any(layer.function.is_piecewise_linear for layer in gradient.activations):
        found.append("Where a neuron is at its kink its slope is any number between the two: the velocity is the element of "
                     "least norm of the gradients so made, less the outward normals of the box, and orbits cross the "
                     "crease, slide along it, or rest there (§5).")  # fmt: skip
    return found
