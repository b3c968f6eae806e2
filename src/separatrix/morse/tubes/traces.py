"""Where branches begin, and branches as they were integrated (§3)."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, eq=False)
class Start:
    """Where a branch begins: ``point`` (dim,) beside the critical point ``row``, in the flow of ``sign`` f; ``free`` (dim,)
    marks the coordinates that move, ``outward`` (dim,) the signs of held ones."""

    row: int
    side: int
    sign: float
    direction: np.ndarray
    point: np.ndarray
    free: np.ndarray
    outward: np.ndarray


@dataclass(eq=False)
class Trace:
    """A branch as it was integrated: ``nodes`` (m, dim) with unit ``tangents`` (m, dim) and arc lengths (m,), in the
    direction of travel; why it ended, and at which row of the points (-1: none).

    ``joined``: the leg and the node from which on it is one integration; what lies before was taken over from another one.
    """

    start: Start
    nodes: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    tangents: np.ndarray = field(default_factory=lambda: np.zeros((0, 0)))
    arc: np.ndarray = field(default_factory=lambda: np.zeros(0))
    reason: str = ""
    target: int = -1
    legs: tuple[Trace, ...] = ()  # its parts on different faces, where there are several
    joined: tuple[int, int] = (0, 0)

    def at(self, s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(points, tangents), each (k, dim), at arc lengths ``s`` (k,): the cubic through nodes and tangents."""
        place = np.minimum(np.maximum(np.searchsorted(self.arc, s, side="right") - 1, 0), self.arc.size - 2)
        h = (self.arc[place + 1] - self.arc[place])[:, None]
        theta = (s - self.arc[place])[:, None] / h
        a, b = self.nodes[place], self.nodes[place + 1]
        p, q = self.tangents[place], self.tangents[place + 1]
        chord = (b - a) / h
        bend, twist = 3.0 * chord - 2.0 * p - q, p + q - 2.0 * chord
        points = a + h * theta * (p + theta * (bend + theta * twist))
        slopes = p + theta * (2.0 * bend + 3.0 * theta * twist)
        return points, slopes / np.maximum(np.sqrt((slopes * slopes).sum(axis=1))[:, None], 1e-300)
