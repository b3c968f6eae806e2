"""The tree of components of {f >= c}: where each appears and which join at which height (§10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from separatrix.records import Record

if TYPE_CHECKING:
    import networkx as nx

Array = np.ndarray


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class ComponentTree(Record):
    """Components of {f >= c} that live longer than twice the tolerance, and their joins as c falls.

    - ``points`` (n, dim), ``heights`` (n,): the highest point of each component, highest first; ``ids`` (n,): the sink that it
      is, "" where none was matched
    - ``joins`` (m, 2): rows (younger, older) of the components that join; ``join_heights`` (m,), highest first;
      ``join_points`` (m, dim); ``join_ids`` (m,): the saddle, or ""
    - ``tolerance``: bound of the error of every height
    """

    points: Array
    heights: Array
    ids: tuple[str, ...]
    joins: Array
    join_heights: Array
    join_points: Array
    join_ids: tuple[str, ...]
    tolerance: float

    def __len__(self) -> int:
        return len(self.heights)

    @property
    def pass_heights(self) -> Array:
        """(n, n): the height at which two components join, their own heights on the diagonal."""
        found = np.full((len(self), len(self)), -np.inf)
        np.fill_diagonal(found, self.heights)
        group = [[row] for row in range(len(self))]
        for (younger, older), height in zip(self.joins.tolist(), self.join_heights.tolist(), strict=True):
            left, right = group[younger], group[older]
            found[np.ix_(left, right)] = found[np.ix_(right, left)] = height
            both = left + right
            for row in both:
                group[row] = both
        return found

    def to_networkx(self) -> nx.DiGraph:
        """A directed tree from the lowest join to the components: nodes "j0", … (value, saddle) and "c0", … (value, sink)."""
        import networkx as nx

        graph = nx.DiGraph(tolerance=self.tolerance)
        top = {}
        for row, (height, name) in enumerate(zip(self.heights.tolist(), self.ids, strict=True)):
            graph.add_node(f"c{row}", value=height, sink=name)
            top[row] = f"c{row}"
        group = {row: [row] for row in range(len(self))}
        for number, (younger, older) in enumerate(self.joins.tolist()):
            node = f"j{number}"
            graph.add_node(node, value=float(self.join_heights[number]), saddle=self.join_ids[number])
            graph.add_edges_from((node, top[row]) for row in (younger, older))
            both = group[younger] + group[older]
            group.update(dict.fromkeys(both, both))
            top.update(dict.fromkeys(both, node))
        return graph

    def columns(self) -> dict[str, Any]:
        """One row a component: its height, its sink, and where it joins a higher one."""
        joined = {int(younger): number for number, (younger, _older) in enumerate(self.joins)}
        rows = range(len(self))
        return {
            "component": [f"c{row}" for row in rows],
            "height": self.heights,
            "sink": list(self.ids),
            "joins_at": [self.join_heights[joined[row]] if row in joined else -np.inf for row in rows],
            "joins": [f"c{self.joins[joined[row], 1]}" if row in joined else "" for row in rows],
            "saddle": [self.join_ids[joined[row]] if row in joined else "" for row in rows],
        }

    def __repr__(self) -> str:
        return f"ComponentTree({len(self)} components, {len(self.joins)} joins, heights within {self.tolerance:.2g})"
