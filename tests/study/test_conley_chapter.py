"""The global picture in a study: Morse graph, level sets, one homology several ways, and what is said of them."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.study.conley_chapter import certainty_of, global_portrait, in_short
from separatrix.study.conley_portrait import ConleyPortrait, Meeting, Way
from separatrix.study.conley_words import conley_checks, conley_claims, conley_findings
from separatrix.study.findings import findings_of
from separatrix.study.meeting import meetings_of
from separatrix.study.morse_chapter import complete_portrait
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.storage import load_piece, save_piece

NAME = "circles-tanh"


@pytest.fixture(scope="module")
def circles() -> tuple[MorsePortrait, ConleyPortrait]:
    net, potential = sx.data.network(NAME), sx.log_odds(sx.data.network(NAME), 0)
    orbits: list[sx.Connections] = []
    portrait = complete_portrait(potential, sx.data.network_box(NAME), net, keep=orbits.append)
    return portrait, global_portrait(potential, portrait, orbits[0], (), net)


def test_every_morse_set_is_a_point_and_has_its_index(circles: tuple[MorsePortrait, ConleyPortrait]) -> None:
    portrait, whole = circles
    assert whole.graph is not None and whole.graph.order_is_exact and whole.graph.isolates
    assert [one.point_ids for one in whole.graph.sets] == [(name,) for name in portrait.points.ids]
    for one in whole.graph.sets:
        index = int(portrait.points.indices[one.rows[0]])
        assert one.index_betti == tuple(int(k == index) for k in range(3)) and one.certainty is Certainty.PROVED


def test_all_ways_lead_to_one_homology(circles: tuple[MorsePortrait, ConleyPortrait]) -> None:
    _, whole = circles
    box, region = whole.meetings
    assert box.space == "the box" and box.agrees and len(box.ways) == 3
    assert region.agrees and "class 0" in region.space and {way.euler for way in region.ways} == {0}
    assert all(check.holds for check in conley_checks((whole,)) if check.name == "one homology")


def test_a_way_that_disagrees_is_said_first(circles: tuple[MorsePortrait, ConleyPortrait]) -> None:
    portrait, whole = circles
    made = portrait.complex
    assert made is not None
    cut = dataclasses.replace(made, boundaries=(0 * made.boundaries[0], *made.boundaries[1:]))
    wrong = dataclasses.replace(portrait, complex=cut)
    potential = sx.log_odds(sx.data.network(NAME), 0)
    levels = sx.level_sets(potential, portrait.domain, resolution=48, points=portrait.points)
    meetings = meetings_of(wrong, whole.graph, levels)
    assert meetings[0].agrees is False
    checks = conley_checks((dataclasses.replace(whole, meetings=meetings),))
    net = sx.data.network(NAME)
    summary = sx.analyze(net, ([0, 0], [0.1, 0.1]), basins=False, surface=False, passes=False).network
    first = findings_of(summary, portrait.domain, (), (), checks)[0]
    assert first.text.startswith("Disagreement: the homology of the box") and first.certainty is Certainty.VERIFIED


def test_one_way_alone_proves_nothing_and_unknown_ones_are_not_counted() -> None:
    from separatrix.study.meeting import _met  # the verdict alone

    sure, lost = Way("a", (1, 0), 1, Certainty.PROVED), Way("b", (2, 0), 2, Certainty.UNKNOWN)
    assert _met("x", [sure, lost]).agrees is None and isinstance(_met("x", []), Meeting)
    assert _met("x", [sure, Way("c", (1,), 1, Certainty.VERIFIED), Way("d", (), 1, Certainty.PROVED)]).agrees is True
    assert _met("x", [sure, Way("d", (), 2, Certainty.PROVED)]).agrees is False


def test_level_drawings_hold_the_numbers_between_events(circles: tuple[MorsePortrait, ConleyPortrait]) -> None:
    _, whole = circles
    drawing = whole.levels
    assert drawing is not None and (np.diff(drawing.levels) < 0).all() and len(drawing.edges) == len(drawing.levels) - 1
    assert ((drawing.edges < drawing.levels[:-1]) & (drawing.edges > drawing.levels[1:])).all()
    assert drawing.starts[-1] == len(drawing.simplices) and drawing.simplices.max() < len(drawing.vertices)
    # chi({f >= c}) + chi({f <= c}) = chi(box) + chi({f = c})
    signs = (-1) ** np.arange(3)
    chi = [numbers @ signs[: numbers.shape[1]] for numbers in (drawing.above, drawing.below, drawing.at)]
    assert (chi[0] + chi[1] == 1 + chi[2]).all()


def test_what_is_said_claims_no_more_than_was_shown(circles: tuple[MorsePortrait, ConleyPortrait]) -> None:
    portrait, whole = circles
    texts = [statement.text for statement in conley_findings((whole,))]
    assert "and no others" in texts[0] and "every Conley index is computed" in texts[0]
    claims = {claim.number: claim for claim in conley_claims((whole,), (portrait,), (), "")}
    assert claims["C8"].status == "shown" and "Morse sets" in claims["C8"].how
    assert whole.graph is not None
    vague = dataclasses.replace(whole, graph=dataclasses.replace(whole.graph, order_is_exact=False))
    assert conley_findings((vague,))[0].certainty is Certainty.HEURISTIC
    assert "at most" in conley_findings((vague,))[0].text
    assert conley_claims((vague,), (portrait,), (), "")[0].status == "partly shown"
    assert [c.how for c in conley_claims((), (), (), "no box")] == ["no box", "no box"]
    assert "order exact" in in_short(whole)


def test_a_global_portrait_is_kept_on_disk_as_it_was(
    circles: tuple[MorsePortrait, ConleyPortrait], tmp_path: Path
) -> None:
    save_piece(circles[1], tmp_path / "piece.npz")
    again = load_piece(tmp_path / "piece.npz", ConleyPortrait)
    assert again.to_json() == circles[1].to_json() and repr(again) == repr(circles[1])


def test_events_are_called_no_more_certain_than_the_weakest_of_them() -> None:
    f, box = sx.expression("-(x**2 - 1)**2 - y**2", "x y"), sx.Box.cube(2, -2, 2)
    levels = sx.level_sets(f, box, 48)
    doubtful = dataclasses.replace(levels.events[0], certainty=Certainty.HEURISTIC)
    worth = certainty_of(dataclasses.replace(levels, events=(doubtful, *levels.events[1:])))
    assert worth is Certainty.HEURISTIC and certainty_of(dataclasses.replace(levels, events=())) is levels.certainty
