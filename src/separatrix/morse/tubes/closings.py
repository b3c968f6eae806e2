"""Orbits from a point of index 2 that end in a saddle of index 1: the one that a gap encloses, and how it is parted there (§9).

Of two neighbouring orbits one turns off along one branch of the saddle, one along the other. This gives the orbit between them
its sign, whatever sides of the box they met on their way, (9.16).
"""

from __future__ import annotations

import dataclasses
import itertools
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.morse.connection_record import Orbit, Turn
from separatrix.morse.tubes.passages import Passage, passages
from separatrix.morse.tubes.spokes import Gap, Spoke, direction_at
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import SADDLE

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

CLOSE, ASTRAY = 1e-4, 10.0
Ends = dict[tuple[int, int], int]


def ends_of(orbits: list[Orbit]) -> Ends:
    """Where the branches of saddles end: rows by saddle and side, of unstable branches with a known end."""
    known = (Certainty.PROVED, Certainty.VERIFIED)
    return {(o.saddle, o.side): o.target for o in orbits if o.source == o.saddle and o.certainty in known}


def closed(followed: Followed, gap: Gap, ends: Ends) -> Orbit | None:
    """The orbit that a gap encloses, once both sides pass one saddle of index 1 near its stable manifold and turn off along
    its two branches, to where these end."""
    sides = [
        {
            passage.row: passage
            for passage in passages(followed.arena, followed.points, spoke.trace, followed.basis, CLOSE)
        }
        for spoke in (gap.left, gap.right)
    ]
    common = [row for row in sides[0] if row in sides[1] and followed.points.indices[row] == 1]
    if len(common) != 1:
        return _followed_along(followed, gap, ends)
    turn = _turn(followed, gap.left, gap.right, common[0], ends)
    nearer: tuple[Passage, Spoke] = min(
        ((side[common[0]], spoke) for side, spoke in zip(sides, (gap.left, gap.right), strict=True)),
        key=lambda pair: pair[0].entry,
    )
    return None if turn is None else _orbit(followed, nearer[1].trace, (common[0], nearer[0].node), turn)


def _followed_along(followed: Followed, gap: Gap, ends: Ends) -> Orbit | None:
    """The orbit that a gap encloses, once both sides follow the stable manifold of one saddle until they turn off."""
    left, right = gap.left.passing, gap.right.passing
    close = np.flatnonzero(left.close(right, CLOSE * followed.arena.width))
    if close.size != 1:
        return None
    k = int(close[0])
    turn = _turn(followed, gap.left, gap.right, int(left.rows[k]), ends)
    nearer = min((gap.left, gap.right), key=lambda spoke: abs(spoke.passing.side[k]))
    end = int(left.rows[k]), int(nearer.passing.node[k])
    return None if turn is None else _orbit(followed, nearer.trace, end, turn)


def hits(followed: Followed, spokes: list[Spoke], ends: Ends) -> list[Orbit]:
    """Orbits of directions that led straight into a saddle of index 1, as they do in symmetric systems and where a saddle on an
    edge is met within rounding; several neighbours of the ``spokes`` that do so are one orbit."""
    found, runs = [], itertools.groupby(range(len(spokes)), key=lambda k: _target_of(spokes[k]))
    for target, places in runs:
        run = list(places)
        if target < 0 or followed.points.indices[target] != 1:
            continue
        turn = None
        if run[0] > 0 and run[-1] + 1 < len(spokes):
            turn = _turn(followed, spokes[run[0] - 1], spokes[run[-1] + 1], target, ends)
        trace = spokes[run[len(run) // 2]].trace
        found.append(_orbit(followed, trace, (target, len(trace.nodes) - 1), turn))
    return found


def _target_of(spoke: Spoke) -> int:
    """The saddle into which a spoke led, -1 where it did not."""
    return spoke.trace.target if spoke.trace.reason == SADDLE else -1


def _turn(followed: Followed, left: Spoke, right: Spoke, row: int, ends: Ends) -> Turn | None:
    """How orbits between two directions are parted by the saddle ``row``; None where they do not turn off to both sides of it,
    or do not end where its branches do."""
    k = int(np.flatnonzero(left.passing.rows == row)[0])
    turns = [int(spoke.passing.turn[k]) for spoke in (left, right)]
    if turns[0] * turns[1] >= 0:
        return None
    for turned, spoke in zip(turns, (left, right), strict=True):
        if ends.get((row, turned), spoke.trace.target) != spoke.trace.target:
            return None
    middle = 0.5 * (left.angle + right.angle)
    beside = direction_at(followed, left.trace.start.row, middle + 0.5 * np.pi)
    return Turn(beside, turns[1] * followed.basis(row)[:, -1])


def _orbit(followed: Followed, trace: Trace, end: tuple[int, int], turn: Turn | None) -> Orbit:
    points, (target, node), row = followed.points, end, trace.start.row
    away = np.linalg.norm(trace.nodes[: node + 1] - points.points[target], axis=1)
    before = trace.nodes[: node + 1][
        away > ASTRAY * away[node]
    ]  # beside the saddle the orbit is already off to one side
    path = np.concatenate([points.points[row][None], before, points.points[target][None]])
    evidence = (
        "orbits on both sides of it pass this saddle and part there, each followed on from between two neighbours that were less "
        "than 0.1 % of the width apart; that an orbit ends there is no proof"
        if trace.reason != SADDLE
        else "the integration ended at this saddle"
    )
    found = Orbit(row, target, 1, trace.start.direction, row, "saddle", Certainty.VERIFIED, evidence, path)
    return dataclasses.replace(found, turn=turn)
