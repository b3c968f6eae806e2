"""Runge-Kutta-Chebyshev steps: their polynomial, a stiff flow with an exact solution, and the basins they lead to."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow import basin_flow
from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.chebyshev import MOST_STAGES, ChebyshevBatch, coefficients, stages_for
from separatrix.flow.projection import Bounds
from separatrix.networks.layers import Activation, Affine
from separatrix.networks.network import Network
from separatrix.networks.structured_layers import Convolution
from tests.flow import known


def stability(s: int, z: np.ndarray) -> np.ndarray:
    """What a step of s stages multiplies y by, for y' = lambda y and z = h lambda."""
    mu, nu, push, pull = coefficients(s)
    before, now = np.ones_like(z), 1.0 + push[1] * z
    for j in range(2, s + 1):
        before, now = (
            now,
            (1.0 - mu[j] - nu[j]) + mu[j] * now + nu[j] * before + push[j] * z * now + pull[j] * z,
        )
    return now


@pytest.mark.parametrize("s", [2, 3, 7, 30, MOST_STAGES])
def test_steps_are_stable_as_far_as_stages_reach_and_of_second_order(s: int):
    reach = (s**2 - 1) / 1.54
    assert stages_for(np.array([reach * (1.0 - 1e-9)]))[0] == s
    assert np.abs(stability(s, -np.linspace(0.0, reach, 5_000))).max() <= 1.0 + 1e-9
    z = np.array([1e-2, 5e-3, -1e-2])
    error = np.abs(stability(s, z) - np.exp(z))
    assert (error < 0.2 * np.abs(z) ** 3).all() and error[0] > 4 * error[1]


def test_a_stiff_flow_into_faces_is_that_of_its_formula():
    """Rates 1, 30 and 500 about a maximum that lies outside the box in two coordinates: each is known in closed form."""
    rates, top = np.array([1.0, 30.0, 500.0]), np.array([1.4, 0.3, -0.2])
    bounds, tolerance = Bounds.of(sx.Box.cube(3, 0, 1)), 1e-2
    start = np.array([[0.1, 0.9, 0.8], [0.5, 0.05, 0.95]])
    counted = []

    class Counting(known.Quadratic):
        def value_and_gradient(self, x):
            counted.append(len(x))
            shift = x - top
            return -0.5 * (shift * shift * rates).sum(axis=1), -shift * rates

    batch = ChebyshevBatch(Counting(np.diag(-rates), top), bounds, start, tolerance)
    time = np.zeros(2)
    for _ in range(100):
        length, value = batch.length.copy(), batch.value.copy()
        batch.step()
        time += np.where(batch.value > value, length, 0.0)
        exact = np.clip(top + (start - top) * np.exp(-np.outer(time, rates)), 0.0, 1.0)
        assert np.abs(batch.x - exact).max() < 3 * tolerance
        if (time > 3.0).all():
            break
    assert (time > 3.0).all()
    assert batch.x[:, 0].tolist() == [1.0, 1.0] and batch.x[:, 2].tolist() == [0.0, 0.0]
    assert batch.radius[0] < 1.5 * 30.0  # what is held does not count
    assert sum(counted) / 2 < 0.5 * 500.0 * 3.0  # Euler's steps, at most 2 / 500 long, were more


def small() -> Network:
    """A convolutional network of 36 inputs and five classes, whose log-density has a dozen sinks on the cube."""
    rng, one, none = np.random.default_rng(2), (1, 1), ((0, 0), (0, 0))
    first = Convolution(1.5 * rng.normal(size=(4, 1, 3, 3)), 0.3 * rng.normal(size=4), (1, 6, 6), one, none, one)
    means = Convolution(np.full((4, 1, 2, 2), 0.25), np.zeros(4), (4, 4, 4), (2, 2), none, one, 4)
    last = Affine(3.0 * rng.normal(size=(5, 16)), rng.normal(size=5))
    return Network.chain([first, Activation("tanh"), means, last], 36)


def test_rows_of_a_convolutional_network_end_where_short_steps_lead(monkeypatch: pytest.MonkeyPatch):
    flow = sx.GradientFlow(sx.log_density(small()), sx.Box.cube(36, 0, 1))
    samples = flow.domain.uniform(20, np.random.default_rng(0))
    found = flow.basins(samples, flow.sinks(samples), full=True)
    assert found.n_unresolved == 0 and (found.counts > 0).sum() > 3
    assert found.sinks.n_proved == len(found.sinks)
    monkeypatch.setattr(basin_flow, "ChebyshevBatch", lambda *args: HeadBatch(*args, precise=True))
    fine = flow.basins(samples, found.sinks, full=True)
    ends = [basins.sinks.points[basins.label] for basins in (found, fine)]
    assert found.steps.sum() < 0.8 * fine.steps.sum()
    assert (np.abs(ends[0] - ends[1]).max(axis=1) < 1e-6).sum() >= 19


def test_pieces_do_not_change_a_row():
    flow = sx.GradientFlow(sx.log_density(small()), sx.Box.cube(36, 0, 1))
    samples = flow.domain.uniform(7, np.random.default_rng(1)).astype(np.float32)
    ends = []
    for rows in ([slice(0, 7)], [slice(0, 1), slice(1, 7)], [slice(row, row + 1) for row in range(7)]):
        parts = []
        for part in rows:
            batch = ChebyshevBatch(flow.potential, flow.arena.bounds, samples[part], 1e-2)
            for _ in range(12):
                batch.step()
            parts.append(batch.x)
        ends.append(np.concatenate(parts))
    assert np.array_equal(ends[0], ends[1]) and np.array_equal(ends[0], ends[2])
