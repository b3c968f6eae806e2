"""Where the Morse sets lie in an outer approximation, refined until they have cubes of their own (§9).

Equilibria and the hulls of what was not resolved are known before. In a gradient flow a set of cubes with one equilibrium
in its interior isolates it, whatever cycles the graph has there. A recurrent component of the graph that meets no node holds no
equilibrium if the list is complete, and so no recurrent orbit: it is dropped.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from separatrix.certainty import Certainty
from separatrix.conley.outer_approximation import OuterApproximation
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.numerics.intervals import Interval

SLACK = 1e-9
MOST_ROUNDS = 24


@dataclass(frozen=True, eq=False)
class Nodes:
    """The points of a list, then its unresolved boxes: enclosures ``lower``, ``upper`` (N, dim) of the sets and ``least``,
    ``most`` (N,) of their values; ``is_proved`` (N,): whether these are proved; ``indices`` (N,): -1 for unresolved boxes;
    ``only_lower``, ``only_upper`` (k, dim): boxes that are proved to hold one equilibrium each, a point."""

    lower: np.ndarray
    upper: np.ndarray
    least: np.ndarray
    most: np.ndarray
    is_proved: np.ndarray
    indices: np.ndarray
    only_lower: np.ndarray
    only_upper: np.ndarray

    @classmethod
    def of(cls, arena: Arena, points: CriticalPoints) -> Nodes:
        """The nodes of a list with enclosures of the values."""
        error = np.where(np.isfinite(points.error), points.error, 0.0)[:, None]
        around = Interval.around(points.points, np.where(points.active == 0, error, 0.0))
        hulls = points.unresolved
        dim = points.points.shape[1]
        lower = np.concatenate([around.lower, *(box.lower[None] for box in hulls)]).reshape(-1, dim)
        upper = np.concatenate([around.upper, *(box.upper[None] for box in hulls)]).reshape(-1, dim)
        proved = np.array([verdict is Certainty.PROVED for verdict in points.certainty], dtype=bool)
        proved = np.concatenate([proved & np.isfinite(points.error), np.ones(len(hulls), dtype=bool)])
        least, most = _values(arena, lower, upper, proved)
        indices = np.concatenate([points.indices, np.full(len(hulls), -1, dtype=np.int64)])
        sole = np.flatnonzero(proved[: len(points)] & np.isfinite(points.radius)) if hulls else []
        only = points.points[sole], 0.999 * points.radius[sole][:, None]
        return cls(lower, upper, least, most, proved, indices, only[0] - only[1], only[0] + only[1])

    def with_values_of(self, arena: Arena, placed: Placed) -> Nodes:
        """The nodes with values of unresolved sets enclosed on their cubes, not on their hulls."""
        least, most = self.least.copy(), self.most.copy()
        for node in np.flatnonzero(self.indices < 0):
            lower, upper = placed.approximation.grid.ends(placed.seeds[node])
            if len(lower):
                lower, upper = np.maximum(lower, self.lower[node]), np.minimum(upper, self.upper[node])
                low, high = _values(arena, lower, upper, np.ones(len(lower), dtype=bool))
                least[node], most[node] = low.min(), high.max()
        return replace(self, least=least, most=most)

    def __len__(self) -> int:
        return len(self.lower)


def _values(arena: Arena, lower: np.ndarray, upper: np.ndarray, proved: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Enclosures (k,), (k,) of f on boxes; where they are not proved to hold what is meant, a little wider."""
    if not len(lower):
        return np.zeros(0), np.zeros(0)
    with np.errstate(all="ignore"):
        values = arena.potential.enclose(lower, upper).value
    slack = np.where(proved, 0.0, SLACK * (1.0 + values.magnitude))
    return values.lower - slack, values.upper + slack


@dataclass(frozen=True, eq=False)
class Placed:
    """The nodes in an outer approximation. Cubes that may hold an equilibrium, joined through faces, are its ``clusters``.

    ``cluster`` (m,): the number of each cube's cluster, -1 where it holds no equilibrium; ``parts``: for each node the numbers
    of its clusters; ``seeds``: its cubes, the origin of what is reached; ``is_crowded`` (clusters,): two nodes share it, or it
    touches the boundary of the box where orbits leave there; ``is_alone`` (N,): no cluster of the node is crowded.
    """

    approximation: OuterApproximation
    cluster: np.ndarray
    parts: tuple[np.ndarray, ...]
    seeds: tuple[np.ndarray, ...]
    is_crowded: np.ndarray
    is_alone: np.ndarray

    @classmethod
    def of(cls, approximation: OuterApproximation, nodes: Nodes) -> Placed:
        """The nodes' cubes."""
        cluster = _clusters(approximation)
        met = [approximation.meeting(low, high) for low, high in zip(nodes.lower, nodes.upper, strict=True)]
        of_points = _of_single_points(approximation, nodes, cluster)
        parts, seeds = [], []
        for node, rows in enumerate(met):
            own = np.unique(cluster[rows])
            own = own[own >= 0]
            if nodes.indices[node] < 0:  # the hull of a ring holds the points within it, too: those do not belong to it
                own = np.setdiff1d(own, of_points)
            parts.append(own)
            inside = rows if nodes.indices[node] >= 0 else rows[np.isin(cluster[rows], own)]
            seeds.append(inside)
        owners = np.bincount(np.concatenate([*parts, np.zeros(0, dtype=np.int64)]), minlength=int(cluster.max()) + 1)
        at_edge = np.zeros(len(owners), dtype=bool)
        if approximation.boundary == "exit":
            touching = cluster[approximation.grid.at_edge]
            at_edge[touching[touching >= 0]] = True
        crowded = (owners > 1) | (at_edge & (owners > 0))
        alone = [not bool(crowded[part].any()) for part in parts]
        return cls(approximation, cluster, tuple(parts), tuple(seeds), crowded, np.array(alone, dtype=bool))

    def cubes(self, node: int) -> np.ndarray:
        """Mask (m,) of the cubes of one node."""
        found = np.isin(self.cluster, self.parts[node])
        found[self.seeds[node]] = True
        return found

    @cached_property
    def ahead(self) -> list[np.ndarray]:
        """For each node the mask (m,) of the cubes that can be reached from its own."""
        return [self.approximation.forward(self.cubes(node)) for node in range(len(self.seeds))]

    @cached_property
    def behind(self) -> list[np.ndarray]:
        """For each node the mask (m,) of the cubes from which its own can be reached."""
        return [self.approximation.backward(self.cubes(node)) for node in range(len(self.seeds))]

    def reach(self) -> np.ndarray:
        """(N, N): whether the cubes of one node can be reached from those of another."""
        found = [[bool(ahead[rows].any()) for rows in self.seeds] for ahead in self.ahead]
        return np.array(found, dtype=bool).reshape(len(self.seeds), len(self.seeds))

    def n_without_node(self) -> int:
        """How many strongly connected, recurrent components hold no cube of a node."""
        labels = self.approximation.labels
        recurrent = np.unique(labels[self.approximation.is_recurrent])
        own = np.unique(labels[np.concatenate([*self.seeds, np.zeros(0, dtype=np.int64)])])
        return int((~np.isin(recurrent, own)).sum())


def _clusters(approximation: OuterApproximation) -> np.ndarray:
    """Numbers (m,) of the connected sets of cubes that may hold equilibria, -1 for other cubes."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    rests, grid = approximation.may_rest, approximation.grid
    found = np.full(len(approximation), -1, dtype=np.int64)
    pairs = [np.zeros((2, 0), dtype=np.int64)]
    for axis in range(grid.dim):
        for low, high, _ in grid.neighbours(axis):
            both = rests[low] & rests[high]
            pairs.append(np.stack([low[both], high[both]]))
    tail, head = np.concatenate(pairs, axis=1)
    joined = coo_array((np.ones(tail.size), (tail, head)), shape=(len(approximation), len(approximation)))
    labels = connected_components(joined, directed=False)[1]
    found[rests] = np.unique(labels[rests], return_inverse=True)[1]
    return found


def _of_single_points(approximation: OuterApproximation, nodes: Nodes, cluster: np.ndarray) -> np.ndarray:
    """Clusters that lie in a box in which a point of the list is proved to be the only equilibrium."""
    found = [np.zeros(0, dtype=np.int64)]
    for low, high in zip(nodes.only_lower, nodes.only_upper, strict=True):
        near = np.unique(cluster[approximation.meeting(low, high)])
        for number in near[near >= 0]:
            lower, upper = approximation.grid.ends(np.flatnonzero(cluster == number))
            if (lower >= low).all() and (upper <= high).all():
                found.append(np.array([number]))
    return np.concatenate(found)


def separated(approximation: OuterApproximation, nodes: Nodes, max_boxes: int) -> Placed:
    """Refine the clusters of nodes that are not alone in theirs, until all are or ``max_boxes`` is reached."""
    placed = Placed.of(approximation, nodes)
    for _ in range(MOST_ROUNDS):
        if placed.is_alone.all():
            break
        approximation, grid = placed.approximation, placed.approximation.grid
        chosen = (placed.cluster >= 0) & placed.is_crowded[placed.cluster]
        chosen &= grid.level < grid.deepest - 1
        if not chosen.any() or len(grid) + int(chosen.sum()) * (2**grid.dim - 1) > max_boxes:
            break
        placed = Placed.of(approximation.refined(chosen), nodes)
    return placed
