"""The instrument itself: the browser is really narrow, dark and off line, or the report's tests prove little."""

from pathlib import Path

import pytest

from tests.browsing import BrowserError, console_errors, dump_dom, open_page, screenshot

PAGE = """<!doctype html><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>probe</title>
<style>
  body { margin: 0; height: 3000px; background: rgb(255, 255, 255) }
  @media (prefers-color-scheme: dark) { body { background: rgb(10, 20, 30) } }
</style><p id="p" style="margin: 0">still</p>
<script>document.getElementById("p").textContent = "moved"</script>"""
BROKEN = PAGE + '<img src="http://127.0.0.1:9/none.png" alt=""><script>console.error("said"); missing()</script>'
BACKGROUND = "getComputedStyle(document.body).backgroundColor"


@pytest.fixture
def page_path(tmp_path: Path) -> Path:
    path = tmp_path / "a page, with a space.html"
    path.write_text(PAGE, encoding="utf-8")
    return path


@pytest.mark.parametrize(("dark", "background"), [(False, "rgb(255, 255, 255)"), (True, "rgb(10, 20, 30)")])
def test_the_colour_scheme_is_the_one_asked_for(browser: str, page_path: Path, dark: bool, background: str) -> None:
    with open_page(browser, page_path, dark=dark) as page:
        assert page.evaluate(BACKGROUND) == background
        assert page.errors == []
        assert page.requests == []


def test_a_window_can_be_as_narrow_as_a_telephone(browser: str, page_path: Path, tmp_path: Path) -> None:
    with open_page(browser, page_path, width=320, height=600) as page:
        assert page.evaluate("innerWidth") == 320
        assert png_size(page.screenshot(tmp_path / "window.png")) == (320, 600)
        assert png_size(page.screenshot(tmp_path / "page.png", full=True)) == (320, 3000)


def test_scripts_run_unless_they_are_off(browser: str, page_path: Path) -> None:
    assert ">moved<" in dump_dom(browser, page_path)
    with open_page(browser, page_path, scripts=False) as page:
        assert ">still<" in page.dom()


def test_errors_and_requests_are_seen(browser: str, tmp_path: Path) -> None:
    path = tmp_path / "broken.html"
    path.write_text(BROKEN, encoding="utf-8")
    errors = "\n".join(console_errors(browser, path))
    assert "said" in errors
    assert "missing is not defined" in errors
    with open_page(browser, path) as page:
        assert page.requests == ["http://127.0.0.1:9/none.png"]
        with pytest.raises(BrowserError, match="nowhere is not defined"):
            page.evaluate("nowhere()")


def test_screenshot_writes_the_window(browser: str, page_path: Path, tmp_path: Path) -> None:
    assert png_size(screenshot(browser, page_path, tmp_path / "a.png", width=800, height=500, dark=True)) == (800, 500)


def png_size(path: Path) -> tuple[int, int]:
    head = path.read_bytes()[:24]
    return int.from_bytes(head[16:20], "big"), int.from_bytes(head[20:24], "big")
