"""Enclosures over boxes hold value, gradient and Hessian at millions of points, computed in long doubles.

A long double is 2000 times finer than a double: an enclosure of a point that is wrong by a rounding error is found.
"""

import mpmath
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from separatrix.numerics.intervals import Interval
from tests.oracles import jets
from tests.oracles.blueprints import (
    ACTIVATIONS,
    POTENTIALS,
    SMOOTH,
    architectures,
    mlp,
    of_logits,
    random_mlp,
)

WIDTHS = (0.0, 1e-12, 1e-6, 1e-3, 0.1, 1.0, 6.0)
PARTS = ("value", "gradient", "Hessian")


def sampled(rng, lower, upper, n):
    """Points of the boxes, (boxes, n, dim): corners, points of faces and of the interior, some crowded at a corner."""
    shape = (len(lower), n, lower.shape[1])
    t = rng.random(shape)
    t = np.where(rng.random(shape) < 0.2, np.round(t), t)
    t[:, : n // 8] **= 6
    points = lower[:, None] + t * (upper - lower)[:, None]
    points[:, 0], points[:, 1] = lower, upper
    return np.clip(points, lower[:, None], upper[:, None])


def excess(enclosure, reference):
    """How far the long doubles (boxes, n, ...) leave the intervals (boxes, ...), less their own rounding error."""
    low, high = enclosure.lower[:, None], enclosure.upper[:, None]
    slack = 64 * jets.LONG_EPS * (1 + np.abs(reference))
    return np.maximum(low - reference, reference - high) - slack


def assert_encloses(enclosure, reference, n_boxes, what):
    for part, exact, name in zip(enclosure, reference, PARTS, strict=True):
        assert not np.isnan(part.lower).any() and not np.isnan(part.upper).any()
        exact = exact.reshape(n_boxes, -1, *exact.shape[1:])
        assert excess(part, exact).max() <= 0, (what, name)


@pytest.mark.parametrize("activation", ["identity", *SMOOTH])
def test_they_hold_what_they_should(activation):
    """Thin to wide boxes; 235,000 points with six potentials, their gradients and Hessians: 12 million numbers."""
    rng = np.random.default_rng(40)
    for kind, blueprint in architectures(rng, activation).items():
        lower = 2 * rng.standard_normal((4 * len(WIDTHS), blueprint.n_inputs))
        upper = lower + np.repeat(WIDTHS, 4)[:, None] * rng.choice([1.0, 0.2], lower.shape)
        points = sampled(rng, lower, upper, 400)
        logits = blueprint.logits(jets.LongDoubles, points.reshape(-1, blueprint.n_inputs))
        for case in blueprint.potentials:
            enclosure = blueprint.library_potential(*case).enclose(lower, upper)
            assert_encloses(enclosure, of_logits(logits, *case), len(lower), (activation, kind, case))


@pytest.mark.parametrize("activation", ["identity", *SMOOTH])
def test_thin_boxes_have_thin_enclosures(activation):
    """Points are enclosed to a few hundred roundings of the largest intermediate number."""
    rng = np.random.default_rng(41)
    for kind, blueprint in architectures(rng, activation).items():
        x = 1.5 * rng.standard_normal((5, blueprint.n_inputs))
        z = blueprint.logits(jets.LongDoubles, x)
        steep = 1 + float(np.abs(z.gradient).max())
        scales = 1 + float(np.abs(z.value).max()), steep, steep**2 + float(np.abs(z.hessian).max())
        for case in blueprint.potentials:
            for part, scale, name in zip(blueprint.library_potential(*case).enclose(x, x), scales, PARTS, strict=True):
                assert (part.upper - part.lower).max() < 1e-12 * scale, (activation, kind, case, name)


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
@pytest.mark.parametrize("activation", SMOOTH)
def test_enclosures_shrink_with_the_box(activation, case):
    """At first order: a box ten times thinner has an enclosure ten times thinner, until rounding shows."""
    rng = np.random.default_rng(42)
    f, x = random_mlp(rng, (2, 5, 3), activation).library_potential(*case), rng.standard_normal((3, 2))
    widths = [1e-2, 1e-3, 1e-4, 1e-5, 1e-6]
    found = [[(part.upper - part.lower).max() for part in f.enclose(x, x + width)] for width in widths]
    for wide, thin in zip(found[:-1], found[1:], strict=True):
        assert all(0.05 * a < b < 0.13 * a or b < 1e-11 for a, b in zip(wide, thin, strict=True))


@settings(max_examples=60)
@given(st.integers(0, 2**32), st.sampled_from(["identity", *SMOOTH]), st.sampled_from(POTENTIALS), st.floats(1e-9, 3.0))
def test_a_part_of_a_box_has_a_part_of_the_enclosure(seed, activation, case, width):
    """Inclusion isotonicity, the property on which subdivision rests."""
    rng = np.random.default_rng(seed)
    f = random_mlp(rng, (2, 4, 3), activation).library_potential(*case)
    lower = rng.standard_normal((1, 2))
    upper = lower + width
    t = np.sort(rng.random((2, 20, 2)), axis=0)
    inner = f.enclose(*np.clip(lower + t * width, lower, upper))
    for part, whole in zip(inner, f.enclose(lower, upper), strict=True):
        slack = 1e-12 * (1 + np.maximum(np.abs(whole.lower), np.abs(whole.upper)))
        assert (part.lower >= whole.lower - slack).all() and (part.upper <= whole.upper + slack).all()


@pytest.mark.parametrize("activation", SMOOTH)
def test_a_search_for_extremes_does_not_leave_them(activation):
    """For every entry the points nearest to breaking the enclosure are sought and searched around."""
    rng = np.random.default_rng(43)
    blueprint = random_mlp(rng, (2, 4, 3), activation, scale=2.5)
    lower = np.repeat(rng.standard_normal((2, 2)), 2, axis=0)
    upper = lower + np.array([[1e-4], [1.0]] * 2)
    enclosures = {case: blueprint.library_potential(*case).enclose(lower, upper) for case in POTENTIALS}
    points, radius = sampled(rng, lower, upper, 300), upper - lower
    for _ in range(5):
        logits = blueprint.logits(jets.LongDoubles, points.reshape(-1, 2))
        leaders = []
        for case, enclosure in enclosures.items():
            for part, exact in zip(enclosure, of_logits(logits, *case), strict=True):
                exact = exact.reshape(len(lower), -1, *exact.shape[1:])
                assert excess(part, exact).max() <= 0, (activation, case)
                flat = exact.reshape(*exact.shape[:2], -1)
                leaders += [flat.argmax(axis=1), flat.argmin(axis=1)]
        best = np.take_along_axis(points, np.concatenate(leaders, axis=1)[:, :, None], axis=1)
        radius = radius / 5
        near = best[:, :, None] + radius[:, None, None] * rng.uniform(-1, 1, (*best.shape[:2], 3, 2))
        points = np.clip(near.reshape(len(lower), -1, 2), lower[:, None], upper[:, None])


def corners(lower, upper):
    """All corners and the middle of one box."""
    grid = np.stack(np.meshgrid(*zip(lower, upper, strict=True)), axis=-1).reshape(-1, len(lower))
    return np.vstack([grid, np.clip(0.5 * lower + 0.5 * upper, lower, upper)])


def assert_holds_digits(enclosure, exact, what):
    """Exact comparison of one box's intervals with mpmath numbers (points, ...)."""
    for part, numbers, name in zip(enclosure, exact, PARTS, strict=True):
        for row in numbers:
            triples = zip(np.ravel(part.lower).tolist(), np.ravel(row), np.ravel(part.upper).tolist(), strict=True)
            assert all(low <= number <= high for low, number, high in triples), (what, name)


moderate = st.floats(-8, 8) | st.floats(-1e-3, 1e-3)
widths = st.sampled_from([0.0, 1e-15, 1e-9, 1e-3, 0.5, 4.0])


@st.composite
def small_networks(draw, entries, activations):
    """Two inputs, two or three hidden neurons, two or three classes; all numbers drawn, so that they shrink."""
    hidden, classes = draw(st.integers(1, 3)), draw(st.integers(2, 3))
    matrix = lambda rows, columns: [[draw(entries) for _ in range(columns)] for _ in range(rows)]  # noqa: E731
    weights = [matrix(hidden, 2), matrix(classes, hidden)]
    biases = [matrix(1, hidden)[0], matrix(1, classes)[0]]
    return mlp(weights, biases, draw(st.sampled_from(activations)))


@settings(max_examples=120, deadline=None)
@given(
    small_networks(moderate, ["identity", *SMOOTH]),
    st.sampled_from(POTENTIALS),
    st.tuples(moderate, moderate),
    widths,
    widths,
)
def test_networks_of_an_adversary_at_the_corners(blueprint, case, corner, width, height):
    assume(case in blueprint.potentials)
    lower = np.array(corner)
    upper = lower + np.array([width, height])
    enclosure = blueprint.library_potential(*case).enclose(lower, upper)
    with mpmath.workdps(400):  # exp(8 * 8 * 8) and its inverse meet in one sum
        points = corners(lower, upper)
        assert_holds_digits(enclosure, blueprint.digits(points, *case, digits=400), (blueprint, case))


extreme = st.sampled_from(
    [0.0, 1.0, -1.0, 1e308, -1e308, 1.7e308, 1e150, -1e150, 1e-300, -1e-300, 5e-324, 1e-160, 710.0, -745.0]
)


@settings(max_examples=30, deadline=None)
@given(
    small_networks(extreme, ACTIVATIONS),
    st.sampled_from(POTENTIALS),
    st.tuples(extreme | moderate, extreme | moderate),
    st.sampled_from([0.0, 1e-300, 1.0]),
)
def test_extreme_weights_never_give_a_wrong_enclosure(blueprint, case, corner, width):
    """Overflow and underflow may make intervals unbounded, never NaN, never wrong."""
    assume(case in blueprint.potentials)
    lower = np.array(corner)
    upper = lower + width
    enclosure = blueprint.library_potential(*case).enclose(lower, upper)
    for part in enclosure:
        assert isinstance(part, Interval) and (part.lower <= part.upper).all()
    with mpmath.workdps(700):
        ends = np.unique(corners(lower, upper)[[0, -1]], axis=0)  # one, where the width is lost
        exact = blueprint.digits(ends, *case, digits=700)
        assert_holds_digits(enclosure, exact, (blueprint, case))


@pytest.mark.parametrize("case", POTENTIALS, ids=lambda case: case[0])
def test_sure_networks_are_enclosed_sharply(case):
    """Logits 1500 apart in either order: nothing overflows into an interval that says nothing."""
    blueprint = mlp([np.array([[1.0], [-1.0], [0.5]])], [np.zeros(3)], "identity")
    x = np.array([[1500.0], [-1500.0], [300.0], [-20.0]])
    enclosure = blueprint.library_potential(*case).enclose(x, x)
    assert_encloses(enclosure, blueprint.long(x, *case), 4, case)
    for part in enclosure:
        assert (part.upper - part.lower).max() < 1e-11
    if case[0] in ("class_probability", "neg_entropy"):
        value = enclosure.value[3]
        assert value.upper - value.lower < 1e-12 * abs(value.upper)


@pytest.mark.parametrize(
    "case", [("class_probability", 0), ("log_density",), ("neg_entropy",)], ids=lambda case: case[0]
)
@pytest.mark.parametrize("gap", [40.0, 300.0])
def test_what_vanishes_is_enclosed_relative_to_itself(gap, case):
    """Curvatures of the size exp(-gap): no enclosure may hide them behind 1 - 1."""
    blueprint, x = mlp([np.array([[1.0], [-1.0]])], [[gap, -gap]], "identity"), np.zeros((1, 1))
    hessian = blueprint.library_potential(*case).enclose(x, x).hessian
    with mpmath.workdps(400):
        exact = float(blueprint.digits(x, *case, digits=400)[2][0, 0, 0])
    np.testing.assert_allclose([hessian.lower, hessian.upper], exact, rtol=1e-10)


def test_one_class_far_below_two_others_is_nearly_impossible():
    """exp(800) + exp(800) overflows; the probability is still known to be below 1e-280."""
    blueprint = mlp([np.eye(3)], [[-800.0, 0.0, 0.0]], "identity")
    x = np.zeros(3)
    slope = blueprint.library_potential("log_density").enclose(x, x).gradient
    assert max(abs(slope.lower[0]), abs(slope.upper[0])) < 1e-280
    np.testing.assert_allclose([slope.lower[1:], slope.upper[1:]], 0.5, rtol=1e-14)
    probability = blueprint.library_potential("class_probability", 0).enclose(x, x).value
    assert probability.lower >= 0 and probability.upper < 1e-280
