"""Signs by bounded doubles against signs in rational numbers: the same lattice, bit by bit."""

from fractions import Fraction

import numpy as np
import pytest

from separatrix.networks.layers import Activation, Affine, Layer
from separatrix.networks.network import Network
from separatrix.surface.arrangement.arrangement import Arrangement
from separatrix.surface.arrangement.bounded_signs import BoundedSigns
from separatrix.surface.arrangement.cut import cut
from separatrix.surface.arrangement.linear_steps import LinearStep, linear_steps
from separatrix.surface.arrangement.rational_signs import RationalSigns
from separatrix.surface.arrangement.step_bounds import StepBounds
from tests.surface.arrangement.test_linear_steps import skip_network


def compared(steps: list[LinearStep], n: int, half: float = 1.0) -> tuple[Arrangement, BoundedSigns]:
    """The cells by doubles, after their bits, incidences and positions were compared with exact ones."""
    lower, upper = np.full(n, -half), np.full(n, half)
    signs = BoundedSigns(steps, lower, upper)
    found, exact = cut(steps, lower, upper, signs), cut(steps, lower, upper, RationalSigns(steps, lower, upper))
    assert found.cells.counts == exact.cells.counts
    assert np.array_equal(found.positive, exact.positive)
    assert np.array_equal(found.negative, exact.negative)
    for k in range(n + 1):
        assert np.array_equal(found.cells.faces[k], exact.cells.faces[k])
        assert np.array_equal(found.cells.signs[k], exact.cells.signs[k])
    off = np.linalg.norm(found.vertices - exact.vertices, axis=1)
    assert (off <= found.vertex_error + exact.vertex_error).all()
    return found, signs


def random_arrays(rng: np.random.Generator, kind: str) -> tuple[list[np.ndarray], list[np.ndarray]]:
    n, depth = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    widths = [n, *(int(w) for w in rng.integers(2, {1: 8, 2: 6, 3: 4}[n], size=depth)), 2]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights, biases = [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s[0]) / 2 for s in shapes]
    if kind == "quantised":
        weights, biases = [np.rint(2 * w) / 2 for w in weights], [np.rint(2 * b) / 2 for b in biases]
    if kind == "concurrent":
        weights, biases = [np.rint(w) for w in weights], [0 * b for b in biases]
    if kind in ("near 45", "near 70"):
        gap = 2.0 ** -int(kind[-2:])
        for w, b in zip(weights, biases, strict=True):
            w[1], b[0] = -2 * w[0], 2.0**-20
            b[1] = -2 * b[0] * (1 + gap) if kind == "near 45" else -(2.0**-19) - gap
    if kind == "dead":
        weights[0][0], biases[0][0] = 0.0, 0.0
        weights[-1][0] = weights[-1][1]
    return weights, biases


@pytest.mark.parametrize("kind", ["generic", "quantised", "concurrent", "near 45", "near 70", "dead"])
def test_signs_are_the_exact_ones(kind: str) -> None:
    for seed in range(10):
        rng = np.random.default_rng(seed)
        weights, biases = random_arrays(rng, kind)
        slope = float(rng.choice([0.25, -1.0, 1.5]))
        net = Network.from_arrays(weights, biases, str(rng.choice(["relu", "leaky_relu"])), slope=slope)
        _, signs = compared(linear_steps(net, [[1, -1]]), weights[0].shape[1])
        if kind == "generic":
            assert signs.n_exact_decisions == 0


@pytest.mark.parametrize("scale", [1e-300, 1e-160, 1e160, 1e300])
def test_tiny_and_huge_weights(scale: float) -> None:
    rng = np.random.default_rng(6)
    weights = [rng.standard_normal((4, 2)) * scale, rng.standard_normal((3, 4)), rng.standard_normal((2, 3))]
    biases = [rng.standard_normal(4) * scale / 4, rng.standard_normal(3) * scale / 4, np.zeros(2)]
    found, _ = compared(linear_steps(Network.from_arrays(weights, biases)), 2)
    plain = [w / scale if i == 0 else w for i, w in enumerate(weights)], [b / scale for b in biases]
    assert found.cells.counts == compared(linear_steps(Network.from_arrays(*plain)), 2)[0].cells.counts


def test_values_that_overflow_are_decided_exactly() -> None:
    rng = np.random.default_rng(7)
    weights = [rng.standard_normal((3, 2)) * 1e200, rng.standard_normal((3, 3)) * 1e200, rng.standard_normal((2, 3))]
    biases = [rng.standard_normal(3) * 1e199, np.zeros(3), np.zeros(2)]
    _, signs = compared(linear_steps(Network.from_arrays(weights, biases), [[1, -1]]), 2)
    assert signs.n_exact_decisions > 0


def test_skip_connections_and_composed_layers() -> None:
    rng = np.random.default_rng(8)
    compared(linear_steps(skip_network(rng), [[1, -1, 0], [0, 1, -1]]), 3)
    layers: list[Layer] = []
    for inputs, outputs in ((2, 30), (30, 5), (5, 40), (40, 4)):
        layers.append(
            Affine(rng.standard_normal((outputs, inputs)) / np.sqrt(inputs), rng.standard_normal(outputs) / 9)
        )
        if outputs < 10:
            layers.append(Activation("relu"))
    _, signs = compared(linear_steps(Network.chain([*layers, Affine(np.eye(2, 4), np.zeros(2))], 2)), 2)
    assert signs.n_exact_decisions == 0


def test_a_row_that_is_zero_needs_no_decision() -> None:
    rng = np.random.default_rng(9)
    net = Network.from_arrays([rng.standard_normal((6, 2)), rng.standard_normal((1, 6))], [np.ones(6) / 3, np.zeros(1)])
    _, signs = compared(linear_steps(net), 2)  # the logits are (0, t)
    assert signs.n_exact_decisions == 0


def test_repeated_neurons_are_copied_not_decided() -> None:
    rng = np.random.default_rng(10)
    w, b = rng.standard_normal((4, 2)), rng.standard_normal(4) / 3
    w, b = np.concatenate([w, -2 * w, w / 4]), np.concatenate([b, -2 * b, b / 4])
    found, signs = compared(linear_steps(Network.from_arrays([w, np.ones((2, 12))], [b, np.zeros(2)]))[:1], 2)
    assert signs.n_exact_decisions == 0
    assert found.cells.euler_characteristic == 1


@pytest.mark.parametrize("kind", ["generic", "quantised", "wide apart"])
def test_steps_that_are_applied_factor_by_factor_have_the_exact_signs(kind: str) -> None:
    for seed in range(4):
        rng = np.random.default_rng(seed)
        shapes = [(9, 2), (2, 9), (9, 2), (2, 9)]  # two narrow affine maps in a row: cheaper one after the other
        weights, biases = [rng.standard_normal(s) for s in shapes], [rng.standard_normal(s[0]) / 4 for s in shapes]
        if kind == "quantised":
            weights, biases = [np.rint(2 * w) / 2 for w in weights], [np.rint(2 * b) / 4 for b in biases]
        if kind == "wide apart":
            weights[1] *= 2.0**40
            weights[2] *= 2.0**-40
        layers: list[Layer] = [Affine(w, b) for w, b in zip(weights, biases, strict=True)]
        steps = linear_steps(
            Network.chain([layers[0], Activation("relu"), layers[1], layers[2], Activation("relu"), layers[3]], 2)
        )
        assert len(StepBounds.of(steps[1]).parts) == 2
        compared(steps, 2)


def test_the_bound_of_factors_holds_and_is_close() -> None:
    rng = np.random.default_rng(3)
    factors = [(rng.standard_normal((3, 60)), np.zeros(3)), (rng.standard_normal((50, 3)), np.zeros(50))]
    layers: list[Layer] = [Affine(w, b) for w, b in factors]
    bounds = StepBounds.of(
        linear_steps(Network.chain([*layers, Activation("relu"), Affine(np.ones((2, 50)), np.zeros(2))], 60))[0]
    )
    assert len(bounds.parts) == 2
    h = rng.standard_normal((40, 60))
    exact = [[sum(Fraction(a) * b for a, b in zip(row, inner, strict=True)) for row in factors[1][0]]
             for inner in ([sum(Fraction(a) * Fraction(b) for a, b in zip(row, x, strict=True)) for row in factors[0][0]]
                           for x in h)]  # fmt: skip
    off = np.abs(
        [
            [float(Fraction(a) - b) for a, b in zip(*rows, strict=True)]
            for rows in zip(bounds.times(h), exact, strict=True)
        ]
    )
    length = np.linalg.norm(h, axis=1)[:, None]
    bound = bounds.rows[0] * bounds.norms[0] * length + bounds.rows[1] * length + bounds.rows[2]
    assert (off <= bound).all()
    assert bound.max() < 1e-10


def test_a_deep_network_needs_no_rational_number_and_keeps_its_vertices_sharp() -> None:
    rng = np.random.default_rng(11)
    widths = [2, *[20] * 6, 2]
    shapes = list(zip(widths[1:], widths[:-1], strict=True))
    weights = [rng.standard_normal(s) * np.sqrt(2 / s[1]) for s in shapes]
    steps = linear_steps(Network.from_arrays(weights, [rng.standard_normal(s[0]) / 4 for s in shapes]))
    signs = BoundedSigns(steps, -np.ones(2), np.ones(2))
    found = cut(steps, -np.ones(2), np.ones(2), signs)
    assert found.cells.counts[0] > 500
    assert signs.n_exact_decisions == 0
    assert found.vertex_error.max() < 1e-6
    assert np.median(found.vertex_error) < 1e-9


def test_without_ieee_arithmetic_rational_numbers_decide_every_sign(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    weights = [rng.normal(size=(5, 2)), rng.normal(size=(3, 5)), rng.normal(size=(2, 3))]
    steps = linear_steps(Network.from_arrays(weights, [rng.normal(size=len(w)) for w in weights]))
    quick = cut(steps, -np.ones(2), np.ones(2))
    monkeypatch.setattr("separatrix.surface.arrangement.exact_signs.ieee_arithmetic_holds", lambda: False)
    slow = cut(steps, -np.ones(2), np.ones(2))
    assert quick.cells.counts == slow.cells.counts
    assert quick.n_exact_decisions < slow.n_exact_decisions
    assert np.array_equal(quick.positive, slow.positive)
    assert np.array_equal(quick.negative, slow.negative)
