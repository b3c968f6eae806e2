"""One integration of an unstable branch after another: steps of basins together, exponential steps where it creeps (§3)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.basin_tail import TailRow
from separatrix.flow.basin_targets import Targets
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import faint_coordinates

HEAD_TOLERANCE, TAIL_TOLERANCE = 5e-3, 2e-3
LOW_DIMENSION, FINER = 32, 0.02
HEAD_STEPS, TAIL_STEPS = 600, 4000
CHECK_EVERY, TAIL_CHECK_EVERY, CONFIRMATIONS = 10, 5, 3
SPACING = 0.01  # of the width, between kept points of a path
KEPT_POINTS, FEW = 33, 8


@dataclass(frozen=True, eq=False)
class Beginning:
    """One branch to be followed: the saddle, the unit vector (dim,) along which it leaves, how far off it starts, and the
    factor of the tolerances."""

    saddle: np.ndarray
    direction: np.ndarray
    distance: float
    fineness: float = 1.0

    def finer(self, factor: float) -> Beginning:
        """The same branch from ``factor`` times as far off, with tolerances ``factor`` times as large."""
        return replace(self, distance=factor * self.distance, fineness=factor * self.fineness)


@dataclass(frozen=True, eq=False)
class Leg:
    """How one integration of a branch ended: row of the sink (-1 none), why, and its points (m, dim) from the start on."""

    label: int
    reason: str
    path: np.ndarray


def follow_piece(
    arena: Arena, first: tuple[Beginning, ...], second: tuple[Beginning, ...], targets: Targets
) -> tuple[list[Leg], list[Leg]]:
    """Both integrations of one piece of branches: Bogacki-Shampine steps of all together, exponential ones of what creeps."""
    beginnings = [*first, *second]
    starts = arena.bounds.snap(np.array([b.saddle + b.distance * b.direction for b in beginnings]))
    fine = np.array([b.fineness for b in beginnings]) * (FINER if arena.potential.dim <= LOW_DIMENSION else 1.0)
    fine = fine * arena.width
    batch = HeadBatch(arena.potential, arena.bounds, starts, HEAD_TOLERANCE * fine, precise=True)
    paths = [[begin.saddle, start] for begin, start in zip(beginnings, starts, strict=True)]
    live, given = np.arange(len(starts)), Given(len(starts))
    label, reason = np.full(len(starts), -1), ["budget"] * len(starts)
    for step in range(1, HEAD_STEPS + 1):
        if not live.size:
            break
        batch.step()
        for place, row in enumerate(live):
            if float(np.abs(batch.x[place] - paths[row][-1]).max()) > SPACING * arena.width:
                paths[row].append(batch.x[place].copy())
        gone = arena.outside(batch.x)
        if not gone.any() and step % CHECK_EVERY:
            continue
        now = given.look(arena, targets, live, (batch.x, batch.value, batch.gradient))
        done = gone | (now >= 0)
        for place in np.flatnonzero(done):
            row = live[place]
            paths[row].append(batch.x[place].copy())
            label[row], reason[row] = (-1, arena.left) if gone[place] else (now[place], "sink")
        batch.keep(~done)
        live = live[~done]
    for place, row in enumerate(live):
        start = (batch.x[place], float(batch.length[place]))
        label[row], reason[row] = _creep(arena, start, targets, TAIL_TOLERANCE * float(fine[row]), paths[row])
    legs = [Leg(int(label[row]), reason[row], _thinned(np.array(paths[row]))) for row in range(len(starts))]
    return legs[: len(first)], legs[len(first) :]


class Given:
    """Which branches have arrived, or settled CONFIRMATIONS times in a row at one sink (:mod:`separatrix.flow.basin_flow`)."""

    def __init__(self, n: int) -> None:
        self.count, self.previous = np.zeros(n, dtype=np.int64), np.full(n, -1)

    def look(
        self, arena: Arena, targets: Targets, rows: np.ndarray, state: tuple[np.ndarray, np.ndarray, np.ndarray]
    ) -> np.ndarray:
        """Row of the sink of each branch of ``rows``, -1 where it goes on."""
        x, value, gradient = state
        if not len(targets.points):
            return np.full(rows.size, -1)
        arrived = targets.arrived(arena.potential, x)
        if arena.boundary == "exit":
            return arrived
        now = targets.settled(arena.potential, x, value, gradient)
        same = (now >= 0) & (now == self.previous[rows])
        self.count[rows] = np.where(same, self.count[rows] + 1, np.where(now >= 0, 1, 0))
        self.previous[rows] = now
        return np.where(arrived >= 0, arrived, np.where(self.count[rows] >= CONFIRMATIONS, now, -1))


def _creep(
    arena: Arena, start: tuple[np.ndarray, float], targets: Targets, tolerance: float, path: list[np.ndarray]
) -> tuple[int, str]:
    """Exponential steps until the branch is at a sink, rests, or uses up its budget: (label, reason); ``path`` grows."""
    fixed = faint_coordinates(arena.potential) & np.isfinite(arena.bounds.lower)
    tail, given, row = (
        TailRow(arena.potential, arena.bounds, *start, tolerance, fixed),
        Given(1),
        np.zeros(1, dtype=int),
    )
    label, reason = -1, "budget"
    for step in range(1, TAIL_STEPS + 1):
        moving = tail.step()
        if float(np.abs(tail.x - path[-1]).max()) > SPACING * arena.width:
            path.append(tail.x)
        if arena.outside(tail.x[None])[0]:
            reason = arena.left
            break
        if not moving or step % TAIL_CHECK_EVERY == 0:
            state = (tail.x[None], np.array([tail.value]), tail.gradient[None])
            label = int(given.look(arena, targets, row, state)[0])
        if label >= 0 or not moving:
            reason = "sink" if label >= 0 else "at rest"
            break
    path.append(tail.x)
    return label, reason


def _thinned(path: np.ndarray) -> np.ndarray:
    """At most KEPT_POINTS points, spread evenly by length, where they are long; ends stay."""
    if path.shape[1] <= FEW or len(path) <= KEPT_POINTS:
        return path
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    chosen = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], KEPT_POINTS)).clip(0, len(path) - 1))
    return path[np.unique(np.concatenate([[0, len(path) - 1], chosen]))]
