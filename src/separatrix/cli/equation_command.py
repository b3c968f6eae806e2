"""``separatrix equation MODEL``."""

from __future__ import annotations

from typing import Any

import click

from separatrix.cli.reading_options import read_model, reading_options


@click.command("equation")
@click.argument("model")
@click.option(
    "--potential", multiple=True, metavar="NAME", help="log-odds:3, probability:3, log-density, …; may be repeated."
)
@click.option("--box", nargs=2, type=float, metavar="LO HI", help="The flow on [LO, HI]^n; default: on all of R^n.")
@click.option("--reduced", is_flag=True, help="The exact reduction to the row space of the first layer.")
@click.option("--solution", is_flag=True, help="The exact solution, where there is one.")
@reading_options
def equation_command(
    model: str,
    potential: tuple[str, ...],
    box: tuple[float, float] | None,
    reduced: bool,
    solution: bool,
    **options: Any,
) -> None:
    """Print the differential equation of the flow of the classifier in MODEL as LaTeX.

    Without --potential that of the log-odds of class 0.
    """
    from separatrix.domains import Box, WholeSpace
    from separatrix.errors import InputError
    from separatrix.flow.equations.closed_form import closed_form
    from separatrix.study.named_potentials import chosen_potentials

    net = read_model(model, options)
    domain = WholeSpace(net.n_inputs) if box is None else Box.cube(net.n_inputs, *box)
    for chosen in chosen_potentials(net, potential or "log-odds:0", []):
        form = closed_form(chosen, domain)
        if reduced and not form.reduced_latex:
            raise InputError(
                f"{chosen.name}: there is no reduction, for the input acts through more than one affine layer"
            )
        solved = form.solution if solution else None
        if solution and solved is None:
            raise InputError(f"{chosen.name}: no formula for the solution of this flow is known; leave out --solution")
        click.echo(solved.latex if solved is not None else form.reduced_latex if reduced else form.latex)
