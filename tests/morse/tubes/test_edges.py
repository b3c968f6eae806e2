"""Motions along an edge of the box: known lines, and what must not be proved of them."""

import numpy as np
import pytest

from separatrix.data.embedded_networks import network, network_box
from separatrix.domains import Box
from separatrix.flow.projection import Arena
from separatrix.morse.tubes.edges import Edge, Spot, flows_into, leaves_at
from separatrix.potentials.expression import expression
from separatrix.potentials.log_odds import log_odds


def upper_side(formula: str, box: Box) -> Edge:
    """The side y = its upper end of a box in the plane."""
    arena = Arena.of(expression(formula, "x y"), box, "project")
    return Edge.of(arena, np.array([0.0, float(box.upper[1])]), np.array([0.0, 1.0]))


WELLS = "3*y - (x**2 - 1)**2 * (x**2 - 4)**2 / 16"  # along the side sinks at -2, -1, 1, 2
SINKS, BETWEEN = (-2.0, -1.0, 1.0, 2.0), np.sqrt(2.5)  # saddles at 0 and +-sqrt(5/2)


@pytest.mark.parametrize("target", SINKS)
def test_a_segment_flows_into_a_sink_if_it_lies_between_the_saddles_about_it(target):
    edge = upper_side(WELLS, Box([-2.5, -1.0], [2.5, 1.0]))
    borders = np.array([-2.5, -BETWEEN, 0.0, BETWEEN, 2.5])
    place = int(np.searchsorted(borders, target))
    low, high = borders[place - 1], borders[place]
    inside, spot = 1e-3 * (high - low), Spot(target, 1e-12)
    assert flows_into(edge, (low + inside, high - inside), None, spot) == ""
    for begin in ((low - inside, target), (target, high + inside)):
        if begin[0] >= -2.5 and begin[1] <= 2.5:
            assert flows_into(edge, begin, None, spot) != ""


def test_both_branches_of_a_saddle_on_an_edge_end_in_its_neighbours_and_in_no_others():
    edge = upper_side(WELLS, Box([-2.5, -1.0], [2.5, 1.0]))
    saddle = Spot(BETWEEN, 1e-12)
    ends = [
        flows_into(edge, (BETWEEN + side * 1e-5,) * 2, saddle, Spot(target, 1e-12))
        for side, target in ((1.0, 2.0), (-1.0, 1.0), (-1.0, -1.0), (-1.0, -2.0))
    ]
    assert ends[:2] == ["", ""] and "forward" in ends[2] and "forward" in ends[3]
    assert flows_into(edge, (BETWEEN, BETWEEN), Spot(1.0, 1e-12), Spot(2.0, 1e-12)) != ""  # a sink is not left


def test_corners_end_a_motion_that_comes_to_them_with_speed():
    edge = upper_side("y + x", Box.cube(2, -1, 1))
    assert flows_into(edge, (-0.9, 0.9), None, Spot(1.0, 0.0, True)) == ""
    assert flows_into(edge, (-0.9, 0.9), None, Spot(-1.0, 0.0, True)) != ""
    still = upper_side("y - (x - 1)**2", Box.cube(2, -1, 1))  # the slope along the side vanishes in the corner
    assert flows_into(still, (-0.9, 0.9), None, Spot(1.0, 0.0, True)) != ""


def test_a_side_that_lets_go_on_the_way_is_seen_and_the_place_enclosed():
    # the outward slope on y = 1 is (x - 0.1) (x - 0.1002): negative on a piece of length 0.0002 alone
    edge = upper_side("y*(x - 0.1)*(x - 0.1002) - (x - 3/4)**2", Box.cube(2, -1, 1))
    assert "held" in flows_into(edge, (-0.5, -0.4), None, Spot(0.75, 0.5)) or "zone" in flows_into(
        edge, (-0.5, -0.4), None, Spot(0.75, 0.5)
    )
    found = leaves_at(edge, (-0.5, -0.4), None, (0.1, 1, 1.0))
    assert not isinstance(found, str) and found[0] <= 0.1 <= found[1] and found[1] - found[0] < 1e-8
    assert isinstance(leaves_at(edge, (-0.5, 0.1001), None, (0.1, 1, 1.0)), str)  # some points are already beyond
    assert isinstance(leaves_at(edge, (-0.5, -0.4), None, (0.1002, 1, 1.0)), str)  # there it is held again
    assert isinstance(leaves_at(edge, (0.4, 0.5), None, (0.1, 1, -1.0)), str)  # the motion goes the other way


def test_slopes_along_an_edge_hold_the_slopes_at_points_of_it():
    f, box = log_odds(network("ring-tanh"), 0), network_box("ring-tanh")
    edge = Edge.of(Arena.of(f, box, "project"), np.array([-2.0, 0.0]), np.array([-1.0, 0.0]))
    rng = np.random.default_rng(0)
    low = rng.uniform(-2.0, 1.9, 40)
    high = low + rng.uniform(0.0, 0.1, 40)
    found = edge.slopes(low, high)
    for share in rng.random(20):
        x = np.stack([np.full(40, -2.0), low + share * (high - low)], axis=1)
        g, h = f.gradient(x), f.hessian(x)[:, 1, 1]
        assert (found.along[0] <= g[:, 1]).all() and (g[:, 1] <= found.along[1]).all()
        assert (found.outward[0][:, 0] <= -g[:, 0]).all() and (-g[:, 0] <= found.outward[1][:, 0]).all()
        assert (found.bend[0] <= h).all() and (h <= found.bend[1]).all()
