"""The surface chapter of a study: places, what is found there, and what is said of it."""

from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix.certainty import Certainty
from separatrix.study.pieces import Pieces
from separatrix.study.question import asked
from separatrix.study.stages import Stages
from separatrix.study.storage import load_piece, save_piece
from separatrix.study.surface_chapter import SurfaceChapter, surface_portrait
from separatrix.study.surface_places import places_of
from separatrix.study.surface_portrait import SurfacePortrait
from separatrix.study.surface_words import group_words, surface_checks, surface_claims, surface_findings

BOX = sx.Box.cube(2, -2, 2)
DIAMOND = sx.Network.from_arrays(
    [[[1.0, 0.0], [-1.0, 0.0], [0.0, 1.0], [0.0, -1.0]], [[-1.0] * 4]], [[0.0] * 4, [1.0]]
)  # 1 - |x| - |y|


def portrait_of(net: sx.Network, box: sx.Box, data: object = None) -> SurfacePortrait:
    question = asked(net, box, data)
    places, note = places_of(question)
    assert not note
    return surface_portrait(places[0], question.domain)


@pytest.fixture(scope="module")
def diamond() -> SurfacePortrait:
    return portrait_of(DIAMOND, BOX)


def test_a_diamond_has_four_edges_one_cycle_and_an_island(diamond: SurfacePortrait) -> None:
    assert diamond.cell_counts == (4, 4) and diamond.betti == (1, 1) and diamond.certainty is Certainty.PROVED
    assert [(row.k, row.n_components, row.n_islands) for row in diamond.regions] == [(0, 1, 0), (1, 1, 1)]
    assert diamond.regions[1].share == pytest.approx(2 / 16) and diamond.regions[0].betti == (1, 1, 0)
    assert "H0 = Z, H1 = Z" in group_words(diamond) and "H_1" in diamond.computation
    assert "one of class 1" in surface_findings((diamond,))[1].text
    assert all(check.holds for check in surface_checks((diamond,)))
    assert [claim.status for claim in surface_claims((diamond,), "")] == ["shown", "shown"]


def test_its_drawing_is_the_diamond_and_its_cycle(diamond: SurfacePortrait) -> None:
    drawing = diamond.drawing
    corners = drawing.vertices[np.unique(drawing.simplices)]
    assert sorted(np.abs(corners).round(12).tolist()) == [[0, 1], [0, 1], [1, 0], [1, 0]]
    assert len(drawing.cycles) == 4 and set(drawing.cycle) == {0}
    assert set(drawing.neuron) <= {0, 1, 2, 3} and drawing.raster.shape[0] == drawing.raster.shape[1]
    assert drawing.raster[0, 0] == 0 and drawing.raster[drawing.raster.shape[0] // 2, drawing.raster.shape[1] // 2] == 1


def test_a_portrait_is_kept_on_disk_as_it_was(diamond: SurfacePortrait, tmp_path: Path) -> None:
    save_piece(diamond, tmp_path / "piece.npz")
    again = load_piece(tmp_path / "piece.npz", SurfacePortrait)
    assert again.to_json() == diamond.to_json() and again.regions == diamond.regions


def test_data_make_islands_of_what_they_do_not_touch() -> None:
    outside = np.array([[1.5, 1.5], [-1.5, 1.0], [3.0, 0.0]])
    found = portrait_of(DIAMOND, BOX, outside)
    assert [(row.n_islands, row.n_data) for row in found.regions] == [(0, 2), (1, 0)]
    assert "hold no data" in surface_findings((found,))[1].text


def test_where_one_class_wins_everywhere_there_is_no_surface() -> None:
    net = sx.Network.from_arrays([np.eye(2), np.array([[0.0, 0.0], [1.0, 1.0]])], [np.zeros(2), np.array([0.0, 1.0])])
    found = portrait_of(net, BOX)
    assert found.cell_counts == (0, 0) and "one class wins everywhere" in surface_findings((found,))[0].text


def test_many_inputs_are_cut_by_the_plane_through_three_data() -> None:
    rng = np.random.default_rng(3)
    net = sx.Network.from_arrays(
        [rng.normal(size=(12, 9)), rng.normal(size=(3, 12))], [rng.normal(size=12), np.zeros(3)]
    )
    x = rng.random((60, 9))
    question = asked(net, sx.Box.cube(9, 0, 1), (x, net.predict(x)))
    places, note = places_of(question)
    assert not note
    place = places[0]
    assert place.box.dim == 2 and place.net.n_inputs == 2 and len(set(place.labels.tolist())) >= 2
    np.testing.assert_allclose(place.net.logits(place.anchors), net.logits(place.points), atol=1e-12)
    found = surface_portrait(place, question.domain)
    assert found.is_slice and all(check.holds for check in surface_checks((found,)))
    inside = found.drawing.outline
    assert (
        place.slice is not None
        and question.domain.contains(place.slice.point(0.999 * inside + 0.001 * inside.mean(0))).all()
    )


def test_without_data_or_few_inputs_the_chapter_says_why_it_is_empty() -> None:
    net = sx.Network.from_arrays([np.eye(9), np.ones((2, 9))], [np.zeros(9), np.zeros(2)])
    chapter = SurfaceChapter(asked(net, sx.Box.cube(9, 0, 1), None), Pieces(), Stages())
    chapter.run()
    assert not chapter.found and "too few" in chapter.note
    assert [claim.status for claim in surface_claims((), chapter.note)] == ["not possible here"] * 2


def test_a_killed_chapter_goes_on_where_it_was(tmp_path: Path) -> None:
    question = asked(DIAMOND, BOX, None)
    for expected in (0, 1):
        pieces = Pieces(tmp_path)
        chapter = SurfaceChapter(question, pieces, Stages())
        chapter.run()
        assert len(chapter.found) == 1 and pieces.n_resumed == expected
