"""``separatrix conley MODEL``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.flow_options import asked_potential, deliver_record, flow_options, formula_options

if TYPE_CHECKING:
    from separatrix.conley.conley_record import ConleyIndex


MOST_INPUTS = 4


@click.command("conley")
@formula_options
@flow_options
def conley_command(model: str | None, expression: str | None, variables: str | None, **options: Any) -> None:
    """Compute the Conley index of the equilibria in a box: homology of the box relative to where the flow leaves it.

    --box gives the neighbourhood, one to four inputs. The flow of a potential of the classifier in MODEL, or of a formula.
    Three answers that are not one another: trivial, not isolated, not computed.
    """
    from separatrix.conley.conley_index import conley_index
    from separatrix.errors import InputError
    from separatrix.flow.gradient_flow import GradientFlow

    asked = asked_potential("conley", model, expression, variables, options)
    if asked.box.dim > MOST_INPUTS:
        raise InputError(
            f"conley: takes one to {MOST_INPUTS} inputs, this flow has {asked.box.dim}; in Python separatrix.reduced gives the "
            "potentials of some networks as functions of few coordinates"
        )
    found = conley_index(GradientFlow(asked.potential, asked.box, "exit"), asked.box)
    deliver_record(found, options, described(found, asked.potential.name))


def described(found: ConleyIndex, name: str) -> list[str]:
    """The lines about an index."""
    lines = [f"Conley index of the {name} in the box: {found.groups} ({found.verdict}, {found.certainty})"]
    if found.method:
        lines.append(f"  by: {found.method}")
    if found.reason:
        lines.append(f"  because: {found.reason}")
    block = {True: "is an isolating block", False: "is no isolating block", None: "may be an isolating block or not"}
    lines.append(f"  the box {block[found.is_block]}")
    for what, sides in (
        ("leaves", found.exit_sides),
        ("enters", found.entry_sides),
        ("crosses both ways", found.mixed_sides),
    ):
        if sides:
            lines.append(f"  the flow {what}: {', '.join(sides)}")
    return [*lines, *(f"  note: {note}" for note in found.notes[:6])]
