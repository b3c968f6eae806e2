"""Studies of small networks, end to end: what they find, what they say, and what they survive."""

import dataclasses
import logging

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.errors import InputError, KindError
from separatrix.study.analysis import Analysis
from separatrix.study.analyze import analyze
from separatrix.study.estimate import SECONDS_PER_CELL, SECONDS_PER_SURFACE, estimate
from separatrix.study.flow_facts import classes_are_proved
from separatrix.study.question import asked

BOX = sx.Box.cube(2, -2, 2)


@pytest.fixture(scope="module")
def blobs() -> Analysis:
    return analyze(sx.data.network("blobs-tanh"), BOX, sx.data.toy("blobs", 300))


def test_three_blobs_have_a_sink_a_class_and_every_point_flows_to_its_own(blobs: Analysis) -> None:
    density = blobs.flow[0]
    assert [p.potential for p in blobs.flow] == ["log-density", *(f"log-odds of class {k}" for k in range(3))]
    assert set(density.sink_class) == {0, 1, 2} and density.sinks.n_proved == len(density.sinks)
    assert density.basins is not None and density.true_label is not None and density.changed is not None
    reached = density.sink_class[density.basins.label]
    assert density.basins.n_unresolved == 0 and (reached == density.true_label).mean() > 0.99
    assert len(density.changed) == (reached != density.predicted).sum()
    counts = density.sink_shares_by_class
    assert counts is not None and counts.sum() == 300 and np.trace(counts) >= 298


def test_a_study_carries_all_that_the_page_needs(blobs: Analysis) -> None:
    assert (
        blobs.is_finished and [found.place for found in blobs.surface] == ["the box [-2, 2]^2"] and blobs.domain == BOX
    )
    assert blobs.data is not None and (blobs.data.n, blobs.data.n_labelled, blobs.data.n_samples) == (300, 300, 300)
    assert blobs.data.class_means.shape == (3, 2) and np.isfinite(blobs.data.class_means).all()
    assert (
        blobs.network.name == "blobs-tanh" and blobs.network.n_parameters == 51 and (blobs.network.accuracy or 0) > 0.99
    )
    assert [theorem.number for theorem in blobs.theorems] == ["4.1", "4.2", "4.3", "4.4", "4.5"]
    assert {check.name for check in blobs.consistency} >= {
        "equilibria",
        "maxima",
        "values",
        "distinct",
        "index sum (3.1)",
    }
    assert not [check for check in blobs.consistency if check.holds is False]
    assert [claim.number for claim in blobs.claims] == [f"C{number}" for number in range(1, 11)]
    slow, strong = blobs.flow[0].slow, blobs.flow[0].strong
    assert slow is not None and strong is not None and slow.frames.shape[0] == len(blobs.flow[0].sinks)
    assert slow.nearest_distance is not None and slow.nearest_distance.shape == slow.frames.shape[:2]
    assert blobs.provenance is not None and blobs.provenance.seed == "0" and blobs.provenance.seconds > 0


def test_findings_say_no_more_than_was_shown(blobs: Analysis) -> None:
    first = blobs.findings[0]
    assert first.certainty is Certainty.PROVED and "starts led to three sinks of the log-density" in first.text
    assert "exactly" not in " ".join(f.text for f in blobs.findings).lower()
    assert "no others is not shown" in first.rests_on
    assert 5 <= len(blobs.findings) <= 8
    assert all(f.text.endswith(".") for f in blobs.findings)


def test_two_classes_are_studied_by_both_log_odds_without_data() -> None:
    found = analyze(sx.data.network("moons-silu"), BOX, passes=False)
    assert [p.potential for p in found.flow] == ["log-odds of class 0", "log-odds of class 1"]
    assert all(p.off_data is None and p.basins is not None and p.changed is None for p in found.flow)
    assert any("shares those of volume" in note for note in found.notes)
    assert found.data is None and found.network.accuracy is None
    assert next(c for c in found.claims if c.number == "C6").status == "not possible here"


def test_the_flow_of_a_piecewise_linear_network_is_followed_like_a_smooth_one() -> None:
    found = analyze(sx.data.network("circles-relu"), BOX, sx.data.toy("circles", 50))
    assert len(found.flow) == 2 and found.is_finished
    for portrait in found.flow:
        assert len(portrait.sinks) and portrait.sinks.n_proved == len(portrait.sinks) and portrait.sinks.creases
        assert portrait.basins is not None and portrait.basins.n_unresolved == 0
        assert portrait.slow is None and portrait.strong is None
    assert not [check for check in found.consistency if check.holds is False]


def test_a_network_of_two_kinds_keeps_what_does_not_need_the_flow() -> None:
    rng = np.random.default_rng(0)
    shapes = ((6, 2), (5, 6), (2, 5))
    mixed = sx.Network.from_arrays(
        [rng.standard_normal(s) for s in shapes], [np.zeros(s[0]) for s in shapes], ["relu", "tanh"]
    )
    found = analyze(mixed, BOX, sx.data.toy("circles", 50))
    assert found.flow == () and len(found.theorems) == 5 and found.is_finished
    assert any("mixes" in note for note in found.notes)
    assert any("were not sought" in f.text for f in found.findings)
    assert found.network.accuracy is not None
    assert found.claims[0].status == "not possible here"


def test_one_logit_and_normalised_networks_have_no_log_density() -> None:
    net = sx.Network.from_arrays([np.eye(2), [[1.0, -1.0]]], [np.zeros(2), [0.0]], "tanh")
    assert [p.potential for p in analyze(net, BOX, passes=False).flow] == ["log-odds of class 0", "log-odds of class 1"]
    with pytest.raises(InputError, match="single logit"):
        analyze(net, BOX, potential="log-density")
    three = sx.data.network("blobs-tanh")
    normalised = dataclasses.replace(three, reading=dataclasses.replace(three.reading, is_normalised=True))
    found = analyze(normalised, BOX, passes=False)
    assert len(found.flow) == 3 and any("no log-density" in note for note in found.notes)


def test_the_domain_is_said_where_none_was_given() -> None:
    net = sx.data.network("blobs-tanh")
    assert analyze(net, potential="log-odds:0").domain == sx.Box.cube(2, 0, 1)
    x = np.array([[-1.0, 3.0], [1.0, 3.0], [0.5, 3.0]])
    found = analyze(net, data=x, potential="log-odds:0")
    assert found.domain == sx.Box([-1, 2], [1, 4]) and "same in all data" in found.notes[0]
    assert analyze(net, data=(x - x.min()) / 10, potential="log-odds:0").domain == sx.Box.cube(2, 0, 1)


def test_points_outside_the_domain_are_counted_and_said() -> None:
    x, y = sx.data.toy("blobs", 60)
    found = analyze(sx.data.network("blobs-tanh"), sx.Box.cube(2, -1, 2), (x, y), passes=False)
    outside = int((x < -1).any(axis=1).sum())
    assert found.data is not None and found.data.n_outside == outside > 0
    assert any(f"{outside} of 60 points lie outside" in note for note in found.notes)
    assert found.flow[0].sample_index is not None
    assert (x[found.flow[0].sample_index] >= -1).all()
    with pytest.raises(InputError, match="all 60 points lie outside"):
        analyze(sx.data.network("blobs-tanh"), sx.Box.cube(2, 5, 6), (x, y))


def test_raw_pixels_are_named_and_never_rescaled() -> None:
    images = sx.data.mnist().x_test[:3]
    with pytest.raises(InputError, match="divide them by 255"):
        analyze(sx.data.network("mnist-relu"), sx.Box.cube(784, 0, 1), images)
    found = asked(sx.data.network("mnist-relu"), None, images, potential="log-odds:0", basins=False)
    assert any("divide them by 255" in note for note in found.notes)
    assert found.data is not None and found.data.image_shape == (28, 28)


def test_labels_may_be_missing_for_some_classes() -> None:
    x, y = sx.data.toy("blobs", 60)
    found = analyze(sx.data.network("blobs-tanh"), BOX, (x[y == 1], y[y == 1]), passes=False)
    assert found.data is not None and np.isnan(found.data.class_means[0]).all()
    assert len(found.flow) == 4
    off = found.flow[0].off_data
    assert off is not None and np.isfinite(off.score).all() and (off.nearest_label == 1).all()


def test_one_point_no_points_and_other_samples() -> None:
    net = sx.data.network("blobs-tanh")
    assert len(analyze(net, BOX, np.zeros((1, 2)), passes=False).flow) == 4
    assert analyze(net, BOX, np.zeros((0, 2)), passes=False, surface=False).data is not None
    samples = sx.data.toy("blobs", 40, rng=3)
    found = analyze(net, BOX, sx.data.toy("blobs", 90), samples=samples, passes=False, surface=False)
    basins = found.flow[0].basins
    assert basins is not None and len(basins.label) == 40
    assert found.network.accuracy_on.startswith("40 labelled")


def test_basins_only_where_they_are_asked_for() -> None:
    net, one = sx.data.network("blobs-tanh"), {"potential": "log-odds:1"}
    for asked_for, found in (({**one}, False), ({**one, "basins": True}, True), ({"basins": False}, False)):
        portrait = analyze(net, BOX, passes=False, surface=False, **asked_for).flow[0]
        assert (portrait.basins is not None) == found


def test_the_whole_space_and_three_inputs() -> None:
    net = sx.data.network("blobs3d-softplus")
    found = analyze(net, sx.WholeSpace(3), sx.data.toy("blobs3d", 60), potential="log-odds:0")
    assert len(found.flow) == 1 and found.domain == sx.WholeSpace(3)
    assert len(analyze(net, sx.Box.cube(3, -2, 2), sx.data.toy("blobs3d", 60), passes=False).flow) == 4


def test_the_seed_decides_and_generators_are_taken() -> None:
    net = sx.data.network("blobs-tanh")
    kind = {"potential": "confidence", "passes": False, "surface": False, "effort": 0.3}
    a, b = (analyze(net, BOX, rng=np.random.default_rng(5), **kind) for _ in range(2))
    assert np.array_equal(a.flow[0].sinks.points, b.flow[0].sinks.points)
    assert analyze(net, BOX, rng=np.random.SeedSequence(1), **kind).provenance is not None


def test_progress_and_findings_are_told(caplog: pytest.LogCaptureFixture) -> None:
    told: list[tuple[str, int, int]] = []
    with caplog.at_level(logging.INFO, "separatrix.study"):
        analyze(sx.data.network("blobs-tanh"), BOX, progress=lambda *step: told.append(step), passes=False)
    assert {"theorems", "sinks of the log-density", "basins of the log-density"} <= {stage for stage, _, _ in told}
    assert all(0 <= done <= total for _, done, total in told)
    assert any(record.getMessage().startswith("sinks of the log-density: ") for record in caplog.records)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"rng": -1}, "rng"),
        ({"workers": 0}, "workers"),
        ({"effort": 0}, "effort"),
        ({"potential": "log-density!"}, "did you mean log-density"),
        ({"potential": "margin:1"}, "takes 2 class numbers"),
        ({"potential": "log-odds:7"}, "from 0 to 2"),
        ({"potential": []}, "none is named"),
        ({"data": ([[0.0, 0.0]], [5])}, "labels run"),
        ({"data": [[0.0, 0.0, 0.0]]}, "shape"),
        ({"domain": ([0, 0], [1, 0])}, "below"),
        ({"cluster": "tcp://127.0.0.1:1", "data": [[0.0, 0.0]]}, "scheduler"),
    ],
)
def test_arguments_that_cannot_be_used_are_named(options: dict, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("separatrix.study.parallel.SECONDS_TO_CONNECT", 1)
    with pytest.raises(InputError, match=words):
        analyze(sx.data.network("blobs-tanh"), **({"domain": BOX} | options))


def test_wrong_kinds_are_named() -> None:
    with pytest.raises(KindError):
        analyze(sx.data.network("blobs-tanh"), BOX, potential=3)
    with pytest.raises(KindError):
        analyze(["an", "array"])


def test_an_estimate_comes_before_the_work() -> None:
    found = estimate(sx.data.network("blobs-tanh"), BOX, sx.data.toy("blobs", 60))
    assert 0 < found.seconds < 60 and found.workers == 1 and "about" in repr(found)
    assert 0 < estimate(sx.data.network("circles-relu"), BOX).seconds < 60
    assert list(found.to_dataframe()["part"]) == ["sinks", "basins", "distances", "passes", "surface"]
    assert "passes" not in estimate(sx.data.network("blobs-tanh"), BOX, passes=False).parts


def test_an_estimate_counts_the_cells_of_the_surface() -> None:
    """Right within a factor of three, as promised, for the cells; nothing for a study without a surface."""
    net = sx.data.network("circles-relu")
    cells = sum(sx.linear_regions(net, BOX).cell_counts)
    for domain, expected in ((BOX, SECONDS_PER_SURFACE + SECONDS_PER_CELL * cells), (sx.WholeSpace(2), 0.0)):
        seconds = estimate(net, domain).parts["surface"]
        assert expected / 3 <= seconds <= 3 * expected
    assert cells / 3 <= (estimate(net, BOX).parts["surface"] - SECONDS_PER_SURFACE) / SECONDS_PER_CELL <= 3 * cells


def test_the_class_of_a_sink_is_proved_or_not_called_so():
    """A prediction in floating point is no proof: it holds over the proved error, or the finding is only verified."""
    net = sx.data.network("blobs-tanh")
    sinks = sx.GradientFlow(sx.log_density(net), BOX).sinks()
    classes = net.predict(sinks.points)
    assert classes_are_proved(net, sinks, classes)
    assert not classes_are_proved(net, sinks, (classes + 1) % net.n_classes)
    tied = sx.Network.from_arrays([[[1.0, 0.0], [1.0, 0.0], [0.0, -9.0]]], [[0.0, 0.0, 0.0]])
    assert not classes_are_proved(tied, sinks, tied.predict(sinks.points))
