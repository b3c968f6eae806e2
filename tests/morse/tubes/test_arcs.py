"""Orbits from index 2 to index 1 in space: what blocks and arcs claim is sampled, and wrong claims are not proved."""

import dataclasses

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.morse_complex import morse_complex
from separatrix.morse.tubes.arcs import proved_arcs
from separatrix.morse.tubes.blocks import block_of, unstable_disc
from separatrix.morse.tubes.followed import Followed
from separatrix.potentials.expression import expression

WELLS = expression("-(x**2 - 1)**2 - (y**2 - 1)**2 - (z + x*y/5)**2", "x y z")
BOX = Box.cube(3, -2, 2)


def slope(x):
    a, b, c = x
    tilt = 2.0 * (c + a * b / 5.0)
    return np.array([-4.0 * a * (a * a - 1.0) - tilt * b / 5.0, -4.0 * b * (b * b - 1.0) - tilt * a / 5.0, -tilt])


@pytest.fixture(scope="module")
def wells():
    points = critical_points(WELLS, BOX)
    flow = GradientFlow(WELLS, BOX, "exit")
    found = connections(flow, points)
    return points, Followed.of(flow.arena, points, np.random.default_rng(0)), found


def test_directions_about_a_proved_orbit_part_at_its_saddle_and_stay_in_its_tube(wells):
    points, followed, found = wells
    reached = [o for o in found.orbits if o.source >= 0 and points.indices[o.source] == 2]
    assert len(reached) == 4 and all(o.certainty is Certainty.PROVED and "(8.12)" in o.evidence for o in reached)
    rng = np.random.default_rng(2)
    for orbit in reached[:2]:
        frame, block = followed.frames[orbit.source], block_of(followed.arena, followed.frames[orbit.target])
        plane, length = frame.vectors[:, 1:], np.linalg.norm(orbit.path[1] - orbit.path[0])
        half = 0.5 * float(orbit.evidence.split()[3])
        middle = np.arctan2(*(plane.T @ orbit.direction)[::-1])
        sides = []
        for turn in (-half, half, *(half * rng.uniform(-1, 1, 3))):
            begin = frame.center + length * plane @ [np.cos(middle + turn), np.sin(middle + turn)]
            done = solve_ivp(lambda _t, x: slope(x), (0, 30), begin, rtol=1e-10, atol=1e-12, max_step=0.02)
            u, w = block.coordinates(done.y.T)
            inside = np.flatnonzero((np.abs(u) < block.along) & (w < 0.5 * block.across))
            sides.append(int(np.sign(u[inside[-1]])))
            before = done.y.T[: inside[0]]
            gaps = np.linalg.norm(before[:, None] - orbit.path[None], axis=2)
            radius = np.nan_to_num(orbit.radius, nan=np.inf)
            steps = np.linalg.norm(np.diff(orbit.path, axis=0), axis=1)
            assert (gaps - radius - np.append(steps, steps[-1])).min(axis=1).max() <= 0
        assert {sides[0], sides[1]} == {-1, 1}


def test_a_saddle_that_no_arc_leads_to_is_not_proved(wells):
    points, followed, found = wells
    reached = [o for o in found.orbits if o.source >= 0 and points.indices[o.source] == 2]
    targets = [o.target for o in reached]
    for shift in (1, 2, 3):
        wrong = [
            dataclasses.replace(o, target=targets[(i + shift) % 4], certainty=Certainty.VERIFIED)
            for i, o in enumerate(reached)
        ]
        assert all(o.certainty is Certainty.VERIFIED for o in proved_arcs(followed, wrong))
    turned = dataclasses.replace(
        reached[0], certainty=Certainty.VERIFIED, direction=reached[0].direction @ _turn(0.7).T
    )
    assert proved_arcs(followed, [turned])[0].certainty is Certainty.VERIFIED


def _turn(angle):
    c, s = np.cos(angle), np.sin(angle)
    return np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])


def test_what_a_block_says_of_its_exits_holds_at_random_points(wells):
    points, followed, _ = wells
    rng = np.random.default_rng(0)
    for row in np.flatnonzero(points.indices == 1):
        frame = followed.frames[int(row)]
        block = block_of(followed.arena, frame)
        w = rng.normal(size=(400, 2))
        w *= block.across * rng.random((400, 1)) ** 0.5 / np.linalg.norm(w, axis=1, keepdims=True)
        u = block.along * rng.choice([-1.0, 1.0], 400)
        x = frame.center + np.column_stack([w, u]) @ frame.vectors.T
        g = np.array([slope(row) for row in x]) @ frame.vectors
        assert (g[:, 2] * u > 0).all()  # the exits are left at once
        assert (WELLS.value(x) - points.values[row] >= block.exit_value).all()
        rim = np.column_stack([w * (block.across / np.linalg.norm(w, axis=1, keepdims=True)), u * rng.random(400)])
        g = np.array([slope(row) for row in frame.center + rim @ frame.vectors.T]) @ frame.vectors
        assert ((g[:, :2] * rim[:, :2]).sum(axis=1) < 0).all()  # the rest of the boundary is not
        far = np.abs(rim[:, 2]) >= block.decided
        assert (g[far, 2] * rim[far, 2] > 0).all()
    assert block_of(followed.arena, followed.frames[int(np.flatnonzero(points.indices == 0)[0])]) is None
    assert unstable_disc(followed.arena, followed.frames[int(np.flatnonzero(points.indices == 1)[0])], 0.01) is None


def test_saddles_of_a_facet_have_their_stable_branches_in_it_proved():
    f = expression("-(x**2 - 1)**2 - (y**2 - 1)**2 + 3*x*y/10 + 3*z", "x y z")
    box = Box([-2, -2, -1], [2, 2, 1])
    flow, points = GradientFlow(f, box), critical_points(f, box, boundary="project")
    found = connections(flow, points, strict=True)
    assert (points.n_free == 2).all() and found.certainty is Certainty.PROVED
    top = int(np.flatnonzero(points.indices == 2)[0])
    down = [o for o in found.orbits if o.source == top]
    assert sorted(o.target for o in down) == np.flatnonzero(points.indices == 1).tolist()
    assert all(o.saddle == top and (o.path[:, 2] == 1.0).all() for o in down)
    from_outside = [o for o in found.orbits if o.source < 0 and points.indices[o.target] == 1]
    assert len(from_outside) == 4 and all(np.abs(o.path[0, :2]).max() >= 2.0 for o in from_outside)
    assert morse_complex(flow, points, found).agrees
