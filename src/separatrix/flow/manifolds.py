"""Points along the slow and the strong manifold of sinks (§3, C6).

The strong manifold is followed as the flow would, backwards in time from a small step along the eigenvector of the largest
|eigenvalue| of the free face: backwards that direction repels everything else, so the curve is attracting. The slow manifold
cannot be followed so; it is drawn as the ridge over the slow eigenvector: at every distance along it f is maximised over
the other eigendirections, a curve that touches the slow manifold to second order at the sink. Both stay in the sink's face and
end where they meet a side of the box, or where no ridge is found any more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import ignored_coordinates
from separatrix.potentials.base import Potential

NEWTON_ROUNDS = 8


def manifold_frames(
    flow: Any, sinks: CriticalPoints, kind: str = "slow", n_frames: int = 9
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(frames (n_sinks, n_frames, dim), parameter (n_sinks, n_frames), eigenvalue (n_sinks,)).

    ``kind``: "slow" or "strong"; the middle frame is the sink, ``parameter`` the signed arc length from it. Sinks without
    free coordinates have constant frames and a NaN eigenvalue. ``n_frames`` is odd.
    """
    if kind not in ("slow", "strong"):
        raise InputError(f"manifold_frames: kind must be 'slow' or 'strong', came {kind!r}")
    if n_frames < 3 or n_frames % 2 == 0:
        raise InputError(f"manifold_frames: n_frames must be odd and at least 3, came {n_frames}")
    arena: Arena = flow.arena
    potential = arena.potential
    half, ignored = n_frames // 2, ignored_coordinates(potential)
    frames = np.repeat(sinks.points[:, None, :], n_frames, axis=1)
    parameter, eigenvalue = np.zeros((len(sinks), n_frames)), np.full(len(sinks), np.nan)
    for row, (point, faces) in enumerate(zip(sinks.points, sinks.active, strict=True)):
        free = np.flatnonzero((faces == 0) & ~ignored)
        if not free.size:
            continue
        values, vectors = np.linalg.eigh(potential.hessian_on(point, free))
        # ascending eigenvalues of a maximum: the last is the slowest, the first the fastest
        chosen = len(values) - 1 if kind == "slow" else 0
        eigenvalue[row] = values[chosen]
        for side, order in ((1.0, slice(half + 1, None)), (-1.0, slice(half - 1, None, -1))):
            curve = _ridge if kind == "slow" else _strong
            points, lengths = curve(arena, point, free, vectors, side * vectors[:, chosen])
            picks = np.interp(np.linspace(0.0, lengths[-1], half + 1)[1:], lengths, np.arange(lengths.size))
            low = np.floor(picks).astype(int)
            high, share = np.minimum(low + 1, lengths.size - 1), (picks - low)[:, None]
            frames[row, order] = (1.0 - share) * points[low] + share * points[high]
            parameter[row, order] = side * np.linspace(0.0, lengths[-1], half + 1)[1:]
    return frames, parameter, eigenvalue


def _ridge(
    arena: Arena, sink: np.ndarray, free: np.ndarray, vectors: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The ridge over the eigenvector ``along``, by Newton on the others at every step."""
    potential, lower, upper = arena.potential, arena.limits.lower[free], arena.limits.upper[free]
    across = vectors[:, np.abs(vectors.T @ along) < 0.5]
    step, x, points = 0.02 * arena.width, sink.copy(), [sink.copy()]
    for _ in range(400):
        trial = x.copy()
        trial[free] += step * along
        for _ in range(NEWTON_ROUNDS if across.shape[1] else 0):
            slope = across.T @ potential.value_and_gradient(trial[None])[1][0][free]
            bent = across.T @ potential.hessian_on(trial, free) @ across
            if np.linalg.eigvalsh(bent)[-1] >= 0:
                return _measured(points)
            move = across @ np.linalg.solve(-bent, slope)
            trial[free] += move
            if float(np.abs(move).max()) < 1e-8 * arena.width:
                break
        if float(np.abs(trial - x).max()) > 5.0 * step:  # a jump to another ridge
            break
        if ((trial[free] < lower) | (trial[free] > upper)).any():
            points.append(_cut(x, trial, free, lower, upper))
            break
        x = trial
        points.append(x.copy())
    return _measured(points)


def _strong(
    arena: Arena, sink: np.ndarray, free: np.ndarray, vectors: np.ndarray, along: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The orbit that enters the sink along the eigenvector ``along``, backwards at unit speed by the midpoint rule."""
    potential, lower, upper = arena.potential, arena.limits.lower[free], arena.limits.upper[free]
    step, x, points = 0.005 * arena.width, sink.copy(), [sink.copy()]
    x[free] += 1e-3 * arena.width * along
    last = along
    for _ in range(1600):
        middle = x.copy()
        direction = _backwards(potential, x, free)
        if direction is None or direction @ last <= 0:  # past a saddle or a minimum, where the orbit comes from
            break
        middle[free] += 0.5 * step * direction
        last, direction = direction, _backwards(potential, middle, free)
        if direction is None or direction @ last <= 0:
            break
        new = x.copy()
        new[free] += step * direction
        if ((new[free] < lower) | (new[free] > upper)).any():
            points.append(_cut(x, new, free, lower, upper))
            break
        x = new
        points.append(x.copy())
    return _measured(points)


def _backwards(potential: Potential, x: np.ndarray, free: np.ndarray) -> np.ndarray | None:
    slope = potential.value_and_gradient(x[None])[1][0][free]
    size = float(np.linalg.norm(slope))
    return -slope / size if size > 1e-14 else None


def _cut(x: np.ndarray, new: np.ndarray, free: np.ndarray, lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """The point of the segment from ``x`` to ``new`` where it first meets a side."""
    move = new[free] - x[free]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(move > 0, (upper - x[free]) / move, np.where(move < 0, (lower - x[free]) / move, np.inf))
    end = x.copy()
    end[free] = np.clip(x[free] + min(1.0, max(0.0, float(share.min()))) * move, lower, upper)
    return end


def _measured(points: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    curve = np.array(points if len(points) > 1 else [points[0], points[0]])
    steps = np.linalg.norm(np.diff(curve, axis=0), axis=1)
    return curve, np.concatenate([[0.0], np.cumsum(steps)])
