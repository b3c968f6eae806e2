"""Basins that use the heights of passes: the same labels, sooner; and another look where a pass turns out higher."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.basin_result import ABOVE_PASSES, highest_passes
from separatrix.flow.basin_targets import Targets
from tests.flow import known

CUBE = sx.Box.cube(2, -2, 2)
SHEARED = sx.GradientFlow(known.double_well(shear=1.5), sx.Box([-4.0, -2.0], [4.0, 2.0]))
SAMPLES = SHEARED.domain.uniform(150, np.random.default_rng(0))
SINKS = SHEARED.sinks([[0.8, 0.0], [-0.8, 0.0]])


def passes(height, n=2):
    """The same pass between every two of n sinks."""
    heights = np.full((n, n), float(height))
    np.fill_diagonal(heights, 0.0)
    return heights


def true_sides(samples):
    """Where a fine integration ends."""
    return np.sign(SHEARED.trajectories(samples, 60.0, 1e-9, 1e-9).end[:, 0])


def sides(found):
    return np.where(found.label >= 0, np.sign(found.sinks.points[found.label, 0]), 0)


def test_rows_above_the_pass_settle_at_once_and_rightly():
    plain, found = (SHEARED.basins(SAMPLES, SINKS, pass_heights=heights) for heights in (None, passes(-1.0)))
    np.testing.assert_array_equal(sides(found), true_sides(SAMPLES))
    np.testing.assert_array_equal(found.label, plain.label)
    above = np.array([reason == ABOVE_PASSES for reason in found.reason])
    assert above.mean() > 0.8 and found.steps.sum() < 0.5 * plain.steps.sum()
    assert (found.accepted[above] > -1.0).all() and np.isnan(
        found.accepted[[r.startswith("arrived") for r in found.reason]]
    ).all()


def test_a_pass_that_turns_out_higher_sends_rows_back():
    """Told that the pass is at -30, rows settle at the sink that is straight ahead; with the true height all are right."""
    wrong = SHEARED.basins(SAMPLES, SINKS, pass_heights=passes(-30.0))
    true = true_sides(SAMPLES)
    kept = np.flatnonzero(sides(wrong) != true)
    again = SHEARED.basins(SAMPLES, SINKS, pass_heights=passes(-1.0), previous=wrong)
    np.testing.assert_array_equal(sides(again), true)
    high = wrong.accepted > -1.0
    assert (again.steps[high] == wrong.steps[high]).all(), "rows that settled above the pass are not followed again"
    assert (again.steps >= wrong.steps).all()
    assert (wrong.accepted[kept] <= -1.0).all()


def test_without_a_known_pass_nothing_settles_by_value():
    unknown = np.where(np.eye(2, dtype=bool), 0.0, -np.inf)
    found, plain = (SHEARED.basins(SAMPLES, SINKS, pass_heights=heights) for heights in (unknown, None))
    assert ABOVE_PASSES not in found.reason
    np.testing.assert_array_equal(found.label, plain.label)
    np.testing.assert_array_equal(found.steps, plain.steps)


def test_known_passes_below_a_straight_path_close_nothing_in():
    """A pass of -30 between sinks that the segment joins at -1 is not the highest one: rows may not settle above it."""
    arena = SHEARED.arena
    low, true = (Targets.of(SINKS, arena, np.full(2, height)) for height in (-30.0, -1.0))
    assert (low.closed == np.inf).all() and not low.has_passes and (low.height > -30).all()
    assert (true.closed >= -1.0).all() and (true.closed < np.inf).all()


def test_highest_pass_out_of_every_sink():
    heights = np.array([[3.0, 1.0, -np.inf], [1.0, 2.0, 0.5], [-np.inf, 0.5, 1.0]])
    np.testing.assert_array_equal(highest_passes(heights), [1.0, 1.0, 0.5])
    np.testing.assert_array_equal(highest_passes(np.array([[7.0]])), [-np.inf])


def test_full_integration_takes_no_notice_of_passes():
    found = SHEARED.basins(SAMPLES[:30], SINKS, full=True, pass_heights=passes(-1.0))
    assert ABOVE_PASSES not in found.reason and np.isnan(found.accepted).all()


@pytest.mark.parametrize(
    "bad",
    [
        {"pass_heights": np.zeros((3, 3))},
        {"pass_heights": np.full((2, 2), np.nan)},
        {"pass_heights": np.full((2, 2), np.inf)},
        {"pass_heights": "high"},
        {"previous": 3},
    ],
)
def test_bad_passes(bad):
    with pytest.raises((sx.InputError, sx.KindError)):
        SHEARED.basins(SAMPLES[:3], SINKS, **bad)


def test_passes_need_their_sinks_and_records_their_samples():
    with pytest.raises(sx.InputError):
        SHEARED.basins(SAMPLES[:3], pass_heights=passes(-1.0))
    earlier = SHEARED.basins(SAMPLES[:3], SINKS)
    with pytest.raises(sx.InputError):
        SHEARED.basins(SAMPLES[:4], SINKS, previous=earlier)
