"""Basins of piecewise linear flows, and the share of starts whose sinks were not seen."""

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.flow.unseen import unseen_share


def two_tents():
    """f with peaks at -1 and 1 of different height and a valley at 0."""
    weight, bias = [[1.0], [1.0], [1.0], [-1.0]], [1.0, 0.0, -1.0, -1.0]
    net = sx.Network.from_arrays([weight, [[-2.0, 4.0, -5.0, -2.0], [0.0] * 4]], [bias, [0.0, 0.0]])
    return sx.margin(net, 0, 1)


def test_the_valley_divides_two_tents():
    # slopes: 2 left of -1, -2 up to 0, 2 up to 1, -3 beyond
    flow = sx.GradientFlow(two_tents(), sx.Box([-2.0], [2.0]))
    samples = np.linspace(-2, 2, 402)[:, None]
    found = flow.basins(samples)
    assert found.certainty is Certainty.VERIFIED and found.n_unresolved == 0
    np.testing.assert_allclose(found.sinks.points[found.label, 0], np.sign(samples[:, 0]), atol=1e-9)
    assert found.counts.tolist() == [201, 201]


def test_the_start_on_the_valley_stays_unresolved_with_its_reason():
    flow = sx.GradientFlow(two_tents(), sx.Box([-2.0], [2.0]))
    found = flow.basins([[0.0], [0.5]])
    assert found.label[0] == -1 and found.reason[0].startswith("starts on a repelling crease")
    assert found.label[1] == 0 and found.reason[1].startswith("arrived at the sink")


def test_sinks_met_on_the_way_are_appended_and_the_given_ones_keep_their_rows():
    flow = sx.GradientFlow(two_tents(), sx.Box([-2.0], [2.0]))
    known = flow.sinks([[1.5]])
    found = flow.basins([[-1.5], [1.5], [-0.5]], known)
    assert len(known) == 1 and len(found.sinks) == 2
    np.testing.assert_allclose(found.sinks.points[:, 0], [1.0, -1.0], atol=1e-9)
    assert found.label.tolist() == [1, 0, 1]


@pytest.mark.parametrize("classes", [2, 4])
def test_labels_agree_with_the_flow_of_each_sample_alone(classes):
    rng = np.random.default_rng(3)
    net = sx.Network.from_arrays(
        [rng.normal(size=(12, 2)), rng.normal(size=(classes, 12))], [rng.normal(size=12), np.zeros(classes)]
    )
    flow = sx.GradientFlow(sx.log_odds(net, 0), sx.Box.cube(2, -2, 2))
    samples = flow.domain.uniform(40, rng)
    found = flow.basins(samples)
    assert found.n_unresolved == 0
    for row in range(0, 40, 8):
        alone = flow.sinks(samples[row : row + 1])
        np.testing.assert_allclose(found.sinks.points[found.label[row]], alone.points[0], atol=1e-7)


# -- Good-Turing


def test_the_unseen_share_is_right_on_average():
    # 200 species of known weights: the true unseen mass against the estimate, over many samples
    rng = np.random.default_rng(0)
    weights = 1.0 / np.arange(1, 201)
    weights /= weights.sum()
    inside, estimates, truths = 0, [], []
    for _ in range(300):
        hits = np.bincount(rng.choice(200, 300, p=weights), minlength=200)
        found, truth = unseen_share(hits), weights[hits == 0].sum()
        inside += found.interval[0] <= truth <= found.interval[1]
        estimates.append(found.share)
        truths.append(truth)
    assert inside >= 0.93 * 300
    np.testing.assert_allclose(np.mean(estimates), np.mean(truths), atol=0.01)


def test_nothing_seen_and_everything_seen_often():
    assert unseen_share([]).interval == (0.0, 1.0)
    often = unseen_share([500, 500])
    assert often.share == 0.0 and 0.0 < often.interval[1] < 0.004
    with pytest.raises(sx.InputError):
        unseen_share([1.5])
    with pytest.raises(sx.InputError):
        unseen_share([3], level=1.0)
