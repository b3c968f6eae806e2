"""The tree of sinks and classes: against all paths, against flooding of a grid, and what it says when a saddle is missing."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.data.known_flows import known_flow
from separatrix.flow.critical_points import chosen
from separatrix.morse.critical_points import critical_points
from separatrix.morse.matching import of_index, rows_in
from separatrix.morse.merge_tree import class_tree
from tests.morse.lists_of_points import FLOW, connections_of, points_of

EMBEDDED = sx.data.network("blobs-tanh")


def by_hand(sink_values, saddle_values, ends):
    """The tree of a list made by hand."""
    sinks, saddles = points_of(sink_values, [0] * len(sink_values)), points_of(saddle_values, [1] * len(saddle_values))
    return class_tree(FLOW, sinks, saddles, connections_of(sinks, saddles, ends))


def widest_paths(n, values, ends):
    """The best least value over all paths of passes between every two sinks, by Floyd's and Warshall's recursion."""
    best = np.full((n, n), -np.inf)
    for value, (one, other) in zip(values, ends, strict=True):
        if one >= 0 and other >= 0 and one != other:
            best[one, other] = best[other, one] = max(best[one, other], value)
    for k in range(n):
        best = np.maximum(best, np.minimum(best[:, k, None], best[None, k, :]))
    return best


graphs = st.integers(1, 7).flatmap(
    lambda n: st.tuples(
        st.just(n),
        st.lists(st.tuples(st.integers(-5, -1), st.integers(-1, n - 1), st.integers(-1, n - 1)), max_size=14),
    )
)


@settings(max_examples=150, deadline=None)
@given(graphs)
def test_heights_are_the_best_over_all_paths_of_passes(graph):
    n, edges = graph
    values, ends = [float(e[0]) for e in edges], [e[1:] for e in edges]
    tree = by_hand([float(i) for i in range(n)], values, ends)
    best = widest_paths(n, values, ends)
    off = ~np.eye(n, dtype=bool)
    np.testing.assert_array_equal(tree.pass_heights[off], best[off])
    np.testing.assert_array_equal(np.diag(tree.pass_heights), np.arange(n))
    found = tree.pass_of >= 0
    np.testing.assert_array_equal(found, (best > -np.inf) & off)
    np.testing.assert_array_equal(tree.saddles.values[tree.pass_of[found]], tree.pass_heights[found])
    assert tree.is_connected == (len(tree.groups) == 1) == bool((best[off] > -np.inf).all())
    assert len(tree.joins) + len(tree.groups) == n
    assert [join.value for join in tree.joins] == sorted((join.value for join in tree.joins), reverse=True)
    for first, last in zip(*np.nonzero(found), strict=True):
        way = tree.route(int(first), int(last))
        assert way[0][0] == first and way[-1][2] == last
        assert min(tree.saddles.values[saddle] for _here, saddle, _there in way) == best[first, last]
    graph = tree.to_networkx()
    assert len(graph) == n + len(tree.joins) and graph.number_of_edges() == 2 * len(tree.joins)
    assert sum(graph.in_degree(node) == 0 for node in graph) == len(tree.groups)
    assert len(tree.to_dataframe()) == len(tree.joins)


def test_what_is_missing_is_said():
    whole = by_hand([3.0, 2.0, 1.0], [0.5, -1.0], [(0, 1), (1, 2)])
    assert whole.is_connected and whole.missing == () and whole.require() is whole
    cut = by_hand([3.0, 2.0, 1.0], [0.5, -1.0], [(0, 1), (1, -1)])
    assert not cut.is_connected and cut.groups == ((0, 1), (2,)) and cut.pass_heights[0, 2] == -np.inf
    words = " ".join(cut.missing)
    assert "2 groups" in words and "at least 2" in words and "left the box" in words and "p1" in words
    with pytest.raises(sx.UnresolvedError):
        cut.require()
    with pytest.raises(sx.InputError):
        cut.route(0, 2)


def test_a_join_is_as_certain_as_its_saddle_and_its_branches():
    sinks, saddles = points_of([3.0, 2.0], [0, 0]), points_of([0.0], [1])
    for word in (Certainty.PROVED, Certainty.VERIFIED, Certainty.HEURISTIC):
        tree = class_tree(FLOW, sinks, saddles, connections_of(sinks, saddles, [(0, 1)], word))
        assert tree.certainty is word and tree.joins[0].certainty is word
        assert tree.is_lower_bound, "nothing says that these lists are complete"


@pytest.mark.parametrize("name", ["himmelblau", "three gaussians"])
def test_heights_of_a_complete_list_against_a_flooded_grid(name):
    """Just above a height the two sinks lie in different pieces of {f >= c} on a fine grid, just below in one."""
    system = known_flow(name)
    points = critical_points(system.potential, system.box, boundary="project")
    assert points.is_complete
    tree = class_tree(sx.GradientFlow(system.potential, system.box), points, points)
    assert tree.is_connected and not tree.is_lower_bound and tree.certainty is Certainty.PROVED
    axes = [np.linspace(low, high, 801) for low, high in zip(system.box.lower, system.box.upper, strict=True)]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1)
    values = system.potential.value(grid.reshape(-1, 2)).reshape(801, 801)
    places = [tuple(np.abs(a - c).argmin() for a, c in zip(axes, x, strict=True)) for x in tree.sinks.points]
    margin = 2e-3 * float(np.ptp(tree.sinks.values.tolist() + [join.value for join in tree.joins]))
    for join in tree.joins:
        for level, together in ((join.value + margin, False), (join.value - margin, True)):
            pieces = ndimage.label(values >= level, structure=np.ones((3, 3)))[0]
            one, other = (pieces[places[side[0]]] for side in (join.left, join.right))
            assert (one == other and one > 0) == together


def test_a_saddle_with_both_branches_in_one_sink_joins_nothing():
    system = known_flow("tilted hat")
    points = critical_points(system.potential, system.box)
    tree = class_tree(sx.GradientFlow(system.potential, system.box), points, points)
    assert len(tree.saddles) == 1 and tree.ends.tolist() == [[0, 0]] and tree.joins == () and tree.is_connected


def test_a_missing_saddle_shows():
    system = known_flow("himmelblau")
    points = critical_points(system.potential, system.box)
    flow = sx.GradientFlow(system.potential, system.box)
    saddles = of_index(points, 1)
    whole = class_tree(flow, points, saddles)
    for row in range(len(saddles)):
        rest = class_tree(flow, of_index(points, 0), chosen(saddles, np.arange(len(saddles)) != row))
        assert rest.is_lower_bound and (rest.pass_heights <= whole.pass_heights).all()


def test_sinks_that_branches_meet_are_added():
    system = known_flow("himmelblau")
    points = critical_points(system.potential, system.box)
    sinks, saddles = of_index(points, 0), of_index(points, 1)
    tree = class_tree(sx.GradientFlow(system.potential, system.box), chosen(sinks, [0, 2]), saddles)
    assert len(tree.sinks) == 4 and tree.is_connected and (rows_in(sinks, tree.sinks) >= 0).all()


def test_branches_that_leave_the_box_join_nothing():
    system = known_flow("double well")
    points = critical_points(system.potential, system.box)
    flow = sx.GradientFlow(system.potential, sx.Box([-0.5, -1.0], [2.0, 1.0]), "exit")
    tree = class_tree(flow, chosen(points, points.points[:, 0] > 0.5), of_index(points, 1))
    assert len(tree.sinks) == 1 and (tree.ends < 0).sum() == 1 and "left the box" in tree.missing[0]


def test_passes_between_classes():
    flow = sx.GradientFlow(sx.log_density(EMBEDDED), sx.Box.cube(2, -2, 2))
    n = 6
    sinks = points_of(np.arange(n, 0, -1), [0] * n)
    sinks.points[:] = flow.domain.uniform(n, np.random.default_rng(1))
    sinks.values[:] = flow.potential.value(sinks.points)
    labels = np.asarray(EMBEDDED.predict(sinks.points))
    assert len(set(labels.tolist())) > 1
    ends = [(i, i + 1) for i in range(n - 1)] + [(0, 3), (1, 5)]
    saddles = points_of(np.zeros(len(ends)), [1] * len(ends))
    saddles.points[:] = flow.domain.uniform(len(ends), np.random.default_rng(2))
    saddles.values[:] = flow.potential.value(saddles.points)
    tree = class_tree(flow, sinks, saddles, connections_of(sinks, saddles, ends, flow=flow))
    passes = tree.class_passes()
    for i, one in enumerate(passes.classes):
        for j, other in enumerate(passes.classes):
            pairs = [(a, b) for a in np.flatnonzero(labels == one) for b in np.flatnonzero(labels == other)]
            assert passes.heights[i, j] == max(tree.pass_heights[a, b] for a, b in pairs)
            if i != j:
                first, last = passes.sinks[i, j]
                assert labels[first] == one and labels[last] == other
                assert passes.saddle[i, j] in [saddle for _here, saddle, _there in tree.route(int(first), int(last))]
    table = passes.columns()
    assert len(table["class"]) == sum(passes.heights[i, j] > -np.inf for i in range(len(passes)) for j in range(i))
    assert table["height"] == sorted(table["height"], reverse=True)
    assert passes.certainty is Certainty.VERIFIED and passes.is_lower_bound and "pairs joined" in repr(passes)
    assert passes.to_json() and len(passes.to_dataframe()) == len(table["class"])
    with pytest.raises(sx.InputError):
        by_hand([1.0], [], []).class_passes()
    with pytest.raises(sx.KindError, match="axes"):
        tree.plot(ax=3)


def test_bad_input():
    sinks = points_of([1.0], [0], dim=3)
    with pytest.raises(sx.InputError):
        class_tree(FLOW, sinks, points_of([], []))
    with pytest.raises(sx.KindError):
        class_tree(FLOW, [[0.0, 0.0]], points_of([], []))
    with pytest.raises(sx.KindError):
        class_tree(None, points_of([], []), points_of([], []))
    with pytest.raises(sx.KindError):
        class_tree(FLOW, points_of([], []), points_of([], []), 3)


def test_heights_are_lower_bounds_for_a_list_of_another_domain_or_boundary():
    """The interior points are complete for "exit", and say nothing of the sinks and passes on the sides of the box."""
    potential = sx.expression("x**4/4 - x**2/2 - y**2", "x y")
    box, part = sx.Box([-2, -1], [2, 1.1]), sx.Box([-0.5, -1], [0.5, 1.1])
    flow = sx.GradientFlow(potential, box)
    other = sx.expression("x**4/4 - x**2/2 - y**2 + 0*x", "x y")
    whole = critical_points(potential, box, boundary="project")
    assert not class_tree(flow, whole, whole).is_lower_bound
    for points in (
        critical_points(potential, box, boundary="exit"),
        critical_points(potential, part, boundary="project"),
    ):
        assert points.is_complete and class_tree(flow, points, points).is_lower_bound
    renamed = critical_points(other, box, boundary="project")
    with pytest.raises(sx.InputError, match="of this flow"):
        class_tree(flow, renamed, renamed)
