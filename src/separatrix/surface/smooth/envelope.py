"""The walls between the largest of several piecewise linear functions on a mesh: edges, triangles, tetrahedra (§6).

Along every edge the upper envelope of the functions is followed from its lower vertex, so that neighbours see the same
breakpoints, each of a type {k, l}. In a triangle the breakpoints on its edges are joined: every type twice gives a wall
a type; three types (ij), (jk), (ik) once each meet in a triple point; four in a cycle in two. A tetrahedron is the cone
over each connected component of the graph on its boundary.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np

Type = tuple[int, int]


@dataclass(frozen=True, eq=False)
class Breakpoints:
    """Where the largest function changes along edges.

    ``edges`` (E, 2): mesh edges, lower vertex first, ascending by ``keys``; ``starts`` (E + 1,): breakpoints of an edge
    in order; ``at`` (P,): share of the edge; ``before`` and ``after`` (P,): the largest function on either side.
    """

    edges: np.ndarray
    keys: np.ndarray
    starts: np.ndarray
    at: np.ndarray
    before: np.ndarray
    after: np.ndarray

    def of(self, keys: np.ndarray) -> np.ndarray:
        """Rows of edges by key."""
        return np.searchsorted(self.keys, keys)

    @property
    def owner(self) -> np.ndarray:
        """The edge of every breakpoint."""
        return np.repeat(np.arange(len(self.edges)), np.diff(self.starts))


def edge_keys(simplices: np.ndarray, n_vertices: int) -> np.ndarray:
    """Keys of the edges of every simplex, (N, edges of a simplex), vertices in the order of ``combinations``."""
    pairs = [np.sort(simplices[:, list(pair)], axis=1) for pair in combinations(range(simplices.shape[1]), 2)]
    return np.stack([pair[:, 0] * n_vertices + pair[:, 1] for pair in pairs], axis=1)


def breakpoints(levels: np.ndarray, simplices: np.ndarray) -> Breakpoints:
    """The upper envelopes of ``levels`` (n_vertices, C) along all edges of ``simplices``."""
    keys = np.unique(edge_keys(simplices, len(levels)))
    edges = np.stack([keys // len(levels), keys % len(levels)], axis=1)
    first, slope = levels[edges[:, 0]], levels[edges[:, 1]] - levels[edges[:, 0]]
    current, last = first.argmax(axis=1), levels[edges[:, 1]].argmax(axis=1)
    position = np.zeros(len(edges))
    found: list[tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]] = []
    rows = np.flatnonzero(current != last)
    while len(rows):
        here = np.arange(len(rows))
        steeper = slope[rows] - slope[rows, current[rows]][:, None]
        behind = first[rows, current[rows]][:, None] - first[rows]
        with np.errstate(divide="ignore", invalid="ignore"):
            meets = np.where(steeper > 0, behind / steeper, np.inf)
        following = meets.argmin(axis=1)
        stuck = ~np.isfinite(meets[here, following])
        following = np.where(stuck, last[rows], following)
        at = np.clip(np.where(stuck, 1.0, meets[here, following]), position[rows], 1.0)
        found.append((rows, at, current[rows].copy(), following))
        position[rows], current[rows] = at, following
        rows = rows[following != last[rows]]
    if not found:
        nothing = np.zeros(0, dtype=np.int64)
        return Breakpoints(edges, keys, np.zeros(len(edges) + 1, dtype=np.int64), np.zeros(0), nothing, nothing)
    owner, at, before, after = (np.concatenate(parts) for parts in zip(*found, strict=True))
    order = np.argsort(owner, kind="stable")
    starts = np.searchsorted(owner[order], np.arange(len(edges) + 1))
    return Breakpoints(edges, keys, starts, at[order], before[order], after[order])


@dataclass(frozen=True, eq=False)
class Walls:
    """Segments in triangles: ``segments`` (S, 2) vertex numbers, ``types`` (S, 2) classes, ``owner`` (S,) triangles.

    Vertices are the breakpoints, then the triple points: ``triple_at`` (T, 3) barycentric coordinates in triangle
    ``triple_owner`` (T,), of classes ``triple_types`` (T, 3). ``irregular``: triangles that fit no pattern.
    """

    segments: np.ndarray
    types: np.ndarray
    owner: np.ndarray
    triple_at: np.ndarray
    triple_owner: np.ndarray
    triple_types: np.ndarray
    irregular: np.ndarray


def walls_in_triangles(levels: np.ndarray, triangles: np.ndarray, points: Breakpoints) -> Walls:
    """The walls in ``triangles`` (N, 3) from the breakpoints on their edges."""
    rows = points.of(edge_keys(triangles, len(levels)))
    counts = np.diff(points.starts)[rows].sum(axis=1)
    low, high = np.minimum(points.before, points.after), np.maximum(points.before, points.after)
    plain, plain_ends = _plain_walls(rows, counts, points, low, high)
    lists: list[list] = [[] for _ in range(7)]
    for triangle in np.flatnonzero((counts > 0) & ~plain).tolist():
        met = [p for edge in rows[triangle] for p in range(points.starts[edge], points.starts[edge + 1])]
        by_type: dict[Type, list[int]] = {}
        for p in met:
            by_type.setdefault((int(low[p]), int(high[p])), []).append(p)
        single = {kind: found[0] for kind, found in by_type.items() if len(found) == 1}
        arms = (
            None if any(len(found) > 2 for found in by_type.values()) else _triple(levels[triangles[triangle]], single)
        )
        if arms is None:
            lists[6].append(triangle)
            continue
        for kind, found in by_type.items():
            if len(found) == 2:
                _append(lists, found, kind, triangle)
        offset = len(points.at) + len(lists[3])
        for at, classes in arms[0]:
            lists[3].append(at)
            lists[4].append(triangle)
            lists[5].append(classes)
        for kind, ends in arms[1]:
            _append(lists, [end if is_point else offset + end for end, is_point in ends], kind, triangle)
    shapes = ((-1, 2), (-1, 2), (-1,), (-1, 3), (-1,), (-1, 3), (-1,))
    dtypes = (np.int64, np.int64, np.int64, np.float64, np.int64, np.int64, np.int64)
    arrays = [np.array(x, dtype=t).reshape(s) for x, t, s in zip(lists, dtypes, shapes, strict=True)]
    kinds = np.stack([low[plain_ends[:, 0]], high[plain_ends[:, 0]]], axis=1)
    for i, part in enumerate((plain_ends, kinds, np.flatnonzero(plain))):
        arrays[i] = np.concatenate([part, arrays[i]])
    return Walls(*arrays)


def _plain_walls(
    rows: np.ndarray, counts: np.ndarray, points: Breakpoints, low: np.ndarray, high: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which triangles have two breakpoints of one type on two edges, (N,), and these, (number of such, 2)."""
    own = np.diff(points.starts)[rows]
    plain = (counts == 2) & (own.max(axis=1, initial=0) == 1)
    edges = rows[plain][own[plain] == 1].reshape(-1, 2)
    ends = points.starts[edges]
    same = (low[ends[:, 0]] == low[ends[:, 1]]) & (high[ends[:, 0]] == high[ends[:, 1]])
    plain[np.flatnonzero(plain)[~same]] = False
    return plain, ends[same]


def _append(lists: list[list], ends: list[int], kind: Type, triangle: int) -> None:
    lists[0].append(ends)
    lists[1].append(kind)
    lists[2].append(triangle)


Arms = tuple[list[tuple[np.ndarray, tuple[int, ...]]], list[tuple[Type, list[tuple[int, bool]]]]]


def _triple(own: np.ndarray, single: dict[Type, int]) -> Arms | None:
    """Triple points and the walls that end there, for the types that stand once on the boundary; None: no pattern."""
    classes = sorted({k for kind in single for k in kind})
    if not single:
        return [], []
    if len(single) == 3 and len(classes) == 3:
        at = _meeting(own, classes)
        return [(at, tuple(classes))], [(kind, [(p, True), (0, False)]) for kind, p in single.items()]
    if len(single) != 4 or len(classes) != 4:
        return None
    missing = [kind for kind in combinations(classes, 2) if kind not in single]
    if len(missing) != 2 or set(missing[0]) & set(missing[1]):
        return None  # the four types make no cycle
    wall, other = missing
    values = own.T @ _meeting(own, [*wall, other[0]])
    if values[other[1]] > values[other[0]]:  # there the fourth class is larger: the other diagonal is the wall
        wall, other = other, wall
    found, arms = [], [(wall, [(0, False), (1, False)])]
    for i, third in enumerate(other):
        trio = tuple(sorted((*wall, third)))
        found.append((_meeting(own, list(trio)), trio))
        arms += [(kind, [(p, True), (i, False)]) for kind, p in single.items() if third in kind]
    return found, arms


def _meeting(own: np.ndarray, classes: list[int] | tuple[int, ...]) -> np.ndarray:
    """Barycentric coordinates of the point where three linear functions with vertex values ``own`` (3, C) agree."""
    i, j, k = classes
    system = np.stack([own[:, i] - own[:, j], own[:, i] - own[:, k], np.ones(3)])
    at = np.linalg.lstsq(system, np.array([0.0, 0.0, 1.0]), rcond=None)[0]
    at = np.clip(at, 1e-9, None)
    return at / at.sum()
