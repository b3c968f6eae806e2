"""``separatrix analyze MODEL``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from separatrix.cli.reading_options import read_model, reading_options
from separatrix.cli.results import FolderPath

PATH = click.Path(path_type=Path)


@click.command("analyze")
@click.argument("model")
@click.option("--box", nargs=2, type=float, metavar="LO HI", help="Study on [LO, HI]^n; default: see below.")
@click.option("--data", type=PATH, metavar="FILE",
              help="Points: .npy, .npz (x, y) or .csv, in the units of the network's input; or embedded data by name: "
              "mnist, mnist-test, moons, …; mnist:400 for 400 of them.")  # fmt: skip
@click.option(
    "--samples", type=PATH, metavar="FILE", help="Points whose basins are sought, like --data; default: the data."
)
@click.option("--potential", multiple=True, metavar="NAME",
              help="log-density, log-odds, log-odds:3, margin:3:5, confidence, …; may be repeated.")  # fmt: skip
@click.option("--basins/--no-basins", default=None, help="Basins of every potential, or of none.")
@click.option(
    "--surface/--no-surface", default=None, help="The decision surface or not; default: where it can be computed."
)
@click.option("--through", type=PATH, metavar="FILE", help="2 to 4 points: the surface on the slice through them.")
@click.option("--passes/--no-passes", default=None, help="Critical points and passes between sinks, or not.")
@click.option("--out", type=FolderPath(), metavar="DIR", help="Folder for report.html, analysis.json and arrays.npz.")
@click.option("--workers", type=int, metavar="N", help="Processes; -1 for all cores. The answer does not depend on it.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask scheduler, such as tcp://host:8786.")
@click.option("--device", metavar="NAME", help="cuda: batches on a GPU through torch. Labels do not depend on it.")
@click.option(
    "--memory-limit", type=click.FloatRange(min=0, min_open=True), metavar="GB", help="Stay below so much memory."
)
@click.option("--resume/--no-resume", default=True, help="Go on from the finished pieces in --out (the default).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random choice.")
@click.option("--json", "json_file", type=PATH, metavar="FILE", help="Write everything as one JSON file.")
@click.option("--plot", "plot_file", type=PATH, metavar="FILE", help="Draw the first portrait (.svg, .png).")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@reading_options
@click.pass_obj
def analyze_command(command: str, model: str, box: tuple[float, float] | None, out: Path | None, **options: Any) -> int:
    """Find what the classifier in the file MODEL has learned: decision surface, sinks, basins, theorems.

    Without --box the study is on [0, 1]^n or, where that does not hold the data, on the smallest box that does.
    """
    from separatrix.cli.progress import shown_progress
    from separatrix.cli.results import check_files, deliver, held_pieces
    from separatrix.domains import Box
    from separatrix.study.analyze import analyze
    from separatrix.study.parallel import worker_count

    json_file, plot_file = options["json_file"], options["plot_file"]
    check_files(json_file, plot_file)
    worker_count(options["workers"], 0.0)  # refused before anything is read or said
    net = read_model(model, options)
    domain = None if box is None else Box.cube(net.n_inputs, *box)
    with held_pieces(out, options["resume"]) as pieces, shown_progress(options["quiet"]) as progress:
        analysis = analyze(
            net, domain, options["data"], potential=options["potential"] or None, samples=options["samples"],
            basins=options["basins"], surface=options["surface"], through=options["through"], passes=options["passes"],
            workers=options["workers"],
            cluster=options["cluster"], resume=pieces, device=options["device"],
            memory_limit=None if options["memory_limit"] is None else 1e9 * options["memory_limit"],
            rng=options["seed"], progress=progress, command=command,
        )  # fmt: skip
        return deliver(analysis, out, json_file, plot_file, pieces)
