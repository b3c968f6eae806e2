import numpy as np
import pytest

from separatrix.errors import InputError
from separatrix.numerics import elementary
from tests.numerics.oracle import BALL_FUNCTIONS, violations, widths_in_ulps

SWITCHES = np.array(
    [
        0.0,
        5e-324,
        2.0**-1022,
        2.0**-1000,
        2.0**-540,
        2.0**-511,
        1e-20,
        1e-8,
        0.125,
        0.25,
        0.29,
        0.41,
        0.41421356237309503,
        0.5,
        0.7071067811865475,
        1.0,
        1.4142135623730951,
        np.log(2) / 2,
        np.log(2),
        1.5 * np.log(2),
        2.5 * np.log(2),
        19.06,
        27.3,
        28.0,
        36.7,
        37.4,
        38.5,
        40.0,
        53.5 * np.log(2),
        54.5 * np.log(2),
        708.39,
        709.78,
        709.79,
        710.0,
        744.44,
        745.0,
        745.13,
        745.14,
        746.0,
        1e3,
        1e4,
    ]
)
# the widest enclosure in ulps over normal results that the composition of the proved bounds allows
WIDEST = {
    "exp": 8,
    "expm1": 11,
    "log": 10,
    "log1p": 12,
    "sigmoid": 17,
    "tanh": 20,
    "softplus": 20,
    "erf": 20,
    "erfc": 32,
    "normal_pdf": 12,
    "normal_cdf": 28,
}
NAMES = sorted(BALL_FUNCTIONS)
GAUSSIAN = {"erf": (-12, 12), "erfc": (-12, 45), "normal_pdf": (-45, 45), "normal_cdf": (-45, 16)}


def points(name, n, seed):
    """Random arguments of every size, and both neighbours of every place where a kernel changes its formula."""
    rng = np.random.default_rng(seed)
    edges = np.concatenate([SWITCHES, np.arange(1, 320) / 8, np.arange(1, 40) * np.log(2) / 2])
    edges = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf)])
    x = np.concatenate(
        [
            rng.uniform(-1, 1, n),
            rng.uniform(-40, 40, n),
            rng.uniform(-750, 750, n),
            edges,
            -edges,
            rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-323, 3, n),
        ]
    )
    if name == "log":
        x = np.concatenate(
            [np.abs(x), 1 + rng.choice([-1, 1], n) * 10.0 ** rng.uniform(-16, 0, n), 10.0 ** rng.uniform(-307, 308, n)]
        )
        return x[x > 0]
    if name == "log1p":
        x = np.concatenate([x, 10.0 ** rng.uniform(-16, 0, n) - 1, 10.0 ** rng.uniform(0, 308, n)])
        return x[x > -1]
    # where 1 - f or 2 - f is below 2^-200 balls need thousands of bits; those tails are tested by their limits
    least, most = GAUSSIAN.get(name, (-np.inf, np.inf))
    return np.clip(x, least, most)


@pytest.mark.parametrize("name", NAMES)
def test_bounds_hold_the_exact_value_by_balls(name):
    x = points(name, 5_000, seed=len(name))
    lower, upper = getattr(elementary, name)(x)
    assert (lower <= upper).all()
    assert violations(BALL_FUNCTIONS[name], x, lower, upper) == []


@pytest.mark.parametrize("name", NAMES)
def test_bounds_are_a_few_ulp_apart_where_the_result_is_normal(name):
    x = points(name, 25_000, seed=5)
    lower, upper = getattr(elementary, name)(x)
    normal = np.isfinite(upper) & (np.maximum(np.abs(lower), np.abs(upper)) > 2.0**-1020)
    assert widths_in_ulps(lower, upper)[normal].max() <= WIDEST[name]


@pytest.mark.parametrize(
    ("name", "at_minus", "at_plus"),
    [
        ("exp", 0.0, np.inf),
        ("expm1", -1.0, np.inf),
        ("sigmoid", 0.0, 1.0),
        ("tanh", -1.0, 1.0),
        ("softplus", 0.0, np.inf),
        ("erf", -1.0, 1.0),
        ("erfc", 2.0, 0.0),
        ("normal_pdf", 0.0, 0.0),
        ("normal_cdf", 0.0, 1.0),
    ],
)
def test_huge_and_infinite_arguments_hold_the_limit(name, at_minus, at_plus):
    for end, limit in ((-np.inf, at_minus), (np.inf, at_plus), (-1e308, at_minus), (1e308, at_plus)):
        lower, upper = getattr(elementary, name)(end)
        if np.isfinite(limit):
            assert lower <= limit <= upper and upper - lower < 1e-14
        else:
            assert upper >= min(abs(end), 1e308) and lower < np.inf and lower >= 0.99e308


def test_ranges_of_bounded_functions_are_kept():
    x = np.concatenate([np.linspace(-900, 900, 30_001), np.linspace(-40, 40, 30_001)])
    for name, least, most in (("sigmoid", 0, 1), ("tanh", -1, 1), ("erf", -1, 1), ("erfc", 0, 2), ("normal_cdf", 0, 1)):
        lower, upper = getattr(elementary, name)(x)
        assert lower.min() >= least and upper.max() <= most
    for name in ("exp", "softplus", "normal_pdf"):
        assert getattr(elementary, name)(x)[0].min() >= 0
    assert elementary.expm1(x)[0].min() >= -1


def test_left_tail_of_the_sigmoid_is_tiny_and_not_negative():
    lower, upper = elementary.sigmoid(-800.0)
    assert lower == 0 and 0 < upper < 1e-320


def test_zeros_are_exact():
    for name in ("expm1", "log1p", "tanh", "erf"):
        lower, upper = getattr(elementary, name)([0.0, -0.0])
        assert not lower.any() and not upper.any()
    lower, upper = elementary.log(1.0)
    assert lower == upper == 0


def test_ends_of_the_domain_of_logarithms():
    lower, upper = elementary.log([0.0, np.inf])
    assert lower[0] == -np.inf and upper[0] < -1e308 and lower[1] > 1e308 and upper[1] == np.inf
    lower, upper = elementary.log1p([-1.0, np.inf])
    assert lower[0] == -np.inf and upper[0] < -1e308 and lower[1] > 1e308 and upper[1] == np.inf
    for bad in (-5e-324, [1.0, -np.inf]):
        with pytest.raises(InputError, match="log"):
            elementary.log(bad)
    with pytest.raises(InputError, match="log1p"):
        elementary.log1p(np.nextafter(-1.0, -2.0))


@pytest.mark.parametrize("name", NAMES)
def test_shapes_and_bad_input(name):
    function = getattr(elementary, name)
    for shape in ((), (0,), (2, 0, 3), (3, 4), (20_000,)):
        lower, upper = function(np.full(shape, 0.5))
        assert lower.shape == upper.shape == shape and (lower < upper).all()
    strided = np.linspace(0.1, 0.9, 60).reshape(6, 10)[::2, ::3].T
    np.testing.assert_array_equal(function(strided)[0], function(strided.copy())[0])
    with pytest.raises(InputError, match="NaN"):
        function([0.5, np.nan])


def test_a_value_does_not_depend_on_its_place_in_the_array():
    x = np.random.default_rng(1).uniform(-30, 30, 20_001)
    for name in ("exp", "expm1", "tanh", "softplus", "erf", "normal_cdf"):
        whole = getattr(elementary, name)(x)
        for i in (0, 1, 7, 8191, 8192, 20_000):
            assert [end[i] for end in whole] == [end.item() for end in getattr(elementary, name)(x[i])]
