"""The two unstable branches of index-1 saddles, integrated by the flow itself in any dimension (§3, §9).

A branch starts beside the saddle on the unstable eigenvector of the free face and is followed by the steps with which basins
are integrated, in double precision; where it creeps in a flat valley exponential steps go on. Every branch is integrated
twice, the second time from nearer the saddle and with finer tolerances; where both arrive or settle at one sink, and f
rises along the way, the end is verified. In few dimensions :func:`separatrix.morse.connections.connections` proves ends instead.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError
from separatrix.flow.basin_targets import Targets
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.engines import Smooth
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import ignored_coordinates
from separatrix.flow.sinks import SinkSearch
from separatrix.morse.branch_legs import HEAD_TOLERANCE, TAIL_TOLERANCE, Beginning, Leg, follow_piece
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.matching import rows_in
from separatrix.records import Provenance

PIECE = 32
FIRST, SHORTEST, STRAIGHT = 1e-2, 1e-6, 0.1
SECOND = 0.25  # of the distance and of the tolerances of the first integration
RISE_SLACK = 1e-12
STAYED = ("sink", "at rest", "budget")  # reasons of ends that may be near a sink


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
    first, second = _follow(arena, beginnings, Targets.of(sinks, arena), workers, progress)
    met = _met(arena, flow, sinks, [*first, *second])
    if len(met) > len(sinks):
        sinks, goals = met, Targets.of(met, arena)
        first, second = (_labelled(goals, legs) for legs in (first, second))
    _follow_finer(arena, beginnings, (first, second), Targets.of(sinks, arena), workers)
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
    targets: Targets,
    workers: int | None,
    progress: Progress | None,
) -> tuple[list[Leg], list[Leg]]:
    """The first and the second integration of every branch, the second a factor SECOND nearer and finer."""
    parts = slices(len(beginnings), PIECE)
    nearer = [begin.finer(SECOND) for begin in beginnings]
    pieces = [(arena, tuple(beginnings[part]), tuple(nearer[part]), targets) for part in parts]
    sizes = [part.stop - part.start for part in parts]
    stage = f"branches of saddles of the {arena.potential.name}"
    found = run_pieces(follow_piece, pieces, sizes, workers, stage, progress)
    return [leg for first, _ in found for leg in first], [leg for _, second in found for leg in second]


def _follow_finer(
    arena: Arena,
    beginnings: Sequence[Beginning],
    legs: tuple[list[Leg], list[Leg]],
    targets: Targets,
    workers: int | None,
) -> None:
    """Put two finer integrations in the place of two that end at different places: both lists in ``legs`` change."""
    first, second = legs
    apart = [row for row in range(len(beginnings)) if not _agree(first[row], second[row])]
    if apart:
        finer = [beginnings[row].finer(SECOND**2) for row in apart]
        for row, *found in zip(apart, *_follow(arena, finer, targets, workers, None), strict=True):
            first[row], second[row] = found


def _agree(first: Leg, second: Leg) -> bool:
    """Whether two integrations end at one sink, or in the same way at none."""
    return first.label == second.label and (first.label >= 0 or first.reason == second.reason)


def _labelled(targets: Targets, legs: Sequence[Leg]) -> list[Leg]:
    """The legs, those that had no sink given to the one at which they came to rest."""
    lost = [number for number, leg in enumerate(legs) if leg.label < 0 and leg.reason in STAYED]
    found = list(legs)
    if lost:
        labels = _nearest(targets, np.array([legs[i].path[-1] for i in lost]))
        for number, label in zip(lost, labels, strict=True):
            if label >= 0:
                found[number] = Leg(int(label), "sink", legs[number].path)
    return found


def _nearest(targets: Targets, ends: np.ndarray) -> np.ndarray:
    """Row of the sink within whose capture distance each end at rest lies, -1 where there is none."""
    if not len(targets.points):
        return np.full(len(ends), -1)
    gaps = np.abs(ends[:, None, targets.seen] - targets.points[None][:, :, targets.seen]).max(axis=2, initial=0.0)
    near = gaps.argmin(axis=1)
    return np.where(gaps[np.arange(len(ends)), near] <= targets.capture[near], near, -1)


def _met(arena: Arena, flow: GradientFlow, sinks: CriticalPoints, legs: Sequence[Leg]) -> CriticalPoints:
    """``sinks`` with those appended at which branches came to rest where no sink was known."""
    ends = [leg.path[-1] for leg in legs if leg.label < 0 and leg.reason in STAYED]
    if not ends:
        return sinks
    search = SinkSearch(arena)
    search.add(np.array(ends), at_rest=True)
    return joined(sinks, flow.named(search.record()))


def _orbit(
    arena: Arena, sinks: CriticalPoints, begin: Beginning, legs: tuple[Leg, Leg], place: tuple[int, int]
) -> Orbit:
    (first, second), (saddle, side) = legs, place
    same = _agree(first, second)
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
