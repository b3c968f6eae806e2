"""The proof that a traced leg of a branch ends where it was seen to (§8).

It begins with a cone at its saddle, at a proved point on a side, or in an entry where the leg before ended; a tube goes on; it
ends in an attracting box, in a disc outside the domain, or, under the projected flow, where a side is met or lets a coordinate
go (8.14).
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

import numpy as np

from separatrix.domains import Box
from separatrix.flow.projection import Arena
from separatrix.morse.tubes.chords import Chords, Slabs, enclosed
from separatrix.morse.tubes.cones import Cone, cones
from separatrix.morse.tubes.crossings import Crossing, Entry, Exit, Release, way_on
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.radii import GROWS, LETS_GO, TOUCHES, Radii, radii, refined
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import SADDLE

ROUNDS, MOST_CHORDS = 7, 4000
LONGEST, OF_DISTANCE, OF_BEND, ROOM, OF_ENTRY, WIDER = 0.02, 0.15, 0.15, 0.4, 3.0, 1.6
SHORT = 5e-4  # of the width: the shortest chords where a side is met or lets go, which say how well it is known where
SAMPLES = 6


@dataclass(eq=False)
class Tube:
    """A leg on its way to a proof: its trace, the cones at its saddle or its ``entry``, whether it ends outside the box or at
    the ``crossing`` of a side or the release of one, the chords of the last try, what came of it."""

    trace: Trace
    frame: Eigenframe | None
    cones: list[Cone]
    is_leaving: bool
    entry: Entry | None = None
    crossing: Crossing | Release | None = None
    exit: Exit | None = None
    cone: int = 0
    chords: Chords | None = None
    lid: tuple[float, float] = (0.0, 0.0)
    slabs: Slabs | None = None
    found: Radii | None = None
    reason: str = ""
    tries: int = field(default=0)
    short: float = SHORT

    @property
    def is_proved(self) -> bool:
        """Whether the end is proved."""
        return self.found is not None and self.found.arrived >= 0


def tubes(
    arena: Arena, goals: dict[float, Goals], traces: list[Trace], frames: dict[int, Eigenframe]
) -> list[Tube | str]:
    """For each trace of one leg its tube, proved or with a reason; a string where none could be begun."""
    made = [begun(arena, goals, trace, frames.get(trace.start.row), None) for trace in traces]
    enclose(arena, goals, [tube for tube in made if isinstance(tube, Tube)])
    return made


def enclose(arena: Arena, goals: dict[float, Goals], made: list[Tube]) -> None:
    """Try to prove all tubes, those of one face together, with finer and finer chords."""
    for _ in range(ROUNDS):
        groups: dict[tuple[bytes, bytes], list[Tube]] = {}
        for tube in made:
            if tube.chords is not None and not tube.is_proved:
                start = tube.trace.start
                groups.setdefault((start.free.tobytes(), start.outward.tobytes()), []).append(tube)
        if not groups:
            break
        for group in groups.values():
            _tried(arena, goals, group)


def begun(
    arena: Arena,
    goals: dict[float, Goals],
    trace: Trace,
    frame: Eigenframe | None,
    entry: Entry | None,
    short: float = SHORT,
) -> Tube | str:
    """The tube of a leg from its point (``frame``) or its ``entry`` with a first partition; a reason where there is none."""
    start, leaves = trace.start, trace.reason == arena.left
    if frame is None and entry is None:
        return "its critical point is not proved"
    if trace.reason == SADDLE:
        return "it comes beside another saddle"
    if leaves and not isinstance(arena.domain, Box):
        return "nothing is proved of orbits that run off to infinity"
    crossing = way_on(arena, trace)
    if not leaves and crossing is None and trace.target < 0:
        return trace.reason
    if not leaves and crossing is None and not goals[start.sign].boxes_of(trace.target, start.free):
        return "no attracting region about its end is proved on the face that it moves on"
    if trace.arc.size < 2:
        return "it has no length"
    found: list[Cone] = []
    if entry is None and frame is not None and not np.array_equal(start.point, frame.center):
        column = int(np.abs(start.direction[frame.free] @ frame.vectors).argmax())
        found = cones(arena, frame, column, start.sign)
        if not found:
            return "no cone at its saddle is proved to hold it"
    whole = trace if crossing is None else crossing.trace
    tube = Tube(whole, frame, found, leaves, entry, crossing, short=short)
    if _first_partition(arena, goals[start.sign], tube) is None:
        return tube.reason
    return tube


def _first_partition(arena: Arena, goals: Goals, tube: Tube) -> np.ndarray | None:
    """Chords from the lid of the tube's cone on: short beside critical points and where the branch bends."""
    trace = tube.trace
    begin = 0.0
    if tube.cones:
        begin = _lid_length(tube, tube.cones[tube.cone])
        if begin is None:
            tube.reason, tube.chords = "the branch does not pass the lid of its cone", None
            return None
    s = _finer(trace.arc[trace.arc > begin], begin)
    x, tangents = trace.at(s)
    step = np.diff(s)
    bend = np.linalg.norm(np.diff(tangents, axis=0), axis=1) / np.maximum(step, 1e-300)
    bend = np.append(bend, bend[-1])
    away = np.sqrt(((x[:, None] - goals.points[None]) ** 2).sum(axis=2)).min(axis=1)
    wanted = np.minimum(LONGEST * arena.width, OF_DISTANCE * away)
    wanted = np.minimum(wanted, OF_BEND / np.maximum(bend, 1e-300))
    wanted = np.maximum(wanted, 1e-4 * tube.lid[0] + 1e-9 * arena.width)
    if tube.crossing is not None:  # the shorter near the side, the better it is known where
        wanted = np.minimum(wanted, np.maximum(OF_DISTANCE * np.abs(tube.crossing.arc - s), tube.short * arena.width))
    if tube.entry is not None and tube.entry.let_go is not None:
        wanted = np.minimum(wanted, np.maximum(2.0 * OF_DISTANCE * s, tube.short * arena.width))
    if tube.entry is not None:
        wanted = np.maximum(wanted, OF_ENTRY * tube.entry.lid(x[0], tangents[0])[1])
    count = np.concatenate([[0.0], np.cumsum(step * 0.5 * (1.0 / wanted[1:] + 1.0 / wanted[:-1]))])
    m = int(min(max(np.ceil(count[-1]), 2), MOST_CHORDS))
    places = np.interp(np.linspace(0.0, count[-1], m + 1), count, s)
    _set_chords(tube, places, ROOM * np.diff(places))
    return places


def _finer(arc: np.ndarray, begin: float) -> np.ndarray:
    """Arc lengths from ``begin`` on, a few between every two nodes."""
    knots = np.concatenate([[begin], arc])
    index = np.arange(SAMPLES * (knots.size - 1) + 1) / SAMPLES
    return np.unique(np.interp(index, np.arange(knots.size), knots))


def _lid_length(tube: Tube, cone: Cone) -> float | None:
    """Arc length at which the trace passes the lid's plane, None where it does not."""
    trace = tube.trace
    axis = trace.start.direction
    ahead = (trace.nodes - cone.frame.center) @ axis - cone.length
    past = np.flatnonzero(ahead >= 0)
    if not past.size or past[0] == 0:
        return None
    low, high = trace.arc[past[0] - 1], trace.arc[past[0]]
    for _ in range(60):
        middle = 0.5 * (low + high)
        x = trace.at(np.array([middle]))[0][0]
        low, high = (low, middle) if (x - cone.frame.center) @ axis >= cone.length else (middle, high)
    return float(high)


def _set_chords(tube: Tube, s: np.ndarray, room: np.ndarray) -> None:
    tube.chords = Chords.along(tube.trace, s, room)
    frame, first = tube.frame, tube.chords.nodes[0]
    if tube.entry is not None:
        tube.lid = tube.entry.lid(first, tube.chords.t[0])
    elif not tube.cones:
        assert frame is not None
        size = float(np.abs(first).max())
        tube.lid = (np.sqrt(first.size) * frame.error * (1 + 1e-9) + 1e-13 * size + 1e-300,) * 2
    else:
        cone, axis = tube.cones[tube.cone], tube.trace.start.direction
        reach, shift = cone.lid(first, axis)
        # |t.(y - x)| <= |axis.(y - x)| + |t - axis| |y - x| on the lid
        tube.lid = (reach, (shift + float(np.linalg.norm(tube.chords.t[0] - axis)) * reach) * (1 + 1e-9))
    tube.chords.room[0] = max(tube.chords.room[0], 1.5 * tube.lid[0])


def _tried(arena: Arena, goals: dict[float, Goals], group: list[Tube]) -> None:
    """One round for tubes of one face: enclosures in one batch, radii, and a finer partition where they did not pass."""
    start = group[0].trace.start
    outward = np.array(start.outward)
    found = enclosed(
        arena,
        [(tube.chords, tube.lid[1]) for tube in group],  # pyright: ignore[reportArgumentType]
        start.free,
        outward,
        [tube.trace.start.sign for tube in group],
    )
    for tube, slabs in zip(group, found, strict=True):
        chords = tube.chords
        assert chords is not None
        slack = _slack(arena, goals[tube.trace.start.sign], tube, chords.nodes)
        slabs = dataclasses.replace(slabs, inside=_stays(tube, slabs), presses=_presses(tube, slabs))
        tube.slabs, tube.tries = slabs, tube.tries + 1
        tube.found = radii(chords, slabs, tube.lid, slack, must_stay=not tube.is_leaving)
        tube.reason = tube.found.reason
        if tube.is_proved and tube.crossing is not None:
            tube.exit = tube.crossing.exit(arena, chords, slabs, tube.found)
            if tube.exit is None:
                tube.found, tube.chords, tube.reason = None, None, "it meets a side of the box too soon"
                continue
        if tube.is_proved:
            tube.reason = ""
            continue
        _refine(arena, goals, tube)


def _refine(arena: Arena, goals: dict[float, Goals], tube: Tube) -> None:
    chords, slabs, found = tube.chords, tube.slabs, tube.found
    assert chords is not None and slabs is not None and found is not None
    if tube.cones and tube.cone + 1 < len(tube.cones) and (found.of_start > 0.3 or len(found.within) == 0):
        tube.cone += 1
        if not len(found.within):
            _first_partition(arena, goals[tube.trace.start.sign], tube)
            return
    blocked = None
    if found.reason in (TOUCHES, LETS_GO):  # shorter chords where a side is near, and a thinner tube up to there
        blocked = np.arange(len(chords)) <= (len(found.within) if found.reason == LETS_GO else len(found.within) - 1)
        blocked |= ~(slabs.inside & slabs.presses)
    least = 0.0 if tube.entry is None else 2.5 * tube.lid[1]  # the first disc has to fit between two nodes
    s, room = refined(chords, slabs, tube.lid[0], blocked, least)
    if len(room) == len(chords) and found.reason == GROWS:  # nothing to cut: more room where the tube stopped
        stop = slice(max(len(found.within) - 1, 0), len(found.within) + 3)
        room[stop] = np.maximum(room[stop], np.minimum(WIDER * chords.room[stop], chords.h[stop]))
    if tube.cones:
        s, room = _lengthened(tube, s, room)
    if len(room) > MOST_CHORDS:
        tube.chords = None
        return
    _set_chords(tube, s, room)


def _lengthened(tube: Tube, s: np.ndarray, room: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The partition from the lid of the tube's present, shorter cone on."""
    begin = _lid_length(tube, tube.cones[tube.cone])
    if begin is None or not begin < s[0] * (1.0 - 1e-9):
        return s, room
    cone, trace = tube.cones[tube.cone], tube.trace
    reach = cone.lid(trace.at(np.array([begin]))[0][0], trace.start.direction)[0]
    before, step = [begin], 0.0
    while before[-1] < s[0]:
        step = max(OF_DISTANCE * before[-1], 5.0 * reach)
        before.append(before[-1] + step)
    later = s > before[-1] + 0.3 * step
    if later.sum() < 2:
        return s, room
    kept = s[later]
    fresh = ROOM * np.diff([*before, kept[0]])
    return np.concatenate([before, kept]), np.concatenate([fresh, room[later[:-1]]])


def _slack(arena: Arena, goals: Goals, tube: Tube, x: np.ndarray) -> np.ndarray:
    """Radii (m,) of balls about the rows of ``x`` that lie in the goal; negative where they do not."""
    if tube.is_leaving:
        limits, noise = arena.limits, 1e-15 * np.abs(x).max(axis=1)
        beyond = np.maximum(limits.lower - x, x - limits.upper)
        return np.where(tube.trace.start.free, beyond, -np.inf).max(axis=1) * (1 - 1e-12) - noise
    if tube.crossing is not None:
        return tube.crossing.slack(x)
    free = tube.trace.start.free
    return np.max([box.slack(x, free) for box in goals.boxes_of(tube.trace.target, free)], axis=0)


def _stays(tube: Tube, slabs: Slabs) -> np.ndarray:
    """In which slabs (m,) the orbit of the projected flow is that of the field, or is held by the side that it crosses."""
    calm = (slabs.over == 0) | (slabs.over == -slabs.at_side)
    if isinstance(tube.crossing, Crossing):
        axis, outward = tube.crossing.axis, tube.crossing.outward
        calm[:, axis] |= (slabs.over[:, axis] == outward) & (slabs.at_side[:, axis] == outward)
    if tube.entry is not None and tube.entry.let_go is not None:
        axis, outward = tube.entry.let_go
        near = np.logical_and.accumulate(slabs.bends[:, axis] == -outward)
        calm[:, axis] |= near & (slabs.over[:, axis] == outward)
    return np.asarray(calm[:, tube.trace.start.free].all(axis=1))


def _presses(tube: Tube, slabs: Slabs) -> np.ndarray:
    """In which slabs (m,) the held coordinates stay on their sides, or the one that is let go at the end loses its slope."""
    holds = slabs.pressing.copy()
    if isinstance(tube.crossing, Release):
        holds[:, tube.crossing.axis] |= slabs.bends[:, tube.crossing.axis] == -tube.crossing.outward
    return np.asarray(holds[:, ~tube.trace.start.free].all(axis=1))
