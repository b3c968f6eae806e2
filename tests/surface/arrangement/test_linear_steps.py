"""Networks as chains of steps: the same function, exact factors, and bounds on what composition rounds."""

from fractions import Fraction

import numpy as np
import pytest

from separatrix.errors import InputError
from separatrix.networks.layers import Activation, Affine, Node, Sum
from separatrix.networks.network import INPUT, Network
from separatrix.surface.arrangement.linear_steps import LinearStep, first_words, linear_steps


def value(steps: list[LinearStep], x: np.ndarray) -> np.ndarray:
    for step in steps:
        x = x @ step.weight.T + step.bias
        if not step.is_last:
            x = np.where(x > 0, x, step.slope * x)
    return x


def exact_map(step: LinearStep) -> list[list[Fraction]]:
    rows = step.exact_forms().tolist()
    one = int(rows[-1][-1])
    return [[Fraction(int(entry), one) for entry in row] for row in rows[:-1]]


def random_affine(rng: np.random.Generator, outputs: int, inputs: int) -> Affine:
    return Affine(rng.standard_normal((outputs, inputs)), rng.standard_normal(outputs))


def skip_network(rng: np.random.Generator) -> Network:
    """x -> relu(A x) -> leaky(B .) + A x, the pre-activation used twice, one value added to itself, relu at the end."""
    nodes = [
        INPUT,
        Node(random_affine(rng, 4, 3), (0,)),
        Node(Activation("relu"), (1,)),
        Node(random_affine(rng, 4, 4), (2,)),
        Node(Activation("leaky_relu", -0.5), (3,)),
        Node(Sum(), (4, 1, 4)),
        Node(Activation("identity"), (5,)),
        Node(Activation("relu"), (6,)),
        Node(random_affine(rng, 3, 4), (7,)),
        Node(random_affine(rng, 3, 3), (8,)),
        Node(Activation("relu"), (9,)),
    ]
    return Network(tuple(nodes), 3)


def test_a_chain_has_one_step_a_layer_and_is_not_rounded() -> None:
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in ((5, 2), (4, 5), (3, 4))]
    steps = linear_steps(Network.from_arrays(weights, [np.ones(5), np.ones(4), np.ones(3)]))
    assert [step.is_last for step in steps] == [False, False, True]
    for step, weight in zip(steps, weights, strict=True):
        assert np.array_equal(step.weight, weight)
        assert not step.weight_radius.any()
        assert not step.bias_radius.any()
        assert step.n_signs == weight.shape[0]
    assert first_words(steps) == [1, 2, 3, 4]


def test_skips_pass_on_without_a_crease_and_the_function_is_the_networks() -> None:
    rng = np.random.default_rng(1)
    net = skip_network(rng)
    steps = linear_steps(net)
    x = rng.standard_normal((50, 3))
    assert np.allclose(value(steps, x), net.logits(x), rtol=1e-12, atol=1e-12)
    assert [step.n_signs for step in steps] == [4, 4, 4, 3, 3]
    assert steps[0].slope.tolist() == [1.0] * 4 + [0.0] * 4  # A x goes on beside relu(A x)


@pytest.mark.parametrize("slope", [0.01, 1.0, -1.0, 3.0])
def test_leaky_slopes_of_any_size(slope: float) -> None:
    rng = np.random.default_rng(2)
    layers = [random_affine(rng, 5, 2), Activation("leaky_relu", slope), random_affine(rng, 2, 5)]
    net = Network.chain(layers, 2)
    steps = linear_steps(net)
    x = rng.standard_normal((20, 2))
    assert np.allclose(value(steps, x), net.logits(x), rtol=1e-12, atol=1e-12)
    assert len(steps) == (1 if slope == 1.0 else 2)


def test_composed_rows_lie_within_their_radius_of_the_exact_ones() -> None:
    rng = np.random.default_rng(3)
    layers = [random_affine(rng, 60, 3), random_affine(rng, 40, 60), Activation("relu"), random_affine(rng, 3, 40)]
    for step in linear_steps(Network.chain(layers, 3), [[1, -1, 0], [2, 3, -5]]):
        for i, row in enumerate(exact_map(step)):
            off = sum(((a - Fraction(w)) ** 2 for a, w in zip(row[:-1], step.weight[i], strict=True)), Fraction(0))
            assert 0 < off <= Fraction(float(step.weight_radius[i])) ** 2
            assert abs(row[-1] - Fraction(step.bias[i])) <= Fraction(float(step.bias_radius[i]))
            assert step.weight_radius[i] < 1e-12


def test_a_difference_of_logits_with_a_zero_row_is_not_rounded() -> None:
    net = Network.from_arrays([np.array([[0.1, 0.2]]), np.array([[0.3]])], [np.array([0.1]), np.array([0.7])])
    last = linear_steps(net, [[-1, 1]])[-1]  # a single logit t stands for (0, t)
    assert last.weight.tolist() == [[0.3]]
    assert last.weight_radius.tolist() == [0.0]


def test_overflow_in_a_composition_leaves_no_bound_but_exact_factors() -> None:
    big = Affine(np.array([[1e200, 1e200]]), np.zeros(1))
    step = linear_steps(Network.chain([big, Affine(np.array([[1e200], [1.0]]), np.zeros(2))], 2))[0]
    assert np.isinf(step.weight_radius[0])
    assert step.weight_radius[1] < 1e190
    assert exact_map(step)[0][0] == Fraction(1e200) ** 2


def test_what_cannot_be_decided_is_refused() -> None:
    rng = np.random.default_rng(4)
    layers = [random_affine(rng, 3, 2), Activation("tanh"), random_affine(rng, 2, 3)]
    with pytest.raises(InputError, match=r"piecewise linear.*tanh"):
        linear_steps(Network.chain(layers, 2))
    net = Network.chain([random_affine(rng, 3, 2), Activation("relu"), random_affine(rng, 2, 3)], 2)
    with pytest.raises(InputError, match="up to a rounding"):
        linear_steps(net.contrasted(np.array([[1.0, -1.0]])))
    for rows in ([[1, -1, 0]], [1, -1], [[0.5, 1]], [[2**60, 0]], [["a", "b"]], [[np.nan, 1]]):
        with pytest.raises(InputError, match="integers"):
            linear_steps(net, rows)
