"""The graph through faces: orbits cannot leave it, edges that it lacks are right, its memory."""

import itertools
import tracemalloc

import numpy as np
import pytest
from scipy.linalg import expm

from separatrix.conley.outer_approximation import OuterApproximation, outer_approximation
from separatrix.data.embedded_networks import network
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.potentials.expression import expression
from separatrix.potentials.log_odds import log_odds


def escapes(found: OuterApproximation, paths: list[np.ndarray], slack: float = 0.0) -> int:
    """How many points of the paths lie in no cube that can be reached from those of their beginning."""
    lower, upper = found.grid.ends()
    lower, upper, count = lower - slack, upper + slack, 0
    for path in paths:
        start = np.zeros(len(found), dtype=bool)
        start[found.meeting(path[0], path[0])] = True
        ahead = found.forward(start)
        low, high = lower[ahead], upper[ahead]
        held = np.asarray(((path[:, None] >= low) & (path[:, None] <= high)).all(axis=2)).any(axis=1)
        count += int((~held).sum())
    return count


def himmelblau_gradient(x: np.ndarray) -> np.ndarray:
    a, b = x[:, 0] ** 2 + x[:, 1] - 11, x[:, 0] + x[:, 1] ** 2 - 7
    return -np.stack([4 * a * x[:, 0] + 2 * b, 2 * a + 4 * b * x[:, 1]], axis=1)


def runge_kutta(field, x: np.ndarray, step: float, count: int) -> np.ndarray:
    """Classical steps (count + 1, n, dim)."""
    path = [x]
    for _ in range(count):
        k1 = field(x)
        k2 = field(x + step / 2 * k1)
        k3 = field(x + step / 2 * k2)
        x = x + step / 6 * (k1 + 2 * k2 + 2 * k3 + field(x + step * k3))
        path.append(x)
    return np.array(path)


def adaptive(found: OuterApproximation, seed: int) -> OuterApproximation:
    return found.refined(np.random.default_rng(seed).random(len(found)) < 0.3)


@pytest.mark.parametrize("dim", [2, 3])
def test_exact_orbits_from_corners_and_faces_stay_in_the_graph(dim):
    # grad of a quadratic form: orbits are matrix exponentials, exact to rounding, and corners of cubes are adversarial starts
    rng = np.random.default_rng(dim)
    turn = np.linalg.qr(rng.normal(size=(dim, dim)))[0]
    matrix = turn @ np.diag([1.0, -0.7, 0.4][:dim]) @ turn.T
    matrix = 0.5 * (matrix + matrix.T)
    names = [f"x{i}" for i in range(dim)]
    text = " + ".join(f"({float(matrix[i, j]) / 2!r})*{names[i]}*{names[j]}" for i in range(dim) for j in range(dim))
    box = Box.cube(dim, -1.0, 1.0)
    found = adaptive(outer_approximation(expression(text, names), box, depth=3 if dim == 2 else 2), 0)
    flow = np.array([expm(t * matrix) for t in np.linspace(0.0, 4.0, 60)])
    lower, upper = found.grid.ends()
    chosen = rng.choice(len(found), 40, replace=False)
    starts = np.concatenate(
        [lower[chosen], upper[chosen], lower[chosen] + rng.random((40, dim)) * (upper - lower)[chosen]]
    )
    paths = []
    for start in starts:
        path = flow @ start
        inside = np.logical_and.accumulate((np.abs(path) <= 1.0).all(axis=1))
        paths.append(path[inside])
    assert sum(len(path) for path in paths) > 1500
    assert escapes(found, paths, slack=1e-14) == 0


def test_orbits_beside_separatrices_stay_in_the_graph():
    known = known_flow("himmelblau")
    found = adaptive(outer_approximation(known.potential, known.box, depth=5), 1)
    saddles = np.array([[3.385154, 0.073852], [-3.073026, -0.081353], [0.086678, 2.884255], [-0.127961, -1.953715]])
    starts = [s + 1e-6 * np.array(d) for s in saddles for d in itertools.product((-1, 1), repeat=2)]

    paths = runge_kutta(himmelblau_gradient, np.array(starts), 1e-3, 1500)
    assert escapes(found, list(paths.transpose(1, 0, 2)[:, ::10]), slack=1e-8) == 0


def test_the_projected_flow_of_a_network_stays_in_the_graph():
    potential, box = log_odds(network("circles-tanh"), 0), Box.cube(2, -2, 2)
    flow = GradientFlow(potential, box)
    found = outer_approximation(potential, box, "project", depth=4)
    starts = box.uniform(60, np.random.default_rng(0))
    ways = flow.trajectories(starts, t_max=3.0, rtol=1e-9, atol=1e-9, keep_paths=True)
    assert escapes(found, [ways.path(i)[1] for i in range(60)], slack=1e-7) == 0


def test_edges_that_are_missing_are_missing_for_a_reason():
    known = known_flow("three gaussians")
    found = adaptive(outer_approximation(known.potential, known.box, depth=4), 2)
    edges = {(int(a), int(b)) for a, b in zip(*found.graph.nonzero(), strict=True)}
    lower, upper = found.grid.ends()
    share = np.linspace(0.0, 1.0, 5)
    for axis in range(2):
        for low, high, of_low in found.grid.neighbours(axis):
            small = np.where(of_low, low, high)
            places = lower[small][:, None] + share[None, :, None] * (upper - lower)[small][:, None]
            places[:, :, axis] = np.where(of_low, upper[low, axis], lower[high, axis])[:, None]
            slopes = known.potential.gradient(places.reshape(-1, 2))[:, axis].reshape(-1, 5)
            up = np.array([(int(a), int(b)) in edges for a, b in zip(low, high, strict=True)])
            down = np.array([(int(b), int(a)) in edges for a, b in zip(low, high, strict=True)])
            assert (slopes[~up] < 0).all() and (slopes[~down] > 0).all()
            assert (up | down).all()


def test_an_equilibrium_on_a_corner_of_cubes_is_in_one_component():
    box = Box.cube(2, -1.0, 1.0)
    plane = float(outer_approximation(expression("x + y", "x y"), box, depth=2).grid.planes(np.array([1]), 0)[0])
    for text in (f"-(x - ({plane!r}))**2 - (y - ({plane!r}))**2", f"(x - ({plane!r}))**2 - (y - ({plane!r}))**2"):
        found = outer_approximation(expression(text, "x y"), box, depth=2)
        rows = found.meeting(np.full(2, plane), np.full(2, plane))
        assert rows.size == 4 and np.unique(found.labels[rows]).size == 1
        assert found.may_rest[rows].all() and np.bincount(found.labels)[found.labels[rows[0]]] == 4


def test_sides_of_the_box_may_hold_equilibria_of_the_projected_flow_only():
    f, box = expression("x - y**2", "x y"), Box.cube(2, -1.0, 1.0)
    held, free = (outer_approximation(f, box, boundary, depth=2) for boundary in ("project", "exit"))
    assert not free.is_recurrent.any()
    rests = held.grid.ends(np.flatnonzero(held.may_rest))
    assert held.may_rest.any() and (rests[1][:, 0] == 1.0).all()


def test_closures_are_those_of_a_slow_search():
    known = known_flow("four wells")
    found = outer_approximation(known.potential, known.box, depth=3)
    dense = found.graph.toarray() > 0
    power = np.linalg.matrix_power(dense.astype(float) + np.eye(len(found)), 2)
    for _ in range(6):
        power = np.minimum(power @ power, 1.0)
    for row in (0, 17, 36):
        chosen = np.arange(len(found)) == row
        assert (found.forward(chosen) == (power[row] > 0)).all()
        assert (found.backward(chosen) == (power[:, row] > 0)).all()


@pytest.mark.parametrize("dim", [2, 4])
def test_memory_stays_under_two_hundred_bytes_a_box(dim):
    names = [f"x{i}" for i in range(dim)]
    f = expression(" - ".join(f"({n}**2 - 1)**2" for n in names), names)
    box = Box.cube(dim, -2.0, 2.0)
    outer_approximation(f, box, depth=1)
    tracemalloc.start()
    found = outer_approximation(f, box, depth=16 // dim)
    assert found.labels.size == len(found) == 65_536
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / len(found) < 200
