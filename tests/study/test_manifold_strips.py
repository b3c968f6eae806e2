"""Strips of a study's sinks and C6's statement about them, on problems where the answer is known."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.study.claims import claims_of
from separatrix.study.manifold_strips import FRAMES, in_brief, strips_of
from separatrix.study.manifold_words import of_manifolds
from separatrix.study.off_data import off_data, spread
from separatrix.study.portrait import Portrait
from separatrix.study.question import Cloud
from tests.flow import known
from tests.study.test_findings import NET

BOX = sx.Box.cube(2, -1, 1)


def cloud(x: np.ndarray) -> Cloud:
    n = len(x)
    return Cloud(x, np.arange(n), np.arange(n) % 3, np.zeros(n, dtype=np.int64), 0, "points")


def portrait(data: Cloud) -> Portrait:
    """The sink 0 of -(x^2 + 9 y^2) / 2, its axes, and data."""
    run = sx.GradientFlow(known.Quadratic(np.diag([-1.0, -9.0]), [0.0, 0.0]), BOX)
    sinks = run.sinks([[0.3, 0.3]])
    own = spread(data, 3, np.random.default_rng(0))
    strips = {kind: strips_of(run, sinks, kind, data, own.threshold) for kind in ("slow", "strong")}
    return Portrait(
        potential="log-density", sinks=sinks, domain=BOX, sink_class=np.zeros(1, dtype=np.int64),
        probabilities=np.full((1, 3), 1 / 3), off_data=off_data(sinks.points, np.zeros(1, dtype=np.int64), data, own), **strips,
    )  # fmt: skip


def c6(found: Portrait) -> tuple[sx.Statement, str]:
    statements = of_manifolds([found])
    (claim,) = (claim for claim in claims_of(NET, (found,), ()) if claim.number == "C6")
    assert len(statements) == 1
    return statements[0], claim.how


def test_curves_that_pass_through_the_data_are_measured() -> None:
    """Data on a grid of step 0.1 on the line y = 0: the slow manifold lies in them, the strong one leaves them at once."""
    data = cloud(np.stack([np.linspace(-1, 1, 21), np.zeros(21)], axis=1))
    found = portrait(data)
    assert found.slow is not None and found.strong is not None
    for strips, share in ((found.slow, 0.0), (found.strong, 0.9)):
        assert strips.far_share is not None and strips.length is not None and strips.error is not None
        np.testing.assert_allclose(strips.length, 1.0, atol=1e-6)
        measured, least, largest = strips.far_share[0]
        assert least <= measured <= largest and abs(measured - share) < 0.02 and largest - least < 0.02
        assert strips.frames.shape == (1, FRAMES, 2) and strips.error.max() < 1e-6
        assert strips.nearest_row is not None and strips.nearest_data is not None
        away = np.linalg.norm(strips.frames[0] - strips.nearest_data[strips.nearest_row[0]], axis=1)
        np.testing.assert_allclose(away, strips.nearest_distance[0], atol=1e-6)
    text, how = c6(found)
    assert "45 %" in text.text and text.certainty is Certainty.VERIFIED and "45 %" in how
    assert "meets its" in found.slow.ends[0] and "2 " not in in_brief(found.slow)


def test_curves_far_from_the_data() -> None:
    data = cloud(np.array([[0.99, 0.99], [0.98, 0.99], [0.99, 0.98]]))
    found = portrait(data)
    text, how = c6(found)
    assert text.text.startswith(
        "Along the slow manifold of a sink (length 2) and the strong manifold of a sink (length 2) every point"
    )
    assert "100 %" in how
    table = found.to_dataframe()
    assert table["slow_far_share"][0] == table["strong_far_share"][0] == 1.0 and table["slow_length"][
        0
    ] == pytest.approx(2.0)


def test_without_data_nothing_is_said_of_distances() -> None:
    run = sx.GradientFlow(known.Quadratic(np.diag([-1.0, -9.0]), [0.0, 0.0]), BOX)
    sinks = run.sinks([[0.3, 0.3]])
    strips = strips_of(run, sinks, "slow", None)
    assert strips.nearest_distance is None and strips.far_share is None and strips.threshold is None
    empty = strips_of(run, run.sinks(np.zeros((0, 2))), "slow", None)
    assert empty.frames.shape == (0, FRAMES, 2) and empty.ends == () and in_brief(empty) == "none"


def test_vertices_have_no_curves_and_need_no_sentence() -> None:
    run = sx.GradientFlow(known.linear([1.0, 2.0]), BOX)
    sinks = run.sinks([[0.0, 0.0]])
    data = cloud(np.random.default_rng(0).uniform(-1, 1, (50, 2)))
    own = spread(data, 3, np.random.default_rng(0))
    strips = strips_of(run, sinks, "slow", data, own.threshold)
    assert np.isnan(strips.eigenvalue).all() and (strips.length == 0).all() and strips.far_share is not None
    base = portrait(data)
    alone = dataclasses.replace(base, sinks=sinks, slow=strips, strong=None)
    assert of_manifolds([alone]) == []
