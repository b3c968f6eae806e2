"""The slow manifold of a sink: the analytic invariant curve along its slowest eigenvector (§3, C6).

Nearly every orbit enters a sink tangent to the slowest eigenvector, so that infinitely many invariant curves do. Meant here
is the one that is smooth through the sink, the curve of the formal expansion (a spectral submanifold). It is computed by
collocation (:mod:`.invariant_curve`) on the longest interval on which two solutions of different degree agree; their
difference is the error estimate, together with the defect of invariance over the gap in rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.manifolds.curve_ends import CURVE_POINTS, Branch, End, end_of
from separatrix.flow.manifolds.free_face import FreeFace
from separatrix.flow.manifolds.invariant_curve import (
    RESONANT,
    InvariantCurve,
    beyond_lower_powers,
    differentiation,
    resonances,
    solve,
)

DEGREES = (5, 7, 10, 14, 20, 28)
MOST_UNKNOWNS = 1_800
GOOD, USABLE = 1e-9, 2e-3  # estimated errors over the width at which the degree, and the interval, stop growing
SHORTEST, LEAST_REACH = 1e-4, 0.02  # of the first interval: tried, and over the width (a wall may be very near)
BEHIND = (
    1.0  # how far the interval goes on behind the sink, over its length ahead: near its edge smoothness says little
)
GROWTH = (1.7, 1.25, 1.08)
CHECKED = 48
SAFETY, TRUSTED = 3.0, 1e-7  # estimates are taken three times, and no agreement is trusted below 1e-7 of the width


@dataclass(frozen=True, eq=False)
class Fit:
    """A solution with its estimated error: ``bound(s)`` grows away from the sink on both sides."""

    curve: InvariantCurve
    places: np.ndarray
    errors: np.ndarray

    def error(self, s: np.ndarray) -> np.ndarray:
        """Estimated errors at arc lengths ``s``."""
        return np.interp(s, self.places, self.errors)

    def length(self, side: int) -> float:
        """How far the curve goes on one side."""
        return self.curve.high if side > 0 else -self.curve.low


@dataclass(eq=False)
class SlowSearch:
    """The growth of one branch: an interval from a little behind the sink to arc length ``fit.length(side)`` ahead of it."""

    face: FreeFace
    column: int
    side: int
    most: float
    whole_face: bool = False
    fit: Fit | None = None
    end: End | None = None

    def run(self) -> None:
        """First try: up to the wall along the eigenvector; halve until the curve can be followed; then grow."""
        face, v = self.face, self.face.vectors[:, self.column]
        room = max(1.02 * face.distance_to_walls(face.sink[face.free], self.side * v), LEAST_REACH * face.arena.width)
        reach = min(self.most, room)
        share = 1.0
        while self.fit is None and share > SHORTEST:
            self.fit = fitted(face, self.column, self._interval(share * reach))
            share *= 0.5
        tries = 0
        while self.fit is not None and self.end is None:
            self._look_for_end(self.fit)
            if self.end is None:
                tries += not self._grow(self.fit, GROWTH[tries])
            if tries == len(GROWTH) and self.end is None:
                reason = f"beyond it the error estimate passes {USABLE:g} of the domain's width"
                self.end = End(self.fit.length(self.side), reason)

    def _interval(self, length: float) -> tuple[float, float]:
        return (-BEHIND * length, length) if self.side > 0 else (-length, BEHIND * length)

    def _grow(self, fit: Fit, factor: float) -> bool:
        """Whether a longer interval could be fitted."""
        now, curve = fit.length(self.side), fit.curve
        at, tangent = curve.points(np.array([self.side * now])), curve.tangents(np.array([self.side * now]))
        room = self.face.distance_to_walls(at[0], self.side * tangent[0] / np.linalg.norm(tangent[0]))
        new = min(self.most, factor * now, now + 1.05 * room + 1e-9 * now)
        found = fitted(self.face, self.column, self._interval(new), curve)
        if found is not None:
            self.fit = found
        return found is not None

    def _look_for_end(self, fit: Fit) -> None:
        length = fit.length(self.side)
        places = np.linspace(0.0, length, CURVE_POINTS)
        self.end = end_of(
            self.face, lambda s: fit.curve.points(self.side * s), places, whole_face=self.whole_face, ridge=True
        )
        if self.end is None and length >= self.most * (1 - 1e-12):
            self.end = End(length, "the length asked for")


def fitted(face: FreeFace, column: int, ends: tuple[float, float], guess: InvariantCurve | None = None) -> Fit | None:
    """The curve on ``ends`` at the degree at which it is good, or at the largest that is usable; None where none is."""
    places = np.unique(np.concatenate([np.linspace(ends[0], ends[1], CHECKED), [0.0]]))
    width, best, last = face.arena.width, None, None
    for n in DEGREES:
        if last is not None and n * (face.dim + 1) > MOST_UNKNOWNS:
            break
        curve = solve(face, column, ends, n, guess)
        if curve is None:
            if best is not None or n >= DEGREES[2]:
                break
            continue
        if last is not None:
            errors = _estimate(face, column, curve, last, places)
            if best is None or errors.max() < best.errors.max():
                best = Fit(curve, places, errors)
            if errors.max() <= GOOD * width:
                break
        last = guess = curve
    return best if best is not None and best.errors.max() <= USABLE * width else None


def _estimate(
    face: FreeFace, column: int, curve: InvariantCurve, coarse: InvariantCurve, places: np.ndarray
) -> np.ndarray:
    """Estimated distance to the invariant curve: difference of two degrees, or defect over gap; growing outwards."""
    points = curve.points(places)
    difference = np.linalg.norm(points - coarse.points(places), axis=1)
    tangents = curve.tangents(places)
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True)
    gradient = face.gradient(points)
    across = gradient - (gradient * tangents).sum(axis=1, keepdims=True) * tangents
    defect = np.linalg.norm(across, axis=1) / gap_of_rates(face.spectrum, column)
    error = np.where(np.isfinite(difference + defect), np.maximum(difference, defect), np.inf)
    out = np.argsort(np.abs(places), kind="stable")
    for side in (places >= 0, places <= 0):
        order = out[side[out]]
        error[order] = np.maximum.accumulate(error[order])
    return error


def gap_of_rates(spectrum: np.ndarray, column: int) -> float:
    """Least |m lambda - mu| over the other eigenvalues mu and m = 2, 3: what a defect is divided by."""
    rate = abs(float(spectrum[column]))
    gaps = np.abs(np.array([[2.0], [3.0]]) * spectrum[column] - np.delete(spectrum, column))
    gaps = gaps[gaps > RESONANT * rate]
    return float(min(rate, gaps.min(initial=rate)))


def slow_branches(face: FreeFace, column: int, most: float, whole_face: bool = False) -> list[Branch]:
    """The two branches; ``most``: the length at which a branch is cut, ``whole_face``: as in :func:`.curve_ends.end_of`."""
    return [_branch(SlowSearch(face, column, side, most, whole_face)) for side in (1, -1)]


def _branch(search: SlowSearch) -> Branch:
    search.run()
    face, side, fit = search.face, search.side, search.fit
    if fit is None or search.end is None:
        return Branch.none(face, "near the sink the equations of the curve have no solution that can be trusted")
    ambiguity = resonant_ambiguity(face, search.column, fit.curve)
    trusted = TRUSTED * face.arena.width

    def error(s: np.ndarray) -> np.ndarray:
        wide = sum((amount * s**m for amount, m in ambiguity), np.zeros_like(s))
        return SAFETY * (fit.error(side * s) + wide) + trusted * np.minimum(s / (s[-1] + 1e-300), 1.0)

    return Branch.of(face, lambda s: fit.curve.points(side * s), error, search.end)


def resonant_ambiguity(face: FreeFace, column: int, curve: InvariantCurve) -> list[tuple[float, int]]:
    """(C, m) for each resonance of order m >= 3: C s^m is how far two plain curves of the resonant family lie apart.

    One, the curve at hand, has no share of sigma^m over the eigenvector's line; for the other the same is asked of the
    curvature, s^(m - 2). Neither is better founded, so that the error estimate covers both.
    """
    found = []
    nodes, d = curve.nodes, differentiation(curve.nodes)
    slope, bent = d @ curve.p, d @ (d @ curve.p)
    s = nodes[:, None]
    tangents = curve.tangents(nodes)
    curvature = 2.0 * curve.p + 4.0 * s * slope + s**2 * bent
    for j, m in resonances(face.spectrum, column):
        if not 3 <= m <= nodes.size + 1:
            continue
        normal = face.vectors[:, j] - (tangents @ face.vectors[:, j])[:, None] * tangents
        normal /= np.maximum(np.linalg.norm(normal, axis=1, keepdims=True), 1e-12)
        size = float(np.abs(nodes).max())
        share = beyond_lower_powers(nodes / size, range(m - 2), m - 2) @ (curvature * normal).sum(axis=1)
        found.append((abs(float(share)) / (m * (m - 1) * size ** (m - 2)), m))
    return found
