"""Connections: facts of known systems, ends that are proved, ends that must not be."""

from collections import Counter

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.data.embedded_networks import network
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, UnresolvedError
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.potentials.expression import expression
from separatrix.potentials.log_odds import log_odds


def connected(potential, box, boundary="exit", **options) -> Connections:
    points = critical_points(potential, box, boundary=boundary)
    return connections(GradientFlow(potential, box, boundary), points, **options)


def by_index(found: Connections) -> Counter:
    indices = [*found.points.indices.tolist(), -1]
    return Counter((indices[o.source], indices[o.target]) for o in found.orbits)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("double well", {(1, 0): 2, (-1, 1): 2}),
        ("four wells", {(1, 0): 8, (2, 1): 4, (-1, 1): 4}),
        ("himmelblau", {(1, 0): 8, (2, 1): 4, (-1, 1): 4}),
        ("tilted hat", {(1, 0): 2, (2, 1): 1, (-1, 1): 1}),
        ("mueller-brown", {(1, 0): 4, (-1, 1): 4}),
        ("three gaussians", {(1, 0): 6, (2, 1): 3, (-1, 1): 3}),
    ],
)
def test_every_branch_of_the_known_systems_in_the_plane_is_proved(name, expected):
    known = known_flow(name)
    found = connected(known.potential, known.box, strict=True)
    assert by_index(found) == expected
    assert all(orbit.radius is not None for orbit in found.orbits)
    assert found.certainty is Certainty.PROVED
    for orbit in found.orbits:  # f is climbed along every path
        assert known.potential.value(orbit.path[-1:])[0] > known.potential.value(orbit.path[:1])[0]


def test_saddles_of_four_wells_join_the_wells_beside_them():
    known = known_flow("four wells")
    found = connected(known.potential, known.box)
    points = found.points.points
    for row in np.flatnonzero(found.points.indices == 1):
        ends = [points[o.target] for o in found.of_saddle(int(row)) if o.source == row]
        assert np.abs(np.sum(ends, axis=0) - 2.0 * points[row]).max() < 1e-6  # the saddle lies half way between both
        assert np.linalg.norm(ends[0] - ends[1]) == pytest.approx(2.0)


@pytest.mark.parametrize("turn", [0.0, 0.3, 1.0])
def test_a_branch_between_saddles_is_never_proved_to_reach_a_sink(turn):
    # on the axis v = 0 f rises from the saddle (0, 0) to the saddle (1, 0), where v runs away
    c, s = np.cos(turn), np.sin(turn)
    u, v = f"({c:.6f}*x + {s:.6f}*y)", f"({c:.6f}*y - {s:.6f}*x)"
    f = expression(f"{u}**2/2 - {u}**3/3 + {v}**2*({u} - 1/2) - {v}**4", "x y")
    found = connected(f, Box.cube(2, -1.5, 1.5))
    ids = [int(np.abs(found.points.points - np.array([c, s]) * place).max(axis=1).argmin()) for place in (0.0, 1.0)]
    assert found.points.indices[ids].tolist() == [1, 1]
    ends = [o for o in found.of_saddle(ids[0]) if o.source == ids[0] and found.points.points[o.saddle] @ [c, s] < 0.5]
    along = max(ends, key=lambda orbit: float(orbit.direction @ [c, s]))
    assert (along.target, along.reason) == (ids[1], "saddle")
    assert along.certainty is Certainty.HEURISTIC and along.radius is None
    assert any(found.points.ids[ids[0]] in text and "saddle" in text for text in found.missing)
    with pytest.raises(UnresolvedError, match="are proved"):
        found.require()


def test_branches_on_a_side_of_the_box_are_proved_on_that_side():
    f = expression("3*y - (x**2 - 1)**2", "x y")
    found = connected(f, Box([-2, -1], [2, 1]), "project")
    saddle = int(np.flatnonzero(found.points.indices == 1)[0])
    assert found.points.points[saddle] == pytest.approx([0.0, 1.0])
    along = [o for o in found.orbits if o.source == saddle]
    assert len(along) == 2 and all(o.certainty is Certainty.PROVED and (o.path[:, 1] == 1.0).all() for o in along)
    assert sorted(found.points.points[o.target][0] for o in along) == pytest.approx([-1.0, 1.0])
    (inward,) = [o for o in found.orbits if o.target == saddle]  # the separatrix, from the lower side up
    assert inward.source == -1 and inward.certainty is Certainty.PROVED
    assert inward.path[0, 1] <= -1.0 and np.abs(inward.path[:, 0]).max() < 1e-6


def test_branches_that_come_to_sinks_on_sides_and_corners_are_proved():
    f = expression("-(x**2 - 1)**2 - (y**2 - 1)**2", "x y")
    corners = connected(f, Box.cube(2, -0.8, 0.9), "project", strict=True)
    assert by_index(corners) == {(1, 0): 8, (2, 1): 4}
    f = expression("-(x**2 - 1)**2 - (y - x/10)**2", "x y")
    sides = connected(f, Box([-0.9, -1.0], [2.0, 1.0]), "project")
    assert [o.certainty for o in sides.orbits if o.target >= 0 and sides.points.active[o.target].any()] == [
        Certainty.PROVED
    ]


def test_orbits_from_index_two_to_index_one_in_space():
    f = expression("-(x**2 - 1)**2 - (y**2 - 1)**2 - (z + x*y/5)**2", "x y z")
    found = connected(f, Box.cube(3, -2, 2), rng=3)
    counts = by_index(found)
    assert counts[2, 1] == 4 and counts[1, 0] == 8
    top = int(np.flatnonzero(found.points.indices == 2)[0])
    reached = [o for o in found.orbits if o.source == top]
    assert sorted(o.target for o in reached) == np.flatnonzero(found.points.indices == 1).tolist()
    assert all(o.certainty is Certainty.PROVED for o in reached)
    assert not found.missing


def test_orbits_that_leave_the_box_end_nowhere():
    f = expression("x**2 - y**2", "x y")
    found = connected(f, Box.cube(2, -1, 1))
    assert by_index(found) == {(1, -1): 2, (-1, 1): 2}
    assert {o.reason for o in found.orbits} == {"left the box"} and found.n_proved == 4
    assert np.abs(found.orbits[0].path[-1]).max() > 1.0
    assert found.to_networkx().number_of_edges() == 0


def test_the_record_as_graph_and_table():
    known = known_flow("double well")
    found = connected(known.potential, known.box)
    graph = found.to_networkx()
    assert sorted(graph.nodes) == ["p0", "s0", "s1"] and sorted(graph.edges()) == [("p0", "s0"), ("p0", "s1")]
    table = found.columns()
    assert len(set(map(len, table.values()))) == 1 and table["reason"].count("sink") == 2
    assert np.isfinite(table["largest_radius"]).all()
    assert "2 sink" in repr(found)


def test_without_proofs_ends_are_the_same_and_verified():
    known = known_flow("double well")
    proved, traced = connected(known.potential, known.box), connected(known.potential, known.box, proved=False)
    assert [(o.source, o.target) for o in proved.orbits] == [(o.source, o.target) for o in traced.orbits]
    assert {o.certainty for o in traced.orbits} == {Certainty.VERIFIED}
    with pytest.raises(UnresolvedError):
        connected(known.potential, known.box, proved=False, strict=True)


def test_wrong_input_is_refused():
    known, other = known_flow("double well"), known_flow("eight wells")
    flow = GradientFlow(known.potential, known.box, "exit")
    points = critical_points(known.potential, known.box)
    with pytest.raises(KindError, match="GradientFlow"):
        connections(known.potential, points)  # pyright: ignore[reportArgumentType]
    with pytest.raises(KindError, match="CriticalPoints"):
        connections(flow, points.points)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="dimension"):
        connections(GradientFlow(other.potential, other.box, "exit"), points)
    with pytest.raises(InputError, match="outside"):
        connections(GradientFlow(known.potential, Box.cube(2, -0.5, 0.5), "exit"), points)
    with pytest.raises(InputError, match="piecewise linear"):
        connections(GradientFlow(log_odds(network("ring-relu"), 0), known.box, "exit"), points)
