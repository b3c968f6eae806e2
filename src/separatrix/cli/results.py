"""What a finished study leaves: a screen on stdout, files under ``--out``, and files that were asked for by name."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.errors import InputError, printable

if TYPE_CHECKING:
    from separatrix.study.analysis import Analysis
    from separatrix.study.pieces import Pieces

PLOTS = (".svg", ".png", ".pdf")
INTERRUPTED = 130


class FolderPath(click.Path):
    """The name of a folder, as a Path; an empty name, which would be the working folder, is refused."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The path. Raises click's usage error for ""."""
        if value == "":
            self.fail('expected the name of a folder, came ""; for the working folder write "."', param, ctx)
        return super().convert(value, param, ctx)


def check_files(json: Path | None, plot: Path | None) -> None:
    """Raise InputError for names that cannot be written, before any work is done."""
    if plot is not None and plot.suffix.lower() not in PLOTS:
        raise InputError(f"--plot {printable(plot)}: expected a name that ends in {', '.join(PLOTS)}")
    for option, path in (("--json", json), ("--plot", plot)):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            problem = "is a folder" if path.is_dir() else f"there is no folder {printable(path.parent)}"
            raise InputError(
                f"{option} {printable(path)}: {problem}; expected the name of a file in a folder that exists"
            )


def write_text(path: Path, text: str) -> None:
    """Write a file that was asked for by name; InputError with that name where the disk is full or closed to us."""
    try:
        path.write_text(text, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise InputError(f"{printable(path)}: cannot be written: {error.strerror or error}") from None


@contextlib.contextmanager
def held_pieces(out: Path | None, resume: bool) -> Iterator[Pieces]:
    """The store of finished pieces under ``--out``, for this command alone until its files are written.

    ``resume``: whether what an earlier run left there is kept. Raises InputError where another run is at work there.
    """
    from separatrix.study.pieces import Pieces

    is_new = out is not None and not out.exists()
    pieces = Pieces(None if out is None else out / "pieces")
    try:
        with pieces.locked():
            if not resume:
                pieces.clear()
            yield pieces
    finally:
        if out is not None and is_new:
            with contextlib.suppress(OSError):
                out.rmdir()  # where nothing has come of it


def deliver(
    analysis: Analysis,
    out: Path | None,
    json: Path | None = None,
    plot: Path | None = None,
    pieces: Pieces | None = None,
) -> int:
    """Write the files, clear the ``pieces`` of a finished study, print the screen; the exit status."""
    page = None
    if out is not None:
        analysis.save(out)
        page = analysis.report(out / "report.html")
    if json is not None:
        write_text(json, analysis.to_json())
    if plot is not None:
        _draw(analysis, plot)
    if pieces is not None and analysis.is_finished:
        with contextlib.suppress(InputError):  # what cannot be removed may stay
            pieces.clear()
    click.echo(str(analysis))
    if page is not None:
        click.echo(f"\nreport: {page}")
    if not analysis.is_finished:
        way = "give --out DIR, and such a run can go on" if out is None else "the same command goes on from here"
        click.echo(f"separatrix: interrupted; {way}", err=True)
    return 0 if analysis.is_finished else INTERRUPTED


def _draw(analysis: Analysis, path: Path) -> None:
    """The main portrait as a picture."""
    if not analysis.flow:
        click.echo("note: no plot was drawn, for there are no sinks", err=True)
        return
    from separatrix.views.flow_plots import save_plot

    save_plot(analysis, path)
