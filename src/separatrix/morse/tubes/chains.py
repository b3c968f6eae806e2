"""Branches of the projected flow proved leg by leg: tubes within faces, motions along edges, from one to the next (8.14)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.crossings import Entry, Release
from separatrix.morse.tubes.edges import Edge, Spot, flows_into, leaves_at
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.morse.tubes.goals import Goals
from separatrix.morse.tubes.proof import Tube, begun, enclose
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import RELEASED

SHORTEST = (2e-5, 1e-4, 5e-4)


@dataclass(frozen=True, eq=False)
class Run:
    """A proved motion along an edge: its trace, whether it is the first leg, whether it ends where a side lets it go."""

    trace: Trace
    is_first: bool
    leaves: bool = False


@dataclass(eq=False)
class Chain:
    """A branch on its way to a proof: the ``parts`` that are proved, where the next leg enters, why it stopped."""

    trace: Trace
    parts: list[Tube | Run] = field(default_factory=list)
    entry: Entry | None = None
    reason: str = ""

    @property
    def legs(self) -> tuple[Trace, ...]:
        """The legs of the trace."""
        return self.trace.legs or (self.trace,)

    @property
    def leg(self) -> Trace:
        """The leg that is to be proved next."""
        return self.legs[len(self.parts)]

    @property
    def is_proved(self) -> bool:
        """Whether all legs are."""
        return len(self.parts) == len(self.legs)

    @property
    def is_open(self) -> bool:
        """Whether there is more to try."""
        return not self.reason and not self.is_proved


def chains(arena: Arena, goals: dict[float, Goals], traces: list[Trace], frames: dict[int, Eigenframe]) -> list[Chain]:
    """For each trace what is proved of its legs; the tubes of many branches are enclosed together.

    How short chords have to be where sides are met or let go depends on how wide a tube is there: several lengths are tried.
    """
    made = _chains(arena, goals, traces, frames, SHORTEST[0])
    for short in SHORTEST[1:]:
        lost = [number for number, chain in enumerate(made) if not chain.is_proved and len(chain.legs) > 1]
        again = _chains(arena, goals, [traces[number] for number in lost], frames, short)
        for number, chain in zip(lost, again, strict=True):
            if chain.is_proved:
                made[number] = chain
    return made


def _chains(
    arena: Arena, goals: dict[float, Goals], traces: list[Trace], frames: dict[int, Eigenframe], short: float
) -> list[Chain]:
    """For each trace what is proved with chords that are at least ``short`` of the width where a side is met or let go."""
    made = [Chain(trace) for trace in traces]
    while any(chain.is_open for chain in made):
        tubes: dict[int, Tube] = {}
        for number, chain in enumerate(made):
            while chain.is_open and _enters(chain) and _is_on_edge(chain.leg):
                _run(arena, frames, chain)
            if chain.is_open:
                frame = None if chain.parts else frames.get(chain.leg.start.row)
                tube = begun(arena, goals, chain.leg, frame, chain.entry, short)
                if isinstance(tube, str):
                    chain.reason = tube
                else:
                    tubes[number] = tube
        enclose(arena, goals, list(tubes.values()))
        for number, tube in tubes.items():
            chain = made[number]
            if tube.is_proved:
                chain.parts.append(tube)
                chain.entry = None if tube.exit is None else tube.exit.entry
            else:
                chain.reason = tube.reason
    return made


def _enters(chain: Chain) -> bool:
    """Whether the next leg moves in the coordinates that are proved to be free where it enters; else the reason is put down."""
    if chain.parts and chain.entry is not None:
        before, start, entry = chain.legs[len(chain.parts) - 1].start, chain.leg.start, chain.entry
        free = before.free.copy()
        free[entry.axis] = entry.let_go is not None
        held = ~free
        fits = np.array_equal(free, start.free) and (entry.lower == entry.upper)[held].all()
        if fits and (entry.lower == start.point)[held].all() and (start.outward[held] != 0).all():
            return True
        chain.reason = "two sides are met or left at one time"
    return not chain.reason


def _is_on_edge(leg: Trace) -> bool:
    """Whether a leg moves on an edge, to a point or to where it is let go."""
    return leg.start.sign > 0 and leg.start.free.sum() == 1 and (leg.target >= 0 or leg.reason == RELEASED)


def _run(arena: Arena, frames: dict[int, Eigenframe], chain: Chain) -> None:
    """Prove the next leg of ``chain``, along an edge, or put down why it is not proved."""
    leg, first = chain.leg, not chain.parts
    start = leg.start
    edge = Edge.of(arena, start.point, np.where(start.free, 0.0, start.outward))
    place = float(start.point[edge.axis])
    leaves, begin = None, (place, place)
    if first:
        frame = frames.get(start.row)
        if frame is None:
            chain.reason = "its critical point is not proved"
            return
        leaves = Spot(float(frame.center[edge.axis]), frame.error)
    else:
        assert chain.entry is not None
        begin = float(chain.entry.lower[edge.axis]), float(chain.entry.upper[edge.axis])
    if leg.reason == RELEASED:
        x, release = leg.nodes[-1], Release.of(arena, leg)
        ahead = float(np.sign(leg.tangents[-1][edge.axis]))
        found = leaves_at(edge, begin, leaves, (float(x[edge.axis]), release.axis, ahead))
        if isinstance(found, str):
            chain.reason = found
            return
        low, high = x.copy(), x.copy()
        low[edge.axis], high[edge.axis] = sorted(found)
        chain.parts.append(Run(leg, first, True))
        chain.entry = Entry(low, high, release.axis, (release.axis, release.outward))
        return
    spot = _spot(edge, frames.get(leg.target))
    chain.reason = flows_into(edge, begin, leaves, spot) if spot is not None else "its end is not proved on the edge"
    if not chain.reason:
        chain.parts.append(Run(leg, first))


def _spot(edge: Edge, frame: Eigenframe | None) -> Spot | None:
    """The proved point of ``frame`` as one on the edge; None where it is not on it."""
    if frame is None or not (frame.outward[edge.held] == edge.outward).all():
        return None
    if not (frame.center[edge.held] == edge.base[edge.held]).all() or frame.free.size > 1:
        return None
    is_corner = frame.free.size == 0
    return Spot(float(frame.center[edge.axis]), 0.0 if is_corner else frame.error, is_corner)
