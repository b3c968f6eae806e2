"""Starts for searches of saddles between two points: segments, bent paths, mixtures of two classes (§3)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.saddles.mixture import classes_of, mixture_starts

ON_PATH = 41
PIECE = 64
BEND = 0.5
KINDS = ("mixture", "segment", "top", "bent", "third")


@dataclass(frozen=True, eq=False)
class Start:
    """Where a search begins: ``x`` (dim,), ``axes`` (dim,) or (dim, k) to descend along (None: top eigenvectors).

    ``refusal``: why there is no such start, in words, or empty.
    """

    x: np.ndarray
    axes: np.ndarray | None
    refusal: str


def starts_between(
    arena: Arena,
    points: np.ndarray,
    pairs: Sequence[tuple[int, int]],
    kinds: Sequence[str],
    seed: int = 0,
    turn: int = 0,
    workers: int | None = None,
    progress: Progress | None = None,
) -> list[Start]:
    """A start for every pair of rows of ``points`` and every kind, pair by pair."""
    unknown = [kind for kind in kinds if kind not in KINDS]
    if unknown:
        raise InputError(f"starts of saddles: unknown kind {unknown[0]!r}; known: {', '.join(KINDS)}")
    labels = classes_of(arena.potential, points)
    parts = slices(len(pairs), PIECE)
    pieces = [(arena, points, labels, tuple(pairs[part]), tuple(kinds), (seed, turn)) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(start_piece, pieces, sizes, workers, "starts between sinks", progress)
    return [start for piece in found for start in piece]


def start_piece(
    arena: Arena,
    points: np.ndarray,
    labels: np.ndarray | None,
    pairs: Sequence[tuple[int, int]],
    kinds: Sequence[str],
    seeds: tuple[int, int],
) -> list[Start]:
    """The starts of one piece of pairs."""
    columns = [_of_kind(arena, points, labels, pairs, kind, seeds) for kind in kinds]
    return [column[row] for row in range(len(pairs)) for column in columns]


def _of_kind(
    arena: Arena,
    points: np.ndarray,
    labels: np.ndarray | None,
    pairs: Sequence[tuple[int, int]],
    kind: str,
    seeds: tuple[int, int],
) -> list[Start]:
    middle = (0.5 * (points[i] + points[j]) for i, j in pairs)
    if kind in ("mixture", "third"):
        if labels is None:
            return [Start(x, None, "mixtures of classes are for the log-density of a network") for x in middle]
        third = seeds[1] if kind == "third" else None
        least = [path_start(arena, points[i], points[j]) for i, j in pairs]
        return mixture_starts(arena, labels, pairs, least, third)
    if kind == "bent":
        return [_bent(arena, points, pair, seeds) for pair in pairs]
    least = [path_start(arena, points[i], points[j]) for i, j in pairs]
    return [Start(start.x, None, "") for start in least] if kind == "top" else least


def path_start(arena: Arena, first: np.ndarray, last: np.ndarray, bend: np.ndarray | None = None) -> Start:
    """The point of least f on the path from ``first`` to ``last``, and the path's direction there.

    ``bend`` (dim,): what the middle of the path is moved by, along a parabola.
    """
    t = np.linspace(0.0, 1.0, ON_PATH)[:, None]
    path = (1.0 - t) * first + t * last
    if bend is not None:
        path = path + 4.0 * t * (1.0 - t) * bend
    path = arena.search_bounds.clip(np, path)
    values = arena.potential.value_and_gradient(path)[0]
    inner = np.where(np.isfinite(values[1:-1]), values[1:-1], np.inf)
    row = int(inner.argmin()) + 1
    along = path[row + 1] - path[row - 1]
    if not along.any():
        return Start(path[row], None, "the two points are one")
    return Start(path[row], along, "")


def _bent(arena: Arena, points: np.ndarray, pair: tuple[int, int], seeds: tuple[int, int]) -> Start:
    """A path whose middle is moved towards a blend of other points, and a little at random."""
    i, j = pair
    rng = np.random.default_rng([*seeds, i, j])
    others = [row for row in range(len(points)) if row not in pair]
    middle = 0.5 * (points[i] + points[j])
    bend = np.zeros_like(middle)
    if others:
        bend = BEND * rng.random() * (points[others[int(rng.integers(len(others)))]] - middle)
    length = float(np.abs(points[j] - points[i]).max())
    bend = bend + 0.25 * length * rng.standard_normal(middle.size)
    return path_start(arena, points[i], points[j], bend)


def soft_starts(arena: Arena, point: np.ndarray, count: int, rng: np.random.Generator, index: int = 1) -> list[Start]:
    """Starts about a sink ``point`` (dim,): displaced along its soft modes and random blends of them."""
    free = np.flatnonzero(arena.bounds.faces(point) == 0)
    if not free.size:
        return []
    lam, vectors = np.linalg.eigh(arena.potential.hessian_on(point, free))
    order = np.argsort(np.abs(lam), kind="stable")
    softness = 1.0 / np.sqrt(np.maximum(np.abs(lam), 1e-6 * np.abs(lam).max()))
    found = []
    for turn in range(count):
        if turn < 2 * min(free.size, count // 2) and index == 1:
            direction = vectors[:, order[turn // 2]] * (1.0 if turn % 2 else -1.0)
        else:
            direction = vectors @ (softness * rng.standard_normal(free.size))
        direction = direction / max(float(np.abs(direction).max()), 1e-300)
        reach = (0.05 + 0.25 * rng.random()) * arena.width
        x = point.copy()
        x[free] += reach * direction
        axis = np.zeros_like(point)
        axis[free] = direction
        found.append(Start(arena.search_bounds.clip(np, x), axis, ""))
    return found
