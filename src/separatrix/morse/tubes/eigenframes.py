"""Eigencoordinates of a proved critical point on its free face, with bounds that make them rigorous (§8).

V holds approximate eigenvectors as doubles. With G = V^T V and |G - I| <= d < 1 in the row-sum norm V is invertible and
V^-T = V G^-1 = V (I + E), where every entry of E is at most d / (1 - d). So x - p = V (I + E) xi for xi = V^T (x - p), and

    xi' = V^T Hbar (x - p) = V^T Hbar V (I + E) xi,   Hbar a mean of the Hessian on the segment from p to x.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.certainty import Certainty
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.numerics.balls import MidRad, product
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import ieee_arithmetic_holds
from separatrix.potentials.base import Potential

LARGEST_DEFECT = 1e-8
MARGIN = 1.0 + 1e-9
STRETCHED = 10.0


@dataclass(frozen=True, eq=False)
class Eigenframe:
    """The point ``row`` at ``center`` (dim,) up to ``error`` in the max norm; ``free`` (k,) coordinates, the others held with
    the ``outward`` signs (dim,); ``spectrum`` (k,) ascending, ``vectors`` (k, k) columns; ``defect``: bound of the entries of
    E; ``doubt`` (k,): bound of |V^T (p - center)|."""

    row: int
    center: np.ndarray
    error: float
    free: np.ndarray
    outward: np.ndarray
    spectrum: np.ndarray
    vectors: np.ndarray
    defect: float
    doubt: np.ndarray

    @classmethod
    def at(cls, arena: Arena, points: CriticalPoints, row: int) -> Eigenframe | None:
        """The frame of a proved point, None where it is not proved."""
        if points.certainty[row] is not Certainty.PROVED or not np.isfinite(points.error[row]):
            return None
        if not ieee_arithmetic_holds():
            return None
        center, outward = points.points[row], points.active[row].astype(np.float64)
        free = np.flatnonzero(outward == 0)
        spectrum, vectors = np.zeros(0), np.zeros((0, 0))
        if free.size:
            spectrum, vectors = np.linalg.eigh(arena.potential.hessian_on(center, free))
        gram = product(vectors.T, vectors) - np.eye(free.size)
        off = float((gram.to_interval().magnitude.sum(axis=1) * MARGIN).max(initial=0.0))
        if not off < LARGEST_DEFECT:
            return None
        error = float(points.error[row])
        doubt = error * np.abs(vectors).sum(axis=0) * MARGIN + 1e-300
        return cls(row, center, error, free, outward, spectrum, vectors, off * 1.001, doubt)

    @property
    def is_stretched(self) -> bool:
        """Whether the eigenvalues differ so much that boxes along the axes are wide in the wrong directions."""
        size = np.abs(self.spectrum)
        return bool(size.size > 1 and size.max() > STRETCHED * size.min())

    def hull(self, reaches: np.ndarray, depths: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Boxes (lower, upper), each (m, dim), that hold p and every x of the face with |V^T (x - p)|_i <= reaches_i.

        With ``depths`` (m,) they reach inward by these in the held coordinates.
        """
        lower = np.repeat(self.center[None], len(reaches), axis=0)
        upper = lower.copy()
        size = np.abs(self.vectors)
        spread = reaches @ size.T + self.defect * reaches.sum(axis=1, keepdims=True) * size.sum(axis=1)
        around = Interval.around(lower[:, self.free], (spread + self.error) * MARGIN + 1e-300)
        lower[:, self.free], upper[:, self.free] = around.lower, around.upper
        if depths is not None:
            deep = (depths * MARGIN)[:, None] + 4e-16 * np.abs(self.center)  # the second term for rounding
            lower = np.where(self.outward > 0, np.minimum(lower - deep, lower), lower)
            upper = np.where(self.outward < 0, np.maximum(upper + deep, upper), upper)
        return lower, upper

    def in_coordinates(self, hessian: Any, sign: float) -> MidRad:
        """sign V^T H V (I + E) for enclosures H (m, dim, dim) of Hessians: (m, k, k)."""
        lower, upper = (side[:, self.free[:, None], self.free] for side in (hessian.lower, hessian.upper))
        lower, upper = np.maximum(lower, lower.mT), np.minimum(upper, upper.mT)  # the Hessian is symmetric
        known = np.isfinite(lower) & np.isfinite(upper) & (lower <= upper)
        block = MidRad.from_interval(Interval(np.where(known, lower, 0.0), np.where(known, upper, 0.0)))
        block = MidRad(block.mid, np.where(known, block.rad, np.inf))
        return self.signed(product(self.vectors.T, product(block, self.vectors)), sign)

    def signed(self, bent: MidRad, sign: float) -> MidRad:
        """sign B (I + E) for enclosures B (m, k, k) of V^T H V."""
        more = bent.magnitude.sum(axis=2, keepdims=True) * (self.defect * MARGIN)
        return MidRad(sign * bent.mid, bent.rad * MARGIN + more + 1e-300)

    def sharp(self, potential: Potential, lower: np.ndarray, upper: np.ndarray, sign: float) -> MidRad:
        """As :meth:`in_coordinates`, box by box with V inside the enclosure: sharper where eigenvalues differ much."""
        basis = np.zeros((self.center.size, self.free.size))
        basis[self.free] = self.vectors
        parts = [potential.hessian_bounds(Interval(a, b), basis, basis) for a, b in zip(lower, upper, strict=True)]
        return self.signed(MidRad(np.stack([p.mid for p in parts]), np.stack([p.rad for p in parts])), sign)

    def pull(self, hessian: Any, depths: np.ndarray) -> np.ndarray:
        """Upper bounds (m, k) of |V^T H_FA y| for |y| <= ``depths`` (m,) on the held coordinates A, infinite where unknown."""
        held = np.flatnonzero(self.outward)
        size = np.maximum(np.abs(hessian.lower), np.abs(hessian.upper))[:, self.free[:, None], held].sum(axis=2)
        with np.errstate(invalid="ignore"):
            found = (size @ np.abs(self.vectors)) * (depths * MARGIN)[:, None] * MARGIN
        return np.where(np.isnan(found), np.where(depths[:, None] > 0, np.inf, 0.0), found)

    def presses_outward(self, gradient: Any) -> np.ndarray:
        """Whether on each box (m,) the gradient is strictly outward on every held coordinate."""
        outward = np.where(self.outward > 0, gradient.lower, -gradient.upper)
        return np.asarray((outward[:, self.outward != 0] > 0).all(axis=1))
