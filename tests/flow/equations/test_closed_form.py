"""The equation in closed form: its sympy object is the gradient, its reduction is the flow, its LaTeX says so."""

import builtins
import re
import sys
from fractions import Fraction
from typing import Any

import mpmath
import numpy as np
import pytest
import sympy

import separatrix as sx
from separatrix.flow.equations.closed_form import ClosedForm, closed_form
from separatrix.flow.equations.equation_latex import SHAPES
from separatrix.networks.layers import Activation, Affine, Node
from separatrix.networks.network import INPUT, Network
from tests.oracles.blueprints import ACTIVATIONS, PIECEWISE_LINEAR, SMOOTH, Blueprint, architectures, mlp, random_mlp

POTENTIALS = {
    "log-density": lambda net: sx.log_density(net),
    "log-odds": lambda net: sx.log_odds(net, 0),
    "probability": lambda net: sx.class_probability(net, 1),
    "margin": lambda net: sx.margin(net, 1, 0),
    "confidence": lambda net: sx.confidence(net),
    "entropy": lambda net: sx.neg_entropy(net),
}


def form_of(potential: Any) -> ClosedForm:
    return sx.GradientFlow(potential, sx.WholeSpace(potential.dim)).closed_form()


def assert_equal(found: np.ndarray, expected: np.ndarray, rtol: float = 1e-12) -> None:
    assert found.shape == expected.shape
    np.testing.assert_allclose(found, expected, rtol=0, atol=rtol * np.abs(expected).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_sympy_object_is_the_gradient(activation: str) -> None:
    rng = np.random.default_rng(ACTIVATIONS.index(activation))
    for number, blueprint in enumerate(architectures(rng, activation).values()):
        x = rng.standard_normal((4, blueprint.n_inputs))
        for case in blueprint.potentials[(number + ACTIVATIONS.index(activation)) % 6 :: 6]:
            potential = blueprint.library_potential(*case)
            assert_equal(closed_form(potential, sx.WholeSpace(potential.dim)).evaluate(x), potential.gradient(x))


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("name", POTENTIALS)
def test_the_reduced_form_moves_as_the_layer_does(name: str, depth: int) -> None:
    rng = np.random.default_rng(depth)
    blueprint = random_mlp(rng, (5, *[4] * depth, 3), "sigmoid")
    potential = POTENTIALS[name](blueprint.network())
    form = form_of(potential)
    x = rng.standard_normal((3, 5))
    weight, bias = (form.parameters[key] for key in ("W_1", "b_1"))
    u = x @ weight.T + bias.T
    assert_equal(form.evaluate_slope(u) @ weight, potential.gradient(x))
    assert_equal(form.evaluate_reduced(u), potential.gradient(x) @ weight.T)
    assert form.rank == 4


@pytest.mark.parametrize("name", POTENTIALS)
def test_the_explicit_form_is_the_derivative_of_the_potential_that_sympy_takes(name: str) -> None:
    """f is typed in from its definition; sympy, not the chain rule of the library, differentiates it."""
    w1, w2, b2 = (
        np.array([[0.5, -1.25], [2.0, 0.75]]),
        np.array([[1.0, -0.5], [0.25, 2.0], [-1.5, 1.0]]),
        [0.5, 0.0, -1],
    )
    potential = POTENTIALS[name](mlp([w1, w2], [[0.125, -0.5], b2], "tanh").network())
    x = sympy.Matrix(sympy.symbols("x1 x2"))
    hidden = (sympy.Matrix(w1) * x + sympy.Matrix([0.125, -0.5])).applyfunc(sympy.tanh)
    z = sympy.Matrix(w2) * hidden + sympy.Matrix(b2)
    total = sum(sympy.exp(entry) for entry in z)
    p = [sympy.exp(entry) / total for entry in z]
    f = {
        "log-density": sympy.log(total),
        "log-odds": sympy.log(p[0] / (1 - p[0])),
        "probability": p[1],
        "margin": z[1] - z[0],
        "confidence": sympy.log(sum(share / (1 - share) for share in p)),
        "entropy": sum(share * sympy.log(share) for share in p),
    }[name]
    found = form_of(potential).sympy
    assert found.free_symbols == set(x)
    ours, theirs = (
        sympy.lambdify(list(x), expression, "mpmath", cse=True)
        for expression in (found, sympy.Matrix([sympy.diff(f, symbol) for symbol in x]))
    )
    for point in ((0.3, -0.7), (-1.1, 0.4), (0.0, 0.0)):
        with mpmath.workdps(40):
            pair = [np.array([float(v) for v in function(*map(mpmath.mpf, point))]) for function in (ours, theirs)]
        assert_equal(*pair)


def test_exact_weights_are_the_rational_numbers_of_the_doubles() -> None:
    net = mlp([[[0.1, 0.3]], [[1.0], [0.7]]], [[0.2], [0.0, 0.0]], "tanh").network()
    expression = form_of(sx.margin(net, 0, 1)).equations.explicit(exact=True)
    assert Fraction(0.1) in {Fraction(n.p, n.q) for n in expression.atoms(sympy.Rational)}
    assert not expression.atoms(sympy.Float)


def test_large_networks_stay_symbols_of_matrices() -> None:
    potential = sx.log_density(sx.data.network("mnist-sigmoid"))
    form = sx.GradientFlow(potential, sx.Box.cube(784, 0, 1)).closed_form()
    symbols = {symbol.name: symbol for symbol in form.sympy.atoms(sympy.MatrixSymbol)}
    assert set(symbols) == {"x", "W_1", "b_1", "W_2", "b_2"}
    assert all(symbols[name].shape == array.shape for name, array in form.parameters.items())
    assert form.sympy.shape == (784, 1) and form.reduced_sympy.shape == (256, 1)
    x = np.random.default_rng(0).random((2, 784))
    assert_equal(form.evaluate(x), potential.gradient(x))
    assert form.lambdify()(x[:1]).shape == (1, 784) and form.evaluate(np.zeros((0, 784))).shape == (0, 784)
    with pytest.raises(sx.InputError, match="matrix form"):
        form.equations.explicit()


def test_sympy_alone_evaluates_the_matrix_form() -> None:
    """Somebody who has the expression and the parameters needs nothing else of the library's."""
    potential = sx.confidence(sx.data.network("blobs-tanh"))
    form = form_of(potential)
    names = list(form.parameters)
    symbols = {symbol.name: symbol for symbol in form.equations.matrix.atoms(sympy.MatrixSymbol)}
    function = sympy.lambdify([symbols["x"], *(symbols[name] for name in names)], form.equations.matrix)
    x = np.array([[0.4], [-0.9]])
    assert_equal(function(x, *form.parameters.values()), potential.gradient(x.T).T)


@pytest.mark.parametrize("scale", [1e3, 1e6])
@pytest.mark.parametrize("name", POTENTIALS)
def test_saturated_networks_neither_overflow_nor_lose_what_is_left(name: str, scale: float) -> None:
    rng = np.random.default_rng(3)
    blueprint = mlp(
        [rng.standard_normal((4, 2)), scale * rng.standard_normal((3, 4))], [np.zeros(4), np.zeros(3)], "tanh"
    )
    potential = POTENTIALS[name](blueprint.network())
    x = rng.standard_normal((6, 2))
    found, expected = form_of(potential).evaluate(x), potential.gradient(x)
    assert np.isfinite(found).all()
    np.testing.assert_allclose(found, expected, rtol=1e-9 * scale / 1e3, atol=1e-12)


@pytest.mark.parametrize("activation", SMOOTH)
def test_steep_neurons_do_not_overflow(activation: str) -> None:
    net = mlp([[[900.0], [-2e3]], [[1.0, 0.5], [-1.0, 0.25]]], [[0.0, 1.0], [0.0, 0.0]], activation).network()
    x = np.array([[-3.0], [-0.5], [0.0], [0.01], [2.0]])
    found, expected = form_of(sx.log_odds(net, 0)).evaluate(x), sx.log_odds(net, 0).gradient(x)
    np.testing.assert_allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_dead_and_repeated_neurons_and_the_rank() -> None:
    w = np.array([[1.0, 2.0, 3.0], [1.0, 2.0, 3.0], [0.0, 0.0, 0.0], [0.1, 0.2, 0.3]])
    net = mlp([w, np.arange(8.0).reshape(2, 4)], [np.zeros(4), np.zeros(2)], "relu").network()
    potential = sx.log_odds(net, 1)
    form = form_of(potential)
    assert form.rank == 2  # 0.1 (1, 2, 3) is not (0.1, 0.2, 0.3) in doubles
    x = np.array([[0.5, -1.0, 0.25], [0.0, 0.0, 0.0]])  # the second lies on creases: the side u <= 0, as the gradient
    assert_equal(form.evaluate(x), potential.gradient(x))


def test_layers_in_unusual_places() -> None:
    w = np.array([[1.0, -0.5], [0.25, 2.0], [0.75, 1.0]])
    tanh, affine = Activation("tanh"), Affine(w, np.array([0.1, 0.0, -0.2]))
    square = Affine(np.array([[1.0, 0.5], [-1.0, 1.0]]), np.array([0.0, 0.3]))
    chains = [
        [affine, tanh],  # the logits are activations
        [tanh, affine],  # the input is
        [square, square, Activation("identity"), affine],  # no activation; one layer used twice
        [square, tanh, Activation("sigmoid"), affine],  # two in a row
        [Affine(np.array([[1.0, -2.0]]), np.array([0.1])), tanh],  # a single logit that is an activation
    ]
    x = np.array([[0.3, -0.8], [1.5, 0.2]])
    for layers in chains:
        net = Network.graph((INPUT, *(Node(layer, (i,)) for i, layer in enumerate(layers))), 2)
        for potential in (sx.log_odds(net, 1), sx.neg_entropy(net)):
            form = form_of(potential)
            assert_equal(form.evaluate(x), potential.gradient(x))
            function = sympy.lambdify(sympy.symbols("x1 x2"), form.sympy, cse=True)
            assert_equal(np.array([function(*row).ravel() for row in x]), potential.gradient(x))
            assert form.latex.startswith("\\begin{aligned}")


def test_skips_are_written_node_by_node() -> None:
    potential = architectures(np.random.default_rng(0), "tanh")["skips"].library_potential("log_odds", 0)
    form = form_of(potential)
    assert form.lines[0] == r"\dot{x} = W_1^\top y_1 + W_3^\top y_5 + W_5^\top y_8"
    assert form.reduced_latex == "" and form.rank is None
    with pytest.raises(sx.InputError, match="no reduction"):
        _ = form.reduced_sympy


def test_the_latex_names_the_equation_of_the_paper() -> None:
    net = sx.data.network("mnist-sigmoid")
    form = sx.GradientFlow(sx.class_probability(net, 3), sx.Box.cube(784, 0, 1)).closed_form()
    assert form.lines[0] == r"\dot{x} = P_{T(x)}\big( p_3 (1 - p_3)\,W_1^\top D W_2^\top (e_3 - q) \big)"
    for part in (r"\mathbb{R}^{784}", r"\mathbb{R}^{256 \times 784}", r"s(t) & = \frac{1}{1 + e^{-t}} \\"):
        assert part in form.latex
    assert r"\operatorname{rank}\, W_1 = 256" in form.reduced_lines
    assert r"\dot{u} = W_1 W_1^\top\, y(u)" in form.reduced_lines
    assert "while" in form.reduced_latex and "reduced to 256 dimensions" in repr(form)
    assert form._repr_latex_().startswith("$") and "$$" in form._repr_markdown_()
    free = form_of(sx.class_probability(net, 3))
    assert "P_{T(x)}" not in free.latex and "while" not in free.reduced_latex


@pytest.mark.parametrize("activation", PIECEWISE_LINEAR[1:])
def test_the_slope_of_a_kink_is_a_range(activation: str) -> None:
    net = random_mlp(np.random.default_rng(0), (2, 3, 2), activation).network()
    form = closed_form(sx.log_odds(net, 0), sx.WholeSpace(2))
    assert r"\begin{cases}" in form.latex and any("slide" in note for note in form.notes)


def test_braces_are_closed_in_every_formula() -> None:
    rng = np.random.default_rng(0)
    formulas = [line for lines in SHAPES.values() for line in lines]
    for activation in ACTIVATIONS:
        for blueprint in (*architectures(rng, activation).values(), random_mlp(rng, (2, *[2] * 11, 12), activation)):
            for case in blueprint.potentials:
                potential = blueprint.library_potential(*case)
                form = closed_form(potential, sx.Box.cube(potential.dim, -1, 1))
                formulas += [*form.lines, *form.reduced_lines]
    for formula in formulas:
        assert formula.count("{") == formula.count("}") and formula.count("(") == formula.count(")")
        assert not re.search(r"[_^]\d\d", formula)  # W_12 would be W with the index 1


def test_without_sympy_there_is_still_the_latex(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = builtins.__import__

    def refused(name: str, *rest: Any, **more: Any) -> Any:
        if name.partition(".")[0] == "sympy":
            raise ImportError(name)
        return kept(name, *rest, **more)

    for name in ("separatrix.flow.equations.symbolic", "separatrix.flow.equations.symbolic_equations"):
        monkeypatch.delitem(sys.modules, name, raising=False)
        monkeypatch.delattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], raising=False)
    monkeypatch.setattr(builtins, "__import__", refused)
    form = form_of(sx.log_odds(sx.data.network("blobs-tanh"), 0))
    assert "W_1^" in form.latex and form.reduced_latex
    with pytest.raises(sx.MissingExtraError, match=r"separatrix\[symbolic\]"):
        _ = form.sympy
    with pytest.raises(sx.MissingExtraError):
        form.evaluate([[0.0, 0.0]])


def test_potentials_of_no_network_are_refused() -> None:
    from tests.flow.known import Formula

    with pytest.raises(sx.InputError, match="potential of a network"):
        closed_form(Formula(lambda x, y: x * y, 2), sx.WholeSpace(2))


@pytest.mark.parametrize(
    "text",
    [
        "-(x**2 + y - 11)**2 - (x + y**2 - 7)**2",
        "exp(-x*y) / (1 + x**2) + 0.1 * tanh(sin(x) - cos(y)**3)",
        "log(1 + x**2) - sqrt(2 + y) * atan(x) + cosh(y) * sinh(x) - tan(x/7) + 2**-x + x * 0",
        "y",
    ],
)
def test_an_expression_is_differentiated_by_sympy(text: str) -> None:
    potential = sx.expression(text, "x y")
    form = sx.GradientFlow(potential, sx.Box.cube(2, -1, 1)).closed_form()
    x = np.random.default_rng(0).uniform(-1, 1, (5, 2))
    assert_equal(form.evaluate(x), potential.gradient(x))
    assert form.lines[0].startswith(r"\dot{x} = ") and form.solution is None and form.reduced_latex == ""
    assert {symbol.name for symbol in form.sympy.free_symbols} <= {"x", "y"}
    with pytest.raises(sx.InputError, match="no reduction"):
        form.evaluate_reduced(x)
    with pytest.raises(sx.InputError, match="no reduction"):
        _ = form.reduced_sympy


def test_a_wrong_width_is_refused() -> None:
    form = form_of(sx.log_odds(Blueprint(2, (("affine", 0, np.eye(2), np.zeros(2)),)).network(), 0))
    with pytest.raises(sx.InputError, match="shape"):
        form.evaluate([[1.0, 2.0, 3.0]])
