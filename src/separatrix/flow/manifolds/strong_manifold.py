"""The strong manifold of a sink: the one invariant curve tangent to its fastest eigenvector (§3, C6).

Near the sink the polynomial of :mod:`.invariant_curve`; from there the flow itself, followed backwards at unit speed by the
eighth-order pair of Dormand and Prince. Backwards every other direction falls behind the strong one, so the curve draws its
neighbours in relative to its own length. The error is estimated by a second run: from half the distance, on a polynomial
of lower degree, at a looser tolerance.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy.integrate import DOP853

from separatrix.flow.manifolds.curve_ends import AT_EQUILIBRIUM, Branch, End, end_of
from separatrix.flow.manifolds.free_face import FreeFace
from separatrix.flow.manifolds.invariant_curve import InvariantCurve, solve

LOCAL_DEGREES = (4, 6, 9)
LOCAL_ERROR = 1e-11  # of the polynomial, over the width
TOLERANCE, LOOSE = 1e-10, 1e-8
FIRST_SHARE, SMALLEST_SHARE = 0.1, 1e-9
MOST_STEPS = 4_000
AT_REST = 1e-7  # gradient over the largest met, at which an equilibrium is as good as reached
SLOW, NEXT_TO = 1e-2, 1e-3  # where one is looked for, by Newton; its distance over the length so far
ROUNDING = 1e-14
ONE_END = 5e-3  # over the length: runs that stop next to equilibria so near to each other stop at the same
SAFETY, TRUSTED = 2.0, 1e-11  # estimates are taken twice, and no agreement is trusted below 1e-11 of the width


@dataclass(eq=False)
class Orbit:
    """A branch as pieces: a function of arc length on [0, length], why it ends, and the gradient's largest size on it."""

    pieces: list[tuple[float, Callable[[np.ndarray], np.ndarray]]]
    length: float
    reason: str

    def __call__(self, s: np.ndarray) -> np.ndarray:
        """Points (m, k) at arc lengths ``s`` in [0, length]."""
        ends = np.array([end for end, _ in self.pieces])
        place = np.minimum(np.searchsorted(ends, s, side="left"), len(ends) - 1)
        first = self.pieces[0][1](s[:1])
        points = np.empty((s.size, first.shape[1]))
        for i in np.unique(place):
            points[place == i] = self.pieces[i][1](s[place == i])
        return points


def local_curves(face: FreeFace, column: int, reach: float) -> tuple[InvariantCurve, InvariantCurve] | None:
    """Two polynomials of different degree on an interval on which they agree to LOCAL_ERROR, or to what rounding allows."""
    share, width = FIRST_SHARE, face.arena.width
    while share > SMALLEST_SHARE:
        ends = (-share * reach, share * reach)
        coarse: InvariantCurve | None = None
        for n in LOCAL_DEGREES:
            fine = solve(face, column, ends, n, coarse)
            if fine is None:
                break
            if coarse is not None:
                s = np.linspace(*ends, 9)
                allowed = max(LOCAL_ERROR * width, ROUNDING * (1.0 + float(np.abs(fine.start).max(initial=0.0))))
                if float(np.abs(fine.points(s) - coarse.points(s)).max()) <= allowed:
                    return coarse, fine
            coarse = fine
        share *= 0.5
    return None


def orbit(
    face: FreeFace,
    local: InvariantCurve,
    side: int,
    begin: float,
    most: float,
    tolerance: float,
    whole_face: bool | None,
) -> Orbit:
    """The branch on ``side``: ``local`` up to arc length ``begin``, then integrated; ``whole_face=None`` looks for no end."""

    def polynomial(s: np.ndarray) -> np.ndarray:
        return local.points(side * s)

    found = Orbit([(begin, polynomial)], begin, "")
    if _ended(face, found, np.linspace(0.0, begin, 9), whole_face):
        return found
    largest = 0.0

    def backwards(_: float, y: np.ndarray) -> np.ndarray:
        nonlocal largest
        slope = face.gradient(y[None])[0]
        size = float(np.linalg.norm(slope))
        largest = max(largest, size if np.isfinite(size) else 0.0)
        return -slope / size if size > 0 else np.zeros_like(slope)

    start, allowed = polynomial(np.array([begin]))[0], tolerance * face.arena.width
    solver = DOP853(backwards, begin, start, most, rtol=1e-13, atol=allowed, first_step=min(0.5 * begin, most - begin),
                    max_step=max(most / 8, begin))  # fmt: skip
    for _ in range(MOST_STEPS):
        if solver.status != "running":
            break
        message = solver.step()
        if solver.status == "failed":
            found.reason = f"the integration stops ({message})"
            break
        dense = solver.dense_output()
        found.pieces.append((float(solver.t), partial(_transposed, dense)))
        found.length = float(solver.t)
        if _ended(face, found, np.linspace(float(solver.t_old or begin), float(solver.t), 7), whole_face):
            return found
        size = float(np.linalg.norm(face.gradient(solver.y[None])[0]))
        if size <= AT_REST * largest or (size <= SLOW * largest and _is_next_to_rest(face, solver.y, size, solver.t)):
            found.reason = AT_EQUILIBRIUM
            break
    found.reason = found.reason or (
        "the length asked for" if solver.status == "finished" else f"the budget of {MOST_STEPS} steps"
    )
    return found


def _is_next_to_rest(face: FreeFace, y: np.ndarray, size: float, length: float) -> bool:
    """Whether an equilibrium of the face lies within NEXT_TO of the length: past it the two runs could turn off alike."""
    slope, hessian = face.gradient(y[None])[0], face.hessian(y)
    step = np.linalg.lstsq(hessian, -slope, rcond=None)[0]
    if not float(np.linalg.norm(step)) <= NEXT_TO * length:
        return False
    return bool(np.linalg.norm(face.gradient((y + step)[None])[0]) <= 0.1 * size)


def _transposed(dense: Callable[[np.ndarray], np.ndarray], s: np.ndarray) -> np.ndarray:
    return dense(s).T


def _ended(face: FreeFace, found: Orbit, s: np.ndarray, whole_face: bool | None) -> bool:
    """Whether the last piece, sampled at ``s``, holds the end of the branch, which is then entered."""
    if whole_face is None:
        return False
    end = end_of(face, found.pieces[-1][1], s, whole_face=whole_face)
    if end is not None:
        found.length, found.reason = end.length, end.reason
    return end is not None


def strong_branches(face: FreeFace, column: int, most: float, whole_face: bool = False) -> list[Branch]:
    """The two branches; ``most``: the length at which a branch is cut, ``whole_face``: as in :func:`.curve_ends.end_of`."""
    start, v = face.sink[face.free], face.vectors[:, column]
    reach = min(most, face.arena.width, max(face.distance_to_walls(start, side * v) for side in (-1.0, 1.0)))
    curves = local_curves(face, column, reach)
    if curves is None:
        return [Branch.none(face, "near the sink the equations of the curve have no solution that can be trusted")] * 2
    return [branch_of(face, curves, side, most, whole_face) for side in (1, -1)]


def branch_of(
    face: FreeFace, curves: tuple[InvariantCurve, InvariantCurve], side: int, most: float, whole_face: bool
) -> Branch:
    """One side of two local ``curves`` continued by orbits: the finer one, its error estimated from the coarser one."""
    coarse, fine = curves
    best = orbit(face, fine, side, fine.high, most, TOLERANCE, whole_face)
    check = orbit(face, coarse, side, 0.5 * coarse.high, max(best.length, 0.6 * coarse.high), LOOSE, None)

    def error(s: np.ndarray) -> np.ndarray:
        found = best(s)
        apart = np.linalg.norm(found - check(np.minimum(s, check.length)), axis=1)
        beyond = s > check.length * (1 + 1e-9)
        if best.reason == check.reason == AT_EQUILIBRIUM:  # next to it the shorter run says nothing of the last bit
            near = (
                float(np.linalg.norm(check(np.array([check.length])) - best(np.array([best.length]))))
                <= ONE_END * s[-1]
            )
            apart, beyond = np.where(beyond & near, 0.0, apart), beyond & (not near)
        lost = ~np.isfinite(apart) | beyond
        trusted = TRUSTED * face.arena.width * np.minimum(s / (s[-1] + 1e-300), 1.0)
        return SAFETY * np.maximum.accumulate(np.where(lost, np.inf, apart)) + trusted

    return Branch.of(face, best, error, End(best.length, best.reason))
