"""Checks of a user's functions against each other, by central differences at the first points that they are given."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from separatrix.errors import InputError

TESTED, DIRECTIONS = 6, 3
STEP = float(np.finfo(np.float64).eps) ** (1.0 / 3.0)
WRONG, ENCLOSURE_SLACK = 1e-3, 1e-8
WIDTH = 1e-3
SHORTER = (1.0 / 64, 1.0 / 4096)


class DerivativeWarning(UserWarning):
    """A derivative that a user gave agrees with differences at some points and not at others, as where it jumps."""


class FiniteDifferences:
    """Central differences of a function of rows, with steps of STEP (1 + |x|); shorter ones in rows where it is not finite
    so far away, as next to the edge of where it is defined."""

    def __init__(self, function: Callable[[np.ndarray], np.ndarray]) -> None:
        self.function = function

    def along(self, x: np.ndarray, v: np.ndarray, share: float = 1.0) -> np.ndarray:
        """Derivatives of the function at the rows of ``x`` in the directions ``v`` (n or 1, dim)."""
        size = np.abs(v).max(axis=1, keepdims=True)
        h = share * STEP * (1.0 + np.abs(x).max(axis=1, keepdims=True)) / np.where(size > 0, size, 1.0)
        v = np.broadcast_to(v, x.shape)
        found = self._quotient(x, v, h)
        for shorter in SHORTER:
            lost = ~np.isfinite(found).all(axis=tuple(range(1, found.ndim)))
            if not lost.any():
                break
            found[lost] = self._quotient(x[lost], v[lost], shorter * h[lost])
        return found

    def _quotient(self, x: np.ndarray, v: np.ndarray, h: np.ndarray) -> np.ndarray:
        difference = self.function(x + h * v) - self.function(x - h * v)
        return difference / (2.0 * h.reshape((-1,) + (1,) * (difference.ndim - 1)))

    def hessians(self, x: np.ndarray, free: np.ndarray) -> np.ndarray:
        """Symmetric Hessians (n, k, k) on the coordinates ``free`` (k,), of a gradient."""
        n, k = x.shape[0], free.size
        if not n * k:
            return np.zeros((n, k, k))
        unit = np.zeros((k, x.shape[1]))
        unit[np.arange(k), free] = 1.0
        found = self.along(np.repeat(x, k, axis=0), np.tile(unit, (n, 1)))[:, free].reshape(n, k, k)
        return 0.5 * (found + found.mT)


def check_functions(potential: Any, rows: np.ndarray) -> None:
    """Raise InputError where the functions of a custom potential take one point only or contradict each other near
    ``rows``; warn where they do so at some points only."""
    count = rows.shape[1] + 2  # not the number of coordinates, so that rows and columns cannot be mistaken
    tested = rows[np.arange(count) % rows.shape[0]]
    for what, function in potential.functions.items():
        if function is not None and what != "enclosure":
            _check_rows(potential, what, function, tested)
    x = rows[np.linspace(0, rows.shape[0] - 1, min(TESTED, rows.shape[0])).astype(int)]
    _check_derivative(potential, x, "value", "gradient")
    if potential.functions["hessian"] is not None:
        _check_derivative(potential, x, "gradient", "hessian")
    if potential.functions["enclosure"] is not None:
        _check_enclosure(potential, x)


def _check_rows(potential: Any, what: str, function: Callable[..., Any], rows: np.ndarray) -> None:
    """The function takes many rows at once, and each on its own."""
    try:
        together = potential.raw(what, rows)
    except (IndexError, TypeError, ValueError) as error:
        if _takes_one_point(what, function, rows[0]):
            raise InputError(
                f"{error}. The function {what} takes one point (dim,) only, it seems; functions get rows "
                f"(n, {rows.shape[1]}): write for example lambda x: np.array([f(point) for point in x])"
            ) from error
        raise
    alone = potential.raw(what, rows[:1])
    if not np.allclose(together[:1], alone, rtol=1e-6, atol=1e-9, equal_nan=True):
        raise InputError(
            f"{potential.name}: {what} of a row alone is not what it is among others ({alone.ravel()[0]:g}, "
            f"{together.ravel()[0]:g}); rows must not depend on each other, sum over axis=1"
        )


def _takes_one_point(what: str, function: Callable[..., Any], x: np.ndarray) -> bool:
    try:
        with np.errstate(all="ignore"):
            found = np.asarray(function(x.copy()))
    except (IndexError, TypeError, ValueError):
        return False
    return found.dtype.kind in "fiu" and found.shape == (x.size,) * {"value": 0, "gradient": 1, "hessian": 2}[what]


def _check_derivative(potential: Any, x: np.ndarray, of: str, derivative: str) -> None:
    """``derivative`` against differences of ``of`` in a few directions, where the differences themselves are settled."""
    rng = np.random.default_rng(0)
    differences = FiniteDifferences(lambda rows: potential.raw(of, rows))
    given = potential.raw(derivative, x)
    worst, n_tested, n_wrong = (0.0, 0.0, 0.0), 0, 0
    for direction in rng.standard_normal((DIRECTIONS, x.shape[1])):
        v = np.broadcast_to(direction / np.linalg.norm(direction), x.shape)
        expected, finer = (differences.along(x, v, share) for share in (1.0, 0.25))
        found = (given @ v[:, :, None])[:, :, 0] if derivative == "hessian" else (given * v).sum(axis=1)
        size = np.abs(given).reshape(x.shape[0], -1).max(axis=1)
        parts = (part.reshape(x.shape[0], -1) for part in (expected, finer, found))
        for a, b, c, scale in zip(*parts, size, strict=True):
            noise = float(np.abs(a - b).max())
            if not np.isfinite(noise + np.abs(c).max()):
                continue
            gap = float(np.abs(a - c).max())
            tolerance = WRONG * (scale + float(np.abs(a).max())) + 4.0 * noise + 1e-7
            n_tested, n_wrong = n_tested + 1, n_wrong + (gap > tolerance)
            if gap > tolerance and gap > worst[0]:
                at = int(np.abs(a - c).argmax())
                worst = gap, float(a[at]), float(c[at])
    if not n_wrong:
        return
    text = (
        f"{potential.name}: {derivative} disagrees with differences of {of} in {n_wrong} of {n_tested} directions tested "
        f"(given {worst[2]:g}, by differences {worst[1]:g})"
    )
    if 2 * n_wrong > n_tested:
        raise InputError(f"{text}; f is climbed: check signs and factors")
    warnings.warn(f"{text}; is f smooth there?", DerivativeWarning, stacklevel=5)


def _check_enclosure(potential: Any, x: np.ndarray) -> None:
    """Values and gradients at the middle and two corners of small boxes lie in the enclosure, up to rounding."""
    width = WIDTH * (1.0 + np.abs(x).max(axis=1, keepdims=True))
    box = potential.enclose(x - width, x + width)
    for point in (x, x - width, x + width):
        for what, part in (("value", box.value), ("gradient", box.gradient)):
            found = potential.raw(what, point)
            slack = ENCLOSURE_SLACK * (1.0 + np.abs(found))
            outside = ((found < part.lower - slack) | (found > part.upper + slack)) & np.isfinite(found)
            if outside.any():
                place = tuple(int(i[0]) for i in np.nonzero(outside))
                raise InputError(
                    f"{potential.name}: the enclosure of the {what} does not hold it: {found[place]:g} is outside "
                    f"[{part.lower[place]:g}, {part.upper[place]:g}] on a box of half side {width[place[0], 0]:g}"
                )
