"""``separatrix levels MODEL``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.flow_options import asked_potential, deliver_record, flow_options, formula_options

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelSets

MOST_ROWS = 60


@click.command("levels")
@formula_options
@click.option(
    "--resolution",
    type=click.IntRange(min=2),
    metavar="N",
    help="Intervals an axis of the grid; default: by dimension.",
)
@click.option(
    "--level", type=float, multiple=True, metavar="C", help="Betti numbers at this level; may be given several times."
)
@click.option(
    "--mesh",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write {f = C} of the first --level as .ply or .vtu.",
)
@flow_options
def levels_command(
    model: str | None,
    expression: str | None,
    variables: str | None,
    resolution: int | None,
    level: tuple[float, ...],
    mesh: Path | None,
    **options: Any,
) -> None:
    """Follow the level sets of a potential of the classifier in MODEL: where their topology changes, and at which points.

    One to three inputs (piecewise linear margins: on the exact complex). Every change is matched to a critical point.
    """
    from separatrix.errors import InputError
    from separatrix.morse.levels.level_sets import level_sets

    if mesh is not None and not level:
        raise InputError("--mesh: give the level, as --level 0")
    asked = asked_potential("levels", model, expression, variables, options)
    found = level_sets(asked.potential, asked.box, resolution=resolution)
    if mesh is not None:
        found.save_mesh(level[0], mesh)
    deliver_record(found, options, described(found, level))


def described(found: LevelSets, levels: tuple[float, ...] = ()) -> list[str]:
    """The lines about level sets: the events, and the Betti numbers at the levels asked for."""
    matched = sum(bool(event.matched) for event in found.events)
    lines = [
        f"{len(found.events)} events of the level sets of the {found.potential}, {matched} matched to critical points; values "
        f"within {found.tolerance:.2g}"
    ]
    for c in levels:
        sides = ", ".join(
            f"{{f {side} c}} {found.betti(c, side)} ({found.certainty_at(c, side)})" for side in (">=", "<=", "=")
        )
        lines.append(f"  c = {c:g}: Betti numbers of {sides}")
    if found.events:
        lines.append("  value         side  point  certainty  what changes")
    for event in found.events[:MOST_ROWS]:
        lines.append(
            f"  {event.value:<12.6g}  {event.side:<4}  {event.matched or '-':<5}  {event.certainty!s:<9}  {event.what}"
        )
    if len(found.events) > MOST_ROWS:
        lines.append(f"  … and {len(found.events) - MOST_ROWS} more; --json FILE has all")
    return [
        *lines,
        *(f"  not matched: {what}" for what in found.missing[:6]),
        *(f"  note: {note}" for note in found.notes[:6]),
    ]
