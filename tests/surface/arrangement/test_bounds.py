"""Error bounds: never below the difference to the exact number, and not so large that they decide nothing."""

import numpy as np
import pytest
from flint import fmpq
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from separatrix.networks.network import Network
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.lattice import Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words, linear_steps
from separatrix.surface.arrangement.norms import norm_up, spectral_norm_up
from separatrix.surface.arrangement.rational_point import ExactArithmetic
from separatrix.surface.arrangement.refresh import refresh
from separatrix.surface.arrangement.repeated_rows import repeated_rows
from separatrix.surface.arrangement.step_bounds import StepBounds

SCALES = st.sampled_from([1e-320, 1e-300, 1e-160, 1.0, 1e150, 1e300])


def rational(value: float) -> fmpq:
    numerator, denominator = float(value).as_integer_ratio()
    return fmpq(numerator, denominator)


@given(arrays(np.float64, (5,), elements=st.floats(-1, 1)), SCALES)
def test_norms_are_rounded_up(x: np.ndarray, scale: float) -> None:
    x = x * scale
    up = float(norm_up(x))
    total = sum((rational(v) ** 2 for v in x), fmpq(0))
    assert rational(up) ** 2 >= total
    assert up == 0.0 if not x.any() else up > 0.0
    assert rational(up) ** 2 <= total * fmpq(1000001, 1000000) + rational(1e-300) ** 2


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (40, 40), (70, 5)])
@pytest.mark.parametrize("scale", [1e-200, 1.0, 1e150])
def test_the_spectral_norm_is_bounded_from_above_and_closely(shape: tuple[int, int], scale: float) -> None:
    rng = np.random.default_rng(5)
    matrix = rng.standard_normal(shape) * scale
    largest = float(np.linalg.norm(matrix / scale, 2)) * scale
    assert largest * (1 - 1e-12) <= spectral_norm_up(matrix) <= 1.1 * largest
    rank_one = np.outer(matrix[:, 0] / scale, matrix[0])
    exact = sum((rational(v) ** 2 for v in rank_one.ravel()), fmpq(0))
    assert rational(spectral_norm_up(rank_one)) ** 2 >= exact * (1 - fmpq(1, 2**45))  # the entries are rounded


@pytest.mark.parametrize("scale", [1.0, 2.0**-900, 2.0**900])
def test_the_spectral_norm_of_a_sparse_matrix_is_bounded_from_above_and_closely(scale: float) -> None:
    rng = np.random.default_rng(0)
    for rows, entries in ((400, 2), (300, 12)):
        matrix = np.zeros((rows, 500))
        matrix[np.arange(rows)[:, None], rng.integers(0, 500, (rows, entries))] = rng.normal(size=(rows, entries))
        exact = np.linalg.norm(matrix, 2)
        assert exact <= spectral_norm_up(matrix * scale) / scale < 1.25 * exact


def test_a_norm_of_what_is_not_finite_is_infinite() -> None:
    assert np.isinf(norm_up(np.array([1.0, np.nan])))
    assert spectral_norm_up(np.array([[np.inf, 1.0]])) == np.inf
    assert spectral_norm_up(np.array([[np.nan, 1.0]])) == np.inf
    assert spectral_norm_up(np.zeros((2, 2))) == 0.0


class Watched(BoundedSigns):
    """Compares the values of the next step with exact ones, between the steps."""

    def __init__(self, steps: list[LinearStep], lower: np.ndarray, upper: np.ndarray) -> None:
        super().__init__(steps, lower, upper)
        self.exact = ExactArithmetic(steps, lower, upper)
        self.worst, self.size = 0.0, 0.0

    def end_step(self, lattice: Lattice) -> None:
        super().end_step(lattice)
        if self.index + 1 == len(self.steps):
            return
        vertices = np.arange(lattice.n_vertices)[:: max(1, lattice.n_vertices // 12)]
        values, errors = self.next_values(lattice, vertices)
        for v, row, bounds in zip(vertices.tolist(), values, errors, strict=True):
            positive, negative = lattice.positive[v], lattice.negative[v]
            point = self.exact.vertex(positive, negative, self.index + 1)
            exact = self.exact.coordinates(point, positive, negative, self.index + 1)
            for value, bound, numerator in zip(row, bounds, exact.numerators, strict=True):
                if np.isfinite(bound):
                    off = abs(rational(value) - fmpq(numerator, exact.denominator))
                    assert off <= rational(bound)
            self.size = max(self.size, float(np.max(bounds / (np.abs(row).max() + 1e-300))))


def random_network(rng: np.random.Generator, kind: str) -> tuple[Network, int]:
    n = int(rng.integers(1, 7)) if kind == "generic" else int(rng.integers(1, 4))
    most = {1: 12, 2: 9, 3: 7, 4: 5, 5: 4, 6: 3}[n]
    widths = [n, *(int(w) for w in rng.integers(2, most + 1, size=rng.integers(1, 7 if n < 3 else 3))), 2]
    weights = [rng.standard_normal(shape) / np.sqrt(shape[1]) for shape in zip(widths[1:], widths[:-1], strict=True)]
    biases = [0.3 * rng.standard_normal(m) for m in widths[1:]]
    if kind == "parallel":  # hyperplanes that meet at tiny angles
        for w, b in zip(weights, biases, strict=True):
            w[1:] = w[0] + 10.0 ** -float(rng.integers(3, 13)) * w[1:]
            b[1:] = b[0] + 10.0 ** -float(rng.integers(3, 13)) * b[1:]
    if kind == "scaled":
        for i in range(len(weights) - 1):
            factor = 10.0 ** rng.integers(-3, 4, widths[i + 1])
            weights[i], biases[i], weights[i + 1] = (
                weights[i] * factor[:, None],
                biases[i] * factor,
                weights[i + 1] / factor,
            )
    slope = float(rng.choice([0.1, -1.0, 2.0]))
    return Network.from_arrays(weights, biases, str(rng.choice(["relu", "leaky_relu"])), slope=slope), n


@pytest.mark.parametrize("kind", ["generic", "parallel", "scaled"])
def test_values_lie_within_their_bounds_of_the_exact_ones(kind: str) -> None:
    for seed in range(12):
        net, n = random_network(np.random.default_rng(seed), kind)
        steps = linear_steps(net)
        signs = Watched(steps, -np.ones(n), np.ones(n))
        cut(steps, -np.ones(n), np.ones(n), signs)
        if kind == "generic":
            assert signs.size < 1e-5
            assert signs.n_exact_decisions == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10**6), st.floats(0, 0.2))
def test_a_vertex_solved_again_is_within_its_radius_wherever_it_started(seed: int, away: float) -> None:
    rng = np.random.default_rng(seed)
    net, n = random_network(rng, str(rng.choice(["generic", "parallel"])))
    steps, lower, upper = linear_steps(net)[:3], -np.ones(n), np.ones(n)
    found = cut(steps, lower, upper)
    some = np.arange(found.vertices.shape[0])[:: max(1, found.vertices.shape[0] // 6)]
    bits = found.positive[some], found.negative[some]
    start = found.vertices[some] + away * rng.standard_normal((some.size, n))
    again = refresh([StepBounds.of(step) for step in steps], first_words(steps), start, bits, (lower, upper))
    exact = ExactArithmetic(steps, lower, upper)
    i = np.repeat(np.arange(steps[-1].bias.size)[None], some.size, axis=0)
    v = np.repeat(np.arange(some.size)[:, None], steps[-1].bias.size, axis=1)
    signs = again.proved_signs(v.ravel(), i.ravel()).reshape(v.shape)
    for k, vertex in enumerate(some.tolist()):
        point = exact.vertex(found.positive[vertex], found.negative[vertex], len(steps))
        if np.isfinite(again.radius[k]):
            pairs = zip(point.numerators, again.x[k], strict=True)
            off = sum(((fmpq(p, point.denominator) - rational(x)) ** 2 for p, x in pairs), fmpq(0))
            assert off <= rational(again.radius[k]) ** 2
        true = exact.coordinates(point, found.positive[vertex], found.negative[vertex], len(steps) - 1).numerators
        for sign, value in zip(signs[k], true, strict=True):
            assert sign in (2, (value > 0) - (value < 0))


def test_rows_that_repeat_an_earlier_one_are_found_exactly() -> None:
    w = np.array([[1.0, 2.0], [0.1, 0.2], [-2.0, -4.0], [0.0, 0.0], [1.0, 2.0 + 2**-51], [0.0, 0.0], [0.2, 0.4]])
    b = np.array([3.0, 0.3, -6.0, 0.0, 3.0, 1.0, 0.6])
    net = Network.from_arrays([w, np.ones((2, 7))], [b, np.zeros(2)])
    repeated = repeated_rows(linear_steps(net)[0])
    # 0.1, 0.2, 0.3 as doubles are no multiple of 1, 2, 3, but 0.2, 0.4, 0.6 are twice them
    assert repeated[0].tolist() == [-1, -1, 0, -2, -1, -1, 1]
    assert repeated[1].tolist() == [0, 0, -1, 0, 0, 0, 1]
