"""``separatrix surface MODEL``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.reading_options import read_model, reading_options

if TYPE_CHECKING:
    from separatrix.study.surface_portrait import SurfacePortrait

PATH = click.Path(path_type=Path)


@click.command("surface")
@click.argument("model")
@click.option(
    "--box",
    nargs=2,
    type=float,
    metavar="LO HI",
    help="The cube [LO, HI]^n; default: the box its file names, else [0, 1]^n.",
)
@click.option("--classes", nargs=2, type=int, metavar="I J", help="The surface between two classes; default: all.")
@click.option(
    "--through",
    type=PATH,
    metavar="FILE",
    help="2 to 4 points (.npy, .npz, .csv): the slice through them, half a step beyond each.",
)
@click.option(
    "--data", type=PATH, metavar="FILE", help="Points to count in the regions (.npy, .npz, .csv; or by name: moons)."
)
@click.option("--explain", is_flag=True, help="Write the homology computation out.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write the result as JSON.")
@click.option(
    "--plot", "plot_file", type=PATH, metavar="FILE", help="Draw it (.svg, .png, .pdf), in up to 3 dimensions."
)
@reading_options
def surface_command(
    model: str, box: tuple[float, float] | None, classes: tuple[int, int] | None, explain: bool, **options: Any
) -> None:
    """Compute the decision surface of the classifier in MODEL: cells, regions, islands, neurons, homology over Z.

    A piecewise linear network with up to 6 inputs gives the exact complex, a smooth one with up to 3 a certified one. With
    more inputs give --through: the network is cut by the slice through these points.
    """
    from separatrix.cli.results import check_files, write_text
    from separatrix.data.embedded_networks import box_of
    from separatrix.domains import Box
    from separatrix.errors import InputError

    check_files(options["json_file"], options["plot_file"])
    net = read_model(model, options)
    domain = box_of(net.reading.metadata) if box is None else Box.cube(net.n_inputs, *box)
    portrait = _portrait(net, domain, classes, options)
    if options["plot_file"] is not None and portrait.dim > 3:
        raise InputError(f"--plot: surfaces are drawn in up to 3 dimensions, this one lies in {portrait.dim}")
    if options["json_file"] is not None:
        write_text(options["json_file"], portrait.to_json())
    if options["plot_file"] is not None:
        from separatrix.views.flow_plots import save_plot

        save_plot(portrait, options["plot_file"])
    for line in described(portrait):
        click.echo(line)
    if explain:
        click.echo(f"\n{portrait.computation}")


def _portrait(net: Any, domain: Any, classes: tuple[int, int] | None, options: dict[str, Any]) -> SurfacePortrait:
    from separatrix.errors import InputError
    from separatrix.study.question import asked
    from separatrix.study.surface_chapter import surface_portrait
    from separatrix.study.surface_places import places_of

    question = asked(net, domain, options["data"], basins=False)
    places, note = places_of(question, options["through"])
    if not places:
        raise InputError(f"the decision surface of this network: {note}; give --through FILE")
    return surface_portrait(places[0], question.domain, classes)


def described(portrait: SurfacePortrait) -> list[str]:
    """The lines about a surface."""
    from separatrix.study.surface_words import group_words

    cells = " + ".join(f"{n:,}" for n in portrait.cell_counts)
    lines = [f"decision surface on {portrait.place} [{portrait.certainty}]", f"  cells by dimension  {cells}"]
    if portrait.ambient_counts:
        lines.append(f"  cells it divides    {' + '.join(f'{n:,}' for n in portrait.ambient_counts)}")
    lines.append(f"  homology over Z     {group_words(portrait)}")
    if portrait.n_exact:
        lines.append(f"  decided exactly     {portrait.n_exact:,} signs in rational numbers")
    if portrait.n_unsettled:
        lines.append(f"  not settled         {portrait.n_unsettled:,} parts of the box")
    if portrait.neurons:
        best = ", ".join(f"{row.neuron} ({row.n_cells:,})" for row in portrait.neurons[:6])
        lines.append(f"  dominant neurons    {portrait.n_neurons}; most cells: {best}")
        lines.append(f"  nerve of the cover  Betti numbers {', '.join(map(str, portrait.nerve_betti))}")
    lines.append(f"decision regions [{portrait.regions_certainty}]")
    lines.append(
        "  class  components  islands  share of the box  Betti numbers" + ("  data" if _has_data(portrait) else "")
    )
    for row in portrait.regions:
        data = f"  {row.n_data:,}" if row.n_data >= 0 else ""
        betti = ", ".join(map(str, row.betti))
        lines.append(
            f"  {row.k:>5}  {row.n_components:>10,}  {row.n_islands:>7,}  {_percent(row.share):>16}  {betti:<13}{data}"
        )
    return lines


def _percent(share: float) -> str:
    """A share in percent; a dash where it overflows."""
    return f"{100 * share:.2f} %" if share == share else "–"


def _has_data(portrait: SurfacePortrait) -> bool:
    return any(row.n_data >= 0 for row in portrait.regions)
