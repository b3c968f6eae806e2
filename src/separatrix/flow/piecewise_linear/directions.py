"""The velocity of the flow at a point where neurons are at zero and sides of the box are touched (§5).

Where f is locally concave, the least-norm element v of (Clarke gradient - normal cone) is found by cutting planes: the
hull of the gradients known so far gives a v, the cell that v points into gives the gradient g with the least g.v there,
and it joins the hull until it is already in it (Wolfe's method, with the directional derivative as its oracle).

Elsewhere a direction v is *consistent* if it is an element of (hull of the gradients of the cells that v lies in the
closure of) - (normal cone): an orbit may leave along it. Two consistent directions mean that the orbit is not unique.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.piecewise_linear.least_norm import Touched, least_norm
from separatrix.flow.piecewise_linear.local_model import TIE, Direction, LocalModel

VANISHES = 1e-13
USED = 1e-9
ROUNDS = 40


@dataclass(frozen=True, eq=False)
class Velocity:
    """``v`` (dim,), zero at rest, and the ``cell`` behind the point: which neurons stay at zero, which side the rest take."""

    v: np.ndarray
    cell: Direction

    @property
    def vanishes(self) -> bool:
        """Whether the point is at rest."""
        return not self.v.any()


class Corner:
    """A point with cotangent ``y`` (m,) of the outputs, ``signs`` (N,), 0 for neurons at zero, and touched sides."""

    def __init__(self, model: LocalModel, y: np.ndarray, signs: np.ndarray, touched: Touched) -> None:
        self.model, self.y, self.signs, self.touched = model, y, signs, touched
        self.zero = np.flatnonzero(signs == 0)
        self.inward = np.zeros(model.dim)
        self.inward[touched.coordinates] = -touched.outward
        self.generic = model.generic

    @property
    def creases(self) -> np.ndarray:
        """Numbers of the creases (groups of neurons) through the point."""
        return np.unique(self.model.group[self.zero])

    def cell(self, v: np.ndarray, signs: np.ndarray | None = None) -> Direction:
        """The cell that ``v`` points into; ties go to a generic direction within the touched faces, then inward."""
        if not self.zero.size:
            return self.model.along(v[None], self.signs)
        generic = self.generic.copy()
        on = self.touched.coordinates
        generic[on[v[on] == 0]] = 0.0
        return self.model.along(np.stack([v, generic, self.inward]), self.signs if signs is None else signs)

    def gradient(self, cell: Direction) -> np.ndarray:
        """grad f on a cell, (dim,)."""
        return self.model.gradient(cell.signs, self.y)

    def settle(self, first: np.ndarray, signs: np.ndarray | None = None) -> Velocity | None:
        """A consistent direction found by cutting planes from the cell that ``first`` points into, or None.

        ``signs`` may put some of the neurons at zero on a side; the direction must then agree.
        """
        signs = self.signs if signs is None else signs
        cell = self.cell(first, signs)
        patterns, gradients = [cell.signs[self.zero]], [self.gradient(cell)]
        for _ in range(ROUNDS + 4 * self.zero.size):
            v, weights = least_norm(np.array(gradients), self.touched)
            if np.abs(v).max(initial=0.0) <= VANISHES * max(float(np.abs(g).max(initial=0.0)) for g in gradients):
                v = np.zeros_like(v)
            cell = self.cell(v, signs)
            pattern = cell.signs[self.zero]
            if not v.any() or any((pattern == known).all() for known in patterns):
                break
            patterns.append(pattern)
            gradients.append(self.gradient(cell))
        else:
            return None
        found = Velocity(v, cell)
        used = [pattern for pattern, weight in zip(patterns, weights, strict=True) if weight > USED]
        return found if self.agrees(found, np.array([*used, signs[self.zero]])) else None

    def agrees(self, found: Velocity, patterns: np.ndarray) -> bool:
        """Whether the neurons that leave zero along ``found`` do so to the sides of ``patterns`` (k, zero), 0 for any."""
        leaving = ~found.cell.tied[self.zero]
        side = np.sign(found.cell.rates[self.zero])
        return not ((patterns * side < 0) & leaving).any()

    def kinks(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (k,) of the kink of f across the creases through the point: J <= 0 is a concave crease."""
        model = self.model
        low, high = model.output_bounds(self.signs, self.y)
        size = np.abs(model.scale) * np.abs(model.kink)
        low, high = np.where(model.kink < 0, -high, low) * size, np.where(model.kink < 0, -low, high) * size
        noise = VANISHES * np.maximum(np.abs(low), np.abs(high))
        creases = self.creases
        at = np.searchsorted(creases, model.group[self.zero])
        sums = [np.bincount(at, part[self.zero], creases.size) for part in (low + noise, high - noise)]
        return sums[0], sums[1]

    def least(self) -> Velocity | None:
        """The velocity where f is locally concave: the least-norm element."""
        return self.settle(self.generic)


def same_direction(a: np.ndarray, b: np.ndarray) -> bool:
    """Whether two velocities agree to rounding."""
    return bool(
        np.abs(a - b).max(initial=0.0) <= 100.0 * TIE * max(np.abs(a).max(initial=0.0), np.abs(b).max(initial=0.0))
    )
