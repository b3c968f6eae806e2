"""The record of a landscape: sinks, the saddles between them, and the tree that they form (§3, §10)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from separatrix.errors import printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.saddles.tied_passes import TiedPasses
from separatrix.morse.connection_record import Connections
from separatrix.morse.merge_tree import MergeTree
from separatrix.records import Record


@dataclass(frozen=True)
class Round:
    """What one round of a landscape added.

    - ``kind``: "sinks", "pairs", "retries", or "ties" for the confidence
    - ``n_pairs``: pairs of sinks between which saddles were sought; ``n_left_out``: pairs that were not, being too many;
      ``n_about``: sinks near which saddles were sought; ``n_unmixed``: pairs of two classes that were not sought from the
      mixture of these, being too many
    - ``new_saddles``, ``new_sinks``; ``moved_joins``: joins of the tree that were not there before; ``n_groups``: groups of
      sinks that hang together afterwards; ``seconds``
    """

    kind: str
    n_pairs: int = 0
    n_left_out: int = 0
    n_about: int = 0
    new_saddles: int = 0
    new_sinks: int = 0
    moved_joins: int = 0
    n_groups: int = 0
    seconds: float = 0.0
    n_unmixed: int = 0


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class Landscape(Record):
    """Sinks, the index-1 saddles found between them, and their tree. f is climbed. No list is called complete.

    ``sinks``, ``saddles``: CriticalPoints; ``connections``: in which sinks the branches of the saddles end, with their paths;
    ``tree``: a MergeTree, whose heights are lower bounds; ``rounds``: a tuple of :class:`Round`; ``missing``: what is not
    known, in words. ``ties``: for the confidence, whose passes are ties of two classes and no isolated equilibria, these
    ties (``saddles`` lists their points) with log 2 - L. ``searched`` (m, 2): pairs of sinks between which saddles were sought.
    """

    sinks: CriticalPoints
    saddles: CriticalPoints
    connections: Connections
    tree: MergeTree
    rounds: tuple[Round, ...] = ()
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    ties: TiedPasses | None = None
    searched: np.ndarray = field(default_factory=lambda: np.zeros((0, 2), dtype=np.int64))

    drawer: ClassVar[str] = "tree_plots:plot_merge_tree"

    def path(self, first: int, last: int) -> tuple[np.ndarray, tuple[int, ...]]:
        """From sink ``first`` to sink ``last`` over the passes between them: points (m, dim) and the rows of the saddles.

        Each stretch runs down the branch of a saddle, and up its other branch. Raises InputError where no way is known.
        """
        parts, passed = [self.sinks.points[first][None]], []
        for here, saddle, there in self.tree.route(first, last):
            down, up = self._branches(saddle, here, there)
            parts += [down[::-1], up[1:], self.sinks.points[there][None]]
            passed.append(saddle)
        return np.vstack(parts), tuple(passed)

    def _branches(self, saddle: int, here: int, there: int) -> tuple[np.ndarray, np.ndarray]:
        """The branches of ``saddle`` to the sinks ``here`` and ``there``, each from the saddle on."""
        row = len(self.sinks) + saddle
        found = {orbit.target: orbit.path for orbit in self.connections.of_saddle(row)}
        return found[here], found[there]

    def plot(self, ax: Any = None, **options: Any) -> Any:
        """The tree, drawn on matplotlib axes ``ax`` (made if absent), which are returned."""
        return self.tree.plot(ax=ax, **options)

    def columns(self) -> dict[str, Any]:
        """One row a round."""
        names = (
            "kind",
            "n_pairs",
            "n_left_out",
            "n_unmixed",
            "n_about",
            "new_saddles",
            "new_sinks",
            "moved_joins",
            "n_groups",
            "seconds",
        )
        return {name: [getattr(turn, name) for turn in self.rounds] for name in names}

    def require(self) -> Landscape:
        """This record, or UnresolvedError where the tree is not whole."""
        self.tree.require()
        return self

    def __repr__(self) -> str:
        whole = "one tree" if self.tree.is_connected else f"{len(self.tree.groups)} groups of sinks"
        proved = self.sinks.n_proved + self.saddles.n_proved
        sinks, saddles, rounds = len(self.sinks), len(self.saddles), len(self.rounds)
        return (
            f"Landscape({printable(self.tree.potential, 60)}: {sinks} sink{'s' * (sinks != 1)}, {saddles} "
            f"saddle{'s' * (saddles != 1)} of index 1, {proved} of {sinks + saddles} proved, {whole} after {rounds} "
            f"round{'s' * (rounds != 1)})"
        )
