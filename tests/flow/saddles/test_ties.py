"""The tied problem of the confidence: against dense grids, and what its proof says."""

import mpmath
import numpy as np
import pytest

import separatrix as sx
from separatrix.flow.saddles.tied import below_log2
from separatrix.flow.saddles.tied_passes import tied_passes


def test_the_gap_below_log_2_is_right_to_all_digits():
    rng = np.random.default_rng(0)
    for scale in (1.0, 10.0, 30.0):
        z = -np.abs(rng.standard_normal(5)) * scale
        z[1] = z[3] = 0.0
        with mpmath.workdps(60):
            e = [mpmath.exp(mpmath.mpf(float(v))) for v in z]
            total = sum(e)
            level = mpmath.log(sum((p / total) / (1 - p / total) for p in e))
            exact = mpmath.log(2) - level
        assert below_log2(z[None], (1, 3))[0] == pytest.approx(float(exact), rel=1e-12)


def test_the_best_ties_of_three_blobs_against_a_grid():
    net, box = sx.data.network("blobs-tanh"), sx.data.network_box("blobs-tanh")
    f = sx.confidence(net)
    found = tied_passes(f, box, sx.GradientFlow(f, box).sinks())
    assert [tuple(pair) for pair in found.classes] == [(0, 1), (0, 2), (1, 2)] and not found.missing
    side = np.linspace(-2, 2, 401)
    grid = np.stack(np.meshgrid(side, side), axis=-1).reshape(-1, 2)
    z = net.logits(grid)
    logits = net.logits(found.points)
    for row, (i, j) in enumerate(found.classes):
        third = 3 - i - j
        near = (np.abs(z[:, i] - z[:, j]) < 0.05) & (z[:, third] < np.minimum(z[:, i], z[:, j]))
        best = np.exp(z[near, third] - 0.5 * (z[near, i] + z[near, j])).min()  # below = 3/4 r to first order
        assert found.below[row] <= 0.75 * best * 1.03  # the grid's points lie a little beside the tie
        assert abs(logits[row, i] - logits[row, j]) < 1e-9 and logits[row, third] < logits[row, i]
        assert found.below[row] <= found.proved_below[row] < 1.5 * found.below[row] and found.distance[row] < 1e-6
    assert set(found.certainty) == {sx.Certainty.PROVED}
    np.testing.assert_allclose(found.values, f.value(found.points), atol=1e-14)


def test_two_classes_tie_at_log_2_exactly():
    net, box = sx.data.network("moons-tanh"), sx.data.network_box("moons-tanh")
    f = sx.confidence(net)
    found = tied_passes(f, box, sx.GradientFlow(f, box).sinks())
    assert len(found) == 1 and found.below[0] == 0.0 and found.proved_below[0] == 0.0
    assert abs(np.diff(net.logits(found.points)[0])[0]) < 1e-9


def test_only_the_confidence_has_ties():
    net = sx.data.network("moons-tanh")
    with pytest.raises(sx.InputError, match="confidence"):
        tied_passes(sx.log_density(net), sx.Box.cube(2, -2, 2), [[0.0, 0.0]])
