"""What the commands about critical points share: their options, and the network, box and potential that these name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.reading_options import read_model, reading_options

if TYPE_CHECKING:
    from separatrix.domains import Box
    from separatrix.networks.network import Network
    from separatrix.potentials.base import Potential

PATH = click.Path(path_type=Path)
OPTIONS = (
    click.option("--box", nargs=2, type=float, metavar="LO HI",
                 help="The cube [LO, HI]^n; default: the box its file names, else [0, 1]^n."),
    click.option("--potential", metavar="NAME",
                 help="log-density, log-odds:3, margin:3:5, confidence, …; default: log-odds:0 of two classes, else "
                      "log-density."),
    click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the result as JSON."),
    click.option("--plot", "plot_file", type=PATH, metavar="FILE", help="Draw it (.svg, .png, .pdf)."),
    click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random choice."),
)  # fmt: skip

MOST_ROWS = 60
boundary_option = click.option(
    "--boundary", type=click.Choice(["project", "exit"]), default="project", show_default=True,
    help="Equilibria of the projected flow on all faces of the box, or critical points in its interior.",
)  # fmt: skip
FORMULA = (
    click.argument("model", required=False),
    click.option("--expression", metavar="TEXT", help="A formula that is climbed, instead of MODEL."),
    click.option("--variables", metavar="NAMES", help='The variables of the formula in their order, as "x y".'),
)


def flow_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of a command about one potential on one box."""
    command = reading_options(command)
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def formula_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """MODEL, or a formula in its place."""
    for option in reversed(FORMULA):
        command = option(command)
    return command


@dataclass(frozen=True)
class Asked:
    """The network (None for a formula), the box and the potential that a command line names."""

    net: Network | None
    box: Box
    potential: Potential


def asked_potential(
    name: str, model: str | None, formula: str | None, variables: str | None, options: dict[str, Any]
) -> Asked:
    """What the command ``name`` is asked about: a network or a formula. Raises InputError for both or neither."""
    from separatrix.errors import InputError

    if (model is None) == (formula is None):
        raise InputError(f"{name}: give a MODEL, or --expression with --variables and --box")
    return asked_formula(str(formula), variables, options) if model is None else asked_network(model, options)


def asked_network(model: str, options: dict[str, Any]) -> Asked:
    """What the options say of the network MODEL. Raises InputError for names that cannot be used."""
    from separatrix.cli.results import check_files
    from separatrix.data.embedded_networks import box_of
    from separatrix.domains import Box
    from separatrix.errors import InputError
    from separatrix.study.named_potentials import chosen_potentials

    check_files(options["json_file"], options["plot_file"])
    net = read_model(model, options)
    usual = "log-odds:0" if net.n_classes == 2 else "log-density"
    found = list(chosen_potentials(net, options["potential"] or usual, []))
    if len(found) > 1:
        raise InputError(
            f"--potential {options['potential']}: names {len(found)} potentials, give one, such as log-odds:0"
        )
    if options["box"] is not None:
        box = Box.cube(net.n_inputs, *options["box"])
    else:
        box = box_of(net.reading.metadata) or Box.cube(net.n_inputs, 0, 1)
    return Asked(net, box, found[0])


def asked_formula(text: str, variables: str | None, options: dict[str, Any]) -> Asked:
    """What the options say of a formula that is climbed."""
    from separatrix.cli.results import check_files
    from separatrix.domains import Box
    from separatrix.errors import InputError
    from separatrix.potentials.expression import expression

    check_files(options["json_file"], options["plot_file"])
    if not variables:
        raise InputError('--expression: name the variables in their order, as --variables "x y"')
    if options["box"] is None:
        raise InputError("--expression: give the box, as --box -2 2")
    potential = expression(text, variables)
    return Asked(None, Box.cube(potential.dim, *options["box"]), potential)


def deliver_record(record: Any, options: dict[str, Any], lines: list[str]) -> None:
    """Write the files that were asked for, and print."""
    from separatrix.cli.results import write_text

    if options["json_file"] is not None:
        write_text(options["json_file"], record.to_json())
    if options["plot_file"] is not None:
        from separatrix.views.flow_plots import save_plot

        save_plot(record, options["plot_file"])
    for line in lines:
        click.echo(line)
