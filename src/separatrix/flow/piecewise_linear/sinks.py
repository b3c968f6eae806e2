"""The search for sinks of piecewise linear networks: flow to rest, Newton on the stratum, proof, and who led where (§5)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.infinity.escapes import Escapes
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.piecewise_linear.crease_groups import CreaseGroups
from separatrix.flow.piecewise_linear.creases import Ends
from separatrix.flow.piecewise_linear.judgement import Judgement, judge_piece
from separatrix.flow.piecewise_linear.stratum import Frame, snapped
from separatrix.flow.projection import Arena
from separatrix.flow.sensitivity import faint_coordinates, ignored_coordinates
from separatrix.potentials.head import NetworkPotential
from separatrix.records import Provenance

SAME_END = 1e-6
SAME_SINK = 1e-7
PIECE = 4
AT_REST = "sink"
AWAY = ("at infinity", "ran off towards infinity")


@dataclass(frozen=True, eq=False)
class _Seen:
    """Ends that were judged together: their creases and faces, one of their points, and the sink (-1: none)."""

    key: bytes
    point: np.ndarray
    label: int
    reason: str


class RidgeSearch:
    """A search that grows: :meth:`add` flows more starts to rest, :meth:`record` gives what is known so far.

    Ends with the same creases and faces at one place are judged once. A sink that is proved is isolated; two judgements are
    one sink where their creases and faces agree and their points lie within the sum of their errors.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena, self.potential = arena, arena.potential
        self.frame = frame_of(arena)
        self.escapes = Escapes(arena)
        self.sinks: list[Judgement] = []
        self.label: list[int] = []
        self.reasons: list[str] = []
        self.seconds = 0.0
        self._seen: dict[bytes, list[_Seen]] = {}

    def add(self, starts: np.ndarray, workers: int | None = None, progress: Progress | None = None) -> int:
        """Flow from ``starts`` (n, dim) to rest; the number of sinks that are new."""
        from separatrix.flow.piecewise_linear.rest import to_rest

        begun = time.perf_counter()
        ends = to_rest(self.arena, starts, workers=workers, progress=progress)
        self.seconds += time.perf_counter() - begun
        count = self.add_ends(ends, workers, progress)
        first = len(self.reasons) - len(ends.reason)
        for row, reason in enumerate(ends.reason):
            if reason.startswith(AWAY):
                self.reasons[first + row] = self.escapes.add(starts[row], ends.points[row]) or reason
        return count

    def add_ends(self, ends: Ends, workers: int | None = None, progress: Progress | None = None) -> int:
        """Judge ``ends`` of the flow; the number of sinks that are new."""
        begun, known = time.perf_counter(), len(self.sinks)
        keys = [self._key(point, neurons) for point, neurons in zip(ends.points, ends.creases, strict=True)]
        resting = [reason == AT_REST for reason in ends.reason]
        fresh: list[int] = []
        places: dict[bytes, list[np.ndarray]] = {}
        for row, key in enumerate(keys):
            if resting[row] and self._find(key, ends.points[row]) is None:
                near = places.setdefault(key, [])
                if not any(_close(point, ends.points[row]) for point in near):
                    near.append(ends.points[row])
                    fresh.append(row)
        for row, found in zip(fresh, self._judged(ends, fresh, workers, progress), strict=True):
            self._remember(keys[row], ends.points[row], found)
        for row, key in enumerate(keys):
            seen = self._find(key, ends.points[row]) if resting[row] else None
            self.label.append(-1 if seen is None else seen.label)
            self.reasons.append(ends.reason[row] if seen is None else seen.reason)
        self.seconds += time.perf_counter() - begun
        return len(self.sinks) - known

    def _judged(self, ends: Ends, fresh: list[int], workers: int | None, progress: Progress | None) -> list[Judgement]:
        parts = slices(len(fresh), PIECE)
        pieces = [
            (self.arena, self.frame, ends.points[fresh[part]], [ends.creases[row] for row in fresh[part]])
            for part in parts
        ]
        sizes = [part.stop - part.start for part in parts]
        stage = f"proofs of sinks of the {self.potential.name}"
        if not pieces:
            return []
        return [found for piece in run_pieces(judge_piece, pieces, sizes, workers, stage, progress) for found in piece]

    def _key(self, point: np.ndarray, neurons: np.ndarray) -> bytes:
        bounds = self.frame.bounds
        faces = np.where(self.frame.ignored, 0, bounds.faces(snapped(bounds, point))).astype(np.int8)
        return self.frame.groups.leaders_of(neurons).tobytes() + b"|" + faces.tobytes()

    def _find(self, key: bytes, point: np.ndarray) -> _Seen | None:
        return next((seen for seen in self._seen.get(key, []) if _close(seen.point, point)), None)

    def _remember(self, key: bytes, point: np.ndarray, found: Judgement) -> None:
        label, reason = -1, found.reason
        if found.is_sink:
            label = next((row for row, sink in enumerate(self.sinks) if _same(sink, found)), len(self.sinks))
            reason = AT_REST
            if label == len(self.sinks):
                self.sinks.append(found)
        self._seen.setdefault(key, []).append(_Seen(key, point, label, reason))

    def record(self) -> CriticalPoints:
        """The sinks so far, highest value first."""
        groups, dim = self.frame.groups, self.potential.dim
        points = np.array([s.point for s in self.sinks]).reshape(len(self.sinks), dim)
        values = self.potential.value(points) if self.sinks else np.zeros(0)
        order = np.argsort(-values, kind="stable")
        rank = np.full(len(order) + 1, -1)
        rank[order] = np.arange(len(order))
        chosen = [self.sinks[i] for i in order]
        return CriticalPoints(
            points=points[order],
            values=values[order],
            indices=np.zeros(len(chosen), dtype=np.int64),
            certainty=tuple(s.verdict for s in chosen),
            evidence=tuple(s.reason for s in chosen),
            spectra=tuple(s.spectrum for s in chosen),
            active=np.array([s.faces for s in chosen], dtype=np.int8).reshape(len(chosen), dim),
            multipliers=np.array([s.multipliers for s in chosen]).reshape(len(chosen), dim),
            radius=np.array([s.radius for s in chosen]),
            error=np.array([s.error for s in chosen]),
            label=rank[np.array(self.label, dtype=np.int64)],
            reasons=tuple(self.reasons),
            potential=self.potential.name,
            boundary=self.arena.boundary,
            domain=self.arena.domain,
            provenance=Provenance(
                "flow to rest, Newton on the stratum, first-order condition in balls",
                {"same end": SAME_END},
                seconds=self.seconds,
            ),
            notes=self._notes(),
            creases=tuple(groups.members(s.creases) for s in chosen),
            at_infinity=self.escapes.records(),
        )

    def _notes(self) -> tuple[str, ...]:
        groups, notes = self.frame.groups, []
        shared = int(((groups.leader != np.arange(len(groups))) & (groups.leader >= 0)).sum())
        if shared:
            notes.append(
                f"{shared} neurons have the crease of another one (proportional weights); each crease counts once"
            )
        count = int(self.frame.ignored.sum())
        if count:
            notes.append(
                f"f does not depend on {count} of the inputs; they stand at their lower sides where there are such"
            )
        return tuple(notes)


def frame_of(arena: Arena) -> Frame:
    """What all judgements of one flow share."""
    potential = arena.potential
    assert isinstance(potential, NetworkPotential)
    bounds = arena.bounds
    held = np.isfinite(bounds.lower) & np.isfinite(bounds.upper)
    return Frame(
        potential,
        bounds,
        CreaseGroups.of(potential.network),
        ignored_coordinates(potential),
        faint_coordinates(potential) & held & ~ignored_coordinates(potential),
    )


def _close(point: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(point - other).max(initial=0.0)) <= SAME_END * (1.0 + float(np.abs(point).max(initial=0.0)))


def _same(sink: Judgement, found: Judgement) -> bool:
    """Whether two judgements may be of one sink: not told apart by creases, faces, or more than their errors."""
    gap = float(np.abs(sink.point - found.point).max(initial=0.0))
    if gap <= np.nan_to_num(sink.error, nan=SAME_SINK) + np.nan_to_num(found.error, nan=SAME_SINK):
        return True
    if sink.verdict is Certainty.PROVED and found.verdict is Certainty.PROVED:
        return False
    return gap <= SAME_SINK
