"""A user's own functions as a potential: what is checked, what is said, what may be called proved."""

import warnings

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError, SeparatrixError
from separatrix.numerics.intervals import Interval
from separatrix.potentials.custom_checks import DerivativeWarning
from tests.flow import known

custom = sx.Potential.custom
EYE = np.eye(2)


def well(x):
    """-(x^2 - 1)^2 - y^2."""
    return -((x[:, 0] ** 2 - 1) ** 2) - x[:, 1] ** 2


def well_gradient(x):
    return np.stack([-4 * x[:, 0] * (x[:, 0] ** 2 - 1), -2 * x[:, 1]], axis=1)


def well_hessian(x):
    found = np.zeros((len(x), 2, 2))
    found[:, 0, 0], found[:, 1, 1] = 4 - 12 * x[:, 0] ** 2, -2
    return found


def well_enclosure(lower, upper):
    return tuple(known.double_well().enclose(lower, upper))


def pairs(lower, upper):
    return [(part.lower, part.upper) for part in well_enclosure(lower, upper)]


@pytest.mark.parametrize("hessian", [None, well_hessian])
def test_without_an_enclosure_sinks_are_verified(hessian):
    f = custom(well, well_gradient, hessian, dim=2, name="double well of the user")
    for domain in (sx.Box.cube(2, -2, 2), sx.WholeSpace(2), sx.Box([-2, 0.25], [2, 1])):
        found = sx.GradientFlow(f, domain).sinks([[0.5, 0.5], [-0.7, 0.4], [1.5, 0.6]])
        assert len(found) == 2 and set(found.certainty) == {Certainty.VERIFIED} and found.potential == f.name
        np.testing.assert_allclose(np.sort(found.points[:, 0]), [-1, 1], atol=1e-7)
        assert all("no enclosure" in text for text in found.evidence)
        assert all(("differences" in text) == (hessian is None) for text in found.evidence)
    with pytest.raises(SeparatrixError, match="give enclosure="):
        f.enclose([0, 0], [1, 1])


@pytest.mark.parametrize("enclosure", [well_enclosure, pairs])
@pytest.mark.parametrize("hessian", [None, well_hessian])
def test_what_is_proved_rests_on_the_users_enclosure(hessian, enclosure):
    f = custom(well, well_gradient, hessian, enclosure, dim=2)
    found = sx.GradientFlow(f, sx.Box.cube(2, -2, 2)).sinks([[0.5, 0.5], [-0.7, 0.4]])
    assert len(found) == found.n_proved == 2
    assert all("rests on the enclosure given by the user" in text for text in found.evidence)
    np.testing.assert_allclose(np.abs(found.points), [[1, 0], [1, 0]], atol=1e-9)
    single, many = f.enclose([0, 0], [1, 1]), f.enclose([[0, 0]], [[1, 1]])
    assert single.hessian.shape == (2, 2) and many.hessian.shape == (1, 2, 2)


def test_derivatives_by_differences():
    f, g = custom(well, well_gradient, dim=2), custom(well, well_gradient, well_hessian, dim=2)
    x, v = np.random.default_rng(0).uniform(-2, 2, (5, 2)), [[0.3, -2.0]]
    np.testing.assert_allclose(f.hessian(x), well_hessian(x), rtol=1e-7, atol=1e-8)
    np.testing.assert_allclose(f.hessian_vector(x, v), g.hessian_vector(x, v), rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(f.hessian_on(x[0], np.array([1])), [[-2.0]], atol=1e-8)
    assert f.hessian_vector(x, [[0.0, 0.0]]).tolist() == [[0.0, 0.0]] * 5
    assert f.hessian(np.zeros((0, 2))).shape == (0, 2, 2) and f.value(np.zeros((0, 2))).shape == (0,)
    value, gradient = f.value_and_gradient(x)
    assert np.array_equal(value, well(x)) and np.array_equal(gradient, well_gradient(x))


WRONG = {
    "one point": (lambda x: x[0] ** 2 + x[1] ** 2, lambda x: 2 * x, "takes one point"),
    "one point, summed": (lambda x: (x**2).sum(), lambda x: 2 * x, "takes one point"),
    "gradient of one point": (well, lambda x: np.array([2 * x[0], 2 * x[1], 0])[:2] * 1.0, "gradient"),
    "sign": (lambda x: (x**2).sum(axis=1), lambda x: -2 * x, "disagrees with differences of value"),
    "factor": (lambda x: (x**2).sum(axis=1), lambda x: x, "3 of 3 directions"),
    "transposed": (lambda x: (x**2).sum(axis=1), lambda x: (2 * x).T, "shape \\(4, 2\\), came \\(2, 4\\)"),
    "columns": (lambda x: (x**2).sum(axis=1, keepdims=True), lambda x: 2 * x, "shape \\(4,\\), came \\(4, 1\\)"),
    "rows mixed": (lambda x: (x**2).sum(axis=1) - (x**2).sum(), lambda x: 2 * x, "row alone"),
    "not finite": (lambda x: np.log(x[:, 0]), lambda x: np.stack([1 / x[:, 0], 0 * x[:, 0]], 1), "value is not finite"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_functions_are_refused_with_figures(name):
    value, gradient, message = WRONG[name]
    f = custom(value, gradient, dim=2)
    with pytest.raises(InputError, match=message):
        f.require_defined([[-1.0, 2.0]])
    with pytest.raises(InputError):
        sx.GradientFlow(f, sx.Box.cube(2, -2, 2)).sinks([[-1.0, 2.0]])


def test_wrong_hessians_and_enclosures_are_refused():
    x = [[0.5, 0.25], [1.0, 1.0]]
    with pytest.raises(InputError, match="hessian disagrees with differences of gradient"):
        custom(well, well_gradient, lambda x: -well_hessian(x), dim=2).value(x)
    with pytest.raises(InputError, match="enclosure of the gradient does not hold"):
        custom(well, well_gradient, None, lambda a, b: (pairs(a, b)[0], (0 * a, 0 * b), pairs(a, b)[2]), dim=2).value(x)
    for part, message in (
        (lambda a, b: (a, b), "must return \\(value, gradient, Hessian\\)"),
        (lambda a, b: (1, 2, 3), "Interval or a pair"),
        (lambda a, b: (pairs(a, b)[1], pairs(a, b)[1], pairs(a, b)[2]), "enclosure of the value of shape \\(2,\\)"),
        (lambda a, b: [pair[::-1] for pair in pairs(a, b)], "lower <= upper"),
    ):
        with pytest.raises(InputError, match=message):
            custom(well, well_gradient, None, part, dim=2).enclose(np.zeros((2, 2)), np.ones((2, 2)))


def test_kinds():
    for bad in (lambda x: [1j] * len(x), lambda x: None, lambda x: ["a"] * len(x)):
        with pytest.raises(KindError, match="array of real numbers"):
            custom(bad, well_gradient, dim=2).value([[1.0, 2.0]])
    for arguments in ((1, well_gradient), (well, None), (well, well_gradient, 3), (well, well_gradient, None, "e")):
        with pytest.raises(KindError, match="must be a function of rows"):
            custom(*arguments, dim=2)
    for dim in (0, -1, 2.0, True, "2"):
        with pytest.raises(InputError, match="dim"):
            custom(well, well_gradient, dim=dim)
    with pytest.raises(InputError, match="shape"):
        custom(well, well_gradient, dim=2).value([[1.0, 2.0, 3.0]])
    integers = custom(lambda x: np.zeros(len(x), dtype=int), lambda x: np.zeros(x.shape, dtype=np.float32), dim=3)
    assert integers.value(np.ones((2, 3))).dtype == integers.gradient(np.ones((2, 3))).dtype == np.float64
    # rows of another dimension than there are coordinates in one: dim 1
    one = custom(lambda x: -(x[:, 0] ** 2), lambda x: -2 * x, dim=1)
    assert sx.GradientFlow(one, sx.Box([-1], [1])).sinks().points.tolist() == [[0.0]]


def test_a_users_error_is_the_users():
    def broken(x):
        raise RuntimeError("mine")

    with pytest.raises(RuntimeError, match="mine"):
        custom(broken, well_gradient, dim=2).value([[1.0, 2.0]])


def test_the_users_functions_cannot_change_the_rows():
    def spoils(x):
        x[:] = 0
        return np.zeros(len(x))

    rows = np.ones((3, 2))
    custom(spoils, lambda x: 0 * x, dim=2).value(rows)
    assert (rows == 1).all()


def test_kinks_are_warned_of():
    f = custom(lambda x: -np.abs(x).sum(axis=1), lambda x: -np.where(x >= 0, 1.0, -1.0), dim=2)
    with pytest.warns(DerivativeWarning, match="is f smooth there"):
        f.value([[0.0, 1.0], [2.0, 1.0], [3.0, -1.0]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        custom(lambda x: -np.abs(x).sum(axis=1), lambda x: -np.sign(x), dim=2).value([[2.0, 1.0]])


def test_rows_outside_the_domain():
    """log x - x on x > 0 has its maximum at 1."""
    f = custom(lambda x: np.log(x[:, 0]) - x[:, 0], lambda x: 1 / x - 1, dim=1)
    flow = sx.GradientFlow(f, sx.Box([-1.0], [4.0]))
    found = flow.sinks([[0.1], [3.5]])
    assert len(found) == 1 and found.points[0, 0] == pytest.approx(1, abs=1e-7) and found.label.tolist() == [0, 0]
    with pytest.raises(InputError, match="row 1 first"):
        flow.sinks([[0.5], [-0.5]])
    edged = custom(lambda x: np.log(x[:, 0]), lambda x: np.where(x > 0, 1 / x, np.nan), dim=1)
    np.testing.assert_allclose(edged.hessian([[1e-6]]), [[[-1e12]]], rtol=2e-2)  # steps are shortened next to the edge
    with pytest.raises(InputError, match="give hessian="):
        edged.hessian([[1e-12]])
    value, gradient = f.value_and_gradient(np.array([[1.0], [-1.0]]))
    assert np.isnan(value).tolist() == np.isnan(gradient[:, 0]).tolist() == [False, True]


def test_in_other_processes_and_in_many_dimensions():
    f = custom(lambda x: -(x**2).sum(axis=1), lambda x: -2 * x, dim=40)
    starts = np.random.default_rng(0).standard_normal((130, 40))
    found = sx.GradientFlow(f, sx.WholeSpace(40)).sinks(starts, workers=2)
    assert len(found) == 1 and (found.label == 0).all()
    box = f"{custom(well, well_gradient, None, well_enclosure, dim=2)!r}"
    assert box == "<custom potential, dim=2>"
    assert isinstance(custom(well, well_gradient, None, pairs, dim=2).enclose([0, 0], [1, 1]).value, Interval)
    basins = sx.GradientFlow(custom(well, well_gradient, dim=2), sx.Box.cube(2, -2, 2)).basins(
        [[0.5, 0.5], [-0.5, 1.0]]
    )
    assert sorted(basins.label.tolist()) == [0, 1]
