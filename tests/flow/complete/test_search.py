"""Complete lists against lists that are known, an oracle by resultants, a dense search, and the laws."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import separatrix as sx
from separatrix.data.known_flows import known_flow
from separatrix.flow.complete.search import Limits, boundary_sum
from separatrix.flow.complete.touching import is_touched_from_outside_only
from separatrix.flow.critical_points import chosen
from separatrix.morse.critical_points import critical_points
from separatrix.morse.exit_set import exit_set
from tests.flow.complete.resultants import real_critical_points

PLANE = ([-1.9, -1.7], [1.8, 2.0])


def searched(text, variables="x y", box=PLANE, boundary="exit", **options):
    return critical_points(sx.expression(text, variables), box, boundary, **options)


def counts(found):
    return tuple(np.bincount(found.indices, minlength=found.points.shape[1] + 1).tolist())


@pytest.mark.parametrize(
    "name",
    ["double well", "four wells", "tilted hat in 3-D", "himmelblau", "mueller-brown", "eight wells", "three gaussians"],
)
def test_known_systems_are_complete_and_every_point_is_proved(name):
    known = known_flow(name)
    found = critical_points(known.potential, known.box)
    assert found.is_complete and not found.unresolved
    assert counts(found) == known.counts
    assert found.n_proved == len(found)
    assert np.abs(known.potential.gradient(found.points)).max() < 1e-9
    assert (found.error < 1e-9).all()
    assert found.is_isolating and "holds" in found.laws[0]


def test_eighty_one_points_of_rotated_wells_in_four_dimensions():
    known = known_flow("rotated wells in 4-D")
    found = critical_points(known.potential, known.box)
    assert found.is_complete and counts(found) == (16, 32, 24, 8, 1)
    assert found.is_isolating and "(3.3)" in found.laws[0] and "holds" in found.laws[0]


@pytest.mark.parametrize(
    ("text", "variables"),
    [
        ("-(x**2 - 1)**2 - y**2 + 0.2*y", "x y"),
        ("-(x**2 - 1)**2 + y**2 - 0.3*x*y", "x y"),
        ("x*y + 0.1*x**3", "x y"),
        ("x + 0.3*y", "x y"),
        ("-(x**2 - 1)**2 + y**2 - z**2 + 0.3*x*z", "x y z"),
    ],
)
def test_two_ways_to_the_euler_characteristic_of_the_exit_set(text, variables):
    potential = sx.expression(text, variables)
    box = sx.Box([-1.9, -1.7, -1.8][: potential.dim], [1.8, 2.0, 1.7][: potential.dim])
    exits = exit_set(potential, box)
    assert exits.is_isolating and is_touched_from_outside_only(potential, box)
    assert exits.euler_characteristic == 1 - boundary_sum(potential, box, Limits(10_000, 1e-9))


def test_a_side_that_is_touched_from_inside_is_not_taken_for_one_of_a_block():
    assert not is_touched_from_outside_only(sx.expression("(x - 2)*y", "x y"), sx.Box([-1, -1], [1, 1.5]))


@pytest.mark.parametrize("seed", range(6))
def test_polynomials_agree_with_resultants(seed):
    rng = np.random.default_rng(seed)
    powers = [(i, j) for i in range(5) for j in range(5 - i) if i + j > 0]
    terms = [f"({int(rng.integers(-5, 6))}/{int(rng.integers(1, 6))})*x**{i}*y**{j}" for i, j in powers]
    text = " + ".join(terms)
    expected = real_critical_points(text, -2.0, 2.1)
    found = searched(text, box=([-2, -2], [2.1, 2.1]))
    assert found.is_complete
    own = sorted((*x, int(i)) for x, i in zip(found.points.tolist(), found.indices, strict=True))
    assert len(own) == len(expected) and np.allclose(own, expected, atol=1e-9)


def network(seed, dim=2, hidden=4, classes=3, activation="tanh", scale=2.0):
    rng = np.random.default_rng(seed)
    sizes = (dim, hidden, classes)
    weights = [scale * rng.normal(size=(b, a)) / np.sqrt(a) for a, b in itertools.pairwise(sizes)]
    return sx.Network.from_arrays(weights, [rng.normal(size=b) for b in sizes[1:]], activation)


@settings(max_examples=6, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from(["tanh", "sigmoid"]), st.booleans())
def test_the_laws_hold_for_random_networks(seed, activation, has_classes):
    net = network(seed, activation=activation)
    potential = sx.log_density(net) if has_classes else sx.log_odds(net, 0)
    box = sx.Box.cube(2, -1.5, 1.7)
    found = critical_points(potential, box, "project")
    assert found.is_complete and found.n_proved == len(found)
    assert ((-1) ** found.indices).sum() == 1
    inside = critical_points(potential, box, "exit")
    assert len(inside) == (found.active == 0).all(axis=1).sum()
    assert not any("BROKEN" in law for law in (*found.laws, *inside.laws))


def test_in_space_with_faces_edges_and_vertices():
    found = critical_points(sx.log_odds(network(3, dim=3), 0), sx.Box.cube(3, -1.5, 1.7), "project")
    assert found.is_complete and ((-1) ** found.indices).sum() == 1
    assert (found.multipliers[found.active != 0] > 0).all()


@pytest.mark.parametrize("boundary", ["exit", "project"])
def test_a_list_with_any_point_taken_out_breaks_its_law(boundary):
    found = searched("-(x**2 - 1)**2 + y**2 - 0.3*y", boundary=boundary)
    assert found.is_complete and len(found) > 2
    for row in range(len(found)):
        rest = chosen(found, np.arange(len(found)) != row)
        rest = dataclasses.replace(rest, is_complete=True).checked()
        assert not rest.is_complete and "BROKEN" in rest.laws[0]


def test_a_dense_search_finds_nothing_that_is_not_listed():
    net = sx.data.network("ring-tanh")
    potential, box = sx.log_odds(net, 0), sx.Box.cube(2, -2, 2)
    found = critical_points(potential, box)
    assert found.is_complete and len(found) >= 10
    side = np.linspace(-2.0, 2.0, 41)
    x = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    for _ in range(60):
        x = np.clip(x - np.clip(_newton(potential, x), -0.2, 0.2), -3.0, 3.0)
    at_rest = (np.abs(potential.gradient(x)).max(axis=1) < 1e-10) & (np.abs(x) < 2).all(axis=1)
    assert at_rest.sum() > 100
    distance = np.abs(x[at_rest, None] - found.points).max(axis=2).min(axis=1)
    assert distance.max() < 1e-7


def _newton(potential, x):
    return np.linalg.solve(potential.hessian(x) + 1e-14 * np.eye(2), potential.gradient(x)[:, :, None])[:, :, 0]


@pytest.mark.parametrize(
    ("text", "box", "kind", "listed"),
    [
        ("x**3 - 3*x*y**2", PLANE, "isolated degenerate point", 0),
        ("x**3 - y**2", PLANE, "isolated degenerate point", 0),
        ("-(x**2 + y**2 - 1)**2", PLANE, "critical curve", 1),
        ("x**4 - y**2", PLANE, "isolated degenerate point", 0),
        ("x**2 + 0*y", PLANE, "critical set of dimension 1", 0),
        ("2 + 0*x", PLANE, "constant", 0),
        ("log(x) + y**2", PLANE, "nothing is known", 0),
        ("x**2 + y**2", ([0, -1], [1, 1]), "edge of the box", 0),
        ("x**2 + y**2", ([-1e-200, -1], [1e-200, 1]), "double arithmetic", 0),
        ("x**2 + y**2", ([-1e300, -1], [1e300, 1]), "double arithmetic", 0),
    ],
)
def test_what_cannot_be_settled_is_returned_with_its_kind(text, box, kind, listed):
    found = searched(text, box=box)
    assert not found.is_complete and len(found) == listed
    assert len(found.unresolved) == len(found.unresolved_reasons) >= 1
    assert kind in found.unresolved_reasons[0]
    assert "complete" not in repr(found)


def test_the_degenerate_set_lies_in_the_unresolved_boxes():
    found = searched("-(x**2 + y**2 - 1)**2 + 0*x", boundary="exit")
    circle = np.stack([np.cos(np.arange(50)), np.sin(np.arange(50))], axis=1)
    covered = np.any([box.contains(circle) for box in found.unresolved], axis=0)
    assert covered.all()
    assert found.points.round(9).tolist() == [[0.0, 0.0]] and found.indices.tolist() == [2]


def test_nearly_degenerate_points_are_told_apart():
    found = searched("x**3 - 1e-6*x - y**2")
    assert found.is_complete and counts(found) == (1, 1, 0)
    assert np.allclose(sorted(found.points[:, 0]), [-np.sqrt(1e-6 / 3), np.sqrt(1e-6 / 3)], atol=1e-12)


def test_zeros_on_the_cuts_and_no_zeros_at_all():
    assert counts(searched("-(x**2 - 1)**2 - y**2", box=([-2, -2], [2, 2]))) == (2, 1, 0)
    empty = searched("x + y + 0.1*sin(x)")
    assert empty.is_complete and len(empty) == 0 and "holds" in empty.laws[0]


def test_a_budget_that_is_used_up_is_said_with_what_to_do():
    known = known_flow("tilted hat in 3-D")
    found = critical_points(known.potential, known.box, max_boxes=500)
    assert not found.is_complete
    assert any("max_boxes=500" in reason and "give more" in reason for reason in found.unresolved_reasons)


def test_saturation_makes_no_difference():
    rng = np.random.default_rng(8)
    weights = [rng.normal(size=(4, 2)) * 3.0, rng.normal(size=(2, 4)) * 60.0]
    net = sx.Network.from_arrays(weights, [rng.normal(size=4), rng.normal(size=2)], "tanh")
    box = sx.Box.cube(2, -1.5, 1.7)
    probability, odds = (critical_points(f(net, 0), box, "project") for f in (sx.class_probability, sx.log_odds))
    assert probability.is_complete and np.array_equal(probability.points, odds.points)
    assert len(odds) > 2 and probability.values.max() == 1.0  # to rounding
    assert np.allclose(probability.values, 1.0 / (1.0 + np.exp(-odds.values)))


def test_the_decision_surface_is_recognised_as_critical_for_the_confidence():
    net = sx.Network.from_arrays([[[1.0, 0.4], [0.2, -1.0]], [[1.5, 0.3], [-1.0, 0.6]]], [[0.1, 0], [0, 0.1]], "tanh")
    found = critical_points(sx.confidence(net), sx.Box.cube(2, -1.5, 1.7), max_boxes=200_000)
    assert not found.is_complete and "decision surface" in found.unresolved_reasons[0]
