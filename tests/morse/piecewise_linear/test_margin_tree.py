"""Trees of piecewise linear margins: against persistence, against all paths along edges, plateaus, and what is refused."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.homology.persistence import persistence
from separatrix.morse.merge_tree import class_tree
from separatrix.surface.linear_regions import linear_regions
from tests.morse.piecewise_linear.functions import of_absolute_values, random_network, ring, three_crests


def tree_of(net, box, boundary="project", potential=None):
    f = sx.margin(net, 0, 1) if potential is None else potential
    points = sx.critical_points(f, box, boundary)
    return class_tree(sx.GradientFlow(f, box, boundary), points, points), points


@pytest.mark.parametrize(
    ("n", "hidden", "seed", "boundary"), [(2, [12, 8], 1, "project"), (2, [9, 7], 2, "exit"), (3, [7], 3, "project")]
)
def test_heights_are_those_of_persistence_and_of_all_paths(n, hidden, seed, boundary):
    net, box = random_network(n, hidden, 3, seed, "leaky_relu"), sx.Box.cube(n, -2, 2)
    tree, points = tree_of(net, box, boundary)
    complex_, f = linear_regions(net, box), sx.margin(net, 0, 1)
    values = f.value(complex_.vertices)
    pairs = persistence(complex_.triangulate(), values, superlevel=True).pairs(0)
    deaths = sorted(death for birth, death in pairs if np.isfinite(death) and birth != death)
    assert np.allclose(sorted(join.value for join in tree.joins), deaths, atol=1e-10)
    assert tree.is_connected and not tree.is_lower_bound and not tree.missing and tree.certainty is Certainty.PROVED
    assert len(tree.sinks) == len(deaths) + 1
    # oracle: the best least value over all paths along edges, by relaxation until nothing changes
    edges = complex_.cells.faces[1].reshape(-1, 2)
    at = [int(np.abs(complex_.vertices - x).max(axis=1).argmin()) for x in tree.sinks.points]
    for row, first in enumerate(at):
        best = np.full(len(values), -np.inf)
        best[first] = values[first]
        while True:
            before = best.copy()
            for a, b in (edges.T, edges.T[::-1]):
                np.maximum.at(best, b, np.minimum(before[a], values[b]))
            if (best == before).all():
                break
        assert np.allclose(tree.pass_heights[row], best[at], atol=1e-10)
    inside = tree.sinks.points[: (points.indices == 0).sum()]
    assert np.array_equal(inside, points.points[points.indices == 0])  # points of the list keep their rows
    for i in range(len(tree.sinks)):
        for j in range(i):
            crossed = [tree.saddles.values[saddle] for _, saddle, _ in tree.route(i, j)]
            assert min(crossed) == pytest.approx(tree.pass_heights[i, j], abs=1e-10)


def test_four_corners_join_over_four_sides():
    tree, points = tree_of(of_absolute_values(1, 1), sx.Box.cube(2, -1, 1))
    assert len(tree.sinks) == 4 and len(tree.joins) == 3 and (tree.ends >= 0).all()
    assert (tree.pass_heights == np.ones((4, 4)) + np.eye(4)).all()
    assert len(tree.saddles) == (points.indices == 1).sum() == 4  # one of them joins nothing new
    assert tree.class_passes().heights.tolist() == [[2.0]]


def test_a_piece_that_joins_three_components_and_a_plateau_are_added_to_the_list():
    tree, points = tree_of(three_crests(), sx.Box.cube(2, -1, 1))
    assert not (points.indices == 1).any() and [join.value for join in tree.joins] == [0.0, 0.0]
    assert len(tree.saddles) == 1 and "H_1 = Z^2" in tree.saddles.evidence[0] and "1 of the joins" in tree.notes[1]
    flat, points = tree_of(ring(), sx.Box.cube(2, -3, 3))
    assert len(points) == 1 and len(flat.sinks) == 1 and "flat piece of dimension 2" in flat.sinks.evidence[0]
    assert flat.pass_heights.tolist() == [[0.0]] and flat.is_connected


def test_points_that_are_no_maxima_are_left_out_and_other_heads_are_refused():
    net, box = of_absolute_values(1, -1), sx.Box.cube(2, -1, 1)
    tree, points = tree_of(net, box)
    flow = sx.GradientFlow(sx.margin(net, 0, 1), box)
    shifted = points.points.copy()
    shifted[0] *= 0.5
    wrong = sx.CriticalPoints(**{**vars(points), "points": shifted, "values": flow.potential.value(shifted)})
    again = class_tree(flow, wrong, wrong)
    assert len(again.sinks) == len(tree.sinks) == 2 and again.joins[0].value == tree.joins[0].value == 0.0
    f = sx.log_density(random_network(2, [6], 3, 0))
    with pytest.raises(sx.InputError, match="margin"):
        tree_of(None, box, potential=f)
    whole = sx.GradientFlow(sx.margin(net, 0, 1), sx.WholeSpace(2))
    with pytest.raises(sx.InputError, match="box"):
        class_tree(whole, points, points)
