"""A two-dimensional invariant manifold grown from its point: fronts of orbits of one length, joined by triangles (§3).

A front is a closed polygon of orbits that have all gone the same way, at first a small circle. Each step carries every orbit on
by one edge length, and by less near the point, so that directions of very different rates are resolved at every scale;
where neighbours have come too far apart an orbit is put in between, started from the cubic through four neighbours on the front
before, and where they have come too close one is left out. Orbits that end, at a side of the box or an equilibrium, stay in the
front as fixed corners for as long as a neighbour goes on. Where a saddle parts two neighbours it becomes such a corner itself,
so that the mesh is closed up to its unstable curve. Orbits draw their neighbours onto the manifold, so that the error of a new
start dies out (cf. B. Krauskopf et al., Int. J. Bifurcation and Chaos 15 (2005), on methods for two-dimensional manifolds).
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.flow.manifolds.mesh_orbits import EQUILIBRIUM, Orbits, cubic_middle

FIRST = 1e-4  # radius of the first circle, over the width
DIRECTIONS = 24
GROWTH = 0.4  # a step over the length gone, until it is the edge length
WIDE, NARROW = 1.4, 0.45  # gaps of a front over the edge length
ROUNDS = 6
LEAST_GAP = 1e-6  # on the front before, over the edge length: nearer neighbours are not parted further
MOST_VERTICES = 60_000
SAME = 1e-6
PARTED = 0.5  # cosine of directions of neighbours between which a saddle is looked for
ALIGNED = 0.97


@dataclass(eq=False)
class Front:
    """A closed polygon of orbits: ``y`` (m, k), ``distance`` (m,) gone, ``vertex`` (m,) numbers (-1: not in the mesh), ``live``
    (m,) whether they go on, ``torn`` (m,) whether the gap to the next one is given up."""

    y: np.ndarray
    distance: np.ndarray
    vertex: np.ndarray
    live: np.ndarray
    torn: np.ndarray

    def __len__(self) -> int:
        return len(self.y)

    def gaps(self) -> np.ndarray:
        """Distances to the next one, (m,)."""
        return np.linalg.norm(np.roll(self.y, -1, axis=0) - self.y, axis=1)

    def with_inserted(self, places: np.ndarray, other: Front) -> Front:
        """The rows of ``other`` put in behind the rows ``places``."""
        at = places + 1
        return Front(*(np.insert(getattr(self, n), at, getattr(other, n), axis=0) for n in FIELDS))

    def rows(self, chosen: np.ndarray) -> Front:
        """These rows alone."""
        return Front(*(getattr(self, n)[chosen] for n in FIELDS))


FIELDS = ("y", "distance", "vertex", "live", "torn")


@dataclass(eq=False)
class Growth:
    """A mesh under way: ``points`` of its vertices, ``distance`` of each, ``triangles``, ``ends``: reasons by vertex."""

    orbits: Orbits
    columns: np.ndarray
    most: float
    points: list[np.ndarray] = field(default_factory=list)
    distance: list[float] = field(default_factory=list)
    triangles: list[tuple[int, int, int]] = field(default_factory=list)
    ends: dict[int, str] = field(default_factory=dict)
    equilibria: list[int] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    n_lost: int = 0

    def run(self) -> None:
        """Grow until no orbit goes on, or the length or the budget is reached."""
        edge, front = self.orbits.edge, self._first_front()
        while front.live.any() and len(self.points) < MOST_VERTICES:
            gone = float(front.distance[front.live].min())
            if self.most - gone <= 1e-9 * edge:
                break
            self.orbits = Orbits(
                self.orbits.face, min(edge, GROWTH * gone)
            )  # small near the point, where rates may differ
            front = self._next(front, min(self.orbits.edge, self.most - gone))
        if front.live.any():
            spent = len(self.points) >= MOST_VERTICES
            reason = f"the budget of {MOST_VERTICES} vertices" if spent else "the length asked for"
            self.ends |= {int(v): reason for v in front.vertex[front.live]}
        if self.n_lost:
            self.notes.append(f"the front is torn at {self.n_lost} places, where neighbours part too fast to be joined")

    def _first_front(self) -> Front:
        """A small circle in the eigenplane, and the fan of triangles to the point."""
        face, n = self.orbits.face, DIRECTIONS
        start, plane = face.sink[face.free], face.vectors[:, self.columns]
        room = float(np.minimum(start - face.lower, face.upper - start).min())
        radius = min(FIRST * face.arena.width, 0.1 * self.orbits.edge, 0.5 * room)
        angles = 2 * np.pi * np.arange(n) / n
        circle = start + radius * np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T
        self.points += [start, *circle]
        self.distance += [0.0, *[radius] * n]
        self.triangles += [(0, i, i % n + 1) for i in range(1, n + 1)]
        live, torn = np.ones(n, dtype=bool), np.zeros(n, dtype=bool)
        return Front(circle, np.full(n, radius), np.arange(1, n + 1), live, torn)

    def _arrived(self, y: np.ndarray, length: float, before: float | np.ndarray) -> tuple[Front, list[str]]:
        """(rows after a step of this length, why each of them ends there or "")."""
        n = len(y)
        arrival = self.orbits.step(y, np.full(n, length))
        live = np.array([not reason for reason in arrival.reasons], dtype=bool)
        return Front(
            arrival.points, before + arrival.lengths, np.full(n, -1), live, np.zeros(n, dtype=bool)
        ), arrival.reasons

    def _numbered(self, front: Front, reasons: list[str]) -> Front:
        """The front with vertex numbers; equilibria that are vertices already keep their number."""
        for row, reason in enumerate(reasons):
            if front.vertex[row] >= 0:
                continue
            if reason == EQUILIBRIUM:
                front.vertex[row] = self._equilibrium(front.y[row], float(front.distance[row]))
                continue
            front.vertex[row] = len(self.points)
            self.points.append(front.y[row])
            self.distance.append(float(front.distance[row]))
            if reason:
                self.ends[int(front.vertex[row])] = reason
        return front

    def _equilibrium(self, y: np.ndarray, distance: float) -> int:
        for vertex in self.equilibria:
            if np.abs(self.points[vertex] - y).max() <= SAME * self.orbits.face.arena.width:
                return vertex
        self.points.append(y)
        self.distance.append(distance)
        self.equilibria.append(len(self.points) - 1)
        self.ends[len(self.points) - 1] = EQUILIBRIUM
        return len(self.points) - 1

    def _next(self, front: Front, length: float) -> Front:
        """The front one step on, and the triangles between the two."""
        base, new, reasons = self._carried(front, length)
        for _ in range(ROUNDS):
            gaps, before = new.gaps(), base.gaps()
            wide = (gaps > WIDE * self.orbits.edge) & (base.live | np.roll(base.live, -1)) & ~new.torn
            lost = wide & ((before < LEAST_GAP * self.orbits.edge) | (before > 4 * self.orbits.edge))
            base.torn |= lost
            self.n_lost += int(lost.sum())
            lost |= wide & self._is_downstream(base)
            new.torn |= lost
            places = np.flatnonzero(wide & ~lost)
            if not places.size:
                break
            between = self._between(base, new, places)
            made, why = self._moved(between, length)
            base, new = base.with_inserted(places, between), new.with_inserted(places, made)
            reasons = list(np.insert(np.array(reasons, dtype=object), places + 1, why))
        kept = self._kept(new)
        new = self._numbered_where(new, reasons, kept)
        self._join(base, new, kept)
        return new.rows(kept)

    def _is_downstream(self, base: Front) -> np.ndarray:
        """Whether of two neighbours one is fixed and the other lies where the flow leads from it: nothing is in between."""
        after = np.roll(base.y, -1, axis=0)
        following = np.roll(base.live, -1)
        is_first = (base.live & ~following)[:, None]
        apart = np.where(is_first, base.y - after, after - base.y)  # from the fixed one to the live one
        ahead = self.orbits.field(np.where(is_first, base.y, after))
        size = np.linalg.norm(apart, axis=1)
        return np.asarray((base.live != following) & ((apart * ahead).sum(axis=1) > ALIGNED * size))

    def _carried(self, front: Front, length: float) -> tuple[Front, Front, list[str]]:
        made, why = self._moved(front, length)
        base = Front(front.y, front.distance, front.vertex, front.live, front.torn.copy())
        made.torn = front.torn.copy()
        return base, made, why

    def _moved(self, front: Front, length: float) -> tuple[Front, list[str]]:
        """Live rows one step on, the others where they are, with their numbers."""
        rows = np.flatnonzero(front.live)
        moved, why = self._arrived(front.y[rows], length, front.distance[rows])
        new = Front(
            front.y.copy(), front.distance.copy(), front.vertex.copy(), front.live.copy(), np.zeros(len(front), bool)
        )
        new.y[rows], new.distance[rows], new.live[rows], new.vertex[rows] = moved.y, moved.distance, moved.live, -1
        reasons = [""] * len(front)
        for row, reason in zip(rows, why, strict=True):
            reasons[row] = reason
        for row in np.flatnonzero(~front.live & (front.vertex < 0)):
            reasons[row] = EQUILIBRIUM
        return new, reasons

    def _between(self, base: Front, new: Front, places: np.ndarray) -> Front:
        """Starts between neighbours on the front before; a saddle that parts them is one that does not move."""
        n, after = len(base), (places + 1) % len(base)
        y = 0.5 * (base.y[places] + base.y[after])
        four = np.stack([(places - 1) % n, places, after, (places + 2) % n], axis=1)
        smooth = base.live[four].all(axis=1) & ~base.torn[four[:, [0, 2]]].any(axis=1) & (n >= 8)
        cubic, usable = cubic_middle(base.y[four])
        y[smooth & usable] = cubic[smooth & usable]
        y = np.clip(y, self.orbits.face.lower, self.orbits.face.upper)
        live = np.ones(len(places), dtype=bool)
        gone = new.y - base.y
        sizes = np.linalg.norm(gone, axis=1)
        turned = (gone[places] * gone[after]).sum(axis=1) < PARTED * sizes[places] * sizes[after]
        asked = np.flatnonzero(base.live[places] & base.live[after] & turned)
        if asked.size:
            ends, values = self.orbits.equilibria(y[asked])
            for place, end, rate in zip(asked, ends, values, strict=True):
                near = np.linalg.norm(end - y[place]) <= 2.0 * self.orbits.edge and not np.isnan(rate).any()
                if near and self.orbits.divide(end, new.y[places[place]], new.y[after[place]]):
                    y[place], live[place] = end, False
        distance = 0.5 * (base.distance[places] + base.distance[after])
        return Front(y, distance, np.full(len(places), -1), live, np.zeros(len(places), dtype=bool))

    def _kept(self, new: Front) -> np.ndarray:
        """Which rows stay: live ones that are too near to the one before are left out."""
        kept, last = np.ones(len(new), dtype=bool), new.y[0]
        for row in range(1, len(new) - 1):
            near = np.linalg.norm(new.y[row] - last) < NARROW * self.orbits.edge
            closes = np.linalg.norm(new.y[row + 1] - last) < 1.2 * self.orbits.edge
            if new.live[row] and near and closes and not (new.torn[row] or new.torn[row - 1]):
                kept[row] = False
            else:
                last = new.y[row]
        return kept

    def _numbered_where(self, new: Front, reasons: list[str], kept: np.ndarray) -> Front:
        chosen = np.flatnonzero(kept)
        part = self._numbered(new.rows(chosen), [reasons[row] for row in chosen])
        new.vertex[chosen] = part.vertex
        return new

    def _join(self, base: Front, new: Front, kept: np.ndarray) -> None:
        """Triangles between the old vertices and the new ones, from anchor to anchor: kept rows that were vertices before."""
        anchors = np.flatnonzero(kept & (base.vertex >= 0))
        n = len(base)
        for a, b in zip(anchors, np.roll(anchors, -1), strict=True):
            rows = np.arange(a, b + 1 if b > a else b + n + 1) % n
            if not base.live[rows].any() or base.torn[rows[:-1]].any():
                continue
            old = [int(v) for v in base.vertex[rows] if v >= 0]
            self._zip(old, [int(new.vertex[row]) for row in rows if kept[row]])

    def _zip(self, old: list[int], new: list[int]) -> None:
        """Triangles between two chains, the shorter diagonal at every turn."""
        i = j = 0
        while i < len(old) - 1 or j < len(new) - 1:
            along_old = np.inf if i == len(old) - 1 else self._length(old[i + 1], new[j])
            along_new = np.inf if j == len(new) - 1 else self._length(old[i], new[j + 1])
            if along_old <= along_new:
                corners = (old[i], new[j], old[i + 1])
                i += 1
            else:
                corners = (old[i], new[j], new[j + 1])
                j += 1
            if len(set(corners)) == 3:
                self.triangles.append(corners)

    def _length(self, a: int, b: int) -> float:
        return float(np.linalg.norm(self.points[a] - self.points[b]))
