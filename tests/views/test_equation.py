"""The equation on the page: formulas as MathML in every shape that the library writes, a check, a claim."""

import dataclasses
from xml.dom import minidom

import numpy as np
import pytest

import separatrix as sx
from separatrix import Analysis
from separatrix.flow.equations.closed_form import closed_form
from separatrix.flow.equations.equation_latex import SHAPES
from separatrix.study.claims import claims_of
from separatrix.study.equations import Equation, equations_of
from separatrix.views.equation_views import equation_view
from separatrix.views.mathml import mathml
from tests.oracles.blueprints import ACTIVATIONS, architectures, mlp


def linear() -> sx.Network:
    return mlp([[[1.0, 2.0], [0.5, -1.0]]], [[0.0, 0.25]], "tanh").network()


@pytest.fixture(scope="module")
def equations() -> tuple[Equation, ...]:
    net = sx.data.network("mnist-sigmoid")
    return equations_of(
        net, sx.Box.cube(784, 0, 1), [sx.log_density(net), *(sx.log_odds(net, k) for k in range(10))], 0
    )


def test_every_formula_of_the_library_can_be_set() -> None:
    rng = np.random.default_rng(0)
    formulas = [line for lines in SHAPES.values() for line in lines]
    for activation in ACTIVATIONS:
        for blueprint in architectures(rng, activation).values():
            for case in blueprint.potentials:
                potential = blueprint.library_potential(*case)
                form = closed_form(potential, sx.Box.cube(potential.dim, -1, 1))
                formulas += [*form.lines, *form.reduced_lines]
    for potential in (sx.log_density(linear()), sx.confidence(linear()), sx.class_probability(linear(), 1)):
        solution = closed_form(potential, sx.WholeSpace(2)).solution
        assert solution is not None
        formulas += solution.lines
    for formula in set(formulas):
        minidom.parseString(str(mathml(formula)))


@pytest.mark.parametrize(
    ("latex", "expected"),
    [
        (r"W_1^\top", "<msubsup><mi>W</mi><mn>1</mn><mo>⊤</mo></msubsup>"),
        (r"\frac{1}{1 + e^{-t}}", "<mfrac><mn>1</mn><mrow><mn>1</mn><mo>+</mo><msup><mi>e</mi><mrow><mo>−</mo><mi>t</mi>"
                                  "</mrow></msup></mrow></mfrac>"),
        (r"\sum_j z_j", "<mrow><munder><mo>∑</mo><mi>j</mi></munder><msub><mi>z</mi><mi>j</mi></msub></mrow>"),
        (r"\text{a < b}", "<mtext>a\N{NO-BREAK SPACE}&lt;\N{NO-BREAK SPACE}b</mtext>"),
    ],
)  # fmt: skip
def test_what_a_formula_becomes(latex: str, expected: str) -> None:
    assert str(mathml(latex, display=False)) == f"<math>{expected}</math>"


@pytest.mark.parametrize("latex", [r"\unknown", r"\begin{array}", "a } b"])
def test_what_is_not_known_is_not_dropped(latex: str) -> None:
    with pytest.raises(ValueError):
        mathml(latex)


def test_one_equation_a_kind_each_held_against_the_gradient(equations: tuple[Equation, ...]) -> None:
    assert [e.potential for e in equations] == ["log-density", "log-odds of class 0", "probability of class 0"]
    for equation in equations:
        assert equation.rank == 256 and not equation.solution
        assert equation.largest_difference is not None and equation.largest_difference < 1e-12
        view = equation_view(equation)
        assert "from 784 to 256 dimensions" in view.reduction and "agrees with" in view.check
        assert view.check_certainty is sx.Certainty.VERIFIED


def test_a_disagreement_is_said_and_not_called_verified(equations: tuple[Equation, ...]) -> None:
    view = equation_view(dataclasses.replace(equations[0], largest_difference=0.1))
    assert "differs from" in view.check and view.check_certainty is sx.Certainty.UNKNOWN
    without = equation_view(dataclasses.replace(equations[0], largest_difference=None))
    assert without.check == ""


def test_the_claim_is_shown_only_where_the_equation_is_solved(equations: tuple[Equation, ...], plane: Analysis) -> None:
    def claim(found: tuple[Equation, ...]) -> tuple[str, str]:
        claims = {c.number: c for c in claims_of(plane.network, plane.flow, plane.theorems, "", found)}
        return claims["C4"].status, claims["C4"].how

    status, how = claim(equations)
    assert status == "partly shown" and "closed form" in how and "numerically" in how
    status, how = claim(equations_of(linear(), sx.WholeSpace(2), [sx.log_odds(linear(), 0)], 0))
    assert status == "shown" and "solved exactly for the log-odds of class 0 and the probability of class 0" in how
