"""``separatrix demo``: the embedded MNIST classifier, from its file to the page."""

from __future__ import annotations

from pathlib import Path

import click

from separatrix.cli.results import FolderPath

QUICK_SAMPLES, QUICK_EFFORT = 300, 0.4


@click.command("demo")
@click.option("--network", "name", default="mnist-sigmoid", show_default=True, help="An embedded network.")
@click.option("--out", type=FolderPath(), default=Path("out/demo"), show_default=True, metavar="DIR",
              help="Folder for report.html, analysis.json and arrays.npz.")  # fmt: skip
@click.option("--quick", is_flag=True, help="Fewer starts and samples: a look in under a minute.")
@click.option("--workers", type=int, metavar="N", help="Processes; -1 for all cores. The answer does not depend on it.")
@click.option("--resume/--no-resume", default=True, help="Go on from the finished pieces in --out (the default).")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random choice.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@click.pass_obj
def demo_command(
    command: str, name: str, out: Path, quick: bool, workers: int | None, resume: bool, seed: int, quiet: bool
) -> int:
    """Analyse an embedded network, the MNIST classifier if none is named, and write a page about it."""
    from separatrix.cli.progress import shown_progress
    from separatrix.cli.results import deliver, held_pieces
    from separatrix.data.embedded_networks import network, network_box
    from separatrix.study.analyze import analyze

    net = network(name)
    data, samples = demo_points(name, QUICK_SAMPLES if quick else None)
    with held_pieces(out, resume) as pieces, shown_progress(quiet) as progress:
        analysis = analyze(
            net, network_box(name), data, samples=samples, workers=workers, resume=pieces, rng=seed,
            progress=progress, effort=QUICK_EFFORT if quick else 1.0, passes=False if quick else None, command=command,
        )  # fmt: skip
        return deliver(analysis, out, pieces=pieces)


def demo_points(name: str, most_samples: int | None):
    """Data (training points) and samples (test points, ``most_samples`` of them at most) of an embedded network."""
    from separatrix.data.embedded_networks import network
    from separatrix.data.named_points import named_points

    task = network(name).reading.metadata["task"]
    return named_points(task), named_points(f"{task}-test" if most_samples is None else f"{task}-test:{most_samples}")
