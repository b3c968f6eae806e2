"""Equilibria of any Morse index, judged one by one, and the record of a list of them (§3, §8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.linalg

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.flow.proof import Proof, prove
from separatrix.flow.sensitivity import ignored_coordinates
from separatrix.potentials.base import Potential
from separatrix.records import Provenance

NEAR = 1e-5
AT_REST = 1e-9
LONGEST_STEP = 1e-4
FLAT = 1e-10
REACH = 4.0
BENT = 0.5
LISTED = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class JudgedPoint:
    """A candidate for an equilibrium that was judged.

    ``point`` (dim,), coordinates on faces exact; ``verdict`` PROVED, VERIFIED or UNKNOWN, ``reason`` why not proved;
    ``index``: Morse index, proved with the point, else counted from ``spectrum`` (-1: unknown); ``multipliers`` (dim,).
    """

    point: np.ndarray
    proof: Proof
    verdict: Certainty
    reason: str
    index: int
    spectrum: np.ndarray
    multipliers: np.ndarray

    @property
    def is_listed(self) -> bool:
        """Whether the point is an equilibrium as far as is known: proved or verified."""
        return self.verdict in LISTED


def no_point(x: np.ndarray, reason: str) -> JudgedPoint:
    """A candidate that is none, for that reason."""
    return JudgedPoint(x, Proof(None, ""), Certainty.UNKNOWN, reason, -1, np.zeros(0), np.zeros_like(x))


def judge_point(arena: Arena, x: np.ndarray, ignored: np.ndarray | None = None) -> JudgedPoint:
    """Prove a candidate ``x`` (dim,) for an equilibrium of any index, or say what it is.

    Its coordinates on faces must be exact, the others at rest. ``ignored`` (dim,) marks coordinates on which f does not
    depend (None: found from the weights).
    """
    potential, bounds = arena.potential, arena.bounds
    if ignored is None:
        ignored = ignored_coordinates(potential)
    if not np.isfinite(x).all():
        return no_point(x, "the search ended at no finite point")
    if arena.outside(x[None])[0]:
        return no_point(x, f"the search {arena.left}")
    value, slope = potential.value_and_gradient(x[None])
    if not (np.isfinite(value[0]) and np.isfinite(slope).all()):
        return no_point(x, "f is not defined where the search ended, or not finite")
    if ignored.all():
        return no_point(x, "f does not depend on any input: it is constant")
    faces = np.where(ignored, 0, bounds.faces(x))
    free = np.flatnonzero((faces == 0) & ~ignored)
    gradient, multipliers = slope[0], faces * slope[0]
    residual = float(np.abs(gradient[free]).max(initial=0.0))
    curvature = potential.hessian_on(x, free) if free.size else np.zeros((0, 0))
    if not np.isfinite(curvature).all():
        return no_point(x, "the Hessian is not finite where the search ended")
    spectrum, vectors = scipy.linalg.eigh(curvature) if free.size else (np.zeros(0), curvature)
    curved = float(np.abs(spectrum).max(initial=0.0))
    if residual > 1e-3 * (1.0 + curved):  # far from rest: no proof is worth its time
        return no_point(x, f"the search did not come to rest (residual {residual:.1e})")
    proof = prove(potential, bounds, x, ignored)
    if proof.region is not None:
        verdict, reason, index = Certainty.PROVED, "", proof.index
        if ignored.any():
            verdict, reason = (
                Certainty.VERIFIED,
                (
                    "f does not depend on some inputs: the point stands for a set of equilibria, proved on the other inputs"
                ),
            )
    else:
        weak = _doubt(arena, (x, free), (gradient, multipliers[faces != 0]), (spectrum, vectors))
        verdict = Certainty.UNKNOWN if weak else Certainty.VERIFIED
        index = -1 if weak else int((spectrum > 0).sum())
        reason = f"{weak}; {proof.evidence}" if weak else f"residual {residual:.1e}; not proved: {proof.evidence}"
    if verdict in LISTED and _is_on_edge(arena, x, proof.error):
        verdict, reason = Certainty.UNKNOWN, "it lies within its error of the edge of the box: neither in nor out"
    return JudgedPoint(x, proof, verdict, reason, index, spectrum, multipliers)


def _is_on_edge(arena: Arena, x: np.ndarray, error: float) -> bool:
    """Whether a flow that its box does not hold has ``x`` within ``error`` (NaN: rounding) of the edge of the box."""
    if arena.boundary != "exit" or not isinstance(arena.domain, Box):
        return False
    room = np.minimum(x - arena.limits.lower, arena.limits.upper - x)
    return bool((room <= np.nan_to_num(error, nan=NEAR) * (1 + 1e-9)).any())


def _doubt(
    arena: Arena,
    place: tuple[np.ndarray, np.ndarray],
    slopes: tuple[np.ndarray, np.ndarray],
    frame: tuple[np.ndarray, np.ndarray],
) -> str:
    """Why an unproved point is not even verified, in words; empty where it is."""
    (x, free), (gradient, multipliers), (spectrum, vectors) = place, slopes, frame
    curved, least = (float(part(np.abs(spectrum), initial=0.0)) if free.size else 0.0 for part in (np.max, _least))
    residual = float(np.abs(gradient[free]).max(initial=0.0))
    if (multipliers <= 0).any():
        return "no equilibrium is shown: a face coordinate has no outward gradient"
    if free.size and least <= FLAT * curved:
        return f"no equilibrium is shown: a flat direction (Hessian eigenvalue of size {least:.1e})"
    if residual >= AT_REST * (1.0 + curved):
        return f"the search did not come to rest (residual {residual:.1e})"
    step = float((np.abs(vectors.T @ gradient[free]) / np.abs(spectrum)).max(initial=0.0))
    if step >= LONGEST_STEP:
        return f"no equilibrium is shown: gradient and curvature vanish together (Newton step {step:.1e})"
    if not _keeps_shape(arena, x, free, (spectrum, vectors), gradient):
        return (
            "no equilibrium is shown: within a few Newton steps the curvature changes by half, as at a degenerate point"
        )
    return ""


def _least(sizes: np.ndarray, initial: float) -> float:
    return float(sizes.min())


def _keeps_shape(
    arena: Arena, x: np.ndarray, free: np.ndarray, frame: tuple[np.ndarray, np.ndarray], gradient: np.ndarray
) -> bool:
    """Whether |S (H(x +- s) - H(x)) S| <= BENT, S = |H|^(-1/2), for s REACH Newton steps in the slowest direction.

    A step is taken no shorter than the rounding of the gradient makes it.
    """
    if not free.size:
        return True
    spectrum, vectors = frame
    slow = int(np.abs(spectrum).argmin())
    rounding = 1e-15 * (1.0 + float(np.abs(gradient).max()))
    reach = REACH * (abs(float(vectors[:, slow] @ gradient[free])) + rounding) / abs(float(spectrum[slow]))
    scale = 1.0 / np.sqrt(np.abs(spectrum))
    for side in (-reach, reach):
        there = x.copy()
        there[free] += side * vectors[:, slow]
        bent = vectors.T @ arena.potential.hessian_on(arena.bounds.clip(np, there), free) @ vectors
        change = scale[:, None] * (bent - np.diag(spectrum)) * scale
        if not np.isfinite(change).all() or float(np.abs(scipy.linalg.eigvalsh(change)).max()) > BENT:
            return False
    return True


def is_same(first: JudgedPoint, second: JudgedPoint) -> bool:
    """Whether two judged points may be one equilibrium: proofs of one zero, or equal to rounding where not proved."""
    gap = float(np.abs(first.point - second.point).max(initial=0.0))
    here, there = first.proof.region, second.proof.region
    if here is None or there is None:
        return gap < NEAR
    if gap <= first.proof.error + second.proof.error:
        return True
    return bool(there.contains(first.point[None])[0] and here.contains(second.point[None])[0])


def merged(judged: Sequence[JudgedPoint]) -> tuple[list[JudgedPoint], np.ndarray]:
    """The distinct listed points of ``judged``, better proved ones kept, and the row of each (-1: not listed)."""
    kept: list[JudgedPoint] = []
    rows = np.full(len(judged), -1)
    centers, sizes = np.zeros((len(judged), judged[0].point.size if judged else 0)), np.zeros(len(judged))
    for i, found in enumerate(judged):
        if not found.is_listed:
            continue
        count = len(kept)
        near = np.abs(centers[:count] - found.point).max(axis=1, initial=0.0) <= sizes[:count] + _size(found)
        twins = [int(row) for row in np.flatnonzero(near) if is_same(kept[row], found)]
        rows[i] = twins[0] if twins else count
        if not twins:
            kept.append(found)
        elif kept[twins[0]].proof.region is None and found.proof.region is not None:
            kept[twins[0]] = found
        centers[rows[i]], sizes[rows[i]] = kept[rows[i]].point, _size(kept[rows[i]])
    return kept, rows


def _size(found: JudgedPoint) -> float:
    """A bound on the max-norm distance from the point to what may be the same one."""
    region = found.proof.region
    if region is None or not region.reach.size:
        return NEAR
    return max(NEAR, found.proof.error, float((np.abs(region.vectors) @ region.reach).max()))


def listed(
    arena: Arena,
    judged: Sequence[JudgedPoint],
    *,
    method: str,
    seconds: float,
    seed: str = "",
    label: Any = (),
    reasons: tuple[str, ...] = (),
    potential: Potential | None = None,
    tolerances: dict[str, float] | None = None,
    **more: Any,
) -> CriticalPoints:
    """The record of the distinct proved and verified points of ``judged``, ordered by (index, -value).

    ``label`` (n_starts,): row of ``judged`` of each start, -1 none; it comes back as rows of the record. ``potential``: the
    potential that was asked for, where the arena's is its companion; ``more``: further fields of the record.
    """
    kept, rows = merged(judged)
    dim = arena.potential.dim
    points = np.array([found.point for found in kept]).reshape(len(kept), dim)
    asked = arena.potential if potential is None else potential
    values = asked.value(points) if kept else np.zeros(0)
    order = np.lexsort((-values, np.array([found.index for found in kept], dtype=np.int64)))
    rank = np.full(len(kept) + 1, -1)
    rank[order] = np.arange(len(kept))
    notes = more.pop("notes", ())
    if asked is not arena.potential:
        notes = (
            *notes,
            f"spectra, multipliers and proofs are those of the {arena.potential.name}, whose equilibria are the same",
        )
    own = np.concatenate([rows, [-1]])[np.asarray(label, dtype=np.int64)]
    return CriticalPoints(
        values=values[order] + 0.0,  # no -0
        label=rank[own],
        reasons=reasons,
        potential=asked.name,
        boundary=arena.boundary,
        domain=arena.domain,
        provenance=Provenance(
            method, tolerances or {"residual": 1e-15, "same point": NEAR}, seed=seed, seconds=seconds
        ),
        notes=notes,
        **_fields(arena, [kept[i] for i in order], points[order]),
        **more,
    )


def _fields(arena: Arena, chosen: Sequence[JudgedPoint], points: np.ndarray) -> dict[str, Any]:
    """What the record says of each of the ``chosen`` points (n, dim)."""
    ignored, rests_on = ignored_coordinates(arena.potential), arena.potential.rests_on
    return {
        "points": points + 0.0,
        "indices": np.array([found.index for found in chosen], dtype=np.int64),
        "certainty": tuple(found.verdict for found in chosen),
        "evidence": tuple("; ".join(t for t in (f.reason or f.proof.evidence, rests_on) if t) for f in chosen),
        "spectra": tuple(found.spectrum for found in chosen),
        "active": np.where(ignored, 0, arena.bounds.faces(points)).astype(np.int8).reshape(points.shape),
        "multipliers": np.array([found.multipliers for found in chosen]).reshape(points.shape) + 0.0,
        "radius": np.array([found.proof.radius for found in chosen]),
        "error": np.array([found.proof.error for found in chosen]),
    }
