"""The stages of a study as a person sees them: progress while one runs, one line with its finding when it is done."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from separatrix.flow.pieces import Progress

LOGGER = logging.getLogger("separatrix.study")


class Stages:
    """Times stages and passes progress on. Findings go to the logger ``separatrix.study`` at level INFO."""

    def __init__(self, progress: Progress | None = None) -> None:
        self.progress = progress
        self.timings: dict[str, float] = {}
        self.is_interrupted = False

    @contextmanager
    def stage(self, name: str) -> Iterator[Finding]:
        """A stage that is timed; what is said in its finding is logged at the end."""
        self._raise_if_interrupted()
        begun, finding = time.perf_counter(), Finding()
        if self.progress is not None:
            self.progress(name, 0, 0)
        yield finding
        seconds = time.perf_counter() - begun
        self.timings[name] = self.timings.get(name, 0.0) + seconds
        if finding.text:
            LOGGER.info("%s: %s, %s", name, finding.text, in_words(seconds))

    def step(self, name: str, done: int, total: int) -> None:
        """Tell how far a stage is."""
        self._raise_if_interrupted()
        if self.progress is not None:
            self.progress(name, done, total)

    @contextmanager
    def remembering_interrupts(self) -> Iterator[None]:
        """Within, Ctrl-C that is lost on its way (in a library that catches everything) is raised again at the next step."""
        is_usual = signal.getsignal(signal.SIGINT) is signal.default_int_handler
        if not is_usual or threading.current_thread() is not threading.main_thread():
            yield
            return

        def remember(number: int, frame: FrameType | None) -> None:
            self.is_interrupted = True
            signal.default_int_handler(number, frame)

        signal.signal(signal.SIGINT, remember)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, signal.default_int_handler)

    def _raise_if_interrupted(self) -> None:
        if self.is_interrupted:
            raise KeyboardInterrupt


class Finding:
    """What a stage found, in a few words."""

    text: str = ""

    def say(self, text: str) -> None:
        """Set the text."""
        self.text = text


def in_words(seconds: float) -> str:
    """A time for people.

    >>> in_words(0.34), in_words(75), in_words(4000)
    ('0.3 s', '1 min 15 s', '1 h 7 min')
    """
    if seconds < 9.5:
        return f"{seconds:.1f} s"
    if seconds < 59.5:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60) if seconds > 3600 else int(seconds // 60)
    return f"{minutes} min {seconds % 60:.0f} s" if seconds <= 3600 else f"{minutes // 60} h {minutes % 60} min"
