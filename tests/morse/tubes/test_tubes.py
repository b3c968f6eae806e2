"""Tubes: what slabs, cones and attracting boxes claim is sampled; what does not hold is refused."""

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.tubes import proof, rosenbrock
from separatrix.morse.tubes.attracting import attracting_boxes
from separatrix.morse.tubes.chords import Chords, enclosed
from separatrix.morse.tubes.cones import cones
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.radii import radii
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import Tracer
from separatrix.potentials.expression import expression


def followed(name: str) -> Followed:
    known = known_flow(name)
    points = critical_points(known.potential, known.box)
    return Followed.of(GradientFlow(known.potential, known.box, "exit").arena, points, np.random.default_rng(0))


def distances(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances (n, m) of points (n, dim) to segments (m,)."""
    along = b - a
    share = ((points[:, None] - a) * along).sum(axis=2) / np.maximum((along * along).sum(axis=1), 1e-300)
    return np.linalg.norm(points[:, None] - a - np.clip(share, 0.0, 1.0)[:, :, None] * along, axis=2)


def slope_of_himmelblau(x: np.ndarray) -> np.ndarray:
    a, b = x[0] ** 2 + x[1] - 11.0, x[0] + x[1] ** 2 - 7.0
    return -np.array([4.0 * x[0] * a + 2.0 * b, 2.0 * a + 4.0 * x[1] * b])


def slope_of_eight_wells(x: np.ndarray) -> np.ndarray:
    return -4.0 * x * (x**2 - 1.0)


@pytest.mark.parametrize(
    ("name", "slope"), [("himmelblau", slope_of_himmelblau), ("eight wells", slope_of_eight_wells)]
)
def test_orbits_of_another_integrator_stay_in_the_tubes(name, slope):
    known = known_flow(name)
    points = critical_points(known.potential, known.box)
    found = connections(GradientFlow(known.potential, known.box, "exit"), points)
    tried = [orbit for orbit in found.orbits if orbit.radius is not None][::4]
    assert tried
    for orbit in tried:
        assert orbit.radius is not None
        upwards = orbit.saddle == orbit.source
        path, radius = (orbit.path, orbit.radius) if upwards else (orbit.path[::-1], orbit.radius[::-1])
        path, radius = path[np.isfinite(radius)], radius[np.isfinite(radius)]
        sign = 1.0 if upwards else -1.0

        def field(_s: float, x: np.ndarray, sign: float = sign) -> np.ndarray:
            g = sign * slope(x)
            return g / np.linalg.norm(g)

        start = points.points[orbit.saddle] + 1e-7 * orbit.direction
        length = 0.98 * float(np.linalg.norm(np.diff(path, axis=0), axis=1).sum())
        other = solve_ivp(field, (0.0, length), start, "DOP853", rtol=1e-12, atol=1e-12, dense_output=True)
        x = other.sol(np.linspace(0.0, length, 200)).T
        allowed = np.maximum(radius[:-1], radius[1:]) + 1e-9
        assert (distances(x, path[:-1], path[1:]) <= allowed).any(axis=1).all()


def chords_of(given: Followed, row: int, count: int, sign: float = 1.0) -> tuple[Trace, Chords]:
    start = given.start(row, -1 if sign > 0 else 0, 1, sign)
    trace = Tracer(given.arena, given.goals, [start]).run()[0]
    s = np.linspace(0.2 * trace.arc[-1], 0.7 * trace.arc[-1], count + 1)
    return trace, Chords.along(trace, s, 0.3 * np.diff(s))


@pytest.mark.parametrize(("name", "sign"), [("mueller-brown", 1.0), ("himmelblau", -1.0), ("eight wells", 1.0)])
def test_what_is_said_of_a_slab_holds_at_random_points_of_it(name, sign):
    given = followed(name)
    row = int(np.flatnonzero(given.points.indices == 1)[0])
    _, chords = chords_of(given, row, 12, sign)
    dim = chords.nodes.shape[1]
    free = np.ones(dim, dtype=bool)
    (slabs,) = enclosed(given.arena, [(chords, 0.0)], free, np.zeros(dim), [sign])
    rng, sharp = np.random.default_rng(1), []
    for i in range(len(chords)):
        t, h, kappa = chords.t[i], chords.h[i], chords.kappa[i]
        s = rng.uniform(0.0, h, 400)
        y = rng.normal(size=(400, dim))
        y -= (y @ t)[:, None] * t
        z = y / np.linalg.norm(y, axis=1)[:, None] * chords.room[i] * rng.random(400)[:, None]
        tau = s - 0.5 * h
        x = chords.nodes[i] + s[:, None] * t + 0.5 * (tau**2 - 0.25 * h**2)[:, None] * kappa + z
        g = sign * given.arena.potential.gradient(x)
        speed = g @ t
        assert (speed >= slabs.lowest[i]).all() and (speed <= slabs.highest[i]).all()
        # d|z|/ds times the speed: what the recursion bounds by drift + growth |z|
        across = g - speed[:, None] * t - (tau * speed)[:, None] * kappa
        size = np.linalg.norm(z, axis=1)
        rate = (z * across).sum(axis=1) / size
        bound = slabs.drift[i] + slabs.growth[i] * size
        assert (rate <= bound).all()
        sharp.append(float((bound - rate).min() / np.abs(rate).max()))
    assert np.median(sharp) < 2.0  # and the bounds are not idle


def test_a_tube_without_room_or_about_another_curve_is_refused():
    given = followed("himmelblau")
    row = int(np.flatnonzero(given.points.indices == 1)[0])
    start = given.start(row, -1, 1, 1.0)
    trace = Tracer(given.arena, given.goals, [start]).run()[0]
    (tube,) = proof.tubes(given.arena, given.goals, [trace], given.frames)
    assert isinstance(tube, proof.Tube) and tube.is_proved and tube.chords is not None
    slack = proof._slack(given.arena, given.goals[1.0], tube, tube.chords.nodes)

    def again(chords: Chords, lid: tuple[float, float]):
        (slabs,) = enclosed(given.arena, [(chords, lid[1])], start.free, start.outward, [1.0])
        return radii(chords, slabs, lid, slack, must_stay=True)

    good = tube.chords
    assert again(good, tube.lid).arrived >= 0
    narrow = Chords(good.s, good.nodes, good.t, good.h, good.kappa, good.turn, good.room * 1e-3)
    assert again(narrow, tube.lid).arrived < 0
    assert again(good, (1e3 * tube.lid[0], tube.lid[1])).arrived < 0
    bent = Trace(trace.start, trace.nodes.copy(), trace.tangents, trace.arc, trace.reason, trace.target)
    normal = np.array([-1.0, 1.0]) * trace.tangents[:, ::-1]
    bent.nodes += 0.3 * np.sin(np.pi * trace.arc / trace.arc[-1])[:, None] * normal
    assert again(Chords.along(bent, good.s, good.room), tube.lid).arrived < 0
    missed = proof._slack(given.arena, given.goals[1.0], tube, tube.chords.nodes + 1.0)
    (slabs,) = enclosed(given.arena, [(good, tube.lid[1])], start.free, start.outward, [1.0])
    assert radii(good, slabs, tube.lid, missed, must_stay=True).arrived < 0


@pytest.mark.parametrize("name", ["himmelblau", "mueller-brown", "tilted hat"])
def test_orbits_enter_attracting_boxes_through_every_side(name):
    given = followed(name)
    boxes = given.goals[1.0].boxes
    assert {box.row for box in boxes} == set(np.flatnonzero(given.points.indices == 0).tolist())
    rng = np.random.default_rng(2)
    for box in boxes:
        xi = rng.uniform(-1.0, 1.0, (300, 2))
        side = rng.integers(0, 2, 300)
        xi[np.arange(300), side] = np.sign(xi[np.arange(300), side])
        x = box.frame.center + (xi * box.reach) @ box.frame.vectors.T
        moved = given.arena.potential.gradient(x) @ box.frame.vectors
        assert (moved[np.arange(300), side] * xi[np.arange(300), side] < 0).all()
        slack, middle = (box.slack(rows, np.ones(2, dtype=bool)) for rows in (x, box.frame.center[None]))
        assert (slack <= 1e-9).all() and middle[0] > 0.9 * box.reach.min()
    saddles = [given.frames[int(row)] for row in np.flatnonzero(given.points.indices == 1)]
    assert attracting_boxes(given.arena, saddles, 1.0) == [] == attracting_boxes(given.arena, saddles, -1.0)


def test_boxes_with_depth_are_entered_from_the_sides_and_pressed_to_the_face():
    f = expression("-(x**2 - 1)**2 - (y - x/10)**2 + y*z/4", "x y z")
    box = Box([-0.9, -1.0, -0.5], [2.0, 1.0, 0.5])
    points = critical_points(f, box, boundary="project")
    given = Followed.of(GradientFlow(f, box, "project").arena, points, np.random.default_rng(0))
    deep = [found for found in given.goals[1.0].boxes if found.depth > 0]
    assert deep
    rng = np.random.default_rng(3)
    for found in deep:
        frame, free = found.frame, found.frame.free
        xi = rng.uniform(-1.0, 1.0, (300, free.size))
        side = rng.integers(0, free.size, 300)
        xi[np.arange(300), side] = np.sign(xi[np.arange(300), side])
        x = np.repeat(frame.center[None], 300, axis=0)
        x[:, free] += (xi * found.reach) @ frame.vectors.T
        x -= frame.outward * found.depth * rng.random((300, 3))
        slope = f.gradient(x)
        moved = slope[:, free] @ frame.vectors
        assert (moved[np.arange(300), side] * xi[np.arange(300), side] < 0).all()
        assert (slope * frame.outward >= 0).all() and (slope[:, frame.outward != 0] != 0).all()


def test_cones_are_entered_from_the_side_and_none_is_found_about_a_stable_direction():
    given = followed("mueller-brown")
    for row in np.flatnonzero(given.points.indices == 1):
        frame = given.frames[int(row)]
        found = cones(given.arena, frame, 1, 1.0)
        assert found and cones(given.arena, frame, 0, 1.0) == []
        for cone in found[:3]:
            u = np.linspace(0.05, 1.0, 30) * cone.length
            for side in (1.0, -1.0):
                xi = np.stack([side * cone.slope * u, u], axis=1)
                moved = given.arena.potential.gradient(frame.center + xi @ frame.vectors.T) @ frame.vectors
                assert (side * moved[:, 0] < cone.slope * moved[:, 1]).all() and (moved[:, 1] > 0).all()


def test_rodas_is_of_order_four_and_damps_what_is_stiff():
    def field(x: np.ndarray) -> np.ndarray:
        return np.stack([x[:, 1], -x[:, 0] - x[:, 1] ** 2], axis=1)

    def end(count: int) -> np.ndarray:
        x, h = np.array([[1.0, 0.3]]), np.array([1.0 / count])
        for _ in range(count):
            x, _ = rosenbrock.step(field, np.array([[[0.0, 1.0], [-1.0, -2.0 * x[0, 1]]]]), x, field(x), h)
        return x

    exact = solve_ivp(lambda _t, x: field(x[None])[0], (0, 1), [1.0, 0.3], "DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    errors = [float(np.abs(end(count) - exact).max()) for count in (10, 20, 40)]
    assert errors[0] / errors[1] > 13 and errors[1] / errors[2] > 13
    x = np.array([[1.0]])
    new, _ = rosenbrock.step(lambda y: -1e8 * y, np.array([[[-1e8]]]), x, -1e8 * x, np.ones(1))
    assert abs(new[0, 0]) < 1e-6


def test_a_stiff_ring_is_followed_in_few_steps():
    given = followed("tilted hat")
    row = int(np.flatnonzero(given.points.indices == 1)[0])
    trace = Tracer(given.arena, given.goals, [given.start(row, -1, 1, 1.0)]).run()[0]
    assert trace.reason == "sink" and len(trace.arc) < 650
    assert trace.arc[-1] == pytest.approx(np.pi, abs=0.1)
    f = expression("-(x**2 + y**2 - 1)**2 - x/5", "x y")
    assert (np.diff(f.value(trace.nodes)) > -1e-12).all()
