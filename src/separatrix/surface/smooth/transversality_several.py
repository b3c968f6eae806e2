"""The tests of simplices where several classes may win (§6): a third class is proved to lose, or all meet transversally.

In numpy, not compiled: what rests on it is *verified*, few simplices need it, and compilation would take longer.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np

ROUNDING = 1e-12


def classify_several(
    coords: np.ndarray,
    levels: np.ndarray,
    simplices: np.ndarray,
    enclosed: tuple[np.ndarray, np.ndarray],
    pairs: np.ndarray,
) -> np.ndarray:
    """The status of every simplex (N,): 1 where one class wins, 3 where at most n + 1 may and meet transversally, else 0.

    ``levels`` (n_vertices, C); ``enclosed``: values (N, P, 2) and gradients (N, P, n, 2) of z_i - z_j for the rows (i, j)
    of ``pairs`` (P, 2).
    """
    values, gradients = enclosed
    own = levels[simplices]
    alive = np.ones((len(simplices), levels.shape[1]), dtype=bool)
    for p, (i, j) in enumerate(pairs):
        difference = own[:, :, i] - own[:, :, j]
        alive[:, j] &= ~((values[:, p, 0] > 0) & (difference > 0).all(axis=1))
        alive[:, i] &= ~((values[:, p, 1] < 0) & (difference < 0).all(axis=1))
    count = alive.sum(axis=1)
    status = np.where(count == 1, 1, 0)
    rows = np.flatnonzero((count >= 2) & (count <= coords.shape[1] + 1))
    if not len(rows):
        return status
    corners, own, gradients, alive = coords[simplices[rows]], own[rows], gradients[rows], alive[rows]
    slopes = np.linalg.solve(corners[:, 1:] - corners[:, :1], own[:, 1:] - own[:, :1])  # (R, n, C)
    side = ((corners == 0.0) | (corners == 1.0)).any(axis=1)
    fits = _pairs_fit(slopes, gradients, alive, side, pairs)
    number = {(int(i), int(j)): p for p, (i, j) in enumerate(pairs)}
    for row in np.flatnonzero(fits & (count[rows] >= 3)):
        classes = np.flatnonzero(alive[row]).tolist()
        parts = [classes, *(list(part) for part in combinations(classes, 3) if len(classes) > 3)]
        fits[row] = all(_meet_well(part, slopes[row], gradients[row], side[row], number) for part in parts)
    status[rows[fits]] = 3
    return status


def _pairs_fit(
    slopes: np.ndarray, gradients: np.ndarray, alive: np.ndarray, side: np.ndarray, pairs: np.ndarray
) -> np.ndarray:
    """Where the test (T) holds for the differences of all classes that may win, (R,)."""
    fits = np.ones(len(slopes), dtype=bool)
    for p, (i, j) in enumerate(pairs):
        slope = slopes[:, :, i] - slopes[:, :, j]
        low = np.minimum(gradients[:, p, :, 0] * slope, gradients[:, p, :, 1] * slope)
        terms = np.where(side & (low > 0), 0.0, low)
        is_positive = terms.sum(axis=1) > ROUNDING * np.abs(terms).sum(axis=1)
        fits &= is_positive | ~(alive[:, i] & alive[:, j])
    return fits


def _meet_well(
    classes: list[int],
    slopes: np.ndarray,
    gradients: np.ndarray,
    side: np.ndarray,
    number: dict[tuple[int, int], int],
) -> bool:
    """2 |Delta|_F < sigma_min(J_L P): J of the differences to the first class, P without the touched coordinates."""
    first, rest = classes[0], classes[1:]
    if (~side).sum() < len(rest):
        return False
    linear = np.stack([slopes[:, first] - slopes[:, k] for k in rest])
    enclosed = np.stack([gradients[number[first, k]] for k in rest])
    gap = np.abs(enclosed - linear[:, :, None]).max(axis=2)
    smallest = np.linalg.svd(linear[:, ~side], compute_uv=False)[-1]
    return bool(2.0 * np.linalg.norm(gap) < smallest)
