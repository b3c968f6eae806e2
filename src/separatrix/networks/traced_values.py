"""What a traced module is read into: values that depend on the input, and the graph that grows with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from separatrix.networks.layers import Layer, Node
from separatrix.networks.network import INPUT

Shape = tuple[int, ...]


class Unsupported(Exception):
    """An operation that cannot be read; the message says why where the name alone does not."""


class Unknown:
    """The result of an operation that cannot be read."""


@dataclass(frozen=True)
class Value:
    """A tensor that depends on the input: its node (shared by aliases) and its shape without the batch."""

    cell: list[int]
    shape: tuple[int, ...]

    @property
    def index(self) -> int:
        """Number of the node."""
        return self.cell[0]


@dataclass
class Building:
    """The graph so far; operators append to it."""

    batch: int
    source: str
    nodes: list[Node] = field(default_factory=lambda: [INPUT])
    notes: list[str] = field(default_factory=list)
    place: str = ""

    def append(self, layer: Layer, *parents: Value, shape: tuple[int, ...] | None = None) -> Value:
        """The value of ``layer`` applied to ``parents``."""
        self.nodes.append(Node(layer, tuple(parent.index for parent in parents)))
        return Value([len(self.nodes) - 1], parents[0].shape if shape is None else shape)

    def note(self, text: str) -> None:
        """Say something in the reading, once."""
        if text not in self.notes:
            self.notes.append(text)
