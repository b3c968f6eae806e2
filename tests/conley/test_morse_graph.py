"""Morse graphs: known systems, order against sampled orbits, boundaries, what must not be called exact."""

import dataclasses

import networkx as nx
import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.morse_graph_record import MorseGraph
from separatrix.data.embedded_networks import network
from separatrix.data.known_flows import known_flow
from separatrix.domains import AffineSlice, Box, WholeSpace
from separatrix.errors import InputError, KindError, UnresolvedError
from separatrix.flow.critical_points import chosen
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.critical_points import critical_points
from separatrix.networks.network import Network
from separatrix.potentials.expression import expression
from separatrix.potentials.log_density import log_density
from separatrix.potentials.log_odds import log_odds


def graph_of(text: str, variables: str, box, boundary: str = "exit", **options) -> MorseGraph:
    return morse_graph(GradientFlow(expression(text, variables), box, boundary), **options)


def known_graph(name: str, **options) -> MorseGraph:
    known = known_flow(name)
    return morse_graph(GradientFlow(known.potential, known.box, "exit"), **options)


def sampled_order(found: MorseGraph, box: Box, potential) -> np.ndarray:
    """Pairs that orbits from, and backwards from, small circles about the points show, closed up: slow and by itself."""
    points = found.points.points
    n, width = len(points), float(box.width.max())
    angles = 2 * np.pi * (np.arange(40) + 0.21) / 40
    circle = 1e-3 * width * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    rows = np.repeat(np.arange(n), 40)
    pairs = np.zeros((n, n), dtype=bool)
    for sign in (1.0, -1.0):
        x = points[rows] + np.tile(circle, (n, 1))
        left, h = np.zeros(len(x), dtype=bool), 3e-3 * width

        def field(y, sign=sign):
            slope = sign * potential.gradient(y)
            return slope / np.maximum(np.linalg.norm(slope, axis=1, keepdims=True), 1e-12)

        for _ in range(500):
            k1 = field(x)
            k2 = field(x + h / 2 * k1)
            x = np.clip(x + h * k2, box.lower - 0.01, box.upper + 0.01)
            left |= ~box.contains(x)
        gaps = np.linalg.norm(x[:, None] - points, axis=2)
        for row, end in zip(rows[~left], gaps.argmin(axis=1)[~left], strict=True):
            if gaps[:, end].min() < 5 * h and row != end:
                pairs[(row, end) if sign > 0 else (end, row)] = True
    pairs &= found.points.values[:, None] < found.points.values
    for k in range(n):
        pairs |= pairs[:, k : k + 1] & pairs[k]
    return pairs


@pytest.mark.parametrize(
    ("name", "pairs"), [("double well", 2), ("four wells", 16), ("tilted hat", 3), ("mueller-brown", 4)]
)
def test_nodes_indices_and_order_of_known_systems_are_proved(name, pairs):
    known, found = known_flow(name), known_graph(name)
    assert tuple(np.bincount(found.points.indices, minlength=3)) == known.counts
    assert len(found) == sum(known.counts) and found.isolates
    assert found.order_is_exact and found.order_certainty is Certainty.PROVED and found.n_pairs == pairs
    for one in found.sets:
        assert one.conley_index == f"H_{found.points.indices[one.rows[0]]} = Z" and one.certainty is Certainty.PROVED
    assert found.require() is found


@pytest.mark.parametrize(("name", "pairs"), [("himmelblau", 16), ("three gaussians", 12)])
def test_the_order_is_that_of_sampled_orbits(name, pairs):
    known, found = known_flow(name), known_graph(name)
    assert found.order_is_exact and found.order_certainty is Certainty.PROVED and found.n_pairs == pairs
    assert (found.order == sampled_order(found, known.box, known.potential)).all()


def test_eight_wells_have_the_order_of_a_product():
    found = known_graph("eight wells")
    places = np.round(found.points.points)
    leads = ((places[:, None] == places) | (places[:, None] == 0)).all(axis=2) & ~np.eye(27, dtype=bool)
    assert leads.sum() == 98 and found.order_is_exact and (found.order == leads).all()


@pytest.mark.parametrize("name", ["tilted hat in 3-D", "tilted hat in 4-D"])
def test_a_sphere_of_directions_that_leads_to_one_sink(name):
    found = known_graph(name)
    ids = dict(zip(found.names, found.points.indices.tolist(), strict=True))
    pairs = {(ids[found.names[a]], ids[found.names[b]]) for a, b in np.argwhere(found.order)}
    dim = found.points.points.shape[1]
    assert pairs == {(dim, dim - 1), (dim, 0), (dim - 1, 0)} and found.order_is_exact


def test_one_dimension():
    found = graph_of("-(x**2 - 1)**2*(x + 3)", "x", ([-2.0], [2.0]))
    order = sorted(range(len(found)), key=lambda k: found.points.points[k, 0])
    kinds = found.points.indices[order]
    expected = {
        (a, b)
        for a, b in zip(order, order[1:], strict=False)
        for a, b in ((a, b), (b, a))
        if found.points.indices[a] == 1
    }
    assert kinds.tolist() == [0, 1, 0] and found.order_is_exact
    assert {tuple(pair) for pair in np.argwhere(found.order).tolist()} == expected


def test_sides_of_the_box_under_the_projected_flow():
    # the sinks lie beyond the upper side, so that their places on it hold the flow; a saddle stands on the side between them
    found = graph_of("3*y - (x**2 - 1)**2", "x y", ([-2, -1], [2, 1]), "project")
    assert found.names == ("s0", "s1", "p0") and found.order_is_exact
    assert {(found.names[a], found.names[b]) for a, b in np.argwhere(found.order)} == {("p0", "s0"), ("p0", "s1")}
    corners = graph_of("-(x**2 - 1)**2 - (y**2 - 1)**2", "x y", Box.cube(2, -0.8, 0.9), "project")
    assert corners.n_pairs == 16 and corners.order_is_exact and corners.order_certainty is Certainty.PROVED


def test_a_repeller_and_a_sink_joined_within_a_box_that_no_saddle_lies_in():
    u, v = "((x + y)*0.7)", "((x - y)*0.7)"
    text = f"-({u}**2 - 1)**2 - ({v}**2 - 1)**2"
    found = graph_of(text, "x y", ([-0.5, -0.4], [0.45, 1.8]))
    assert found.points.is_isolating is False and found.names == ("s0", "r0")
    assert found.certainty_of("r0", "s0") is Certainty.VERIFIED and found.certainty_of("s0", "r0") is None
    assert found.order_is_exact and found.order_certainty is Certainty.VERIFIED
    # about a smaller box around the repeller and one saddle all pairs are over the saddle: proved
    wider = graph_of(text, "x y", ([-0.9, -0.5], [0.5, 1.8]))
    assert wider.n_pairs == 3 and wider.order_certainty is Certainty.PROVED


def test_a_box_inside_the_domain():
    known = known_flow("himmelblau")
    flow = GradientFlow(known.potential, known.box)
    part = morse_graph(flow, ([-0.5, 0.5], [5.0, 4.0]))
    assert part.boundary == "exit" and part.domain == Box([-0.5, 0.5], [5.0, 4.0])
    assert (part.domain.contains(part.points.points)).all() and 0 < len(part) < 9
    with pytest.raises(InputError, match="shares a side"):
        morse_graph(flow, ([-6.0, -1.0], [1.0, 1.0]))
    with pytest.raises(InputError, match="not inside"):
        morse_graph(flow, Box.cube(2, -7, 7))


def test_degenerate_sets_are_nodes_with_their_index():
    monkey = graph_of("x**3 - 3*x*y**2", "x y", Box.cube(2, -1.6, 1.5))
    assert [one.conley_index for one in monkey.sets] == ["H_1 = Z^2"] and monkey.names == ("m0",)
    ring = graph_of("-(x**2 + y**2 - 1)**2", "x y", Box.cube(2, -1.6, 1.5))
    assert ring.names == ("r0", "m1") and ring.isolates and len(ring.sets[0].lower) < 16 < len(ring.sets[1].lower)
    assert ring.certainty_of("r0", "m1") is Certainty.PROVED and ring.order_is_exact
    assert ring.sets[1].conley_index == "H_0 = Z, H_1 = Z"


def test_piecewise_linear_networks_have_an_order_that_is_not_called_exact():
    box = Box.cube(2, -2, 2)
    flow = GradientFlow(log_odds(network("circles-relu"), 0), box)
    found = morse_graph(flow)
    assert len(found) == len(found.points) == 9 and not found.order_is_exact
    assert any("creases" in text for text in found.missing)
    ranks = found.pairs[found.order]
    assert set(np.unique(ranks)) <= {
        Certainty.HEURISTIC.rank,
        Certainty.UNKNOWN.rank,
    }  # orbits beside points prove nothing
    led = {int(row) for row, _ in np.argwhere(found.pairs == Certainty.HEURISTIC.rank)}
    assert led == set(
        np.flatnonzero(found.points.indices > 0)
    )  # and every point but the sinks is seen to lead somewhere
    for row in np.flatnonzero(found.points.indices == 1):  # what is sampled about a saddle is in the order
        starts = found.points.points[row] + 1e-4 * np.random.default_rng(1).normal(size=(20, 2))
        ways = flow.trajectories(box.clip(starts), t_max=1e4, stop=found.points).end
        gaps = np.abs(ways[:, None] - found.points.points).max(axis=2)
        assert set(gaps.argmin(axis=1)) - {row} <= set(np.flatnonzero(found.order[row]))


def test_a_list_that_lacks_a_point_has_no_exact_order():
    known = known_flow("four wells")
    flow = GradientFlow(known.potential, known.box, "exit")
    whole = critical_points(known.potential, known.box)
    rows = np.flatnonzero(np.arange(9) != 4)  # a saddle
    part = dataclasses.replace(chosen(whole, rows), domain=known.box, boundary="exit")
    found = morse_graph(flow, points=part)
    assert not found.order_is_exact and any("complete" in text for text in found.missing)
    true = known_graph("four wells").order[np.ix_(rows, rows)]
    assert (found.order | ~true).all()  # no pair is lost
    with pytest.raises(UnresolvedError, match="not proved complete"):
        found.require()


def test_a_slice_is_a_network_of_few_inputs():
    net = network("blobs3d-softplus").restrict(AffineSlice([0.1, 0.0, 0.2], [[1.0, 0.5, 0.0], [0.0, 1.0, -1.0]]))
    found = morse_graph(GradientFlow(log_density(net), Box.cube(2, -1.5, 1.5)))
    assert found.order_is_exact and len(found) == len(found.points) >= 1
    assert sum((-1) ** int(index) for index in found.points.indices) == 1


def test_random_networks_agree_with_sampled_orbits_in_both_directions():
    rng = np.random.default_rng(5)
    for _ in range(2):
        weights = [2.0 * rng.normal(size=(8, 2)), rng.normal(size=(3, 8))]
        net = Network.from_arrays(weights, [rng.normal(size=8), rng.normal(size=3)], "tanh")
        potential, box = log_density(net), Box.cube(2, -2, 2)
        found = morse_graph(GradientFlow(potential, box, "exit"))
        shown = (found.pairs >= 0) & (found.pairs <= 1)
        seen = sampled_order(found, box, potential)
        assert not (seen & ~found.order).any()
        if found.order_is_exact:
            assert (found.order == shown).all()


def test_the_record_as_graph_table_and_text():
    found = known_graph("himmelblau")
    graph = found.to_networkx()
    assert set(graph) == set(found.names) and nx.is_directed_acyclic_graph(graph)
    closed = nx.to_numpy_array(nx.transitive_closure(graph), nodelist=list(found.names)) > 0
    assert (closed == found.order).all()
    assert graph.nodes["r0"]["conley_index"] == "H_2 = Z" and len(graph.nodes["r0"]["points"]) == 1
    table = found.to_dataframe()
    assert len(table) == 9 and table["n_above"].sum() == 16 and "exact (proved)" in repr(found)
    assert found.number_of("m0") == found.number_of(found.names[0]) == 0
    with pytest.raises(InputError, match="no set is called"):
        found.number_of("q7")
    assert found.to_json()


def test_what_is_refused():
    flow = GradientFlow(log_odds(network("mnist-tanh"), 0), Box.cube(784, 0, 1))
    with pytest.raises(KindError, match="AffineSlice"):
        morse_graph(flow)
    with pytest.raises(KindError, match="expected a GradientFlow"):
        morse_graph(known_flow("double well"))  # pyright: ignore[reportArgumentType]
    f = expression("-x**2 - y**2", "x y")
    with pytest.raises(InputError, match="whole space"):
        morse_graph(GradientFlow(f, WholeSpace(2)))
    flow = GradientFlow(f, Box.cube(2, -1, 1), "exit")
    with pytest.raises(InputError, match="max_boxes"):
        morse_graph(flow, max_boxes=0)
    with pytest.raises(InputError, match="points are those of"):
        morse_graph(flow, points=critical_points(f, Box.cube(2, -2, 2)))
    with pytest.raises(KindError, match="CriticalPoints"):
        morse_graph(flow, points=f.value)  # pyright: ignore[reportArgumentType]
    assert morse_graph(GradientFlow(f, WholeSpace(2)), Box.cube(2, -1, 1)).names == ("s0",)
