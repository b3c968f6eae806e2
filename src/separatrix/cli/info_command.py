"""``separatrix info [MODEL]``."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from separatrix.cli.reading_options import read_model, reading_options

if TYPE_CHECKING:
    from separatrix.networks.network import Network

TOLD = ("description", "trained", "input", "box", "accuracy", "held_out")


@click.command("info")
@click.argument("model", required=False)
@reading_options
def info_command(model: str | None, **options: Any) -> None:
    """Say what the network in MODEL is and which theorems hold for it; without MODEL, list the embedded networks."""
    if model is None:
        from separatrix.data.embedded_networks import networks

        click.echo(repr(networks()))
        return
    for line in described(read_model(model, options)):
        click.echo(line)


def described(net: Network) -> Iterator[str]:
    """The lines about a network."""
    from separatrix.data.embedded_networks import box_of
    from separatrix.errors import printable
    from separatrix.networks.theorems import theorems
    from separatrix.study.network_summary import n_parameters, network_name

    reading = net.reading
    yield f"{network_name(net)}: {net.architecture}, {', '.join(sorted(set(net.activations))) or 'no activation'}"
    yield f"  inputs {net.n_inputs}, classes {net.n_classes}, parameters {n_parameters(net):,}"
    yield f"  read from {printable(reading.source)}"
    if reading.largest_difference is not None:
        yield f"  largest difference to the source's own output: {reading.largest_difference:.2g}"
    yield from (f"  note: {note}" for note in reading.notes)
    box = box_of(reading.metadata)
    for key in TOLD:
        text = str(box) if key == "box" and box is not None else printable(reading.metadata.get(key, ""), 400)
        if text:
            yield from textwrap.wrap(f"{key}: {text}", 98, initial_indent="  ", subsequent_indent="    ")
    yield "theorems:"
    for theorem in theorems(net, box):
        first, second = str(theorem).splitlines()[:2]
        yield f"  {first}"
        yield from textwrap.wrap(second.strip(), 98, initial_indent="    ", subsequent_indent="    ")
