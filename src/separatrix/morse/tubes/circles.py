"""Orbits from points of index 2 to points of index 1 in space: between directions with different ends (§9).

The unstable manifold of a point of index 2 is a surface; its orbits, one a direction, end in sinks or leave the box, but for
finitely many that end in saddles. Two neighbouring directions with different ends enclose one of these. The two orbits are
followed to where they part, the gap between them is cut there, and so on, until on both sides one saddle is passed so near its
stable manifold that they can be told to enclose an orbit that ends in it.

Where the unstable rates differ much, all directions but those beside the slow one lead off along the fast one. Neighbours that
turn off from the slow one on both sides are cut as if they had different ends, until all that lies between them is seen.
"""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from separatrix.flow.gradient_flow import GradientFlow
from separatrix.morse.connection_record import Orbit
from separatrix.morse.tubes.closings import Ends, closed, hits
from separatrix.morse.tubes.forks import fork_of, runs_along
from separatrix.morse.tubes.spokes import TOLERANCE, Gap, Spoke, direction_at, first_spokes
from separatrix.morse.tubes.traces import Trace
from separatrix.morse.tubes.tracing import SADDLE

if TYPE_CHECKING:
    from separatrix.morse.tubes.followed import Followed

ROUNDS, ALIKE_ROUNDS = 100, 5
APART, TWINS = 1e-3, 5.0  # of the width, up to which orbits run side by side; by how much more twins may lie apart
PLACE = 0.2
STEEP = 0.5  # the fast part over the slow one at which directions count as turned off from the slow one
TOGETHER, FEWEST, MOST = 240, 8, 64  # orbits followed in one round, and parts of a gap
ASIDE = np.array(
    [-0.03, -1e-3, -3e-5, 3e-5, 1e-3, 0.03]
)  # of the gap, about the place where it is thought to pass the saddle


def circle_orbits(followed: Followed, flow: GradientFlow, ends: Ends) -> tuple[list[Orbit], list[str]]:
    """(orbits from index 2 to index 1, what was not decided); ``ends``: of the branches of points of index 1, as far as known."""
    rows = [int(row) for row in np.flatnonzero(followed.points.indices == 2)]
    gaps, orbits = [], []
    for row, ring in zip(rows, first_spokes(followed, flow, rows), strict=True):
        around = _closed_up(ring)
        gaps += _gaps(followed, row, around)
        orbits += hits(followed, around, ends)
    for turn in range(ROUNDS):
        gaps = [gap for gap in gaps if turn < ALIKE_ROUNDS or not gap.alike]
        found = [closed(followed, gap, ends) for gap in gaps]
        orbits += [orbit for orbit in found if orbit is not None]
        gaps = [gap for gap, orbit in zip(gaps, found, strict=True) if orbit is None]
        if not gaps:
            break
        gaps, more = _cut(followed, flow, gaps, ends)
        orbits += more
    questions = [_question(followed, gap) for gap in gaps if not gap.alike]
    return _distinct(orbits, TWINS * APART * followed.arena.width), questions


def _closed_up(ring: list[Spoke]) -> list[Spoke]:
    """A ring, begun at a direction that leads into no saddle if there is one, with its first direction again at the end."""
    first = next((k for k, spoke in enumerate(ring) if spoke.trace.reason != SADDLE), 0)
    return [
        *ring[first:],
        *(dataclasses.replace(spoke, angle=spoke.angle + 2.0 * np.pi) for spoke in ring[: first + 1]),
    ]


def _gaps(followed: Followed, row: int, ring: list[Spoke]) -> list[Gap]:
    pairs = zip(ring[:-1], ring[1:], strict=True)
    found = []
    for left, right in pairs:
        if _differ(followed, left.trace, right.trace):
            found.append(Gap(row, left, right))
        elif _straddle(left, right):
            found.append(Gap(row, left, right, alike=True))
        elif _turn_off(left, right):
            found.append(Gap(row, left, right, wide=True))
    return found


def _straddle(one: Spoke, other: Spoke) -> bool:
    """Whether two orbits pass a point of index 1 near by and on different sides, as where both its branches have one end."""
    if SADDLE in (one.trace.reason, other.trace.reason):
        return False
    return bool(one.passing.parted(other.passing).any())


def _turn_off(one: Spoke, other: Spoke) -> bool:
    """Whether two orbits turn off from one slow direction of their point, to both sides of it."""
    if SADDLE in (one.trace.reason, other.trace.reason):
        return False
    slow, fast = one.lean * other.lean
    return slow > 0 > fast and all(abs(spoke.lean[1]) > STEEP * abs(spoke.lean[0]) for spoke in (one, other))


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


def _cut(followed: Followed, flow: GradientFlow, gaps: list[Gap], ends: Ends) -> tuple[list[Gap], list[Orbit]]:
    """The gaps cut into parts where their orbits part: those whose ends still differ, and orbits that were met."""
    forks = [
        fork_of(followed.arena.potential, gap.left.trace, gap.right.trace, APART * followed.arena.width) for gap in gaps
    ]
    starts, shares = [], _shares(gaps)
    for gap, fork, own in zip(gaps, forks, shares, strict=True):
        starts += [
            fork.start(gap.left.trace, float(share), direction_at(followed, gap.row, gap.angle(share))) for share in own
        ]
    traces = iter(followed.traced(flow, starts, TOLERANCE))
    kept: list[Gap] = []
    orbits: list[Orbit] = []
    for gap, fork, own in zip(gaps, forks, shares, strict=True):
        middle = [Spoke.of(followed, gap.angle(share), fork.rejoined(gap.left.trace, next(traces))) for share in own]
        ring = [gap.left, *middle, gap.right]
        kept += _gaps(followed, gap.row, ring)
        orbits += hits(followed, ring, ends)
    return kept, orbits


def _distinct(orbits: list[Orbit], apart: float) -> list[Orbit]:
    """Each orbit once: those with the same ends that run within ``apart`` of each other were met in neighbouring gaps, unless
    they are parted to different sides."""
    found: list[Orbit] = []
    for orbit in sorted(orbits, key=lambda orbit: orbit.turn is None):
        twins = (other for other in found if (other.source, other.target) == (orbit.source, orbit.target))
        if not any(runs_along(orbit.path, other.path, apart) and not orbit.is_against(other) for other in twins):
            found.append(orbit)
    return found


def _question(followed: Followed, gap: Gap) -> str:
    ids = (*followed.points.ids, "nothing")
    if gap.wide:
        return (
            f"{ids[gap.row]}: orbits beside its slow direction could not be told apart; some to saddles may be missing"
        )
    ends = [ids[s.trace.target] if s.trace.target >= 0 else s.trace.reason for s in (gap.left, gap.right)]
    return (
        f"{ids[gap.row]}: between two directions {gap.right.angle - gap.left.angle:.1e} apart the ends differ ({ends[0]}, "
        f"{ends[1]}) and no saddle was told to lie between"
    )
