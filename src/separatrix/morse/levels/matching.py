"""Both sides of the level sets matched with critical points, and the tree of components (§10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.homology.persistence_diagram import PersistenceDiagram
from separatrix.morse.levels.bands import Bands
from separatrix.morse.levels.component_tree import ComponentTree
from separatrix.morse.levels.components import Joins
from separatrix.morse.levels.diagrams import MOST_VERTICES, SPACE
from separatrix.morse.levels.events import Side, lasting, matched_events, raw_events, short_lived, tunnels
from separatrix.morse.levels.grid import Grid
from separatrix.morse.levels.level_record import LevelEvent

Array = np.ndarray
SHOWN = 6


@dataclass(frozen=True, eq=False)
class Lists:
    """The critical points of f and of -f, None where they are not asked for."""

    points: CriticalPoints | None
    negative: CriticalPoints | None


@dataclass(frozen=True, eq=False)
class Matched:
    """Events of both sides from the highest value down, ids of points without an event, and what is missing, in words."""

    events: tuple[LevelEvent, ...]
    unmatched: tuple[str, ...]
    missing: tuple[str, ...]


def matched_sides(
    diagrams: tuple[PersistenceDiagram, PersistenceDiagram], grid: Grid, lists: Lists, bands: Bands
) -> Matched:
    """Events of the classes that f is proved to have, with their points, and those of points that the grid does not tell."""
    events: list[LevelEvent] = []
    unmatched: list[str] = []
    missing: list[str] = []
    for name, diagram, points in zip((">=", "<="), diagrams, (lists.points, lists.negative), strict=True):
        side = Side(name, grid.dim, points, grid.spacing())
        raw = raw_events(diagram, bands)
        found, left = matched_events(raw, grid.points(raw.vertices), side)
        if points is not None:
            if grid.dim == SPACE and np.prod(grid.counts) > MOST_VERTICES:
                more, left = tunnels(side, left)
                found += more
            more, left = short_lived(side, left)
            found += more
            missing += _missing(found, left, side)
            unmatched += [side.id(row) for row in left]
        events += found
    events.sort(key=lambda event: (-event.value, event.side, event.index))
    return Matched(tuple(events), tuple(unmatched), tuple(missing))


def _missing(events: list[LevelEvent], left: list[int], side: Side) -> list[str]:
    """What is not matched, in sentences."""
    found: list[str] = []
    assert side.points is not None
    lost = [event for event in events if not event.matched]
    if lost:
        shown = ", ".join(f"{event.what} at {event.value:.6g}" for event in lost[:SHOWN])
        found.append(f"{len(lost)} events of {{f {side.name} c}} match no critical point: {shown}")
    if left:
        shown = ", ".join(side.id(row) for row in left[:SHOWN])
        found.append(f"{len(left)} critical points match no event of {{f {side.name} c}}: {shown}")
    if not side.points.is_complete:
        found.append(f"the list of critical points for {{f {side.name} c}} is not proved complete")
    return found


def tree_of(joins: Joins, flat: Array, grid: Grid, events: tuple[LevelEvent, ...], bands: Bands) -> ComponentTree:
    """The components of {f >= c} that f is proved to have, and their joins from the highest down."""
    lasts = _with_elders(joins, lasting(flat[joins.younger], flat[joins.where], bands)[0])
    younger, where, older = (part[lasts] for part in (joins.younger, joins.where, joins.older))
    leaves = np.concatenate([[joins.first], younger]).astype(np.int64)
    leaves = leaves[np.argsort(-flat[leaves], kind="stable")]
    row = {int(vertex): k for k, vertex in enumerate(leaves)}
    order = np.argsort(-flat[where], kind="stable")
    pairs = [(row[int(younger[k])], row[int(older[k])]) for k in order]
    return ComponentTree(
        points=grid.points(leaves), heights=flat[leaves], ids=_ids(grid.points(leaves), events, appears=True),
        joins=np.array(pairs, dtype=np.int64).reshape(-1, 2), join_heights=flat[where[order]],
        join_points=grid.points(where[order]), join_ids=_ids(grid.points(where[order]), events, appears=False),
        tolerance=float(bands.rows[:, 2].max(initial=0.0)), domain=grid.box, certainty=Certainty.PROVED,
    )  # fmt: skip


def _with_elders(joins: Joins, lasts: Array) -> Array:
    """``lasts`` with the joins of the elders of lasting components: they began higher and end lower."""
    own = {int(younger): k for k, younger in enumerate(joins.younger)}
    waiting = np.flatnonzero(lasts).tolist()
    for k in waiting:
        elder = own.get(int(joins.older[k]))
        if elder is not None and not lasts[elder]:
            lasts[elder] = True
            waiting.append(elder)
    return lasts


def _ids(places: Array, events: tuple[LevelEvent, ...], appears: bool) -> tuple[str, ...]:
    """The ids of the events of components at those places."""
    known: dict[tuple[Any, ...], str] = {
        event.point: event.matched
        for event in events
        if event.side == ">=" and event.degree == 0 and event.appears is appears
    }
    return tuple(known.get(tuple(place), "") for place in places.tolist())
