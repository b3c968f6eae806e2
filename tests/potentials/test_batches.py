"""Enclosures in batches hold derivatives by long doubles and exact fractions, and are no wider than those of single boxes."""

from fractions import Fraction

import mpmath
import numpy as np
import pytest
import sympy
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix import InputError, data, expression, log_density, log_odds, margin
from separatrix.data.known_flows import known_flow
from separatrix.potentials.base import Potential
from tests.oracles import jets
from tests.oracles.blueprints import POTENTIALS, SMOOTH, architectures, mlp, of_logits, random_mlp
from tests.potentials.test_enclosures import WIDTHS, corners, excess, sampled
from tests.potentials.test_expression import FORMULAS

DOUBLES = st.floats(-3, 3) | st.sampled_from([0.0, 1.0, -1.0, 1e-300, -5e-324, 1e-8])


def holds(interval, numbers):
    """Exact comparison of intervals (…) with numbers (…) of any kind that compares exactly with doubles."""
    triples = zip(np.ravel(interval.lower).tolist(), np.ravel(numbers), np.ravel(interval.upper).tolist(), strict=True)
    return all(low <= number <= high for low, number, high in triples)


@pytest.mark.parametrize("activation", ["identity", *SMOOTH])
def test_networks_against_long_doubles(activation):
    """Chains, skips and single logits, six potentials, thin to wide boxes, the first ones beyond the tables' reach."""
    rng = np.random.default_rng(50)
    for kind, blueprint in architectures(rng, activation).items():
        lower = 2 * rng.standard_normal((2 * len(WIDTHS), blueprint.n_inputs))
        lower[:2] *= 5 if activation == "gelu_tanh" else 30
        upper = lower + np.repeat(WIDTHS, 2)[:, None] * rng.choice([1.0, 0.2], lower.shape)
        points = sampled(rng, lower, upper, 30)
        logits = blueprint.logits(jets.LongDoubles, points.reshape(-1, blueprint.n_inputs))
        for case in blueprint.potentials:
            f = blueprint.library_potential(*case)
            gradient, hessian = f.enclose_batch(lower, upper)
            for part, exact in zip((gradient, hessian), of_logits(logits, *case)[1:], strict=True):
                exact = exact.reshape(len(lower), -1, *exact.shape[1:])
                assert excess(part, exact).max() <= 0, (kind, case)
            column = f.enclose_batch(lower, upper, np.array([1]))[1]
            assert column.overlaps(hessian[:, :, 1:2]).all() and column.shape == (*lower.shape, 1)
            assert f.gradient_batch(lower, upper).overlaps(gradient).all()
            found = f.enclose_centred(lower, upper, np.arange(f.dim))
            assert all(found[i].overlaps(part).all() for i, part in enumerate((gradient, hessian)))
            if found[2] is not None:
                centre = 0.5 * lower + 0.5 * upper
                exact = of_logits(blueprint.logits(jets.LongDoubles, centre), *case)[1]
                assert excess(found[2], exact[:, None]).max() <= 0, (kind, case)
                at_points = f.gradient_batch(centre, centre)
                assert (found[2].radius <= 2.0 * at_points.radius + 1e-290).all(), (kind, case)


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(SMOOTH), st.sampled_from(POTENTIALS))
def test_a_part_of_a_box_has_a_part_of_the_enclosure(seed, activation, case):
    rng = np.random.default_rng(seed)
    f = random_mlp(rng, (2, 4, 3), activation).library_potential(*case)
    lower, width = rng.standard_normal((1, 2)), 10.0 ** rng.uniform(-9, 0.5)
    t = np.sort(rng.random((2, 20, 2)), axis=0)
    inner = f.enclose_batch(*np.clip(lower + t * width, lower, lower + width))
    for part, whole in zip(inner, f.enclose_batch(lower, lower + width), strict=True):
        slack = 1e-12 * (1 + np.maximum(np.abs(whole.lower), np.abs(whole.upper)))
        assert (part.lower >= whole.lower - slack).all() and (part.upper <= whole.upper + slack).all()


@pytest.mark.parametrize("name", ["moons-tanh", "blobs-sigmoid", "blobs3d-softplus", "torus-tanh"])
def test_they_are_as_narrow_as_those_of_single_boxes(name):
    """The mean value form and pairs of classes never lose more than rounding to the plain adjoint form."""
    net, rng = data.network(name), np.random.default_rng(51)
    lower = rng.uniform(-2, 2, (60, net.n_inputs))
    upper = lower + 10.0 ** rng.uniform(-6, 0, (60, 1))
    for f in (log_odds(net, 0), log_density(net) if net.n_classes > 2 else margin(net, 0, 1)):
        single = Potential.enclose_batch(f, lower, upper)
        for part, plain in zip(f.enclose_batch(lower, upper), single, strict=True):
            slack = 1e-12 * (1 + plain.magnitude)
            assert ((part.upper - part.lower) <= (plain.upper - plain.lower) * (1 + 1e-9) + slack).all()


def test_extreme_weights_and_saturation():
    """Overflow and deep tails: unbounded or sharp, never wrong; a slope of the size exp(-80) keeps its sign."""
    for weight in (1e308, 1e150, 745.0, 40.0):
        blueprint = mlp([[[weight, 1.0], [-1.0, weight]], [[1.0, 0.5], [-1.0, 2.0]]], [[0.0, 1.0], [0.0, 1.0]], "tanh")
        lower, upper = np.array([1.0, -0.5]), np.array([1.0, -0.5]) + 1e-3
        f = blueprint.library_potential("log_odds", 0)
        found = f.enclose_batch(lower[None], upper[None])
        with mpmath.workdps(2000 if weight < 1e3 else 50):
            exact = blueprint.digits(corners(lower, upper), "log_odds", 0, digits=mpmath.mp.dps)
            for part, numbers in zip(found, exact[1:], strict=True):
                assert all(holds(part[0], row) for row in numbers), weight
    gradient = f.enclose_batch(lower[None], upper[None])[0]
    assert (np.sign(gradient.lower) == np.sign(gradient.upper)).all() and gradient.magnitude.max() < 1e-14


def test_one_class_far_below_two_others():
    """exp(800) + exp(800) overflows; the slope by the first logit is still known to be nearly nothing."""
    f = mlp([np.eye(3)], [[-800.0, 0.0, 0.0]], "identity").library_potential("log_density")
    slope = f.gradient_batch(np.zeros((1, 3)), np.zeros((1, 3)))
    assert slope.magnitude[0, 0] < 1e-280
    np.testing.assert_allclose([slope.lower[0, 1:], slope.upper[0, 1:]], 0.5, rtol=1e-14)


POLYNOMIALS = (
    "-(x**2 + y - 11)**2 - (x + y**2 - 7)**2",
    "x**3*y**5 - 2*x*y**3 + x**7/3 - (x*y)**4 + 0.1*x",
    "-(x**2 - 1)**2 - 3*x*y + y",
)


@pytest.mark.parametrize("text", POLYNOMIALS)
def test_polynomials_against_exact_fractions(text):
    """Derivatives by sympy, evaluated in rationals at points of the boxes, ends included."""
    f, rng = expression(text, "x y"), np.random.default_rng(52)
    x, y = sympy.symbols("x y")
    exact = sympy.sympify(text.replace("0.1", "Rational(1, 10)"))
    slopes = [exact.diff(v) for v in (x, y)]
    entries = [
        sympy.lambdify((x, y), g, modules=[{}, "math"]) for g in (*slopes, *(s.diff(v) for s in slopes for v in (x, y)))
    ]
    lower = np.round(rng.uniform(-2, 2, (30, 2)), 1)
    upper = lower + rng.choice([0.0, 1e-300, 1e-12, 0.1, 2.0], (30, 2))
    gradient, hessian = f.enclose_batch(lower, upper)
    for i in range(30):
        for t in (Fraction(0), Fraction(1), Fraction(1, 3)):
            point = [Fraction(a) + t * (Fraction(b) - Fraction(a)) for a, b in zip(lower[i], upper[i], strict=True)]
            numbers = [Fraction(entry(*point)) for entry in entries]
            assert holds(gradient[i], np.array(numbers[:2], dtype=object))
            assert holds(hessian[i], np.array(numbers[2:], dtype=object))


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_hold_and_are_as_narrow_as_single_boxes(text):
    f, rng = expression(text, "x y"), np.random.default_rng(53)
    lower = rng.uniform(0.2, 1.0, (300, 2))
    upper = lower + rng.choice([0.0, 1e-9, 1e-3, 0.4], (300, 1)) * rng.random((300, 2))
    found = f.enclose_batch(lower, upper)
    for part, plain in zip(found, Potential.enclose_batch(f, lower, upper), strict=True):
        slack = 1e-11 * (1 + plain.magnitude)
        assert part.overlaps(plain).all() and (part.upper - part.lower <= plain.upper - plain.lower + slack).all()
    for t in rng.random((6, 300, 2)):
        x = np.clip(lower + t * (upper - lower), lower, upper)
        for part, numbers in zip(found, (f.gradient(x), f.hessian(x)), strict=True):
            slack = 1e-11 * (1 + np.abs(numbers))
            assert ((part.lower <= numbers + slack) & (numbers - slack <= part.upper)).all()


@settings(max_examples=40, deadline=None)
@given(st.tuples(DOUBLES, DOUBLES), st.tuples(*[st.sampled_from([0.0, 5e-324, 1e-12, 0.5, 1e160, 1e308])] * 2))
def test_formulas_at_extremes(corner, width):
    """Products that overflow, underflow or are 0 . infinity: every corner's exact derivative is held."""
    f = expression("(x*y)**3 + x**2*y - y/3", "x y")
    lower, upper = np.array([corner]), np.array([corner]) + np.array([width])
    gradient, hessian = f.enclose_batch(lower, upper)
    for x in (lower[0, 0], upper[0, 0]):
        for y in (lower[0, 1], upper[0, 1]):
            a, b = Fraction(x), Fraction(y)
            slope = [3 * a**2 * b**3 + 2 * a * b, 3 * a**3 * b**2 + a**2 - Fraction(1, 3)]
            mixed = 9 * a**2 * b**2 + 2 * a
            assert holds(gradient[0], np.array(slope, dtype=object))
            bent = [6 * a * b**3 + 2 * b, mixed, mixed, 6 * a**3 * b]
            assert holds(hessian[0], np.array(bent, dtype=object))


def test_nothing_is_said_where_a_formula_is_not_defined():
    f = expression("log(x) + sqrt(y) + 1/(x - 2) + tan(y)", "x y")
    lower = np.array([[0.5, 0.5], [0.0, 0.5], [0.5, 0.0], [1.5, 0.5], [0.5, 1.0], [0.5, -1.0]])
    upper = lower + 0.75
    gradient, hessian = f.enclose_batch(lower, upper)
    unknown = np.isinf(gradient.lower).all(axis=1) & np.isinf(hessian.upper).all(axis=(1, 2))
    assert unknown.tolist() == [False, True, True, True, True, True]
    assert np.isfinite(hessian.upper[0]).all() and (hessian[0].contains([[0, 0], [0, 0]])[[0, 1], [1, 0]]).all()


def test_equal_rationals_cost_nothing_and_stay_exact():
    """Second derivatives that are numbers come back as them; columns of fixed coordinates are left out."""
    f = known_flow("double well").potential
    gradient, hessian = f.enclose_batch(np.zeros((3, 2)), np.ones((3, 2)), np.array([1]))
    assert gradient.shape == (3, 2) and hessian.shape == (3, 2, 1)
    assert (hessian.lower[:, 1, 0] == -2).all() and (hessian.upper[:, 1, 0] == -2).all()
    assert not hessian.lower[:, 0].any() and not hessian.upper[:, 0].any()


def test_the_enclosure_of_a_user_may_know_nothing():
    """NaN and ends at the wrong infinity are the whole line in that entry; ends in the wrong order are refused."""

    def enclosure(lower, upper):
        value = np.full(len(lower), np.nan), np.zeros(len(lower))
        slope = np.where(lower < 0, np.nan, -2 * upper), np.where(upper > 5, -np.inf, -2 * lower)
        return value, slope, (np.full((len(lower), 1, 1), -2.0), np.full((len(lower), 1, 1), -2.0))

    f = Potential.custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, enclosure=enclosure, dim=1)
    gradient, hessian = f.enclose_batch(np.array([[1.0], [-1.0], [3.0]]), np.array([[2.0], [1.0], [7.0]]))
    assert gradient.lower.ravel().tolist() == [-4.0, -np.inf, -np.inf]
    assert gradient.upper.ravel().tolist() == [-2.0, np.inf, np.inf] and (hessian.lower == -2).all()
    with pytest.raises(InputError, match="lower <= upper"):
        f.gradient_batch(np.array([[2.0]]), np.array([[1.0]]))
