"""Progress in a shell: the running stage on one line with counts and time left; finished stages stay."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

REFRESH, SLOW_REFRESH, WIDTH = 0.1, 15.0, 100


class ProgressLines:
    """Draws ``progress(stage, done, total)`` on stderr: redrawn in a terminal, a rare line in a file."""

    def __init__(self) -> None:
        self.is_terminal = sys.stderr.isatty()
        self.stage, self.begun, self.done, self.drawn = "", 0.0, 0, 0.0
        self.has_line = False

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Tell how far a stage is; ``total`` 0: it has begun."""
        now = time.monotonic()
        if stage != self.stage or done < self.done:
            self.stage, self.begun, self.drawn = stage, now, now if not self.is_terminal else 0.0
        self.done = done
        if now - self.drawn < (REFRESH if self.is_terminal else SLOW_REFRESH):
            return
        self.drawn = now
        text = f"{stage} …" if not total else f"{stage}: {done:,} of {total:,}{self._left(done, total, now)}"
        if self.is_terminal:
            click.echo(f"\r{text[:WIDTH]:<{WIDTH}}\r", err=True, nl=False)
            self.has_line = True
        else:
            click.echo(text, err=True)

    def _left(self, done: int, total: int, now: float) -> str:
        if not 0 < done < total or now - self.begun < 1.0:
            return ""
        seconds = (now - self.begun) / done * (total - done)
        return f", about {seconds:.0f} s left" if seconds < 90 else f", about {seconds / 60:.0f} min left"

    def say(self, text: str) -> None:
        """A line that stays."""
        if self.has_line:
            click.echo(f"\r{'':<{WIDTH}}\r", err=True, nl=False)
            self.has_line = False
        click.echo(text, err=True)


class _Findings(logging.Handler):
    def __init__(self, lines: ProgressLines) -> None:
        super().__init__(logging.INFO)
        self.lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        """A finding, as a line that stays."""
        self.lines.say(record.getMessage())


@contextmanager
def shown_progress(quiet: bool) -> Iterator[ProgressLines | None]:
    """Progress lines and findings on stderr while the block runs; None when ``quiet``."""
    if quiet:
        yield None
        return
    lines, logger = ProgressLines(), logging.getLogger("separatrix")
    handler, level = _Findings(lines), logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield lines
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        if lines.has_line:
            click.echo(err=True)
