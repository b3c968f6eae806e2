"""The page: what stands in it, that nothing in it reaches out, and that hostile text stays text."""

import dataclasses
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from separatrix import Analysis, Certainty, WholeSpace
from separatrix.certainty import Statement
from separatrix.study.analysis import NetworkSummary
from separatrix.study.portrait import Portrait
from separatrix.views.colours import PALETTE
from separatrix.views.report import TEMPLATES, render, write_report
from tests.views.conftest import HOSTILE

VOID = {"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"}


class Elements(HTMLParser):
    """Elements with attributes, ids, text; every element closed in its order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, (tag, self.getpos())

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def elements(page_path: Path) -> Elements:
    return Elements(page_path.read_text(encoding="utf-8"))


def test_the_numbers_stand_beside_a_small_page(page_path: Path, images: Analysis) -> None:
    assert page_path.name == "report.html"
    assert page_path.stat().st_size < 10e6
    assert {path.name for path in page_path.parent.iterdir()} == {"report.html", "analysis.json", "arrays.npz"}
    loaded = Analysis.load(page_path.parent)
    assert np.array_equal(loaded.flow[0].sinks.points, images.flow[0].sinks.points)
    assert render(loaded) == page_path.read_text(encoding="utf-8")


def test_a_page_can_have_a_name_of_its_own(plane: Analysis, tmp_path: Path) -> None:
    assert write_report(plane, tmp_path / "new" / "a page.html") == tmp_path / "new" / "a page.html"
    assert (tmp_path / "new" / "a page.html").exists()


def test_nothing_points_outside(elements: Elements) -> None:
    for _, attributes in elements.found:
        for name in ("src", "href", "action", "srcset", "data", "poster"):
            assert not re.match(r"\s*(https?:)?//", attributes.get(name) or "")
    styles = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    assert "@import" not in styles and "url(" not in styles


def test_every_element_is_closed_and_every_link_arrives(elements: Elements) -> None:
    assert not elements.open
    ids = [attributes["id"] for _, attributes in elements.found if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"] for tag, attributes in elements.found if tag == "a"}
    assert {target for target in targets if target} <= {f"#{name}" for name in ids}


def test_all_pictures_lie_on_one_sheet_and_say_what_they_show(page_path: Path, elements: Elements) -> None:
    assert page_path.read_text(encoding="utf-8").count("data:image") == 2
    for tag, attributes in elements.found:
        if attributes.get("role") == "img":
            assert attributes.get("aria-label"), (tag, attributes)


def test_the_contents_name_the_chapters_that_are_there(images: Analysis) -> None:
    def chapters(analysis: Analysis) -> tuple[list[str], list[str]]:
        text = render(analysis)
        side = text[text.index('<nav class="side"') : text.index("</nav>")]
        return re.findall(r'href="#([a-z]+)"', side), re.findall(r'<section id="([a-z]+)"', text)

    named, there = chapters(images)
    assert (
        named
        == there
        == ["findings", "sinks", "basins", "theorems", "consistency", "programme", "computed", "glossary"]
    )
    named, there = chapters(dataclasses.replace(images, flow=(), theorems=(), consistency=()))
    assert named == there == ["findings", "programme", "computed", "glossary"]


def test_a_bare_analysis_has_a_page(images: Analysis) -> None:
    bare = Analysis(network=images.network)
    assert "How this was computed" in render(bare)
    unfinished = dataclasses.replace(images, is_finished=False, data=None)
    assert "interrupted" in render(unfinished)


def test_hostile_text_stays_text(images: Analysis) -> None:
    network = NetworkSummary(
        name=HOSTILE,
        architecture=HOSTILE,
        activations=(HOSTILE,),
        n_inputs=784,
        n_classes=10,
        n_parameters=1,
        is_piecewise_linear=False,
        source=HOSTILE,
        largest_difference=None,
        notes=(HOSTILE,),
        metadata={HOSTILE: HOSTILE},
        accuracy_on=HOSTILE,
        accuracy=0.5,
    )
    finding = Statement(HOSTILE, Certainty.PROVED, HOSTILE)
    text = render(dataclasses.replace(images, network=network, findings=(finding,), command=HOSTILE, notes=(HOSTILE,)))
    found = Elements(text).found
    assert sum(tag == "script" for tag, _ in found) == 1
    assert not any(tag == "img" for tag, _ in found)
    assert not any(name.startswith("on") for _, attributes in found for name in attributes)
    assert "{{ 7 * 7 }}" in text


def test_a_term_is_linked_once_and_explained(elements: Elements) -> None:
    links = [
        attributes["href"] for tag, attributes in elements.found if tag == "a" and attributes.get("class") == "term"
    ]
    assert "#term-sink" in links and "#term-log-density" in links
    assert len(links) == len(set(links))


def test_a_check_that_fails_stands_in_the_findings(images: Analysis) -> None:
    broken = dataclasses.replace(images.consistency[0], holds=False)
    text = render(dataclasses.replace(images, consistency=(broken,)))
    assert "A check fails" in text[: text.index('id="sinks"')]


def test_every_certainty_has_a_shape_of_its_own(page_path: Path) -> None:
    text = page_path.read_text(encoding="utf-8")
    shapes = {
        name: match[1]
        for name in ("proved", "verified", "heuristic", "unknown")
        if (match := re.search(rf'class="badge {name}" tabindex="0">(<svg.*?</svg>)', text, re.DOTALL))
    }
    assert len(shapes) == len(set(shapes.values())) == 4


def test_the_page_and_the_plots_share_their_colours() -> None:
    style = (TEMPLATES / "style.css").read_text(encoding="utf-8")
    assert [style.split(f"--k{i}:")[1][:7].upper() for i in range(len(PALETTE))] == list(PALETTE)


def test_points_in_the_plane_get_a_phase_portrait(plane: Analysis) -> None:
    found = Elements(render(plane)).found
    assert any(attributes.get("class") == "plane" for _, attributes in found)
    assert not any("px" in (attributes.get("class") or "").split() for _, attributes in found)


def test_odd_analyses_have_pages_and_screens(images: Analysis, plane: Analysis) -> None:
    portrait = images.flow[0]
    none = np.zeros(0, dtype=np.int64)
    empty = dataclasses.replace(
        portrait.sinks,
        **{
            name: getattr(portrait.sinks, name)[:0] for name in ("points", "values", "indices", "active", "multipliers")
        },
        **{name: getattr(portrait.sinks, name)[:0] for name in ("radius", "error", "certainty", "evidence", "spectra")},
        label=np.full(5, -1),
    )
    many = np.zeros((len(portrait.sinks), 120))
    many[np.arange(len(many)), portrait.sink_class] = 1.0
    assert images.data is not None
    for flow, changes in (
        (Portrait(potential="f", sinks=empty, sink_class=none, probabilities=np.zeros((0, 10))), {}),
        (dataclasses.replace(portrait, probabilities=many, changed=None, off_data=None, slow=None, strong=None), {}),
        (portrait, {"domain": WholeSpace(784)}),
        (portrait, {"data": dataclasses.replace(images.data, image_shape=(1, 28, 28))}),
        (portrait, {"data": dataclasses.replace(images.data, image_shape=())}),
        (dataclasses.replace(portrait, true_label=None, sample_index=None), {"data": None}),
        (dataclasses.replace(plane.flow[0], domain=None), {"network": plane.network, "data": None}),
    ):
        odd = dataclasses.replace(images, flow=(flow,), **changes)
        assert not Elements(render(odd)).open
        assert max(map(len, str(odd).splitlines())) <= 80
