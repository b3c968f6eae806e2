import numpy as np
import pytest
from flint import arb, ctx
from hypothesis import given
from hypothesis import strategies as st

from separatrix.errors import InputError
from separatrix.numerics.activation_ranges import activation_range
from separatrix.numerics.critical_points import critical_points, derivative_ball
from tests.numerics.oracle import normal_density, normal_distribution, violations

SMOOTH = ("sigmoid", "tanh", "softplus", "gelu", "gelu_tanh", "silu", "mish")
ORDERS = (0, 1, 2)


def logistic(u):
    return 1 / (1 + (-u).exp())


def swish_parts(u):
    return logistic(u), logistic(u) * logistic(-u), (u / 2).tanh()


def gelu_tanh(order, u):
    a, b = (2 / arb.pi()).sqrt(), arb(0.044715)
    t, inner = (a * (u + b * u**3)).tanh(), a * (1 + 3 * b * u * u)
    rest = 1 / (a * (u + b * u**3)).cosh() ** 2
    return (
        u * (1 + t) / 2,
        (1 + t + u * rest * inner) / 2,
        rest * (inner + u * (3 * a * b * u) - u * t * inner * inner),
    )[order]


def mish(order, u):
    t, p, q = u.exp().log1p().tanh(), logistic(u), logistic(-u)
    rest = 1 / u.exp().log1p().cosh() ** 2
    return (u * t, t + u * rest * p, rest * p * (2 + u * (q - 2 * t * p)))[order]


# s, s', s'' by hand, apart from the power series of the implementation
BY_HAND = {
    "sigmoid": (logistic, lambda u: logistic(u) * logistic(-u), lambda u: -logistic(u) * logistic(-u) * (u / 2).tanh()),
    "tanh": (lambda u: u.tanh(), lambda u: 1 / u.cosh() ** 2, lambda u: -2 * u.tanh() / u.cosh() ** 2),
    "softplus": (lambda u: u.exp().log1p(), logistic, lambda u: logistic(u) * logistic(-u)),
    "gelu": (
        lambda u: u * normal_distribution(u),
        lambda u: normal_distribution(u) + u * normal_density(u),
        lambda u: normal_density(u) * (2 - u * u),
    ),
    "gelu_tanh": tuple(lambda u, order=order: gelu_tanh(order, u) for order in ORDERS),
    "silu": (
        lambda u: u * logistic(u),
        lambda u: logistic(u) * (1 + u * logistic(-u)),
        lambda u: swish_parts(u)[1] * (2 - u * swish_parts(u)[2]),
    ),
    "mish": tuple(lambda u, order=order: mish(order, u) for order in ORDERS),
}
cases = [(name, order) for name in SMOOTH for order in ORDERS]


@pytest.mark.parametrize(("name", "order"), cases)
def test_points_are_enclosed_by_balls(name, order):
    rng = np.random.default_rng(order)
    tails = 15.0 if name == "gelu_tanh" else 38.0
    u = np.concatenate(
        [
            rng.uniform(-6, 6, 1500),
            rng.uniform(-tails, tails, 1000),
            rng.choice([-1, 1], 500) * 10.0 ** rng.uniform(-320, 1, 500),
            [0.0, -0.0, 5e-324, -5e-324, 1e-320, 2.0**-1022],
        ]
    )
    lo, hi = activation_range(name, order, u, u)
    assert violations(BY_HAND[name][order], u, lo, hi, bits=300) == []
    assert (hi - lo <= 2e-14 * np.maximum(1.0, np.abs(u))).all()


@pytest.mark.parametrize(("name", "order"), cases)
def test_ranges_hold_dense_samples_and_are_sharp(name, order):
    rng = np.random.default_rng(10 + order)
    middle, width = rng.uniform(-5, 5, 400), 10.0 ** rng.uniform(-3, 1, 400)
    low, high = middle - width, middle + width
    lo, hi = activation_range(name, order, low, high)
    samples = low[:, None] + (high - low)[:, None] * np.linspace(0, 1, 801)
    samples = np.clip(samples, low[:, None], high[:, None])
    lowest, highest = activation_range(name, order, samples, samples)
    assert (lo[:, None] <= highest).all() and (hi[:, None] >= lowest).all()  # by balls no sample is outside
    step = (high - low) / 800
    assert (lowest.min(axis=1) - lo <= 1e-14 + 3 * step**2 + 1e-13).all()  # an interior extremum is missed by O(step^2)
    assert (hi - highest.max(axis=1) <= 1e-14 + 3 * step**2 + 1e-13).all()


@pytest.mark.parametrize(("name", "order"), cases)
@given(st.floats(-12, 12), st.floats(0, 24), st.floats(0, 1))
def test_members_are_inside(name, order, low, width, share):
    high = low + width
    u = min(max(low + share * width, low), high)
    lo, hi = activation_range(name, order, low, high)
    assert violations(BY_HAND[name][order], np.array([u]), lo.reshape(1), hi.reshape(1), bits=300) == []


@pytest.mark.parametrize(
    ("name", "order", "low", "high"),
    [
        ("sigmoid", 1, 0.0, 0.25),
        ("sigmoid", 2, -0.09622504486493763, 0.09622504486493763),
        ("tanh", 1, 0.0, 1.0),
        ("tanh", 2, -0.7698003589195009, 0.7698003589195009),
        ("softplus", 2, 0.0, 0.25),
        ("gelu", 0, -0.16997120747990367, np.inf),
        ("gelu", 1, -0.12890414518515476, 1.1289041451851548),
        ("gelu", 2, -0.1079819330263761, 0.7978845608028654),
        ("silu", 0, -0.27846454276107374, np.inf),
        ("silu", 1, -0.0998393201288669, 1.0998393201288669),
        ("silu", 2, -0.03691437319989318, 0.5),
        ("mish", 0, -0.3088434130172504, np.inf),
        ("mish", 1, -0.11252612238946256, 1.088498161251728),
        ("mish", 2, -0.059033356953936286, 0.6442046372369724),
        ("gelu_tanh", 0, -0.170040750571254, np.inf),
        ("gelu_tanh", 1, -0.1289930686587717, 1.1289930686587718),
        ("gelu_tanh", 2, -0.1079135158903679, 0.7978845608028654),
        ("sigmoid", 0, 0.0, 1.0),
        ("tanh", 0, -1.0, 1.0),
        ("softplus", 0, 0.0, np.inf),
        ("softplus", 1, 0.0, 1.0),
    ],
)
def test_global_ranges(name, order, low, high):
    lo, hi = activation_range(name, order, -np.inf, np.inf)
    assert lo <= low and high <= hi
    np.testing.assert_allclose(lo, low, rtol=1e-14, atol=1e-300)
    np.testing.assert_allclose(hi, high, rtol=1e-14)


@pytest.mark.parametrize(("name", "order"), cases)
def test_every_zero_of_the_next_derivative_is_listed(name, order):
    """Balls exclude zeros of s^(n+1) on [-20, 20] away from the listed ones."""
    known = [point.left for point in critical_points(name, order)]
    if name == "softplus":  # its derivative is the sigmoid
        name, order = "sigmoid", order - 1

    def settled(left, right, depth=0):
        if derivative_ball(name, order + 1, arb(left).union(arb(right))) != 0:
            return True
        if any(left - 1e-6 <= c <= right + 1e-6 for c in known) and right - left < 0.02:
            return True
        middle = 0.5 * (left + right)
        return depth < 16 and settled(left, middle, depth + 1) and settled(middle, right, depth + 1)

    with ctx.workprec(400):
        reach = 8 if name in ("gelu_tanh", "gelu") else 20
        assert all(settled(float(left), float(left + 1)) for left in range(-reach, reach))


@pytest.mark.parametrize(
    ("name", "order"),
    [("tanh", 1), ("sigmoid", 1), ("sigmoid", 2), ("gelu", 1), ("silu", 1), ("softplus", 0), ("mish", 2)],
)
def test_tails_are_relatively_sharp(name, order):
    u = -np.array([20.0, 30.0, 36.0])
    lo, hi = activation_range(name, order, u, u)
    assert (
        (np.sign(lo) == np.sign(hi)).all()
        and (lo != 0).all()
        and (hi - lo <= 1e-13 * np.maximum(np.abs(lo), np.abs(hi))).all()
    )


@pytest.mark.parametrize(("name", "order"), cases)
def test_huge_arguments_hold_the_limits(name, order):
    for u in (-1e308, -1e5, -np.inf):
        lo, hi = activation_range(name, order, min(u, -1e5), u if np.isfinite(u) else -1e5)
        limit = -1.0 if (name, order) == ("tanh", 0) else 0.0
        assert lo <= limit <= hi and hi - lo < 1e-14
    for u in (1e308, 1e5):
        lo, hi = activation_range(name, order, u, np.inf)
        if order == 0 and name not in ("sigmoid", "tanh"):
            assert hi == np.inf and 0.999999 * u < lo <= u
        else:
            limit = 1.0 if order == 0 or (order == 1 and name not in ("sigmoid", "tanh")) else 0.0
            assert lo <= limit <= hi and hi - lo < 1e-14


def test_piecewise_linear_functions():
    low, high = np.array([-2.0, -1.0, 0.0, 1.0, -3.0]), np.array([3.0, 0.0, 2.0, 2.0, -1.0])
    lo, hi = activation_range("relu", 0, low, high)
    assert lo.tolist() == [0, 0, 0, 1, 0] and hi.tolist() == [3, 0, 2, 2, 0]
    lo, hi = activation_range("relu", 1, low, high)
    assert lo.tolist() == [0, 0, 0, 1, 0] and hi.tolist() == [1, 1, 1, 1, 0]
    lo, hi = activation_range("leaky_relu", 1, low, high, slope=0.25)
    assert lo.tolist() == [0.25, 0.25, 0.25, 1, 0.25] and hi.tolist() == [1, 1, 1, 1, 0.25]
    for slope in (0.1, 0.0, 1.0, 2.0, -0.5):
        lo, hi = activation_range("leaky_relu", 0, low, high, slope=slope)
        for u in np.linspace(low, high, 101):
            value = np.where(u >= 0, u, slope * u)
            assert (lo <= value + 1e-15).all() and (value <= hi + 1e-15).all()
        ends = np.where(low >= 0, low, slope * low), np.where(high >= 0, high, slope * high)
        crossing = np.where((low <= 0) & (high >= 0), 0.0, ends[0])
        np.testing.assert_allclose(lo, np.minimum(np.minimum(*ends), crossing), atol=1e-15)
        np.testing.assert_allclose(hi, np.maximum(np.maximum(*ends), crossing), atol=1e-15)
    for order, expected in enumerate((low, np.ones(5), np.zeros(5))):
        assert activation_range("identity", order, low, high)[0].tolist() == expected.tolist()


@pytest.mark.parametrize(
    "call",
    [
        ("relu", 2, 0.0, 1.0),
        ("leaky_relu", 2, 0.0, 1.0),
        ("swish", 0, 0.0, 1.0),
        ("tanh", 3, 0.0, 1.0),
        ("tanh", 0, 1.0, 0.0),
        ("tanh", 0, np.nan, 0.0),
        ("gelu", 1, [0.0, 1.0], [2.0]),
    ],
)
def test_bad_requests(call):
    with pytest.raises(InputError):
        activation_range(*call)


def test_shapes_are_kept():
    low = np.zeros((3, 0, 2))
    assert activation_range("gelu", 1, low, low)[0].shape == (3, 0, 2)
    low = np.linspace(-3, 3, 24).reshape(2, 3, 4)
    assert activation_range("silu", 2, low, low + 1)[1].shape == (2, 3, 4)
