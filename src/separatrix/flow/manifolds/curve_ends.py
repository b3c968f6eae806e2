"""Where a curve that leaves a sink ends: a side of the box, a held coordinate that is let go, an equilibrium (§3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from separatrix.flow.manifolds.free_face import FreeFace

CURVE_POINTS = 65
RIDGE_POINTS = 17
BISECTIONS = 40
AT_EQUILIBRIUM = "another equilibrium of the face"
Curve = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class End:
    """Arc length and reason of an end."""

    length: float
    reason: str


@dataclass(frozen=True, eq=False)
class Branch:
    """One side of a curve in free coordinates: ``points`` (m, k) from the sink on, ``arc`` (m,) lengths, ``error`` (m,), the
    ``reason`` of its end; ``released``: arc length at which the projected flow leaves the face, infinite if nowhere."""

    points: np.ndarray
    arc: np.ndarray
    error: np.ndarray
    reason: str
    released: float = np.inf

    @classmethod
    def none(cls, face: FreeFace, reason: str) -> Branch:
        """The sink alone, and why no curve leaves it."""
        return cls(face.sink[None, face.free], np.zeros(1), np.zeros(1), reason)

    @classmethod
    def of(cls, face: FreeFace, curve: Curve, error: Curve, end: End) -> Branch:
        """``curve`` up to its end, at evenly spaced arc lengths, with the estimates ``error`` at them."""
        s = np.linspace(0.0, end.length, CURVE_POINTS)
        arc = _arc_lengths(curve, s)
        released = release_of(face, curve, s) if end.length > 0 else None
        leaves = np.inf if released is None else float(np.interp(released.length, s, arc))
        return cls(curve(s), arc, np.where(s == 0, 0.0, error(s)), end.reason, leaves)


def _arc_lengths(curve: Curve, s: np.ndarray) -> np.ndarray:
    """Arc lengths at ``s`` from chords, once and four times as many, extrapolated: s is arc length up to the curve's error."""
    fine = np.interp(np.arange(4 * s.size - 3) / 4.0, np.arange(s.size), s)
    points = curve(fine)
    short = np.linalg.norm(np.diff(points, axis=0), axis=1).reshape(-1, 4).sum(axis=1)
    long = np.linalg.norm(np.diff(points[::4], axis=0), axis=1)
    return np.concatenate([[0.0], np.cumsum((16.0 * short - long) / 15.0)])


def end_of(face: FreeFace, curve: Curve, s: np.ndarray, *, whole_face: bool = False, ridge: bool = False) -> End | None:
    """The first end on ``curve`` (arc lengths to points (m, k)) between s[0] and s[-1]; None where it goes on.

    ``whole_face`` leaves aside whether held coordinates would be let go. ``ridge`` also ends the curve where f is no longer
    greatest across it, so that nearby orbits no longer gather there.
    """
    points = curve(s)
    candidates = [_wall(face, curve, s, points), _rest(face, curve, s, points)]
    if not whole_face:
        candidates.append(release_of(face, curve, s))
    if ridge and face.dim > 1:
        candidates.append(_ridge(face, curve, s))
    found = [end for end in candidates if end is not None]
    return min(found, key=lambda end: end.length, default=None)


def _first(is_past: Callable[[float], bool], s: np.ndarray, past: np.ndarray, rounds: int = BISECTIONS) -> float | None:
    """Where ``past`` first turns true, bisected: a place that is not past."""
    where = np.flatnonzero(past)
    if not where.size:
        return None
    high = int(where[0])
    if high == 0:
        return float(s[0])
    low, top = float(s[high - 1]), float(s[high])
    for _ in range(rounds):
        middle = 0.5 * (low + top)
        low, top = (low, middle) if is_past(middle) else (middle, top)
    return low


def _wall(face: FreeFace, curve: Curve, s: np.ndarray, points: np.ndarray) -> End | None:
    def outside(y: np.ndarray) -> np.ndarray:
        return np.asarray(~((y >= face.lower) & (y <= face.upper)).all(axis=1))

    length = _first(lambda t: bool(outside(curve(np.array([t])))[0]), s, outside(points))
    if length is None:
        return None
    y = curve(np.array([length]))[0]
    nearest = int(np.minimum(y - face.lower, face.upper - y).argmin())
    is_low = y[nearest] - face.lower[nearest] < face.upper[nearest] - y[nearest]
    side = "lower" if is_low else "upper"
    what = (
        "side of the box"
        if np.isfinite(face.arena.bounds.lower).all() or face.arena.left == "left the box"
        else "limit"
    )
    return End(length, f"coordinate {int(face.free[nearest])} meets its {side} {what}")


def release_of(face: FreeFace, curve: Curve, s: np.ndarray) -> End | None:
    """Where the gradient of a held coordinate first points inward, so that the projected flow leaves the face; or None."""
    if not face.held.size:
        return None

    def inward(y: np.ndarray) -> np.ndarray:
        return np.asarray((face.gradients(y)[1] < 0).any(axis=1))

    turned = inward(curve(s))
    turned[0] = False  # the sink's own multipliers are outward, or rounding
    length = _first(lambda t: bool(inward(curve(np.array([t])))[0]), s, turned, 24)
    if length is None:
        return None
    past = curve(np.array([min(length + 1e-6 * float(s[-1]), float(s[-1]))]))
    slopes = face.gradients(past)[1][0]
    return End(length, f"the multiplier of held coordinate {int(face.held[slopes.argmin()])} turns inward")


def _rest(face: FreeFace, curve: Curve, s: np.ndarray, points: np.ndarray) -> End | None:
    """Where the field along the curve, which points back to the sink, stops doing so."""
    step = 1e-6 * float(s[-1])

    def forward(t: float) -> bool:
        y = curve(np.array([max(t - step, 0.0), t + step]))
        return float(face.gradient(y[:1])[0] @ (y[1] - y[0])) >= 0

    ahead = np.diff(points, axis=0, append=2 * points[-1:] - points[-2:-1])
    turned = (face.gradient(points) * ahead).sum(axis=1) >= 0
    turned[0] = False
    length = _first(forward, s, turned, 30)
    return None if length is None else End(length, AT_EQUILIBRIUM)


def _ridge(face: FreeFace, curve: Curve, s: np.ndarray) -> End | None:
    step = 1e-6 * float(s[-1])

    def lost(t: float) -> bool:
        y = curve(np.array([max(t - step, 0.0), t, t + step]))
        tangent = y[2] - y[0]
        tangent /= np.linalg.norm(tangent)
        bent = face.hessian(y[1])
        off = np.eye(tangent.size) - np.outer(tangent, tangent)
        across = off @ bent @ off - np.outer(tangent, tangent) * np.abs(bent).max()
        return not np.isfinite(across).all() or float(np.linalg.eigvalsh(across)[-1]) >= 0

    places = np.linspace(float(s[0]), float(s[-1]), RIDGE_POINTS)[1:]
    past = np.array([lost(float(t)) for t in places])
    length = _first(lost, np.concatenate([s[:1], places]), np.concatenate([[False], past]), 14)
    return None if length is None else End(length, "f is no longer greatest across the curve: the ridge is lost")
