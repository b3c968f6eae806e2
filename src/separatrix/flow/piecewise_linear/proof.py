"""The proof that a point on creases and faces is a sink, for networks of any depth (§5, §8).

Theorem (5.5). At x let Z be the neurons at zero, A the coordinates on faces, F the free ones; L the potential with slopes
theta_j in the place of the activations of Z. If on Z f is concave across (C_j < 0) and theta_j lies strictly between the
two slopes, grad L is 0 on F and strictly outward on A, no other neuron is at zero, and the Hessian of L is negative definite
on {d : d_A = 0, W_Z d = 0}, then x is a strict local maximum of f on the box.

Existence: Krawczyk's test for (grad_F L, u_Z) = 0 in (x_F, beta), (5.3), about a midpoint refined in flint balls, with the
symmetric Jacobian J = [[H_FF, W^T], [W, 0]]. J has |F| negative and |Z| positive eigenvalues exactly if H is negative
definite on the kernel of W and the rows of W are independent.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.piecewise_linear.isolation import in_words, isolation_radius
from separatrix.flow.piecewise_linear.stratum import Frame, Stratum
from separatrix.flow.piecewise_linear.stratum_system import System
from separatrix.numerics.rounding import ieee_arithmetic_holds

BITS = 160


@dataclass(frozen=True, eq=False)
class RidgeProof:
    """What was proved: ``holds``, else ``evidence`` is the reason why not. ``point`` (dim,): doubles next to the true sink,
    within ``error`` (max-norm); ``radius``: half side of a cube in which it is the only equilibrium, NaN where not proved.
    ``refuted``: a condition that every strict first-order maximum fulfils fails in doubles.
    """

    holds: bool
    evidence: str
    point: np.ndarray
    error: float = np.nan
    radius: float = np.nan
    refuted: bool = False


def prove(frame: Frame, stratum: Stratum, bits: int = BITS) -> RidgeProof:
    """Try to prove the sink that ``stratum`` describes: every hypothesis of (5.5) in balls of ``bits`` bits."""
    from flint import ctx

    if stratum.reason:
        return RidgeProof(False, stratum.reason, stratum.point)
    if not ieee_arithmetic_holds():
        return RidgeProof(False, "this thread's floating-point arithmetic is not IEEE", stratum.point)
    with ctx.workprec(bits):
        system = System.of(frame, stratum)
        region = system.krawczyk()
        if isinstance(region, str):
            return RidgeProof(False, region, stratum.point)
        reason = system.check(region)
        if reason:
            return RidgeProof(False, reason, stratum.point)
        point, error = system.rounded(region)
        radius = isolation_radius(system, region, point, error)
    text = (
        f"first-order condition on {stratum.creases.size} creases and {int((stratum.faces != 0).sum())} faces in balls of "
        f"{bits} bits; Krawczyk's test; Hessian on the stratum by inertia; {in_words(radius)}"
    )
    return RidgeProof(True, text, point, error, radius)
