"""The loop of sinks and saddles: known landscapes, sinks that only branches meet, and one answer for every way of running."""

import dataclasses
import warnings

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.data.known_flows import known_flow
from separatrix.flow.critical_points import chosen
from separatrix.morse.branches import trace_branches
from separatrix.morse.landscape import landscape
from separatrix.morse.matching import rows_in
from separatrix.morse.merge_tree import class_tree
from separatrix.morse.pairs import doubtful_pairs, first_pairs, missed_pairs
from separatrix.morse.saddle_rounds import mixed_pairs
from separatrix.numerics.intervals import Interval
from tests.flow import known
from tests.morse.lists_of_points import FLOW, connections_of, points_of

SYSTEM = known_flow("himmelblau")
HIMMELBLAU = sx.GradientFlow(SYSTEM.potential, SYSTEM.box)


def wells(dim, shear=0.3):
    """-(u^2 - 1)^2 - 0.5 (v^2 - 1)^2 - 0.1 v - |rest|^2 in sheared coordinates: four sinks, four saddles of known height."""
    turn = np.eye(dim)
    turn[0, 1], turn[1, 0] = -shear, shear
    turn[2:, :2] = np.outer(np.arange(2, dim), -0.1 * turn[0, :2])

    def slopes(t):
        u, v, *rest = t
        return [u * (u * u - 1.0) * -4.0, v * (v * v - 1.0) * -2.0 - 0.1, *(r * -2.0 for r in rest)]

    def bends(t):
        u, v, *rest = t
        return [u * u * -12.0 + 4.0, v * v * -6.0 + 2.0, *(r * 0.0 - 2.0 for r in rest)]

    def value(x):
        u, v, *rest = turn @ x.T
        return -((u * u - 1.0) ** 2) - (v * v - 1.0) ** 2 / 2.0 - v / 10.0 - sum(r * r for r in rest)

    def weighted(weights, x):
        """Enclosures of sums over the last axis of ``x``, with a bound of their rounding."""
        mid, rad = 0.5 * x.lower + 0.5 * x.upper, 0.5 * x.upper - 0.5 * x.lower
        total, spread = mid @ weights.T, (rad + 1e-13 * (np.abs(mid) + rad)) @ np.abs(weights).T + 1e-300
        return Interval(total - spread, total + spread)

    def stacked(parts):
        return Interval(*(np.stack([getattr(part, end) for part in parts], axis=1) for end in ("lower", "upper")))

    def enclosure(lower, upper):
        t = weighted(turn, Interval(lower, upper))
        t = [t[:, i] for i in range(dim)]
        products = np.einsum("ij,ik->jki", turn, turn).reshape(dim * dim, dim)
        everything = Interval(np.full(len(lower), -np.inf), np.full(len(lower), np.inf))
        return (
            everything,
            weighted(turn.T, stacked(slopes(t))),
            weighted(products, stacked(bends(t))).reshape((-1, dim, dim)),
        )

    def gradient(x):
        return np.stack(slopes(turn @ x.T), axis=1) @ turn

    def hessian(x):
        return np.einsum("im,ij,ik->mjk", np.array(bends(turn @ x.T)), turn, turn)

    return sx.Potential.custom(value, gradient, hessian, enclosure, dim=dim, name=f"sheared wells in {dim}-D")


def well_heights():
    """Values of the pass in u at both wells of v, and of the pass in v: critical values of -0.5 (v^2 - 1)^2 - 0.1 v."""
    roots = np.sort(np.roots([-2.0, 0.0, 2.0, -0.1]).real)
    side = -0.5 * (roots**2 - 1.0) ** 2 - 0.1 * roots
    return side[[0, 2]], side[1]


@pytest.mark.parametrize(("dim", "domain"), [(9, sx.Box.cube(9, -3, 3)), (3, sx.WholeSpace(3))])
def test_sheared_wells(dim, domain):
    found = landscape(sx.GradientFlow(wells(dim), domain), rng=1, retries=1)
    tops, middle = well_heights()
    assert len(found.sinks) == 4 and len(found.saddles) == 4 and found.tree.is_connected and found.missing == ()
    np.testing.assert_allclose(np.sort(found.sinks.values), np.sort(np.repeat(tops, 2)), atol=1e-9)
    expected = np.sort([tops[0] - 1.0, tops[1] - 1.0, middle, middle])
    np.testing.assert_allclose(np.sort(found.saddles.values), expected, atol=1e-9)
    np.testing.assert_allclose([join.value for join in found.tree.joins], [middle, middle, max(tops) - 1.0], atol=1e-9)
    assert found.tree.is_lower_bound and not found.saddles.is_complete
    assert found.sinks.n_proved == 4 and found.saddles.n_proved == 4
    kinds = [turn.kind for turn in found.rounds]
    assert kinds[:2] == ["sinks", "pairs"] and found.rounds[-1].n_groups == 1
    assert len(found.to_dataframe()) == len(found.rounds) and "one tree" in repr(found)


@pytest.fixture(scope="module")
def whole():
    return landscape(HIMMELBLAU, retries=1)


def test_the_way_over_a_pass_is_nowhere_below_it(whole):
    found = whole
    assert found.certainty is Certainty.PROVED
    for first in range(4):
        for last in range(4):
            path, passed = found.path(first, last)
            values = HIMMELBLAU.potential.value(path)
            np.testing.assert_array_equal(path[[0, -1]], found.sinks.points[[first, last]])
            assert values.min() >= found.tree.pass_heights[first, last] - 1e-9
            assert len(passed) == len(found.tree.route(first, last))


def test_a_sink_that_only_a_branch_meets_is_added_and_searched_from():
    """Three wells in a row, of which the outer two are given."""
    f = known.Formula(lambda x, y: -(x.square() * (x.square() - 4.0).square()) * 0.1 - y.square(), 2, "three wells")
    flow = sx.GradientFlow(f, sx.Box.cube(2, -3, 3))
    every = flow.sinks([[2.1, 0.1], [-2.1, 0.1], [0.1, 0.1]])
    outer = chosen(every, np.abs(every.points[:, 0]) > 1)
    assert len(every) == 3 and len(outer) == 2
    found = landscape(flow, sinks=outer)
    assert len(found.sinks) == 3 and found.tree.is_connected and len(found.saddles) == 2
    assert found.rounds[1].new_sinks == 1 and found.rounds[2].kind == "pairs" and found.rounds[2].n_pairs == 2
    again = landscape(flow, sinks=every, previous=landscape(flow, sinks=outer, rounds=0, retries=0))
    assert len(again.sinks) == 3 and again.tree.is_connected


def test_an_earlier_landscape_is_gone_on_from(whole):
    part = landscape(HIMMELBLAU, sinks=chosen(whole.sinks, [0, 1, 2]), rounds=1, retries=0)
    assert len(part.searched) == 3
    found = landscape(HIMMELBLAU, sinks=whole.sinks, previous=part, retries=1)
    searched = sum(turn.n_pairs for turn in found.rounds if turn.kind == "pairs")
    assert searched == 3, "only pairs with the new sink"
    np.testing.assert_allclose(found.tree.pass_heights, whole.tree.pass_heights, atol=1e-12)
    nothing_new = landscape(HIMMELBLAU, previous=whole, retries=0)
    assert [turn.n_pairs for turn in nothing_new.rounds if turn.kind == "pairs"] == []


def test_one_answer_for_any_number_of_workers_and_for_runs_taken_up_again():
    flow, kept, made = sx.GradientFlow(wells(2), sx.Box.cube(2, -3, 3)), {}, []
    options = {"rng": 3, "rounds": 2, "retries": 1}

    def keep(name, make):
        if name not in kept:
            made.append(name)
            kept[name] = make()
        return kept[name]

    first = landscape(flow, **options, keep=keep)
    count = len(made)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # loky's own, about forks and leaked semaphores
        second = landscape(flow, **options, workers=2)
    third = landscape(flow, **options, keep=keep)
    assert len(made) == count > 2
    for other in (second, third):
        np.testing.assert_array_equal(first.saddles.points, other.saddles.points)
        np.testing.assert_array_equal(first.tree.pass_heights, other.tree.pass_heights)
        assert [o.target for o in first.connections.orbits] == [o.target for o in other.connections.orbits]
        assert all(np.array_equal(a.path, b.path) for a, b in
                   zip(first.connections.orbits, other.connections.orbits, strict=True))  # fmt: skip


def test_branches_against_a_fine_integration():
    flow = sx.GradientFlow(wells(4), sx.Box.cube(4, -3, 3))
    found = landscape(flow, retries=0)
    traced = trace_branches(flow, found.sinks, found.saddles)
    assert len(traced.orbits) == 8 and traced.certainty is Certainty.VERIFIED
    starts = [traced.points.points[orbit.saddle] + 1e-4 * orbit.direction for orbit in traced.orbits]
    ends = flow.trajectories(starts, 15.0, 1e-6, 1e-6, keep_paths=False).end
    for orbit, end in zip(traced.orbits, ends, strict=True):
        np.testing.assert_allclose(end, traced.points.points[orbit.target], atol=1e-5)
        assert (np.diff(flow.potential.value(orbit.path)) >= -1e-12).all()


def test_a_branch_along_a_symmetry_ends_in_no_sink():
    """f = -(r^2 - 1)^2 with three bumps: a branch that runs straight into a saddle is not given to a sink."""
    f = known.Formula(
        lambda x, y: -(x.square() - 1.0).square() - y.square() + x.square() * y.square() * 2.0, 2, "cross"
    )
    flow = sx.GradientFlow(f, sx.Box.cube(2, -2, 2), "exit")
    origin = points_of([-1.0], [1])
    origin.points[:] = 0.0
    traced = trace_branches(flow, chosen(origin, []), origin)
    assert all(orbit.target < 0 for orbit in traced.orbits) and traced.missing


def test_doubtful_joins():
    """Sinks 0, 1 of one class meet only over sink 2 of another: that pair is tried again, and groups that are apart."""
    sinks, saddles = points_of([4.0, 3.0, 2.0, 1.0], [0] * 4), points_of([-1.0, -2.0], [1] * 2)
    tree = class_tree(FLOW, sinks, saddles, connections_of(sinks, saddles, [(0, 2), (1, 2)]))
    apart = doubtful_pairs(tree, tree)
    assert {(0, 3), (1, 3), (2, 3)} >= set(apart) and apart, "nothing moved: only what is not joined"
    labelled = dataclasses.replace(tree, sink_class=np.array([0, 0, 1, 1]))
    assert (0, 1) in doubtful_pairs(labelled, tree)
    assert {(0, 2), (1, 2)} <= set(doubtful_pairs(tree, None))


def test_many_sinks_are_searched_between_neighbours_and_heads_of_classes():
    sinks = points_of(np.arange(40, 0, -1), [0] * 40)
    sinks.points[:, 0], sinks.points[:, 1] = np.arange(40), 0.0
    classes = np.arange(40) % 4
    pairs, left_out = first_pairs(sinks, classes, 200)
    assert len(pairs) <= 200 and len(pairs) + left_out == 40 * 39 // 2
    assert {(i, i + 1) for i in range(39)} <= set(pairs) and {(0, 1), (0, 2), (0, 3), (2, 3)} <= set(pairs)
    assert first_pairs(sinks, classes, 780) == ([(i, j) for i in range(40) for j in range(i + 1, 40)], 0)


def test_embedded_digits():
    """Two sinks of the embedded network, of different classes: proved saddles, verified branches, one tree."""
    net, data = sx.data.network("mnist-sigmoid"), sx.data.mnist()
    flow = sx.GradientFlow(sx.log_density(net), sx.Box.cube(784, 0, 1))
    images = data.x_train.reshape(-1, 784) / 255.0
    starts = np.concatenate([images[np.flatnonzero(data.y_train == k)[:1]] for k in (0, 7)])
    sinks = flow.sinks(starts)
    found = landscape(flow, sinks=sinks, rounds=1, retries=0)
    assert len(found.saddles) >= 1 and found.saddles.n_proved == len(found.saddles)
    assert all(orbit.certainty is Certainty.VERIFIED for orbit in found.connections.orbits)
    heights = found.tree.pass_heights
    assert found.tree.is_lower_bound and (heights <= np.minimum.outer(np.diag(heights), np.diag(heights))).all()
    assert (rows_in(found.sinks, sinks) >= 0).all()


def test_bad_input():
    relu = sx.GradientFlow(sx.log_odds(sx.data.network("ring-relu"), 0), sx.Box.cube(2, -2, 2))
    with pytest.raises(sx.InputError):
        landscape(relu)
    with pytest.raises(sx.InputError):
        trace_branches(relu, points_of([1.0], [0]), points_of([0.0], [1]))
    for bad in ({"sinks": [[0.0, 0.0]]}, {"previous": 1}):
        with pytest.raises(sx.KindError):
            landscape(HIMMELBLAU, **bad)
    for bad in ({"rounds": 1.5}, {"retries": "a"}, {"max_pairs": -1}, {"rng": -1}):
        with pytest.raises(sx.InputError):
            landscape(HIMMELBLAU, **bad)
    with pytest.raises(sx.KindError):
        landscape(None)
    with pytest.raises(sx.InputError):
        landscape(HIMMELBLAU, sinks=points_of([1.0], [0], dim=3))


def test_a_pass_below_a_straight_path_is_seen_to_be_missing() -> None:
    potential, box = sx.expression("-(x**2 - 1)**2 - y**2", "x y"), sx.Box.cube(2, -2, 2)
    flow, points = sx.GradientFlow(potential, box), sx.critical_points(potential, box, boundary="project")
    tree = sx.class_tree(flow, points, points)
    assert tree.pass_heights[0, 1] == pytest.approx(-1.0) and missed_pairs(tree, potential) == []
    low = np.where(np.eye(2, dtype=bool), tree.pass_heights, -3.0)
    assert missed_pairs(dataclasses.replace(tree, pass_heights=low), potential) == [(0, 1)]
    none = np.where(np.eye(2, dtype=bool), tree.pass_heights, -np.inf)
    assert missed_pairs(dataclasses.replace(tree, pass_heights=none), potential) == [(0, 1)]


def test_mixtures_are_tried_between_the_nearest_sinks_of_every_two_classes_first(monkeypatch):
    net = sx.Network.from_arrays([np.array([[0.0, 1.0], [1.0, 0.0], [-1.0, 0.0]])], [np.array([0.0, 0.1, 0.1])])
    flow = sx.GradientFlow(sx.log_density(net), sx.Box.cube(2, -3, 3))
    x = np.array([[0.0, 2.0], [2.0, 0.0], [1.5, 0.0], [-2.0, 0.0]])  # of the classes 0, 1, 1, 2
    sinks = dataclasses.replace(points_of([1.0] * 4, [0] * 4), points=x)
    pairs = [(i, j) for i in range(4) for j in range(i + 1, 4)]
    of_two = [pair for pair in pairs if pair != (1, 2)]
    assert mixed_pairs(flow, sinks, pairs) == (of_two, 0)
    monkeypatch.setattr("separatrix.morse.saddle_rounds.MIXTURES", 3)
    assert mixed_pairs(flow, sinks, pairs) == ([(0, 2), (0, 3), (2, 3)], 2)
