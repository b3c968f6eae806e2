"""The verdict on one end of the flow: proved a sink, verified, or unknown with the reason (§5)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.piecewise_linear.first_order import LocalModel
from separatrix.flow.piecewise_linear.linear_condition import prove_tied
from separatrix.flow.piecewise_linear.proof import RidgeProof, prove
from separatrix.flow.piecewise_linear.stratum import Frame, Stratum, polish
from separatrix.flow.piecewise_linear.vertex_cells import prove_by_cells
from separatrix.flow.projection import Arena

REACH = 1e-3
NEAR_EDGE = 1e-9
DIRECTIONS = 400
STRICT = 1e-10
FLAT = 1e-14
LISTED = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class Judgement:
    """One end: ``point``, ``faces``, ``creases`` (leaders, tied ones included), ``spectrum`` on the stratum,
    ``multipliers``; ``verdict`` and ``reason``, the evidence for a sink or why it is none; ``error``, ``radius`` as in
    CriticalPoints.
    """

    point: np.ndarray
    faces: np.ndarray
    creases: np.ndarray
    spectrum: np.ndarray
    multipliers: np.ndarray
    verdict: Certainty
    reason: str
    error: float
    radius: float

    @property
    def is_sink(self) -> bool:
        """Whether it is proved or verified."""
        return self.verdict in LISTED


def judge_piece(arena: Arena, frame: Frame, points: np.ndarray, creases: list[np.ndarray]) -> list[Judgement]:
    """The judgements of some ends."""
    return [judge(arena, frame, x, neurons) for x, neurons in zip(points, creases, strict=True)]


def judge(arena: Arena, frame: Frame, x: np.ndarray, creases: np.ndarray) -> Judgement:
    """Polish the end ``x`` (dim,) on the creases of the neurons ``creases``, prove it, or say what it is."""
    stratum = polish(frame, x, creases, reach=REACH * arena.width)
    if not stratum.reason and arena.outside(stratum.point[None])[0]:
        return _judgement(
            frame, stratum, Certainty.UNKNOWN, f"the flow {arena.left}", RidgeProof(False, "", stratum.point)
        )
    if frame.ignored.all():
        text = "f does not depend on any input: it is constant"
        return _judgement(frame, stratum, Certainty.UNKNOWN, text, RidgeProof(False, "", stratum.point))
    is_flat = bool(stratum.spectrum.size) and stratum.spectrum[-1] >= FLAT * stratum.spectrum[0]
    text = "the Hessian on the stratum is not negative definite to rounding"
    proof = RidgeProof(False, text, stratum.point) if is_flat else prove(frame, stratum)
    if not proof.holds and not stratum.reason and not is_flat:
        tied = prove_tied(frame, stratum)
        proof = tied if tied.holds or stratum.tied.size else proof
        if not proof.holds and not proof.refuted:
            by_cells = prove_by_cells(frame, stratum)
            proof = by_cells if by_cells.holds or by_cells.refuted else proof
    if not proof.holds:
        reason = stratum.reason or _what_is_wrong(frame, stratum, proof)
        if reason:
            text = reason if stratum.reason else f"no sink is shown: {reason}; {proof.evidence}"
            return _judgement(frame, stratum, Certainty.UNKNOWN, text, proof)
    if _is_on_edge(arena, proof):
        reason = "the sink lies within its error of the edge of the box: neither in nor out"
        return _judgement(frame, stratum, Certainty.UNKNOWN, reason, proof)
    if not proof.holds:
        text = f"f falls along all of {DIRECTIONS} sampled directions, in doubles; not proved: {proof.evidence}"
        return _judgement(frame, stratum, Certainty.VERIFIED, text, proof)
    if frame.ignored.any():
        reason = (
            "f does not depend on some inputs: the point stands for a set of equilibria, proved on the other inputs"
        )
        return _judgement(frame, stratum, Certainty.VERIFIED, reason, proof)
    return _judgement(frame, stratum, Certainty.PROVED, proof.evidence, proof)


def _judgement(frame: Frame, stratum: Stratum, verdict: Certainty, reason: str, proof: RidgeProof) -> Judgement:
    return Judgement(
        proof.point,
        np.where(frame.ignored, 0, frame.bounds.faces(proof.point)).astype(np.int8),
        np.union1d(stratum.creases, stratum.tied),
        stratum.spectrum,
        stratum.multipliers,
        verdict,
        reason,
        proof.error,
        proof.radius,
    )


def _is_on_edge(arena: Arena, proof: RidgeProof) -> bool:
    if arena.boundary != "exit" or not isinstance(arena.domain, Box):
        return False
    room = np.minimum(proof.point - arena.limits.lower, arena.limits.upper - proof.point)
    return bool((room <= np.nan_to_num(proof.error, nan=NEAR_EDGE) * (1 + 1e-9)).any())


def _what_is_wrong(frame: Frame, stratum: Stratum, proof: RidgeProof) -> str:
    """The first test in doubles that the point fails; "" where it passes all."""
    if proof.refuted:
        return "f does not fall along every direction"
    model = LocalModel.at(frame.potential, frame.groups, stratum.point, stratum.signs, stratum.free)
    curved = float(np.abs(model.hessian).max(initial=0.0))
    if stratum.spectrum.size and stratum.spectrum[-1] >= -STRICT * max(curved, model.size):
        kind = (
            "a flat direction" if stratum.spectrum[-1] <= STRICT * max(curved, model.size) else "one that still climbs"
        )
        return f"{kind} on the stratum (largest Hessian eigenvalue {stratum.spectrum[-1]:.1e})"
    on_faces = (stratum.faces != 0) & ~frame.ignored
    size = float(np.abs(stratum.balance.gradient).max(initial=0.0))
    if not stratum.tied.size and (stratum.multipliers[on_faces] <= STRICT * size).any():
        return "a face coordinate has no outward gradient"
    rates = sampled_rates(frame, stratum, model)
    if rates.size and float(rates.max()) >= -STRICT * model.size:
        return f"f does not fall along a direction (slope {rates.max():.1e})"
    return ""


def sampled_rates(frame: Frame, stratum: Stratum, model: LocalModel) -> np.ndarray:
    """f'(x; d) along DIRECTIONS directions d of the tangent cone across the stratum, and along the edges of its creases."""
    rng = np.random.default_rng(0)
    n, free = stratum.point.size, stratum.free
    held = np.flatnonzero((stratum.faces != 0) & ~frame.ignored)
    moving = np.zeros((n, DIRECTIONS))
    moving[free] = rng.normal(size=(free.size, DIRECTIONS))
    moving[held] = -stratum.faces[held, None] * np.abs(rng.normal(size=(held.size, DIRECTIONS)))
    normals = model.normals[np.union1d(stratum.creases, stratum.tied)]
    if free.size and normals.shape[0]:
        edges = np.zeros((n, 2 * normals.shape[0]))
        inverse = np.linalg.pinv(normals)
        edges[free] = np.concatenate([inverse, -inverse], axis=1)
        across = np.zeros_like(moving)
        across[free] = (inverse @ normals) @ moving[free]
        across[held] = moving[held] * (rng.random((held.size, DIRECTIONS)) < 0.5)
        moving = np.concatenate([across, edges], axis=1)
    elif free.size:
        moving[free] = 0.0
    length = np.abs(moving).max(axis=0)
    moving = moving[:, length > 0] / length[length > 0]
    at_zero = np.isin(np.arange(len(frame.groups)), frame.groups.members(np.union1d(stratum.creases, stratum.tied)))
    return model.y @ model.piece.directional(moving, frame.groups, at_zero)
