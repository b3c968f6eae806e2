"""The search for sinks: ascent in batches, Newton a row, proof a point, and the table of which start led where (§3, §8)."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import WholeSpace
from separatrix.flow.arrays import on_host
from separatrix.flow.ascent import ascend
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.infinity.escapes import Escapes
from separatrix.flow.newton import Climb, climb
from separatrix.flow.pieces import InTurn, Progress, rows_in_piece, run_pieces, slices
from separatrix.flow.projection import Arena, Bounds
from separatrix.flow.sensitivity import faint_coordinates, ignored_coordinates
from separatrix.flow.verdicts import LISTED, NEAR, Sink, judge, no_sink
from separatrix.records import Provenance

Array = Any
ASCENT_STEPS = 500
FARTHEST = 1e9
PIECE = 64
FAINT_ROUNDS = 6


def ascend_piece(arena: Arena, starts: Array) -> tuple[Arena, np.ndarray]:
    """Spectral gradient ascent of one piece of starts together, on their device."""
    bounds = arena.search_bounds
    if isinstance(arena.domain, WholeSpace):  # what runs off keeps its direction
        bounds = Bounds(np.full(arena.domain.dim, -FARTHEST), np.full(arena.domain.dim, FARTHEST))
    near = ascend(arena.potential, bounds, starts, ASCENT_STEPS, scale=_scale(arena, starts))
    return arena, on_host(near)


def newton_piece(piece: tuple[Arena, np.ndarray]) -> list[Climb]:
    """From where the ascent ended: Newton row by row, on the CPU."""
    arena, near = piece
    faint = faint_coordinates(arena.potential) & np.isfinite(arena.bounds.lower)
    stays = ~np.isfinite(arena.potential.value_and_gradient(near)[0])
    if isinstance(arena.domain, WholeSpace):  # what ran off does not come back
        stays |= arena.outside(near)
    return [Climb(x, np.nan, 0) if still else _climbed(arena, x, faint) for x, still in zip(near, stays, strict=True)]


def settle_piece(arena: Arena, near: Array) -> list[Climb]:
    """Newton alone, for points that came to rest already: a gradient that is all rounding gives the ascent no scale."""
    return newton_piece((arena, on_host(near)))


def ends_of(piece: tuple[Arena, np.ndarray]) -> list[Climb]:
    """The ends of the ascent as they are, where it is known that there is no equilibrium to be found."""
    return [Climb(x, np.nan, 0) for x in piece[1]]


climb_piece = InTurn(ascend_piece, newton_piece)
run_off = InTurn(ascend_piece, ends_of)


def _climbed(arena: Arena, x: np.ndarray, faint: np.ndarray) -> Climb:
    if faint.any():
        return _climb_with_faint(arena, x, faint)
    return climb(arena.potential, arena.search_bounds, x, reach=0.25 * arena.width)


def _climb_with_faint(arena: Arena, x: np.ndarray, faint: np.ndarray) -> Climb:
    """Faint coordinates stand on the side that their gradient points to; the others climb; until no sign changes."""
    potential, bounds, end = arena.potential, arena.search_bounds, Climb(x, np.inf, 0)
    for _ in range(FAINT_ROUNDS):
        gradient = potential.gradient(end.x[None])[0]
        side = np.where(gradient > 0, bounds.upper, bounds.lower)
        pinned = np.where(faint, side, end.x)
        if np.array_equal(pinned, end.x):
            break
        inner = Bounds(np.where(faint, pinned, bounds.lower), np.where(faint, pinned, bounds.upper))
        end = climb(potential, inner, pinned, reach=0.25 * arena.width)
    return end


def _scale(arena: Arena, starts: Array) -> float:
    """A first step length for which a typical gradient moves by a hundredth of the box."""
    gradient = np.abs(on_host(arena.potential.value_and_gradient(starts)[1])).max(axis=1)
    gradient = gradient[np.isfinite(gradient)]
    size = float(np.median(gradient)) if gradient.size else 0.0
    length = 0.01 * arena.width / size if size > 0 else np.inf
    return length if np.isfinite(length) else 1.0


class SinkSearch:
    """A search that grows: :meth:`add` climbs more starts, :meth:`record` gives what is known so far.

    Ends are grouped by the regions in which a sink is proved alone. Two ends are one sink when both lie in the region of
    one proof; what lies near a proved sink but outside its region is judged on its own, so that sinks are told apart by
    proof, never by a distance or a value.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena, self.potential = arena, arena.potential
        self.ignored = ignored_coordinates(arena.potential)
        self.escapes = Escapes(arena)
        self.sinks: list[Sink] = []
        self.label: list[int] = []
        self.reasons: list[str] = []
        self.seconds = 0.0

    def add(
        self, starts: Array, workers: int | None = None, progress: Progress | None = None, *, at_rest: bool = False
    ) -> int:
        """Climb from ``starts`` (n, dim), which may be ``at_rest`` already; the number of sinks that are new."""
        begun, known = time.perf_counter(), len(self.sinks)
        parts = slices(starts.shape[0], rows_in_piece(PIECE, self.potential.dim))
        pieces = [(self.arena, starts[part]) for part in parts]
        sizes = [part.stop - part.start for part in parts]
        stage = f"sinks of the {self.potential.name}"
        if self.escapes.excludes_equilibria and self.escapes.cube is not None:
            ends = on_host(starts)  # nothing to climb to: the sinks at infinity are found on the cube
            if len(ends):
                self.escapes.prepare(ends, workers, progress)
        else:
            climbing = settle_piece if at_rest else climb_piece
            work = run_off if self.escapes.excludes_equilibria else climbing
            ends = [end.x for piece in run_pieces(work, pieces, sizes, workers, stage, progress) for end in piece]
        points = np.array(ends).reshape(len(ends), self.potential.dim)
        self._group(points, on_host(starts), self._judged_early(points, workers, progress))
        self.seconds += time.perf_counter() - begun
        return len(self.sinks) - known

    def _judged_early(self, points: np.ndarray, workers: int | None, progress: Progress | None) -> dict[bytes, Sink]:
        """Verdicts on distinct new points by their bytes, shared among the workers, where proofs are costly: of networks
        without matrices. They are those that :meth:`_group` would ask for, and a few more."""
        net = self.potential.net
        if net is None or not net.is_structured or self.escapes.excludes_equilibria:
            return {}
        points, chosen = np.where(self.ignored, self._standard(), points), []
        new = (
            ~np.any([_alike(sink, points) for sink in self.sinks], axis=0) if self.sinks else np.ones(len(points), bool)
        )
        for point in points[new]:
            if not any(np.abs(point - other).max(initial=0.0) < NEAR for other in chosen):
                chosen.append(point)
        pieces = [(self.arena, point, self.ignored) for point in chosen]
        stage = f"proofs of sinks of the {self.potential.name}"
        found = run_pieces(judge, pieces, [1] * len(pieces), workers, stage, progress) if pieces else []
        return {point.tobytes(): sink for point, sink in zip(chosen, found, strict=True)}

    def _group(self, points: np.ndarray, starts: np.ndarray, judged: dict[bytes, Sink]) -> None:
        points = np.where(self.ignored, self._standard(), points)
        label, reasons = np.full(points.shape[0], -1), np.full(points.shape[0], "", dtype=object)
        for row, sink in enumerate(self.sinks):
            label[(label < 0) & _alike(sink, points)] = row
        while (waiting := (label < 0) & (reasons == "")).any():
            seed = int(np.flatnonzero(waiting)[0])
            if self.escapes.excludes_equilibria:
                found = no_sink(points[seed], "there is no equilibrium (4.2)")
            else:
                found = judged.get(points[seed].tobytes()) or judge(self.arena, points[seed], self.ignored)
            same = waiting & _alike(found, points)
            same[seed] = True
            reasons[same] = found.reason or "sink"
            if found.verdict not in LISTED:
                away = self.escapes.add(starts[seed], points[seed], int(same.sum()))
                reasons[same] = away or reasons[seed]
            if found.verdict in LISTED:
                twin = _twin(found, self.sinks)
                label[same] = len(self.sinks) if twin is None else twin
                if twin is None:
                    self.sinks.append(found)
        self.label += label.tolist()
        self.reasons += ["sink" if row >= 0 else str(reason) for row, reason in zip(label, reasons, strict=True)]

    def _standard(self) -> np.ndarray:
        """Where ignored coordinates stand: at their lower sides, or in the middle of what does not hold the flow."""
        lower, limits = self.arena.bounds.lower, self.arena.limits
        return np.where(np.isfinite(lower), lower, 0.5 * limits.lower + 0.5 * limits.upper)

    def _evidence(self, sink: Sink) -> str:
        return "; ".join(part for part in (sink.reason or sink.proof.evidence, self.potential.rests_on) if part)

    def record(self) -> CriticalPoints:
        """The sinks so far, highest value first."""
        points = np.array([s.point for s in self.sinks]).reshape(len(self.sinks), self.potential.dim)
        values = self.potential.value(points) if self.sinks else np.zeros(0)
        order = np.argsort(-values, kind="stable")
        rank = np.full(len(order) + 1, -1)
        rank[order] = np.arange(len(order))
        chosen, points = [self.sinks[i] for i in order], points[order]
        count = int(self.ignored.sum())
        place = "at their lower sides" if np.isfinite(self.arena.bounds.lower).all() else "in the middle"
        note = f"f does not depend on {count} of the inputs; they stand {place}"
        return CriticalPoints(
            points=points,
            values=values[order],
            indices=np.zeros(len(chosen), dtype=np.int64),
            certainty=tuple(s.verdict for s in chosen),
            evidence=tuple(self._evidence(s) for s in chosen),
            spectra=tuple(s.spectrum for s in chosen),
            active=np.where(self.ignored, 0, self.arena.bounds.faces(points)).astype(np.int8),
            multipliers=np.array([s.multipliers for s in chosen]).reshape(points.shape),
            radius=np.array([s.proof.radius for s in chosen]),
            error=np.array([s.proof.error for s in chosen]),
            label=rank[np.array(self.label, dtype=np.int64)],
            reasons=tuple(self.reasons),
            potential=self.potential.name,
            boundary=self.arena.boundary,
            domain=self.arena.domain,
            provenance=Provenance(
                "spectral projected gradient, trust-region Newton, Krawczyk",
                {"residual": 1e-15, "same point": NEAR},
                seconds=self.seconds,
            ),
            notes=(note,) if count else (),
            at_infinity=self.escapes.records(),
        )


def _alike(found: Sink, points: np.ndarray) -> np.ndarray:
    """Which points are the candidate's: in its proved region or, where there is none, equal to rounding."""
    if found.proof.region is not None:
        return found.proof.region.contains(points)
    return (
        np.abs(points - found.point).max(axis=1, initial=0.0) < NEAR
        if found.verdict is Certainty.VERIFIED
        else (points == found.point).all(axis=1)
    )


def _twin(found: Sink, sinks: list[Sink]) -> int | None:
    """The earlier sink that ``found`` may be: proof regions that overlap hold one zero each, which may be the same; points
    without proof are one where their blurs meet, as around a degenerate maximum that is reached from several sides."""
    for row, sink in enumerate(sinks):
        gap = float(np.abs(sink.point - found.point).max(initial=0.0))
        here, there = found.proof.region, sink.proof.region
        if here is None or there is None:
            if gap < NEAR or (here is there and gap <= found.blur + sink.blur):
                return row
        elif gap <= sink.proof.error + found.proof.error:
            return row
        elif there.contains(found.point[None])[0] and here.contains(sink.point[None])[0]:
            return row
    return None
