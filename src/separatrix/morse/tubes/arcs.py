"""Orbits from a point of index 2 to a saddle of index 1 in space, proved: an arc of directions parted by the saddle (8.12).

The unstable surface of the point p is a graph over a disc (8.11); an arc of its circle |v| = length is followed in one wide
tube into a block of the saddle q. The ends of the arc are followed in thin tubes into the block, to where it is decided that
they leave it through different exits. The directions that leave through either exit are open in the arc; so there is one in
between that never leaves, and its orbit ends in q.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit, Turn
from separatrix.morse.tubes.arc_tubes import Arc, ArcTube, follow
from separatrix.morse.tubes.blocks import Block, block_of, unstable_disc
from separatrix.morse.tubes.eigenframes import Eigenframe
from separatrix.morse.tubes.traces import Start, Trace
from separatrix.morse.tubes.tracing import Tracer

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

RING = 1e-3
HALVES = 0.3 * 3.0 ** -np.arange(6.0)
ROUNDS, SAMPLES = 2, 33
DEEP, WIDE, LEAST = 0.5, 0.35, 0.08
AIMS = (0.2, 0.14)
MARGIN = 1.0 + 1e-9


def proved_arcs(followed: Followed, orbits: list[Orbit]) -> list[Orbit]:
    """The ``orbits`` from index 2 to index 1, those proved that an arc encloses."""
    open_ = _candidates(followed, orbits)
    proofs: dict[int, Orbit] = {}
    halves: dict[int, float] = {}
    while open_:
        tries = [(number, block, arcs.pop(0)) for number, (block, arcs) in open_.items()]
        tubes = [tube for _, block, arc in tries for tube in arc.tubes(block.across)]
        follow(followed.arena, tubes)
        for place, (number, block, arc) in enumerate(tries):
            exits = _exits(block, tubes[3 * place : 3 * place + 3])
            if exits[0] * exits[1] < 0:
                proofs[number] = _written(orbits[number], arc, (block, exits), tubes[3 * place])
                halves[number] = arc.half
        open_ = {number: rest for number, rest in open_.items() if rest[1] and number not in proofs}
    for number in [number for number in proofs if _is_shared(number, orbits, halves)]:
        del proofs[number]
    return [proofs.get(number, orbit) for number, orbit in enumerate(orbits)]


def _is_shared(number: int, orbits: list[Orbit], halves: dict[int, float]) -> bool:
    """Whether the arc of an orbit may meet another orbit between the same points, or its arc: a degree would count twice."""
    one = orbits[number]
    for other, orbit in enumerate(orbits):
        if other == number or (orbit.source, orbit.target) != (one.source, one.target):
            continue
        cosine = one.direction @ orbit.direction / (np.linalg.norm(one.direction) * np.linalg.norm(orbit.direction))
        if not float(np.arccos(np.clip(cosine, -1.0, 1.0))) > MARGIN * (halves[number] + halves.get(other, 0.0)) + 1e-6:
            return True
    return False


@dataclass(frozen=True, eq=False)
class _Place:
    """An orbit's ``number``, the block at its end, its source's frame, and the disc there: its radius and its slope."""

    number: int
    block: Block
    frame: Eigenframe
    length: float
    slope: float


def _candidates(followed: Followed, orbits: list[Orbit]) -> dict[int, tuple[Block, list[Arc]]]:
    """For each orbit with a block at its end and a disc at its source the arcs, the widest first, whose ends pass the saddle on
    different sides, and not too near its surface."""
    places = _places(followed, orbits)
    turns = np.sort(np.array([0.0, *HALVES, *-HALVES]))
    fans = _traced(followed, orbits, [(place, turns) for place in places])
    aimed = [
        (place, chosen)
        for place, fan in zip(places, fans, strict=True)
        if (chosen := _turns_at(place.block, turns, fan)) is not None
    ]
    found = {}
    for (place, chosen), traces in zip(aimed, _traced(followed, orbits, aimed), strict=True):
        middle, arcs = traces[0], []
        for k in range(1, chosen.size, 2):
            left, right = traces[k], traces[k + 1]
            if middle is None or left is None or right is None or not _straddles(place.block, left, right):
                continue
            half = float(np.abs(chosen[k : k + 2] - chosen[0]).max()) * MARGIN
            arcs.append(Arc(place.frame, half, place.length, place.slope, middle, (left, right)))
        if arcs:
            found[place.number] = place.block, arcs
    return found


def _traced(followed: Followed, orbits: list[Orbit], aims: list[tuple[_Place, np.ndarray]]) -> list[list[Trace | None]]:
    """For each place the traces of the directions that are turned from its orbit's, each up to half way into the block."""
    starts = []
    for place, turns in aims:
        plane = place.frame.vectors[:, 1:]
        ahead = plane.T @ orbits[place.number].direction
        angles = np.arctan2(ahead[1], ahead[0]) + turns
        for direction in np.stack([np.cos(angles), np.sin(angles)], axis=1) @ plane.T:
            point = place.frame.center + place.length * direction
            starts.append(Start(place.frame.row, 1, 1.0, direction, point, np.ones(3, dtype=bool), np.zeros(3)))
    traces = iter(Tracer(followed.arena, followed.goals, starts).run())
    return [[_to_the_block(next(traces), place.block) for _ in turns] for place, turns in aims]


def _turns_at(block: Block, turns: np.ndarray, fan: list[Trace | None]) -> np.ndarray | None:
    """The turns at which the fan meets the saddle's surface and passes it at the distances AIMS, on either side."""
    ends = [
        (turn, _side_of(block, trace)) for turn, trace in zip(turns.tolist(), fan, strict=True) if trace is not None
    ]
    parted = [k for k in range(1, len(ends)) if ends[k - 1][1] * ends[k][1] < 0]
    if not parted:
        return None
    nearest = min(parted, key=lambda k: abs(ends[k - 1][0] + ends[k][0]))
    way = 1.0 if ends[nearest][1] > 0 else -1.0
    first, last = nearest - 1, nearest
    while first > 0 and way * ends[first - 1][1] < way * ends[first][1]:
        first -= 1
    while last + 1 < len(ends) and way * ends[last + 1][1] > way * ends[last][1]:
        last += 1
    place, side = np.array(ends[first : last + 1]).T
    return np.interp([0.0, *(sign * aim for aim in AIMS for sign in (-1.0, 1.0))], way * side, place)


def _side_of(block: Block, trace: Trace) -> float:
    """How far beside the middle of the block a trace ends, in half widths of it."""
    return float(block.coordinates(trace.nodes[-1:])[0][0]) / block.across


def _places(followed: Followed, orbits: list[Orbit]) -> list[_Place]:
    """The orbits at whose ends block and disc are proved."""
    blocks: dict[int, Block | None] = {}
    found = []
    for number, orbit in enumerate(orbits):
        source, target = followed.frames.get(orbit.source), followed.frames.get(orbit.target)
        if source is None or target is None:
            continue
        if orbit.target not in blocks:
            blocks[orbit.target] = block_of(followed.arena, target)
        block, length = blocks[orbit.target], followed.offset(orbit.source, RING)
        slope = None if block is None else unstable_disc(followed.arena, source, length)
        if block is not None and slope is not None:
            found.append(_Place(number, block, source, length, slope))
    return found


def _straddles(block: Block, left: Trace, right: Trace) -> bool:
    """Whether two traces end on different sides of the block's middle, neither far from it nor near it."""
    one, other = _side_of(block, left), _side_of(block, right)
    return one * other < 0 and max(abs(one), abs(other)) <= WIDE and min(abs(one), abs(other)) >= LEAST


def _to_the_block(trace: Trace, block: Block) -> Trace | None:
    """The trace up to half way into the block, None where it does not come there through the sides |w| = across."""
    u, w = block.coordinates(trace.nodes)
    inside = np.flatnonzero((w <= DEEP * block.across) & (np.abs(u) < block.across))
    if not inside.size or inside[0] < 2:
        return None
    last = int(inside[0])
    low, high = float(trace.arc[last - 1]), float(trace.arc[last])
    for _ in range(ROUNDS):
        s = np.linspace(low, high, SAMPLES)
        deep = block.coordinates(trace.at(s)[0])[1] <= DEEP * block.across
        deep[-1] = True
        place = max(int(deep.argmax()), 1)
        low, high = float(s[place - 1]), float(s[place])
    x, tangent = trace.at(np.array([high]))
    kept = trace.arc < high
    return dataclasses.replace(
        trace,
        nodes=np.concatenate([trace.nodes[kept], x]),
        tangents=np.concatenate([trace.tangents[kept], tangent]),
        arc=np.append(trace.arc[kept], high),
    )


def _exits(block: Block, tubes: list[ArcTube]) -> tuple[int, int]:
    """The exits, +1 or -1, that are decided at the ends of the two thin tubes, if the wide one ends in the block; else 0."""
    wide, left, right = (tube.last for tube in tubes)
    if wide is None or left is None or right is None or not block.holds(*wide):
        return 0, 0
    return block.side(*left), block.side(*right)


def _turn(arc: Arc, block: Block, exits: tuple[int, int]) -> Turn:
    """How the ends of the arc are parted: the vector from one to the other, and the exit of the latter."""
    left, right = (side.start.direction for side in arc.sides)
    aside = np.zeros(left.size)
    aside[block.frame.free] = block.frame.vectors[:, block.column]
    across = right - left
    return Turn(across / np.linalg.norm(across), exits[1] * aside)


def _written(orbit: Orbit, arc: Arc, end: tuple[Block, tuple[int, int]], tube: ArcTube) -> Orbit:
    """The orbit with the wide tube about it."""
    (block, exits), chords, found = end, tube.chords, tube.found
    assert chords is not None and found is not None
    path = np.concatenate([arc.frame.center[None], chords.nodes, block.frame.center[None]])
    inner = np.maximum(np.append(found.within, 0.0), found.at_nodes)
    radius = np.concatenate([inner[:1], inner, [np.nan]])
    text = (
        f"an arc of {2 * arc.half:.1e} radians about its direction goes in a tube of {len(chords)} chords, radius up to "
        f"{float(inner.max()):.1e}, into a block of size {block.along:.1e} about this saddle, and the ends of the arc leave the "
        "block on different sides: an orbit in between ends in the saddle (8.12); rounded outward"
    )
    return dataclasses.replace(
        orbit,
        direction=arc.middle.start.direction,
        certainty=Certainty.PROVED,
        evidence=text,
        path=path,
        radius=radius,
        turn=_turn(arc, block, exits),
    )
