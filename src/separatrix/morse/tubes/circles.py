"""Orbits from points of index 2 to points of index 1 in space: between directions with different ends (§9).

The unstable manifold of a point of index 2 is a surface; its orbits, one a direction, end in sinks or leave the box, but for
finitely many that end in saddles. Two neighbouring directions with different ends enclose one of these. The two orbits are
followed to where they part, the gap between them is cut there, and so on, until on both sides one saddle is passed so near its
stable manifold that they can be told to enclose an orbit that ends in it.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.approaches import Approach
from separatrix.morse.tubes.forks import fork_of, runs_along
from separatrix.morse.tubes.passages import Passage, passages
from separatrix.morse.tubes.traces import Start, Trace
from separatrix.morse.tubes.tracing import SADDLE

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

DIRECTIONS, SCALES = 48, 4
ROUNDS, ALIKE_ROUNDS = 24, 5
TOLERANCE = 1e-7
RING, FACET_RING, WIDE = 1e-3, 0.025, 0.025
APART, TWINS = 1e-3, 5.0  # of the width, up to which orbits run side by side; by how much more twins may lie apart
PLACE = 0.2
CLOSE, ASTRAY = 1e-4, 10.0
RESOLVED = 1e-15
TOGETHER, FEWEST, MOST = 240, 8, 64  # orbits followed in one round, and parts of a gap
ASIDE = np.array(
    [-0.03, -1e-3, -3e-5, 3e-5, 1e-3, 0.03]
)  # of the gap, about the place where it is thought to pass the saddle


@dataclass(frozen=True, eq=False)
class Spoke:
    """A direction about a point: its ``angle``, the ``trace`` that was started there, and how that passes other points."""

    angle: float
    trace: Trace
    passing: Approach

    @classmethod
    def of(cls, followed: Followed, angle: float, trace: Trace) -> Spoke:
        """The direction of a trace."""
        return cls(angle, trace, Approach.of(followed, trace))


@dataclass(frozen=True, eq=False)
class Gap:
    """Two neighbouring directions with different ends, or ``alike`` ones that pass a saddle on different sides."""

    row: int
    left: Spoke
    right: Spoke
    alike: bool = False

    def angle(self, share: float) -> float:
        """The angle at a ``share`` of the way from left to right."""
        return self.left.angle + float(share) * (self.right.angle - self.left.angle)


def circle_orbits(followed: Followed, flow: GradientFlow) -> tuple[list[Orbit], list[str]]:
    """(orbits from index 2 to index 1, what was not decided)."""
    rows = [int(row) for row in np.flatnonzero(followed.points.indices == 2)]
    gaps, orbits = [], []
    for row, ring in zip(rows, _first_spokes(followed, flow, rows), strict=True):
        gaps += _gaps(followed, row, [*ring, dataclasses.replace(ring[0], angle=ring[0].angle + 2.0 * np.pi)])
        orbits += _hits(followed, row, ring)
    for turn in range(ROUNDS):
        gaps = [gap for gap in gaps if turn < ALIKE_ROUNDS or not gap.alike]
        closed = [_closed(followed, gap) for gap in gaps]
        orbits += [orbit for orbit in closed if orbit is not None]
        gaps = [gap for gap, orbit in zip(gaps, closed, strict=True) if orbit is None]
        if not gaps:
            break
        gaps, hits = _cut(followed, flow, gaps)
        orbits += hits
    questions = [_question(followed, gap) for gap in gaps if not gap.alike]
    questions += [text for row in rows if (text := _blurred(followed, row))]
    return _distinct(orbits, TWINS * APART * followed.arena.width), questions


def _ring(followed: Followed, row: int) -> float:
    """The size of the circle of first places; on a side of the box a wide one, for there it lies in the unstable surface."""
    return RING if (followed.points.active[row] == 0).all() else FACET_RING


def _narrowing(followed: Followed, row: int) -> float:
    """What the angle from the slow direction shrinks by from a circle of size WIDE inwards: ring^(ratio of the rates - 1)."""
    slow, fast = np.asarray(followed.points.spectra[row])[-2:]
    return float((_ring(followed, row) / WIDE) ** (fast / slow - 1.0)) if slow > 0 else 0.0


def _blurred(followed: Followed, row: int) -> str:
    """Why directions about a point cannot be told apart."""
    if _narrowing(followed, row) >= RESOLVED:
        return ""
    slow, fast = np.asarray(followed.points.spectra[row])[-2:]
    return (
        f"{followed.points.ids[row]}: its unstable rates {slow:.2g} and {fast:.2g} differ so much that orbits beside the slow "
        "direction cannot be told apart; some that end in saddles may be missing"
    )


def _first_spokes(followed: Followed, flow: GradientFlow, rows: list[int]) -> list[list[Spoke]]:
    """DIRECTIONS about each of the points ``rows``, by rising angle."""
    starts, angles = [], []
    for row in rows:
        own, held = _first_angles(followed, row), followed.points.active[row]
        for angle in own:
            direction = _direction(followed, row, angle)
            point = followed.points.points[row] + followed.offset(row, _ring(followed, row)) * direction
            starts.append(Start(row, 1, 1.0, direction, point, held == 0, held.astype(np.float64)))
        angles += own.tolist()
    traces = followed.traced(flow, starts, TOLERANCE)
    spokes = [Spoke.of(followed, angle, trace) for angle, trace in zip(angles, traces, strict=True)]
    return [spokes[k : k + DIRECTIONS] for k in range(0, len(spokes), DIRECTIONS)]


def _first_angles(followed: Followed, row: int) -> np.ndarray:
    """Angles from the slow direction, as they are where orbits that are even on wider circles leave the circle of first places.

    On the widest one the linear flow alone need not tell where orbits are, so that circles of all sizes between share them.
    """
    even = 2.0 * np.pi * (np.arange(DIRECTIONS) + float(followed.rng.random())) / DIRECTIONS
    share = (np.arange(DIRECTIONS) % SCALES) / (SCALES - 1)
    narrowing = max(_narrowing(followed, row), RESOLVED) ** share
    return np.sort(np.arctan2(np.sin(even) * narrowing, np.cos(even)) % (2.0 * np.pi))


def _direction(followed: Followed, row: int, angle: float) -> np.ndarray:
    return followed.basis(row)[:, -2:] @ np.array([np.cos(angle), np.sin(angle)])


def _gaps(followed: Followed, row: int, ring: list[Spoke]) -> list[Gap]:
    pairs = zip(ring[:-1], ring[1:], strict=True)
    found = []
    for left, right in pairs:
        if _differ(followed, left.trace, right.trace):
            found.append(Gap(row, left, right))
        elif _straddle(left, right):
            found.append(Gap(row, left, right, alike=True))
    return found


def _straddle(one: Spoke, other: Spoke) -> bool:
    """Whether two orbits pass a point of index 1 near by and on different sides, as where both its branches have one end."""
    if SADDLE in (one.trace.reason, other.trace.reason):
        return False
    return bool(one.passing.parted(other.passing).any())


def _shares(gaps: list[Gap]) -> list[np.ndarray]:
    """Where gaps are cut, as shares of each: evenly, and about the place between orbits that pass one saddle on either side."""
    count = int(np.clip(TOGETHER // len(gaps), FEWEST, MOST))
    evenly, found = np.arange(1, count) / count, []
    for gap in gaps:
        left, right = gap.left.passing, gap.right.passing
        parted = np.flatnonzero(left.parted(right))
        if parted.size == 1:
            one, other = float(left.side[parted[0]]), float(right.side[parted[0]])
            near = one / (one - other) + ASIDE
            found.append(np.union1d(evenly[1::2], near[(near > 0) & (near < 1)]))
        else:
            found.append(evenly)
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
    """The gaps cut into parts where their orbits part: those whose ends still differ, and orbits that were met."""
    forks = [
        fork_of(followed.arena.potential, gap.left.trace, gap.right.trace, APART * followed.arena.width) for gap in gaps
    ]
    starts, shares = [], _shares(gaps)
    for gap, fork, own in zip(gaps, forks, shares, strict=True):
        starts += [
            fork.start(gap.left.trace, float(share), _direction(followed, gap.row, gap.angle(share))) for share in own
        ]
    traces = iter(followed.traced(flow, starts, TOLERANCE))
    kept: list[Gap] = []
    orbits: list[Orbit] = []
    for gap, fork, own in zip(gaps, forks, shares, strict=True):
        middle = [Spoke.of(followed, gap.angle(share), fork.rejoined(gap.left.trace, next(traces))) for share in own]
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
        return _followed_along(followed, gap)
    nearer: tuple[Passage, Spoke] = min(
        ((side[common[0]], spoke) for side, spoke in zip(sides, (gap.left, gap.right), strict=True)),
        key=lambda pair: pair[0].entry,
    )
    return _orbit(followed, gap.row, nearer[1].trace, common[0], nearer[0].node)


def _followed_along(followed: Followed, gap: Gap) -> Orbit | None:
    """The orbit that a gap encloses, once both sides follow the stable manifold of one saddle until they turn off."""
    left, right = gap.left.passing, gap.right.passing
    close = np.flatnonzero(left.close(right, CLOSE * followed.arena.width))
    if close.size != 1:
        return None
    k = int(close[0])
    nearer = min((gap.left, gap.right), key=lambda spoke: abs(spoke.passing.side[k]))
    return _orbit(followed, gap.row, nearer.trace, int(left.rows[k]), int(nearer.passing.node[k]))


def _orbit(followed: Followed, row: int, trace: Trace, target: int, node: int) -> Orbit:
    points = followed.points
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
    return Orbit(row, target, 1, trace.start.direction, row, "saddle", Certainty.VERIFIED, evidence, path)


def _distinct(orbits: list[Orbit], apart: float) -> list[Orbit]:
    """Each orbit once: those with the same ends that run within ``apart`` of each other were met in neighbouring gaps."""
    found: list[Orbit] = []
    for orbit in orbits:
        twins = (other for other in found if (other.source, other.target) == (orbit.source, orbit.target))
        if not any(runs_along(orbit.path, other.path, apart) for other in twins):
            found.append(orbit)
    return found


def _question(followed: Followed, gap: Gap) -> str:
    ids = (*followed.points.ids, "nothing")
    ends = [ids[s.trace.target] if s.trace.target >= 0 else s.trace.reason for s in (gap.left, gap.right)]
    return (
        f"{ids[gap.row]}: between two directions {gap.right.angle - gap.left.angle:.1e} apart the ends differ ({ends[0]}, "
        f"{ends[1]}) and no saddle was told to lie between"
    )
