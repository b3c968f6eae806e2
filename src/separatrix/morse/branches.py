"""The two unstable branches of index-1 saddles, integrated by the flow itself in any dimension (§3, §9).

A branch starts beside the saddle on the unstable eigenvector of the free face and is followed by the steps with which basins
are integrated, in double precision; where it creeps in a flat valley exponential steps go on. Every branch is integrated
twice, the second time from nearer the saddle and with finer tolerances; where both arrive or settle at one sink, and f
rises along the way, the end is verified. In few dimensions :func:`separatrix.morse.connections.connections` proves ends instead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError
from separatrix.flow.basin_head import HeadBatch
from separatrix.flow.basin_tail import TailRow
from separatrix.flow.basin_targets import Targets
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import faint_coordinates, ignored_coordinates
from separatrix.flow.sinks import SinkSearch
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.matching import rows_in
from separatrix.records import Provenance

PIECE = 32
FIRST, SHORTEST, STRAIGHT = 1e-2, 1e-6, 0.1
HEAD_TOLERANCE, TAIL_TOLERANCE, SECOND = 5e-3, 2e-3, 0.25
LOW_DIMENSION, FINER = 32, 0.02
HEAD_STEPS, TAIL_STEPS = 600, 4000
CHECK_EVERY, TAIL_CHECK_EVERY, CONFIRMATIONS = 10, 5, 3
SPACING = 0.01  # of the width, between kept points of a path
KEPT_POINTS, FEW = 33, 8
RISE_SLACK = 1e-12


@dataclass(frozen=True, eq=False)
class Beginning:
    """One branch to be followed: the saddle, the unit vector (dim,) along which it leaves, and how far off it starts."""

    saddle: np.ndarray
    direction: np.ndarray
    distance: float


@dataclass(frozen=True, eq=False)
class Leg:
    """How one integration of a branch ended: row of the sink (-1 none), why, and its points (m, dim) from the start on."""

    label: int
    reason: str
    path: np.ndarray


def trace_branches(
    flow: GradientFlow,
    sinks: CriticalPoints,
    saddles: CriticalPoints,
    *,
    directions: np.ndarray | None = None,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Connections:
    """Both unstable branches of every index-1 saddle, followed to ``sinks`` or to sinks that are met, which are added.

    ``Connections.points``: the sinks, those that were met at their end, then the saddles. Ends are verified at best.
    ``directions`` (n_saddles, dim): along which the branches leave, where that is not the unstable eigenvector.
    Raises InputError for piecewise linear networks, whose flow slides along creases.
    """
    begun = time.perf_counter()
    if not isinstance(flow.engine, Smooth):
        raise InputError(
            f"the branches of saddles of the {flow.potential.name} are not traced: its gradient jumps along creases; use a "
            "smooth network or potential"
        )
    arena = flow.arena
    rows = np.flatnonzero(saddles.indices == 1)
    if directions is None:
        beginnings = [begin for row in rows for begin in _beginnings(arena, saddles.points[row])]
    else:
        beginnings = [begin for row in rows for begin in _sides_of(arena, saddles.points[row], directions[row])]
    first = _follow(arena, beginnings, sinks, 1.0, workers, progress)
    met = _met(arena, flow, sinks, first)
    if len(met) > len(sinks):
        sinks = met
        again = [number for number, leg in enumerate(first) if leg.label < 0]
        labels = _nearest(Targets.of(sinks, arena), np.array([first[i].path[-1] for i in again]))
        for number, label in zip(again, labels, strict=True):
            if label >= 0:
                first[number] = Leg(int(label), "sink", first[number].path)
    nearer = [Beginning(b.saddle, b.direction, 0.25 * b.distance) for b in beginnings]
    second = _follow(arena, nearer, sinks, SECOND, workers, None)
    points = joined(sinks, saddles) if len(sinks) else saddles
    place = rows_in(points, saddles)
    orbits = tuple(
        _orbit(arena, sinks, beginnings[i], (first[i], second[i]), (int(place[rows[i // 2]]), 1 - 2 * (i % 2)))
        for i in range(len(beginnings))
    )
    lost = sum(orbit.target < 0 for orbit in orbits)
    return Connections(
        points=points,
        orbits=orbits,
        potential=flow.potential.name,
        boundary=flow.boundary,
        missing=(f"{lost} of {len(orbits)} branches end in no known sink",) if lost else (),
        domain=flow.domain,
        certainty=Certainty.weakest(orbit.certainty for orbit in orbits),
        provenance=Provenance(
            "both branches of every index-1 saddle, twice: Bogacki-Shampine 3(2), then exponential Euler",
            {"head": HEAD_TOLERANCE, "tail": TAIL_TOLERANCE, "start": FIRST},
            seconds=time.perf_counter() - begun,
        ),
    )


def _beginnings(arena: Arena, saddle: np.ndarray) -> list[Beginning]:
    """Both sides of one saddle: the start is as far off as the gradient there is that of the Hessian to within a tenth."""
    potential, bounds = arena.potential, arena.bounds
    free = np.flatnonzero((bounds.faces(saddle) == 0) & ~ignored_coordinates(potential))
    lam, vectors = np.linalg.eigh(potential.hessian_on(saddle, free))
    direction = np.zeros(saddle.size)
    direction[free] = vectors[:, -1]
    direction *= np.sign(direction[np.abs(direction).argmax()])
    found = []
    for side in (1.0, -1.0):
        unit, distance = side * direction, FIRST * arena.width / float(np.abs(direction).max())
        while distance > SHORTEST * arena.width:
            there = saddle + distance * unit
            inside = (there[free] > np.broadcast_to(bounds.lower, there.shape)[free]).all() and (
                there[free] < np.broadcast_to(bounds.upper, there.shape)[free]
            ).all()
            slope = potential.value_and_gradient(there[None])[1][0]
            held = bounds.held(np, there, slope)
            missed = np.where(held, 0.0, slope) - lam[-1] * distance * unit
            if inside and float(np.abs(missed).max()) <= STRAIGHT * lam[-1] * distance * float(np.abs(unit).max()):
                break
            distance *= 0.5
        found.append(Beginning(saddle, unit, distance))
    return found


def _sides_of(arena: Arena, point: np.ndarray, direction: np.ndarray) -> list[Beginning]:
    """Both sides of a point along a direction that is given."""
    unit = direction / np.linalg.norm(direction)
    distance = 0.1 * FIRST * arena.width / float(np.abs(unit).max())
    return [Beginning(point, side * unit, distance) for side in (1.0, -1.0)]


def _follow(
    arena: Arena,
    beginnings: Sequence[Beginning],
    sinks: CriticalPoints,
    fineness: float,
    workers: int | None,
    progress: Progress | None,
) -> list[Leg]:
    targets = Targets.of(sinks, arena)
    parts = slices(len(beginnings), PIECE)
    pieces = [(arena, tuple(beginnings[part]), targets, fineness) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    stage = f"branches of saddles of the {arena.potential.name}"
    return [leg for piece in run_pieces(follow_piece, pieces, sizes, workers, stage, progress) for leg in piece]


def follow_piece(arena: Arena, beginnings: tuple[Beginning, ...], targets: Targets, fineness: float) -> list[Leg]:
    """Bogacki-Shampine steps of one piece of branches together, then exponential steps of those that still creep."""
    starts = arena.bounds.snap(np.array([b.saddle + b.distance * b.direction for b in beginnings]))
    fine = fineness * (FINER if arena.potential.dim <= LOW_DIMENSION else 1.0) * arena.width
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
        label[row], reason[row] = _creep(arena, start, targets, TAIL_TOLERANCE * fine, paths[row])
    return [Leg(int(label[row]), reason[row], _thinned(np.array(paths[row]))) for row in range(len(starts))]


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


def _nearest(targets: Targets, ends: np.ndarray) -> np.ndarray:
    """Row of the sink within whose capture distance each end at rest lies, -1 where there is none."""
    if not len(targets.points):
        return np.full(len(ends), -1)
    gaps = np.abs(ends[:, None, targets.seen] - targets.points[None][:, :, targets.seen]).max(axis=2, initial=0.0)
    near = gaps.argmin(axis=1)
    return np.where(gaps[np.arange(len(ends)), near] <= targets.capture[near], near, -1)


def _met(arena: Arena, flow: GradientFlow, sinks: CriticalPoints, legs: Sequence[Leg]) -> CriticalPoints:
    """``sinks`` with those appended at which branches came to rest where no sink was known."""
    ends = [leg.path[-1] for leg in legs if leg.label < 0 and leg.reason in ("sink", "at rest", "budget")]
    if not ends:
        return sinks
    search = SinkSearch(arena)
    search.add(np.array(ends), at_rest=True)
    return joined(sinks, flow.named(search.record()))


def _orbit(
    arena: Arena, sinks: CriticalPoints, begin: Beginning, legs: tuple[Leg, Leg], place: tuple[int, int]
) -> Orbit:
    (first, second), (saddle, side) = legs, place
    same = first.label == second.label and (first.label >= 0 or first.reason == second.reason)
    label = first.label if same else second.label
    leg = second if not same else first
    path = leg.path if label < 0 else np.vstack([leg.path, sinks.points[label][None]])
    value = arena.potential.value_and_gradient(path)[0]
    rises = bool((np.diff(value) >= -RISE_SLACK * (1.0 + np.abs(value[1:]))).all())
    words = "two integrations, tolerances a factor 4 apart, end in one place" if same else (
        "two integrations at different tolerances end in different places; that of the finer one is given"
    )  # fmt: skip
    sure = Certainty.VERIFIED if same and rises else Certainty.HEURISTIC
    return Orbit(saddle, label, side, begin.direction, saddle, leg.reason, sure, words, path)


def _thinned(path: np.ndarray) -> np.ndarray:
    """At most KEPT_POINTS points, spread evenly by length, where they are long; ends stay."""
    if path.shape[1] <= FEW or len(path) <= KEPT_POINTS:
        return path
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    chosen = np.unique(np.searchsorted(along, np.linspace(0.0, along[-1], KEPT_POINTS)).clip(0, len(path) - 1))
    return path[np.unique(np.concatenate([[0, len(path) - 1], chosen]))]
