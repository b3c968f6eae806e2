"""Orientations of unstable manifolds and the signs of orbits between points whose indices differ by one (§9).

The unstable manifold W(x) of a point of index k is oriented by a basis of its tangent space at x, the unstable eigenvectors.
Along an orbit from x to a point y of index k - 1, tangent spaces of W(x) are the direction of travel t and a rest, which the
linearised flow carries to the tangent space of W(y). The orbit counts +1 if (t, rest) is oriented as W(x) where the rest
arrives with the orientation of W(y), and -1 otherwise (M. Schwarz, Morse Homology, 1993). With this count the boundary of
the boundary is zero.

Where sides of a box are met or left the tangent spaces jump. There the sign is read from the neighbours of the orbit: from index
2 to index 1 they turn off at y to its two sides, and which of them turns where is the local degree of the flow (9.16).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena

if TYPE_CHECKING:
    from separatrix.morse.connection_record import Orbit

CLEAR = 0.5  # determinants of unit vectors that are nearly orthogonal lie near 1
LEAST_OVERLAP = 0.2
FEWEST_STEPS, MOST_STEPS = 64, 600


@dataclass(frozen=True, eq=False)
class Sign:
    """+1 or -1, or 0 where it could not be told, and how much that is worth beside the orbit itself."""

    value: int
    certainty: Certainty


UNDECIDED = Sign(0, Certainty.UNKNOWN)


def unstable_frames(arena: Arena, points: CriticalPoints, orientations: np.ndarray) -> tuple[np.ndarray, ...]:
    """For every point an oriented basis of its unstable eigenspace, (dim, index): the first vector takes the orientation."""
    frames = []
    for row, point in enumerate(points.points):
        free = np.flatnonzero(points.active[row] == 0)
        frame = np.zeros((point.size, int(points.indices[row])))
        if frame.shape[1]:
            vectors = np.linalg.eigh(arena.potential.hessian_on(point, free))[1][:, ::-1][:, : frame.shape[1]]
            largest = vectors[np.abs(vectors).argmax(axis=0), np.arange(frame.shape[1])]
            frame[free] = vectors * np.where(largest < 0, -1.0, 1.0)
            frame[:, 0] *= orientations[row]
        frames.append(frame)
    return tuple(frames)


def orbit_sign(arena: Arena, points: CriticalPoints, frames: tuple[np.ndarray, ...], orbit: Orbit) -> Sign:
    """The sign of one orbit from a point of index k to one of index k - 1."""
    source, target = frames[orbit.source], frames[orbit.target]
    if source.shape[1] == 1:
        along = float(orbit.direction @ source[:, 0]) if orbit.saddle == orbit.source else 0.0
        return Sign(int(np.sign(along)), Certainty.PROVED) if abs(along) > CLEAR else UNDECIDED
    if source.shape[1] == 2 and orbit.turn is not None:
        return _sign_of_turn(source, target, orbit)
    free = np.flatnonzero(points.active[orbit.source] == 0)
    if orbit.saddle == orbit.target and source.shape[1] == free.size == points.points.shape[1]:
        return _sign_where_all_is_unstable(source, target, -orbit.direction)
    return _sign_by_transport(arena, source, target, orbit.path, points.active[orbit.target] != 0)


def _sign_of_turn(source: np.ndarray, target: np.ndarray, orbit: Orbit) -> Sign:
    """The local degree of the map from directions at the source to the unstable line of the target, (9.16)."""
    assert orbit.turn is not None
    leaves = np.linalg.det(source.T @ np.column_stack([orbit.direction, orbit.turn.beside]))
    turns = float(orbit.turn.turned @ target[:, 0])
    if not min(abs(leaves), abs(turns)) > CLEAR:
        return UNDECIDED
    worth = Certainty.PROVED if orbit.certainty is Certainty.PROVED else Certainty.VERIFIED
    return Sign(int(np.sign(leaves) * np.sign(turns)), worth)


def _sign_where_all_is_unstable(source: np.ndarray, target: np.ndarray, travel: np.ndarray) -> Sign:
    """W(x) is open: its orientation is that of space, and nothing needs to be carried."""
    arrival = np.linalg.det(np.column_stack([travel / np.linalg.norm(travel), target]))
    if not abs(arrival) > CLEAR / 5:
        return UNDECIDED
    return Sign(int(np.sign(arrival) * np.sign(np.linalg.det(source))), Certainty.PROVED)


def _sign_by_transport(
    arena: Arena, source: np.ndarray, target: np.ndarray, path: np.ndarray, held_at_end: np.ndarray
) -> Sign:
    path = resampled(path)
    steps = np.diff(path, axis=0)
    lengths = np.linalg.norm(steps, axis=1)
    if len(steps) < 2 or not (lengths > 0).all():
        return UNDECIDED
    tangents = steps / lengths[:, None]
    rest = first_rest(source, tangents[0])
    if rest is None:
        return UNDECIDED
    held, growth, vectors = _linearised(arena, path, lengths)
    held_before = np.zeros(path.shape[1], dtype=bool)
    for j, tangent in enumerate(tangents):
        rest = _against_sides(rest, tangents[max(j - 1, 0)], held[j] & ~held_before)
        rest = vectors[j] @ (growth[j][:, None] * (vectors[j].T @ rest))
        rest[held[j]] = 0.0
        oriented = oriented_basis(rest - np.outer(tangent, tangent @ rest))
        if oriented is None:
            return UNDECIDED
        rest, held_before = oriented, held[j]
    if (held_at_end & ~held_before).any():  # a side that is met at the very end: the last chord does not tell the sign
        return UNDECIDED
    overlap = target.T @ rest
    if not np.linalg.svd(overlap, compute_uv=False).min(initial=1.0) > LEAST_OVERLAP:
        return UNDECIDED
    return Sign(int(np.sign(np.linalg.det(overlap))), Certainty.VERIFIED)


def _against_sides(rest: np.ndarray, tangent: np.ndarray, met: np.ndarray) -> np.ndarray:
    """``rest`` (dim, k) where sides are ``met``: what lies beside the orbit arrives there later or earlier, along ``tangent``."""
    for i in np.flatnonzero(met):
        if abs(tangent[i]) > 1e-12:
            rest = rest - np.outer(tangent, rest[i] / tangent[i])
    return rest


def first_rest(source: np.ndarray, travel: np.ndarray) -> np.ndarray | None:
    """A basis (dim, k - 1) of what is left of the frame (dim, k) beside ``travel``, oriented so that (travel, basis) agrees."""
    inside = source.T @ travel
    size = np.linalg.norm(inside)
    if not size > CLEAR:
        return None
    basis = np.linalg.qr(np.column_stack([inside / size, np.eye(inside.size)]))[0][:, : inside.size]
    basis[:, 0] = inside / size
    if np.linalg.det(basis) < 0:
        basis[:, -1] *= -1.0
    return source @ basis[:, 1:]


def _linearised(arena: Arena, path: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The flow exp(H t) over each of the m chords, as eigenvalues and eigenvectors, up to a positive factor.

    (held coordinates (m, dim), which stay where they are; exp of the eigenvalues (m, dim); eigenvectors (m, dim, dim)).
    """
    middle = 0.5 * (path[1:] + path[:-1])
    gradients, hessians = arena.potential.gradient(middle), arena.potential.hessian(middle)
    held = np.asarray(arena.bounds.held(np, middle, gradients), dtype=bool)
    speed = np.linalg.norm(np.where(held, 0.0, gradients), axis=1)
    on_face = np.where(held[:, :, None] | held[:, None, :], 0.0, hessians)
    values, vectors = np.linalg.eigh(on_face)
    time = lengths / np.maximum(speed, 1e-300)
    growth = np.exp(np.maximum((values - values[:, -1:]) * time[:, None], -700.0))
    return held, growth, vectors


def oriented_basis(rest: np.ndarray) -> np.ndarray | None:
    """An orthonormal basis with the span and the orientation of the columns; None where they are dependent."""
    sizes = np.linalg.norm(rest, axis=0)
    if not (sizes > 0).all():
        return None
    if sizes.size == 1:
        return rest / sizes
    basis, triangle = np.linalg.qr(rest / sizes)
    diagonal = np.diag(triangle)
    return None if (np.abs(diagonal) < 1e-9).any() else basis * np.sign(diagonal)


def resampled(path: np.ndarray) -> np.ndarray:
    """The polyline without repeated points, with chords that are neither too long nor too many."""
    lengths = np.linalg.norm(np.diff(path, axis=0), axis=1)
    path = path[np.concatenate([[True], lengths > 0])]
    arc = np.concatenate([[0.0], np.cumsum(lengths[lengths > 0])])
    if len(path) < 2:
        return path
    wanted = np.linspace(0.0, arc[-1], FEWEST_STEPS)
    kept = arc if len(arc) <= MOST_STEPS else arc[np.linspace(0, len(arc) - 1, MOST_STEPS).astype(int)]
    places = np.unique(np.concatenate([wanted, kept]))
    places = places[np.concatenate([[True], np.diff(places) > 1e-12 * arc[-1]])]
    return np.stack([np.interp(places, arc, column) for column in path.T], axis=1)
