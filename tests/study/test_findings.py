"""Sentences from synthetic records: what they must say, and what they must not."""

import dataclasses

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints
from separatrix.study.analysis import Check, NetworkSummary
from separatrix.study.claims import claims_of
from separatrix.study.findings import findings_of
from separatrix.study.portrait import OffData, Portrait

NET = NetworkSummary("net", "2-3", ("tanh",), 2, 3, 9, False, "arrays", None, (), {})
BOX = sx.Box.cube(2, 0, 1)


def portrait(classes: list[int], label: list[int], certainty: Certainty = Certainty.PROVED) -> Portrait:
    n = len(classes)
    sinks = CriticalPoints(
        points=np.linspace(0, 1, 2 * n).reshape(n, 2), values=np.zeros(n), indices=np.zeros(n, dtype=np.int64),
        certainty=(certainty,) * n, evidence=("",) * n, spectra=(np.zeros(0),) * n,
        active=np.ones((n, 2), dtype=np.int8), multipliers=np.ones((n, 2)), radius=np.ones(n), error=np.zeros(n),
        label=np.array(label, dtype=np.int64),
        reasons=("flat",) * len(label), potential="log-density",
    )  # fmt: skip
    return Portrait(potential="log-density", sinks=sinks, domain=BOX, sink_class=np.array(classes, dtype=np.int64),
                    probabilities=np.full((n, 3), 1 / 3))  # fmt: skip


def texts(*flow: Portrait, checks: tuple[Check, ...] = ()) -> list[str]:
    return [f.text for f in findings_of(NET, BOX, flow, (), checks)]


@pytest.mark.parametrize(
    ("classes", "label", "words"),
    [
        ([0, 1, 2], [0, 1, 2, 0],
         "4 starts led to three sinks of the log-density on the box [0, 1]^2, each proved to exist; every"),
        ([0, 1, 1], [0, 1, 2], "every class but 2 has at least one"),
        ([1], [0, 0],
         "2 starts led to one sink of the log-density on the box [0, 1]^2, proved to exist; only class 1 of 3"),
        ([0, 1, 2], [0, 1, -1], "led to two sinks"),
        ([0, 1, 2], [0, 1, -1], "One more sink was met on the way by samples."),
        ([0, 1, 2], [0, 1, -1], "One start led to none."),
        ([], [-1, -1], "2 starts led to no sink of the log-density on the box [0, 1]^2 (reasons: flat)."),
    ],
)  # fmt: skip
def test_sinks_are_counted_from_the_starts_that_led_to_them(classes: list[int], label: list[int], words: str) -> None:
    assert words in texts(portrait(classes, label))[0]


def test_what_is_not_proved_is_not_called_proved() -> None:
    shown = findings_of(NET, BOX, (portrait([0, 1], [0, 1], Certainty.VERIFIED),), (), ())[0]
    assert "0 of them proved" in shown.text and shown.certainty is Certainty.VERIFIED


def test_a_broken_law_stands_first() -> None:
    broken = Check("shares", "counts add up", False, "5 + 0 = 6")
    assert texts(portrait([0], [0]), checks=(broken,))[0] == "Disagreement: counts add up does not hold: 5 + 0 = 6."


def with_data(quantile: list[float]) -> Portrait:
    n = len(quantile)
    off = OffData(
        nearest_index=np.zeros(n, dtype=np.int64), nearest_distance=np.linspace(1, 2, n), nearest_label=np.full(n, -1),
        nearest_point=np.zeros((n, 2)), score=np.ones(n), neighbour_distances=np.linspace(0, 1, 200),
        quantile=np.array(quantile),
    )  # fmt: skip
    return dataclasses.replace(portrait([0] * n, [0] * n), off_data=off)


def test_distances_are_rounded_down() -> None:
    assert "than 98 % of the data" in texts(with_data([0.989, 1.0]))[1]
    assert "each of the 200 data measured" in texts(with_data([1.0]))[1]
    assert "One of two sinks lies farther" in texts(with_data([0.1, 0.99]))[1]
    claims = {claim.number: claim for claim in claims_of(NET, (with_data([0.1, 0.99]),), ())}
    assert claims["C6"].status == "partly shown" and "C7" not in claims


def test_changes_come_with_an_interval() -> None:
    base = portrait([0, 1], [0, 1])
    basins = Basins(sinks=base.sinks, label=np.array([0] * 98 + [1, -1]), reason=("",) * 100, steps=np.zeros(100))
    predicted = np.zeros(100, dtype=np.int64)
    one = dataclasses.replace(
        base, basins=basins, predicted=predicted, true_label=np.zeros(100, dtype=np.int64), changed=np.array([98])
    )
    text = texts(one)[1]
    assert text.startswith("One of 100 samples flows up the log-density to a sink of another class")
    assert (
        "(1.00 %, 95 % interval 0.18 % to 5.45 %); 1 reached no known sink." in text and "prediction was right" in text
    )


def test_ways_to_infinity_are_proved_only_where_it_is_that_trajectories_go_there() -> None:
    flow = sx.GradientFlow(sx.log_odds(sx.data.network("blobs-tanh"), 0), sx.WholeSpace(2))
    sinks = flow.sinks(sx.Box.cube(2, -2, 2).uniform(16, np.random.default_rng(0)))
    n, ways = len(sinks), sinks.at_infinity
    found = Portrait(potential=sinks.potential, sinks=sinks, domain=sx.WholeSpace(2),
                     sink_class=np.zeros(n, dtype=np.int64), probabilities=np.full((n, 3), 1 / 3))  # fmt: skip
    said = [f for f in findings_of(NET, sx.WholeSpace(2), (found,), (), ()) if "at infinity" in f.text]
    assert ways and len(said) == 1
    attracting = all(way.attracts is Certainty.PROVED for way in ways)
    assert (said[0].certainty is Certainty.PROVED) <= attracting
