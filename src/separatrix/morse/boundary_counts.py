"""Signed counts of orbits between critical points, and what is missing for them to be a boundary operator (§9)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.orientation import orbit_sign, unstable_frames

OUT = ("left", "ran off", "entered")  # words with which the reason of a branch that leaves the domain begins


@dataclass(eq=False)
class BoundaryCounts:
    """The counting of one list of points: operators d_k as integer matrices, with what is not known of each.

    ``generators``: rows of the points of every index; ``operators``: d_1, d_2, …; ``unknown``: by degree, what is missing
    of d_k, in words; ``certainty``: of the weakest orbit that was used.
    """

    arena: Arena
    points: CriticalPoints
    connections: Connections
    generators: tuple[np.ndarray, ...]
    frames: tuple[np.ndarray, ...]
    operators: list[np.ndarray] = field(default_factory=list)
    unknown: dict[int, list[str]] = field(default_factory=dict)
    certainty: Certainty = Certainty.PROVED

    @classmethod
    def of(
        cls, arena: Arena, points: CriticalPoints, connections: Connections, orientations: np.ndarray
    ) -> BoundaryCounts:
        """All operators counted."""
        dim = points.points.shape[1]
        generators = tuple(np.flatnonzero(points.indices == k) for k in range(dim + 1))
        frames = unstable_frames(arena, points, orientations)
        counts = cls(arena, points, connections, generators, frames)
        for k in range(1, dim + 1):
            counts.operators.append(np.zeros((generators[k - 1].size, generators[k].size), dtype=np.int64))
            if generators[k].size and generators[k - 1].size:
                counts.count(k)
        return counts

    def count(self, k: int) -> None:
        """Fill in d_k from the orbits of its family, and note what is missing."""
        dim, place = self.points.points.shape[1], np.zeros(len(self.points), dtype=np.int64)
        for rows in self.generators:
            place[rows] = np.arange(rows.size)
        self.unknown[k] = []
        backwards = k == dim and k > 1
        branches = [orbit for orbit in self.connections.orbits if self._belongs(orbit, k, backwards)]
        if k == 1:
            self._check_unstable(branches)
        elif backwards:
            self._check_stable(branches, k)
        else:
            self._check_inner(branches, k)
        for orbit in branches:
            if not orbit.connects or self.points.indices[orbit.source] - self.points.indices[orbit.target] != 1:
                continue
            sign = orbit_sign(self.arena, self.points, self.frames, orbit)
            if not sign.value:
                self._miss(k, f"the sign of an orbit from {self._name(orbit.source)} to {self._name(orbit.target)}")
            self.certainty = Certainty.weakest([self.certainty, orbit.certainty, sign.certainty])
            self.operators[k - 1][place[orbit.target], place[orbit.source]] += sign.value

    def _belongs(self, orbit: Orbit, k: int, backwards: bool) -> bool:
        if self.points.indices[orbit.saddle] != (k - 1 if backwards else k):
            return False
        return orbit.saddle == (orbit.target if backwards else orbit.source)

    def _check_unstable(self, branches: list[Orbit]) -> None:
        """Index 1: both branches, each to a sink or out of the domain."""
        for row in self.generators[1]:
            own = [orbit for orbit in branches if orbit.saddle == row]
            if sorted(orbit.side for orbit in own) != [-1, 1]:
                self._miss(1, f"the two unstable branches of {self._name(row)} ({len(own)} are known)")
            for orbit in own:
                self._check_end(1, orbit, orbit.target, 0)

    def _check_stable(self, branches: list[Orbit], k: int) -> None:
        """Index n - 1 in dimension n: both stable branches, on a side of the box the one from inside."""
        for row in self.generators[k - 1]:
            own = [orbit for orbit in branches if orbit.saddle == row]
            expected = 2 if (self.points.active[row] == 0).all() else 1
            if len(own) != expected:
                self._miss(k, f"the stable branches of {self._name(row)} ({len(own)} of {expected} are known)")
            for orbit in own:
                self._check_end(k, orbit, orbit.source, k)

    def _check_inner(self, branches: list[Orbit], k: int) -> None:
        """Indices between: the circle of unstable directions in space, which no list of orbits shows to be complete."""
        dim = self.points.points.shape[1]
        if dim > 3:
            self._miss(k, f"orbits from index {k} to index {k - 1} are not sought in dimension {dim}")
            return
        self.certainty = Certainty.weakest([self.certainty, Certainty.VERIFIED])
        for row in self.generators[k]:
            if not any(orbit.saddle == row for orbit in branches) and not self._is_cleared(row):
                self._miss(k, f"the orbits that leave {self._name(row)} (none is known)")

    def _is_cleared(self, row: int) -> bool:
        """Whether the connections were sought at this point, in which case none is an answer."""
        return any(orbit.source == row or orbit.saddle == row for orbit in self.connections.orbits)

    def _check_end(self, k: int, orbit: Orbit, end: int, index: int) -> None:
        name, side = self._name(orbit.saddle), "+" if orbit.side > 0 else "-"
        if end < 0:
            if not orbit.reason.startswith(OUT):
                self._miss(k, f"where branch {side} of {name} ends ({orbit.reason})")
            self.certainty = Certainty.weakest([self.certainty, orbit.certainty])
        elif self.points.indices[end] != index:
            self._miss(
                k,
                f"branch {side} of {name} ends in {self._name(end)} of index {int(self.points.indices[end])}: the flow is not "
                "Morse-Smale, or the integration was caught there",
            )

    def _miss(self, k: int, what: str) -> None:
        self.unknown[k].append(what)

    def _name(self, row: int) -> str:
        return self.points.ids[int(row)]
