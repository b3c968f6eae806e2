"""All branches of a list of critical points, followed, proved where tubes do it, and put down as orbits (§9)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.projection import Arena
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.chains import chains
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.legs import traced_legs
from separatrix.morse.tubes.traces import Start, Trace
from separatrix.morse.tubes.tracing import TOLERANCE
from separatrix.morse.tubes.written import orbit_of, question

OFFSET = 1e-5
DECIDED = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class Followed:
    """A list of points with what is needed to follow their branches: frames of proved points, goals by sign."""

    arena: Arena
    points: CriticalPoints
    frames: dict[int, Eigenframe]
    goals: dict[float, Goals]
    rng: np.random.Generator

    @classmethod
    def of(cls, arena: Arena, points: CriticalPoints, rng: np.random.Generator) -> Followed:
        """The frames and attracting boxes of a list."""
        rows = range(len(points))
        frames = {row: frame for row in rows if (frame := Eigenframe.at(arena, points, row)) is not None}
        return cls(arena, points, frames, {sign: Goals.of(arena, points, frames, sign) for sign in (1.0, -1.0)}, rng)

    def orbits(
        self, flow: GradientFlow, proved: bool, circles: bool = True
    ) -> tuple[list[Orbit], list[str], list[str]]:
        """(orbits, what is missing, notes); ``circles``: whether directions around points of index 2 in space are followed."""
        starts = self.starts()
        traces = self.traced(flow, starts)
        made = (
            chains(self.arena, self.goals, traces, self.frames)
            if proved
            else ["proofs were not asked for"] * len(traces)
        )
        found = [orbit_of(self, trace, tube) for trace, tube in zip(traces, made, strict=True)]
        missing = [question(self, orbit) for orbit in found if orbit.certainty not in DECIDED]
        dim, indices = self.arena.potential.dim, self.points.indices
        if dim == 3 and (indices == 2).any() and not circles:
            missing.append("orbits from points of index 2 to points of index 1 were not sought (circles=False)")
        elif dim == 3 and (indices == 2).any():
            from separatrix.morse.tubes.arcs import proved_arcs
            from separatrix.morse.tubes.circles import circle_orbits
            from separatrix.morse.tubes.closings import ends_of
            from separatrix.morse.tubes.face_branches import face_branches, without_doubles

            more, questions = circle_orbits(self, flow, ends_of(found))
            branches, known = face_branches(self, proved)
            more = without_doubles(self, more, known)
            more = proved_arcs(self, more) if proved else more
            found, missing = [*found, *branches, *more], [*missing, *questions]
        between = sorted({int(i) for i in indices if 2 <= i <= dim - 2})
        if dim > 3 and len(between):
            missing.append(f"orbits that leave points of index {between} are not followed in {dim} dimensions")
        return found, missing, []

    def starts(self) -> list[Start]:
        """The unstable branches of index-1 points; the stable ones of points of index dim - 1."""
        found: list[Start] = []
        dim = self.arena.potential.dim
        for row in np.flatnonzero(self.points.indices == 1):
            found += [self.start(int(row), -1, side, 1.0) for side in (1, -1)]
        for row in np.flatnonzero(self.points.indices == dim - 1) if dim > 1 else ():
            held = np.flatnonzero(self.points.active[row])
            if not held.size:
                found += [self.start(int(row), 0, side, -1.0) for side in (1, -1)]
            elif held.size == 1:
                found.append(self._inward(int(row), int(held[0])))
        return found

    def basis(self, row: int) -> np.ndarray:
        """Unit eigenvectors (dim, k) of the point on its free face, eigenvalues ascending."""
        free = np.flatnonzero(self.points.active[row] == 0)
        frame = self.frames.get(row)
        vectors = frame.vectors if frame is not None else None
        if vectors is None:
            vectors = np.linalg.eigh(self.arena.potential.hessian_on(self.points.points[row], free))[1]
        whole = np.zeros((self.points.points.shape[1], free.size))
        whole[free] = vectors
        return whole

    def offset(self, row: int, share: float = OFFSET) -> float:
        """How far from the point a branch is started."""
        return share * min(self.arena.width, 4.0 * float(self.goals[1.0].spacing[row]))

    def start(self, row: int, column: int, side: int, sign: float) -> Start:
        """The branch on one side along an eigenvector."""
        direction = side * self.basis(row)[:, column]
        point = self.points.points[row] + self.offset(row) * direction
        held = self.points.active[row]
        return Start(row, side, sign, direction, point, held == 0, held.astype(np.float64))

    def _inward(self, row: int, held: int) -> Start:
        """The orbit that arrives at a repeller of a facet from the interior, backwards."""
        outward = self.points.active[row].astype(np.float64)
        point = self.points.points[row]
        gradient = self.arena.potential.gradient(point[None])[0]
        inward = -gradient / np.linalg.norm(gradient)
        return Start(row, 1, -1.0, inward, point.copy(), np.ones(point.size, dtype=bool), outward)

    def traced(self, flow: GradientFlow, starts: list[Start], tolerance: float = TOLERANCE) -> list[Trace]:
        """The traces of ``starts``, on along sides of the box where they hold the projected flow."""
        return traced_legs(self.arena, self.goals, starts, tolerance)
