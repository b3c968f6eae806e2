"""Morse graphs and level sets as pictures, on the page and in matplotlib."""

import itertools
from collections.abc import Iterator
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import separatrix as sx
from separatrix.views.graph_layout import graph_layout
from separatrix.views.level_plots import plot_betti_numbers
from tests.browsing import Page, open_page

WELL, BOX = sx.expression("-(x**2 - 1)**2 - y**2", "x y"), sx.Box.cube(2, -2, 2)


@pytest.fixture(scope="module")
def study() -> sx.Analysis:
    net, box = sx.data.network("circles-tanh"), sx.data.network_box("circles-tanh")
    return sx.analyze(net, box, potential="log-odds:0", basins=False, surface=False)


@pytest.fixture(scope="module")
def page(study: sx.Analysis, browser: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    path: Path = study.report(tmp_path_factory.mktemp("conley"))
    with open_page(browser, path) as opened:
        yield opened


def test_rows_of_a_layout_follow_the_flow_and_nodes_keep_apart() -> None:
    edges = [(8, 4), (8, 5), (4, 0), (4, 1), (5, 1), (5, 2), (6, 2), (6, 3), (8, 6), (7, 3), (7, 0)]
    at = graph_layout(9, edges, np.arange(9.0))
    assert all(at[a, 1] > at[b, 1] for a, b in edges) and at[:, 1].max() == 2
    for i, j in itertools.combinations(range(9), 2):
        assert at[i, 1] != at[j, 1] or abs(at[i, 0] - at[j, 0]) > 0.1
    assert len(graph_layout(0, [], np.zeros(0))) == 0


def test_a_graph_and_level_sets_are_drawn() -> None:
    flow = sx.GradientFlow(WELL, BOX, boundary="exit")
    ax = sx.morse_graph(flow).plot()
    assert sorted(text.get_text() for text in ax.texts) == ["p0", "s0", "s1"] and "exact" in ax.get_title()
    heights = {text.get_text(): text.xy[1] for text in ax.texts}  # type: ignore[attr-defined]
    assert heights["s0"] == heights["s1"] > heights["p0"]
    levels = sx.level_sets(WELL, BOX, resolution=32)
    drawn = levels.plot()
    assert len(drawn.collections) == len(levels.levels(14))
    steps = plot_betti_numbers(levels)
    assert "b₀" in [text.get_text() for text in steps.get_legend().get_texts()]  # type: ignore[union-attr]
    ball = sx.level_sets(sx.expression("-x**2 - y**2 - z**2", "x y z"), sx.Box.cube(3, -1, 1), resolution=12)
    assert ball.plot(level=-0.5).get_title().startswith("level sets")
    plt.close("all")


def test_names_light_up_in_phase_portrait_graph_and_tables(page: Page) -> None:
    page.evaluate(
        "document.querySelector('.graph-figure [data-node=\"p0\"]').dispatchEvent(new MouseEvent('mouseenter'))"
    )
    lit = "[...document.querySelectorAll('#morse .lit')].map(e => [e.dataset.node, e.closest('tr') ? 'row' : 'mark'])"
    found = page.evaluate(lit)
    assert len(found) >= 4 and {name for name, _ in found} == {"p0"} and {"row", "mark"} <= {kind for _, kind in found}
    page.evaluate(
        "document.querySelector('.graph-figure [data-node=\"p0\"]').dispatchEvent(new MouseEvent('mouseleave'))"
    )
    assert page.evaluate(lit) == []


def test_a_slider_walks_through_the_levels_by_keyboard(page: Page, study: sx.Analysis) -> None:
    drawing = study.conley[0].levels
    assert drawing is not None
    said = "document.querySelector('.level-said').textContent"
    page.evaluate("document.querySelector('.levels input').focus()")
    first = page.evaluate(said)
    page.press("ArrowRight")
    assert page.evaluate(said) != first
    page.press("End")  # the highest level
    betti = ", ".join(map(str, drawing.above[0, :2]))
    assert f"of {{f ≥ c}} {betti}" in page.evaluate(said)
    shown = (
        "[...document.querySelectorAll('.level')].filter(e => e.classList.contains('now')).map(e => e.dataset.level)"
    )
    assert page.evaluate(shown) == ["0"] and page.errors == []


def test_the_table_of_ways_and_all_ten_claims_are_on_the_page(page: Page, study: sx.Analysis) -> None:
    rows = page.evaluate("document.querySelectorAll('table[data-name=\"homology several ways\"] tbody tr').length")
    assert rows == sum(len(meeting.ways) for meeting in study.conley[0].meetings) > 4
    assert {claim.number for claim in study.claims} >= {"C3", "C4", "C5", "C6", "C7", "C8", "C9", "C10"}
    assert [claim.number for claim in study.claims] == sorted(
        (claim.number for claim in study.claims), key=lambda number: int(number[1:])
    )


def test_without_scripts_every_level_is_there_to_read(browser: str, study: sx.Analysis, tmp_path: Path) -> None:
    with open_page(browser, study.report(tmp_path), width=390, scripts=False) as opened:
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert opened.evaluate("[...document.querySelectorAll('.level')].every(e => e.checkVisibility())")
        assert opened.evaluate("document.querySelectorAll('.level-row').length") > 5
