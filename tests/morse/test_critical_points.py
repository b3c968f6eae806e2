"""The public door: what it refuses, what it says, and that every kind of potential goes to its own search."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.errors import InputError, KindError, SeparatrixError, UnresolvedError
from separatrix.flow.critical_points import joined
from separatrix.morse.critical_points import critical_points
from separatrix.numerics.intervals import Interval

WELLS = sx.expression("-(x**2 - 1)**2 - y**2", "x y")
BOX = ([-2, -1.9], [2, 2.1])


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ((WELLS, sx.WholeSpace(2)), InputError, "whole space"),
        ((WELLS, BOX, "reflect"), InputError, "'exit' or 'project'"),
        ((WELLS, ([0, 0, 0], [1, 1, 1])), InputError, "dimension 2"),
        ((WELLS, ([0, 0], [0, 1])), InputError, "below upper"),
        ((np.sin, BOX), KindError, "Potential"),
        ((sx.expression("a+b+c+d+e+f", "a b c d e f"), ([0] * 6, [1] * 6)), InputError, "saddles"),
    ],
)
def test_what_cannot_be_searched_is_refused_with_what_to_do(arguments, error, words):
    with pytest.raises(error, match=words):
        critical_points(*arguments)


@pytest.mark.parametrize("options", [{"max_boxes": 0}, {"max_boxes": True}, {"min_width": 0.0}, {"min_width": np.nan}])
def test_options_are_checked(options):
    with pytest.raises(InputError):
        critical_points(WELLS, BOX, **options)


def test_strict_raises_where_the_list_is_not_complete():
    assert critical_points(WELLS, BOX, strict=True).is_complete
    with pytest.raises(UnresolvedError, match="degenerate"):
        critical_points(sx.expression("x**3 - y**2", "x y"), BOX, strict=True)


def test_ids_tell_sinks_passes_and_repellers():
    found = critical_points(sx.expression("-(x**2 - 1)**2 - (y**2 - 1)**2", "x y"), ([-2, -2], [2, 2]))
    assert found.ids == ("s0", "s1", "s2", "s3", "p0", "p1", "p2", "p3", "r0")
    assert found.to_dataframe()["id"].tolist() == list(found.ids)
    again = dataclasses.replace(found, is_complete=False)
    assert len(joined(found, again)) == len(found)


def test_the_same_for_every_seed_and_told_as_it_goes():
    steps = []
    first = critical_points(WELLS, BOX, "project", progress=lambda *step: steps.append(step))
    second = critical_points(WELLS, BOX, "project", rng=7)
    assert np.allclose(first.points, second.points, atol=1e-12) and first.ids == second.ids
    assert steps[-1][1:] == (1000, 1000) and all(0 <= done <= total for _, done, total in steps)


def test_whether_the_box_is_an_isolating_block_decides_which_law_applies():
    inward = critical_points(WELLS, BOX)
    assert inward.is_isolating is True and inward.relative_euler == 1 and "(3.3)" in inward.laws[0]
    through = critical_points(sx.expression("-(x**2 - 1)**2 + y**2", "x y"), BOX)
    assert through.is_isolating is True and through.relative_euler == -1 == int(((-1.0) ** through.indices).sum())
    saddle = critical_points(sx.expression("x*y", "x y"), ([-1, -1], [1, 1.5]))
    assert saddle.is_isolating is True and saddle.relative_euler == -1 and saddle.indices.tolist() == [1]
    touched = critical_points(sx.expression("(x - 2)*y", "x y"), ([-1, -1], [1, 1.5]))
    assert touched.is_complete and len(touched) == 0
    assert touched.is_isolating is False and "no law applies" in touched.laws[0]


def test_a_custom_potential_rests_on_its_enclosure():
    def enclosure(lower, upper):
        x = Interval(lower, upper)
        zero = np.zeros((len(lower), 2, 2)) - 2.0 * np.eye(2)
        return -x.square().sum(axis=1), x * -2.0, Interval(zero, zero)

    functions = (lambda x: -(x**2).sum(axis=1), lambda x: -2.0 * x)
    found = critical_points(sx.Potential.custom(*functions, enclosure=enclosure, dim=2), BOX)
    assert found.is_complete and found.indices.tolist() == [0]
    assert any("enclosure given by the user" in note for note in found.notes)
    with pytest.raises(SeparatrixError, match="enclosure"):
        critical_points(sx.Potential.custom(*functions, dim=2), BOX)

    def broken(lower, upper):
        value, gradient, hessian = enclosure(lower, upper)
        return value, (gradient.lower * np.nan, gradient.upper * np.nan), hessian

    lost = critical_points(sx.Potential.custom(*functions, enclosure=broken, dim=2), BOX, max_boxes=20_000)
    assert not lost.is_complete and len(lost) == 0 and lost.unresolved


def test_networks_with_creases_go_to_the_exact_search():
    net = sx.Network.from_arrays([[[1.0], [-1.0]], [[1.0, 1.0]]], [[0.0, 0.0], [-0.5]], "relu")
    found = critical_points(sx.log_odds(net, 0), ([-1], [1.2]), "project")
    assert ((-1) ** found.indices).sum() == 1


@pytest.mark.parametrize("boundary", ["exit", "project"])
def test_what_is_left_open_in_a_box_of_few_doubles_is_a_box(boundary):
    """Near 1e15 doubles lie 0.125 apart: no zero of sin is told from its neighbours, and a billionth of a side is nothing."""
    found = critical_points(sx.expression("cos(x)", "x"), ([1e15], [1e15 + 10]), boundary)
    assert not found.is_complete and found.unresolved
    assert all((part.lower < part.upper).all() and found.domain.contains([part.lower]) for part in found.unresolved)


def test_a_progress_that_cannot_be_called_and_what_is_said_of_incomplete_lists():
    f, box = sx.expression("-x**2 - y**2", "x y"), sx.Box.cube(2, -1, 1)
    flow = sx.GradientFlow(f, box, "exit")
    for ask in (
        lambda: critical_points(f, box, progress=3),  # pyright: ignore[reportArgumentType]
        lambda: sx.saddles(f, box, np.zeros((1, 2)), progress=3),  # pyright: ignore[reportArgumentType]
        lambda: sx.landscape(flow, np.zeros((1, 2)), progress="yes"),  # pyright: ignore[reportArgumentType]
        lambda: flow.sinks(np.zeros((1, 2)), progress=3),  # pyright: ignore[reportArgumentType]
    ):
        with pytest.raises(sx.KindError, match="progress"):
            ask()
    found = critical_points(f, box)
    assert "holds" in found.laws[0] and "not proved complete" not in found.laws[0]
    assert "not proved complete" in dataclasses.replace(found, is_complete=False).checked().laws[0]
    flat = critical_points(sx.expression("-(x**2 - 1)**2 - y**2", "x y"), ([-2, -1], [2, 1]))
    assert not any(np.signbit(part[part == 0]).any() for part in (flat.points, flat.values, flat.multipliers))
