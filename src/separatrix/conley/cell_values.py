"""Enclosures of a potential's values on many boxes: the value in the middle plus the gradient over the box times its radius."""

from __future__ import annotations

import numpy as np

from separatrix.numerics.intervals import Interval
from separatrix.potentials.base import Potential
from separatrix.potentials.expression import Expression
from separatrix.potentials.head import NetworkPotential

TOGETHER = 8_192


def values_at(potential: Potential, x: np.ndarray) -> Interval:
    """Rigorous enclosures (n,) of f at the points ``x`` (n, dim)."""
    return values_over(potential, x, x)


def values_over(potential: Potential, lower: np.ndarray, upper: np.ndarray) -> Interval:
    """Rigorous enclosures (n,) of f on boxes (n, dim), from the formula as it stands; nothing is checked."""
    parts = [
        _values(potential, lower[start : start + TOGETHER], upper[start : start + TOGETHER])
        for start in range(0, len(lower), TOGETHER)
    ]
    if not parts:
        return Interval(np.zeros(0), np.zeros(0))
    return Interval(np.concatenate([part.lower for part in parts]), np.concatenate([part.upper for part in parts]))


def _values(potential: Potential, lower: np.ndarray, upper: np.ndarray) -> Interval:
    if isinstance(potential, Expression):
        from separatrix.potentials.expressions.enclosures import bounds

        return bounds(potential.program, potential.root, Interval(lower, upper), 0)[0]
    if isinstance(potential, NetworkPotential):
        from separatrix.networks.bounds import BoundPropagation

        return potential.head.bounds(BoundPropagation(potential.graph, Interval(lower, upper)).output).value
    return potential.enclose(lower, upper).value


def mean_values(potential: Potential, lower: np.ndarray, upper: np.ndarray, gradient: Interval) -> Interval:
    """Enclosures (n,) of f on boxes (n, dim) by f(m) + g (x - m), from enclosures ``gradient`` (n, dim) over the boxes."""
    middle = np.clip(0.5 * lower + 0.5 * upper, lower, upper)
    offset = Interval(lower, upper) - Interval.point(middle)
    return values_at(potential, middle) + (gradient * offset).sum(axis=1)
