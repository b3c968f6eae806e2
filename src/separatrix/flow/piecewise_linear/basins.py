"""Basins of piecewise linear flows: every sample flows to rest, and its end is compared with the known sinks (§3, §5)."""

from __future__ import annotations

import dataclasses
import time

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.basins import Basins
from separatrix.flow.critical_points import CriticalPoints, joined
from separatrix.flow.pieces import Progress
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.rest import to_rest
from separatrix.flow.piecewise_linear.sinks import RidgeSearch
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import ignored_coordinates
from separatrix.records import Provenance

NEXT_TO = 1e-5
AT_REST = "sink"
ARRIVED = "arrived at the sink: at rest on its creases and faces, next to it"


def find_basins(
    arena: Arena,
    samples: np.ndarray,
    sinks: CriticalPoints,
    *,
    level: float = 0.95,
    full: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> Basins:
    """The basins of ``sinks`` and of those that rows meet on the way, which are judged and added at the end of the list.

    Every row is followed to rest (``full`` changes nothing). A row belongs to a sink if its end has the sink's creases and
    faces and is next to it; an end that fits no sink is polished and judged as one. What is neither stays unresolved, with
    its reason. Events are located in floating point, so labels are verified, not proved.
    """
    begun = time.perf_counter()
    ends = to_rest(arena, samples, workers=workers, progress=progress)
    label = known_sinks(arena, ends, sinks)
    reason = [ARRIVED if row >= 0 else why for row, why in zip(label, ends.reason, strict=True)]
    lost = np.flatnonzero((label < 0) & np.array([why == AT_REST for why in ends.reason], dtype=bool))
    if lost.size:
        search = RidgeSearch(arena)
        search.add_ends(rows_of(ends, lost), workers, progress)
        found = search.record()
        sinks = joined(sinks, found)
        place = nearest_rows(found.points, sinks.points)
        label[lost] = np.where(found.label >= 0, np.append(place, -1)[found.label], -1)
        for row, why in zip(lost, found.reasons, strict=True):
            reason[row] = ARRIVED if label[row] >= 0 else why
    return Basins(
        sinks=sinks,
        label=label,
        reason=tuple(reason),
        steps=ends.n_events,
        level=level,
        domain=arena.domain,
        certainty=Certainty.VERIFIED,
        provenance=Provenance(
            "event-driven flow to rest, least-norm velocity on creases and faces",
            {"next to a sink": NEXT_TO},
            seconds=time.perf_counter() - begun,
        ),
    )


def known_sinks(arena: Arena, ends: Ends, sinks: CriticalPoints) -> np.ndarray:
    """Row of the sink of ``sinks`` on whose creases and faces each end rests, next to it; -1 where there is none, (n,)."""
    seen = ~ignored_coordinates(arena.potential)
    faces = arena.bounds.faces(ends.points)[:, seen]
    places: dict[bytes, list[int]] = {}
    for row, neurons in enumerate(sinks.creases):
        places.setdefault(_stratum(neurons, sinks.active[row, seen]), []).append(row)
    label = np.full(ends.points.shape[0], -1)
    for end in range(label.shape[0]):
        if ends.reason[end] != AT_REST:
            continue
        for row in places.get(_stratum(ends.creases[end], faces[end]), []):
            gap = np.abs(sinks.points[row] - ends.points[end])[seen].max(initial=0.0)
            if gap <= NEXT_TO * arena.width + np.nan_to_num(sinks.error[row]):
                label[end] = row
    return label


def _stratum(neurons: np.ndarray, faces: np.ndarray) -> bytes:
    return np.asarray(neurons, dtype=np.int64).tobytes() + b"|" + faces.astype(np.int8).tobytes()


def rows_of(ends: Ends, rows: np.ndarray) -> Ends:
    """Some of the ends."""
    return dataclasses.replace(
        ends,
        points=ends.points[rows],
        creases=tuple(ends.creases[row] for row in rows),
        reason=tuple(ends.reason[row] for row in rows),
        time=ends.time[rows],
        n_events=ends.n_events[rows],
    )


def nearest_rows(points: np.ndarray, others: np.ndarray) -> np.ndarray:
    """For each of ``points`` the row of the nearest of ``others``, (n,)."""
    return np.array([int(np.abs(others - point).max(axis=1).argmin()) for point in points], dtype=np.int64)
