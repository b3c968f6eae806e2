import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import InputError
from separatrix.numerics import interval_functions
from separatrix.numerics.intervals import Interval
from tests.numerics.oracle import BALL_FUNCTIONS, violations


@pytest.mark.parametrize("name", sorted(BALL_FUNCTIONS))
@given(st.floats(-30, 30), st.floats(0, 5), st.integers(0, 4))
def test_the_range_holds_the_values_of_members_by_balls(name, low, width, quarter):
    if name in ("log", "log1p"):
        low = abs(low) + 1e-9
    box = Interval(low, low + width)
    image = getattr(interval_functions, name)(box)
    member = np.clip(low + quarter / 4 * width, box.lower, box.upper).reshape(1)
    assert violations(BALL_FUNCTIONS[name], member, image.lower.reshape(1), image.upper.reshape(1)) == []


def test_ranges_are_sharp_at_both_ends():
    box = Interval(-1.0, 2.0)
    for name, low, high in (
        ("exp", 0.36787944117144233, 7.38905609893065),
        ("tanh", -0.7615941559557649, 0.9640275800758169),
        ("normal_pdf", 0.05399096651318806, 0.3989422804014327),
        ("erfc", 0.004677734981047266, 1.842700792949715),
    ):
        image = getattr(interval_functions, name)(box)
        np.testing.assert_allclose([image.lower, image.upper], [low, high], rtol=1e-14)


def test_unbounded_intervals():
    line = Interval.whole_line()
    assert interval_functions.exp(line).lower == 0 and interval_functions.exp(line).upper == np.inf
    assert interval_functions.tanh(line).lower == -1 and interval_functions.tanh(line).upper == 1
    assert interval_functions.log(Interval(0.0, np.inf)).contains(Interval(-700.0, 700.0))
    assert interval_functions.normal_pdf(line).contains([0.0, 0.398]).all()


def test_square_root():
    image = interval_functions.sqrt(Interval([0.0, 2.0, 4.0], [0.0, 2.0, np.inf]))
    assert image.lower[0] == image.upper[0] == 0 and image.lower[1] ** 2 < 2 < image.upper[1] ** 2
    assert image.contains([0.0, 1.4142135623730951, 2.0]).all()


@pytest.mark.parametrize(
    ("name", "box"),
    [
        ("log", Interval(-1.0, 1.0)),
        ("log", Interval(0.0, 0.0)),
        ("log1p", Interval(-2.0, 0.0)),
        ("log1p", Interval(-1.0, -1.0)),
        ("sqrt", Interval(-1e-300, 1.0)),
    ],
)
def test_outside_the_domain(name, box):
    with pytest.raises(InputError):
        getattr(interval_functions, name)(box)
