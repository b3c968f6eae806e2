"""Components of level sets on a grid and their joins, upwards and downwards, with and without the outside (§10).

The function is linear on Kuhn's simplices. As c falls, {f >= c} has the homotopy type of the simplices on the vertices that
have come, a vertex at a time. Where the neighbours that came before a vertex are connected within its link, it continues their
component, and only a pointer is set; the few others are joined in their order. (Equal values: the larger number comes first.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.morse.levels.grid import star
from separatrix.morse.levels.joins import join

Array = np.ndarray
FEW = 2_000


@dataclass(frozen=True, eq=False)
class Joins:
    """Rows (younger, where, older): numbers of vertices; ``older`` is the number of vertices where it is the outside.

    ``first``: the vertex with which the oldest component begins.
    """

    younger: Array
    where: Array
    older: Array
    first: int


class Links:
    """Which neighbours of each vertex lie above it, and which beyond the box, as bit masks of the grid's shape."""

    def __init__(self, values: Array) -> None:
        self.values = values
        self.star = star(values.ndim)
        self.above = np.zeros(values.shape, dtype=np.int32)
        self.beyond = np.zeros(values.shape, dtype=np.int32)
        self.offsets = self.star.steps @ np.array(
            [int(np.prod(values.shape[i + 1 :], dtype=np.int64)) for i in range(values.ndim)], dtype=np.int64
        )
        for k, step in enumerate(self.star.steps.tolist()):
            here = tuple(slice(max(0, -s), n - max(0, s)) for s, n in zip(step, values.shape, strict=True))
            there = tuple(slice(max(0, s), n - max(0, -s)) for s, n in zip(step, values.shape, strict=True))
            is_above = values[there] >= values[here] if self.offsets[k] > 0 else values[there] > values[here]
            self.above[here] |= is_above.astype(np.int32) << k
            for axis, s in enumerate(step):
                if s:
                    edge = [slice(None)] * values.ndim
                    edge[axis] = slice(-1, None) if s > 0 else slice(0, 1)
                    self.beyond[tuple(edge)] |= 1 << k

    def joins(self, upper: bool, outside: bool) -> Joins:
        """Joins of the components of {f >= c} as c falls (``upper``), or of {f <= c} as c rises.

        With the ``outside`` of the box as the oldest component, joined to what reaches the edge.
        """
        every = (1 << len(self.star.steps)) - 1
        came = self.above if upper else every & ~self.above & ~self.beyond
        if outside:
            came = came | self.beyond
        came = came.ravel()
        n_parts = self.star.n_parts[came]
        parent = self._continued(came, outside)
        special = np.flatnonzero(n_parts != 1)
        order = special[np.argsort(self.values.ravel()[special], kind="stable")]
        order = order[::-1] if upper else order
        order = np.ascontiguousarray(order, dtype=np.int64)
        pairs = self._joined(order, came[order], parent)
        lone = order[n_parts[order] == 0]
        first = int(lone[0]) if len(lone) else -1
        return Joins(pairs[:, 0], pairs[:, 1], pairs[:, 2], first)

    def _continued(self, came: Array, outside: bool) -> Array:
        """One neighbour of each vertex that came before it; the outside has the number of vertices as its own."""
        n = came.size
        first = self.star.first[came]
        parent = np.arange(n + 1, dtype=np.int64)
        parent[:n] += np.where(came > 0, self.offsets[first], 0)
        if outside:
            out = (self.beyond.ravel() >> first.astype(np.int32)) & 1 == 1
            parent[:n][out & (came > 0)] = n
        return parent

    def _joined(self, order: Array, came: Array, parent: Array) -> Array:
        n, m = parent.size - 1, len(self.offsets)
        kept = (self.star.kept[came][:, None] >> np.arange(m)) & 1
        out = (self.beyond.ravel()[order][:, None] >> np.arange(m)) & 1
        targets = np.where(kept == 1, np.where(out == 1, n, order[:, None] + self.offsets), 0)
        age = np.zeros(n + 1, dtype=np.int64)
        age[order] = np.arange(1, len(order) + 1)
        pairs = np.empty((int(kept.sum()) + 1, 3), dtype=np.int64)
        if len(order) <= FEW:
            count = join(order, kept, targets, parent, age, pairs)
        else:
            from separatrix.morse.levels.join_kernel import join_many

            count = join_many(order, kept, targets, parent, age, pairs)
        return pairs[:count]

    def euler_steps(self, upper: bool) -> tuple[Array, Array]:
        """(vertices, steps): where chi of {f >= c} (``upper``) or {f <= c} changes as c passes, and by how much."""
        every = (1 << len(self.star.steps)) - 1
        came = (self.above if upper else every & ~self.above & ~self.beyond).ravel()
        steps = self.star.euler[came]
        vertices = np.flatnonzero(steps)
        return vertices, steps[vertices]
