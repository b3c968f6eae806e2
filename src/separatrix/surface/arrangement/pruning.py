"""Which linear regions can still hold a piece of the decision surface: rigorous enclosures of the outputs on cells (§6).

Every coordinate y has numbers L(v) <= U(v) at the vertices v of the cell such that y(x) lies between sum t_v L(v) and
sum t_v U(v) for every convex combination x = sum t_v v. This holds for the next step's values, which are affine on the
cell, with L = A - e, U = A + e. It survives an affine map (positive weights take L to L, negative ones U to L), and a crease
s on l <= y <= u, l = min L, u = max U: where s(t) <= a t + c on [l, u], a U(v) + c (a >= 0, else a L(v) + c) bounds s(y)
from above, and so from below. Where s bends at 0 in (l, u) the lines are its chord on one side, one of its two pieces on the
other. At the end the extreme values over the vertices bound the rows of the last step on the closed cell. All rounding is
outward. A cell is dropped only where these bounds exclude the surface: no piece is lost.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from separatrix.surface.arrangement.lattice import CELL_DIM, Lattice
from separatrix.surface.arrangement.linear_steps import LinearStep
from separatrix.surface.arrangement.norms import TINIEST, gamma, norm_up, raised

Rule = Callable[[np.ndarray, np.ndarray], np.ndarray]
UNIT = 2.0**-52
SAMPLE, LEAST_SHARE = 200, 0.25  # cells tried first; share of them that must fall for the rest to be tried
NUMBERS_AT_ONCE = 1 << 20
NUMBERS_KEPT = 1 << 25  # values of the vertices that are kept for all blocks; more are computed block by block


def first_row_vanishes(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
    """Cells where row 0 may be 0 while all other rows may be 0 or positive; NaN keeps a cell."""
    is_out = (lower[:, 0] > 0) | (upper[:, 0] < 0) | (upper[:, 1:] < 0).any(axis=1)
    return ~is_out


def top_tie(n_classes: int) -> Rule:
    """The rule for rows z_i - z_j, i < j, in lexicographic order: cells where two classes may be largest together."""
    i, j = np.triu_indices(n_classes, 1)

    def rule(lower: np.ndarray, upper: np.ndarray) -> np.ndarray:
        may_win = np.ones((lower.shape[0], n_classes), dtype=bool)
        for row, (a, b) in enumerate(zip(i.tolist(), j.tolist(), strict=True)):
            may_win[:, a] &= ~(upper[:, row] < 0)
            may_win[:, b] &= ~(lower[:, row] > 0)
        tie = ~((lower > 0) | (upper < 0)) & may_win[:, i] & may_win[:, j]
        return np.asarray(tie.any(axis=1))

    return rule


def surviving(lattice: Lattice, signs: Any, steps: Sequence[LinearStep], rule: Rule) -> np.ndarray | None:
    """Ids of the top cells that may hold a piece of the surface, before the first of ``steps`` is inserted.

    None where too few would fall to be worth it. ``signs`` gives the values of the first step at the vertices.
    """
    tops = np.flatnonzero(lattice.cells[: lattice.n_cells, CELL_DIM] == lattice.n)
    sample = tops[:: max(1, tops.size // SAMPLE)].copy()  # contiguous, as the kernels are compiled for
    if _may_hold(lattice, signs, steps, rule, sample).mean() > 1.0 - LEAST_SHARE:
        return None
    return tops[_may_hold(lattice, signs, steps, rule, tops)]


def _may_hold(lattice: Lattice, signs: Any, steps: Sequence[LinearStep], rule: Rule, tops: np.ndarray) -> np.ndarray:
    """Which of the top cells may hold a piece, in blocks."""
    from separatrix.surface.arrangement.pruning_kernels import list_corners

    starts = np.zeros(tops.size + 1, dtype=np.int64)
    corners: np.ndarray = np.empty(16 * tops.size, dtype=np.int32)
    seen = np.full((2, max(lattice.n_cells, lattice.n_vertices)), -1, dtype=np.int64)
    stack = np.empty(lattice.n_cells, dtype=np.int64)
    done = 0
    while done < tops.size:
        done = int(list_corners(done, tops, lattice.cells, lattice.edges, lattice.facets, seen, stack, starts, corners))
        if done < tops.size:
            corners = np.concatenate([corners, np.empty_like(corners)])
    corners = corners[: starts[-1]].astype(np.int64)
    whole = _ends(lattice, signs, corners) if lattice.n_vertices * steps[0].bias.size <= NUMBERS_KEPT else None
    width = max(step.bias.size for step in steps)
    found, first = np.empty(tops.size, dtype=bool), 0
    while first < tops.size:
        room = starts[first] + NUMBERS_AT_ONCE // width
        last = max(first + 1, int(np.searchsorted(starts, room, side="right")) - 1)
        some, rows = slice(starts[first], starts[last]), starts[first : last + 1] - starts[first]
        low, high, places = (*whole[:2], whole[2][some]) if whole else _ends(lattice, signs, corners[some])
        found[first:last] = rule(*_enclosures(low[places], high[places], rows, steps))
        first = last
    return found


def _ends(lattice: Lattice, signs: Any, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Bounds of the next step's values, from below and above, a row for each different vertex; the rows of ``corners``."""
    vertices, places = np.unique(corners, return_inverse=True)
    with np.errstate(all="ignore"):
        values, errors = signs.next_values(lattice, vertices)
        errors = raised(errors + UNIT * np.abs(values), 4)
        return values - errors, values + errors, places


def _enclosures(
    low: np.ndarray, high: np.ndarray, starts: np.ndarray, steps: Sequence[LinearStep]
) -> tuple[np.ndarray, np.ndarray]:
    """Bounds of the last step's rows on cells, whose vertices have the rows ``starts[c]`` to ``starts[c + 1]``: (lower, upper).

    ``low`` and ``high``: bounds of the first step's values, which are written over.
    """
    from separatrix.surface.arrangement.pruning_kernels import pass_creases

    with np.errstate(all="ignore"):
        for before, step in zip(steps[:-1], steps[1:], strict=True):
            pass_creases(low, high, starts, np.array(before.slope, dtype=np.float64), np.empty((6, low.shape[1])))
            low, high = _mapped(low, high, step)
        return np.minimum.reduceat(low, starts[:-1]), np.maximum.reduceat(high, starts[:-1])


def _mapped(low: np.ndarray, high: np.ndarray, step: LinearStep) -> tuple[np.ndarray, np.ndarray]:
    """Through W y + b: middle and radius, |fl - exact| <= gamma (|w| |y| + |b|) in 2-norms, the map's own radius added.

    ``low`` and ``high`` are written over.
    """
    from separatrix.surface.arrangement.pruning_kernels import middle_and_radius, outward

    k, sizes = step.weight.shape[1], np.empty(low.shape[0])
    middle_and_radius(low, high, sizes)
    lines = np.stack([
        gamma(k + 4) * norm_up(step.weight) + step.weight_radius,
        gamma(k + 4) * np.abs(step.bias) + step.bias_radius + 2 * (k + 4) * TINIEST,
    ])  # fmt: skip
    middle, radius = low @ step.weight.T, high @ np.abs(step.weight).T
    outward(middle, radius, sizes, np.array(step.bias), np.asarray(raised(lines, 8)), 1.0 + (k + 32) * UNIT)
    return middle, radius
