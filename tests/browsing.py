"""Opens an HTML file in a headless browser and asks what a reader would meet: pictures, text, errors, requests.

A small client of the DevTools protocol, because command-line flags alone give neither narrow windows nor dark mode.

    with open_page(browser, path, width=390, dark=True) as page:
        page.screenshot("narrow.png")
        assert not page.errors
        assert not page.requests
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
"""

import base64
import json
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from os import PathLike
from pathlib import Path
from typing import Any

import websocket

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-extensions",
    "--hide-scrollbars",
    "--mute-audio",
    "--force-color-profile=srgb",
    "--remote-debugging-port=0",
)
START_SECONDS = 60.0
ANSWER_SECONDS = 120.0


class BrowserError(RuntimeError):
    """The browser did not start, refused a command, or a script in the page threw."""


class Page:
    """One open page. ``errors``: what the console and uncaught exceptions said; ``requests``: every address asked for
    besides the file itself and ``data:``/``blob:`` addresses."""

    def __init__(self, address: str) -> None:
        self._socket = websocket.create_connection(address, timeout=ANSWER_SECONDS, suppress_origin=True)
        self._session: str | None = None
        self._next_id = 0
        self._is_loaded = False
        self.url = ""
        self.errors: list[str] = []
        self.requests: list[str] = []

    def open(self, html_path: str | PathLike[str], width: int, height: int, dark: bool, scripts: bool) -> None:
        """Load the file into a new tab, off line."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for room in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{room}.enable")
        self.call("Network.emulateNetworkConditions", offline=True, latency=0, downloadThroughput=0, uploadThroughput=0)
        self.call("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.emulate(width=width, height=height, dark=dark)
        self.url = Path(html_path).resolve(strict=True).as_uri()
        self._is_loaded = False
        self.call("Page.navigate", url=self.url)
        while not self._is_loaded:
            self._receive()

    def emulate(self, *, width: int, height: int, dark: bool = False, media: str = "screen") -> None:
        """Set the window (under 600 pixels it is a telephone, which heeds the viewport tag), scheme and medium."""
        self.call(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.call("Emulation.setEmulatedMedia", media=media, features=[scheme])

    def evaluate(self, expression: str) -> Any:
        """Return the value of a JavaScript expression; a promise is awaited. Works with the page's scripts off, too."""
        answer = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in answer:
            raise BrowserError(_thrown(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def press(self, key: str) -> None:
        """Press and release a key by its name, such as ``Tab``, ``ArrowRight`` or ``Escape``."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39}
        codes |= {"ArrowDown": 40, "Home": 36, "End": 35}
        code = codes.get(key, ord(key[0].upper()))
        for kind in ("rawKeyDown", "keyUp"):
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def dom(self) -> str:
        """Return the page as it is now, after its scripts have run."""
        return self.evaluate("document.documentElement.outerHTML")

    def screenshot(self, png_path: str | PathLike[str], *, full: bool = False) -> Path:
        """Write a PNG of the window, or of the ``full`` page (its first 16,000 pixels)."""
        options: dict[str, Any] = {}
        if full:
            size = self.call("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": min(size["height"], 16000), "scale": 1}
            options = {"captureBeyondViewport": True, "clip": clip}
        picture = self.call("Page.captureScreenshot", format="png", **options)["data"]
        path = Path(png_path)
        path.write_bytes(base64.b64decode(picture))
        return path

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send one DevTools command and return its result; events that come in between are noted."""
        self._next_id += 1
        message: dict[str, Any] = {"id": self._next_id, "method": method, "params": parameters}
        if self._session is not None:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            answer = self._receive()
            if answer.get("id") == self._next_id:
                if "error" in answer:
                    raise BrowserError(f"{method}: {answer['error']['message']}")
                return answer["result"]

    def close(self) -> None:
        """End the browser and the connection to it."""
        self._session = None
        try:
            self.call("Browser.close")
        finally:
            self._socket.close(timeout=0)

    def _receive(self) -> dict[str, Any]:
        message = json.loads(self._socket.recv())
        details = message.get("params", {})
        match message.get("method"):
            case "Page.loadEventFired":
                self._is_loaded = True
            case "Runtime.exceptionThrown":
                self.errors.append(_thrown(details["exceptionDetails"]))
            case "Runtime.consoleAPICalled" if details["type"] in {"error", "assert"}:
                self.errors.append(" ".join(str(a.get("value", a.get("description"))) for a in details["args"]))
            case "Log.entryAdded" if details["entry"]["level"] == "error":
                self.errors.append(f"{details['entry']['text']} {details['entry'].get('url', '')}".strip())
            case "Network.requestWillBeSent":
                self._note_request(details["request"]["url"])
        return message

    def _note_request(self, url: str) -> None:
        if url != self.url and not url.startswith(("data:", "blob:", "about:")):
            self.requests.append(url)


@contextmanager
def open_page(
    browser: str,
    html_path: str | PathLike[str],
    *,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    scripts: bool = True,
) -> Iterator[Page]:
    """Open an HTML file off line in a fresh profile, with a window of the given size, and close the browser after."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile, open(f"{profile}/log", "wb") as log:
        process = subprocess.Popen([browser, *FLAGS, f"--user-data-dir={profile}"], stdout=log, stderr=log)
        try:
            with closing(Page(_address(Path(profile), process))) as page:
                page.open(html_path, width, height, dark, scripts)
                yield page
            process.wait(timeout=START_SECONDS)
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()


def screenshot(
    browser: str,
    html_path: str | PathLike[str],
    png_path: str | PathLike[str],
    *,
    width: int = 1280,
    height: int = 900,
    dark: bool = False,
    full: bool = False,
) -> Path:
    """Write a PNG of an HTML file as a reader with such a window sees it."""
    with open_page(browser, html_path, width=width, height=height, dark=dark) as page:
        return page.screenshot(png_path, full=full)


def dump_dom(browser: str, html_path: str | PathLike[str]) -> str:
    """Return an HTML file's document after its scripts have run."""
    with open_page(browser, html_path) as page:
        return page.dom()


def console_errors(browser: str, html_path: str | PathLike[str]) -> list[str]:
    """Return what an HTML file writes to the console as errors while it loads."""
    with open_page(browser, html_path) as page:
        page.evaluate("new Promise(done => setTimeout(done, 100))")
        return page.errors


def _address(profile: Path, process: subprocess.Popen[bytes]) -> str:
    """Wait until the browser has written where it listens."""
    port_file = profile / "DevToolsActivePort"
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        lines = port_file.read_text().splitlines() if port_file.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.02)
    raise BrowserError(f"the browser did not start:\n{(profile / 'log').read_text(errors='replace')[-3000:]}")


def _thrown(details: dict[str, Any]) -> str:
    return details.get("exception", {}).get("description") or details["text"]
