"""``separatrix morse-graph MODEL``."""

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
    from separatrix.conley.morse_graph_record import MorseGraph


@click.command("morse-graph")
@formula_options
@boundary_option
@flow_options
def morse_graph_command(
    model: str | None, expression: str | None, variables: str | None, boundary: str, **options: Any
) -> None:
    """Compute the Morse graph of the flow of a potential of the classifier in MODEL: Morse sets, Conley indices, their order.

    One to four inputs. The order is that of the flow itself, not of a grid; where it is not exact that is said.
    """
    from separatrix.conley.morse_graph import morse_graph
    from separatrix.flow.gradient_flow import GradientFlow

    asked = asked_potential("morse-graph", model, expression, variables, options)
    found = morse_graph(GradientFlow(asked.potential, asked.box, boundary), rng=options["seed"])
    deliver_record(found, options, described(found))


def described(found: MorseGraph) -> list[str]:
    """The lines about a Morse graph."""
    exact = f"exact ({found.order_certainty})" if found.order_is_exact else "not exact: it holds what was not excluded"
    lines = [
        f"{len(found)} Morse sets of the {found.potential}, {found.n_pairs} pairs in their order, the order {exact}"
    ]
    names = found.names
    if len(found):
        lines.append("  set    Conley index        certainty  leads to")
    for one, row in list(zip(found.sets, found.edges, strict=True))[:MOST_ROWS]:
        name = one.point_ids[0] if len(one.point_ids) == 1 else one.name
        ahead = " ".join(names[b] for b, is_edge in enumerate(row) if is_edge)
        lines.append(f"  {name:<6} {one.conley_index:<19} {one.certainty!s:<9}  {ahead}")
    if len(found) > MOST_ROWS:
        lines.append(f"  … and {len(found) - MOST_ROWS} more; --json FILE has all")
    if found.n_boxes:
        apart = "keeps the sets apart" if found.isolates else "does not keep all sets apart"
        lines.append(f"  an outer approximation by {found.n_boxes} cubes {apart}")
    return [
        *lines,
        *(f"  not decided: {what}" for what in found.missing[:6]),
        *(f"  note: {note}" for note in found.notes[:6]),
    ]
