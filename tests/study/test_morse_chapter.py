"""The chapter of critical points of a study: what is found, said, checked and stored."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.flow.critical_points import chosen
from separatrix.study.morse_chapter import MorseChapter, complete_portrait, in_short
from separatrix.study.morse_films import HALF, at_lengths, films_of
from separatrix.study.morse_portrait import MorsePortrait
from separatrix.study.morse_words import class_passes, morse_checks, morse_claims, morse_findings
from separatrix.study.pieces import Pieces
from separatrix.study.question import asked
from separatrix.study.stages import Stages
from separatrix.study.storage import load_piece, save_piece

NAME = "blobs-tanh"


@pytest.fixture(scope="module")
def blobs() -> MorsePortrait:
    net = sx.data.network(NAME)
    return complete_portrait(sx.log_density(net), sx.data.network_box(NAME), net)


def test_three_blobs_have_three_sinks_three_passes_and_a_source(blobs: MorsePortrait) -> None:
    assert blobs.counts == (3, 3, 1) and blobs.points.is_complete and blobs.certainty is Certainty.PROVED
    assert sorted(blobs.point_class[blobs.points.indices == 0]) == [0, 1, 2]
    assert blobs.complex is not None and blobs.complex.agrees and blobs.complex.betti == (1, 0, 0)
    assert blobs.tree is not None and blobs.tree.is_connected and not blobs.tree.is_lower_bound
    assert "the list complete" in in_short(blobs)


def test_passes_between_classes_are_below_their_sinks_and_above_nothing_better(blobs: MorsePortrait) -> None:
    assert blobs.tree is not None
    found = class_passes(blobs)
    assert [(a, b) for a, b, _, _ in found] == [(0, 1), (0, 2), (1, 2)] and all(depth > 0 for *_, depth in found)
    saddles = np.sort(blobs.points.values[blobs.saddles])[::-1]
    heights = sorted({height for _, _, height, _ in found}, reverse=True)
    assert heights == saddles[:2].tolist()  # two joins make the tree, the third saddle closes a circle


def test_what_is_said_is_what_was_shown(blobs: MorsePortrait) -> None:
    statements = morse_findings((blobs,))
    assert "three sinks, three saddles and one source" in statements[0].text and "no others" in statements[0].text
    assert statements[0].certainty is Certainty.PROVED and "highest pass" in statements[1].text
    assert "lower bound" not in statements[1].text
    assert statements[1].certainty is Certainty.VERIFIED  # it names classes, which are rounded predictions
    assert all(check.holds for check in morse_checks((blobs,), ()))
    assert [claim.status for claim in morse_claims((blobs,), "")] == ["shown", "shown"]
    assert morse_claims((), "") == [] and morse_claims((), "no box")[0].how == "no box"


def test_a_list_that_lost_a_point_breaks_the_law_first(blobs: MorsePortrait) -> None:
    kept = np.arange(len(blobs.points)) != 4
    short = dataclasses.replace(chosen(blobs.points, kept), is_complete=True)
    wrong = dataclasses.replace(blobs, points=short, point_class=blobs.point_class[kept])
    broken = [check for check in morse_checks((wrong,), ()) if check.holds is False]
    assert [check.name for check in broken] == ["index sum (3.1)"] and "3 - 2 + 1 = 2" in broken[0].detail


def test_a_portrait_is_kept_on_disk_as_it_was(blobs: MorsePortrait, tmp_path: Path) -> None:
    save_piece(blobs, tmp_path / "piece.npz")
    again = load_piece(tmp_path / "piece.npz", MorsePortrait)
    assert again.to_json() == blobs.to_json() and repr(again) == repr(blobs)


def test_films_run_from_sink_over_saddle_to_sink(blobs: MorsePortrait) -> None:
    assert blobs.tree is not None
    net = sx.data.network(NAME)
    flow = sx.GradientFlow(sx.log_density(net), sx.data.network_box(NAME))
    films = films_of(blobs.tree, sx.connections(flow, blobs.points), flow.potential)
    assert films is not None and films.frames.shape == (2, 2 * HALF + 1, 2)
    for row, (frames, values) in enumerate(zip(films.frames, films.values, strict=True)):
        first, last = blobs.tree.sinks.points[films.ends[row]]
        assert np.allclose(frames[0], first) and np.allclose(frames[-1], last)
        assert np.allclose(frames[HALF], blobs.tree.saddles.points[films.saddle[row]])
        assert values.argmin() == HALF and (np.diff(films.place[row]) >= 0).all()


def test_points_at_even_arc_lengths() -> None:
    corner = np.array([[0.0, 0.0], [3.0, 0.0], [3.0, 1.0]])
    points, lengths = at_lengths(corner, 2)
    assert lengths.tolist() == [0.0, 4.0] and points.tolist() == [[0.0, 0.0], [3.0, 1.0]]
    assert at_lengths(np.repeat(corner, 4, axis=0), 5)[0].tolist() == [[0, 0], [1, 0], [2, 0], [3, 0], [3, 1]]


def test_orbits_of_a_list_that_was_taken_up_are_followed_again(tmp_path: Path) -> None:
    question = asked(sx.data.network(NAME), sx.data.network_box(NAME), None, potential="log-density", basins=False)
    first, again = (MorseChapter(question, Pieces(tmp_path), Stages(), 1) for _ in range(2))
    for chapter in (first, again):
        chapter.joined({})
    assert again.pieces.n_resumed == 1 and again.orbits == {}
    orbits = [chapter.orbits_of(0) for chapter in (first, again)]
    assert orbits[0] is not None and orbits[1] is not None and len(orbits[0].orbits) > 0
    for one, other in zip(orbits[0].orbits, orbits[1].orbits, strict=True):
        assert (one.source, one.target, one.reason) == (other.source, other.target, other.reason)
        assert np.array_equal(one.path, other.path)


def test_only_where_it_can_be_done() -> None:
    net = sx.data.network(NAME)
    away = MorseChapter(asked(net, sx.WholeSpace(2), None, basins=False), Pieces(), Stages(), 1)
    assert away.joined({}) == {}
    assert away.found == {} and "whole space" in away.note
    creased = MorseChapter(asked(sx.data.network("mnist-relu"), sx.Box.cube(784, 0, 1), None), Pieces(), Stages(), 1)
    assert creased.joined({}) == {}
    assert creased.found == {} and "piecewise linear" in creased.note
    without = sx.analyze(
        net, sx.data.network_box(NAME), potential="log-odds:0", basins=False, surface=False, passes=False
    )
    assert without.morse == () and not any("passes" in note for note in without.notes)


def test_creased_networks_have_a_complete_list_and_a_tree_without_orbits():
    study = sx.analyze(
        sx.data.network("circles-relu"), ([-2, -2], [2, 2]), potential="log-odds:0", basins=False, surface=False
    )
    (portrait,) = study.morse
    assert portrait.points.is_complete and portrait.counts == (4, 4, 1)
    assert portrait.complex is None and "creases" in portrait.notes[0]
    assert portrait.tree is not None and portrait.tree.is_connected and not portrait.tree.is_lower_bound
    assert portrait.tree.certainty is Certainty.PROVED and len(portrait.tree.joins) == 3


def test_choices_that_are_no_choice():
    with pytest.raises(sx.InputError, match="passes"):
        sx.analyze(sx.data.network("circles-relu"), passes="x")


def test_a_tree_of_branches_that_were_only_integrated_is_not_called_proved(blobs: MorsePortrait) -> None:
    assert blobs.tree is not None and blobs.points.n_proved == len(blobs.points)
    orbits = tuple(dataclasses.replace(orbit, certainty=Certainty.VERIFIED) for orbit in blobs.orbits)
    said = morse_findings((dataclasses.replace(blobs, is_search=True, orbits=orbits),))[0]
    assert "one tree" in said.text and said.certainty is Certainty.VERIFIED
