"""Basins: every sample integrated by the flow itself until it is known where it rests (§3).

A row first takes Bogacki-Shampine steps in a batch, then, if it creeps in a flat valley, exponential steps on its own. It is
given to a sink when it has arrived (within CAPTURE of it) or earlier when it has *settled*: at three checks in a row f is
rising and concave along the segment from the row to one and the same sink, and to no other of the nearest ones. Settling
is a test in floating point, so labels are verified at best; full integration of a part of the rows is the check on it.
"""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.basin_tail import TailRow
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import faint_coordinates
from separatrix.flow.sinks import SinkSearch
from separatrix.potentials.base import Potential
from separatrix.records import Provenance

PIECE = 250
HEAD_STEPS, TAIL_STEPS = 800, 4000
HEAD_TOLERANCE, TAIL_TOLERANCE = 1e-2, 2e-3
FIRST_CHECK, CHECK_EVERY, TAIL_CHECK_EVERY = 40, 20, 10
CONFIRMATIONS, CANDIDATES, SEGMENT_POINTS = 3, 3, 6
NEIGHBOURS, PATH_POINTS = 8, 41
CAPTURE, NEXT_TO = 1e-3, 1e-3
LOW_DIMENSION, FINER = 32, 0.1


@dataclasses.dataclass(frozen=True, eq=False)
class Targets:
    """The sinks as arrays for the tests: ``capture`` (n_sinks,) max-norm distances, ``seen`` (dim,) coordinates
    compared; ``apart`` (n_sinks,): Euclidean distance to the nearest other sink; ``height`` (n_sinks,): of the highest
    straight path to one of the NEIGHBOURS nearest, a lower bound of the highest pass out of the sink's basin."""

    points: np.ndarray
    capture: np.ndarray
    seen: np.ndarray
    apart: np.ndarray
    height: np.ndarray

    @classmethod
    def of(cls, sinks: CriticalPoints, arena: Arena) -> Targets:
        """Capture distances: CAPTURE of the box, or a tenth of the way to the nearest other sink."""
        points, seen = sinks.points, ~faint_coordinates(arena.potential)
        capture, apart = np.full(len(sinks), CAPTURE * arena.width), np.full(len(sinks), np.inf)
        height = np.full(len(sinks), -np.inf)
        for row, point in enumerate(points):
            gaps = np.abs(points - point)[:, seen].max(axis=1, initial=0.0)
            gaps[row] = np.inf
            capture[row] = min(capture[row], 0.1 * float(gaps.min()))
            lengths = np.sqrt(((points - point) ** 2).sum(axis=1))
            lengths[row] = np.inf
            apart[row] = lengths.min()
            height[row] = _straight_height(arena.potential, points, lengths, row)
        return cls(points, capture, seen, apart, height)

    def arrived(self, potential: Potential, x: np.ndarray) -> np.ndarray:
        """Row of the sink that each row of ``x`` has reached, -1 where there is none: within its capture distance, and f
        rises, concave, along the segment to it (what passes by moves away), or next to it."""
        found = np.full(x.shape[0], -1)
        if x.shape[0] == 1:
            near = ((np.abs(self.points - x) <= self.capture[:, None]) | ~self.seen).all(axis=1)
            found[0] = int(near.argmax()) if near.any() else -1
        else:
            for row, (point, capture) in enumerate(zip(self.points, self.capture, strict=True)):
                found[(np.abs(x - point)[:, self.seen] <= capture).all(axis=1)] = row
        rows = np.flatnonzero(found >= 0)
        if rows.size:
            there = x[rows].astype(np.float64)
            goal = np.where(self.seen, self.points[found[rows]], there)
            there_already = np.abs(goal - there).max(axis=1, initial=0.0) <= NEXT_TO * self.capture[found[rows]]
            rising = _rises(potential, there, potential.value_and_gradient(there)[1], goal)
            found[rows[~(there_already | rising)]] = -1
        return found

    def settled(self, potential: Potential, x: np.ndarray, value: np.ndarray, gradient: np.ndarray) -> np.ndarray:
        """Row of the one sink, of the CANDIDATES nearest, to which f rises, concave, along the straight segment.

        -1 where it does so to none of them or to more than one; where another sink is nearer to that one than the row is;
        and where the row lies below the height at which a straight path leads from that sink to a neighbour.
        """
        found, count = np.full(x.shape[0], -1), np.zeros(x.shape[0], dtype=np.int64)
        square = (x * x).sum(axis=1)[:, None] - 2.0 * (x @ self.points.T) + (self.points * self.points).sum(axis=1)
        for candidate in np.argsort(square, axis=1, kind="stable")[:, :CANDIDATES].T:
            gaps = np.take_along_axis(square, candidate[:, None], axis=1)[:, 0]
            close = (gaps < self.apart[candidate] ** 2) & (value > self.height[candidate])
            todo = np.flatnonzero((count < 2) & close)
            rising = _rises(potential, x[todo], gradient[todo], self.points[candidate[todo]])
            found[todo[rising]] = candidate[todo[rising]]
            count[todo[rising]] += 1
        return np.where(count == 1, found, -1)


def _straight_height(potential: Potential, points: np.ndarray, lengths: np.ndarray, row: int) -> float:
    """The greatest of the minima of f along the segments from sink ``row`` to its nearest neighbours."""
    others = np.argsort(lengths, kind="stable")[: min(NEIGHBOURS, len(points) - 1)]
    if not others.size:
        return -np.inf
    shares = np.linspace(0.0, 1.0, PATH_POINTS)[None, :, None]
    paths = points[row] + shares * (points[others] - points[row])[:, None, :]
    values = potential.value_and_gradient(paths.reshape(-1, points.shape[1]))[0]
    return float(values.reshape(others.size, PATH_POINTS).min(axis=1).max())


def _rises(potential: Potential, x: np.ndarray, gradient: np.ndarray, sinks: np.ndarray) -> np.ndarray:
    """Whether f rises with falling slope along the segment from each row of ``x`` to its sink, at SEGMENT_POINTS points."""
    shift = sinks - x
    last = (gradient * shift).sum(axis=1)
    good = np.flatnonzero(last > 0)
    for k in range(SEGMENT_POINTS):
        if not good.size:
            break
        there = x[good] + ((k + 0.5) / SEGMENT_POINTS) * shift[good]
        slope = (potential.value_and_gradient(there)[1] * shift[good]).sum(axis=1)
        rising = (slope > 0) & (slope < last[good])
        last[good] = slope
        good = good[rising]
    result = np.zeros(x.shape[0], dtype=bool)
    result[good] = True
    return result


@dataclasses.dataclass(eq=False)
class PieceResult:
    """Labels, reasons, step counts and ends of one piece of samples."""

    label: np.ndarray
    reason: list[str]
    steps: np.ndarray
    end: np.ndarray

    def note(self, row: int, x: np.ndarray, label: int, reason: str, steps: int) -> None:
        """Write down what became of a row."""
        self.label[row], self.reason[row], self.steps[row], self.end[row] = label, reason, steps, x


def flow_piece(arena: Arena, samples: np.ndarray, targets: Targets, full: bool) -> PieceResult:
    """Integrate one piece of samples; ``full``: without settling."""
    n = samples.shape[0]
    result = PieceResult(
        np.full(n, -1), ["no sink reached within the budget of steps"] * n, np.zeros(n, dtype=np.int64), samples.copy()
    )
    batch = HeadBatch(arena.potential, arena.bounds, samples, _fineness(arena) * HEAD_TOLERANCE * arena.width)
    may_leave = not np.isfinite(arena.bounds.lower).all()
    full = full or arena.boundary == "exit"  # an orbit may leave and come back where the segment does not
    live, previous, count = np.arange(n), np.full(n, -1), np.zeros(n, dtype=np.int64)
    for step in range(1, HEAD_STEPS + 1):
        if not live.size:
            break
        batch.step()
        if may_leave and (gone := arena.outside(batch.x)).any():
            for position in np.flatnonzero(gone):
                result.note(int(live[position]), batch.x[position], -1, arena.left, step)
            batch.keep(~gone)
            live = live[~gone]
        if step < FIRST_CHECK or step % CHECK_EVERY:
            continue
        arrived = targets.arrived(arena.potential, batch.x)
        now = np.full(live.size, -1) if full else targets.settled(arena.potential, batch.x, batch.value, batch.gradient)
        count[live] = np.where((now >= 0) & (now == previous[live]), count[live] + 1, np.where(now >= 0, 1, 0))
        previous[live] = now
        done = np.where(arrived >= 0, arrived, np.where(count[live] >= CONFIRMATIONS, now, -1))
        for label, reason in ((arrived, "arrived at the sink"), (np.where(arrived >= 0, -1, done), SETTLED)):
            for position in np.flatnonzero(label >= 0):
                result.note(int(live[position]), batch.x[position], int(label[position]), reason, step)
        batch.keep(done < 0)
        live = live[done < 0]
    for position, row in enumerate(live):
        _tail(
            arena,
            (batch.x[position].astype(np.float64), float(batch.length[position])),
            targets,
            full,
            (result, int(row)),
        )
    return result


SETTLED = "settled: f rises, concave, along the segment to the sink"


def _fineness(arena: Arena) -> float:
    """In few dimensions basins are narrow beside the box and steps are cheap: finer tolerances there."""
    return FINER if arena.potential.dim <= LOW_DIMENSION else 1.0


def _tail(
    arena: Arena, start: tuple[np.ndarray, float], targets: Targets, full: bool, where: tuple[PieceResult, int]
) -> None:
    """Exponential steps of one row until it arrives, settles, rests elsewhere, or the budget is used up."""
    result, row = where
    tail = TailRow(
        arena.potential, arena.bounds, *start, _fineness(arena) * TAIL_TOLERANCE * arena.width, ~targets.seen
    )
    label, previous, confirmed, step = -1, -1, 0, 0
    reason = f"no sink reached within {HEAD_STEPS} + {TAIL_STEPS} steps"
    while step < TAIL_STEPS:
        step += 1
        moving = tail.step()
        label, found = int(targets.arrived(arena.potential, tail.x[None])[0]), "arrived at the sink"
        if label < 0 and not full and step % TAIL_CHECK_EVERY == 0:
            now = int(targets.settled(arena.potential, tail.x[None], np.array([tail.value]), tail.gradient[None])[0])
            confirmed = 0 if now < 0 else confirmed + 1 if now == previous else 1
            previous = now
            if confirmed >= CONFIRMATIONS:
                label, found = now, SETTLED
        gone = label < 0 and bool(arena.outside(tail.x[None])[0])
        if label >= 0 or not moving or gone:
            reason = found if label >= 0 else arena.left if gone else "came to rest where no sink is known"
            break
    result.note(row, tail.x, label, reason, HEAD_STEPS + step)


def find_basins(
    arena: Arena,
    samples: np.ndarray,
    sinks: CriticalPoints,
    *,
    level: float = 0.95,
    full: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Basins:
    """The basins of ``sinks`` and of those that rows meet on the way, which are proved and added at the end of the list."""
    begun = time.perf_counter()
    result = _flow_all(arena, samples, sinks, full, workers=workers, progress=progress)
    lost = np.flatnonzero((result.label < 0) & ~arena.outside(result.end))
    if lost.size:
        search = SinkSearch(arena)
        search.add(result.end[lost], workers)
        extended = joined(sinks, search.record())
        if len(extended) > len(sinks):
            sinks = extended
            again = _flow_all(arena, result.end[lost], sinks, full, workers=workers)
            result.label[lost] = again.label
            result.steps[lost] += again.steps
            for row, reason in zip(lost, again.reason, strict=True):
                result.reason[row] = reason
    tolerances = {
        "head": _fineness(arena) * HEAD_TOLERANCE,
        "tail": _fineness(arena) * TAIL_TOLERANCE,
        "capture": CAPTURE,
        "head_steps": HEAD_STEPS,
        "tail_steps": TAIL_STEPS,
    }
    method = "Bogacki-Shampine 3(2), then exponential Euler; " + ("full integration" if full else "rows settle early")
    return Basins(
        sinks=sinks,
        label=result.label,
        reason=tuple(result.reason),
        steps=result.steps,
        level=level,
        domain=arena.domain,
        certainty=Certainty.VERIFIED if full else Certainty.HEURISTIC,
        provenance=Provenance(method, tolerances, seconds=time.perf_counter() - begun),
    )


def _flow_all(
    arena: Arena,
    samples: np.ndarray,
    sinks: CriticalPoints,
    full: bool,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PieceResult:
    targets = Targets.of(sinks, arena)
    parts = slices(samples.shape[0], PIECE)
    pieces = [(arena, samples[part], targets, full) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(flow_piece, pieces, sizes, workers, f"basins of the {arena.potential.name}", progress)
    if not found:
        return PieceResult(np.zeros(0, dtype=np.int64), [], np.zeros(0, dtype=np.int64), samples)
    return PieceResult(
        np.concatenate([part.label for part in found]),
        [r for part in found for r in part.reason],
        np.concatenate([part.steps for part in found]),
        np.concatenate([part.end for part in found]),
    )
