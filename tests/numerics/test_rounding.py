from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import InputError
from separatrix.numerics import rounding

EDGES = np.array(
    [
        0.0,
        5e-324,
        1e-323,
        2.0**-1022,
        np.nextafter(2.0**-1022, 0),
        2.0**-1021,
        2.0**-970,
        2.0**-969,
        1.0,
        np.nextafter(1, 0),
        np.nextafter(1, 2),
        2.0,
        1e300,
        2.0**1023,
        rounding.MAX,
    ]
)
doubles = st.floats(allow_nan=False, allow_infinity=False)


def test_this_machine_rounds_to_nearest_and_keeps_subnormals():
    assert rounding.ieee_arithmetic_holds()


def test_down_and_up_step_at_least_to_the_neighbour_and_rarely_farther():
    rng = np.random.default_rng(0)
    bits = rng.integers(0, 2**63 - 2**52, 300_000, dtype=np.int64)
    x = np.concatenate([bits.view(np.float64), EDGES])
    x = np.concatenate([x[np.isfinite(x)], -x[np.isfinite(x)]])
    with np.errstate(over="ignore"):
        below, above = rounding.down(x), rounding.up(x)
        assert (below <= np.nextafter(x, -np.inf)).all()
        assert (above >= np.nextafter(x, np.inf)).all()
        two_below = np.nextafter(np.nextafter(x, -np.inf), -np.inf)
        assert (below >= two_below).all()


def test_overflow_is_bounded_below_by_the_largest_double():
    with np.errstate(over="ignore"):
        assert np.isfinite(rounding.down(np.array(np.inf))) and rounding.down(np.array(np.inf)) > 1.79e308
        assert rounding.up(np.array(-np.inf)) < -1.79e308
        assert rounding.up(np.array(np.inf)) == np.inf and rounding.down(np.array(-np.inf)) == -np.inf


@given(doubles, doubles)
def test_directed_sums_hold_the_exact_sum_and_are_exact_where_it_is_a_double(a, b):
    exact = Fraction(a) + Fraction(b)
    with np.errstate(over="ignore", invalid="ignore"):
        low, high = rounding.add_down(np.array(a), np.array(b)).item(), rounding.add_up(np.array(a), np.array(b)).item()
    assert low == -np.inf or Fraction(low) <= exact
    assert high == np.inf or Fraction(high) >= exact
    if abs(exact) <= Fraction(rounding.MAX) and Fraction(float(exact)) == exact and abs(a) < 1e308 and abs(b) < 1e308:
        assert low == high == exact


@given(st.floats(2.0**-480, 2.0**480))
def test_the_square_splits_exactly(x):
    h, rest = rounding.two_square(np.array(x))
    assert Fraction(h.item()) + Fraction(rest.item()) == Fraction(x) ** 2


@pytest.mark.parametrize("bad", [[1j], [np.nan], np.array([2**53 + 1]), ["a"], np.array([1.0], dtype=np.longdouble)])
def test_what_is_not_a_double_is_refused(bad):
    if np.asarray(bad).dtype == np.longdouble and np.dtype(np.longdouble).itemsize == 8:
        pytest.skip("long double is double here")
    with pytest.raises(InputError):
        rounding.as_doubles(bad)
