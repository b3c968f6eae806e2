"""One-dimensional stable and unstable manifolds of critical points as curves (§3).

On the free face an eigenvector with the only eigenvalue of its sign carries one invariant curve: a polynomial near the point
and then orbits, as for the strong manifold of a sink (:mod:`.strong_manifold`). An unstable branch that meets a side of the box
goes on along it under the projected flow, by the flow's integrator.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.manifolds.curve_ends import AT_EQUILIBRIUM, Branch
from separatrix.flow.manifolds.free_face import FreeFace
from separatrix.flow.manifolds.strong_manifold import branch_of, strong_branches

BEGIN = 1e-7  # over the width: where an orbit from a point at rest on a side of the box starts
TOLERANCE, LOOSE = 1e-9, 1e-7
LONGEST_TIME = 1e9
NEWTON, CLOSE = 8, 0.01


@dataclass(frozen=True, eq=False)
class StraightStart:
    """The first stretch of an orbit, straight to rounding: what :func:`branch_of` needs of a local curve."""

    start: np.ndarray
    direction: np.ndarray
    high: float

    def points(self, s: np.ndarray) -> np.ndarray:
        """Points (m, k) at arc lengths ``s`` (m,)."""
        return self.start + s[:, None] * self.direction


@dataclass(frozen=True, eq=False)
class Curve:
    """A branch in the coordinates of the domain: ``points`` (m, dim), ``arc`` (m,), ``error`` (m,), reason, release."""

    points: np.ndarray
    arc: np.ndarray
    error: np.ndarray
    reason: str
    released: float


def curves_on_face(face: FreeFace, column: int, most: float) -> list[Curve]:
    """Both branches along an eigenvector of the face (or reversed face), whose eigenvalue there is negative."""
    return [_lifted(face, _closed(face, branch, most)) for branch in strong_branches(face, column, most)]


def _closed(face: FreeFace, branch: Branch, most: float) -> Branch:
    """A branch that ends next to an equilibrium, with that point as its end: by Newton's method, when it is near."""
    if branch.reason != AT_EQUILIBRIUM or branch.arc[-1] >= most:
        return branch
    y, move = branch.points[-1], np.zeros(face.dim)
    for _ in range(NEWTON):
        move = np.linalg.lstsq(face.hessian(y), -face.gradient(y[None])[0], rcond=None)[0]
        y = y + move
        if not np.isfinite(y).all():
            return branch
    step = y - branch.points[-1]
    rest, slope = float(np.linalg.norm(step)), face.gradient(branch.points[-1:])[0]
    if not (0 < rest <= CLOSE * branch.arc[-1] and np.linalg.norm(move) <= 1e-10 * face.arena.width):
        return branch
    aside = step - (step @ slope) / max(float(slope @ slope), 1e-300) * slope  # how far the field points past the end
    return dataclasses.replace(
        branch,
        points=np.concatenate([branch.points, y[None]]),
        arc=np.append(branch.arc, branch.arc[-1] + rest),
        error=np.append(branch.error, branch.error[-1] + float(np.linalg.norm(aside))),
    )


def curve_from_side(flow: GradientFlow, face: FreeFace, most: float) -> list[Curve]:
    """The orbit that arrives from inside at a point that rests on one side of the box and repels within it."""
    outward = flow.arena.potential.gradient(face.sink[None])[0][face.held]
    n = face.sink.size
    inside = FreeFace(
        flow.arena, face.sink, np.arange(n), np.zeros(0, dtype=np.int64), np.zeros(0), np.zeros(n), np.eye(n)
    )
    direction = np.zeros(n)
    direction[face.held] = -np.sign(outward)
    start = StraightStart(face.sink, direction, BEGIN * flow.arena.width)
    return [_lifted(inside, branch_of(inside, (start, start), 1, most, False))]  # type: ignore[arg-type]


def _lifted(face: FreeFace, branch: Branch) -> Curve:
    return Curve(face.lift(branch.points), branch.arc, branch.error, branch.reason, branch.released)


def followed_on(flow: GradientFlow, curve: Curve, most: float) -> Curve:
    """An unstable branch that left its face or met a side of the box, followed on by the projected flow to its sink."""
    left_face = np.isfinite(curve.released) or curve.reason.startswith("coordinate")
    if flow.boundary != "project" or not left_face or curve.arc[-1] >= most:
        return curve
    start = flow.arena.bounds.snap(curve.points[-1], near=1e-9)
    run = flow.trajectories(start[None], LONGEST_TIME, TOLERANCE, TOLERANCE * flow.arena.width, keep_paths=True)
    check = flow.trajectories(start[None], LONGEST_TIME, LOOSE, LOOSE * flow.arena.width, keep_paths=True)
    path = run.path(0)[1]
    path = path[np.concatenate([[True], np.linalg.norm(np.diff(path, axis=0), axis=1) > 0])]
    arc = curve.arc[-1] + np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    kept = arc <= most
    path, arc = path[kept], arc[kept]
    apart = _distances(path, check.path(0)[1])
    error = curve.error[-1] + 2.0 * np.maximum.accumulate(apart) + TOLERANCE * flow.arena.width
    return Curve(
        np.concatenate([curve.points, path[1:]]),
        np.concatenate([curve.arc, arc[1:]]),
        np.concatenate([curve.error, error[1:]]),
        run.reason[0] if kept.all() else "the length asked for",
        np.inf,
    )


def _distances(points: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Distances of points (m, dim) from a polyline (l, dim), (m,)."""
    first, along = line[:-1], np.diff(line, axis=0)
    if not len(along):
        return np.linalg.norm(points - line[0], axis=1)
    square = np.maximum((along * along).sum(axis=1), 1e-300)
    share = np.clip(((points[:, None] - first[None]) * along[None]).sum(axis=2) / square, 0.0, 1.0)
    nearest = first[None] + share[:, :, None] * along[None]
    return np.linalg.norm(points[:, None] - nearest, axis=2).min(axis=1)
