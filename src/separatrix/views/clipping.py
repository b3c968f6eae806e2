"""Segments and convex polygons cut off at the edges of a figure, so that far corners do not overflow viewers."""

from __future__ import annotations

import numpy as np


def clipped_polygon(corners: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The part (m, 2) of a convex polygon (corners in order) in the rectangle [low, high]; m = 0 where there is none.

    One side of the rectangle after the other (Sutherland and Hodgman 1974).

    >>> clipped_polygon(np.array([[0.0, 0], [9, 0], [9, 1], [0, 1]]), np.zeros(2), np.ones(2) * 2).tolist()
    [[0.0, 0.0], [2.0, 0.0], [2.0, 1.0], [0.0, 1.0]]
    """
    for axis in range(corners.shape[1]):
        for sign, limit in ((1.0, high[axis]), (-1.0, -low[axis])):
            if not len(corners):
                return corners
            room = limit - sign * corners[:, axis]
            found = []
            for i, point in enumerate(corners):
                after, r, s = corners[(i + 1) % len(corners)], room[i], room[(i + 1) % len(corners)]
                if r >= 0:
                    found.append(point)
                if (r > 0 > s) or (r < 0 < s):
                    found.append(
                        point + (after - point) * (r / (r - s)) if r > 0 else after + (point - after) * (s / (s - r))
                    )
            corners = np.array(found).reshape(-1, corners.shape[1])
    return corners


def clipped_segments(segments: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The parts of segments (m, 2, n) in the box [low, high]; those that miss it are left out (Liang and Barsky 1984).

    >>> clipped_segments(np.array([[[0.0, 0.0], [4.0, 2.0]], [[3.0, 0.0], [3.0, 1.0]]]), np.zeros(2), np.ones(2)).tolist()
    [[[0.0, 0.0], [1.0, 0.5]]]
    """
    start, step = segments[:, 0], segments[:, 1] - segments[:, 0]
    first, last = np.zeros(len(segments)), np.ones(len(segments))
    with np.errstate(divide="ignore", invalid="ignore"):
        for axis in range(segments.shape[2]):
            ends = (np.array([[low[axis]], [high[axis]]]) - start[:, axis]) / step[:, axis]
            still = step[:, axis] == 0
            inside = (start[:, axis] >= low[axis]) & (start[:, axis] <= high[axis])
            first = np.where(still, np.where(inside, first, np.inf), np.maximum(first, ends.min(axis=0)))
            last = np.where(still, last, np.minimum(last, ends.max(axis=0)))
    kept = first < last
    at = np.stack([first[kept], last[kept]], axis=1)[:, :, None]
    return start[kept][:, None] + at * step[kept][:, None]
