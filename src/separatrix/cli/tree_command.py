"""``separatrix tree MODEL``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.flow_options import asked_network, deliver_record, flow_options

if TYPE_CHECKING:
    from separatrix.morse.merge_tree import MergeTree

MOST_ROWS = 60


@click.command("tree")
@click.argument("model")
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Points from which the sinks are sought, for networks with many inputs (.npy, .npz, .csv; or by name: mnist:400).",
)
@click.option("--workers", type=int, metavar="N", help="Processes; -1 for all cores. The answer does not depend on it.")
@click.option("--quiet", is_flag=True, help="No progress on stderr.")
@flow_options
def tree_command(model: str, data: Path | None, workers: int | None, quiet: bool, **options: Any) -> None:
    """Join the sinks of a potential of the classifier in MODEL over their passes: the tree of classes.

    Up to three inputs: from the complete list of equilibria. More: sinks, saddles and their branches are sought in rounds
    until nothing new comes, and the heights are lower bounds.
    """
    from separatrix.cli.progress import shown_progress
    from separatrix.study.parallel import worker_count

    worker_count(workers, 0.0)
    asked = asked_network(model, options)
    with shown_progress(quiet) as progress:
        tree = _tree(asked, data, workers, options["seed"], progress)
    deliver_record(tree, options, described(tree))


def _tree(asked: Any, data: Path | None, workers: int | None, seed: int, progress: Any) -> MergeTree:
    from separatrix.data.point_files import data_points
    from separatrix.errors import InputError
    from separatrix.flow.gradient_flow import GradientFlow
    from separatrix.flow.piecewise_linear.creases import crease_nodes
    from separatrix.morse.landscape import landscape
    from separatrix.study.morse_chapter import COMPLETE_DIMENSIONS, complete_portrait

    if crease_nodes(asked.net) and (asked.net.n_inputs > COMPLETE_DIMENSIONS or data is not None):
        raise InputError(
            "tree: passes of piecewise linear networks are joined for margins of up to three inputs, without --data"
        )
    if asked.net.n_inputs <= COMPLETE_DIMENSIONS and data is None:
        portrait = complete_portrait(asked.potential, asked.box, asked.net, seed)
        if portrait.tree is None and len(portrait.notes) > 1:
            raise InputError(f"tree: {portrait.notes[-1]}")
        if portrait.tree is None:
            n_sinks = int((portrait.points.indices == 0).sum())
            raise InputError(f"the {portrait.potential} has {n_sinks} sinks on the box: there is nothing to join")
        return portrait.tree
    given = None if data is None else data_points(data, "data points")
    starts = None if given is None else given.rows(asked.net.n_inputs, asked.net.n_classes)
    flow = GradientFlow(asked.potential, asked.box)
    return landscape(flow, starts=starts, rng=seed, workers=workers, progress=progress).tree


def described(tree: MergeTree) -> list[str]:
    """The lines about a tree: its joins from the highest down."""
    saddles = tree.saddles
    one = "one tree" if tree.is_connected else "not all joined"
    lines = [
        f"{len(tree.sinks)} sinks ({tree.sinks.n_proved} proved), {len(saddles)} saddles of index 1 ({saddles.n_proved} proved), "
        f"{one} [{tree.certainty}]"
    ]
    if tree.is_lower_bound:
        lines.append("  heights are those of the best passes known: lower bounds")
    lines.append("  height        pass    joins                      below the lower sink")
    for join in tree.joins[:MOST_ROWS]:
        ends = " and ".join(_named(tree, sink) for sink in join.ends)
        depth = min(float(tree.sinks.values[list(side)].max()) for side in (join.left, join.right)) - join.value
        lines.append(f"  {join.value:<12.6g}  p{join.saddle:<5}  {ends:<25}  {depth:.3g}")
    if len(tree.joins) > MOST_ROWS:
        lines.append(f"  … and {len(tree.joins) - MOST_ROWS} more; --json FILE has all")
    return lines


def _named(tree: MergeTree, sink: int) -> str:
    return f"s{sink}" + ("" if tree.sink_class is None else f" (class {tree.sink_class[sink]})")
