"""Where leaves and joins of a tree are drawn."""

import numpy as np

import separatrix as sx
from separatrix.views.tree_layout import tree_layout


def test_leaves_of_a_subtree_stand_together_and_bars_stand_at_the_passes() -> None:
    wells = sx.expression("-((x**2 - 1)**2 + (y**2 - 1)**2 + 0.2*x + 0.1*y)", "x y")
    box = sx.Box.cube(2, -2, 2)
    points = sx.critical_points(wells, box, boundary="project")
    flow = sx.GradientFlow(wells, box)
    tree = sx.class_tree(flow, points, points, sx.connections(flow, points))
    layout = tree_layout(tree)
    assert sorted(layout.order.tolist()) == [0, 1, 2, 3] and layout.place[layout.order].tolist() == [0, 1, 2, 3]
    assert layout.bars[:, 2].tolist() == [join.value for join in tree.joins]
    for join in tree.joins:
        for side in (join.left, join.right):
            places = np.sort(layout.place[list(side)])
            assert places[-1] - places[0] == len(side) - 1
    tops = layout.stems[layout.stems[:, 1] > layout.stems[:, 2]]
    assert len(tops) == len(layout.stems) == 2 * 3 + 1
    ax = tree.plot()
    assert "joined over their passes" in ax.get_title()
