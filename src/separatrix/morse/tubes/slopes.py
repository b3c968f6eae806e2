"""Gradients and Hessians at points, by whichever of a potential's ways is quick for few points."""

from __future__ import annotations

import numpy as np

from separatrix.errors import SeparatrixError
from separatrix.potentials.base import Potential
from separatrix.potentials.expression import Expression


def gradients(potential: Potential, x: np.ndarray) -> np.ndarray:
    """The gradient at the rows of ``x`` (n, dim), NaN where it is not defined."""
    if not isinstance(potential, Expression):
        return np.asarray(potential.value_and_gradient(x)[1])
    points, lost = _finite(x)
    found = potential.gradient_batch(points, points)  # formulas are enclosed by compiled loops, to the last digits
    return np.where(lost[:, None], np.nan, 0.5 * found.lower + 0.5 * found.upper)


def hessians(potential: Potential, x: np.ndarray) -> np.ndarray:
    """The Hessian at the rows of ``x``, (n, dim, dim), NaN where it is not defined."""
    if isinstance(potential, Expression):
        points, lost = _finite(x)
        found = potential.enclose_batch(points, points)[1]
        return np.where(lost[:, None, None], np.nan, 0.5 * found.lower + 0.5 * found.upper)
    try:
        return np.asarray(potential.hessian(x))
    except SeparatrixError:
        return np.full((*x.shape, x.shape[1]), np.nan)


def _finite(x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lost = np.asarray(~np.isfinite(x).all(axis=1))
    return np.where(lost[:, None], 0.0, x), lost
