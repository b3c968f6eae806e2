"""The exact reduction to few coordinates: values, gradients and orbits of both, and what is refused."""

import numpy as np
import pytest

from separatrix.conley.morse_graph import morse_graph
from separatrix.domains import Box, WholeSpace
from separatrix.errors import InputError, KindError
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.critical_points import critical_points
from separatrix.networks.network import Network
from separatrix.potentials.class_probability import class_probability
from separatrix.potentials.expression import expression
from separatrix.potentials.log_density import log_density
from separatrix.potentials.log_odds import log_odds
from separatrix.potentials.reduction import reduced


def bottleneck(n: int, width: int, seed: int = 0) -> Network:
    """n inputs through ``width`` neurons, eight more, and three classes."""
    rng = np.random.default_rng(seed)
    weights = [
        1.5 * rng.normal(size=(width, n)) / np.sqrt(n),
        1.5 * rng.normal(size=(8, width)),
        rng.normal(size=(3, 8)),
    ]
    return Network.from_arrays(weights, [rng.normal(size=len(w)) for w in weights], "tanh")


def test_values_gradients_and_orbits_are_those_of_the_network():
    rng = np.random.default_rng(1)
    for make in (log_density, lambda net: log_odds(net, 1), lambda net: class_probability(net, 2)):
        f = make(bottleneck(40, 2))
        found = reduced(f)
        x = rng.normal(size=(50, 40))
        y = found.from_x(x)
        assert found.dim == 2 and 0.0 < found.metric_error < 1e-12
        assert np.allclose(found.potential.value(y), f.value(x), rtol=1e-12, atol=1e-13)
        assert np.allclose(found.from_x(found.to_x(y)), y, atol=1e-11)
        # the gradient by y, lifted to x, is that of f, and the frame is orthonormal: lengths agree
        slope = f.gradient(x)
        assert np.allclose(
            np.linalg.norm(found.potential.gradient(y), axis=1), np.linalg.norm(slope, axis=1), rtol=1e-9
        )
        moved = found.from_x(x + 1e-3 * slope) - y
        assert np.allclose(moved, 1e-3 * found.potential.gradient(y), atol=1e-11)
        assert "(4.1)" in found.potential.rests_on


def test_orbits_of_the_free_flow_project_to_those_of_the_reduction():
    f = log_odds(bottleneck(30, 3, 2), 0)
    found, x = reduced(f), np.random.default_rng(3).normal(size=(5, 30))
    whole = GradientFlow(f, WholeSpace(30)).trajectories(x, t_max=1.5, rtol=1e-9, atol=1e-9)
    small = GradientFlow(found.potential, WholeSpace(3)).trajectories(found.from_x(x), t_max=1.5, rtol=1e-9, atol=1e-9)
    assert np.allclose(found.from_x(whole.end), small.end, atol=1e-7)


def test_the_morse_graph_of_a_network_of_many_inputs():
    net = bottleneck(200, 2, 4)
    found = reduced(log_density(net))
    box = found.box_around(np.random.default_rng(0).normal(size=(100, 200)), 0.5)
    graph = morse_graph(GradientFlow(found.potential, box, "exit"))
    assert len(graph) == len(graph.points) >= 1 and any("(4.1)" in note for note in graph.notes)
    lifted = found.to_x(graph.points.points)
    assert np.abs(log_density(net).gradient(lifted)).max() < 1e-9  # critical points of f in R^200
    with pytest.raises(KindError, match="reduced"):
        morse_graph(GradientFlow(log_density(net), Box.cube(200, -1, 1)))


def test_inputs_that_are_not_used_are_left_out_exactly():
    weight = np.zeros((9, 60))
    weight[:, [7, 31]] = np.random.default_rng(5).normal(size=(9, 2))
    net = Network.from_arrays(
        [weight, np.random.default_rng(6).normal(size=(2, 9))], [np.zeros(9), np.zeros(2)], "tanh"
    )
    found = reduced(log_odds(net, 0))
    x = np.random.default_rng(7).normal(size=(20, 60))
    assert found.metric_error == 0.0 and (found.from_x(x) == x[:, [7, 31]]).all()
    assert (found.potential.value(x[:, [7, 31]]) == log_odds(net, 0).value(x)).all()
    points = critical_points(found.potential, Box.cube(2, -1, 1), "project")  # a sink at the sides at least, by (3.1)
    assert points.is_complete and any("(4.1)" in note for note in points.notes)


def test_bounds_of_the_metric_are_above_the_truth():
    from fractions import Fraction

    found = reduced(log_odds(bottleneck(12, 2, 8), 0))
    w = [[Fraction(v) for v in row] for row in found.weight.tolist()]
    (a, _), (b, c) = [[Fraction(v) for v in row] for row in found.factor.tolist()]
    inverse = [[1 / a, Fraction(0)], [-b / (a * c), 1 / c]]
    left = [[sum(p * w[k][j] for k, p in enumerate(row)) for j in range(12)] for row in inverse]
    error = sum(
        float(sum(x * y for x, y in zip(left[i], left[j], strict=True)) - (i == j)) ** 2 for i in (0, 1) for j in (0, 1)
    )
    assert 0.0 < error**0.5 <= found.metric_error


def test_what_is_refused():
    with pytest.raises(KindError, match="of a network"):
        reduced(expression("x**2", "x"))
    with pytest.raises(InputError, match="AffineSlice"):
        reduced(log_odds(bottleneck(20, 6), 0))
    twice = np.ones((2, 30))
    net = Network.from_arrays([twice, np.eye(2)], [np.zeros(2), np.zeros(2)], "tanh")
    with pytest.raises(InputError, match="linearly independent"):
        reduced(log_odds(net, 0))
