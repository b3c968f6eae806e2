"""Potentials written as formulas: grammar, values and derivatives against mpmath, enclosures, errors that point."""

import copy
import math
import pickle
import re
import time
from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.errors import InputError, KindError
from separatrix.numerics.intervals import Interval
from tests.flow import known

MP = {
    name: getattr(mpmath, name) for name in ("exp", "log", "sqrt", "sin", "cos", "tan", "atan", "sinh", "cosh", "tanh")
}
# formulas in x and y that are smooth on [0.2, 1.4]^2
FORMULAS = [
    "-(x**2 + y - 11)**2 - (x + y**2 - 7)**2",
    "exp(-x**2 - y) * sin(3*x*y) / (1 + cos(y)**2)",
    "log(x + y) - sqrt(x*y) + atan(x - 2*y)",
    "tan(x/2) * sinh(y) - cosh(x*y) + tanh(5*x - 3*y)",
    "x**y + x**-3 + 2**x + x**0.5 - (x*y)**2.5",
    "x*x*y - x*y*x + (x - y)*(x - y)",
    "1/(x + y) - 1/(x*y) + x/y/2 - x/3",
    "((x + 1)**7 - y**5)**2 / 1e2 + .5e-1*x",
    "tanh(40*(x - 0.7)) * tanh(40*(y + 1))",
    "x - x + 0*y + y**1 + x**0",
]


def by_mpmath(text):
    """The formula as a function of mpmath numbers; literals are the decimals that they write."""
    source = re.sub(r"(?<![\w.])(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", lambda m: f"mpf('{m.group()}')", text)
    return lambda *p: eval(source, {"mpf": mpmath.mpf, **MP}, dict(zip("xyz", p, strict=False)))


def exact_jet(function, point):
    """Value, gradient and Hessian of a function of mpmath numbers, by mpmath's own differences at 60 digits."""
    dim = range(len(point))
    at = [mpmath.mpf(c) for c in point]
    with mpmath.workdps(60):
        unit = lambda *i: tuple(sum(int(k == j) for j in i) for k in dim)  # noqa: E731
        gradient = [mpmath.diff(function, tuple(at), unit(i)) for i in dim]
        hessian = [[mpmath.diff(function, tuple(at), unit(i, j)) for j in dim] for i in dim]
        return function(*at), gradient, hessian


@pytest.mark.parametrize("text", FORMULAS)
def test_derivatives_and_enclosures_against_mpmath(text):
    f, exact = sx.expression(text, "x y"), by_mpmath(text)
    rng = np.random.default_rng(3)
    with mpmath.workdps(60):
        for point in rng.uniform(0.2, 1.4, (3, 2)):
            value, gradient, hessian = exact_jet(exact, point)
            size = 1.0 + max(abs(float(g)) for g in gradient)
            np.testing.assert_allclose(f.value(point)[0], float(value), rtol=1e-13, atol=1e-13 * size)
            np.testing.assert_allclose(
                f.gradient(point)[0], [float(g) for g in gradient], rtol=1e-12, atol=1e-12 * size
            )
            whole = np.array([[float(h) for h in row] for row in hessian])
            np.testing.assert_allclose(f.hessian(point)[0], whole, rtol=1e-11, atol=1e-11 * (1 + np.abs(whole).max()))
            v = rng.standard_normal(2)
            np.testing.assert_allclose(f.hessian_vector(point, v)[0], whole @ v, rtol=1e-10, atol=1e-10 * size)
            digits = mpmath.mpf(10) ** -25
            for width in (0.0, 1e-12, 0.05):
                box = f.enclose(point - width, point + width)
                assert box.value.lower - digits <= value <= box.value.upper + digits
                for i in range(2):
                    assert box.gradient.lower[i] - digits <= gradient[i] <= box.gradient.upper[i] + digits
                    for j in range(2):
                        found = box.hessian
                        assert found.lower[i, j] - digits <= hessian[i][j] <= found.upper[i, j] + digits
            for bounds in (f.gradient_bounds(point), f.gradient_bounds(point, precise=True)):
                assert all(bounds.lower[i] - digits <= gradient[i] <= bounds.upper[i] + digits for i in range(2))
            sharp = f.gradient_bounds(point, precise=True)
            assert (sharp.upper - sharp.lower <= 4 * np.spacing(np.abs(sharp.upper) + 1e-300)).all()
            wide = f.gradient_bounds(point)
            assert (wide.upper - wide.lower <= 1e-11 * size * (1 + np.abs(whole).max())).all()


@pytest.mark.parametrize("text", FORMULAS)
def test_boxes_hold_what_happens_inside(text):
    f, rng = sx.expression(text, "x y"), np.random.default_rng(4)
    lower = rng.uniform(0.2, 1.0, (40, 2))
    upper = lower + rng.uniform(0.0, 0.4, (40, 2))
    boxes = f.enclose(lower, upper)
    for _ in range(30):
        x = lower + (upper - lower) * rng.random((40, 2))
        for part, found in zip(boxes, (f.value(x), f.gradient(x), f.hessian(x)), strict=True):
            slack = 1e-11 * (1.0 + np.abs(found))
            assert ((part.lower <= found + slack) & (found - slack <= part.upper)).all()
    one = f.enclose(lower[0], upper[0])
    for part, many in zip(one, boxes, strict=True):
        assert np.array_equal(part.lower, many.lower[0]) and np.array_equal(part.upper, many.upper[0])
    over = f.gradient_over(Interval(lower[0], upper[0]))
    assert np.array_equal(over.lower, one.gradient.lower) and np.array_equal(over.upper, one.gradient.upper)
    assert f.value_bounds(lower[0]).contains(f.enclose(lower[0], lower[0]).value)


LEAVES = st.sampled_from(["x", "y", "2", "0.1", "1.5", "x", "y"])


def _joined(parts):
    one = st.builds(
        "{}({})".format, st.sampled_from(["exp", "sin", "cos", "atan", "tanh", "sinh", "cosh", "-", "+"]), parts
    )
    two = st.builds("({}){}({})".format, parts, st.sampled_from("+-*"), parts)
    power = st.builds("({})**{}".format, parts, st.sampled_from(["2", "3", "0", "1", "4"]))
    safe = st.builds("{}(2+({})**2)".format, st.sampled_from(["log", "sqrt", "1/"]), parts)
    return one | two | power | safe


@settings(max_examples=60, deadline=None)
@given(st.recursive(LEAVES, _joined, max_leaves=8), st.integers(0, 2**31))
def test_any_formula(text, seed):
    """Random formulas: exact numbers in balls of mpmath's lie in enclosures, derivatives agree with differences."""
    f, exact = sx.expression(text, "x y"), by_mpmath(text)
    point = np.random.default_rng(seed).uniform(-1, 1, 2)
    with mpmath.workdps(60):
        value = exact(*(mpmath.mpf(c) for c in point))
        if not abs(value) < 1e100:
            return
        value, gradient, hessian = exact_jet(exact, point)
        if max(abs(h) for row in hessian for h in row) > 1e200:
            return
        box = f.enclose(point - 1e-9, point + 1e-9)
        tight = f.enclose(point, point)
        for found in (box, tight):
            size = mpmath.mpf(10) ** -20 * (1 + abs(value) + max(abs(h) for row in hessian for h in row))
            assert found.value.lower - size <= value <= found.value.upper + size
            for i in range(2):
                assert found.gradient.lower[i] - size <= gradient[i] <= found.gradient.upper[i] + size
                for j in range(2):
                    assert found.hessian.lower[i, j] - size <= hessian[i][j] <= found.hessian.upper[i, j] + size
    for part, given_ in ((tight.value, f.value(point)[0]), (tight.gradient, f.gradient(point)[0])):
        # the doubles lie next to their enclosure, not necessarily in it
        middle, half = part.midpoint, 1e-6 * (1e-9 + np.abs(part.midpoint)) + 3.0 * part.radius
        assert (np.abs(np.asarray(given_) - middle) <= half + 1e-12).all()


@pytest.mark.parametrize(
    "text",
    [
        "-x**2",
        "2**3**2",
        "x - y - 1",
        "x/y/2",
        "--x",
        "-x**-2",
        "2*-x",
        "x**2**0",
        "+x - -y",
        "-2**2",
        "x*y**2/2*3",
        "2**-x",
    ],
)
def test_signs_and_powers_bind_as_in_python(text):
    for x, y in ((0.7, 1.3), (2.0, 0.5)):
        assert sx.expression(text, "x y").value([[x, y]])[0] == pytest.approx(
            eval(text, {}, {"x": x, "y": y}), rel=1e-14
        )


ERRORS = {
    "x^2": (2, "write \\*\\*"),
    "x + ": (4, "expected a number"),
    "": (None, "empty"),
    "   ": (None, "empty"),
    "(x": (1, "not closed"),
    "(x y)": (4, "operator or '\\)'"),
    "x)": (2, "operator or the end"),
    "2x": (2, "written with \\*"),
    "x y": (3, "written with \\*"),
    "x(2)": (2, "is a variable"),
    "sin x": (5, "expected '\\(' after 'sin'"),
    "sin": (4, "expected '\\(' after 'sin'"),
    "pi*x": (1, "'pi' is not known"),
    "abs(x)": (1, "allowed are"),
    "x = 1": (3, "not part of a formula"),
    "x[0]": (2, "not part of a formula"),
    "__import__(os)": (1, "not known"),
    "x.real": (2, "not part of a formula"),
    "1/0": (3, "division by the number 0"),
    "x/(1-1)": (3, "division by the number 0"),
    "0**-1": (1, "division by the number 0"),
    "(-2)**0.5": (1, "base above 0"),
    "1e999": (1, "range of doubles"),
    "1e99999999999": (1, "range of doubles"),
    "x***y": (4, "expected a number"),
    "x*/y": (3, "expected a number"),
    "x**": (4, "expected a number"),
    "sin()": (5, "expected a number"),
    "x,y": (2, "not part of a formula"),
    "x²": (1, "not known"),
    "1__0": (2, "operator"),
    "x**1e10": (2, "exponent"),
    "x\x00": (2, "not part of a formula"),
}


@pytest.mark.parametrize("text", ERRORS)
def test_errors_point_at_the_place(text):
    column, message = ERRORS[text]
    with pytest.raises(InputError, match=message) as caught:
        sx.expression(text, "x y")
    shown = str(caught.value).splitlines()
    assert all(line.isprintable() for line in shown)
    if column is not None:
        assert shown[0].startswith(f"expression, column {column}: ")
        assert shown[2].index("^") - 4 == column - 1 and len(shown) == 3


def test_the_caret_stands_below_its_place_in_a_long_text():
    text = "x + " * 50 + "? + x" + " + x" * 50
    with pytest.raises(InputError) as caught:
        sx.expression(text, "x")
    _, line, caret = str(caught.value).splitlines()
    assert line[caret.index("^")] == "?"


@pytest.mark.parametrize(
    "text",
    [
        "(" * 5000 + "x" + ")" * 5000,
        "sin(" * 3000 + "x" + ")" * 3000,
        "x**" * 5000 + "x",
        "(" * 90_000,
        "x" * 200_000,
        "9" * 50_000,
        "2**" * 40 + "2",
        "x**2147483649",
        "1e-" + "9" * 4000,
        "+".join(f"x**{k}" for k in range(60_000))[:99_000] + "^",
    ],
)
def test_hostile_texts_are_refused_quickly(text):
    begun = time.perf_counter()
    with pytest.raises(InputError) as caught:
        sx.expression(text, "x").value([[1.0]])
    assert time.perf_counter() - begun < 5 and len(str(caught.value)) < 2000


def test_long_formulas_are_read():
    n = 3000
    signs = sx.expression("-" * 5001 + "x", "x")
    assert signs.value([[2.0]])[0] == -2.0
    f = sx.expression(" + ".join(f"(x - {k})**2" for k in range(n)), "x")
    assert f.value([[0.5]])[0] == pytest.approx(sum((0.5 - k) ** 2 for k in range(n)), rel=1e-12)
    many = [f"x{i}" for i in range(300)]
    g = sx.expression(" - ".join(f"{i + 1}*{name}**2" for i, name in enumerate(many)), many)
    x = np.random.default_rng(0).standard_normal((2, 300))
    slope = 2.0 * x * -np.arange(1.0, 301.0)
    slope[:, 0] *= -1
    np.testing.assert_allclose(g.gradient(x), slope, rtol=1e-12)
    assert g.hessian(x).shape == (2, 300, 300) and np.count_nonzero(g.hessian(x)[0]) == 300


def test_variables():
    for variables in ("a b", "a, b", ["a", "b"], ("a", "b"), " a,b "):
        f = sx.expression("a - b", variables)
        assert f.variables == ("a", "b") and f.dim == 2 and f.value([[3.0, 1.0]]).tolist() == [2.0]
    assert sx.expression("b", "a b c").gradient([[1.0, 2.0, 3.0]]).tolist() == [[0.0, 1.0, 0.0]]
    assert sx.expression("x_1 + Ünd2", "x_1 Ünd2").dim == 2
    for variables, kind, message in (
        ("", InputError, "at least one"),
        ([], InputError, "at least one"),
        ("x x", InputError, "twice"),
        ("sin", InputError, "function"),
        ("2x", InputError, "not a name"),
        (["x y"], InputError, "not a name"),
        (3, KindError, "variables"),
        (None, KindError, "variables"),
        ([1, 2], KindError, "variables"),
    ):
        with pytest.raises(kind, match=message):
            sx.expression("1", variables)
    with pytest.raises(KindError, match="string"):
        sx.expression(3, "x")


def test_outside_the_domain():
    cases = {
        "log(x)": ([0.5, -1.0], 1, "'log\\(x\\)' is not defined where 'x' is not above 0: row 1, x = -1"),
        "sqrt(x - 1)*2": ([2.0, 1.5, 0.0], 2, "'sqrt\\(x - 1\\)'"),
        "1/(x - 2)": ([2.0], 0, "where 'x - 2' is 0"),
        "x**-2": ([0.0], 0, "where 'x' is 0"),
        "3/x": ([1.0, 0.0], 1, "where 'x' is 0"),
        "x**0.5": ([-0.5], 0, "'x\\*\\*0.5' is not defined"),
        "exp(x)": ([1.0, 800.0], 1, "'exp\\(x\\)' is not finite"),
        "0*log(x) + x": ([-1.0], 0, "'log\\(x\\)'"),
    }
    for text, (column, row, message) in cases.items():
        f = sx.expression(text, "x")
        x = np.array(column)[:, None]
        for method in (f.value, f.gradient, f.hessian, f.require_defined):
            with pytest.raises(InputError, match=message) as caught:
                method(x)
            assert f"row {row}" in str(caught.value)
        value, gradient = f.value_and_gradient(x)
        lost = np.arange(len(column)) == row
        assert (np.isnan(value) == lost).all() and (np.isnan(gradient[:, 0]) == lost).all()
    f = sx.expression("sqrt(x)", "x")
    assert f.value([[0.0]]).tolist() == [0.0]
    with pytest.raises(InputError, match="no derivative"):
        f.gradient([[0.0]])


def test_boxes_where_it_is_not_defined_say_nothing():
    """Not even where a factor 0 or a bounded function would hide it."""
    for text in ("log(x)", "1/x", "x**-2", "0*log(x)", "exp(-1/x**2)", "sin(1/x)", "0/x", "x**0.5", "x**y", "sqrt(x)"):
        box = sx.expression(text, "x y").enclose([[-0.5, 0.1], [0.5, 0.1]], [[0.5, 0.2], [0.6, 0.2]])
        for part in box:
            assert (part.lower[0] == -np.inf).all() and (part.upper[0] == np.inf).all(), text
        assert np.isfinite(box.value.lower[1]) and np.isfinite(box.value.upper[1])
    f = sx.expression("tan(x)", "x")
    assert f.enclose([1.0], [2.0]).value.upper == np.inf and np.isfinite(f.enclose([1.0], [1.5]).value.upper)
    # |x| has no derivative at 0, where the inner one is 0
    f = sx.expression("sqrt(x**2)", "x")
    for bounds in (f.enclose([0.0], [0.0]).gradient, f.gradient_bounds(np.zeros(1), precise=True)):
        assert bounds.lower[0] == -np.inf and bounds.upper[0] == np.inf
    assert f.enclose([0.0], [1.0]).value.contains([0.0, 1.0]).all()
    assert f.gradient_bounds(np.array([-1.0]), precise=True).contains([-1.0]).all()
    f = sx.expression("0*log(x) + x", "x")
    assert f.gradient_bounds(np.array([-1.0]), precise=True).lower[0] == -np.inf


def test_decimal_literals_are_the_numbers_that_they_write():
    for text, exact in (("0.1", Fraction(1, 10)), ("1/3 + x*0", Fraction(1, 3)), ("0.1 + 0.2", Fraction(3, 10))):
        value = sx.expression(text, "x").enclose([0.0], [0.0]).value
        assert Fraction(float(value.lower)) <= exact <= Fraction(float(value.upper))
        assert 0 < float(value.upper - value.lower) <= 2.3e-16
    # the double next to 1/10 is above it, so that this vanishes for the double and not for the decimal
    slope = sx.expression("0.1*x - 0.1000000000000000055511151231257827*x", "x").gradient_bounds(
        np.ones(1), precise=True
    )
    assert slope.upper[0] < 0
    assert sx.expression("0.1", "x").value([[0.0]])[0] == 0.1


def test_sharp_where_it_is_cheap():
    box = ([-1.0, -2.0], [2.0, 1.0])
    for text, low, high in (
        ("x**2", 0, 4),
        ("x*x", 0, 4),
        ("x**3", -1, 8),
        ("x**4 - 1", -1, 15),
        ("(x+y)*(y+x)", 0, 9),
    ):
        value = sx.expression(text, "x y").enclose(*box).value
        assert low - 1e-12 <= value.lower <= low and high <= value.upper <= high + 1e-12, text
    f = sx.expression("x**2 - 3*x*y + y", "x y").enclose(*box)
    assert f.hessian.lower.tolist() == f.hessian.upper.tolist() == [[2.0, -3.0], [-3.0, 0.0]]
    big = sx.expression("x**400", "x")
    assert big.value([[1.01]])[0] == pytest.approx(1.01**400, rel=1e-12)
    value = big.enclose([1.01], [1.01]).value
    with mpmath.workdps(60):
        exact = mpmath.mpf(1.01) ** 400
        assert value.lower <= exact <= value.upper and value.upper - value.lower < 1e-12 * value.upper
    assert big.enclose([-0.5], [0.25]).value.lower == 0
    assert big.enclose([2.0], [1e3]).value.upper == np.inf


def test_as_a_potential():
    f = sx.expression("  -(x**2 -\n 1)**2   - y**2", "x y")
    assert f.name == "-(x**2 - 1)**2 - y**2" and repr(f) == "<expression -(x**2 - 1)**2 - y**2, dim=2>"
    for other in (pickle.loads(pickle.dumps(f)), copy.deepcopy(f)):  # noqa: S301
        assert other.value([[0.5, 1.0]]).tolist() == f.value([[0.5, 1.0]]).tolist() and other.variables == f.variables
    assert f.value(np.zeros((0, 2))).shape == (0,) and f.gradient(np.zeros((0, 2))).shape == (0, 2)
    assert f.hessian(np.zeros((0, 2))).shape == (0, 2, 2)
    assert f.value([1.0, 0.0]).shape == (1,)
    constant = sx.expression("2 + 1/3", "x y")
    assert constant.value([[1.0, 2.0]] * 3).tolist() == [2 + 1 / 3] * 3
    assert not constant.gradient([[1.0, 2.0]]).any() and not constant.hessian([[1.0, 2.0]]).any()
    assert len(repr(sx.expression("+".join(["x"] * 3000), "x"))) < 300
    for bad in ([[1.0]], [[np.nan, 0.0]], [["a", "b"]]):
        with pytest.raises(InputError if bad != [["a", "b"]] else KindError):
            f.value(bad)


def test_tensors():
    torch = pytest.importorskip("torch")
    f = sx.expression(" + ".join(f"({text})" for text in FORMULAS), "x y")
    x = np.random.default_rng(0).uniform(0.2, 1.4, (7, 2))
    tensor = torch.tensor(x)
    for method in ("value", "gradient", "hessian"):
        found = getattr(f, method)(tensor)
        assert isinstance(found, torch.Tensor) and found.dtype == torch.float64
        np.testing.assert_allclose(found.numpy(), getattr(f, method)(x), rtol=1e-12)
    assert f.gradient(tensor.float()).dtype == torch.float32
    with pytest.raises(InputError, match="row 1"):
        sx.expression("log(x)", "x").value(torch.tensor([[1.0], [-1.0]]))
    value, gradient = sx.expression("log(x)", "x").value_and_gradient(torch.tensor([[1.0], [-1.0]]))
    assert torch.isnan(value).tolist() == torch.isnan(gradient[:, 0]).tolist() == [False, True]


# -- the flow of a formula


def mueller_brown():
    terms = [
        f"{-height / 100}*exp({a}*(x - {x0})**2 + {b}*(x - {x0})*(y - {y0}) + {c}*(y - {y0})**2)"
        for height, a, b, c, x0, y0 in known.MULLER_BROWN
    ]
    return " + ".join(terms).replace("- -", "+ ")


def assert_sinks(flow, maxima, atol):
    found = flow.sinks()
    assert len(found) == len(maxima) == found.n_proved, found
    gaps = np.abs(found.points[:, None] - np.asarray(maxima)[None]).max(axis=2)
    assert (gaps.min(axis=0) < atol).all()


def test_known_maxima_are_proved():
    himmelblau = sx.expression("-(x**2 + y - 11)**2 - (x + y**2 - 7)**2", "x y")
    assert_sinks(sx.GradientFlow(himmelblau, sx.Box.cube(2, -5, 5)), known.HIMMELBLAU_MAXIMA, 1e-9)
    assert_sinks(sx.GradientFlow(himmelblau, sx.WholeSpace(2)), known.HIMMELBLAU_MAXIMA, 1e-9)
    surface = sx.expression(mueller_brown(), "x y")
    assert_sinks(sx.GradientFlow(surface, sx.Box([-1.5, -0.5], [1.2, 2.0])), known.MULLER_BROWN_MAXIMA, 1e-3)
    waves = sx.expression("cos(x) * cos(y)", "x y")
    maxima = [[0, 0], [math.pi, math.pi], [-math.pi, math.pi], [math.pi, -math.pi], [-math.pi, -math.pi]]
    assert_sinks(sx.GradientFlow(waves, sx.Box.cube(2, -4, 4)), maxima, 1e-12)
    wells = sx.expression("-(x**2-1)**2 - (y**2-1)**2 - (z**2-1)**2", "x y z")
    corners = [[a, b, c] for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)]
    assert_sinks(sx.GradientFlow(wells, sx.Box.cube(3, -2, 2)), corners, 1e-12)


def test_the_same_as_a_potential_of_the_tests_own():
    f, g = sx.expression("-(x**2 - 1)**2 - y**2", "x y"), known.double_well()
    starts = np.random.default_rng(0).uniform(-2, 2, (30, 2))
    box = sx.Box.cube(2, -2, 2)
    ends = [sx.GradientFlow(p, box).trajectories(starts, 3.0).end for p in (f, g)]
    np.testing.assert_allclose(*ends, atol=1e-9)
    basins = [sx.GradientFlow(p, box).basins(starts) for p in (f, g)]
    sides = [b.sinks.points[b.label, 0] > 0 for b in basins]
    np.testing.assert_array_equal(*sides)
    one, two = (sx.GradientFlow(f, box).sinks(np.tile(starts, (5, 1)), workers=workers) for workers in (1, 2))
    np.testing.assert_array_equal(one.points, two.points)
    np.testing.assert_array_equal(one.label, two.label)


def test_flows_at_the_edge_of_the_domain():
    """x log x has its maximum on (0, 1] at 1/e when negated; starts outside are refused, trial steps outside are not taken."""
    f = sx.expression("-x*log(x)", "x")
    flow = sx.GradientFlow(f, sx.Box([-1.0], [2.0]))
    found = flow.sinks([[0.01], [1.9], [0.3]])
    assert found.n_proved == len(found) == 1 and found.points[0, 0] == pytest.approx(math.exp(-1), abs=1e-12)
    assert found.label.tolist() == [0, 0, 0]
    with pytest.raises(InputError, match="row 1, x = -0"):
        flow.sinks([[0.5], [-0.5]])
    with pytest.raises(InputError, match="is not defined"):
        flow.trajectories([[-0.5]], 1.0)
    own = flow.sinks()
    assert len(own) == 1 and any("not defined" in reason for reason in own.reasons)
    # the flow of -sqrt(x) reaches the edge of its domain in finite time
    fall = sx.GradientFlow(sx.expression("-sqrt(x)", "x"), sx.Box([-1.0], [2.0])).trajectories(
        [[0.5]], 5.0, max_steps=300
    )
    assert fall.reason[0] != "sink" and np.isfinite(fall.end).all() and fall.end[0, 0] >= 0
