"""The order: closures, what is given to the graph by hand, ties, touching points."""

import dataclasses

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from separatrix.certainty import Certainty
from separatrix.conley.inner_touches import inner_touches
from separatrix.conley.morse_graph import morse_graph
from separatrix.conley.morse_sets import Nodes
from separatrix.conley.order import closure, reduction
from separatrix.conley.rises import least_rises
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.errors import InputError, KindError
from separatrix.flow.critical_points import chosen
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.potentials.expression import expression


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 9), st.integers(0, 2**32 - 1))
def test_closure_and_reduction_are_those_of_networkx(n, seed):
    pairs = np.triu(np.random.default_rng(seed).random((n, n)) < 0.35, 1)
    graph = nx.from_numpy_array(pairs.astype(int), create_using=nx.DiGraph)
    closed = closure(pairs)
    assert {tuple(p) for p in np.argwhere(closed).tolist()} == set(nx.transitive_closure_dag(graph).edges)
    assert {tuple(p) for p in np.argwhere(reduction(closed)).tolist()} == set(nx.transitive_reduction(graph).edges)
    assert (closure(reduction(closed)) == closed).all()


def test_branches_that_are_given_count_and_a_false_one_is_found_out():
    known = known_flow("four wells")
    flow = GradientFlow(known.potential, known.box, "exit")
    points = critical_points(known.potential, known.box)
    links = connections(flow, points)
    right = morse_graph(flow, points=points, connections=links)
    assert right.order_is_exact and right.n_pairs == 16
    first = next(o for o in links.orbits if o.source == o.saddle)
    wrong_end = next(row for row in range(4) if not right.order[first.source, row])
    # said to lead to a sink that cannot be reached: the cubes say so
    orbits = tuple(dataclasses.replace(o, target=wrong_end) if o is first else o for o in links.orbits)
    found = morse_graph(flow, points=points, connections=dataclasses.replace(links, orbits=orbits))
    assert not found.order_is_exact and found.order_certainty is Certainty.UNKNOWN
    assert any("no path of cubes" in text for text in found.missing)
    # a branch that is only verified makes the order verified; one that is not known at all is an open question
    weak = tuple(dataclasses.replace(o, certainty=Certainty.VERIFIED) for o in links.orbits)
    found = morse_graph(flow, points=points, connections=dataclasses.replace(links, orbits=weak))
    assert found.order_is_exact and found.order_certainty in (Certainty.PROVED, Certainty.VERIFIED)
    assert (found.order == right.order).all()


def test_an_end_that_is_not_known_leaves_the_order_open():
    """Where homology does not know it either: some saddle of this system comes too near another's stable branch for the cubes."""
    known = known_flow("himmelblau")
    flow = GradientFlow(known.potential, known.box, "exit")
    points = critical_points(known.potential, known.box)
    links = connections(flow, points)
    true = morse_graph(flow, points=points, connections=links)
    exact = []
    for lost in [o for o in links.orbits if o.source == o.saddle]:
        orbits = tuple(
            dataclasses.replace(o, target=-1, reason="budget", certainty=Certainty.UNKNOWN) if o is lost else o
            for o in links.orbits
        )
        found = morse_graph(flow, points=points, connections=dataclasses.replace(links, orbits=orbits))
        exact.append(found.order_is_exact)
        assert (found.order | ~true.order).all()
        if exact[-1]:
            assert (found.order == true.order).all() and found.pairs[lost.source, lost.target] == Certainty.PROVED.rank
        else:
            assert (found.pairs == Certainty.UNKNOWN.rank).any()
            assert any("neither shown nor excluded" in text for text in found.missing)
    assert set(exact) == {True, False}
    with pytest.raises(KindError, match="Connections"):
        morse_graph(flow, points=points, connections=links.orbits)  # pyright: ignore[reportArgumentType]
    other = dataclasses.replace(links, points=chosen(points, np.arange(8)))
    with pytest.raises(InputError, match="other points"):
        morse_graph(flow, points=points, connections=other)


def test_rises_are_below_what_orbits_gain():
    known = known_flow("four wells")
    flow = GradientFlow(known.potential, known.box, "exit")
    points = critical_points(known.potential, known.box)
    rises = least_rises(flow.arena, points, Nodes.of(flow.arena, points))
    order = morse_graph(flow, points=points).order
    assert (rises > 1e-6).all()
    for a, b in np.argwhere(order):
        assert points.values[b] - points.values[a] > max(rises[a], rises[b])
    saddles = np.flatnonzero(points.indices == 1)  # at one level: nothing but the rise tells them apart
    assert np.ptp(points.values[saddles]) < rises[saddles].min()


def test_symmetric_points_of_one_value_are_sets_of_their_own():
    found = morse_graph(
        GradientFlow(
            expression("-(x**2 - 1)**2 - (y**2 - 1)**2 - (z**2 - 1)**2 - w**2", "x y z w"),
            Box.cube(4, -1.6, 1.6),
            "exit",
        ),
        n_boxes=256,
        max_boxes=2000,
    )
    assert [len(one.rows) for one in found.sets] == [1] * 27 and not (found.order & found.order.T).any()
    places = np.round(found.points.points)
    leads = ((places[:, None] == places) | (places[:, None] == 0)).all(axis=2) & ~np.eye(27, dtype=bool)
    assert (found.order | ~leads).all()
    if found.order_is_exact:
        assert (found.order == leads).all()


def test_touching_points_on_the_sides():
    # grad y (2 - x) = (-y, 2 - x) is tangent to the side x = 1 at y = 0, and orbits bend inward there
    found = inner_touches(expression("y*(2 - x)", "x y"), Box([-1, -1.1], [1, 1.2]))
    assert found is not None and len(found) == 1 and found[0].is_simple
    assert found[0].point == pytest.approx([1.0, 0.0], abs=1e-9)
    assert (found[0].lower <= [1.0, 0.0]).all() and (found[0].upper >= [1.0, 0.0]).all()
    # the same turned about: from outside only
    assert inner_touches(expression("y*(2 + x)", "x y"), Box([-1, -1.1], [1, 1.2])) is not None
    outer = inner_touches(expression("x**2 - y**2", "x y"), Box([-1, -1.1], [1, 1.2]))
    assert outer == ()
