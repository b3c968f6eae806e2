"""sin, cos, atan, sinh and cosh hold the exact values, and their ranges over intervals every value inside."""

import numpy as np
import pytest
from flint import arb

from separatrix.errors import InputError
from separatrix.numerics import circular_ranges, hyperbolic, trigonometric
from separatrix.numerics.intervals import Interval
from tests.numerics.oracle import violations, widths_in_ulps

# function, its ball, the largest argument, the widest enclosure in ulps (sin and cos: away from their zeros)
KERNELS = {
    "sin": (trigonometric.sin, lambda x: x.sin(), 2.0**20, 10),
    "cos": (trigonometric.cos, lambda x: x.cos(), 2.0**20, 10),
    "atan": (trigonometric.atan, lambda x: x.atan(), 1e308, 14),
    "sinh": (hyperbolic.sinh, lambda x: x.sinh(), 709.0, 24),
    "cosh": (hyperbolic.cosh, lambda x: x.cosh(), 709.0, 14),
}
RANGES = {
    "sin": (circular_ranges.sin, np.sin),
    "cos": (circular_ranges.cos, np.cos),
    "atan": (circular_ranges.atan, np.arctan),
    "sinh": (circular_ranges.sinh, np.sinh),
    "cosh": (circular_ranges.cosh, np.cosh),
}


def arguments(largest, n, seed=0):
    """Random arguments of every size, multiples of pi/4 that are hardest to reduce, edges of pieces, all neighbours."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate(
        [
            [0.0, 5e-324, 2.0**-1022, 2.0**-511, 1e-8, 0.25, 0.5, 0.75, 0.78539816339744, 0.7855, 1.0, 1.4, 2.0, 3.5],
            np.arange(1, 200) * np.pi / 4,
            np.rint(rng.uniform(1, 2.0**21, n // 4)) * np.pi / 4,
            [2.0**20, 2.0**20 - 0.5, 37.0, 708.0],
        ]
    )
    top = min(np.log10(largest), 6.0)
    x = np.concatenate(
        [
            edges,
            np.nextafter(edges, np.inf),
            np.nextafter(edges, -np.inf),
            rng.uniform(-2, 2, n),
            rng.uniform(-50, 50, n),
            10.0 ** rng.uniform(-320, top, n) * rng.choice([-1.0, 1.0], n),
        ]
    )
    return x[np.abs(x) <= largest]


@pytest.mark.parametrize("name", KERNELS)
def test_bounds_hold_the_exact_values_and_are_sharp(name):
    kernel, ball, largest, widest = KERNELS[name]
    x = arguments(largest, 1500)
    x = np.concatenate([x, -x])
    lower, upper = kernel(x)
    assert not violations(ball, x, lower, upper)
    away = (np.abs(upper) > 1e-3) | (name in ("atan", "sinh"))
    assert widths_in_ulps(lower, upper)[away & (np.abs(x) > 1e-300)].max() <= widest


def test_known_values():
    for kernel in (trigonometric.sin, trigonometric.atan, hyperbolic.sinh):
        assert [end.tolist() for end in kernel([0.0, -0.0])] == [[0.0, 0.0], [0.0, 0.0]]
    for kernel in (trigonometric.cos, hyperbolic.cosh):
        assert kernel(0.0)[0] <= 1.0 <= kernel(0.0)[1]
    huge = trigonometric.sin([1e300, np.inf, -np.inf]), trigonometric.cos([1e300, np.inf, -np.inf])
    for lower, upper in huge:
        assert (lower == -1).all() and (upper == 1).all()
    lower, upper = trigonometric.atan([np.inf, -np.inf, 1e308])
    half = arb.pi() / 2
    assert arb(lower[0]) <= half <= arb(upper[0]) and arb(lower[1]) <= -half <= arb(upper[1])
    lower, upper = hyperbolic.cosh([1e4, np.inf])
    assert (upper == np.inf).all() and (lower > 1e300).all()
    lower, upper = hyperbolic.sinh([-1e4])
    assert lower[0] == -np.inf and upper[0] < -1e300
    with pytest.raises(InputError, match="NaN"):
        trigonometric.sin([np.nan])


@pytest.mark.parametrize("name", RANGES)
def test_ranges_hold_every_value_and_little_more(name):
    enclose, function = RANGES[name]
    rng = np.random.default_rng(1)
    low = rng.uniform(-12, 12, 4000)
    high = low + 10.0 ** rng.uniform(-9, 1, 4000)
    found = enclose(Interval(low, high))
    samples = function(low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 401))
    least, most = samples.min(axis=1), samples.max(axis=1)
    slack = 1e-13 * (1.0 + np.abs(samples).max(axis=1))
    assert (found.lower <= least + slack).all() and (found.upper >= most - slack).all()
    step = ((high - low) / 400) ** 2 * (1.0 + np.abs(samples).max(axis=1)) + slack  # what samples miss of an extreme
    assert (found.lower >= least - step).all() and (found.upper <= most + step).all()
    whole = enclose(Interval.whole_line(1))
    assert whole.contains(function(np.array([-30.0, 0.0, 30.0]))).all()


@pytest.mark.parametrize("turns", [0, 1, -3, 1000, 100000])
def test_peaks_and_troughs_are_not_missed(turns):
    """Intervals that end within rounding of an extreme have it."""
    for enclose, place in ((circular_ranges.sin, 0.25), (circular_ranges.cos, 0.0)):
        peak = 2.0 * np.pi * (turns + place)
        for ends in ((peak - 0.1, np.nextafter(peak, np.inf)), (np.nextafter(peak, -np.inf), peak + 0.1)):
            assert enclose(Interval(*ends)).upper == 1.0
            trough = enclose(Interval(*(np.array(ends) + np.pi)))
            assert trough.lower == -1.0 and trough.upper < 1.0


def test_the_tangent_and_its_poles():
    rng = np.random.default_rng(2)
    low = rng.uniform(-8, 8, 2000)
    high = low + 10.0 ** rng.uniform(-9, 0.6, 2000)
    found, has_pole = circular_ranges.tan(Interval(low, high))
    turn = lambda x: np.floor(x / np.pi - 0.5)  # noqa: E731
    np.testing.assert_array_equal(has_pole, turn(low) != turn(high))
    assert (found.lower[has_pole] == -np.inf).all() and (found.upper[has_pole] == np.inf).all()
    for x in (low[~has_pole], high[~has_pole], 0.5 * (low + high)[~has_pole]):
        exact = np.tan(x)
        slack = 1e-14 * (1.0 + exact**2)
        assert ((found.lower[~has_pole] <= exact + slack) & (exact - slack <= found.upper[~has_pole])).all()
    points = rng.uniform(-1.5, 1.5, 500)
    lower, upper = (getattr(circular_ranges.tan(Interval.point(points))[0], end) for end in ("lower", "upper"))
    assert not violations(lambda x: x.tan(), points, lower, upper)
