"""The search for sinks: ascent in batches, Newton a row, proof a point, and the table of which start led where (§3, §8)."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.ascent import ascend
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.newton import Climb, climb, stays_concave
from separatrix.flow.pieces import Progress, run_pieces, slices
from separatrix.flow.projection import Arena, Bounds
from separatrix.flow.proof import Proof, prove
from separatrix.flow.sensitivity import faint_coordinates, ignored_coordinates
from separatrix.records import Provenance

ASCENT_STEPS = 500
PIECE = 64
NEAR = 1e-5
AT_REST = 1e-9
FAINT_ROUNDS = 6
LISTED = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class Sink:
    """A candidate that was judged: its point, its proof, its verdict and, where it is none, why."""

    point: np.ndarray
    proof: Proof
    verdict: Certainty
    reason: str
    spectrum: np.ndarray
    multipliers: np.ndarray


def climb_piece(arena: Arena, starts: np.ndarray) -> list[Climb]:
    """The ends of one piece of starts: spectral gradient ascent together, Newton row by row."""
    potential, bounds, reach = arena.potential, arena.search_bounds, 0.25 * arena.width
    near = ascend(potential, bounds, starts, ASCENT_STEPS, scale=_scale(arena, starts))
    faint = faint_coordinates(potential) & np.isfinite(arena.bounds.lower)
    if not faint.any():
        return [climb(potential, bounds, x, reach=reach) for x in near]
    return [_climb_with_faint(arena, x, faint) for x in near]


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


def _scale(arena: Arena, starts: np.ndarray) -> float:
    """A first step length for which a typical gradient moves by a hundredth of the box."""
    size = float(np.median(np.abs(arena.potential.gradient(starts)).max(axis=1))) if starts.size else 0.0
    length = 0.01 * arena.width / size if size > 0 else np.inf
    return length if np.isfinite(length) else 1.0


def judge(arena: Arena, x: np.ndarray, ignored: np.ndarray) -> Sink:
    """Prove a candidate, or say what it is."""
    potential, bounds = arena.potential, arena.bounds
    faces = np.where(ignored, 0, bounds.faces(x))
    if arena.outside(x[None])[0]:
        return Sink(x, Proof(None, ""), Certainty.UNKNOWN, f"the ascent {arena.left}", np.zeros(0), np.zeros_like(x))
    proof = prove(potential, bounds, x, ignored)
    free = np.flatnonzero((faces == 0) & ~ignored)
    gradient = potential.gradient(x[None])[0]
    spectrum = np.linalg.eigvalsh(potential.hessian_on(x, free)) if free.size else np.zeros(0)
    multipliers = faces * gradient
    residual = float(np.abs(bounds.project(np, x, gradient)).max(initial=0.0))
    facts = spectrum, multipliers[faces != 0], gradient[free]
    verdict, reason = _verdict(proof, facts, residual, bool(ignored.any()))
    if verdict in LISTED and _is_on_edge(arena, x, proof.error):
        verdict, reason = Certainty.UNKNOWN, "the sink lies within its error of the edge of the box: neither in nor out"
    elif verdict is Certainty.VERIFIED and proof.region is None and not stays_concave(potential, bounds, x, free):
        verdict, reason = (
            Certainty.UNKNOWN,
            (f"no sink is shown: within a few Newton steps f is not concave, as in a slow passage; {proof.evidence}"),
        )
    return Sink(x, proof, verdict, reason, spectrum, multipliers)


def _is_on_edge(arena: Arena, x: np.ndarray, error: float) -> bool:
    """Whether a flow that its box does not hold has ``x`` within ``error`` (NaN: rounding) of the edge of the box."""
    if arena.boundary != "exit" or not isinstance(arena.domain, Box):
        return False
    room = np.minimum(x - arena.limits.lower, arena.limits.upper - x)
    return bool((room <= np.nan_to_num(error, nan=NEAR) * (1 + 1e-9)).any())


def _verdict(
    proof: Proof, facts: tuple[np.ndarray, np.ndarray, np.ndarray], residual: float, has_ignored: bool
) -> tuple[Certainty, str]:
    """PROVED, VERIFIED, or UNKNOWN with the reason why the point is no sink as far as is known."""
    spectrum, multipliers, slope = facts
    if proof.region is not None:
        if proof.index > 0:
            return Certainty.UNKNOWN, f"the ascent ended at a saddle of index {proof.index}"
        if not has_ignored:
            return Certainty.PROVED, ""
        return Certainty.VERIFIED, (
            "f does not depend on some inputs: the point stands for a set of equilibria, proved on the other inputs"
        )
    curved = float(np.abs(spectrum).max(initial=0.0))
    if spectrum.size and spectrum[-1] >= -1e-10 * curved:
        kind = "a flat direction" if spectrum[-1] < 1e-6 * curved or curved == 0 else "a direction that still climbs"
        return (
            Certainty.UNKNOWN,
            f"no sink is shown: {kind} (largest Hessian eigenvalue {spectrum[-1]:.1e}); {proof.evidence}",
        )
    if (multipliers <= 0).any():
        return Certainty.UNKNOWN, f"no sink is shown: a face coordinate has no outward gradient; {proof.evidence}"
    step = float(np.abs(slope).max(initial=0.0)) / float(np.abs(spectrum).min()) if spectrum.size else 0.0
    if residual < AT_REST * (1.0 + curved) and step < 1e-4:
        return Certainty.VERIFIED, f"residual {residual:.1e}, Newton step {step:.1e}; not proved: {proof.evidence}"
    if residual < AT_REST * (1.0 + curved):
        return Certainty.UNKNOWN, (
            f"no sink is shown: gradient and curvature vanish together, as on a plateau (residual {residual:.1e}, "
            f"Newton step {step:.1e}); {proof.evidence}"
        )
    return (
        Certainty.UNKNOWN,
        f"the ascent did not come to rest (residual {residual:.1e}); start nearer or give more starts",
    )


class SinkSearch:
    """A search that grows: :meth:`add` climbs more starts, :meth:`record` gives what is known so far.

    Ends are grouped by the regions in which a sink is proved alone. Two ends are one sink when both lie in the region of
    one proof; what lies near a proved sink but outside its region is judged on its own, so that sinks are told apart by
    proof, never by a distance or a value.
    """

    def __init__(self, arena: Arena) -> None:
        self.arena, self.potential = arena, arena.potential
        self.ignored = ignored_coordinates(arena.potential)
        self.sinks: list[Sink] = []
        self.label: list[int] = []
        self.reasons: list[str] = []
        self.seconds = 0.0

    def add(self, starts: np.ndarray, workers: int | None = None, progress: Progress | None = None) -> int:
        """Climb from ``starts`` (n, dim); the number of sinks that are new."""
        begun, known = time.perf_counter(), len(self.sinks)
        parts = slices(starts.shape[0], PIECE)
        pieces = [(self.arena, starts[part]) for part in parts]
        sizes = [part.stop - part.start for part in parts]
        stage = f"sinks of the {self.potential.name}"
        ends = [end.x for piece in run_pieces(climb_piece, pieces, sizes, workers, stage, progress) for end in piece]
        self._group(np.array(ends).reshape(len(ends), self.potential.dim))
        self.seconds += time.perf_counter() - begun
        return len(self.sinks) - known

    def _group(self, points: np.ndarray) -> None:
        points = np.where(self.ignored, self._standard(), points)
        label, reasons = np.full(points.shape[0], -1), np.full(points.shape[0], "", dtype=object)
        for row, sink in enumerate(self.sinks):
            label[(label < 0) & _alike(sink, points)] = row
        while (waiting := (label < 0) & (reasons == "")).any():
            seed = int(np.flatnonzero(waiting)[0])
            found = judge(self.arena, points[seed], self.ignored)
            same = waiting & _alike(found, points)
            same[seed] = True
            reasons[same] = found.reason or "sink"
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
            evidence=tuple(s.reason or s.proof.evidence for s in chosen),
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
    """The earlier sink that ``found`` may be: proof regions that overlap hold one zero each, which may be the same."""
    for row, sink in enumerate(sinks):
        gap = float(np.abs(sink.point - found.point).max(initial=0.0))
        here, there = found.proof.region, sink.proof.region
        if here is None or there is None:
            if gap < NEAR:
                return row
        elif gap <= sink.proof.error + found.proof.error:
            return row
        elif there.contains(found.point[None])[0] and here.contains(sink.point[None])[0]:
            return row
    return None
