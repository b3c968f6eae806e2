"""The page as a reader meets it: off line, narrow, dark, by keyboard, and with scripts off."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.browsing import Page, open_page

FITS = "document.documentElement.scrollWidth <= innerWidth"
COLOURS = """JSON.stringify(["body", "h2", "figcaption", ".badge.proved", ".plot text", ".area"].map(name => {
  const style = getComputedStyle(document.querySelector(name));
  return [style.color, style.backgroundColor, style.fill] }))"""
CONTRAST = """(() => {
  const parts = c => c.match(/[\\d.]+/g).map(v => c.startsWith('color(') ? 255 * v : Number(v));
  const light = c => parts(c).slice(0, 3).map(v => v / 255)
    .map(v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0);
  const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor;
    if (c !== 'rgba(0, 0, 0, 0)') return c } };
  return [...document.querySelectorAll("main *")].filter(e => !e.closest(".tip, svg, .hidden") && e.checkVisibility()
    && [...e.childNodes].some(n => n.nodeType === 3 && n.textContent.trim())).map(e => {
    const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x);
    return [(a + .05) / (b + .05), e.className + " " + e.textContent.slice(0, 40)] })
    .filter(([ratio]) => ratio < 4.5) })()"""


@pytest.fixture(scope="module")
def page(browser: str, page_path: Path) -> Iterator[Page]:
    with open_page(browser, page_path) as opened:
        yield opened


def test_the_page_is_quiet_and_asks_for_nothing(page: Page) -> None:
    page.evaluate("new Promise(done => setTimeout(done, 200))")
    assert page.errors == []
    assert page.requests == []
    assert page.evaluate("document.querySelectorAll('.film input[type=range]').length") > 0


@pytest.mark.parametrize("width", [390, 320, 800, 1600])
def test_the_body_never_scrolls_sideways(page: Page, width: int) -> None:
    page.emulate(width=width, height=900)
    assert page.evaluate(FITS)
    shown = page.evaluate(
        "[...document.querySelectorAll('.side, .contents')].map(e => getComputedStyle(e).display != 'none')"
    )
    assert shown == ([True, False] if width >= 1056 else [False, True])


def test_dark_mode_turns_text_and_figures(page: Page) -> None:
    page.emulate(width=1280, height=900)
    light = page.evaluate(COLOURS)
    page.emulate(width=1280, height=900, dark=True)
    assert page.evaluate(COLOURS) != light
    assert page.evaluate("getComputedStyle(document.querySelector('.area')).fill") not in light


@pytest.mark.parametrize("dark", [False, True])
def test_text_has_contrast(page: Page, dark: bool) -> None:
    page.emulate(width=1280, height=900, dark=dark)
    assert page.evaluate(CONTRAST) == []


def test_tables_sort_and_say_so(page: Page) -> None:
    page.emulate(width=1280, height=900)
    head = "document.querySelector('table.bars thead th:nth-child(3)')"
    values = "[...document.querySelectorAll('table.bars tbody td:nth-child(3)')].map(e => Number(e.dataset.v))"
    page.evaluate(f"{head}.querySelector('button').click()")
    assert page.evaluate(f"{head}.ariaSort") == "ascending"
    assert page.evaluate(values) == sorted(page.evaluate(values))
    page.evaluate(f"{head}.querySelector('button').click()")
    assert page.evaluate(values) == sorted(page.evaluate(values), reverse=True)


def test_a_scrubber_moves_the_picture_by_keyboard(page: Page) -> None:
    page.evaluate("document.querySelector('.film input').focus()")
    before = page.evaluate("document.querySelector('.trio .px').getAttribute('style')")
    page.press("ArrowRight")
    assert page.evaluate("document.querySelector('.film output').textContent").startswith("arc length")
    assert page.evaluate("document.querySelector('.trio .px').getAttribute('style')") != before


def test_a_badge_says_on_what_it_rests_inside_the_window(page: Page) -> None:
    page.emulate(width=390, height=800)
    last = "[...document.querySelectorAll('.badge')].filter(e => e.checkVisibility()).at(-1)"
    assert page.evaluate(f"getComputedStyle({last}.querySelector('.tip')).display") == "none"
    page.evaluate(f"{last}.focus()")
    box = page.evaluate(f"(b => [b.left, b.right, b.width])({last}.querySelector('.tip').getBoundingClientRect())")
    assert 0 <= box[0] < box[1] <= 390 and box[2] > 100
    page.press("Escape")
    assert page.evaluate(f"getComputedStyle({last}.querySelector('.tip')).display") == "none"


def test_a_link_opens_what_it_leads_to(page: Page) -> None:
    page.evaluate("location.hash = document.querySelector('.more .card').id")
    page.evaluate("new Promise(done => setTimeout(done, 100))")
    assert page.evaluate("document.querySelector('.more .card').closest('details').open")


def test_everything_can_be_read_without_scripts(browser: str, page_path: Path) -> None:
    with open_page(browser, page_path, width=390, scripts=False) as page:
        assert page.evaluate(FITS)
        assert page.evaluate("document.querySelectorAll('button, input').length") == 0
        assert page.evaluate("[...document.querySelectorAll('section')].every(e => e.innerText.length > 40)")
        assert page.evaluate("document.querySelectorAll('.frames .px').length") > 100
        page.evaluate("document.querySelector('.findings .badge').focus()")
        assert page.evaluate("getComputedStyle(document.querySelector('.findings .tip')).display") == "block"
        assert page.errors == []


def test_print_leaves_out_what_paper_cannot_do(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true })")
    page.emulate(width=720, height=1000, media="print")
    assert page.evaluate("[...document.querySelectorAll('.scrub, .tools, .side')].every(e => !e.checkVisibility())")
    assert page.evaluate(FITS)
