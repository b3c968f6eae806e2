"""Pairs that homology proves: known orders, branches as an oracle, sets that join nothing, and the box's sides."""

from __future__ import annotations

import numpy as np
import pytest

from separatrix.certainty import Certainty
from separatrix.conley.attracting_blocks import Blocks
from separatrix.conley.morse_graph_assembly import case_of
from separatrix.conley.morse_sets import Nodes, separated
from separatrix.conley.order import Case, Relation, closure
from separatrix.conley.outer_approximation import outer_approximation
from separatrix.data.known_flows import known_flow
from separatrix.domains import Box
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connections import connections
from separatrix.morse.critical_points import critical_points
from separatrix.potentials.expression import expression


def case_without_branches(text: str, box: Box, boundary: str = "exit", n_boxes: int = 4096) -> Case:
    """What is known before a branch is followed."""
    flow = GradientFlow(expression(text, " ".join("xyz"[: box.dim])), box, boundary)
    points = critical_points(flow.potential, box, boundary)
    nodes = Nodes.of(flow.arena, points)
    return case_of(
        flow,
        points,
        nodes,
        separated(outer_approximation(flow.potential, box, boundary, n_boxes=n_boxes), nodes, 40_000),
    )


def proved(case: Case) -> Relation:
    relation = Relation(case, Certainty.PROVED)
    relation.without_branches()
    return relation


@pytest.mark.parametrize(("sign", "dim"), [(-1, 2), (1, 2), (-1, 3)])
def test_the_order_of_products_of_wells_without_a_branch(sign, dim):
    """p leads to q where each coordinate of q is that of p or leads on from 0, by counting; upside down it is turned round."""
    wells = " + ".join(f"({name}**2 - 1)**2" for name in "xyz"[:dim])
    case = case_without_branches(f"{sign}*({wells})", Box.cube(dim, -1.6, 1.7))
    relation = proved(case)
    places = np.round(case.points.points)
    leads = ((places[:, None] == places) | (places[:, None] == 0)).all(axis=2) & ~np.eye(len(places), dtype=bool)
    assert relation.is_exact and (relation.shown_order == (leads if sign < 0 else leads.T)).all()


@pytest.mark.parametrize("seed", range(6))
def test_pairs_by_homology_are_those_of_branches(seed):
    """Random quartics in the plane that are climbed inwards from all sides: every pair is one of branches that were followed."""
    rng = np.random.default_rng(seed)
    terms = [f"({rng.normal():.3f})*x**{i}*y**{j}" for i in range(4) for j in range(4 - i) if i + j]
    case = case_without_branches(f"-(x**4 + y**4) + 2*({' + '.join(terms)})", Box.cube(2, -4, 4.1))
    shown = np.zeros((len(case.points), len(case.points)), dtype=bool)
    for orbit in connections(case.flow, case.points).orbits:
        if orbit.connects:
            shown[orbit.source, orbit.target] = True
    order, found = closure(shown), proved(case).shown_order
    assert case.never_leaves and (order | ~found).all()
    assert found.sum() >= 0.3 * order.sum()


def test_a_ring_of_two_branches_with_one_end_joins_nothing_by_homology():
    """Both branches of the saddle end in one sink: its boundary is 0 modulo 2, and its block goes around the hat."""
    known = known_flow("tilted hat")
    case = case_without_branches(known.potential.text, known.box)
    assert case.homology is not None
    blocks = Blocks.of(case.placed, case.nodes.indices, np.ones(3, dtype=bool), False)
    saddle = int(np.flatnonzero(case.nodes.indices == 1)[0])
    assert blocks.is_block[saddle] and blocks.cavities[saddle] == 1
    order = Relation(case, Certainty.PROVED)
    order.by_values_and_kinds()
    found = case.homology.pairs(order.possible_order, ({}, {}))
    repeller = int(np.flatnonzero(case.nodes.indices == 2)[0])
    assert found[repeller].tolist() == [row == saddle for row in range(3)] and found.sum() == 1


def test_a_block_may_have_an_exit_where_the_flow_leaves_the_box():
    """A well cut off by the side: one branch of the saddle leaves there, and the other is known to end in the sink."""
    case = case_without_branches("-(x**2 - 1)**2 - y**2", Box([-2, -1], [0.9, 1.1]))
    relation = proved(case)
    assert case.nodes.indices.tolist() == [0, 1] and case.homology is not None
    blocks = Blocks.of(case.placed, case.nodes.indices, np.ones(2, dtype=bool), False)
    assert blocks.is_block.all() and blocks.has_exit.tolist() == [False, True] and blocks.has_entry.all()
    assert relation.is_exact and relation.shown_order.tolist() == [[False, False], [True, False]]


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 4, 5])
def test_pairs_by_homology_in_boxes_that_orbits_leave(seed):
    """Random cubics: of neighbouring indices no pair is joined that no branch joins."""
    rng = np.random.default_rng(seed)
    terms = [f"({rng.normal():.3f})*x**{i}*y**{j}" for i in range(4) for j in range(4 - i) if i + j]
    case = case_without_branches(" + ".join(terms), Box([-2.1, -2], [2, 2.2]), n_boxes=16_384)
    shown = np.zeros((len(case.points), len(case.points)), dtype=bool)
    for orbit in connections(case.flow, case.points).orbits:
        if orbit.connects:
            shown[orbit.source, orbit.target] = True
    assert (closure(shown) | ~proved(case).shown_order).all()


def test_points_that_a_side_holds_belong_to_no_block():
    case = case_without_branches("-(x**2 - 1)**2 - y**2", Box([-2, -1], [0.9, 1.1]), "project")
    held = (case.points.active != 0).any(axis=1)
    assert held.any() and case.homology is not None
    for backwards in (False, True):
        blocks = Blocks.of(case.placed, case.nodes.indices, ~held, backwards)
        assert not blocks.members[:, held].any() and not blocks.is_block[held].any()
