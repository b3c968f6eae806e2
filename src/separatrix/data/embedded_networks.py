"""The trained networks inside the package, by name."""

from __future__ import annotations

import difflib
import json
import os
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from separatrix.domains import Box
from separatrix.errors import InputError, printable
from separatrix.networks.network import Network
from separatrix.networks.reading import load
from separatrix.records import Record

FOLDER = Path(__file__).with_name("networks")
COLUMNS = ("name", "inputs", "widths", "activation", "accuracy", "box", "description")


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class NetworkList(Record):
    """The embedded networks: ``names``, and ``metadata`` of each file. ``repr`` and ``to_dataframe`` are tables."""

    names: tuple[str, ...]
    metadata: tuple[dict[str, str], ...]

    def __len__(self) -> int:
        return len(self.names)

    def __iter__(self) -> Any:
        return iter(self.names)

    def columns(self) -> dict[str, Any]:
        """One row a network: name, inputs, widths, activation, accuracy on held-out points, recommended box."""
        rows = self.metadata
        return {
            "name": list(self.names),
            "inputs": [int(row["architecture"].split("-")[0]) for row in rows],
            "widths": [row["architecture"] for row in rows],
            "activation": [row["activation"] for row in rows],
            "accuracy": [float(row["accuracy"]) for row in rows],
            "box": [_short(box_of(row)) for row in rows],
            "description": [row["description"] for row in rows],
        }

    def __repr__(self) -> str:
        table = self.columns()
        table["accuracy"] = [f"{100 * share:.2f} %" for share in table["accuracy"]]
        cells = [list(COLUMNS), *([str(table[name][i]) for name in COLUMNS] for i in range(len(self)))]
        widths = [max(len(row[k]) for row in cells) for k in range(len(COLUMNS))]
        return "\n".join("  ".join(map(str.ljust, row, widths)).rstrip() for row in cells)


def network(name: str) -> Network:
    """An embedded network by name; image networks take pixels / 255.

    Raises InputError for an unknown name, with the names that there are.

    >>> network("blobs-tanh")
    Network(2-8-3, tanh, from the embedded network blobs-tanh)
    """
    return _network(_path(name))


@cache
def _network(path: Path) -> Network:
    read, name = load(path), path.stem
    reading = replace(
        read.reading, source=f"the embedded network {name}", metadata={"name": name, **read.reading.metadata}
    )
    return replace(read, reading=reading)


@cache
def networks() -> NetworkList:
    """The embedded networks with inputs, widths, activation, accuracy and recommended box.

    >>> "mnist-sigmoid" in networks().names
    True
    """
    known = _names()
    return NetworkList(names=known, metadata=tuple(network(name).reading.metadata for name in known))


def network_box(name: str) -> Box:
    """The box that an embedded network was trained for.

    >>> network_box("mnist-sigmoid"), network_box("moons-tanh")
    (Box(dim=784, [0, 1]^784), Box(dim=2, [-2, 2]^2))
    """
    box = box_of(network(name).reading.metadata)
    assert box is not None
    return box


def box_of(metadata: dict[str, str]) -> Box | None:
    """The box that a network's metadata recommend, None where they recommend none that can be read."""
    try:
        lower, upper = json.loads(metadata["box"])
        return Box(lower, upper)
    except (KeyError, ValueError, TypeError, RecursionError):
        return None


def model(
    source: Any, *, activation: str | None = None, input_shape: Any = None, allow_pickle: bool = False
) -> Network:
    """A network from what a user types: a path, or the name of an embedded network.

    Raises what :func:`separatrix.load` raises, and InputError with the names that there are.

    >>> model("moons-tanh")
    Network(2-16-16-2, tanh, from the embedded network moons-tanh)
    """
    is_name = isinstance(source, str) and bool(source) and "." not in source and os.path.basename(source) == source
    if is_name and not os.path.exists(source):
        try:
            return load(network(source), activation=activation, input_shape=input_shape)
        except InputError as error:
            if source in _names():
                raise
            raise InputError(f"{printable(source)}: there is no such file, and {error}") from None
    return load(source, activation=activation, input_shape=input_shape, allow_pickle=allow_pickle)


def _names() -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in FOLDER.glob("*.safetensors")))


def _path(name: Any) -> Path:
    known = _names()
    if not isinstance(name, str) or name not in known:
        close = difflib.get_close_matches(str(name).lower(), known, 1, 0.4)
        hint = f"did you mean {close[0]}? " if close else ""
        raise InputError(f"no embedded network is called {printable(name, 60)}; {hint}known: {', '.join(known)}")
    return FOLDER / f"{name}.safetensors"


def _short(box: Box | None) -> str:
    return "" if box is None else repr(box).split(", ", 1)[1].removesuffix(")")
