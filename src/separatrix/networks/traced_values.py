"""What a module or file is read into: values that depend on the input, and the graph that grows with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from separatrix.networks.layers import Layer, Node
from separatrix.networks.network import INPUT

ENTRIES_LIMIT, WEIGHTS_LIMIT, WORK_LIMIT = 30_000_000, 80_000_000, 1 << 28
PRODUCTS_LIMIT = 10**10
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
    """The graph so far; operators append to it.

    ``batch``: the number of rows it is traced with, 0 where the source takes one point without a batch axis.
    ``spent``: entries of matrices and constants that the reader made itself, more than the source stores; ``held``: entries
    of all weights; ``done``: entries moved about; ``products``: of one point's convolutions. ``owns_constants``: whether
    arrays may be kept without a copy. ``picked``: by the number of a node those that pick its entries.
    """

    batch: int
    source: str
    nodes: list[Node] = field(default_factory=lambda: [INPUT])
    notes: list[str] = field(default_factory=list)
    place: str = ""
    spent: int = 0
    held: int = 0
    done: int = 0
    products: int = 0
    has_rounded_patterns: bool = False
    has_cut_softplus: bool = False
    owns_constants: bool = False
    picked: dict[int, list[int]] = field(default_factory=dict)

    def append(self, layer: Layer, *parents: Value, shape: tuple[int, ...] | None = None) -> Value:
        """The value of ``layer`` applied to ``parents``."""
        self.nodes.append(Node(layer, tuple(parent.index for parent in parents)))
        return Value([len(self.nodes) - 1], parents[0].shape if shape is None else shape)

    def spend(self, entries: int) -> None:
        """Count entries that are about to be made; Unsupported where they become too many."""
        self.spent += entries
        if self.spent > ENTRIES_LIMIT:
            raise Unsupported("on many positions at once")

    def hold(self, entries: int) -> None:
        """Count entries of weights that are about to be kept; Unsupported where they become too many."""
        self.held += entries
        if self.held > WEIGHTS_LIMIT:
            raise Unsupported(f"with more than {WEIGHTS_LIMIT} weights")

    def work(self, entries: int) -> None:
        """Count entries that are moved about; Unsupported where it would take long."""
        self.done += entries
        if self.done > WORK_LIMIT:
            raise Unsupported("moves too many entries about")

    def multiply(self, products: int) -> None:
        """Count the products of one point's convolutions; Unsupported where one point would take long."""
        self.products += products
        if self.products > PRODUCTS_LIMIT:
            raise Unsupported("with too many products a point")

    def note(self, text: str) -> None:
        """Say something in the reading, once."""
        if text not in self.notes:
            self.notes.append(text)
