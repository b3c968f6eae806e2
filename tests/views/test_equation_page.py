"""The chapter "The equation" of the page, in a browser and on disk."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import separatrix as sx
from separatrix import Analysis
from separatrix.study.equations import Equation, equations_of
from separatrix.views.report import Page as ReportPage
from separatrix.views.report import render
from tests.browsing import Page, open_page
from tests.oracles.blueprints import architectures, mlp


def linear() -> sx.Network:
    return mlp([[[1.0, 2.0], [0.5, -1.0]]], [[0.0, 0.25]], "tanh").network()


@pytest.fixture(scope="module")
def page(browser: str, plane: Analysis, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    """A page with equations of every kind: large, deep with skips, with creases, and solved."""
    box, path = sx.Box.cube(2, -1, 1), tmp_path_factory.mktemp("equation") / "page.html"
    relu, digits = sx.data.network("circles-relu"), sx.data.network("mnist-sigmoid")
    skips = architectures(np.random.default_rng(0), "gelu_tanh")["skips"].network()
    found = (
        *equations_of(digits, sx.Box.cube(784, 0, 1), [sx.confidence(digits)], 0),
        *equations_of(relu, box, [sx.log_odds(relu, 0)], 0),
        *equations_of(skips, sx.Box.cube(3, -1, 1), [sx.neg_entropy(skips)], 0),
        *equations_of(linear(), box, [sx.log_density(linear()), sx.class_probability(linear(), 0)], 0),
    )
    path.write_text(rendered(plane, found), encoding="utf-8")
    with open_page(browser, path) as opened:
        opened.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
        yield opened


def rendered(analysis: Analysis, equations: tuple[Equation, ...]) -> str:
    return render(dataclasses.replace(analysis, equations=equations))


def test_a_page_without_equations_has_no_chapter(plane: Analysis) -> None:
    page = ReportPage(dataclasses.replace(plane, equations=()))
    assert "equation" not in [chapter.anchor for chapter in page.chapters]


def test_equations_are_kept_on_disk(plane: Analysis, tmp_path: Path) -> None:
    found = equations_of(linear(), sx.Box.cube(2, -1, 1), [sx.log_odds(linear(), 0)], 0)
    saved = dataclasses.replace(plane, equations=found)
    assert Analysis.load(saved.save(tmp_path / "run")).equations == found
    assert '<section id="equation"' in rendered(saved, found)


def test_a_study_writes_its_equations_down() -> None:
    analysis = sx.analyze(linear(), ([-1, -1], [1, 1]))
    assert [equation.potential for equation in analysis.equations] == ["log-odds of class 0", "probability of class 0"]
    assert "the equation" in analysis.timings
    assert next(claim for claim in analysis.claims if claim.number == "C4").status == "shown"


def test_formulas_are_drawn_and_nothing_is_clipped(page: Page) -> None:
    assert page.errors == [] and page.requests == []
    sizes = page.evaluate("[...document.querySelectorAll('#equation math')].map(e => e.getBoundingClientRect().height)")
    assert len(sizes) > 60 and min(sizes) > 10
    for width in (390, 1280):
        page.emulate(width=width, height=900, dark=width == 390)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert page.evaluate(
            "[...document.querySelectorAll('.formula')].every(e => e.scrollHeight <= e.clientHeight + 1)"
        )
    page.emulate(width=720, height=1000, media="print")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_formulas_take_the_colour_of_the_text(page: Page) -> None:
    colour = "getComputedStyle(document.querySelector('#equation mi')).color"
    page.emulate(width=1280, height=900)
    light = page.evaluate(colour)
    page.emulate(width=1280, height=900, dark=True)
    assert page.evaluate(colour) != light
