"""Basins: every sample integrated by the flow itself until it is known where it rests (§3).

A row first takes Bogacki-Shampine steps in a batch (of convolutional networks long ones of many stages), then, if it creeps
in a flat valley, exponential steps on its own. It is given to a sink when it has arrived (within CAPTURE of it) or earlier
when it has *settled*: at three checks in a row f is rising and concave along the segment from the row to one and the same
sink, and to no other of the nearest ones; or, where passes are known, at once when f lies above the highest known pass out
of the sink, at the row and along the segment. Settling is a test in floating point, so labels are verified at best; full
integration of a part of the rows is the check on it. Rows that settled below a pass that is known by the end are integrated
in full.
"""

from __future__ import annotations

import dataclasses
import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.arrays import beside, is_on_accelerator, on_host
from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.basin_result import ABOVE_PASSES, SETTLED, PieceResult, begin_with, highest_passes, settled_below
from separatrix.flow.basin_tail import TailRow
from separatrix.flow.basin_targets import CAPTURE, Targets
from separatrix.flow.basins import Basins
from separatrix.flow.chebyshev import ChebyshevBatch
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.pieces import InTurn, Progress, rows_in_piece, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.sinks import SinkSearch
from separatrix.records import Provenance

Array = Any
PIECE, PIECE_ON_ACCELERATOR = 250, 4000
SHARES, FEWEST = 8, 60  # rows of many inputs go in so many pieces or more, of no fewer rows, for workers to share
HEAD_STEPS, TAIL_STEPS = 800, 4000
HEAD_TOLERANCE, TAIL_TOLERANCE = 1e-2, 2e-3
TAIL_CHECK_EVERY, PASS_EVERY = 10, 4
CONFIRMATIONS = 3
LOW_DIMENSION, FINER = 32, 0.1
METHODS = ("Bogacki-Shampine 3(2)", "Runge-Kutta-Chebyshev of second order")


@dataclasses.dataclass(frozen=True, eq=False)
class Waiting:
    """Rows that the head left for the tail: their numbers in the piece, where they are, lengths of their next steps, and how
    many steps they took."""

    rows: np.ndarray
    x: np.ndarray
    length: np.ndarray
    steps: np.ndarray


Piece = tuple[Arena, Targets, bool, PieceResult, Waiting]


def head_piece(arena: Arena, samples: Array, targets: Targets, full: bool) -> Piece:
    """Explicit steps of one piece of samples, on their device; ``full``: without settling."""
    n = samples.shape[0]
    result = PieceResult.empty(on_host(samples))
    batch = _batch(arena, samples)
    goals, limits = targets.beside(samples), arena.limits.like(samples)
    may_leave = not np.isfinite(arena.bounds.lower).all()
    full = full or arena.boundary == "exit"  # an orbit may leave and come back where the segment does not
    live, previous, count = np.arange(n), np.full(n, -1), np.zeros(n, dtype=np.int64)
    waiting: list[Waiting] = []
    for step in range(1, HEAD_STEPS + 1):
        if not live.size:
            break
        batch.step()
        if may_leave and (gone := on_host(limits.passed(batch.x))).any():
            result.note_rows(live[gone], on_host(batch.x)[gone], np.full(int(gone.sum()), -1), arena.left, step)
            live = _kept(batch, live, ~gone)
        if not full and goals.has_passes and step % PASS_EVERY == 0:
            label = on_host(goals.above_passes(arena.potential, batch.x, batch.value))
            if (above := label >= 0).any():
                result.note_rows(live[above], on_host(batch.x)[above], label[above], ABOVE_PASSES, step)
                live = _kept(batch, live, ~above)
        if batch.leaves_early and (long := on_host(batch.is_long)).any():
            waiting.append(_set_aside(batch, live, long, step))
            live = _kept(batch, live, ~long)
        if step < batch.check_first or step % batch.check_every or not live.size:
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
        live = _kept(batch, live, done < 0)
    waiting.append(_set_aside(batch, live, np.ones(live.size, dtype=bool), HEAD_STEPS))
    return arena, targets, full, result, _joined(waiting)


def _batch(arena: Arena, samples: Array) -> Any:
    """The head's integrator."""
    make = ChebyshevBatch if _takes_long_steps(arena) else HeadBatch
    return make(arena.potential, arena.bounds, samples, _fineness(arena) * HEAD_TOLERANCE * arena.width)


def _takes_long_steps(arena: Arena) -> bool:
    """Whether the head's steps have many stages: where Hessians are costly beside gradients, in convolutional networks."""
    graph = arena.potential.net
    return graph is not None and graph.is_structured and arena.potential.dim > LOW_DIMENSION


def _kept(batch: Any, live: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Rows ``mask`` of the batch go on; their numbers in the piece."""
    batch.keep(beside(mask, batch.x))
    return live[mask]


def _set_aside(batch: Any, live: np.ndarray, chosen: np.ndarray, step: int) -> Waiting:
    """The ``chosen`` rows of the batch for the tail."""
    x, length = (on_host(part)[chosen].astype(np.float64) for part in (batch.x, batch.length))
    return Waiting(live[chosen], x, length, np.full(int(chosen.sum()), step))


def _joined(parts: list[Waiting]) -> Waiting:
    """All rows in the order of the piece."""
    order = np.argsort(np.concatenate([part.rows for part in parts]))
    arrays = (
        np.concatenate([getattr(part, field.name) for part in parts])[order] for field in dataclasses.fields(Waiting)
    )
    return Waiting(*arrays)


def tail_piece(piece: Piece) -> PieceResult:
    """What the head left, row by row on the CPU."""
    arena, targets, full, result, waiting = piece
    for row, x, length, steps in zip(waiting.rows, waiting.x, waiting.length, waiting.steps, strict=True):
        _tail(arena, (x, float(length)), targets, full, (result, int(row), int(steps)))
    return result


flow_piece = InTurn(head_piece, tail_piece)
ARRIVED = "arrived at the sink"


def _fineness(arena: Arena) -> float:
    """In few dimensions basins are narrow beside the box and steps are cheap: finer tolerances there."""
    return FINER if arena.potential.dim <= LOW_DIMENSION else 1.0


def _tail(
    arena: Arena, start: tuple[np.ndarray, float], targets: Targets, full: bool, where: tuple[PieceResult, int, int]
) -> None:
    """Exponential steps of one row until it arrives, settles, rests elsewhere, or the budget is used up."""
    result, row, before = where
    tail = TailRow(
        arena.potential, arena.bounds, *start, _fineness(arena) * TAIL_TOLERANCE * arena.width, ~targets.seen
    )
    label, previous, confirmed, step = -1, -1, 0, 0
    reason = f"no sink reached within {before} + {TAIL_STEPS} steps"
    while step < TAIL_STEPS:
        step += 1
        moving = tail.step()
        label, found = int(targets.arrived(arena.potential, tail.x[None])[0]), ARRIVED
        if label < 0 and not full:
            label, found = (
                int(targets.above_passes(arena.potential, tail.x[None], np.array([tail.value]))[0]),
                ABOVE_PASSES,
            )
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
    result.note(row, tail.x, label, reason, before + step)


def find_basins(
    arena: Arena,
    samples: Array,
    sinks: CriticalPoints,
    *,
    level: float = 0.95,
    full: bool = False,
    pass_heights: np.ndarray | None = None,
    previous: Basins | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Basins:
    """The basins of ``sinks`` and of those that rows meet on the way, which are proved and added at the end of the list.

    ``samples`` (n, dim): a numpy array or a float64 tensor, whose head is integrated on its device; the record is numpy's.
    """
    begun = time.perf_counter()
    passes = None if pass_heights is None else highest_passes(pass_heights)
    result = begin_with(previous, sinks, on_host(samples))
    todo = np.flatnonzero(result.label < 0)
    options = {"passes": passes, "workers": workers, "progress": progress}
    result.put(todo, _flow_all(arena, samples[beside(todo, samples)], sinks, full, **options))
    lost = np.flatnonzero((result.label < 0) & ~arena.outside(result.end))
    options["progress"] = None
    if lost.size:
        search = SinkSearch(arena)
        ends = beside(result.end[lost], samples)
        search.add(ends, workers, at_rest=True)
        extended = joined(sinks, search.record())
        if len(extended) > len(sinks):
            sinks = extended
            result.put(lost, _flow_all(arena, ends, sinks, full, **options))
    low = settled_below(arena, result, Targets.of(sinks, arena, passes).height)
    if low.size:
        result.put(low, _flow_all(arena, beside(result.end[low], samples), sinks, True, **options))
    tolerances = {
        "head": _fineness(arena) * HEAD_TOLERANCE,
        "tail": _fineness(arena) * TAIL_TOLERANCE,
        "capture": CAPTURE,
        "head_steps": HEAD_STEPS,
        "tail_steps": TAIL_STEPS,
    }
    how = (
        "full integration" if full else "rows settle early" if passes is None else "rows settle above the known passes"
    )
    return Basins(
        sinks=sinks,
        label=result.label,
        reason=tuple(result.reason),
        steps=result.steps,
        level=level,
        accepted=result.accepted,
        domain=arena.domain,
        certainty=Certainty.VERIFIED if full else Certainty.HEURISTIC,
        provenance=Provenance(
            f"{METHODS[_takes_long_steps(arena)]}, then exponential Euler; {how}",
            tolerances,
            seconds=time.perf_counter() - begun,
        ),
    )


def _flow_all(
    arena: Arena,
    samples: Array,
    sinks: CriticalPoints,
    full: bool,
    *,
    passes: np.ndarray | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> PieceResult:
    targets = Targets.of(sinks, arena, passes)
    n, dim = samples.shape[0], arena.potential.dim
    most = PIECE if dim <= LOW_DIMENSION else min(PIECE, max(FEWEST, -(-n // SHARES)))
    parts = slices(n, PIECE_ON_ACCELERATOR if is_on_accelerator(samples) else rows_in_piece(most, dim))
    pieces = [(arena, samples[part], targets, full) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    found = run_pieces(flow_piece, pieces, sizes, workers, f"basins of the {arena.potential.name}", progress)
    if not found:
        return PieceResult.empty(on_host(samples))
    return PieceResult(
        np.concatenate([part.label for part in found]),
        [r for part in found for r in part.reason],
        np.concatenate([part.steps for part in found]),
        np.concatenate([part.end for part in found]),
        np.concatenate([part.accepted for part in found]),
    )
