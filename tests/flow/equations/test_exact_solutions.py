"""Exact solutions against integration, quadrature and their own equations; what ends them; what is not solved."""

import math
from typing import Any

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.flow.equations.exact_laws import Constant, HyperbolicTangent, Law, Logistic, Mixture, Quadrature, Tanh
from separatrix.flow.equations.exact_solutions import exact_solution
from tests.oracles.blueprints import SMOOTH, mlp

TWO_CLASSES = {
    "log-odds": lambda net: sx.log_odds(net, 0),
    "probability": lambda net: sx.class_probability(net, 1),
    "confidence": lambda net: sx.confidence(net),
    "entropy": lambda net: sx.neg_entropy(net),
    "log-density": lambda net: sx.log_density(net),
    "margin": lambda net: sx.margin(net, 1, 0),
}
BOX, SPACE = sx.Box.cube(3, -1, 1), sx.WholeSpace(3)
X0 = np.array([0.2, -0.3, 0.5])


def linear(seed: int, n_classes: int = 2) -> sx.Network:
    rng = np.random.default_rng(seed)
    return mlp([rng.standard_normal((n_classes, 3))], [rng.standard_normal(n_classes)], "tanh").network()


def neuron(activation: str, seed: int = 0, n_classes: int = 2) -> sx.Network:
    rng = np.random.default_rng(seed)
    weights = [rng.standard_normal((1, 3)), 2.0 * rng.standard_normal((n_classes, 1))]
    return mlp(weights, [rng.standard_normal(1), rng.standard_normal(n_classes)], activation).network()


def assert_follows(potential: Any, domain: Any, x0: np.ndarray, t_max: float = 3.0, boundary: str = "project") -> None:
    """The solution ends where the flow's own integration at tight tolerances does."""
    solution = exact_solution(potential, domain, boundary)
    assert solution is not None
    time = min(t_max, 0.999 * solution.valid_until(x0))
    expected = sx.GradientFlow(potential, domain, boundary).trajectories(x0, t_max=time, rtol=1e-11, atol=1e-12).end[0]
    np.testing.assert_allclose(solution.at(time, x0), expected, rtol=0, atol=1e-8)


@pytest.mark.parametrize("domain", [SPACE, BOX])
@pytest.mark.parametrize("name", TWO_CLASSES)
def test_linear_networks_of_two_classes(name: str, domain: Any) -> None:
    for seed in range(3):
        assert_follows(TWO_CLASSES[name](linear(seed)), domain, X0)


@pytest.mark.parametrize("seed", range(3))
def test_a_margin_of_several_classes_stays_at_the_sides_of_the_box_for_all_times(seed: int) -> None:
    potential = sx.margin(linear(seed, 4), 0, 2)
    solution = exact_solution(potential, BOX)
    assert solution is not None and solution.valid_until(X0) == math.inf and solution.first_event(X0) == ""
    assert_follows(potential, BOX, X0, 20.0)
    assert (np.abs(solution.at(1e6, X0)) == 1.0).all()


@pytest.mark.parametrize("domain", [SPACE, BOX])
@pytest.mark.parametrize("activation", SMOOTH)
def test_one_neuron(activation: str, domain: Any) -> None:
    for potential in (
        sx.log_odds(neuron(activation), 0),
        sx.log_odds(neuron(activation), 1),
        sx.class_probability(neuron(activation), 0),
        sx.log_density(neuron(activation, 1, 3)),
    ):
        assert_follows(potential, domain, X0)


@pytest.mark.parametrize(
    ("activation", "integral"),
    [
        ("sigmoid", lambda u: 2 * u + 2 * mpmath.sinh(u)),
        ("tanh", lambda u: u / 2 + mpmath.sinh(2 * u) / 4),
        ("softplus", lambda u: u - mpmath.exp(-u)),
    ],
)
def test_a_neuron_obeys_its_scalar_equation(activation: str, integral: Any) -> None:
    """The antiderivative of 1 / s' grows by c |w|^2 a unit of time, in 30 digits."""
    for seed in range(4):
        net = neuron(activation, seed)
        w, b = net.affine_layers[0].weight[0], float(net.affine_layers[0].bias[0])
        solution = exact_solution(sx.margin(net, 0, 1), SPACE)
        assert solution is not None
        c = float(net.affine_layers[1].weight[0, 0] - net.affine_layers[1].weight[1, 0])
        end = solution.at(1.75, X0)
        with mpmath.workdps(30):
            gain = integral(mpmath.mpf(float(w @ end + b))) - integral(mpmath.mpf(float(w @ X0 + b)))
            assert float(gain) == pytest.approx(c * float(w @ w) * 1.75, rel=1e-12)
        across = (end - X0) - (end - X0) @ w / (w @ w) * w
        assert np.abs(across).max() < 1e-14  # nothing moves in the kernel of W_1


@pytest.mark.parametrize("n_hidden", [2, 3])
def test_parallel_rows_and_single_inputs_are_solved_by_quadrature(n_hidden: int) -> None:
    rng = np.random.default_rng(n_hidden)
    row = rng.integers(-4, 5, 3) / 4.0
    first = np.outer([1.0, -2.0, 0.5][:n_hidden], row)  # exactly of rank 1
    deep = [first, rng.standard_normal((4, n_hidden)), rng.standard_normal((3, 4))]
    potential = sx.log_density(mlp(deep, [rng.standard_normal(len(w)) for w in deep], "tanh").network())
    for domain in (SPACE, BOX):
        assert_follows(potential, domain, X0)
    single = [rng.standard_normal((5, 1)), rng.standard_normal((3, 5))]
    potential = sx.log_odds(mlp(single, [rng.standard_normal(5), rng.standard_normal(3)], "gelu").network(), 2)
    assert_follows(potential, sx.WholeSpace(1), np.array([0.3]))


def test_a_start_at_a_side_moves_along_it() -> None:
    x0 = np.array([1.0, -0.3, -1.0])
    for seed in range(4):
        for name in ("probability", "confidence", "log-odds"):
            assert_follows(TWO_CLASSES[name](linear(seed)), BOX, x0)
        assert_follows(sx.log_odds(neuron("tanh", seed), 0), BOX, x0)


@pytest.mark.parametrize("name", ["probability", "log-density", "margin"])
def test_the_time_of_the_first_side(name: str) -> None:
    for seed in range(3):
        potential = TWO_CLASSES[name](linear(seed))
        solution = exact_solution(potential, BOX, "exit")
        assert solution is not None
        until = solution.valid_until(X0)
        assert solution.first_event(X0) == "a side of the box"
        assert np.abs(solution.at(until, X0)).max() == pytest.approx(1.0, abs=1e-12)
        assert np.abs(solution.at(0.999 * until, X0)).max() < 1.0
        left = sx.GradientFlow(potential, BOX, "exit").trajectories(X0, t_max=2 * until, rtol=1e-11, atol=1e-12)
        assert left.reason == ("left the box",) and left.time[0] == pytest.approx(until, rel=1e-7)
        with pytest.raises(sx.InputError, match="until t ="):
            solution.at(1.01 * until, X0)


@pytest.mark.parametrize("name", TWO_CLASSES)
def test_a_linear_region_of_a_relu_network_up_to_its_first_crease(name: str) -> None:
    """Up to the event the signs of all neurons stay, there one of them is 0, and the velocity is the gradient."""
    rng = np.random.default_rng(5)
    weights = [rng.standard_normal((6, 3)), rng.standard_normal((5, 6)), rng.standard_normal((2, 5))]
    blueprint = mlp(weights, [0.3 * rng.standard_normal(len(w)) for w in weights], "relu")
    net, potential = blueprint.network(), TWO_CLASSES[name](blueprint.network())
    solution = exact_solution(potential, SPACE)
    assert solution is not None

    def inputs(x: np.ndarray) -> np.ndarray:
        values = net.propagate(x[None]).values
        return np.concatenate([values[1][0], values[3][0]])

    met = 0
    for x0 in rng.standard_normal((6, 3)):
        until = solution.valid_until(x0)
        times = np.linspace(0, 0.999 * min(until, 2.0), 5)
        path = solution.at(times, x0)
        assert path.shape == (5, 3)
        assert all((np.sign(inputs(x)) == np.sign(inputs(x0))).all() for x in path)
        step = 1e-4 * times[-1]
        speed = (solution.at(times[2] + step, x0) - solution.at(times[2] - step, x0)) / (2 * step)
        expected = potential.gradient(path[2][None])[0]
        np.testing.assert_allclose(speed, expected, rtol=1e-5, atol=1e-8 + 1e-6 * np.abs(expected).max())
        if until < 1e3:
            met += 1
            assert solution.first_event(x0) == "a crease"
            assert np.abs(inputs(solution.at(until, x0))).min() < 1e-9
    assert met > 0


@pytest.mark.parametrize("activation", ["relu", "leaky_relu"])
@pytest.mark.parametrize("domain", [SPACE, BOX])
def test_a_linear_region_against_the_flow_with_events(activation: str, domain: Any) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        weights = [rng.standard_normal((6, 3)), rng.standard_normal((2, 6))]
        net = mlp(weights, [rng.standard_normal(len(w)) for w in weights], activation).network()
        for name in ("log-odds", "probability", "log-density"):
            assert_follows(TWO_CLASSES[name](net), domain, X0)


def test_a_start_on_a_crease_has_no_region_and_dead_neurons_have_no_crease() -> None:
    w = [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 1.0]]]
    solution = exact_solution(sx.log_odds(mlp(w, [[0.0, 0.0], [0.0, 0.0]], "relu").network(), 0), sx.WholeSpace(2))
    assert solution is not None
    assert solution.valid_until([0.0, 1.0]) == 0.0 and solution.first_event([0.0, 1.0]) == "a crease"
    assert solution.valid_until([1.0, 1.0]) == math.inf
    assert solution.at(2.0, [1.0, 1.0]).tolist() == [3.0, 1.0]


def test_classes_that_are_alike_do_not_move() -> None:
    net = mlp([[[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]], [[0.0, 1.0]], "tanh").network()
    for name in ("log-odds", "probability", "confidence", "entropy", "margin"):
        for domain in (SPACE, BOX):
            solution = exact_solution(TWO_CLASSES[name](net), domain)
            assert solution is not None and solution.valid_until(X0) == math.inf
            assert np.array_equal(solution.at(5.0, X0), X0)
    assert_follows(sx.log_density(net), SPACE, X0)
    still = exact_solution(
        sx.log_odds(mlp([[[0.0, 0.0, 0.0]], [[1.0], [2.0]]], [[0.0], [0.0, 0.0]], "tanh").network(), 0), BOX
    )
    assert still is not None and np.array_equal(still.at(5.0, X0), X0)


@pytest.mark.parametrize("level", [800.0, -800.0, 50.0])
def test_a_confident_start_does_not_overflow(level: float) -> None:
    net = mlp([[[1.0, 0.0, 0.0], [0.0, 0.0, 0.0]]], [[0.0, 0.0]], "tanh").network()
    x0 = np.array([level, 0.0, 0.0])
    for potential in (sx.class_probability(net, 0), sx.confidence(net), sx.neg_entropy(net), sx.log_density(net)):
        solution = exact_solution(potential, SPACE)
        assert solution is not None and np.isfinite(solution.at([0.0, 1.0, 1e6], x0)).all()


LAWS: list[Law] = [
    *(Logistic(c) for c in (2.0, -0.3)), *(HyperbolicTangent(c) for c in (1.5, -1.0)), Tanh(0.7), Constant(-2.0),
    *(Mixture(*ends) for ends in ((-1.0, 2.0), (0.0, 2.0), (-2.0, 0.0), (0.5, 3.0), (-3.0, -1.0), (1e-9, 1.0))),
]  # fmt: skip


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{type(law).__name__}{vars(law)}"[:40])
@settings(max_examples=8)
@given(v0=st.floats(-6, 6), time=st.floats(0.01, 5))
def test_a_law_is_the_inverse_of_the_integral_of_its_rate(law: Law, v0: float, time: float) -> None:
    """mpmath's quadrature of 1 / rho over the way that the law says is the time."""
    shift = law.shift(v0, time)
    if abs(shift) < 1e-9:
        return
    with mpmath.workdps(20):
        spent = mpmath.quad(lambda v: 1 / mpmath.mpf(law.rate(float(v))), mpmath.linspace(v0, v0 + shift, 5))
    assert float(spent) == pytest.approx(time, rel=1e-8)
    assert law.elapsed(v0, shift) == pytest.approx(time, rel=1e-9)
    assert Quadrature(np.vectorize(law.rate)).shift(v0, time) == pytest.approx(shift, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize("law", LAWS, ids=lambda law: f"{type(law).__name__}{vars(law)}"[:40])
def test_the_time_lies_between_those_of_the_doubles_next_to_a_shift(law: Law) -> None:
    rng = np.random.default_rng(7)
    for v0, time in zip(rng.uniform(-30, 30, 40), 10.0 ** rng.uniform(-6, 6, 40), strict=True):
        shift = law.shift(float(v0), float(time))
        if 0.0 < abs(shift) < 1e15 and not isinstance(law, Constant):
            before, after = (math.nextafter(shift, end) for end in (0.0, math.copysign(math.inf, shift)))
            assert law.elapsed(float(v0), before) <= time <= law.elapsed(float(v0), after)


def test_quadrature_comes_to_rest_at_a_zero_and_does_not_pass_it() -> None:
    law = Quadrature(lambda v: 1.0 - v * v)
    assert law.shift(0.0, 1.0) == pytest.approx(math.tanh(1.0), abs=1e-13)
    assert law.shift(0.0, 1e4) == pytest.approx(1.0, abs=1e-13)
    assert law.elapsed(0.0, 0.5) == pytest.approx(math.atanh(0.5), rel=1e-12)
    assert law.elapsed(0.0, 1.5) == math.inf and law.shift(1.0, 3.0) == 0.0


def test_what_has_no_solution_here() -> None:
    assert exact_solution(sx.log_odds(sx.data.network("blobs-tanh"), 0), sx.WholeSpace(2)) is None
    assert exact_solution(sx.log_density(linear(0, 3)), SPACE) is None
    relu = mlp([np.ones((2, 3)), np.eye(3, 2)], [np.zeros(2), np.zeros(3)], "relu").network()
    assert exact_solution(sx.log_odds(relu, 0), SPACE) is None
    almost = np.array([[0.1, 0.2, 0.3], [0.3, 0.6, 0.9]])  # parallel up to rounding only
    net = mlp([almost, np.eye(2)], [np.zeros(2), np.zeros(2)], "tanh").network()
    assert exact_solution(sx.log_odds(net, 0), SPACE) is None


def test_the_closed_form_hands_its_solution_over() -> None:
    solution = sx.GradientFlow(sx.class_probability(linear(0), 0), BOX).closed_form().solution
    assert solution is not None and solution.certainty is sx.Certainty.PROVED
    assert r"2 l + 2 \sinh l & = |g|^2\, t" in solution.latex and "side of the box" in solution.evidence
    assert repr(solution).startswith("ExactSolution(probability of class 0: x(t) =")


def test_bad_times_and_starts_are_refused() -> None:
    solution = exact_solution(sx.log_odds(linear(0), 0), BOX)
    assert solution is not None
    for time in (-1.0, np.nan, [[1.0]]):
        with pytest.raises(sx.InputError, match="time"):
            solution.at(time, X0)
    for start in ([2.0, 0.0, 0.0], np.zeros((2, 3)), [0.0]):
        with pytest.raises(sx.InputError):
            solution.at(1.0, start)
