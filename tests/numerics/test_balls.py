import copy
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from separatrix.errors import InputError
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval


def fractions(array):
    return np.vectorize(Fraction, otypes=[object])(array)


def assert_holds(ball, exact):
    for mid, rad, x in zip(ball.mid.ravel().tolist(), ball.rad.ravel().tolist(), exact.ravel().tolist(), strict=True):
        assert rad == np.inf or abs(Fraction(mid) - x) <= Fraction(rad)


def corner(ball, signs):
    """An exact member of the ball on its boundary."""
    return fractions(ball.mid) + fractions(ball.rad) * signs


entries = st.one_of(
    st.floats(-1e3, 1e3), st.sampled_from([0.0, 1e16, -1e16, 1.0, 1e-200, -1e-160, 1e160, 5e-324, 2.0**-1022, 1e200])
)
radii = st.one_of(st.just(0.0), st.floats(0, 10), st.sampled_from([1e-300, 5e-324, 1e100]))


def matrices(rows, columns):
    return st.tuples(
        hnp.arrays(np.float64, (rows, columns), elements=entries),
        hnp.arrays(np.float64, (rows, columns), elements=radii),
        hnp.arrays(np.int64, (rows, columns), elements=st.integers(-1, 1)),
    )


@settings(max_examples=40)
@given(st.data(), st.integers(1, 4), st.integers(1, 5), st.integers(1, 3))
def test_operations_hold_the_exact_results_of_corners(data, n, k, m):
    mid, rad, signs = data.draw(matrices(n, k))
    a, x = MidRad(mid, rad), corner(MidRad(mid, rad), signs)
    mid, rad, signs = data.draw(matrices(k, m))
    b, y = MidRad(mid, rad), corner(MidRad(mid, rad), signs)
    mid, rad, signs = data.draw(matrices(n, k))
    c, z = MidRad(mid, rad), corner(MidRad(mid, rad), signs)
    assert_holds(product(a, b), x @ y)
    assert_holds(product(a.mid, b), fractions(a.mid) @ y)
    assert_holds(product(a, b.mid), x @ fractions(b.mid))
    assert_holds(a + c, x + z)
    assert_holds(a - c, x - z)
    assert_holds(a.multiply(c), x * z)
    assert_holds(a.scale(0.1), x * Fraction(0.1))
    assert_holds(MidRad.from_interval(a.to_interval()), x)
    assert all(
        Fraction(bound) >= abs(value) for bound, value in zip(a.magnitude.ravel().tolist(), x.ravel(), strict=True)
    )


def test_long_sums_with_cancellation():
    rng = np.random.default_rng(0)
    a = rng.standard_normal((2, 400)) * 10.0 ** rng.integers(-8, 9, (2, 400))
    a = np.concatenate([a, -a * (1 + 2.0**-50)], axis=1)
    b = np.concatenate([rng.standard_normal((400, 3))] * 2)
    ball = product(a, b)
    assert_holds(ball, fractions(a) @ fractions(b))
    assert (ball.rad <= 1e-12 * (np.abs(a) @ np.abs(b))).all()


def test_underflow_and_overflow():
    a, b = np.full((1, 50), 1.5e-162), np.full((50, 1), 1.1e-162)
    ball = product(a, b)
    assert_holds(ball, fractions(a) @ fractions(b))
    assert ball.rad > 0
    huge = product(np.full((1, 2), 1e308), np.array([[10.0], [-10.0]]))
    assert huge.mid == 0 and huge.rad == np.inf
    assert MidRad([1e308], [0.0]).multiply([10.0]).rad == np.inf
    assert (MidRad([1.7e308], [0.0]) + MidRad([1.7e308], [0.0])).rad == np.inf


def test_leading_axes_broadcast_and_vectors_multiply():
    rng = np.random.default_rng(1)
    a, b = rng.standard_normal((5, 1, 2, 3)), rng.standard_normal((4, 3, 2))
    ball = product(MidRad.exact(a), b)
    assert ball.shape == (5, 4, 2, 2)
    np.testing.assert_allclose(ball.mid, a @ b)
    assert_holds(ball, fractions(a) @ fractions(b))
    assert product(a, b[0, :, 0]).shape == (5, 1, 2) and product(b[0, :, 0], b[0, :, 1]).shape == ()
    assert product(np.ones((2, 0)), np.ones((0, 3))).contains(np.zeros((2, 3))).all()


def test_zero_factors_of_entrywise_products_stay_zero():
    ball = MidRad([0.0, 2.0], [0.0, 1.0]).multiply(MidRad([3.0, 0.0], [np.inf, 0.0]))
    assert not ball.mid.any() and not ball.rad.any()


def test_unknown_entries_stay_unknown():
    unknown = MidRad([[0.0, 1.0]], [[np.inf, 0.0]])
    assert product(unknown, [[1.0], [1.0]]).rad == np.inf
    assert unknown.to_interval()[0, 0].lower == -np.inf
    assert MidRad.from_interval(Interval([1.0], [np.inf])).rad == np.inf


def test_transposes_indices_and_signs():
    ball = MidRad(np.arange(6.0).reshape(2, 3), np.ones((2, 3)))
    assert ball.T.shape == (3, 2) and ball.mT.mid[2, 1] == 5 and ball[1].shape == (3,) and ball.reshape(6).ndim == 1
    assert (-ball).mid[1, 2] == -5 and (1.0 - ball).contains(np.ones((2, 3)) - ball.mid).all()
    assert (np.ones(3) + ball).shape == (2, 3) and not ball.contains(ball.mid + 1.5).any()
    again = copy.deepcopy(ball)
    assert (again.mid == ball.mid).all() and (again.rad == ball.rad).all()


@pytest.mark.parametrize(("mid", "rad"), [([np.inf], [1.0]), ([0.0], [-1.0]), ([0.0], [np.nan]), ([0.0, 1.0], [1.0])])
def test_what_is_no_ball_is_refused(mid, rad):
    with pytest.raises(InputError):
        MidRad(mid, rad)


def test_inner_sizes_must_agree():
    with pytest.raises(InputError, match="inner sizes"):
        product(np.ones((2, 3)), np.ones((2, 3)))
    with pytest.raises(InputError, match="inner sizes"):
        product(np.ones(()), np.ones((2, 3)))
