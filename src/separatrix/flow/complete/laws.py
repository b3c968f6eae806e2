"""The laws that a complete list of critical points obeys, checked on the list as it stands: (3.1), (3.2), (3.3)."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np

from separatrix.domains import Box

if TYPE_CHECKING:
    from separatrix.flow.critical_points import CriticalPoints

BROKEN = "BROKEN: the list is not complete"


def checked(points: CriticalPoints) -> CriticalPoints:
    """``points`` with ``laws`` checked anew, and called complete no more where one is broken.

    - ``boundary="project"`` on a box: the alternating sum over the essential points is 1 (3.1); Morse inequalities (3.2)
    - ``"exit"`` on an isolating box: the alternating sum is chi(B, exit set) (3.3), and the inequalities with H_*(B, E)
    - otherwise no law applies, which is said
    """
    dim, counts = points.points.shape[1], _counts(points)
    if points.boundary == "project" and isinstance(points.domain, Box):
        name, euler, betti = "(3.1)", 1, (1, *[0] * dim)
        what = "Euler characteristic of the box"
    elif points.is_isolating and points.relative_euler is not None:
        name, euler, betti = "(3.3)", points.relative_euler, points.relative_betti
        what = "Euler characteristic of (box, exit set)"
    else:
        return dataclasses.replace(points, laws=(_without_law(points),))
    if counts is None:
        return dataclasses.replace(points, laws=("no law was checked: the index of a point is not known",))
    total = sum((-1) ** index * int(count) for index, count in enumerate(counts))
    laws = [
        f"{name} alternating sum over {len(points)} points = {total}, {what} = {euler}: {_verdict(points, total == euler)}"
    ]
    if len(betti) == dim + 1:
        laws.append(_inequalities(points, counts, betti))
    broken = any(BROKEN in law for law in laws)
    return dataclasses.replace(points, laws=tuple(laws), is_complete=points.is_complete and not broken)


def _counts(points: CriticalPoints) -> np.ndarray | None:
    if (points.indices < 0).any():
        return None
    return np.bincount(points.indices, minlength=points.points.shape[1] + 1)


def _verdict(points: CriticalPoints, holds: bool) -> str:
    if holds:
        return "holds" if points.is_complete else "holds for the points listed; the list is not proved complete"
    if points.is_complete:
        return BROKEN
    return "does not hold: points are missing, as the list does not claim to be complete"


def _inequalities(points: CriticalPoints, counts: np.ndarray, betti: tuple[int, ...]) -> str:
    """(3.2): in every degree m the alternating sum of the counts from m down is at least that of the Betti numbers."""
    left = right = 0
    failed = []
    for m, (c, b) in enumerate(zip(counts.tolist(), betti, strict=True)):
        left, right = int(c) - left, int(b) - right
        if left < right:
            failed.append(f"degree {m}: {left} >= {right} fails")
    text = f"(3.2) Morse inequalities for {counts.tolist()} points by index and Betti numbers {list(betti)}: "
    hold = "hold" if points.is_complete else "hold for the points listed"
    return text + (f"{'; '.join(failed)}, {_verdict(points, False)}" if failed else hold)


def _without_law(points: CriticalPoints) -> str:
    if points.is_isolating is False:
        return "no law applies to the interior points alone: the box is not an isolating block"
    if points.is_isolating:
        return "the box is an isolating block, but the Euler characteristic of (box, exit set) is not known: (3.3) is not checked"
    return "no law applies to the interior points alone: the box is not known to be an isolating block"
