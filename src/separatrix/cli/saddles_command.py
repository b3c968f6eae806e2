"""``separatrix saddles MODEL``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from separatrix.cli.critical_points_command import described
from separatrix.cli.flow_options import asked_network, deliver_record, flow_options


@click.command("saddles")
@click.argument("model")
@click.option("--index", type=click.IntRange(min=1), default=1, show_default=True, help="Morse index of the saddles.")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Points from which the sinks are sought (.npy, .npz, .csv; or by name: mnist:400); default: the flow's own starts.",
)
@click.option("--workers", type=int, metavar="N", help="Processes; -1 for all cores. The answer does not depend on it.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@flow_options
def saddles_command(
    model: str, index: int, data: Path | None, workers: int | None, quiet: bool, **options: Any
) -> None:
    """Search saddles between the sinks of a potential of the classifier in MODEL, in any dimension, and prove them.

    First the sinks, then searches between all pairs of them. Such a list is never called complete.
    """
    from separatrix.cli.progress import shown_progress
    from separatrix.data.point_files import data_points
    from separatrix.errors import InputError
    from separatrix.flow.gradient_flow import GradientFlow
    from separatrix.flow.piecewise_linear.creases import has_creases
    from separatrix.flow.saddles.saddles import saddles
    from separatrix.study.parallel import worker_count

    worker_count(workers, 0.0)
    asked = asked_network(model, options)
    assert asked.net is not None
    if has_creases(asked.potential):  # said before the sinks are sought
        raise InputError(
            "saddles: the potential is piecewise linear, its equilibria lie on creases; use critical-points for few inputs"
        )
    given = None if data is None else data_points(data, "data points")
    starts = None if given is None else given.rows(asked.net.n_inputs, asked.net.n_classes)
    with shown_progress(quiet) as progress:
        flow = GradientFlow(asked.potential, asked.box)
        sinks = flow.sinks(starts, options["seed"], workers=workers, progress=progress)
        found = saddles(
            asked.potential, asked.box, sinks, index=index, rng=options["seed"], workers=workers, progress=progress
        )
    head = f"{len(sinks)} sinks, {sinks.n_proved} proved"
    deliver_record(found, options, [head, *described(found)])
