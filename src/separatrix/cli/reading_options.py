"""How a command reads MODEL: the options that every command about a network has, and the network that they name."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from separatrix.networks.network import Network

NAMES = ("activation", "input_shape", "allow_pickle")
OPTIONS = (
    click.option("--activation", metavar="NAME", help="The hidden layers' function, for files that do not say it."),
    click.option("--input-shape", metavar="SIZES",
                 help="Shape of one input, as 1,28,28, for files that leave it open."),
    click.option("--allow-pickle", is_flag=True, help="Read files that hold pickles. These can run any code."),
)  # fmt: skip


def reading_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The options of reading a network."""
    for option in reversed(OPTIONS):
        command = option(command)
    return command


def read_model(model: str, options: dict[str, Any]) -> Network:
    """The network MODEL as the options say. Raises InputError for what cannot be read."""
    from separatrix.data import embedded_networks

    return embedded_networks.model(
        model, activation=options["activation"], input_shape=_sizes(options["input_shape"]),
        allow_pickle=options["allow_pickle"],
    )  # fmt: skip


def _sizes(text: str | None) -> tuple[int, ...] | None:
    """The sizes in ``1,28,28`` or ``1x28x28``."""
    from separatrix.errors import InputError, printable

    if text is None:
        return None
    parts = text.replace("x", ",").split(",")
    if not all(part.strip().isdecimal() and len(part) < 10 for part in parts) or len(parts) > 8:
        raise InputError(f"--input-shape: expected sizes such as 1,28,28, came {printable(text, 60)}")
    return tuple(int(part) for part in parts)
