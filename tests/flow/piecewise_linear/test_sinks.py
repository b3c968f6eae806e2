"""The search for sinks of piecewise linear networks: who led where, what is no sink, and that workers change nothing."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.judgement import judge
from separatrix.flow.piecewise_linear.sinks import RidgeSearch, frame_of
from separatrix.flow.piecewise_linear.stratum import polish
from separatrix.networks.network import Network
from tests.flow.piecewise_linear.known_ridges import (
    NONE,
    absolute,
    arena_of,
    climbed,
    degenerate_network,
    greatest_rise,
    margin_of,
    random_network,
)


def searched(arena, ends, workers=None):
    search = RidgeSearch(arena)
    search.add_ends(ends, workers=workers)
    return search


def end_at(points, creases, reason="sink"):
    points = np.atleast_2d(np.array(points, dtype=float))
    n = len(points)
    return Ends(
        points, tuple(np.array(c, dtype=np.int64) for c in creases), (reason,) * n, np.zeros(n), np.zeros(n, int)
    )


# -- sinks by hand


def test_two_tents_and_the_starts_that_led_to_them():
    # slopes 1, -1, 0.5, -0.5 from -2 on, bends at -1, 0, 1
    f = margin_of([[1.0], [1.0], [1.0], [1.0]], [2.0, 1.0, 0.0, -1.0], [1.0, -2.0, 1.5, -1.0])
    arena = arena_of(f)
    found = searched(arena, climbed(arena, [[-1.9], [0.5], [-0.5], [1.5], [0.75]])).record()
    assert found.points.tolist() == [[-1.0], [1.0]] and found.values.tolist() == [1.0, 0.5]
    assert found.label.tolist() == [0, 1, 0, 1, 1]
    assert found.hits.tolist() == [2, 3]
    assert found.certainty == (Certainty.PROVED,) * 2
    assert [c.tolist() for c in found.creases] == [[1], [3]]
    assert [s.tolist() for s in found.spectra] == [[], []]
    assert (found.error < 1e-30).all()


def test_a_corner_of_two_ridges_and_a_face():
    f = absolute([[1.0, 1.0, 0.0], [1.0, 0.0, -1.0], [0.0, 1.0, 0.0]], [-1.0, -1.0, 0.125], [-1.0, 0.0, 2.0])
    arena = arena_of(f)
    found = searched(arena, end_at([-1.0, 2.0, -1.0], [[0, 1]])).record()
    assert found.n_proved == 1 and found.active.tolist() == [[0, 1, 0]]
    assert found.creases[0].tolist() == [0, 1, 3, 4]  # with the opposite neurons
    assert found.multipliers.tolist() == [[0.0, 0.125, 0.0]]
    assert "3 neurons have the crease of another one" in found.notes[0]


def test_a_curved_sink_has_the_spectrum_of_its_stratum():
    found = None
    for seed in range(10):
        rng = np.random.default_rng(seed)
        arena = arena_of(sx.log_odds(random_network((4, 12, 6), rng), 0))
        found = searched(arena, climbed(arena, rng.uniform(-2, 2, (4, 4)))).record()
        for point, spectrum, active, creases in zip(
            found.points, found.spectra, found.active, found.creases, strict=True
        ):
            assert spectrum.size == (active == 0).sum() - creases.size and (spectrum < 0).all()
            assert greatest_rise(arena.potential, point, rng, arena.bounds, 1000) < 1.0
    assert found is not None


# -- the book-keeping


def test_workers_and_rounds_change_nothing():
    rng = np.random.default_rng(3)
    arena = arena_of(sx.log_density(random_network((3, 12, 3), rng)))
    ends = climbed(arena, rng.uniform(-2, 2, (24, 3)))
    once = searched(arena, ends).record()
    twice = searched(arena, ends, workers=2).record()
    rounds = RidgeSearch(arena)
    new = [
        rounds.add_ends(
            Ends(ends.points[part], ends.creases[part], ends.reason[part], ends.time[part], ends.n_events[part])
        )
        for part in (slice(0, 8), slice(8, 24), slice(0, 24))
    ]
    assert new[2] == 0 and sum(new) == len(once)
    for other in (twice, rounds.record()):
        assert np.array_equal(once.points, other.points) and once.certainty == other.certainty
        assert np.array_equal(once.label, other.label[:24])
    assert np.array_equal(rounds.record().label[24:], once.label)


def test_rows_that_were_not_at_rest_keep_their_reason():
    arena = arena_of(absolute([[1.0]], [-1.0]))
    found = searched(arena, end_at([[0.5], [0.7]], [[], []], "budget")).record()
    assert found.label.tolist() == [-1, -1] and found.reasons == ("budget", "budget") and len(found) == 0


def test_ends_of_one_sink_are_one_although_the_flow_was_rough():
    rng = np.random.default_rng(4)
    f = sx.log_odds(random_network((3, 12, 4), rng), 0)
    arena = arena_of(f)
    frame = frame_of(arena)
    exact = next(
        s
        for s in (polish(frame, x, NONE) for x in rng.uniform(-2, 2, (40, 3)))
        if not s.reason and s.creases.size and s.free.size
    )
    rough = [exact.point + np.where(exact.faces == 0, 3e-5 * rng.normal(size=3), 0.0) for _ in range(5)]
    found = searched(arena, end_at(rough, [exact.creases] * 3 + [exact.creases[1:]] * 2)).record()
    assert len(found) == 1 and found.label.tolist() == [0] * 5 and found.n_proved == 1


# -- what is no sink


def test_a_dead_region_is_no_sink():
    f = margin_of([[1.0, 1.0]], [0.0], [-1.0])
    found = searched(arena_of(f), end_at([-0.75, 0.5], [[]])).record()
    assert len(found) == 0 and found.label.tolist() == [-1]
    assert "flat direction" in found.reasons[0]


def test_a_face_on_which_f_is_constant_is_no_sink():
    # f = relu(x + 3) - relu(y - 4): on the box it does not depend on y
    f = margin_of([[1.0, 0.0], [0.0, 1.0]], [3.0, -4.0], [1.0, -1.0])
    found = searched(arena_of(f), end_at([[2.0, 0.3], [2.0, 2.0]], [[], []])).record()
    assert len(found) == 0 and all(reason.startswith("no sink is shown") for reason in found.reasons)


def test_an_edge_along_which_f_is_constant_is_no_sink():
    # -|x| - |y| + |x + y| is 0 in two quadrants
    f = absolute([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]], [-1.0, -1.0, 1.0])
    found = searched(arena_of(f), end_at([0.0, 0.0], [[0, 1, 2]])).record()
    assert len(found) == 0 and "does not fall along every direction" in found.reasons[0]


def test_an_input_without_weights_leaves_a_set_of_equilibria():
    f = absolute([[1.0, 0.0]], [-1.0], [-0.5])
    found = searched(arena_of(f), end_at([[0.5, 0.3], [0.5, 1.0]], [[0], [0]])).record()
    assert found.certainty == (Certainty.VERIFIED,) and found.label.tolist() == [0, 0]
    assert "does not depend on 1 of the inputs" in found.notes[-1]


@pytest.mark.parametrize("boundary", ["exit", "project"])
def test_a_ridge_beyond_the_box_is_outside(boundary):
    arena = arena_of(absolute([[1.0]], [-1.0], [-3.0]), boundary=boundary)
    x = 3.0 if boundary == "exit" else 2.0
    found = searched(arena, end_at([x], [[0] if boundary == "exit" else []])).record()
    if boundary == "exit":
        assert len(found) == 0 and "left the box" in found.reasons[0]
    else:
        assert found.n_proved == 1 and found.active.tolist() == [[1]]


def test_a_sink_on_the_edge_of_an_open_box_is_neither_in_nor_out():
    found = searched(arena_of(absolute([[1.0]], [-1.0], [-2.0]), boundary="exit"), end_at([2.0], [[0]])).record()
    assert len(found) == 0 and "neither in nor out" in found.reasons[0]


def cone_of_two_layers(n):
    """f = -sum_j relu(a_j |x|) with a second layer that is at zero where the first one is; n neurons in it."""
    second = np.column_stack([np.arange(1.0, n + 1), np.arange(2.0, n + 2) ** 2])
    outputs = [[-1.0] * n, [0.0] * n]
    return sx.margin(Network.from_arrays([[[1.0], [-1.0]], second, outputs], [[0, 0], [0] * n, [0, 0]]), 0, 1)


def test_creases_of_two_layers_at_one_point_are_decided_cell_by_cell():
    found = searched(arena_of(cone_of_two_layers(3)), end_at([0.0], [[0, 1, 2, 3, 4]])).record()
    assert found.certainty == (Certainty.PROVED,) and "exact vertex" in found.evidence[0]


def test_what_is_too_much_for_a_proof_is_verified_and_the_reason_said():
    found = searched(arena_of(cone_of_two_layers(12)), end_at([0.0], [np.arange(14)])).record()
    assert found.certainty == (Certainty.VERIFIED,)
    assert "not proved: 13 creases" in found.evidence[0] or "not proved: creases of deeper layers" in found.evidence[0]


# -- against brute force


@pytest.mark.parametrize("kind", ["repeated", "opposite", "dead", "no bias", "quantised", "no effect"])
def test_sinks_of_degenerate_networks_against_a_grid(kind):
    """In the plane: every strict local maximum of a fine grid has a sink of the search next to it, and no sink is lower."""
    rng = np.random.default_rng(7)
    f = sx.log_density(degenerate_network(kind, (2, 10, 3), rng, "leaky_relu"))
    arena = arena_of(f)
    axis = np.linspace(-2, 2, 161)
    grid = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1)
    value = f.value(grid.reshape(-1, 2)).reshape(161, 161)
    padded = np.pad(value, 1, constant_values=-np.inf)
    around = [padded[1 + i : 162 + i, 1 + j : 162 + j] for i in (-1, 0, 1) for j in (-1, 0, 1) if i or j]
    tops = grid[(value > np.max(around, axis=0))]
    starts = np.concatenate([tops, rng.uniform(-2, 2, (10, 2))])
    found = searched(arena, climbed(arena, starts)).record()
    assert len(found) >= 1 and found.n_proved == len(found)
    for point in found.points:
        assert greatest_rise(f, point, rng, arena.bounds) < 1.0
    best = found.values.max()
    assert best >= value.max() - 1e-12


def test_a_polished_sink_judged_again_is_itself():
    rng = np.random.default_rng(8)
    arena = arena_of(sx.log_density(random_network((3, 12, 3), rng)))
    found = searched(arena, climbed(arena, rng.uniform(-2, 2, (8, 3)))).record()
    for point, creases in zip(found.points, found.creases, strict=True):
        again = judge(arena, frame_of(arena), point, creases)
        assert again.verdict is Certainty.PROVED and np.abs(again.point - point).max() <= 1e-15


def test_the_record_is_one_like_any_other():
    arena = arena_of(absolute([[1.0]], [-1.0]))
    found = searched(arena, end_at([0.0], [[0]])).record()
    assert found.require() is found
    assert found.to_dataframe()["creases"].tolist() == [2]
    assert dataclasses.replace(found, notes=()).boundary == "project"


def test_starts_that_run_off_are_reported_at_infinity() -> None:
    net = sx.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0], [0.0, 0.0]]], [[0.0, 0.0], [0.0, 0.0]])
    found = sx.GradientFlow(sx.margin(net, 0, 1), sx.WholeSpace(1)).sinks([[0.5], [-2.0], [3.0]])
    assert len(found) == 0 and found.label.tolist() == [-1, -1, -1]
    assert sorted((way.direction.tolist(), way.hits) for way in found.at_infinity) == [([-1.0], 1), ([1.0], 2)]
    assert not any(way.is_bounded for way in found.at_infinity)
    assert all(reason.startswith("at infinity") for reason in found.reasons)
