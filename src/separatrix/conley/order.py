"""The order of the flow between its equilibria: what is shown, what is excluded, and whether nothing lies between (§9).

Of each ordered pair of nodes two things can be known: that an orbit leads from one to the other (shown), or that none does
(excluded). The order is the transitive closure of the pairs that are joined; it lies between the closure of the shown pairs
and that of the pairs that are not excluded. Where these agree it is exact. Both are kept twice: with proved facts alone, and
with verified ones, too.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.attracting_blocks import HomologyOrder
from separatrix.conley.backward_ends import starts_at_a_side
from separatrix.conley.morse_sets import Nodes, Placed
from separatrix.conley.rises import least_rises
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Connections, Orbit

LEVELS = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class Case:
    """What is known of a flow: its points with nodes, the cubes about them and ``reach`` (N, N) in the graph, connections
    (None where branches cannot be followed; then ``seen`` (N, N): pairs that sampled orbits join), whether the box
    ``is_isolating`` and the flow ``never_leaves`` (both proved); ``homology``: what proves
    pairs by blocks of cubes (9.13)."""

    flow: GradientFlow
    points: CriticalPoints
    nodes: Nodes
    placed: Placed
    reach: np.ndarray
    is_isolating: bool
    never_leaves: bool
    connections: Connections | None = None
    seen: np.ndarray | None = None
    homology: HomologyOrder | None = None

    @property
    def dim(self) -> int:
        """Dimension of the space."""
        return self.flow.potential.dim

    @property
    def covers_all(self) -> bool:
        """Whether every equilibrium in the box is a point of the list or in one of its unresolved boxes."""
        return self.points.is_complete or bool(self.points.unresolved)

    @property
    def all_points_known(self) -> bool:
        """Whether the nodes are all equilibria, each a proved point that is not degenerate."""
        return self.points.is_complete and len(self.nodes) == len(self.points) and bool(self.nodes.is_proved.all())

    @cached_property
    def rises(self) -> np.ndarray:
        """Least rises (N,) of f along orbits to or from each point (9.6)."""
        return least_rises(self.flow.arena, self.points, self.nodes)


class Relation:
    """Pairs of nodes (N, N) that are ``shown`` and those that are ``possible``, with facts of one ``level`` or better."""

    def __init__(self, case: Case, level: Certainty) -> None:
        n = len(case.nodes)
        self.case, self.level = case, level
        self.shown = np.zeros((n, n), dtype=bool)
        self.possible = ~np.eye(n, dtype=bool)
        self.is_decided = {"unstable": np.zeros(n, dtype=bool), "stable": np.zeros(n, dtype=bool)}
        self.boundaries: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def allows(self, certainty: Certainty) -> bool:
        """Whether a fact is good enough."""
        return certainty.rank <= self.level.rank

    @property
    def trusted(self) -> np.ndarray:
        """Nodes (N,) of which facts of this level are known."""
        nodes = self.case.nodes
        return nodes.is_proved if self.level is Certainty.PROVED else np.ones(len(nodes), dtype=bool)

    def exclude(self, pairs: np.ndarray) -> None:
        """No orbits lead along these pairs (N, N)."""
        self.possible &= ~pairs

    def by_values_and_kinds(self) -> None:
        """f increases along orbits; nothing leaves a strict maximum nor, on a free face, comes to a strict minimum."""
        nodes, sure = self.case.nodes, self.trusted
        both = sure[:, None] & sure
        self.exclude(both & ~(nodes.most[None] > nodes.least[:, None]))
        self.exclude(np.broadcast_to((sure & (nodes.indices == 0))[:, None], both.shape))
        self.exclude(np.broadcast_to(sure & (nodes.indices == self.case.dim), both.shape))

    def by_rises(self) -> None:
        """Of points with values too near to be told apart, those whose orbits rise by more (9.6)."""
        nodes, ties = self.case.nodes, self.possible & self.possible.T
        if ties.any():
            rise = self.case.rises
            both = nodes.is_proved[:, None] & nodes.is_proved
            self.exclude(both & ~(nodes.most[None] - nodes.least[:, None] > 0.999 * np.maximum(rise[:, None], rise)))

    def by_cubes(self) -> None:
        """What cannot be reached in the outer approximation is not reached (9.2)."""
        sure = self.trusted
        self.exclude(sure[:, None] & sure & ~self.case.reach)

    def by_branches(self, connections: Connections | None) -> None:
        """The two branches of the unstable manifolds of index 1, and of the stable ones of index dim - 1."""
        if connections is None:
            return
        by_point: dict[int, list[Orbit]] = {}
        for orbit in connections.orbits:
            by_point.setdefault(orbit.saddle, []).append(orbit)
            if orbit.connects and self.allows(orbit.certainty):
                self.shown[orbit.source, orbit.target] = True
        for row, orbits in by_point.items():
            index, held = int(self.case.nodes.indices[row]), int((self.case.points.active[row] != 0).sum())
            if index == 1:
                ends = {(o.side, o.target) for o in orbits if o.source == row and self.allows(o.certainty)}
                if {side for side, _ in ends} == {-1, 1} and len(ends) == 2:
                    self.is_decided["unstable"][row] = True
                    self._only(np.s_[row], [target for _, target in ends])
                    self._joins(0, row, [target for _, target in ends])
            if index == self.case.dim - 1:
                starts = {(o.side, o.source) for o in orbits if o.target == row and self._is_followed_back(o)}
                sources = [source for _, source in starts]
                if len(sources) == (2 if held == 0 else 1):
                    self.is_decided["stable"][row] = True
                    self._only(np.s_[:, row], sources)
                    self._joins(1, row, sources)

    def _is_followed_back(self, orbit: Orbit) -> bool:
        """Whether the orbit's beginning is known: under "project" none slid along the side where it comes from."""
        if orbit.source >= 0 or self.case.flow.boundary == "exit" or self.level is not Certainty.PROVED:
            return self.allows(orbit.certainty)
        return orbit.certainty is Certainty.PROVED and starts_at_a_side(self.case.flow, orbit)

    def _joins(self, backwards: int, row: int, ends: list[int]) -> None:
        """Note two ends as the boundary of ``row``: attracting points of the flow, or of that backwards, or out of the box."""
        index = self.case.dim if backwards else 0
        if len(ends) == 2 and all(end < 0 or self.case.nodes.indices[end] == index for end in ends):
            first, second = (0 if end < 0 else 1 << end for end in ends)
            self.boundaries[backwards][row] = first ^ second

    def by_homology(self) -> None:
        """Pairs that the homology of blocks proves, with the ends of branches that are known (9.13)."""
        if self.case.homology is not None:
            self.shown |= self.case.homology.pairs(self.possible_order, self.boundaries)

    def _only(self, place: Any, ends: list[int]) -> None:
        """Of the pairs at ``place``, one row or column, only those with these ``ends``; with equilibria unknown all may be."""
        if self.case.covers_all:
            mask = np.zeros(len(self.case.nodes), dtype=bool)
            mask[[row for row in ends if row >= 0]] = True
            self.possible[place] &= mask

    def by_single_candidates(self) -> None:
        """Where no orbit leaves the box, some orbit leads on from every point that is no sink: to the only one that it can."""
        if not (self.case.never_leaves and self.case.covers_all):
            return
        alone = self.trusted & (self.case.nodes.indices > 0) & (self.possible.sum(axis=1) == 1)
        self.shown |= self.possible & alone[:, None]
        self.is_decided["unstable"] |= alone & (self.case.nodes.indices == 1)

    def without_branches(self) -> None:
        """All that is known before branches are followed."""
        self.by_values_and_kinds()
        self.by_cubes()
        self.conclude()

    def conclude(self) -> None:
        """What homology and single candidates show, and of which points no more branches need be followed."""
        self.by_homology()
        self.by_single_candidates()
        if self.case.covers_all:
            is_open, indices = self.possible & ~self.shown, self.case.nodes.indices
            self.is_decided["stable"] |= self.trusted & (indices == self.case.dim - 1) & ~is_open.any(axis=0)
            self.is_decided["unstable"] |= self.trusted & (indices == 1) & ~is_open.any(axis=1)

    @property
    def is_exact(self) -> bool:
        """Whether nothing lies between what is shown and what is possible."""
        return self.case.covers_all and bool((self.shown_order == self.possible_order).all())

    @property
    def shown_order(self) -> np.ndarray:
        """The transitive closure of the shown pairs."""
        return closure(self.shown)

    @property
    def possible_order(self) -> np.ndarray:
        """The transitive closure of the pairs that are not excluded."""
        return closure(self.possible)


def closure(pairs: np.ndarray) -> np.ndarray:
    """The transitive closure of a relation (n, n) (Warshall).

    >>> closure(np.array([[0, 1, 0], [0, 0, 1], [0, 0, 0]], dtype=bool)).astype(int).tolist()
    [[0, 1, 1], [0, 0, 1], [0, 0, 0]]
    """
    found = pairs.copy()
    for middle in range(len(found)):
        found |= found[:, middle : middle + 1] & found[middle]
    return found


def reduction(order: np.ndarray) -> np.ndarray:
    """The transitive reduction of a strict order (n, n): the pairs with nothing between.

    >>> reduction(np.array([[0, 1, 1], [0, 0, 1], [0, 0, 0]], dtype=bool)).astype(int).tolist()
    [[0, 1, 0], [0, 0, 1], [0, 0, 0]]
    """
    steps = order.astype(np.int64)
    return order & ((steps @ steps) == 0)
