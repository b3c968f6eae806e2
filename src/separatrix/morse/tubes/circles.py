"""Orbits from points of index 2 to points of index 1 in space: between directions with different ends (§9).

The unstable manifold of a point of index 2 is a surface; its orbits, one a direction, end in sinks or leave the box, but for
finitely many that end in saddles. Two neighbouring directions with different ends enclose one of these: the arc between them
is cut until the orbits on both sides pass one saddle so near its stable manifold that they can be told to end there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.passages import Passage, passages
from separatrix.morse.tubes.tracing import SADDLE, Start, Trace

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

DIRECTIONS, PARTS, ROUNDS = 48, 8, 16
RING = 1e-3
PLACE = 0.2
CLOSE = 1e-4
BESIDE = 0.75
RESOLVED = 1e-15


@dataclass(frozen=True, eq=False)
class Spoke:
    """A direction about a point: its ``angle``, the ``trace`` that was started there."""

    angle: float
    trace: Trace


@dataclass(frozen=True, eq=False)
class Gap:
    """Two neighbouring directions with different ends, or ``alike`` ones that pass a saddle on different sides."""

    row: int
    left: Spoke
    right: Spoke
    alike: bool = False


def circle_orbits(followed: Followed, flow: GradientFlow) -> tuple[list[Orbit], list[str]]:
    """(orbits from index 2 to index 1, what was not decided)."""
    rows = [int(row) for row in np.flatnonzero(followed.points.indices == 2)]
    first = float(followed.rng.random())
    angles = 2.0 * np.pi * (np.arange(DIRECTIONS) + first) / DIRECTIONS
    spokes = _spokes(followed, flow, [(row, float(angle)) for row in rows for angle in angles])
    gaps, orbits = [], []
    for place, row in enumerate(rows):
        ring = spokes[place * DIRECTIONS : (place + 1) * DIRECTIONS]
        around = [*ring, Spoke(ring[0].angle + 2.0 * np.pi, ring[0].trace)]
        gaps += _gaps(followed, row, around)
        orbits += _hits(followed, row, around[:-1])
    for _ in range(ROUNDS):
        closed = [_closed(followed, gap) for gap in gaps]
        orbits += [orbit for orbit in closed if orbit is not None]
        gaps = [gap for gap, orbit in zip(gaps, closed, strict=True) if orbit is None]
        if not gaps:
            break
        gaps, hits = _cut(followed, flow, gaps)
        orbits += hits
    questions = [_question(followed, gap) for gap in gaps if not gap.alike]
    return orbits, [*questions, *(text for row in rows if (text := _blurred(followed, row)))]


def _blurred(followed: Followed, row: int) -> str:
    """Why directions about a point cannot be told apart: beside the slow one the angle shrinks as ring^(rates' ratio - 1)."""
    slow, fast = np.asarray(followed.points.spectra[row])[-2:]
    ring = RING * 4.0
    if slow > 0 and ring ** (fast / slow - 1.0) >= RESOLVED:
        return ""
    return (
        f"{followed.points.ids[row]}: its unstable rates {slow:.2g} and {fast:.2g} differ so much that orbits beside the slow "
        "direction cannot be told apart; some that end in saddles may be missing"
    )


def _spokes(followed: Followed, flow: GradientFlow, where: list[tuple[int, float]]) -> list[Spoke]:
    starts = [_start(followed, row, angle) for row, angle in where]
    return [Spoke(angle, trace) for (_, angle), trace in zip(where, followed.traced(flow, starts), strict=True)]


def _start(followed: Followed, row: int, angle: float) -> Start:
    points, plane = followed.points, followed.basis(row)[:, -2:]
    direction = plane @ np.array([np.cos(angle), np.sin(angle)])
    held = points.active[row]
    point = points.points[row] + followed.offset(row, RING) * direction
    return Start(row, 1, 1.0, direction, point, held == 0, held.astype(np.float64))


def _gaps(followed: Followed, row: int, ring: list[Spoke]) -> list[Gap]:
    pairs = zip(ring[:-1], ring[1:], strict=True)
    found = []
    for left, right in pairs:
        if _differ(followed, left.trace, right.trace):
            found.append(Gap(row, left, right))
        elif _straddle(followed, left.trace, right.trace):
            found.append(Gap(row, left, right, alike=True))
    return found


def _straddle(followed: Followed, one: Trace, other: Trace) -> bool:
    """Whether two orbits pass a point of index 1 near by and on different sides, as where both its branches have one end."""
    if SADDLE in (one.reason, other.reason):
        return False
    return bool((_sides(followed, one) * _sides(followed, other) < 0).any())


def _sides(followed: Followed, trace: Trace) -> np.ndarray:
    """How far beside its stable manifold an orbit passes each point of index 1, 0 where it does not come near, (m,)."""
    rows = np.flatnonzero(followed.points.indices == 1)
    shift = trace.nodes - followed.points.points[rows, None]
    away = np.sqrt((shift * shift).sum(axis=2))
    node, every = away.argmin(axis=1), np.arange(rows.size)
    found = np.zeros(rows.size)
    for k in np.flatnonzero(away[every, node] <= BESIDE * followed.goals[1.0].spacing[rows]):
        found[k] = shift[k, node[k]] @ followed.basis(int(rows[k]))[:, -1]
    return found


def _differ(followed: Followed, one: Trace, other: Trace) -> bool:
    """Whether two ends differ; one that ends in a saddle is an orbit by itself and differs from nothing."""
    if SADDLE in (one.reason, other.reason):
        return False
    if one.target != other.target or one.reason != other.reason:
        return True
    apart = float(np.linalg.norm(one.nodes[-1] - other.nodes[-1]))
    return one.target < 0 and apart > PLACE * followed.arena.width


def _cut(followed: Followed, flow: GradientFlow, gaps: list[Gap]) -> tuple[list[Gap], list[Orbit]]:
    """The gaps cut into parts: those whose ends still differ, and orbits that were met."""
    inner = [
        (gap.row, gap.left.angle + (gap.right.angle - gap.left.angle) * part / PARTS)
        for gap in gaps
        for part in range(1, PARTS)
    ]
    spokes = _spokes(followed, flow, inner)
    kept: list[Gap] = []
    orbits: list[Orbit] = []
    for place, gap in enumerate(gaps):
        middle = spokes[place * (PARTS - 1) : (place + 1) * (PARTS - 1)]
        kept += _gaps(followed, gap.row, [gap.left, *middle, gap.right])
        orbits += _hits(followed, gap.row, middle)
    return kept, orbits


def _hits(followed: Followed, row: int, spokes: list[Spoke]) -> list[Orbit]:
    """Orbits of directions that led straight into a saddle of index 1, as they do in symmetric systems."""
    return [
        _orbit(followed, row, spoke.trace, spoke.trace.target, len(spoke.trace.nodes) - 1)
        for spoke in spokes
        if spoke.trace.reason == SADDLE and followed.points.indices[spoke.trace.target] == 1
    ]


def _closed(followed: Followed, gap: Gap) -> Orbit | None:
    """The orbit that a gap encloses, once both sides pass one saddle of index 1 near its stable manifold."""
    sides = [
        {
            passage.row: passage
            for passage in passages(followed.arena, followed.points, spoke.trace, followed.basis, CLOSE)
        }
        for spoke in (gap.left, gap.right)
    ]
    common = [row for row in sides[0] if row in sides[1] and followed.points.indices[row] == 1]
    if len(common) != 1:
        return None
    nearer: tuple[Passage, Spoke] = min(
        ((side[common[0]], spoke) for side, spoke in zip(sides, (gap.left, gap.right), strict=True)),
        key=lambda pair: pair[0].entry,
    )
    return _orbit(followed, gap.row, nearer[1].trace, common[0], nearer[0].node)


def _orbit(followed: Followed, row: int, trace: Trace, target: int, node: int) -> Orbit:
    points = followed.points
    path = np.concatenate([points.points[row][None], trace.nodes[: node + 1], points.points[target][None]])
    evidence = (
        "directions on both sides of it lead to different ends and pass this saddle; that an orbit ends there is no proof"
        if trace.reason != SADDLE
        else "the integration ended at this saddle"
    )
    return Orbit(row, target, 1, trace.start.direction, row, "saddle", Certainty.VERIFIED, evidence, path)


def _question(followed: Followed, gap: Gap) -> str:
    ids = (*followed.points.ids, "nothing")
    ends = [ids[s.trace.target] if s.trace.target >= 0 else s.trace.reason for s in (gap.left, gap.right)]
    return (
        f"{ids[gap.row]}: between two directions {gap.right.angle - gap.left.angle:.1e} apart the ends differ ({ends[0]}, "
        f"{ends[1]}) and no saddle was told to lie between"
    )
