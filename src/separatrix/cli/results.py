"""What a finished study leaves: a screen on stdout, files under ``--out``, and files that were asked for by name."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from separatrix.errors import InputError, printable

if TYPE_CHECKING:
    from separatrix.study.analysis import Analysis

PLOTS = (".svg", ".png", ".pdf")
INTERRUPTED = 130


def checked_plot(path: Path | None) -> Path | None:
    """The path of a plot, if its ending is one that can be drawn."""
    if path is not None and path.suffix.lower() not in PLOTS:
        raise InputError(f"--plot {printable(path)}: expected a name that ends in {', '.join(PLOTS)}")
    return path


def deliver(analysis: Analysis, out: Path | None, json: Path | None = None, plot: Path | None = None) -> int:
    """Write the files, print the screen; the exit status."""
    page = None
    if out is not None:
        analysis.save(out)
        page = analysis.report(out / "report.html")
    if json is not None:
        json.write_text(analysis.to_json(), encoding="utf-8")
    if plot is not None:
        _draw(analysis, plot)
    click.echo(str(analysis))
    if page is not None:
        click.echo(f"\nreport: {page}")
    return 0 if analysis.is_finished else INTERRUPTED


def _draw(analysis: Analysis, path: Path) -> None:
    """The first portrait as a picture."""
    if not analysis.flow:
        click.echo("note: no plot was drawn, for there are no sinks", err=True)
        return
    axes = analysis.flow[0].plot()
    axes.figure.savefig(path)
