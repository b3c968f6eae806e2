import copy
import operator
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import InputError
from separatrix.numerics.intervals import Interval

magnitudes = st.one_of(
    st.floats(-1e3, 1e3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.sampled_from([0.0, -0.0, 5e-324, -5e-324, 1e-308, 1e308, -1e308, 1.0, 0.1]),
)


@st.composite
def members(draw):
    """An interval and a rational member of it, unbounded ends included."""
    low, high = sorted((draw(magnitudes), draw(magnitudes)))
    t = Fraction(draw(st.integers(0, 8)), 8)
    member = Fraction(low) * (1 - t) + Fraction(high) * t
    kind = draw(st.integers(0, 9))
    return Interval(-np.inf if kind == 0 else low, np.inf if kind == 1 else high), member


def holds(interval, x):
    low, high = interval.lower.item(), interval.upper.item()
    return (low == -np.inf or Fraction(low) <= x) and (high == np.inf or x <= Fraction(high))


@given(members(), members())
def test_operations_hold_the_exact_results_of_members(first, second):
    (a, x), (b, y) = first, second
    for operation in (operator.add, operator.sub, operator.mul):
        assert holds(operation(a, b), operation(x, y))
    quotient = a / b
    if y != 0:
        assert holds(quotient, x / y)
    assert holds(-a, -x) and holds(abs(a), abs(x)) and holds(a.square(), x * x)
    assert a.square().lower >= 0
    assert holds(a.hull(b), x) and holds(a.hull(b), y)


@given(members())
def test_midpoint_and_radius_reach_every_member(pair):
    a, x = pair
    middle, radius = a.midpoint.item(), a.radius.item()
    assert np.isfinite(middle) and a.contains(middle)
    assert radius == np.inf or abs(x - Fraction(middle)) <= Fraction(radius)
    if np.isfinite(radius):
        assert Interval.around(middle, radius).contains(a)


@given(st.lists(members(), min_size=1, max_size=6))
def test_sums_hold_the_exact_sum(pairs):
    stacked = Interval([a.lower.item() for a, _ in pairs], [a.upper.item() for a, _ in pairs])
    assert holds(stacked.sum(), sum(x for _, x in pairs))


def test_sum_survives_cancellation_and_is_sharp():
    x = np.array([1e16, 1.0, -1e16, 3.0, 2.0**-60])
    total = Interval.point(x).sum()
    exact = sum(map(Fraction, x.tolist()))
    assert holds(total, exact) and total.upper - total.lower < 100
    rows = Interval.point(np.arange(12.0).reshape(3, 4))
    assert rows.sum(axis=0).shape == (4,) and rows.sum(axis=(0, 1)).contains(66.0)
    assert rows.sum(axis=1).contains([6.0, 22.0, 38.0]).all()
    assert Interval.point(np.zeros((0, 3))).sum(axis=0).contains(0.0).all()


def test_zero_times_anything_is_zero_exactly():
    zero = Interval.point(0.0)
    for other in (Interval.whole_line(), Interval(-1.0, np.inf), Interval(2.0, 3.0)):
        for result in (zero * other, other * zero):
            assert result.lower == 0 and result.upper == 0
    assert (zero / Interval(2.0, np.inf)).upper == 0
    assert (Interval(0.0, 1.0) * Interval(0.0, np.inf)).lower == 0


def test_signs_survive_underflow():
    tiny = Interval.point(1e-200)
    assert (tiny * tiny).lower >= 0 and (tiny * tiny).is_negative.item() is False and (tiny * tiny).upper > 0
    assert (tiny * -tiny).upper <= 0 and (tiny * -tiny).lower < 0


def test_division_by_an_interval_with_zero_says_nothing():
    quotient = Interval([1.0, 1.0, 1.0, 0.0], [2.0, 2.0, 2.0, 0.0]) / Interval(
        [0.0, -1.0, 1.0, 0.0], [1.0, 0.0, 2.0, 0.0]
    )
    assert (quotient.lower == [-np.inf, -np.inf, quotient.lower[2], -np.inf]).all() and quotient.lower[2] > 0.49
    assert not np.isfinite(quotient.upper[[0, 1, 3]]).any()


def test_bounds_are_sharp():
    third = Interval.point(1.0) / 3
    assert third.upper - third.lower <= 3 * np.spacing(0.3)
    exact = Interval(1.0, 2.0) + Interval(0.25, 0.5)
    assert exact.lower == 1.25 and exact.upper == 2.5
    mixed = Interval(-2.0, 3.0) * Interval(-5.0, 7.0)
    assert mixed.contains([-15.0, 21.0]).all() and mixed.lower > -15.000001 and mixed.upper < 21.000001


def test_arrays_and_numbers_are_exact_points_on_both_sides():
    x = Interval([1.0, 2.0], [1.5, 2.5])
    for result in (np.array([1.0, 2.0]) * x, x * [1.0, 2.0], 2.0 - x, 1 / x, np.float64(2.0) + x, x - np.array(1.0)):
        assert isinstance(result, Interval) and result.shape == (2,)
    assert (np.array([[1.0], [2.0]]) + x).shape == (2, 2)


def test_comparisons_and_sets():
    x = Interval([-1.0, 1.0, -3.0], [2.0, 2.0, -1.0])
    assert x.is_positive.tolist() == [False, True, False] and x.is_negative.tolist() == [False, False, True]
    assert x.magnitude.tolist() == [2, 2, 3] and x.mignitude.tolist() == [0, 1, 1]
    assert x.contains([0.0, 0.0, -1.0]).tolist() == [True, False, True]
    assert Interval(0.0, 1.0).interior_contains(Interval([0.0, 0.1], [0.5, 0.9])).tolist() == [False, True]
    common = Interval(0.0, 2.0).intersection(Interval(1.0, 3.0))
    assert (common.lower, common.upper) == (1, 2)
    assert not Interval(0.0, 1.0).overlaps(Interval(2.0, 3.0))
    with pytest.raises(InputError, match="empty"):
        Interval(0.0, 1.0).intersection(Interval(2.0, 3.0))


@pytest.mark.parametrize(
    ("low", "high"),
    [
        ([np.nan], [1.0]),
        ([2.0], [1.0]),
        ([np.inf], [np.inf]),
        ([-np.inf], [-np.inf]),
        ([1.0, 2.0], [3.0]),
        ([0j], [1.0]),
    ],
)
def test_what_is_no_interval_is_refused(low, high):
    with pytest.raises(InputError):
        Interval(low, high)


def test_intervals_do_not_change():
    low, high = np.zeros(2), np.ones(2)
    x = Interval(low, high)
    low[0] = 5.0
    assert x.lower[0] == 0
    with pytest.raises(AttributeError):
        x.lower = high
    with pytest.raises(ValueError, match="read-only"):
        x.upper[0] = 3.0
    again = copy.deepcopy(x)
    assert again.lower.tolist() == [0, 0] and again.upper.tolist() == [1, 1]


def test_indexing_and_reshaping():
    x = Interval(np.arange(6.0), np.arange(6.0) + 1).reshape(2, 3)
    assert x.shape == (2, 3) and x[1].upper.tolist() == [4, 5, 6] and x.mT.shape == (3, 2)
    assert x[:, None].shape == (2, 1, 3) and len(x) == 2 and x.size == 6 and x.reshape((6,)).ndim == 1
    with pytest.raises(InputError, match="radius"):
        Interval.around(0.0, -1.0)
