"""The record of a Morse graph: Morse sets with their Conley indices and the order of the flow between them (§9)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError, UnresolvedError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.records import Record

if TYPE_CHECKING:
    import networkx as nx

RANKS = tuple(Certainty)


@dataclass(frozen=True, eq=False)
class MorseSet:
    """An isolated set of equilibria with the cubes around it. f is climbed.

    - ``name``: "m0", …; ``rows``: its rows in the list of points, none for an unresolved set; ``point_ids``: their ids
    - ``lower``, ``upper`` (k, dim): the cubes of the outer approximation about it, or its hull where there is none
    - ``index_betti``, ``index_torsion``: its Conley index, ranks and torsion of H_k, k = 0 … dim, () where not computed;
      ``verdict``: "computed", "not isolated" or "not computed"; ``certainty``: of the index
    - ``reason``: for an unresolved set, why, in words
    """

    name: str
    point_ids: tuple[str, ...]
    rows: tuple[int, ...]
    lower: np.ndarray
    upper: np.ndarray
    index_betti: tuple[int, ...]
    index_torsion: tuple[tuple[int, ...], ...]
    verdict: str
    certainty: Certainty
    reason: str = ""

    @property
    def conley_index(self) -> str:
        """The index in words: "H_1 = Z", "trivial", or the verdict where it is not computed."""
        if self.verdict != "computed":
            return self.verdict
        parts = []
        for degree, rank in enumerate(self.index_betti):
            torsion = self.index_torsion[degree] if degree < len(self.index_torsion) else ()
            groups = [*(["Z" if rank == 1 else f"Z^{rank}"] if rank else []), *(f"Z/{order}" for order in torsion)]
            parts += [f"H_{degree} = {' + '.join(groups)}"] if groups else []
        return ", ".join(parts) or "trivial"


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MorseGraph(Record):
    """The Morse sets of a gradient flow in a box and the order of the flow between them. f is climbed.

    - ``points``: the critical points; ``sets``: a tuple of :class:`MorseSet`, those of the points in their order, then the
      unresolved ones
    - ``order`` (n, n): order[a, b]: orbits lead, directly or over other sets, from a to b. Pairs that are not excluded are
      in it: it is an order that the flow admits. ``order_is_exact``: and no smaller one; presence and absence of every pair
      are then as certain as ``order_certainty`` says
    - ``pairs`` (n, n) int8: of each pair 0 where it is proved to be in the order, 1 verified, 2 heuristic, 3 not excluded,
      -1 where it is not in the order (:meth:`certainty_of`)
    - ``edges`` (n, n): the transitive reduction of the order
    - ``method``: "faces" or "time-T map", the graph of the cubes, and ``time`` T, None for faces
    - ``n_boxes``: cubes of the outer approximation; ``isolates``: each set has strongly connected components of its own in it,
      that do not touch the box's boundary under "exit"
    - ``missing``: what is not decided of the order, ``notes``: what else was met
    """

    points: CriticalPoints
    sets: tuple[MorseSet, ...]
    order: np.ndarray
    pairs: np.ndarray
    edges: np.ndarray
    order_is_exact: bool
    order_certainty: Certainty
    method: str = "faces"
    time: float | None = None
    n_boxes: int = 0
    isolates: bool = False
    potential: str = ""
    boundary: str = "exit"
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "conley_plots:plot_morse_graph"

    def __len__(self) -> int:
        return len(self.sets)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the sets: the point's id where a set is one point, else "m0", …"""
        return tuple(one.point_ids[0] if len(one.point_ids) == 1 else one.name for one in self.sets)

    @property
    def n_pairs(self) -> int:
        """How many pairs the order has."""
        return int(self.order.sum())

    def number_of(self, name: Any) -> int:
        """The number of the set with this name ("m3") or that holds the point with this id ("p0"); InputError for others."""
        for number, one in enumerate(self.sets):
            if name == one.name or name in one.point_ids:
                return number
        raise InputError(
            f"MorseGraph: no set is called {printable(repr(name), 40)}; known: {', '.join(self.names[:20]) or 'none'}"
        )

    def certainty_of(self, first: Any, second: Any) -> Certainty | None:
        """How sure it is that the flow leads from one set to another, both by name or id; None where it does not."""
        rank = int(self.pairs[self.number_of(first), self.number_of(second)])
        return None if rank < 0 else RANKS[rank]

    def to_networkx(self) -> nx.DiGraph:
        """A directed graph: a node a Morse set, an edge along the flow; its transitive closure is the order.

        Nodes have ``points`` (coordinates), ``ids``, ``conley_index`` (words), ``certainty``; edges a ``certainty``: how sure
        it is that the pair belongs to the order.
        """
        import networkx as nx

        graph = nx.DiGraph(potential=self.potential, boundary=self.boundary, order_is_exact=self.order_is_exact)
        for name, one in zip(self.names, self.sets, strict=True):
            graph.add_node(
                name,
                points=self.points.points[list(one.rows)].tolist(),
                ids=list(one.point_ids),
                conley_index=one.conley_index,
                certainty=str(one.certainty),
            )
        for a, b in np.argwhere(self.edges).tolist():
            graph.add_edge(self.names[a], self.names[b], certainty=str(RANKS[self.pairs[a, b]]))
        return graph

    def columns(self) -> dict[str, Any]:
        """One row a set."""
        names = self.names
        return {
            "set": [one.name for one in self.sets],
            "points": [" ".join(one.point_ids) for one in self.sets],
            "conley_index": [one.conley_index for one in self.sets],
            "certainty": [str(one.certainty) for one in self.sets],
            "boxes": [len(one.lower) for one in self.sets],
            "leads_to": [" ".join(names[b] for b in np.flatnonzero(row)) for row in self.edges],
            "n_below": self.order.sum(axis=0),
            "n_above": self.order.sum(axis=1),
        }

    def require(self) -> MorseGraph:
        """This record, or UnresolvedError where the order is not exact or an index is not computed."""
        open_indices = [one.name for one in self.sets if one.verdict != "computed"]
        if not self.order_is_exact or open_indices:
            shown = "; ".join(
                [*self.missing[:3], *(f"the index of {name} is not computed" for name in open_indices[:3])]
            )
            raise UnresolvedError(
                f"morse_graph: not everything is decided: {shown}; strict=False returns what there is"
            )
        return self

    def __repr__(self) -> str:
        kind = f"exact ({self.order_certainty})" if self.order_is_exact else "not proved exact"
        return (
            f"MorseGraph({printable(self.potential, 60)}: {len(self)} sets, {self.n_pairs} pairs, order {kind}, "
            f"{self.n_boxes} boxes{'' if self.isolates else ', not all sets isolated by them'})"
        )
