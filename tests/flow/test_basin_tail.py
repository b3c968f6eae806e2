"""The slow end of basins: where no face holds the flow, and where it runs out of the box at speed."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.projection import Bounds
from tests.flow import known

CUBE = sx.Box.cube(2, -2, 2)


def test_nothing_is_near_an_infinite_side():
    x = np.array([0.3, -1e9])
    np.testing.assert_array_equal(Bounds.of(sx.WholeSpace(2)).snap(x), x)
    np.testing.assert_array_equal(Bounds.of(CUBE, "exit").snap(x), x)
    np.testing.assert_array_equal(Bounds.of(CUBE).snap(np.array([2 - 1e-14, 1.9])), [2.0, 1.9])


@pytest.mark.parametrize(("domain", "boundary"), [(sx.WholeSpace(2), "project"), (CUBE, "exit"), (CUBE, "project")])
def test_a_stiff_valley_is_followed_to_its_end(domain, boundary):
    """Rates 1 and 1e-5: explicit steps, no longer than a few time units, do not get there."""
    f = known.Quadratic(np.diag([-1.0, -1e-5]), np.zeros(2))
    samples = np.array([[1.0, 1.5], [-1.0, -1.9], [0.1, 1.0]])
    found = sx.GradientFlow(f, domain, boundary).basins(samples, full=True)
    assert found.label.tolist() == [0, 0, 0]
    assert (found.steps > 800).all()


def test_rows_that_leave_at_speed_have_left_the_box():
    """A deep network of ten classes, whose flow runs straight out of the box."""
    rng = np.random.default_rng(6)
    sizes = (2, 10, 10, 10, 10)
    weights = [1.5 * rng.standard_normal((b, a)) for a, b in zip(sizes, sizes[1:], strict=False)]
    net = sx.Network.from_arrays(weights, [rng.standard_normal(b) for b in sizes[1:]], "tanh")
    samples = CUBE.uniform(100, np.random.default_rng(5))
    found = sx.GradientFlow(sx.log_density(net), CUBE, boundary="exit").basins(samples)
    assert found.counts.sum() + found.n_unresolved == 100
    assert found.reason.count("left the box") > 10
    assert not any("within" in reason for reason in found.reason)
