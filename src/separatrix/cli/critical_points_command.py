"""``separatrix critical-points MODEL``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.flow_options import (
    MOST_ROWS,
    asked_potential,
    boundary_option,
    deliver_record,
    flow_options,
    formula_options,
)

if TYPE_CHECKING:
    from separatrix.flow.critical_points import CriticalPoints


@click.command("critical-points")
@formula_options
@boundary_option
@click.option("--max-boxes", type=click.IntRange(min=1), metavar="N", help="Stop after N boxes.")
@flow_options
def critical_points_command(
    model: str | None,
    expression: str | None,
    variables: str | None,
    boundary: str,
    max_boxes: int | None,
    **options: Any,
) -> None:
    """List all critical points of a potential of the classifier in MODEL, proved, with their Morse indices.

    One to five inputs. A list that is not complete says which parts of the box are not settled.
    """
    from separatrix.morse.critical_points import critical_points

    asked = asked_potential("critical-points", model, expression, variables, options)
    limit: dict[str, Any] = {} if max_boxes is None else {"max_boxes": max_boxes}
    found = critical_points(asked.potential, asked.box, boundary=boundary, rng=options["seed"], **limit)
    deliver_record(found, options, described(found))


def described(found: CriticalPoints) -> list[str]:
    """The lines about a list of critical points."""
    verdict = "complete" if found.is_complete else "not complete"
    lines = [f"{len(found)} critical points of the {found.potential}, {found.n_proved} proved, the list {verdict}"]
    if len(found):
        lines.append("  id    index  value         certainty  faces  radius    point")
    for row, name in list(enumerate(found.ids))[:MOST_ROWS]:
        faces = int((found.active[row] != 0).sum())
        place = ", ".join(f"{x:.6g}" for x in found.points[row][:6]) + (", …" if found.points.shape[1] > 6 else "")
        lines.append(
            f"  {name:<5} {found.indices[row]:>5}  {found.values[row]:<12.6g}  {found.certainty[row]!s:<9}  {faces:>5}  "
            f"{found.radius[row]:<8.1e}  ({place})"
        )
    if len(found) > MOST_ROWS:
        lines.append(f"  … and {len(found) - MOST_ROWS} more; --json FILE has all")
    lines += [f"  law: {law}" for law in found.laws]
    lines += [f"  note: {note}" for note in found.notes]
    for box, reason in list(zip(found.unresolved, found.unresolved_reasons, strict=True))[:12]:
        lines.append(f"  not settled: {box!r}: {reason}")
    if len(found.unresolved) > 12:
        lines.append(f"  … and {len(found.unresolved) - 12} more parts that are not settled")
    return lines
