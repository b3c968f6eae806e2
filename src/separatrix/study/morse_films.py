"""Paths of connecting orbits made small: a few points for drawings, strips of pictures along passes."""

from __future__ import annotations

import dataclasses

import numpy as np

from separatrix.domains import Box
from separatrix.morse.connection_record import Connections, Orbit
from separatrix.morse.merge_tree import MergeTree
from separatrix.potentials.base import Potential
from separatrix.study.morse_portrait import PassFilms

DRAWN_POINTS = 160
HALF = 4
MOST_FRAMES = 600


def thinned(found: Connections | None, most: int = DRAWN_POINTS) -> tuple[Orbit, ...]:
    """The orbits with at most ``most`` points of their paths."""
    if found is None:
        return ()
    return tuple(
        dataclasses.replace(orbit, path=_inside(at_lengths(orbit.path, most)[0], found), radius=None)
        for orbit in found.orbits
    )


def _inside(path: np.ndarray, found: Connections) -> np.ndarray:
    """A path without what it shows beyond the sides of the box, where a branch was followed until it had surely left."""
    return found.domain.clip(path) if isinstance(found.domain, Box) and len(path) else path


def at_lengths(path: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """At most ``n`` points (n, dim) of a path (m, dim) at even arc lengths, ends kept; their arc lengths (n,)."""
    if len(path) < 2:
        return path, np.zeros(len(path))
    along = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(path, axis=0), axis=1))])
    if len(path) <= n:
        return path, along
    wanted = np.linspace(0.0, along[-1], n)
    rows = np.clip(np.searchsorted(along, wanted, side="right") - 1, 0, len(path) - 2)
    step = np.maximum(along[rows + 1] - along[rows], np.finfo(float).tiny)
    part = np.clip((wanted - along[rows]) / step, 0.0, 1.0)[:, None]
    return path[rows] + part * (path[rows + 1] - path[rows]), wanted


def films_of(tree: MergeTree | None, found: Connections, potential: Potential) -> PassFilms | None:
    """Strips along the edges of the tree, HALF frames on each side of the saddle; None without a tree."""
    if tree is None or not tree.joins:
        return None
    frames, places, ends, saddles = [], [], [], []
    for join in tree.joins[: MOST_FRAMES // (2 * HALF + 1)]:
        sides = [_branch(found, tree, join.saddle, end) for end in join.ends]
        if any(side is None for side in sides):
            continue
        (near, first), (far, last) = (at_lengths(side, HALF + 1) for side in sides if side is not None)
        near, first = _padded(near, first)
        far, last = _padded(far, last)
        frames.append(np.concatenate([near[::-1], far[1:]]))
        places.append(np.concatenate([first[-1] - first[::-1], first[-1] + last[1:]]))
        ends.append(join.ends)
        saddles.append(join.saddle)
    if not frames:
        return None
    stacked = np.array(frames)
    values = potential.value(stacked.reshape(-1, stacked.shape[2])).reshape(stacked.shape[:2])
    return PassFilms(stacked, np.array(places), values, np.array(ends), np.array(saddles))


def _padded(points: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Short paths with their last point repeated, so that all films have one length."""
    missing = HALF + 1 - len(points)
    if missing <= 0:
        return points, lengths
    return np.concatenate([points, np.repeat(points[-1:], missing, axis=0)]), np.concatenate(
        [lengths, np.repeat(lengths[-1:], missing)]
    )


def _branch(found: Connections, tree: MergeTree, saddle: int, sink: int) -> np.ndarray | None:
    """The path from a saddle of the tree to one of its sinks, from the saddle on."""
    at, goal = tree.saddles.points[saddle], tree.sinks.points[sink]
    for orbit in found.orbits:
        if orbit.target < 0 or len(orbit.path) < 1:
            continue
        starts = np.array_equal(found.points.points[orbit.saddle], at)
        if starts and np.array_equal(found.points.points[orbit.target], goal):
            return np.concatenate([at[None], orbit.path, goal[None]])
    return None
