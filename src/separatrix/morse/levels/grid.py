"""Grids on boxes of one to three dimensions, triangulated by Kuhn's simplices (§10)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import combinations, permutations, product

import numpy as np

from separatrix.domains import Box
from separatrix.errors import InputError
from separatrix.numerics.rounding import up

Array = np.ndarray


@dataclass(frozen=True, eq=False)
class Grid:
    """The vertices that cut the sides of a box into ``shape`` intervals, numbered row by row.

    Every cube is cut into the simplices whose vertices climb from its lowest corner to its highest one, one coordinate after
    the other in every order: two vertices are neighbours where one minus the other is a vector of zeros and ones.
    """

    box: Box
    shape: tuple[int, ...]

    @property
    def dim(self) -> int:
        """Number of coordinates."""
        return len(self.shape)

    @property
    def counts(self) -> tuple[int, ...]:
        """Number of vertices along every axis."""
        return tuple(n + 1 for n in self.shape)

    def axes(self) -> list[Array]:
        """The coordinates along every axis, ascending; InputError where doubles do not tell them apart."""
        found = [
            np.linspace(low, high, n + 1)
            for low, high, n in zip(self.box.lower, self.box.upper, self.shape, strict=True)
        ]
        if any((np.diff(axis) <= 0).any() for axis in found):
            raise InputError(f"level_sets: doubles do not tell {max(self.shape)} intervals of the box apart; give less")
        return found

    def spacing(self) -> Array:
        """An upper bound of the distance of neighbours along every axis, (dim,)."""
        return np.array([float(up(np.diff(axis)).max()) for axis in self.axes()])

    def points(self, vertices: Array) -> Array:
        """Coordinates of the vertices with these numbers, (n, dim)."""
        places = np.unravel_index(np.asarray(vertices, dtype=np.int64), self.counts)
        return np.stack([axis[place] for axis, place in zip(self.axes(), places, strict=True)], axis=1)


@dataclass(frozen=True, eq=False)
class Star:
    """The neighbours of a vertex of Kuhn's triangulation and what every set of them says about it.

    ``steps`` (m, dim): the neighbours; sets are bit masks over them. ``kept`` (2^m,): one neighbour of each connected component
    of the set, as a mask; ``n_parts`` (2^m,): the number of components; ``first`` (2^m,): the lowest bit, 0 for the empty
    set; ``euler`` (2^m,): 1 - chi of the part of the link that the set spans.
    """

    steps: Array
    kept: Array
    n_parts: Array
    first: Array
    euler: Array


@cache
def star(dim: int) -> Star:
    """The star in ``dim`` (1 to 3) dimensions: 2, 6 or 14 neighbours."""
    ahead = [np.array(step) for step in product((0, 1), repeat=dim) if any(step)]
    steps = np.array([*ahead, *(-step for step in ahead)], dtype=np.int64)
    difference = steps[:, None] - steps[None, :]
    adjacent = (difference >= 0).all(axis=2) & (difference <= 1).all(axis=2)
    adjacent = (adjacent | adjacent.T) & ~np.eye(len(steps), dtype=bool)
    m = len(steps)
    sets = np.arange(2**m, dtype=np.int64)
    inside = (sets[:, None] >> np.arange(m)) & 1 == 1
    label = np.where(inside, np.arange(m), m)
    for _ in range(m):
        before = label.copy()
        for k in range(m):
            beside = label[:, adjacent[k]].min(axis=1, initial=m)
            label[:, k] = np.where(inside[:, k], np.minimum(label[:, k], beside), m)
        if (label == before).all():
            break
    is_first = label == np.arange(m)
    kept = (is_first.astype(np.int64) << np.arange(m)).sum(axis=1)
    euler = np.ones(2**m, dtype=np.int64)
    for size in range(1, dim + 1):
        for chosen in combinations(range(m), size):  # the link is a flag complex: its simplices are the cliques
            if all(adjacent[a, b] for a, b in combinations(chosen, 2)):
                mask = sum(1 << k for k in chosen)
                euler -= (-1) ** (size - 1) * ((sets & mask) == mask)
    first = np.where(inside.any(axis=1), inside.argmax(axis=1), 0)
    return Star(steps, kept, is_first.sum(axis=1), first, euler)


@cache
def cube_simplices(dim: int) -> Array:
    """The corners (dim!, dim + 1, dim) of Kuhn's simplices of the unit cube."""
    found = []
    for order in permutations(range(dim)):
        corner = np.zeros(dim, dtype=np.int64)
        corners = [corner.copy()]
        for axis in order:
            corner[axis] = 1
            corners.append(corner.copy())
        found.append(corners)
    return np.array(found)
