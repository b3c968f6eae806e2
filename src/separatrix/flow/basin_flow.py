"""Basins: every sample integrated by the flow itself until it is known where it rests (§3).

A row first takes Bogacki-Shampine steps in a batch, then, if it creeps in a flat valley, exponential steps on its own. It is
given to a sink when it has arrived (within CAPTURE of it) or earlier when it has *settled*: at three checks in a row f is
rising and concave along the segment from the row to one and the same sink, and to no other of the nearest ones. Settling
is a test in floating point, so labels are verified at best; full integration of a part of the rows is the check on it.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.arrays import beside, is_on_accelerator, on_host
from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.basin_tail import TailRow
from separatrix.flow.basin_targets import CAPTURE, Targets
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.pieces import InTurn, Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.sinks import SinkSearch
from separatrix.records import Provenance

Array = Any
PIECE, PIECE_ON_ACCELERATOR = 250, 4000
HEAD_STEPS, TAIL_STEPS = 800, 4000
HEAD_TOLERANCE, TAIL_TOLERANCE = 1e-2, 2e-3
FIRST_CHECK, CHECK_EVERY, TAIL_CHECK_EVERY = 40, 20, 10
CONFIRMATIONS = 3
LOW_DIMENSION, FINER = 32, 0.1


@dataclasses.dataclass(eq=False)
class PieceResult:
    """Labels, reasons, step counts and ends of one piece of samples."""

    label: np.ndarray
    reason: list[str]
    steps: np.ndarray
    end: np.ndarray

    def note_rows(self, rows: np.ndarray, x: np.ndarray, label: np.ndarray, reason: str, steps: int) -> None:
        """Write down what became of several rows."""
        self.label[rows], self.steps[rows], self.end[rows] = label, steps, x
        for row in rows:
            self.reason[row] = reason

    def note(self, row: int, x: np.ndarray, label: int, reason: str, steps: int) -> None:
        """Write down what became of a row."""
        self.label[row], self.reason[row], self.steps[row], self.end[row] = label, reason, steps, x


@dataclasses.dataclass(frozen=True, eq=False)
class Waiting:
    """Rows that the head left for the tail: their numbers in the piece, where they are, lengths of their next steps."""

    rows: np.ndarray
    x: np.ndarray
    length: np.ndarray


Piece = tuple[Arena, Targets, bool, PieceResult, Waiting]


def head_piece(arena: Arena, samples: Array, targets: Targets, full: bool) -> Piece:
    """Bogacki-Shampine steps of one piece of samples, on their device; ``full``: without settling."""
    n = samples.shape[0]
    result = PieceResult(
        np.full(n, -1),
        ["no sink reached within the budget of steps"] * n,
        np.zeros(n, dtype=np.int64),
        np.array(on_host(samples)),
    )
    batch = HeadBatch(arena.potential, arena.bounds, samples, _fineness(arena) * HEAD_TOLERANCE * arena.width)
    goals, limits = targets.beside(samples), arena.limits.like(samples)
    may_leave = not np.isfinite(arena.bounds.lower).all()
    full = full or arena.boundary == "exit"  # an orbit may leave and come back where the segment does not
    live, previous, count = np.arange(n), np.full(n, -1), np.zeros(n, dtype=np.int64)
    for step in range(1, HEAD_STEPS + 1):
        if not live.size:
            break
        batch.step()
        if may_leave and (gone := on_host(limits.passed(batch.x))).any():
            result.note_rows(live[gone], on_host(batch.x)[gone], np.full(int(gone.sum()), -1), arena.left, step)
            batch.keep(beside(~gone, samples))
            live = live[~gone]
        if step < FIRST_CHECK or step % CHECK_EVERY:
            continue
        arrived = on_host(goals.arrived(arena.potential, batch.x))
        now = np.full(live.size, -1)
        if not full:
            now = on_host(goals.settled(arena.potential, batch.x, batch.value, batch.gradient))
        count[live] = np.where((now >= 0) & (now == previous[live]), count[live] + 1, np.where(now >= 0, 1, 0))
        previous[live] = now
        done = np.where(arrived >= 0, arrived, np.where(count[live] >= CONFIRMATIONS, now, -1))
        if not (done >= 0).any():
            continue
        for label, reason in ((arrived, ARRIVED), (np.where(arrived >= 0, -1, done), SETTLED)):
            chosen = label >= 0
            result.note_rows(live[chosen], on_host(batch.x)[chosen], label[chosen], reason, step)
        batch.keep(beside(done < 0, samples))
        live = live[done < 0]
    return arena, targets, full, result, Waiting(live, on_host(batch.x).astype(np.float64), on_host(batch.length))


def tail_piece(piece: Piece) -> PieceResult:
    """What the head left, row by row on the CPU."""
    arena, targets, full, result, waiting = piece
    for row, x, length in zip(waiting.rows, waiting.x, waiting.length, strict=True):
        _tail(arena, (x, float(length)), targets, full, (result, int(row)))
    return result


flow_piece = InTurn(head_piece, tail_piece)
ARRIVED = "arrived at the sink"
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
        label, found = int(targets.arrived(arena.potential, tail.x[None])[0]), ARRIVED
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
    samples: Array,
    sinks: CriticalPoints,
    *,
    level: float = 0.95,
    full: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Basins:
    """The basins of ``sinks`` and of those that rows meet on the way, which are proved and added at the end of the list.

    ``samples`` (n, dim): a numpy array or a float64 tensor, whose head is integrated on its device; the record is numpy's.
    """
    begun = time.perf_counter()
    result = _flow_all(arena, samples, sinks, full, workers=workers, progress=progress)
    lost = np.flatnonzero((result.label < 0) & ~arena.outside(result.end))
    if lost.size:
        search = SinkSearch(arena)
        ends = beside(result.end[lost], samples)
        search.add(ends, workers, at_rest=True)
        extended = joined(sinks, search.record())
        if len(extended) > len(sinks):
            sinks = extended
            again = _flow_all(arena, ends, sinks, full, workers=workers)
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
    samples: Array,
    sinks: CriticalPoints,
    full: bool,
    *,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PieceResult:
    targets = Targets.of(sinks, arena)
    parts = slices(samples.shape[0], PIECE_ON_ACCELERATOR if is_on_accelerator(samples) else PIECE)
    pieces = [(arena, samples[part], targets, full) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(flow_piece, pieces, sizes, workers, f"basins of the {arena.potential.name}", progress)
    if not found:
        return PieceResult(np.zeros(0, dtype=np.int64), [], np.zeros(0, dtype=np.int64), on_host(samples))
    return PieceResult(
        np.concatenate([part.label for part in found]),
        [r for part in found for r in part.reason],
        np.concatenate([part.steps for part in found]),
        np.concatenate([part.end for part in found]),
    )
