"""The shell: ``separatrix demo``, ``info``, ``analyze``, ``equation``, ``surface``, ``homology``,
``critical-points``, ``saddles``, ``tree``, ``morse-graph``, ``conley``, ``levels``.

Thin: it parses, calls study and views, and prints.

Exit status 0: done; 2: input that cannot be used, with a message of a few lines on stderr; 130: interrupted, what was
finished is kept.
"""

from __future__ import annotations

import io
import os
import shlex
import sys
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

import click

from separatrix._version import __version__
from separatrix.cli.analyze_command import analyze_command
from separatrix.cli.conley_command import conley_command
from separatrix.cli.critical_points_command import critical_points_command
from separatrix.cli.demo_command import demo_command
from separatrix.cli.equation_command import equation_command
from separatrix.cli.homology_command import homology_command
from separatrix.cli.info_command import info_command
from separatrix.cli.levels_command import levels_command
from separatrix.cli.morse_graph_command import morse_graph_command
from separatrix.cli.saddles_command import saddles_command
from separatrix.cli.surface_command import surface_command
from separatrix.cli.tree_command import tree_command
from separatrix.errors import SeparatrixError, printable

DONE, BAD_INPUT, INTERRUPTED, BROKEN_PIPE = 0, 2, 130, 141
WIDTH, MOST_LINES = 100, 8
NO_ARGUMENTS = getattr(click.exceptions, "NoArgsIsHelpError", ())  # click before 8.2 prints the help itself
MODEL = "MODEL is a .npz, .safetensors or .onnx file, or the name of an embedded network (separatrix info lists them)."
SHORT = {
    "demo": "Analyse an embedded network and write a page about it.",
    "info": "Say what a network is and which theorems hold for it.",
    "analyze": "Everything about a classifier: surface, sinks, basins.",
    "equation": "Print the differential equation of the flow as LaTeX.",
    "surface": "The decision surface: regions, islands, homology.",
    "homology": "The homology of a complex in a file.",
    "critical-points": "All critical points of a potential, proved.",
    "saddles": "Saddles between sinks, in any dimension.",
    "tree": "How sinks are joined over their passes.",
    "morse-graph": "Morse sets, their Conley indices, and their order.",
    "conley": "The Conley index of the equilibria in a box.",
    "levels": "Where the topology of level sets changes.",
}


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": WIDTH})
@click.version_option(__version__, prog_name="separatrix")
def program() -> None:
    """What a trained classifier has learned: its decision surface, its gradient flow, and what is proved of them."""


for _command in (
    demo_command, info_command, analyze_command, equation_command, surface_command, homology_command,
    critical_points_command, saddles_command, tree_command, morse_graph_command, conley_command, levels_command,
):  # fmt: skip
    _command.short_help = SHORT[str(_command.name)]
    _command.epilog = MODEL if any(parameter.name == "model" for parameter in _command.params) else None
    program.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; the exit status. ``arguments``: without the program's name, None for those of the process."""
    if arguments is None:
        _told_in_any_encoding()
    given = list(sys.argv[1:] if arguments is None else arguments)
    command = shlex.join(["separatrix", *given])
    shown, warnings.showwarning = warnings.showwarning, _note
    try:
        return program.main(args=given, prog_name="separatrix", standalone_mode=False, obj=command) or DONE
    except NO_ARGUMENTS as error:
        click.echo(error.format_message(), err=True)
        return BAD_INPUT
    except click.ClickException as error:
        click.echo(usage_complaint(error), err=True)
        return BAD_INPUT
    except (KeyboardInterrupt, click.Abort):
        click.echo("separatrix: interrupted", err=True)
        return INTERRUPTED
    except BrokenPipeError:
        # Nobody reads on: leave quietly, and keep the interpreter from flushing into the closed pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    except (SeparatrixError, OSError) as error:
        click.echo(complaint(error), err=True)
        return BAD_INPUT
    finally:
        warnings.showwarning = shown


def _told_in_any_encoding() -> None:
    """Characters that a console does not have are shown as signs of their number, and end nothing."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def usage_complaint(error: click.ClickException) -> str:
    """What click says of a command line that it cannot use, without the control characters that may stand in it."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    head = [context.get_usage(), f"Try '{context.command_path} --help' for help.", ""] if context is not None else []
    said = [printable(line, 500) for line in f"Error: {error.format_message()}".splitlines()[:4]]
    return "\n".join([*head, *said])


def complaint(error: Exception) -> str:
    """An error as a few lines of text.

    >>> complaint(ValueError("expected a, came b"))
    'separatrix: expected a, came b'
    """
    lines = textwrap.wrap(f"separatrix: {error}", WIDTH, subsequent_indent="  ", break_on_hyphens=False)
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"{lines[MOST_LINES - 1]} …"]
    return "\n".join(lines)


def _note(message: Any, category: Any, filename: Any, lineno: Any, file: Any = None, line: Any = None) -> None:
    """A warning as a line for people."""
    click.echo(f"note: {message}", err=True)
