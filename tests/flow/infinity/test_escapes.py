"""Sinks at infinity: theorems that exclude all others, limits along rays against mpmath, and what is no sink at infinity."""

import json

import mpmath
import numpy as np
import pytest
import scipy.optimize
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.errors import UnresolvedError
from separatrix.flow.infinity.escapes import Escapes, has_no_equilibrium
from separatrix.flow.infinity.rays import ray_along
from separatrix.flow.infinity.recession import limit_along
from separatrix.flow.projection import Arena

MP = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log(1 + mpmath.exp(u)) if u < 1000 else u,
    "relu": lambda u: max(u, mpmath.mpf(0)),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "mish": lambda u: u * mpmath.tanh(mpmath.log(1 + mpmath.exp(u))) if u < 1000 else u,
    "gelu": lambda u: u * mpmath.ncdf(u),
}


def network(widths, activation, seed, scale=1.0):
    rng = np.random.default_rng(seed)
    weights = [scale * rng.standard_normal((b, a)) for a, b in zip(widths, widths[1:], strict=False)]
    return sx.Network.from_arrays(weights, [rng.standard_normal(b) for b in widths[1:]], activation)


def exact_logits(net, x):
    """Logits at one point in mpmath's numbers."""
    here = list(x)
    for node in net.nodes[1:]:
        layer = node.layer
        if hasattr(layer, "weight"):
            rows = layer.weight.tolist()
            here = [mpmath.fdot(row, here) + b for row, b in zip(rows, layer.bias.tolist(), strict=True)]
        else:
            here = [MP[layer.name](u) for u in here]
    return here


def exact_log_odds(net, k, x):
    z = exact_logits(net, x)
    return z[k] - mpmath.log(sum(mpmath.exp(v) for j, v in enumerate(z) if j != k))


def far_out(base, direction, t):
    return [mpmath.mpf(b) + t * mpmath.mpf(d) for b, d in zip(base.tolist(), direction.tolist(), strict=True)]


def run(potential, starts, **options):
    return sx.GradientFlow(potential, sx.WholeSpace(potential.dim)).sinks(starts, **options)


def is_at_infinity(found):
    return np.array([reason.startswith("at infinity") for reason in found.reasons])


# -- what is proved


def test_a_linear_classifier_has_its_sinks_at_infinity():
    net = sx.Network.from_arrays([[[3.0, 4.0], [0.0, 0.0]]], [[0.0, 1.0]])
    for f, limit in (
        (sx.log_odds(net, 0), np.inf),
        (sx.class_probability(net, 0), 1.0),
        (sx.margin(net, 0, 1), np.inf),
    ):
        found = run(f, [[0.0, 0.0], [1.0, -2.0]])
        assert len(found) == 0 and found.label.tolist() == [-1, -1] and is_at_infinity(found).all()
        (way,) = found.at_infinity
        assert way.limit == limit and way.is_bounded == np.isfinite(limit) and way.hits == 2
        assert way.certainty is Certainty.PROVED and way.no_equilibrium is Certainty.PROVED and "(4.2)" in way.evidence
        np.testing.assert_allclose(way.direction, [0.6, 0.8], atol=1e-3)


def test_one_neuron():
    """margin = 2 tanh(3 x + 4 y + 1): it tends to 2 along every ray with 3 x + 4 y > 0, from every start."""
    net = sx.Network.from_arrays([[[3.0, 4.0]], [[1.0], [-1.0]]], [[1.0], [0.0, 0.0]], "tanh")
    found = run(sx.margin(net, 0, 1), np.random.default_rng(0).standard_normal((20, 2)))
    (way,) = found.at_infinity
    assert way.bounds[0] <= 2 <= way.bounds[1] and way.bounds[1] - way.bounds[0] < 1e-14 and way.is_bounded
    assert way.certainty is way.attracts is way.no_equilibrium is Certainty.PROVED
    assert way.direction @ [3.0, 4.0] > 0 and way.hits == 20 and is_at_infinity(found).all()
    assert "proved" in repr(way) and "1 at infinity" in repr(found)
    with pytest.raises(UnresolvedError):
        run(sx.margin(net, 0, 1), [[0.0, 0.0]], strict=True)


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "softplus"])
@pytest.mark.parametrize("widths", [(5, 3, 3), (4, 4, 3, 2), (6, 2, 2)])
def test_without_equilibria_every_start_goes_to_infinity(widths, activation):
    net = network(widths, activation, sum(widths))
    starts = np.random.default_rng(1).standard_normal((4, widths[0]))
    for f in (sx.log_odds(net, 0), sx.class_probability(net, 1), sx.log_density(net)):
        assert has_no_equilibrium(f)
        found = run(f, starts)
        assert len(found) == 0 and is_at_infinity(found).all() and sum(way.hits for way in found.at_infinity) == 4
        assert all(way.no_equilibrium is Certainty.PROVED for way in found.at_infinity)
        if f.name.startswith("probability"):
            assert all(0 <= way.limit <= 1 and way.is_bounded for way in found.at_infinity)
    for f in (sx.confidence(net), sx.neg_entropy(net)):
        assert not has_no_equilibrium(f)  # (4.2) does not speak of them


@settings(max_examples=40, deadline=None)
@given(
    st.sampled_from(["tanh", "sigmoid", "softplus", "silu", "mish", "gelu", "relu"]),
    st.sampled_from([(2, 4, 2), (3, 5, 4, 3), (2, 3), (1, 6, 3)]),
    st.integers(0, 10**6),
)
def test_limits_along_rays_hold_what_mpmath_finds(activation, widths, seed):
    rng = np.random.default_rng(seed)
    net = network(widths, activation, seed)
    first = net.nodes[1].layer.weight.copy()
    if seed % 3 == 0:  # dead, repeated and zero neurons
        first[0], first[-1] = 0.0, first[min(1, len(first) - 1)]
        weights = [first, *(layer.weight for layer in net.affine_layers[1:])]
        net = sx.Network.from_arrays(weights, [layer.bias for layer in net.affine_layers], activation)
    base, direction = rng.standard_normal(widths[0]), rng.standard_normal(widths[0])
    if seed % 4 == 0:
        direction[0] = 0.0
    if seed % 5 == 0:
        direction = np.zeros(widths[0])  # the ray is a point
    bounds, behaviour = limit_along(sx.log_odds(net, 0), base, direction)
    if bounds is None or not behaviour.is_decided:
        return
    with mpmath.workdps(40):
        near, far = (exact_log_odds(net, 0, far_out(base, direction, mpmath.mpf(t))) for t in (10**9, 10**10))
        if np.isinf(bounds[0]):
            assert (far - near) * np.sign(bounds[0]) > 1
        else:
            assert bounds[0] - 1e-12 <= far <= bounds[1] + 1e-12 and bounds[1] - bounds[0] < 1e-10 * (
                1 + abs(bounds[0])
            )


def test_other_heads_along_a_ray():
    net = network((3, 4, 3), "softplus", 5)
    base, direction = np.zeros(3), np.array([1.0, -2.0, 0.5])
    z = [float(v) for v in exact_logits(net, 1e4 * direction)]
    order = np.argsort(z)
    assert z[order[-1]] - z[order[-2]] > 1e3  # one class wins
    top, last = int(order[-1]), int(order[0])
    expected = {
        sx.neg_entropy(net): 0.0,
        sx.confidence(net): np.inf,
        sx.class_probability(net, top): 1.0,
        sx.class_probability(net, last): 0.0,
        sx.log_odds(net, last): -np.inf,
        sx.margin(net, top, last): np.inf,
        sx.log_density(net): np.inf if z[top] > 0 else -np.inf,
    }
    for f, limit in expected.items():
        ray = ray_along(f, base, direction)
        assert ray.limit == limit and ray.certainty is Certainty.PROVED, f.name


def test_a_sign_that_rounding_hides_proves_nothing():
    """0.1 + 0.2 - 0.3 is not 0 for the doubles, by less than a sum in doubles can tell."""
    net = sx.Network.from_arrays([[[0.1, 0.2, -0.3]], [[1.0], [-1.0]]], [[0.5], [0.0, 0.0]], "tanh")
    ray = ray_along(sx.margin(net, 0, 1), np.zeros(3), np.ones(3))
    assert ray.certainty is Certainty.HEURISTIC
    exact = sx.Network.from_arrays([[[0.5, 0.25, -0.75]], [[1.0], [-1.0]]], [[0.5], [0.0, 0.0]], "tanh")
    ray = ray_along(sx.margin(exact, 0, 1), np.zeros(3), np.ones(3))
    assert ray.certainty is Certainty.HEURISTIC  # rounding is bounded from above only: this 0 is not seen to be one


def test_attracting_corners_attract():
    """(4.6): from far points of the ray the flow raises f towards the limit, and never above it."""
    tried = 0
    for seed in range(3):
        net = network((4, 3, 2), "tanh", seed)
        f = sx.log_odds(net, 0)
        found = run(f, np.random.default_rng(seed).standard_normal((4, 4)))
        for way in found.at_infinity:
            if way.attracts is not Certainty.PROVED:
                continue
            tried += 1
            slopes = np.abs(net.nodes[1].layer.weight @ way.direction)
            start = way.direction * 4.0 / slopes.min()
            path = sx.GradientFlow(f, sx.WholeSpace(4)).trajectories([start], 300.0, rtol=1e-8, atol=1e-10)
            values = f.value(np.concatenate([path.starts, path.end]))
            assert values[0] < values[1] <= way.bounds[1] + 1e-12
            assert way.limit - values[1] < 0.95 * (way.limit - values[0])
    assert tried >= 1


@pytest.mark.parametrize("activation", ["tanh", "sigmoid"])
@pytest.mark.parametrize("widths", [(6, 5, 3), (4, 4, 4), (9, 6, 5)])
def test_log_odds_have_one_sink_at_infinity_the_maximum_on_the_cube(widths, activation):
    """One hidden layer: l_k is concave in the layer's values, so (4.7) finds its maximum over the cube and nothing else."""
    net = network(widths, activation, 11 * widths[0])
    starts = np.random.default_rng(2).standard_normal((6, widths[0]))
    f = sx.log_odds(net, 0)
    (way,) = run(f, starts).at_infinity
    assert way.attracts is way.certainty is Certainty.PROVED and way.hits == 6
    last = net.affine_layers[-1]

    def falls(s):
        z = last.weight @ s + last.bias
        return float(np.logaddexp.reduce(np.delete(z, 0)) - z[0])

    low = -1.0 if activation == "tanh" else 0.0
    width = widths[1]
    best = scipy.optimize.minimize(falls, np.full(width, 0.5 + low / 2), bounds=[(low, 1.0)] * width, tol=1e-14)
    assert way.limit == pytest.approx(-best.fun, abs=1e-7) and way.limit >= -best.fun - 1e-9
    # far along the ray f is near the limit, not above it; from anywhere the flow stays below
    far = f.value(way.base + np.array([[10.0], [100.0], [400.0]]) * np.sqrt(width) * way.direction)
    assert (far <= way.bounds[1] + 1e-9).all() and far[-1] == pytest.approx(way.limit, abs=1e-6)
    path = sx.GradientFlow(f, sx.WholeSpace(widths[0])).trajectories(starts, 50.0)
    assert (f.value(path.end) < way.bounds[1]).all() and (f.value(path.end) > f.value(starts)).all()
    (sure,) = run(sx.class_probability(net, 0), starts).at_infinity
    assert sure.limit == pytest.approx(1 / (1 + np.exp(-way.limit)), abs=1e-12) and sure.bounds[1] <= 1


def test_a_layer_that_is_not_onto_is_not_taken_for_one():
    """Two equal rows: s1 = s2 everywhere, so the cube's sinks need not be reached and (4.7) is not claimed."""
    net = sx.Network.from_arrays(
        [[[1.0, 0.0], [1.0, 0.0]], [[2.0, -1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]], "tanh"
    )
    f = sx.margin(net, 0, 1)  # tanh x, though the cube has the sink (1, -1) of value 3
    found = run(f, [[0.5, 1.0], [-0.5, 2.0]])
    assert all(way.limit <= 1 + 1e-12 and way.attracts is Certainty.UNKNOWN for way in found.at_infinity)
    assert found.at_infinity


def test_corners_that_do_not_attract_are_not_called_so():
    """tanh x - tanh y has limits along rays to all four corners; only one of them is a sink at infinity."""
    net = sx.Network.from_arrays([[[1.0, 0.0], [0.0, 1.0]], [[1.0, -1.0], [0.0, 0.0]]], [[0, 0], [0, 0]], "tanh")
    f = sx.margin(net, 0, 1)
    escapes = Escapes(Arena.of(f, sx.WholeSpace(2), "project"))
    for signs in ((1.0, 1.0), (-1.0, -1.0), (-1.0, 1.0), (1.0, -1.0)):
        ray = ray_along(f, np.zeros(2), np.array(signs), escapes.layer)
        assert ray.attracts == (signs == (1.0, -1.0)) and ray.limit == pytest.approx(signs[0] - signs[1], abs=1e-12)
    found = run(f, 3 * np.random.default_rng(0).standard_normal((20, 2)))
    (way,) = found.at_infinity
    assert way.limit == pytest.approx(2.0, abs=1e-12) and way.attracts is Certainty.PROVED


def test_neurons_that_nothing_moves_keep_their_values():
    net = sx.Network.from_arrays(
        [[[1.0, 1.0], [0.0, 0.0]], [[1.0, 2.0], [0.0, 0.0]]], [[0.0, 0.25], [0.0, 0.0]], "tanh"
    )
    f = sx.margin(net, 0, 1)
    layer = Escapes(Arena.of(f, sx.WholeSpace(2), "project")).layer
    ray = ray_along(f, np.zeros(2), np.ones(2), layer)
    assert ray.attracts and ray.limit == pytest.approx(1.0 + 2.0 * np.tanh(0.25), abs=1e-13)


def test_finite_sinks_and_sinks_at_infinity_side_by_side():
    net = network((2, 16, 2), "tanh", 3)
    f = sx.log_odds(net, 0)
    starts = 3 * np.random.default_rng(0).standard_normal((16, 2))
    found = run(f, starts)
    away = is_at_infinity(found)
    assert (found.label[away] == -1).all() and sum(way.hits for way in found.at_infinity) == away.sum() > 0
    for way in found.at_infinity:
        assert way.no_equilibrium is Certainty.UNKNOWN
        with mpmath.workdps(40):
            far = exact_log_odds(net, 0, far_out(way.base, way.direction, mpmath.mpf(10) ** 8))
        assert way.certainty is not Certainty.PROVED or way.bounds[0] - 1e-12 <= far <= way.bounds[1] + 1e-12
    boxed = sx.GradientFlow(f, sx.Box.cube(2, -4, 4)).sinks(starts.clip(-4, 4))
    assert boxed.at_infinity == () and not is_at_infinity(boxed).any()


def test_records():
    net = network((3, 2, 2), "tanh", 0)
    found = run(sx.class_probability(net, 0), np.eye(3))
    written = json.loads(found.to_json())["at_infinity"]
    assert written[0]["certainty"] == "proved" and len(written[0]["direction"]) == 3
    assert len(found.to_dataframe()) == 0


# -- formulas and other functions

RUNS_OFF = {
    "log(1 + x**2 + y**2)": (np.inf, False),
    "x": (np.inf, False),
    "x**2 - y**2": (np.inf, False),
    "exp(x) - y**2": (np.inf, False),
    "atan(x) - y**2": (np.pi / 2, True),
    "x/(1 + x**2)**0.5 - y**2": (1.0, True),
    "-exp(-x) - y**2": (0.0, True),
    "3 - 1/(1 + x**2 + y**2)": (3.0, True),
    "tanh(x) - (y - 1)**2": (1.0, True),
}
STAYS = [
    "-(x**2 - 1)**2 - y**2",
    "-(x**2 + y - 11)**2 - (x + y**2 - 7)**2",
    "-(1 - x)**2 - 100*(y - x**2)**2",
    "-cosh(x) - y**4 + y",
    "-(x - 1e5)**2 - y**2",
    "-(x**2 + y**2 - 1)**2",
    "3",
    "-x**4 - y**4",
]


@pytest.mark.parametrize("text", RUNS_OFF)
def test_functions_that_run_off(text):
    limit, is_bounded = RUNS_OFF[text]
    found = run(sx.expression(text, "x y"), 2 * np.random.default_rng(0).standard_normal((10, 2)) + 0.3)
    assert len(found) == 0 and is_at_infinity(found).all(), found.reasons
    for way in found.at_infinity:
        assert way.is_bounded == is_bounded and way.certainty is Certainty.HEURISTIC
        assert way.limit == pytest.approx(limit, abs=1e-6) if is_bounded else way.limit == np.inf
    assert sum(way.hits for way in found.at_infinity) == 10


def test_a_fan_of_rays_with_one_limit_is_one_way():
    """Twelve starts all around run off in twelve directions to one value: opposite rays have no ray half-way between."""
    angle = np.arange(12) * np.pi / 6 + 0.1
    starts = 2 * np.column_stack([np.cos(angle), np.sin(angle)])
    found = run(sx.expression("-1/(1 + x**2 + y**2)", "x y"), starts)
    assert 1 <= len(found.at_infinity) <= 2 and sum(way.hits for way in found.at_infinity) == 12


def test_limits_of_two_valleys_are_two_ways():
    """exp(-x^2) levels out at 0 on both sides, and a ridge x = 0 of the value 1 lies between."""
    found = run(sx.expression("-exp(-x**2)", "x"), [[2.0], [-2.0]])
    assert len(found.at_infinity) == 2


@pytest.mark.parametrize("text", STAYS)
def test_functions_that_have_no_sink_at_infinity(text):
    found = run(sx.expression(text, "x y"), 2 * np.random.default_rng(0).standard_normal((10, 2)) + 0.3)
    assert found.at_infinity == () and not is_at_infinity(found).any(), found.reasons


def test_starts_of_its_own_on_the_whole_space():
    found = sx.GradientFlow(sx.expression("-(x**2 - 1)**2 - y**2", "x y"), sx.WholeSpace(2)).sinks()
    assert len(found) == found.n_proved == 2
    f = sx.expression("-((x - 6)**2 - 1)**2 - y**2 + x", "x y")
    one, two = (sx.GradientFlow(f, sx.WholeSpace(2)).sinks(rng=0) for _ in range(2))
    assert len(one) == 2 and np.array_equal(one.points, two.points)


def test_custom_potentials_run_off_as_well():
    f = sx.Potential.custom(lambda x: np.arctan(x[:, 0]), lambda x: 1 / (1 + x**2), dim=1)
    found = run(f, [[0.0], [3.0]])
    (way,) = found.at_infinity
    assert way.limit == pytest.approx(np.pi / 2, abs=1e-8) and way.certainty is Certainty.HEURISTIC
