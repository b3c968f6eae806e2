"""The time-T map: exact images lie in the enclosures, orbits cannot leave its graph, its answers are the other method's."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm

from separatrix.conley.matrix_bounds import exponential, largest_eigenvalue
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.time_images import TimeImages
from separatrix.conley.time_map import TimeMap, time_map
from separatrix.data.embedded_networks import network
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.potentials.expression import expression
from separatrix.potentials.log_odds import log_odds


def quadratic(dim: int, seed: int):
    """x . M x / 2 + b . x with random M and b, as potential, matrix and vector."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(size=(dim, dim))
    matrix, b = 0.5 * (matrix + matrix.T), 0.3 * rng.normal(size=dim)
    names = [f"x{i}" for i in range(dim)]
    terms = [f"({float(matrix[i, j]) / 2!r})*{names[i]}*{names[j]}" for i in range(dim) for j in range(dim)]
    terms += [f"({float(b[i])!r})*{names[i]}" for i in range(dim)]
    return expression(" + ".join(terms), names), matrix, b


def points_of(lower: np.ndarray, upper: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Corners and inner points (m, k, dim) of cubes."""
    share = np.concatenate([rng.integers(0, 2, (6, lower.shape[1])), rng.random((4, lower.shape[1]))])
    return lower[:, None] + share * (upper - lower)[:, None]


@pytest.mark.parametrize("dim", [1, 2, 3])
def test_exact_images_of_corners_lie_in_the_enclosures(dim):
    rng = np.random.default_rng(dim)
    potential, matrix, b = quadratic(dim, dim)
    box = Box.cube(dim, -1.0, 1.2)
    rows = rng.random((150, dim)) * 2.0 - 1.0
    lower, upper = rows, np.minimum(rows + rng.choice([1e-3, 0.05, 0.15], (150, 1)), 1.2)
    time, steps = 0.7, 40
    low, high, followed = TimeImages(potential, box, "exit", time).of(lower, upper)
    assert followed.mean() > 0.8
    whole = np.block([[matrix, b[:, None]], [np.zeros((1, dim + 1))]])
    starts = points_of(lower, upper, rng)
    x, stays = starts, np.ones(starts.shape[:2], dtype=bool)
    flow = expm(time / steps * whole)
    for _ in range(steps):
        x = x @ flow[:dim, :dim].T + flow[:dim, dim]
        stays &= box.contains(x.reshape(-1, dim)).reshape(stays.shape)
    assert stays.sum() > 200 and not stays.all()
    inside = np.asarray(((x >= low[:, None] - 1e-12) & (x <= high[:, None] + 1e-12)).all(axis=2))
    assert inside[stays].all()
    # a linear map is enclosed sharply: by hardly more than the hull of the image
    sharp = followed & stays.all(axis=1) & ((upper - lower).max(axis=1) > 1e-2)
    image = np.abs(expm(time * matrix)) @ (upper - lower)[sharp].T
    assert sharp.any() and (image * 1.02 + 0.015 > (high - low)[sharp].T).all()


def held_line(a: float, b: float, x: np.ndarray, time: float, low: float, high: float) -> np.ndarray:
    """x' = a x + b on [low, high], held at the ends, exactly: on a line what has come to an end stays."""
    free = (x + b / a) * np.exp(a * time) - b / a
    return np.clip(free, low, high)


def test_exact_images_of_the_projected_flow():
    a, b, rng = (0.9, -1.3), (0.5, 1.0), np.random.default_rng(3)
    potential = expression(f"{a[0]}*x**2/2 + {b[0]}*x + ({a[1]})*y**2/2 + {b[1]}*y", "x y")
    box = Box([-1.0, -0.5], [1.0, 0.6])  # both held and free places on the sides, and corners
    lower = np.concatenate([box.uniform(150, rng), np.tile(box.upper - 0.02, (4, 1))])
    upper = np.minimum(lower + rng.choice([0.01, 0.1], (154, 1)), box.upper)
    time = 1.1
    low, high, followed = TimeImages(potential, box, "project", time).of(lower, upper)
    starts = points_of(lower, upper, rng)
    ends = [held_line(a[i], b[i], starts[:, :, i], time, box.lower[i], box.upper[i]) for i in range(2)]
    x = np.stack(ends, axis=2)
    assert followed.all() and ((x >= low[:, None] - 1e-12) & (x <= high[:, None] + 1e-12)).all()
    assert (np.abs(low[-1] - box.upper) < 1e-12).all()  # a corner that holds is known to hold


def test_exponentials_and_largest_eigenvalues_are_bounded():
    rng = np.random.default_rng(0)
    for dim in (1, 2, 3, 4):
        matrices = rng.normal(size=(60, dim, dim))
        matrices = matrices + matrices.mT
        matrices[:20] /= np.linalg.norm(matrices[:20], axis=(1, 2), keepdims=True)
        exact = np.array([expm(matrix) for matrix in matrices[:20]])
        assert np.abs(exponential(matrices[:20]) - exact).max() < 1e-13
        top = np.linalg.eigvalsh(matrices)[:, -1]
        found = largest_eigenvalue(matrices)
        assert (found >= top - 1e-14).all() and (found <= top + 1e-10).all()


@pytest.mark.parametrize("name", ["himmelblau", "tilted hat in 3-D"])
def test_sampled_orbits_never_leave_the_graph(name):
    known, rng = known_flow(name), np.random.default_rng(7)
    found = time_map(known.potential, known.box, "exit", n_boxes=512)
    found = found.refined(rng.random(len(found)) < 0.2)
    assert isinstance(found, TimeMap)
    lower, upper = found.grid.ends()
    count = 0
    for row in rng.choice(len(found), 12, replace=False):
        corner = np.where(rng.random(lower.shape[1]) < 0.5, lower[row], upper[row])
        orbit = solve_ivp(
            lambda t, x: known.potential.gradient(x[None])[0],
            (0.0, 6 * found.time), corner, rtol=1e-9, atol=1e-11, dense_output=True,
        )  # fmt: skip
        chosen = np.zeros(len(found), dtype=bool)
        chosen[found.meeting(corner, corner)] = True
        ahead, once = found.forward(chosen), chosen
        for k in range(1, 7):
            if not known.box.contains(orbit.sol(np.linspace((k - 1) * found.time, k * found.time, 20)).T).all():
                break
            x = orbit.sol(k * found.time)
            once = np.isin(np.arange(len(found)), found.graph[np.flatnonzero(once)].indices)
            here = found.meeting(x - 1e-9, x + 1e-9)
            assert ahead[here].any() and once[here].any()  # after k steps in the graph, not only at last
            count += 1
    assert count > 30


@pytest.mark.parametrize("boundary", ["exit", "project"])
def test_a_networks_images_hold_sampled_ends(boundary):
    potential, box, rng = log_odds(network("circles-tanh"), 0), Box.cube(2, -2, 2), np.random.default_rng(1)
    found = time_map(potential, box, boundary, n_boxes=256)
    lower, upper = found.grid.ends()
    starts = lower + rng.random(lower.shape) * (upper - lower)
    ways = GradientFlow(potential, box, boundary).trajectories(starts, t_max=found.time, rtol=1e-9, atol=1e-9)
    stays = np.array([reason != "left the box" for reason in ways.reason])
    inside = np.asarray(((ways.end >= found.low - 1e-7) & (ways.end <= found.high + 1e-7)).all(axis=1))
    assert stays.sum() > 120 and inside[stays].all() and found.was_followed.mean() > 0.9


@pytest.mark.parametrize(
    ("name", "boundary"), [("four wells", "exit"), ("tilted hat", "project"), ("tilted hat in 3-D", "exit")]
)
def test_both_methods_have_one_answer(name, boundary):
    known = known_flow(name)
    flow = GradientFlow(known.potential, known.box, boundary)
    faces, map_ = (morse_graph(flow, method=method, n_boxes=1024) for method in ("faces", "time-T map"))
    assert faces.names == map_.names and (faces.order == map_.order).all() and (faces.pairs == map_.pairs).all()
    assert [one.conley_index for one in faces.sets] == [one.conley_index for one in map_.sets]
    assert map_.order_is_exact and map_.isolates and map_.method == "time-T map" and (map_.time or 0) > 0
    assert faces.method == "faces" and faces.time is None


def test_orbits_spread_less_than_through_faces():
    # the field (1, 0.1): through faces everything to the upper right is reached, on every grid (9.2)
    potential, box = expression("x + 0.1*y", "x y"), Box.cube(2, 0.0, 1.0)
    found = time_map(potential, box, "exit", 0.3, depth=5)
    start = np.zeros(len(found), dtype=bool)
    start[found.meeting(np.array([0.01, 0.01]), np.array([0.01, 0.01]))] = True
    lower, _ = found.grid.ends(np.flatnonzero(found.forward(start)))
    assert lower[:, 1].max() < 0.25 and not found.is_recurrent.any()


def test_a_time_of_ones_own_and_what_is_refused():
    known = known_flow("double well")
    flow = GradientFlow(known.potential, known.box, "exit")
    found = morse_graph(flow, method="time-T map", time=0.05, n_boxes=256)
    assert found.time == 0.05 and found.n_pairs == 2 and found.order_is_exact
    with pytest.raises(InputError, match="has no time"):
        morse_graph(flow, time=0.1)
    for time in (0.0, -1.0, float("nan"), "long", True):
        with pytest.raises(InputError, match="time must be a positive number"):
            morse_graph(flow, method="time-T map", time=time)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="method must be"):
        morse_graph(flow, method="euler")
    with pytest.raises(KindError, match="creases"):
        morse_graph(GradientFlow(log_odds(network("circles-relu"), 0), Box.cube(2, -2, 2)), method="time-T map")
