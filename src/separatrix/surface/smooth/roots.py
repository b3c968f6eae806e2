"""Vertices of the surface moved along mesh edges to points where two classes tie, with a proved distance to one (§6)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.domains import Box
from separatrix.surface.smooth.certificate import vertex_values
from separatrix.surface.smooth.packed_network import PackedNetwork

ROUNDS, MORE_ROUNDS = 8, 40
BRACKETS = (1e-12, 1e-9, 1e-6, 1e-3)

Difference = Callable[[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]
"""(points (N, n), rows (N,)) -> values (N,) of the function that belongs to each row, and bounds on their errors."""


def output_difference(network: PackedNetwork) -> Difference:
    """The single output of a network, for every row."""

    def difference(points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, radius = vertex_values(network, points)
        return values[:, 0], radius[:, 0]

    return difference


def class_difference(network: PackedNetwork, pairs: np.ndarray) -> Difference:
    """z_l - z_k for the classes ``pairs[row]`` = (k, l), from a network whose outputs are all logits."""

    def difference(points: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values, radius = vertex_values(network, points)
        at, first, second = np.arange(len(points)), pairs[rows, 0], pairs[rows, 1]
        found = values[at, second] - values[at, first]
        return found, (radius[at, second] + radius[at, first] + 2.0**-52 * np.abs(found)) * (1.0 + 2.0**-50)

    return difference


def edge_roots(difference: Difference, ends: np.ndarray, levels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (E, n) near zeros on the edges ``ends`` (E, 2, n), and bounds on the parameter distance to a zero, (E,).

    ``levels`` (E, 2): values at the ends, negative and positive. The bound is half the length of a bracket at whose ends
    the function has proved opposite signs, as a share of the edge; infinite where no signs around the point are proved.
    """
    rows = np.arange(len(ends))
    at = _illinois(difference, ends, levels, rows, ROUNDS)
    share = _brackets(difference, ends, at, rows)
    coarse = np.flatnonzero(share > BRACKETS[1])
    if len(coarse):
        at[coarse] = _illinois(difference, ends, levels, coarse, MORE_ROUNDS)
        share[coarse] = _brackets(difference, ends, at[coarse], coarse)
    return _points(ends, at), share


def _brackets(difference: Difference, ends: np.ndarray, at: np.ndarray, rows: np.ndarray) -> np.ndarray:
    share = np.full(len(rows), np.inf)
    left = np.arange(len(rows))
    for half in (*BRACKETS, 1.0):
        chosen = rows[left]
        below, below_radius = difference(_beside(ends[chosen], at[left] - half), chosen)
        above, above_radius = difference(_beside(ends[chosen], at[left] + half), chosen)
        settled = (below < -below_radius) & (above > above_radius)
        share[left[settled]] = half
        left = left[~settled]
        if not len(left):
            break
    return share


def _beside(ends: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Points of the edges' lines, beyond an end only within the cube: a surface may pass exactly through a mesh vertex."""
    found = _points(ends, at)
    within = np.all((found >= 0.0) & (found <= 1.0), axis=1)
    return np.where(within[:, None], found, _points(ends, np.clip(at, 0.0, 1.0)))


def _points(ends: np.ndarray, at: np.ndarray) -> np.ndarray:
    return ends[:, 0] + at[:, None] * (ends[:, 1] - ends[:, 0])


def _illinois(
    difference: Difference, ends: np.ndarray, levels: np.ndarray, rows: np.ndarray, rounds: int
) -> np.ndarray:
    """Regula falsi with the Illinois rule: an end that stays for a second time has its value halved."""
    low, high = np.zeros(len(rows)), np.ones(len(rows))
    below, above = levels[rows, 0].copy(), levels[rows, 1].copy()
    last = np.zeros(len(rows), dtype=np.int64)
    at = below / (below - above)
    for _ in range(rounds):
        value = difference(_points(ends[rows], at), rows)[0]
        negative = value < 0
        side = np.where(negative, -1, 1)
        again = side == last
        last = side
        low, high = np.where(negative, at, low), np.where(negative, high, at)
        below = np.where(negative, value, np.where(again, 0.5 * below, below))
        above = np.where(negative, np.where(again, 0.5 * above, above), value)
        width = above - below
        at = np.where(width > 0, low - below * (high - low) / np.where(width > 0, width, 1.0), at)
        at = np.clip(at, low, high)
    return at


def distance_bounds(box: Box, ends: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Bounds (E,) on the 2-norm distance in the box to the surface; rounding of the maps to t and to x included."""
    width = box.upper - box.lower
    length = np.linalg.norm(width * (ends[:, 1] - ends[:, 0]), axis=1)
    rounding = 8.0 * 2.0**-53 * float(np.linalg.norm(np.abs(box.lower) + np.abs(box.upper) + width))
    return (share * length + rounding) * (1.0 + 2.0**-40)


def in_box(box: Box, points: np.ndarray) -> np.ndarray:
    """Points of the unit cube as points of the box; its sides are met exactly."""
    return np.where(points == 1.0, box.upper, box.lower + (box.upper - box.lower) * points)


def triple_shares(
    network: PackedNetwork, corners: np.ndarray, values: np.ndarray, classes: np.ndarray, shares: np.ndarray
) -> np.ndarray:
    """Barycentric coordinates (T, 3) of points where three logits agree, from those where their linear functions do.

    ``corners`` (T, 3, n) of triangles, ``values`` (T, 3, n_classes) logits there, ``classes`` (T, 3), ``shares`` (T, 3) the
    start. Newton's method with the slopes of the linear functions: its steps shrink by half and more where
    2 |J - J_L| < sigma_min(J_L). A point that leaves its triangle or does not come nearer stays where it was.
    """
    own = np.take_along_axis(values, classes[:, None, :], axis=2)
    slopes = np.ones((len(shares), 3, 3))
    slopes[:, :2] = np.swapaxes(own[:, :, 1:] - own[:, :, :1], 1, 2)
    rows = np.flatnonzero(np.linalg.matrix_rank(slopes) == 3)
    found, start, last = shares.copy(), np.zeros(len(shares)), np.zeros(len(shares))
    for step in range(ROUNDS + MORE_ROUNDS):
        logits = vertex_values(network, np.einsum("tv,tvn->tn", found[rows], corners[rows]))[0]
        agree = np.take_along_axis(logits, classes[rows], axis=1)
        gaps = np.zeros((len(rows), 3))
        gaps[:, :2] = agree[:, 1:] - agree[:, :1]
        last[rows] = np.abs(gaps).max(axis=1, initial=0.0)
        if step == 0:
            start[rows] = last[rows]
        moved = found[rows] - np.linalg.solve(slopes[rows], gaps[:, :, None])[:, :, 0]
        inside = (moved > 0.0).all(axis=1)
        found[rows[~inside]] = shares[rows[~inside]]
        rows = rows[inside]
        found[rows] = moved[inside]
    nearer = np.zeros(len(shares), dtype=bool)
    nearer[rows] = last[rows] < start[rows]
    return np.where(nearer[:, None], found, shares)
