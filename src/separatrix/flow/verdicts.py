"""What a candidate for a sink is: proved, verified, or no sink and why (§3, §8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.certainty import Certainty
from separatrix.domains import Box
from separatrix.flow.newton import newton_reach, stays_concave
from separatrix.flow.projection import Arena
from separatrix.flow.proof import Proof, prove

NEAR = 1e-5
AT_REST = 1e-9
LISTED = (Certainty.PROVED, Certainty.VERIFIED)


@dataclass(frozen=True, eq=False)
class Sink:
    """A candidate that was judged: its point, its proof, its verdict and, where it is none, why.

    ``blur``: how far from the point the equilibrium may lie for which it stands, where nothing is proved: some Newton steps.
    """

    point: np.ndarray
    proof: Proof
    verdict: Certainty
    reason: str
    spectrum: np.ndarray
    multipliers: np.ndarray
    blur: float = 0.0


def no_sink(x: np.ndarray, reason: str) -> Sink:
    """A candidate that is none, for that reason."""
    return Sink(x, Proof(None, ""), Certainty.UNKNOWN, reason, np.zeros(0), np.zeros_like(x))


def judge(arena: Arena, x: np.ndarray, ignored: np.ndarray) -> Sink:
    """Prove a candidate, or say what it is."""
    potential, bounds = arena.potential, arena.bounds
    faces = np.where(ignored, 0, bounds.faces(x))
    if arena.outside(x[None])[0]:
        return no_sink(x, f"the ascent {arena.left}")
    if not np.isfinite(potential.value_and_gradient(x[None])[0][0]):
        return no_sink(x, "f is not defined at the start, or not finite")
    if ignored.all():
        return no_sink(x, "f does not depend on any input: it is constant")
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
    return Sink(x, proof, verdict, reason, spectrum, multipliers, newton_reach(spectrum, gradient, free))


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
