"""Branches of the projected flow that meet sides of the box, slide and leave them: against another integrator, and refusals."""

import dataclasses
from functools import cache

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.data.embedded_networks import network, network_box
from separatrix.domains import Box
from separatrix.flow.critical_points import chosen
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.morse.morse_complex import morse_complex
from separatrix.morse.tubes import legs
from separatrix.morse.tubes.chains import chains
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.traces import Start
from separatrix.networks.network import Network
from separatrix.potentials.expression import expression
from separatrix.potentials.log_odds import log_odds


def random_network(seed: int, dim: int, scale: float):
    rng = np.random.default_rng(seed)
    weights = [scale * rng.normal(size=(6, dim)), scale * rng.normal(size=(2, 6))]
    return Network.from_arrays(weights, [scale * rng.normal(size=6), rng.normal(size=2)], "tanh")


@cache
def ring():
    """(flow, points) of the ring's log-odds on its box."""
    f, box = log_odds(network("ring-tanh"), 0), network_box("ring-tanh")
    return GradientFlow(f, box), critical_points(f, box, boundary="project")


def distances(points: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Distances (n, m) of points (n, dim) to segments (m,)."""
    along = b - a
    share = ((points[:, None] - a) * along).sum(axis=2) / np.maximum((along * along).sum(axis=1), 1e-300)
    return np.linalg.norm(points[:, None] - a - np.clip(share, 0.0, 1.0)[:, :, None] * along, axis=2)


def agrees_with_trajectories(flow: GradientFlow, found) -> int:
    """How many proved unstable branches a fine integration by the flow itself follows, within their radii, to their ends."""
    points = found.points.points
    orbits = [o for o in found.orbits if o.source == o.saddle and o.certainty is Certainty.PROVED]
    starts = flow.arena.limits.clip(np, np.array([points[o.saddle] + 1e-6 * o.direction for o in orbits]))
    sinks = chosen(found.points, found.points.indices == 0)
    done = flow.trajectories(starts, 1e4, rtol=1e-8, atol=1e-8, stop=sinks, keep_paths=True)
    for number, orbit in enumerate(orbits):
        near = max(1e-4, float(np.nan_to_num(found.points.radius[orbit.target])))  # where a trajectory is stopped
        assert np.abs(done.end[number] - points[orbit.target]).max() <= near, orbit.evidence
        assert orbit.radius is not None
        radius = np.where(np.isfinite(orbit.radius), orbit.radius, np.nanmax(orbit.radius))
        away = distances(done.path(number)[1][::3], orbit.path[:-1], orbit.path[1:])
        at_end = np.linalg.norm(done.path(number)[1][::3] - points[orbit.target], axis=1) < 0.2
        assert ((away <= np.maximum(radius[:-1], radius[1:]) + 1e-4).any(axis=1) | at_end).all(), orbit.evidence
    return len(orbits)


def test_no_branch_of_the_ring_leaps_over_a_sink_on_a_side():
    flow, points = ring()
    found = connections(flow, points)
    saddle = int(np.abs(points.points - [-2.0, -0.8702]).max(axis=1).argmin())
    near = int(np.abs(points.points - [-2.0, -1.8793]).max(axis=1).argmin())
    assert near in [orbit.target for orbit in found.of_saddle(saddle)]  # a saddle and a sink lie beyond, 0.06 apart
    assert found.n_proved == len(found)
    whole = morse_complex(flow, points, found)
    assert whole.agrees and whole.certainty is Certainty.PROVED


def test_equilibria_that_are_not_in_the_list_are_not_leapt_over_either():
    # along y = 1: a saddle at 0, a sink at 0.5 and a saddle at 0.51 between it and the sink in the corner
    f = expression("3*y + 10*(x**4/4 - 1.01*x**3/3 + 0.255*x**2/2)", "x y")
    box = Box.cube(2, -1, 1)
    points = critical_points(f, box, boundary="project")
    saddle = int(np.abs(points.points - [0.0, 1.0]).max(axis=1).argmin())
    found = connections(GradientFlow(f, box), points)
    ends = sorted(round(float(points.points[o.target][0]), 3) for o in found.of_saddle(saddle) if o.source == saddle)
    assert found.n_proved == len(found) and ends == [-1.0, 0.5]
    some = chosen(points, ~np.isin(points.points[:, 0].round(3), [0.5, 0.51]))
    lost = [o for o in connections(GradientFlow(f, box), some).orbits if o.source == o.saddle and o.direction[0] > 0]
    assert [o.target for o in lost if abs(some.points[o.saddle][0]) < 1e-9] == [-1]


@pytest.mark.parametrize(("dim", "seed", "scale"), [(3, 7, 1.2), (3, 11, 1.2)])
def test_branches_of_random_networks_are_followed_by_another_integrator(dim, seed, scale):
    f, box = log_odds(random_network(seed, dim, scale), 0), Box.cube(dim, -1.5, 1.5)
    points = critical_points(f, box, boundary="project")
    flow = GradientFlow(f, box)
    found = connections(flow, chosen(points, points.indices < 2))
    assert agrees_with_trajectories(flow, found) == sum(o.source == o.saddle for o in found.orbits) > 0


def test_facets_on_both_sides_are_judged_by_their_own_slopes():
    f = expression("z**2 - (x**2 - 1)**2 - (y - x/3)**2", "x y z")
    box = Box.cube(3, -1.3, 1.3)
    points = critical_points(f, box, boundary="project")
    found = connections(GradientFlow(f, box), chosen(points, points.active[:, 2] != 0))
    assert {int(a) for a in found.points.active[[o.saddle for o in found.orbits], 2]} == {-1, 1}
    assert found.n_proved == len(found) >= 4


def test_a_branch_that_meets_a_side_and_one_that_leaves_it():
    f = expression("-(x**2 - 1)**2 + y*(x - 0.3)", "x y")
    box = Box([-2, -0.6], [2, 0.6])
    flow = GradientFlow(f, box)
    found = connections(flow, critical_points(f, box, boundary="project"))
    assert found.n_proved == len(found)
    assert any("lets it go" in o.evidence for o in found.orbits)
    assert agrees_with_trajectories(flow, found) >= 2
    g = expression("y*(x**2 - 1/10) - (x - 3/4)**2*(x + 1)**2", "x y")
    box = Box.cube(2, -1.2, 1.0)
    flow = GradientFlow(g, box)
    held = connections(flow, critical_points(g, box, boundary="project"))
    assert held.n_proved == len(held) and any("a side that holds it" in o.evidence for o in held.orbits)
    assert agrees_with_trajectories(flow, held) == 2


def test_another_end_is_never_proved():
    flow, points = ring()
    arena = flow.arena
    given = Followed.of(arena, points, np.random.default_rng(0))
    rows = np.flatnonzero(points.indices == 1)[:7:3]
    traces = given.traced(flow, [given.start(int(row), -1, side, 1.0) for row in rows for side in (1, -1)])
    assert all(chain.is_proved for chain in chains(arena, given.goals, traces, given.frames))
    wrong = []
    for trace in traces:
        legs = trace.legs or (trace,)
        others = [int(row) for row in np.flatnonzero(points.indices == 0) if row != trace.target]
        for other in others[:3]:
            last = dataclasses.replace(legs[-1], target=other)
            wrong.append(dataclasses.replace(last, legs=() if len(legs) == 1 else (*legs[:-1], last)))
    assert not any(chain.is_proved for chain in chains(arena, given.goals, wrong, given.frames))


@cache
def slow_saddles():
    """(flow, points) of a random network whose one point of index 2 lies on a side that lets orbits go."""
    f, box = log_odds(random_network(7, 3, 1.2), 0), Box.cube(3, -2, 2)
    return GradientFlow(f, box), critical_points(f, box, boundary="project")


def test_orbits_between_saddles_are_found_where_no_direction_at_their_source_tells_them_apart():
    flow, points = slow_saddles()
    found = connections(flow, points, proved=False)
    assert not found.missing
    (top,) = np.flatnonzero(points.indices == 2)
    between = [orbit for orbit in found.orbits if orbit.source == top]
    assert sorted(points.ids[orbit.target] for orbit in between) == ["p0", "p1"]
    made = morse_complex(flow, points, found)
    assert made.agrees and made.homology().betti == (1, 0, 0, 0)


def test_a_leg_that_is_let_go_is_followed_on_however_the_slope_there_is_rounded(monkeypatch):
    flow, points = slow_saddles()
    slopes = legs.gradients

    def rounded_up(f, x):
        found = slopes(f, x)
        return np.where(np.abs(found) < 1e-9, 1e-13 * np.sign(x), found)

    monkeypatch.setattr(legs, "gradients", rounded_up)
    given = Followed.of(flow.arena, points, np.random.default_rng(0))
    (row,) = np.flatnonzero(points.indices == 2)
    plane, turns, held = given.basis(row)[:, -2:], np.linspace(0.0, 2.0 * np.pi, 24, endpoint=False), points.active[row]
    starts = [
        Start(row, 1, 1.0, ahead, points.points[row] + 0.01 * ahead, held == 0, held.astype(float))
        for ahead in (plane @ np.array([np.cos(turn), np.sin(turn)]) for turn in turns)
    ]
    traces = given.traced(flow, starts, 1e-7)
    assert {trace.reason for trace in traces} == {"sink"} and any(len(trace.legs) > 2 for trace in traces)
