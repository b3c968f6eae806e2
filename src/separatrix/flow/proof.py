"""The proof of one equilibrium: existence, uniqueness, strict multipliers, Morse index (§8).

Krawczyk's test in the eigencoordinates of the Hessian on the free face, x = m + V xi, so that a slow direction may be long
without widening the others:

    K = |L^-1 V^T g(m)| + |I - L^-1 V^T H(X) V| r < r,   X = m + V [-r, r],                                     (8.1)

proves one and only one zero of the free gradient in X, within V [-K, K] of m. The index is the inertia of V^T H(X) V
(Sylvester, V invertible); multipliers are enclosed over all of X by g_A(m) + (H(X) V)_A [-r, r].
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.linalg

from separatrix.errors import SeparatrixError
from separatrix.flow.projection import Bounds
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import ieee_arithmetic_holds, up
from separatrix.numerics.spectra import inertia
from separatrix.potentials.base import Potential

FIRST_RADII = (1e-6, 1e-7, 1e-8, 1e-9, 0.0)
ROUNDS = 4
ORTHOGONAL = 1e-8
SHRINKINGS = 12
SMALLEST = 1e-290  # of the sizes of eigenvalues whose reciprocals are computed


@dataclass(frozen=True, eq=False)
class Region:
    """m + V [-r, r] on the free coordinates ``free``, the others fixed: where a zero was proved unique."""

    center: np.ndarray
    free: np.ndarray
    vectors: np.ndarray
    reach: np.ndarray

    def contains(self, x: np.ndarray) -> np.ndarray:
        """Which rows of ``x`` (n, dim) lie in the region."""
        shift = x - self.center
        fixed = np.ones(x.shape[1], dtype=bool)
        fixed[self.free] = False
        on_face = (shift[:, fixed] == 0).all(axis=1)
        return on_face & (np.abs(shift[:, self.free] @ self.vectors) <= self.reach).all(axis=1)


@dataclass(frozen=True, eq=False)
class Proof:
    """What was proved of one point, or why nothing was (``region`` None).

    ``index``: Morse index; ``multipliers`` (dim,): proved lower bounds of the outward gradient on active coordinates;
    ``radius``, ``error``: as in CriticalPoints; ``evidence``: a sentence.
    """

    region: Region | None
    evidence: str
    index: int = -1
    radius: float = np.nan
    error: float = np.nan
    multipliers: np.ndarray | None = None


def prove(potential: Potential, bounds: Bounds, m: np.ndarray, ignored: np.ndarray | None = None) -> Proof:
    """Try to prove an equilibrium at ``m`` (dim,), its coordinates on faces exact: in doubles, then with g(m) in balls.

    ``ignored`` (dim,) marks coordinates on which f does not depend; they are left out.
    """
    if not ieee_arithmetic_holds():
        return Proof(
            None, "this thread's floating-point arithmetic is not IEEE (subnormals flushed or rounding changed)"
        )
    faces = bounds.faces(m)
    free = faces == 0
    if ignored is not None:
        free, faces = free & ~ignored, np.where(ignored, 0, faces)
    chosen = np.flatnonzero(free)
    spectrum, vectors = (
        scipy.linalg.eigh(potential.hessian_on(m, chosen)) if chosen.size else (np.zeros(0), np.zeros((0, 0)))
    )
    if chosen.size and float(np.abs(spectrum).min()) < SMALLEST:
        return Proof(None, "the Hessian on the free face is singular")
    result = Proof(None, "")
    for precise in (False, True):
        try:
            gradient = potential.gradient_bounds(m, precise=precise)
        except SeparatrixError as error:
            return Proof(None, str(error))
        found = _attempt(potential, bounds, (m, faces, gradient), (chosen, spectrum, vectors), precise)
        if found.region is not None or result.region is None:
            result = found
        if np.isfinite(result.radius):
            break
    return result


def _attempt(
    potential: Potential,
    bounds: Bounds,
    point: tuple[np.ndarray, np.ndarray, Interval],
    frame: tuple[np.ndarray, np.ndarray, np.ndarray],
    precise: bool,
) -> Proof:
    (m, faces, gradient), (chosen, spectrum, vectors) = point, frame
    basis = np.zeros((m.size, chosen.size))
    basis[chosen] = vectors
    if chosen.size and not _is_invertible(vectors):
        return Proof(None, "the eigenvectors could not be proved independent")
    q = product(vectors.T, MidRad.from_interval(gradient[chosen].reshape(-1, 1))).to_interval().magnitude[:, 0]
    reason = ""
    for first in FIRST_RADII if chosen.size else (0.0,):
        found = _krawczyk(potential, m, (chosen, spectrum, basis), q, first)
        if found is None:
            reason = reason or "Krawczyk's test did not contract"
            continue
        reach, near, box, bent = found
        if not _is_inside(bounds, box, chosen):
            reason = "the region of the proof reaches over a side of the box"
            continue
        signs = inertia(bent) if chosen.size else (0, 0)
        if signs is None:
            reason = "the Morse index is not decided: an eigenvalue's enclosure holds 0"
            continue
        multipliers = _multipliers(potential, (m, faces, gradient), box, basis, reach)
        if not (multipliers[faces != 0] > 0).all():
            weakest = float(multipliers[faces != 0].min())
            reason = f"a multiplier is not proved to point outward (lower bound {weakest:.1e})"
            continue
        radius, error = _cube(vectors, reach, near)
        radius = _alone(potential, bounds, (m, faces), radius, error)
        digits = "flint balls for the gradient" if precise else "doubles rounded outward"
        text = f"Krawczyk's test on the free face, {digits}; index by Gershgorin discs; multipliers enclosed"
        return Proof(Region(m, chosen, vectors, reach), text, signs[1], radius, error, multipliers)
    return Proof(None, reason)


def _is_invertible(vectors: np.ndarray) -> bool:
    """Whether the row sums of |V^T V - I| are proved below ORTHOGONAL, so that V is invertible and nearly orthogonal."""
    gram = product(vectors.T, vectors) - np.eye(vectors.shape[1])
    return bool((gram.to_interval().magnitude.sum(axis=1) * (1 + 1e-9) < ORTHOGONAL).all())


def _krawczyk(
    potential: Potential, m: np.ndarray, frame: tuple[np.ndarray, np.ndarray, np.ndarray], q: np.ndarray, first: float
) -> tuple[np.ndarray, np.ndarray, Interval, MidRad] | None:
    """(r, K, X, V^T H(X) V) of a passed test (8.1), or None."""
    chosen, spectrum, basis = frame
    if not chosen.size:
        return np.zeros(0), np.zeros(0), Interval.point(m), MidRad(np.zeros((0, 0)), np.zeros((0, 0)))
    size = np.abs(spectrum)
    reach = np.maximum(2.0 * q / size, max(first, 1e-300)) * (1 + 1e-9)
    for _ in range(ROUNDS):
        if not np.isfinite(reach).all() or float(reach.max()) > 1e3:
            return None
        box = Interval.around(m, up(_spread(basis, reach)))
        bent = potential.hessian_bounds(box, basis, basis)
        scaled = product(MidRad.exact(np.diag(1.0 / spectrum)), bent)
        defect = (scaled - np.eye(chosen.size)).to_interval().magnitude
        # sums of non-negative terms: 1e-9 covers their rounding and that of 1 / spectrum, which need not be exact in Y
        near = (q / size + defect @ reach) * (1 + 1e-9) + 1e-300
        if (near < reach).all():
            # the zero lies within V [-near, near], where the same bound on the defect holds: again, sharper
            for _ in range(SHRINKINGS):
                near = np.minimum(near, (q / size + defect @ near) * (1 + 1e-9) + 1e-300)
            return reach, near, box, bent
        reach = np.maximum(reach, 1.5 * near)
    return None


def _spread(basis: np.ndarray, reach: np.ndarray) -> np.ndarray:
    """|V| r, an upper bound."""
    return (np.abs(basis) @ reach) * (1 + 1e-9)


def _is_inside(bounds: Bounds, box: Interval, chosen: np.ndarray) -> bool:
    lower, upper = np.broadcast_to(bounds.lower, box.shape), np.broadcast_to(bounds.upper, box.shape)
    return bool((box.lower[chosen] > lower[chosen]).all() and (box.upper[chosen] < upper[chosen]).all())


def _multipliers(
    potential: Potential,
    point: tuple[np.ndarray, np.ndarray, Interval],
    box: Interval,
    basis: np.ndarray,
    reach: np.ndarray,
) -> np.ndarray:
    """Lower bounds of the outward gradient over the region, (dim,), 0 on free coordinates."""
    _m, faces, gradient = point
    held = faces != 0
    over = potential.gradient_over(box)
    outward = np.where(faces > 0, over.lower, -over.upper)
    rest = np.flatnonzero(held & ~(outward > 0))
    if reach.size and rest.size:  # the mean value form is narrower and takes many more products
        rows = np.zeros((faces.size, rest.size))
        rows[rest, np.arange(rest.size)] = 1.0
        change = potential.hessian_bounds(box, rows, basis).to_interval().magnitude
        at = np.where(faces > 0, gradient.lower, -gradient.upper)[rest]
        outward[rest] = np.fmax(outward[rest], np.nextafter(at - up(_spread(change, reach)), -np.inf))
    return np.where(held, outward, 0.0)


def _cube(vectors: np.ndarray, reach: np.ndarray, near: np.ndarray) -> tuple[float, float]:
    """(radius, error): half side of a cube in the face inside the region, and the bound |V| K on the distance."""
    if not reach.size:
        return 1.0, 0.0
    error = float((np.abs(vectors) @ near).max() * (1 + 1e-9))
    # xi = V^-1 d, and |V^T V - I| < 1e-8 adds less than 1e-8 sqrt(k) max_i |V^T d|_i: the factor covers k < 10^4
    radius = float((reach / np.abs(vectors).sum(axis=0)).min() * (1 - 2e-6))
    return radius, error


def _alone(
    potential: Potential, bounds: Bounds, point: tuple[np.ndarray, np.ndarray], radius: float, error: float
) -> float:
    """Half side h <= ``radius`` of a cube about m in whose part of the box m's point is the only equilibrium, or NaN.

    Where the gradient is strictly outward on the active coordinates over that part, an equilibrium there has them all on
    their faces, and on the face the zero is unique.
    """
    m, faces = point
    for _ in range(SHRINKINGS):
        if radius < error or radius == 0.0:
            break
        if not faces.any():
            return radius
        part = Interval.around(m, np.full(m.shape, radius))
        part = Interval(np.maximum(part.lower, bounds.lower), np.minimum(part.upper, bounds.upper))
        gradient = potential.gradient_over(part)
        if (np.where(faces > 0, gradient.lower, -gradient.upper)[faces != 0] > 0).all():
            return radius
        radius /= 8.0
    return np.nan
