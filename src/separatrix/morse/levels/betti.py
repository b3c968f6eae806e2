"""Betti numbers of level sets, and where they are proved (§10).

Let |f - g| <= e wherever it matters for levels in [c - 2e, c + 2e] (10.12), g piecewise linear, and let no critical interval of
f meet [c - 2e, c + 2e]. Then the inclusions {f >= c + 2e} < {g >= c + e} < {f >= c} < {g >= c - e} < {f >= c - 2e} show that the
k-th Betti number of {f >= c} is the rank of the map from H_k{g >= c + e} to H_k{g >= c - e}: the number of classes of g that are
born by c + e and alive at c - e.                                                                                    (10.13)
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from separatrix.certainty import Certainty
from separatrix.errors import InputError
from separatrix.morse.levels.bands import Bands
from separatrix.morse.levels.critical_ranges import merged

if TYPE_CHECKING:
    from separatrix.morse.levels.level_record import LevelSets

Array = np.ndarray
Found = tuple[tuple[int, ...], Certainty]


def betti_numbers(sets: LevelSets, c: float, side: str) -> Found:
    """Betti numbers by degree from 0 to dim, and how certain they are."""
    if side == "=":
        return _of_level(sets, c)
    e = float(Bands(sets.bands).at(np.array([c]), 2.0)[0])
    is_clear = _is_clear(sets, c, side, e)
    numbers = _ranks(sets, c, side, e if is_clear else 0.0)
    certainty = Certainty.PROVED if is_clear else Certainty.HEURISTIC
    if sets.lacks_tunnels:
        numbers, certainty = _with_degree_one(sets, c, side, (numbers, certainty))
    return numbers, certainty


def _of_level(sets: LevelSets, c: float) -> Found:
    """By Mayer and Vietoris: the box is {f >= c} and {f <= c}, which meet in {f = c}; its reduced homology is 0 (10.14)."""
    above, below = betti_numbers(sets, c, ">="), betti_numbers(sets, c, "<=")
    certainty = Certainty.weakest((above[1], below[1]))
    if not above[0][0] or not below[0][0]:
        return (0,) * (sets.dim + 1), certainty
    total = [a + b for a, b in zip(above[0], below[0], strict=True)]
    total[0] -= 1
    return tuple(total), certainty


def _ranks(sets: LevelSets, c: float, side: str, e: float) -> tuple[int, ...]:
    """Classes of each degree that are born by c + e and alive at c - e, seen from their own side."""
    diagram = sets.persistence if side == ">=" else sets.persistence_below
    sign = 1.0 if side == ">=" else -1.0
    e = (
        e * (1.0 + 4e-13) + 1e-15 * abs(c) if e else 0.0
    )  # half of what is clear of critical values, and more than rounding
    alive = (sign * diagram.birth >= sign * c + e) & (sign * diagram.death < sign * c - e)
    return tuple(int(n) for n in np.bincount(diagram.degree[alive], minlength=sets.dim + 1))


def _is_clear(sets: LevelSets, c: float, side: str, e: float) -> bool:
    """Whether no critical interval comes within twice the tolerance, and a little more for rounding, of c."""
    intervals = _intervals(sets, side)
    reach = _reach(c, e)
    return bool(np.isfinite(e)) and not bool(((intervals[:, 0] <= c + reach) & (intervals[:, 1] >= c - reach)).any())


def _intervals(sets: LevelSets, side: str) -> Array:
    if side == "=":
        return merged(np.concatenate([sets.critical, sets.critical_below]))
    return sets.critical if side == ">=" else sets.critical_below


def _reach(c: float | Array, e: float | Array) -> float | Array:
    return 2.0 * e * (1.0 + 1e-12) + 4e-15 * np.abs(np.where(np.isfinite(c), c, 0.0))


def _with_degree_one(sets: LevelSets, c: float, side: str, found: Found) -> Found:
    """b_1 = b_0 + b_2 - chi in space; chi is proved by the complete list of critical points above c, (3.1) for {f >= c}."""
    numbers, certainty = found
    points = sets.points if side == ">=" else sets.negative
    sign = 1.0 if side == ">=" else -1.0
    euler, best = None, Certainty.VERIFIED
    if certainty is Certainty.PROVED and points is not None and points.is_complete and sets.is_smooth:
        higher = points.values > sign * c  # none is within the tolerance of c
        euler, best = int(((-1) ** points.indices[higher]).sum()), Certainty.PROVED
    if euler is None:
        values, steps = (
            (sets.euler_values, sets.euler_steps) if side == ">=" else (sets.euler_values_below, sets.euler_steps_below)
        )
        euler = int(steps[sign * values >= sign * c].sum())
        numbers = _ranks(sets, c, side, 0.0)
    b1 = numbers[0] + numbers[2] - euler
    return (numbers[0], b1, numbers[2], 0), best if certainty is Certainty.PROVED else certainty


def proved_intervals(sets: LevelSets, side: str) -> Array:
    """The open intervals between critical ones, without their ends' neighbourhoods, (m, 2), ascending."""
    intervals = _intervals(sets, side)
    low = np.concatenate([[-np.inf], intervals[:, 1]])
    high = np.concatenate([intervals[:, 0], [np.inf]])
    e = Bands(sets.bands).over(low, high)
    with np.errstate(invalid="ignore"):
        low, high = low + _reach(low, e), high - _reach(high, e)
    kept = low < high
    found = np.stack([low[kept], high[kept]], axis=1)
    if sets.lacks_tunnels:  # there the list of points decides b_1, too
        inside = [0.5 * max(a, min(b, 0.0) - 1.0) + 0.5 * min(b, max(a, 0.0) + 1.0) for a, b in found]
        sure = [betti_numbers(sets, c, side)[1] is Certainty.PROVED for c in inside]
        found = found[np.array(sure, dtype=bool).reshape(-1)]
    return found


def chosen_levels(sets: LevelSets, most: int) -> Array:
    """Middles of the widest gaps between events, descending; gaps that the grid does not resolve are left out."""
    if isinstance(most, bool) or not isinstance(most, (int, np.integer)) or most < 1:
        raise InputError(f"levels: expected a positive number of levels, came {most!r}")
    values = np.unique([event.value for event in sets.events])
    if len(values) < 2:
        return np.zeros(0)
    gaps, middles = np.diff(values), 0.5 * values[:-1] + 0.5 * values[1:]
    least = np.maximum(2.0 * Bands(sets.bands).at(middles, 1.0), 1e-9 * float(values[-1] - values[0]))
    widest = np.argsort(-gaps, kind="stable")
    widest = widest[gaps[widest] > least[widest]][:most]
    return np.sort(middles[widest])[::-1]
