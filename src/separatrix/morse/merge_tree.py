"""The tree of sinks and classes: which sinks join at which pass (§10).

An index-1 saddle joins the sinks in which its two unstable branches end, by a path on which f is nowhere below its value
there. A maximum spanning tree over these edges therefore holds the best pass known between every two sinks: the least
value on the path between them in the tree. Saddles that were not found can only lead to higher passes.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.errors import InputError, KindError, UnresolvedError, printable
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.matching import is_list_of, of_index, require_orbits_of, require_potential_of, rows_in
from separatrix.records import Provenance, Record

if TYPE_CHECKING:
    import networkx as nx

    from separatrix.morse.class_passes import ClassPasses

NAMED = 6


@dataclass(frozen=True)
class Join:
    """Where two groups of sinks meet on the way down.

    ``value``: of f at the pass; ``saddle``: its row in ``MergeTree.saddles``; ``ends``: the sinks that its branches reach;
    ``left``, ``right``: rows of the sinks of either group; ``certainty``: the weakest of the saddle and its branches.
    """

    value: float
    saddle: int
    ends: tuple[int, int]
    left: tuple[int, ...]
    right: tuple[int, ...]
    certainty: Certainty = Certainty.VERIFIED


@dataclass(frozen=True, eq=False, kw_only=True, repr=False)
class MergeTree(Record):
    """Joins of sinks at passes. f is climbed: higher passes join earlier.

    - ``sinks``, ``saddles``: CriticalPoints; ``joins``: a tuple of :class:`Join`, from the highest pass down
    - ``pass_heights`` (n_sinks, n_sinks): value of the best pass known between two sinks, the sink's own value on the
      diagonal, -inf where none is known; ``pass_of``: row of its saddle, -1 where there is none
    - ``ends`` (n_saddles, 2): sinks in which the branches of each saddle end, -1 where that is not a known sink
    - ``sink_class`` (n_sinks,): the network's prediction at the sinks, or None
    - ``is_connected``: all sinks hang together; ``missing``: what is not known, in words
    - ``is_lower_bound``: heights are lower bounds, for a saddle that was not found could join two sinks higher up; False
      only where the list of critical points is complete and every branch ends in a known sink
    """

    sinks: CriticalPoints
    saddles: CriticalPoints
    pass_heights: np.ndarray
    pass_of: np.ndarray
    joins: tuple[Join, ...]
    ends: np.ndarray
    sink_class: np.ndarray | None = None
    is_connected: bool = False
    is_lower_bound: bool = True
    potential: str = ""
    missing: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    drawer: ClassVar[str] = "tree_plots:plot_merge_tree"

    @property
    def groups(self) -> tuple[tuple[int, ...], ...]:
        """Sinks that hang together, by their rows."""
        own = np.arange(len(self.sinks))
        for join in self.joins:
            own[list(join.left + join.right)] = min(join.left + join.right)
        return tuple(tuple(np.flatnonzero(own == first).tolist()) for first in np.unique(own))

    def route(self, first: int, last: int) -> tuple[tuple[int, int, int], ...]:
        """The way from sink ``first`` to sink ``last`` in the tree: (sink, saddle, next sink) a step.

        Raises InputError where no way is known.
        """
        steps = self.ways(first)[last]
        if steps is None:
            raise InputError(f"no pass is known between sinks {first} and {last}; pass_heights is -inf there")
        return steps

    def ways(self, first: int) -> list[tuple[tuple[int, int, int], ...] | None]:
        """The way from one sink to every other, None where there is none."""
        beside: dict[int, list[tuple[int, int]]] = {row: [] for row in range(len(self.sinks))}
        for join in self.joins:
            one, other = join.ends
            beside[one].append((join.saddle, other))
            beside[other].append((join.saddle, one))
        ways: list[tuple[tuple[int, int, int], ...] | None] = [None] * len(self.sinks)
        ways[first], waiting = (), [first]
        for here in waiting:
            for saddle, there in beside[here]:
                if ways[there] is None:
                    ways[there] = (*(ways[here] or ()), (here, saddle, there))
                    waiting.append(there)
        return ways

    def class_passes(self) -> ClassPasses:
        """The best pass known between every two classes. Raises InputError where the sinks have no classes."""
        from separatrix.morse.class_passes import class_passes

        return class_passes(self)

    def to_networkx(self) -> nx.DiGraph:
        """A directed tree from the lowest join to the sinks: nodes "j0", … (value, saddle, certainty) and the sinks' ids."""
        import networkx as nx

        graph = nx.DiGraph(potential=self.potential, is_lower_bound=self.is_lower_bound)
        names, saddles = self.sinks.ids, self.saddles.ids
        for row, name in enumerate(names):
            label = {} if self.sink_class is None else {"label": int(self.sink_class[row])}
            certainty = str(self.sinks.certainty[row])
            graph.add_node(name, value=float(self.sinks.values[row]), certainty=certainty, **label)
        top = dict(enumerate(names))  # the node under which each sink hangs so far
        for number, join in enumerate(self.joins):
            node = f"j{number}"
            graph.add_node(node, value=join.value, saddle=saddles[join.saddle], certainty=str(join.certainty))
            graph.add_edges_from((node, top[side[0]]) for side in (join.left, join.right))
            top.update(dict.fromkeys(join.left + join.right, node))
        return graph

    def columns(self) -> dict[str, Any]:
        """One row a join, from the highest pass down."""
        names, saddles = self.sinks.ids, self.saddles.ids
        return {
            "join": [f"j{number}" for number in range(len(self.joins))],
            "value": [join.value for join in self.joins],
            "saddle": [saddles[join.saddle] for join in self.joins],
            "left": [" ".join(names[row] for row in join.left) for join in self.joins],
            "right": [" ".join(names[row] for row in join.right) for join in self.joins],
            "certainty": [str(join.certainty) for join in self.joins],
            "is_lower_bound": [self.is_lower_bound] * len(self.joins),
        }

    def require(self) -> MergeTree:
        """This record, or UnresolvedError where sinks are not joined or a branch has no known end."""
        if self.missing:
            raise UnresolvedError(f"the tree of {len(self.sinks)} sinks is not whole: {'; '.join(self.missing)}")
        return self

    def __repr__(self) -> str:
        whole = "one tree" if self.is_connected else f"{len(self.groups)} groups"
        bound = ", heights are lower bounds" if self.is_lower_bound else ""
        sinks, joins = len(self.sinks), len(self.joins)
        counts = f"{sinks} sink{'s' * (sinks != 1)} in {whole}, {joins} join{'s' * (joins != 1)}"
        return f"MergeTree({printable(self.potential, 60)}: {counts}{bound})"


def class_tree(
    flow: GradientFlow, sinks: CriticalPoints, saddles: CriticalPoints, connections: Connections | None = None
) -> MergeTree:
    """The tree in which the passes of ``saddles`` join ``sinks``, with the class of every sink where there is a network.

    Points of index 0 and of index 1 are taken from the two lists, which may be one list of points of every index.
    ``connections`` say in which sinks the branches of the saddles end; without them the branches are integrated here, and
    sinks that they meet are added at the end of the list. Heights are lower bounds unless
    the lists are complete for this flow with boundary "project": of paths along the edge of a box the interior says nothing.
    The tree of a margin of a piecewise linear network comes from its exact complex: no height is a lower bound.

    Raises KindError for other kinds, InputError for points or connections of another flow.
    """
    begun = time.perf_counter()
    if not isinstance(flow, GradientFlow):
        raise KindError(f"class_tree: expected a GradientFlow, came {type(flow).__name__}")
    if connections is not None and not isinstance(connections, Connections):
        raise KindError(f"class_tree: connections must be Connections, came {type(connections).__name__}")
    for name, points in (("sinks", sinks), ("saddles", saddles)):
        if not isinstance(points, CriticalPoints):
            raise KindError(f"class_tree: {name} must be CriticalPoints, came {type(points).__name__}")
        if points.points.shape[1] != flow.potential.dim:
            raise InputError(
                f"class_tree: {name} have dimension {points.points.shape[1]}, the flow {flow.potential.dim}; "
                "give points of this flow"
            )
        require_potential_of(flow, points, f"class_tree: {name}")
    if connections is not None:
        require_orbits_of(flow, connections, "class_tree")
    complete = all(points.is_complete and is_list_of(flow, points) for points in (sinks, saddles))
    sinks, saddles = of_index(sinks, 0), of_index(saddles, 1)
    if not isinstance(flow.engine, Smooth):
        from separatrix.morse.piecewise_linear.margin_tree import margin_tree

        return margin_tree(flow, sinks, saddles)
    if connections is None:
        from separatrix.morse.certified_branches import certified_branches

        connections = certified_branches(flow, sinks, saddles)
        complete &= int((connections.points.indices == 0).sum()) == len(sinks)  # a sink that is met was missing
        sinks = of_index(connections.points, 0)
    ends, words, sure = _ends(sinks, saddles, connections)
    joins = _joins(saddles, ends, sure)
    heights, of = heights_of(sinks, joins)
    missing = (*_not_joined(sinks, joins), *_without_end(saddles, ends, words))
    net = flow.potential.net
    used = [*sinks.certainty, *(join.certainty for join in joins)]
    # {f >= c} changes only at listed points where the faces of a box are searched, too (§10)
    exact = complete and not missing and flow.boundary == "project" and isinstance(flow.domain, Box)
    return MergeTree(
        sinks=sinks,
        saddles=saddles,
        pass_heights=heights,
        pass_of=of,
        joins=joins,
        ends=ends,
        sink_class=None if net is None or not len(sinks) else np.asarray(net.predict(sinks.points), dtype=np.int64),
        is_connected=len(sinks) > 0 and len(joins) == len(sinks) - 1,
        is_lower_bound=not exact,
        potential=flow.potential.name,
        missing=missing,
        domain=flow.domain,
        certainty=Certainty.weakest(used) if len(sinks) else Certainty.UNKNOWN,
        provenance=Provenance(
            "maximum spanning tree over index-1 saddles between the ends of their branches",
            seconds=time.perf_counter() - begun,
        ),
    )


def _ends(
    sinks: CriticalPoints, saddles: CriticalPoints, connections: Connections
) -> tuple[np.ndarray, list[str], list[Certainty]]:
    """(ends (n_saddles, 2), how lost branches ended, certainty of each saddle with its branches)."""
    as_sink, as_saddle = rows_in(sinks, connections.points), rows_in(saddles, connections.points)
    ends, words = np.full((len(saddles), 2), -1), [""] * len(saddles)
    sure = list(saddles.certainty)
    for orbit in connections.orbits:
        row = as_saddle[orbit.saddle]
        if row < 0 or orbit.source != orbit.saddle:
            continue
        ends[row, 0 if orbit.side > 0 else 1] = as_sink[orbit.target] if orbit.target >= 0 else -1
        words[row] = words[row] if _is_known(orbit, as_sink) else orbit.reason
        sure[row] = Certainty.weakest((sure[row], orbit.certainty))
    return ends, words, sure


def _is_known(orbit: Orbit, as_sink: np.ndarray) -> bool:
    return orbit.target >= 0 and as_sink[orbit.target] >= 0


def _joins(saddles: CriticalPoints, ends: np.ndarray, sure: list[Certainty]) -> tuple[Join, ...]:
    """Kruskal's algorithm from the highest pass down; of equal passes the first in the list counts."""
    group: dict[int, tuple[int, ...]] = {}
    joins = []
    for row in np.argsort(-saddles.values, kind="stable"):
        one, other = (int(end) for end in ends[row])
        if one < 0 or other < 0:
            continue
        left, right = group.get(one, (one,)), group.get(other, (other,))
        if other in left:
            continue
        joins.append(Join(float(saddles.values[row]), int(row), (one, other), left, right, sure[row]))
        group.update(dict.fromkeys(left + right, tuple(sorted(left + right))))
    return tuple(joins)


def heights_of(sinks: CriticalPoints, joins: tuple[Join, ...]) -> tuple[np.ndarray, np.ndarray]:
    """(pass_heights, pass_of), both (n_sinks, n_sinks), of joins from the highest pass down."""
    n = len(sinks)
    heights, of = np.full((n, n), -np.inf), np.full((n, n), -1)
    np.fill_diagonal(heights, sinks.values)
    for join in joins:
        for left, right in ((join.left, join.right), (join.right, join.left)):
            heights[np.ix_(left, right)], of[np.ix_(left, right)] = join.value, join.saddle
    return heights, of


def _not_joined(sinks: CriticalPoints, joins: tuple[Join, ...]) -> tuple[str, ...]:
    if len(sinks) <= 1 or len(joins) == len(sinks) - 1:
        return ()
    return (
        f"{len(sinks) - len(joins)} groups of sinks are not joined: {len(joins)} passes between different groups are known, "
        f"at least {len(sinks) - 1} exist where every critical point is non-degenerate (3.2)",
    )


def _without_end(saddles: CriticalPoints, ends: np.ndarray, words: list[str]) -> tuple[str, ...]:
    lost = np.flatnonzero((ends < 0).any(axis=1))
    if not lost.size:
        return ()
    names = saddles.ids
    shown = ", ".join(f"{names[row]} ({words[row] or 'not traced'})" for row in lost[:NAMED])
    more = ", …" if lost.size > NAMED else ""
    have = "has" if lost.size == 1 else "have"
    return (f"{lost.size} of {len(saddles)} saddles of index 1 {have} a branch without a known sink: {shown}{more}",)
