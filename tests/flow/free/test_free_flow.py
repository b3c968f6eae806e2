"""The free flow of networks with one hidden layer: its kernels, its steps, exact solutions, what ends a row, and its cost."""

import tracemalloc

import mpmath
import numpy as np
import pytest
import scipy.optimize

import separatrix as sx
from separatrix.flow.event_stepper import Settings
from separatrix.flow.free import free_kernel, tsitouras
from separatrix.flow.free.free_flow import FreeBatch, FreeField
from separatrix.flow.trajectories import integrate
from tests.flow import reference
from tests.oracles.blueprints import SMOOTH, random_mlp

SHAPES = [(1, 4, 2), (2, 8, 3), (5, 5, 10), (3, 6, 1), (9, 3, 2), (20, 7, 4)]


def flow(f):
    return sx.GradientFlow(f, sx.WholeSpace(f.dim))


def solve(f, starts, t_max, tolerance=1e-6, **options):
    settings = Settings(t_max, tolerance, tolerance, options.pop("max_steps", 10_000))
    return integrate(f, sx.WholeSpace(f.dim), "project", np.asarray(starts, float), settings, **options)


def potentials(net):
    """All kinds of a network's potentials that are smooth."""
    found = [sx.log_odds(net, 0), sx.class_probability(net, 1), sx.margin(net, 0, 1), sx.confidence(net)]
    return [*found, sx.neg_entropy(net)]


# -- kernels

EXACT = {
    "tanh": mpmath.tanh,
    "sigmoid": lambda u: 1 / (1 + mpmath.exp(-u)),
    "softplus": lambda u: mpmath.log1p(mpmath.exp(u)),
    "silu": lambda u: u / (1 + mpmath.exp(-u)),
    "mish": lambda u: u * mpmath.tanh(mpmath.log1p(mpmath.exp(u))),
    "gelu": lambda u: u * mpmath.erfc(-u / mpmath.sqrt(2)) / 2,
    "gelu_tanh": lambda u: u * (1 + mpmath.tanh(mpmath.sqrt(2 / mpmath.pi) * (u + mpmath.mpf(0.044715) * u**3))) / 2,
}


def apply(name, u, slope, out):
    """The activation itself: one unit, one output of weight 1."""
    point = 0.5 * u, 0.5 * u
    free_kernel.forward(free_kernel.KINDS[name], point, (np.ones((1, 1)), np.zeros(1)), slope, out)


@pytest.mark.parametrize("name", SMOOTH)
def test_activations_and_slopes_to_the_last_digits(name):
    """Values to an absolute error that logits do not see, slopes also in the tails, where 1 - s^2 would be lost."""
    rng = np.random.default_rng(0)
    u = np.concatenate([rng.uniform(-30, 30, 150), rng.uniform(-1, 1, 50), [0.0, -0.0, 1e-9, -1e-9, 12.0, -12.0]])
    slope, out = np.empty((1, u.size)), np.empty((1, u.size))
    apply(name, u[None], slope, out)
    with mpmath.workdps(40):
        values = np.array([float(EXACT[name](mpmath.mpf(v))) for v in u])
        slopes = np.array([float(mpmath.diff(EXACT[name], mpmath.mpf(v), h=mpmath.mpf(10) ** -15)) for v in u])
    np.testing.assert_allclose(out[0], values, rtol=2e-15, atol=4e-16)
    np.testing.assert_allclose(slope[0], slopes, rtol=2e-13, atol=1e-17 if name in ("tanh", "sigmoid") else 1e-15)


@pytest.mark.parametrize("name", SMOOTH)
def test_activations_far_out_are_finite(name):
    u = np.array([[-1e6, -1e3, -400.0, 400.0, 1e3, 1e6]])
    slope, out = np.empty(u.shape), np.empty(u.shape)
    apply(name, u, slope, out)
    assert np.isfinite(out).all() and np.isfinite(slope).all()
    assert (np.abs(slope[0, :3]) < 1e-100).all()


@pytest.mark.parametrize("shift", [-900.0, -30.0, 0.0, 30.0, 900.0])
def test_softmax_and_the_speed_of_the_probability(shift):
    v = np.random.default_rng(1).standard_normal((4, 9)) * 3.0
    v[2] -= 2000.0
    v += shift
    soft, timed = v.copy(), v.copy()
    free_kernel.softmax(soft, -1.0, 0)
    free_kernel.softmax(timed, -1.0, 1)
    with mpmath.workdps(40):
        for column in range(9):
            e = [mpmath.exp(mpmath.mpf(float(w))) for w in v[:, column]]
            total = mpmath.fsum(e)
            speed = total / (1 + total) ** 2
            np.testing.assert_allclose(soft[:, column], [float(-w / total) for w in e], rtol=1e-12, atol=1e-290)
            exact = [float(-w / total * speed) for w in e]
            np.testing.assert_allclose(timed[:, column], exact, rtol=1e-12, atol=1e-290)


# -- the field


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", SMOOTH)
def test_the_first_stage_is_the_gradient(shape, activation):
    """Of every potential, for layers narrower and wider than the input; also with dead, repeated and zero neurons."""
    rng = np.random.default_rng(7)
    blueprint = random_mlp(rng, shape, activation, scale=2.0)
    first, last = blueprint.network().affine_layers
    weight, bias = np.array(first.weight), np.array(first.bias)
    weight[-1], bias[-1] = weight[0], bias[0]
    weight[1] = 0.0
    bias[1:3] = 0.0
    degenerate = sx.Network.from_arrays([weight, last.weight], [bias, last.bias], activation)
    x = rng.standard_normal((6, shape[0])) * 2.0
    for net in (blueprint.network(), degenerate):
        for f in potentials(net):
            field = FreeField.of(f)
            assert field is not None, f.name
            stage = FreeBatch(field, x).stages[0]
            found = stage.T @ field.weight if field.is_reduced else stage.T
            np.testing.assert_allclose(found, f.gradient(x), rtol=1e-10, atol=1e-13, err_msg=f.name)


def test_what_takes_the_fast_path():
    """Affine, smooth, affine; the reduction where the layer is clearly narrower than the input."""
    rng = np.random.default_rng(0)
    for shape, is_reduced in (((10, 8, 3), True), ((10, 9, 3), False), ((2, 8, 3), False)):
        field = FreeField.of(random_mlp(rng, shape, "tanh").library_potential("log_odds", 0))
        assert field is not None and field.is_reduced == is_reduced
    assert FreeField.of(random_mlp(rng, (6, 4, 4, 2), "tanh").library_potential("log_odds", 0)) is None
    assert FreeField.of(random_mlp(rng, (6, 4, 2), "relu").library_potential("log_odds", 0)) is None


# -- solutions


def test_the_orders_of_the_pair():
    """Quadrature conditions to order 5, those of the error estimate to order 4, and trees of height three."""
    matrix = np.zeros((7, 7))
    for row, coefficients in enumerate(tsitouras.STAGES, 1):
        matrix[row, : coefficients.size] = coefficients
    b, c = matrix[6], matrix.sum(axis=1)
    assert c[6] == pytest.approx(1.0, abs=1e-14)
    for k in range(1, 6):
        assert b @ c ** (k - 1) == pytest.approx(1 / k, abs=1e-13)
        if k < 5:
            assert tsitouras.ERROR @ c ** (k - 1) == pytest.approx(0.0, abs=1e-13)
    for tree, weight in ((matrix @ c, 6), (matrix @ c**2, 12), (matrix @ matrix @ c, 24), (c * (matrix @ c), 8)):
        assert b @ tree == pytest.approx(1 / weight, abs=1e-13)
        assert tsitouras.ERROR @ tree == pytest.approx(0.0, abs=1e-12)
    for tree, weight in (
        (c**2 * (matrix @ c), 10),
        ((matrix @ c) ** 2, 20),
        (matrix @ c**3, 20),
        (c * (matrix @ c**2), 15),
    ):
        assert b @ tree == pytest.approx(1 / weight, abs=1e-13)


@pytest.mark.parametrize("dim", [1, 3, 40])
def test_one_tanh_neuron_in_closed_form(dim):
    """u' = c |w|^2 sech^2 u, so that u / 2 + sinh(2 u) / 4 grows at the constant rate c |w|^2."""

    def law(u):
        return 0.5 * u + 0.25 * np.sinh(2.0 * u)

    rng = np.random.default_rng(dim)
    w, c, b = rng.standard_normal(dim), 1.7, 0.3
    net = sx.Network.from_arrays([w[None], [[c], [0.0]]], [[b], [0.0, 0.0]], "tanh")
    starts = rng.standard_normal((4, dim))
    for t in (0.7, 20.0):
        found = flow(sx.margin(net, 0, 1)).trajectories(starts, t, rtol=1e-9, atol=1e-9)
        for start, end in zip(starts, found.end, strict=True):
            goal = law(w @ start + b) + c * (w @ w) * t
            u = scipy.optimize.brentq(lambda u, goal=goal: law(u) - goal, -20, 20, xtol=1e-14)
            np.testing.assert_allclose(end, start + (u - w @ start - b) / (w @ w) * w, rtol=0, atol=2e-7)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("activation", ["tanh", "gelu", "softplus"])
def test_random_networks_against_the_reference(shape, activation):
    rng = np.random.default_rng(11)
    blueprint = random_mlp(rng, shape, activation, scale=2.0)
    f = blueprint.library_potential(*[("log_odds", 0), ("class_probability", 1), ("confidence",)][shape[1] % 3])
    starts = rng.standard_normal((2, f.dim))
    gradient = reference.gradient_of(f)
    truth = [reference.solve(gradient, None, start, 1.0)[:2] for start in starts]
    for tolerance in (1e-5, 1e-8):
        found = solve(f, starts, 1.0, tolerance, keep_paths=True)
        for row, (start, (t, exact)) in enumerate(zip(starts, truth, strict=True)):
            assert t == found.time[row]
            np.testing.assert_allclose(found.end[row], exact, rtol=0, atol=100 * tolerance)
            times, points = found.path(row)
            np.testing.assert_array_equal(points[0], start)
            np.testing.assert_array_equal(points[-1], found.end[row])
            assert times[0] == 0 and times[-1] == found.time[row] and (np.diff(times) > 0).all()
            assert (np.diff(f.value(points)) >= -100 * tolerance).all()


def test_the_error_falls_with_the_tolerance_in_many_dimensions():
    """784 inputs, 60 hidden units: the tolerance is kept to a small factor though x is formed at the end only."""
    rng = np.random.default_rng(3)
    weights = [rng.standard_normal((60, 784)) / 14.0, rng.standard_normal((10, 60)) / 3.0]
    net, starts = sx.Network.from_arrays(weights, [np.zeros(60), np.zeros(10)], "tanh"), rng.random((12, 784))
    for f in (sx.log_odds(net, 2), sx.class_probability(net, 2), sx.log_density(net)):
        fine = solve(f, starts, 5.0, 1e-12).end
        errors = [np.abs(solve(f, starts, 5.0, t).end - fine).max() for t in (1e-4, 1e-6, 1e-8)]
        assert errors[0] < 1e-2 and errors[1] < 1e-4 and errors[2] < 1e-6, (f.name, errors)
        assert errors[0] > errors[1] > errors[2]
        whole = scipy.integrate.solve_ivp(
            lambda _, x, f=f: f.gradient(x[None])[0], (0, 5), starts[0], rtol=1e-9, atol=1e-9
        )
        np.testing.assert_allclose(fine[0], whole.y[:, -1], rtol=0, atol=1e-6)


def test_the_probability_at_the_end_of_a_long_wait():
    """p starts near 0 and rises suddenly: an early error is a delay, and a delay is all that counts at the end."""
    w = np.full((2, 20), 0.4)
    net = sx.Network.from_arrays([w * [[1.0], [-1.0]], [[6.0, 0.5], [-6.0, 0.3]]], [[0.0, 0.1], [-3.5, 3.5]], "tanh")
    f, start = sx.class_probability(net, 0), np.zeros((1, 20))
    fine = solve(f, start, 200.0, 1e-12, keep_paths=True)
    times, points = fine.path(0)
    p = f.value(points)
    assert p[0] < 2e-3 and p[-1] > 0.9
    middle = float(times[int(np.argmin(np.abs(p - 0.5)))])
    exact = solve(f, start, middle, 1e-12).end
    assert np.abs(solve(f, start, middle, 1e-6).end - exact).max() < 2e-5


# -- what ends a row


def hill(dim):
    """A margin with a single maximum at 0: tanh(x + 1) - tanh(x - 1), summed over the coordinates."""
    weight = np.repeat(np.eye(dim), 2, axis=0)
    last = np.vstack([np.tile([1.0, -1.0], dim), np.zeros(2 * dim)])
    net = sx.Network.from_arrays([weight, last], [np.tile([1.0, -1.0], dim), np.zeros(2)], "tanh")
    return sx.margin(net, 0, 1)


@pytest.mark.parametrize("dim", [1, 2, 4])
def test_a_row_that_reaches_a_maximum_is_at_a_sink(dim):
    starts = np.random.default_rng(dim).uniform(-1.5, 1.5, (9, dim))
    found = flow(hill(dim)).trajectories(starts, 1000.0)
    assert found.reason == ("sink",) * 9 and (found.time < 1000).all()
    np.testing.assert_allclose(found.end, 0.0, atol=1e-5)
    assert set(flow(hill(dim)).trajectories(starts, 0.5).reason) == {"time"}


def test_stop_ends_rows_at_the_sinks_of_a_list():
    f = hill(2)
    sinks = sx.GradientFlow(f, sx.Box.cube(2, -2, 2)).sinks([[0.3, 0.2]])
    early = flow(f).trajectories([[0.5, 0.5], [-1.0, 0.3]], 1000.0, rtol=1e-9, atol=1e-9, stop=sinks)
    late = flow(f).trajectories([[0.5, 0.5], [-1.0, 0.3]], 1000.0, rtol=1e-9, atol=1e-9)
    assert early.reason == late.reason == ("sink", "sink")
    assert (early.time <= late.time).all()


def test_a_small_budget_is_a_reason_and_evaluations_are_counted():
    f = random_mlp(np.random.default_rng(0), (30, 5, 3), "tanh", scale=3.0).library_potential("log_odds", 0)
    starts = np.random.default_rng(1).standard_normal((7, 30))
    found = flow(f).trajectories(starts, 1000.0, max_steps=3)
    assert found.reason == ("budget",) * 7 and (found.time < 1000).all()
    np.testing.assert_array_equal(found.n_evaluations, 2 + 3 * 6)


def test_saturated_and_constant_networks_stay():
    """Gradients that underflow, and none at all; also far outside, where a step could overflow."""
    weights = [np.ones((3, 10)), np.array([[1.0, -1.0, 2.0], [0.5, 0.0, 0.0]])]
    for activation in ("tanh", "sigmoid"):
        net = sx.Network.from_arrays(weights, [np.zeros(3), np.zeros(2)], activation)
        for f in (sx.log_odds(net, 0), sx.class_probability(net, 0)):
            start = np.full((2, 10), 1e3)
            found = flow(f).trajectories(start, 1e6)
            np.testing.assert_array_equal(found.end, start)
            assert found.reason == ("time", "time")
    still = sx.Network.from_arrays([np.zeros((3, 10)), weights[1]], [np.ones(3), np.zeros(2)], "tanh")
    for f in (sx.log_odds(still, 1), sx.class_probability(still, 1)):
        found = flow(f).trajectories(np.ones((1, 10)), 7.0)
        np.testing.assert_array_equal(found.end, np.ones((1, 10)))
        assert found.reason == ("time",) and found.time[0] == 7.0


@pytest.mark.parametrize("size", [1e30, 1e100, 1e170, 1e300])
def test_weights_and_starts_of_any_size_end_with_a_reason(size):
    rng = np.random.default_rng(0)
    for dim in (2, 10):
        weights = [size * rng.standard_normal((4, dim)), rng.standard_normal((3, 4))]
        net = sx.Network.from_arrays(weights, [np.zeros(4), np.zeros(3)], "tanh")
        mild = sx.Network.from_arrays([weights[0] / size, weights[1]], [np.zeros(4), np.zeros(3)], "tanh")
        for make in (sx.log_odds, sx.class_probability):
            runs = [solve(make(net, 0), rng.standard_normal((3, dim)), 1.0, max_steps=40)]
            runs.append(solve(make(net, 0), np.zeros((1, dim)), 1.0, max_steps=40))
            if size < 1e200:
                runs.append(solve(make(mild, 0), size * rng.standard_normal((3, dim)), 1.0, max_steps=40))
            for run in runs:
                assert np.isfinite(run.end).all() and set(run.reason) <= {"time", "budget", "sink"}


# -- many rows


def test_the_number_of_workers_changes_no_bit():
    rng = np.random.default_rng(0)
    for shape in ((30, 9, 4), (3, 12, 3)):
        f = random_mlp(rng, shape, "tanh", scale=2.0).library_potential("class_probability", 1)
        starts = rng.standard_normal((5000, f.dim))
        runs = [solve(f, starts, 1.0, workers=workers, keep_paths=False) for workers in (None, 1, 2, 3, -1)]
        for run in runs[1:]:
            np.testing.assert_array_equal(run.end, runs[0].end)
            np.testing.assert_array_equal(run.n_evaluations, runs[0].n_evaluations)
            assert run.reason == runs[0].reason


def test_the_number_of_workers_changes_no_bit_on_a_box():
    rng = np.random.default_rng(0)
    f, box = random_mlp(rng, (3, 6, 3), "tanh", scale=2.0).library_potential("log_odds", 1), sx.Box.cube(3, -1, 1)
    starts = box.uniform(1100, rng)
    one, two = (
        integrate(f, box, "project", starts, Settings(0.3), keep_paths=False, workers=workers) for workers in (1, 2)
    )
    np.testing.assert_array_equal(one.end, two.end)
    assert one.reason == two.reason and (one.n_evaluations == two.n_evaluations).all()


def test_a_row_does_not_depend_on_the_others():
    rng = np.random.default_rng(2)
    for shape in ((40, 10, 4), (3, 10, 4)):
        f = random_mlp(rng, shape, "tanh", scale=3.0).library_potential("log_odds", 2)
        starts = rng.standard_normal((200, f.dim))
        together = solve(f, starts, 3.0)
        for row in (0, 99, 199):
            alone = solve(f, starts[row : row + 1], 3.0)
            np.testing.assert_allclose(alone.end[0], together.end[row], rtol=0, atol=1e-9)
            assert abs(int(alone.n_evaluations[0]) - int(together.n_evaluations[row])) <= 12
        np.testing.assert_allclose(solve(f, starts[::-1], 3.0).end[::-1], together.end, rtol=0, atol=1e-9)


def test_starts_are_left_as_they_were():
    """One input, or one row: their transposes are contiguous, and must not be stepped in place."""
    for shape, n in (((1, 4, 2), 5), ((3, 4, 2), 1), ((9, 3, 2), 1)):
        f = random_mlp(np.random.default_rng(0), shape, "tanh").library_potential("log_odds", 0)
        starts = np.ones((n, f.dim))
        assert (solve(f, starts, 3.0).end != 1.0).any()
        np.testing.assert_array_equal(starts, 1.0)


def test_memory_beyond_the_result_does_not_grow_with_the_rows():
    rng = np.random.default_rng(4)
    f = random_mlp(rng, (40, 4, 2), "tanh").library_potential("log_odds", 0)
    solve(f, rng.standard_normal((10, 40)), 0.1)
    extra = []
    for n in (8_192, 32_768):
        starts = rng.standard_normal((n, 40))
        tracemalloc.start()
        found = solve(f, starts, 0.1, keep_paths=False)
        held, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert held < 1.2 * (found.end.nbytes + 24 * n) + 1e6
        extra.append(peak - held)
    assert extra[1] < extra[0] + 24 * 32_768
