"""Where branches end: proved attracting boxes, points that are only verified, other critical points that come near (§3)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena
from separatrix.morse.tubes.attracting import AttractingBox, attracting_boxes
from separatrix.morse.tubes.eigenframes import Eigenframe

CAPTURE, NEAR = 1e-3, 1e-6
DEEP = 0.5


@dataclass(frozen=True, eq=False)
class Goals:
    """The ends of the flow of sign f: ``boxes`` proved to flow into ``rows`` (the points that attract), and the
    ``others``. ``spacing`` (n,): distance of each point to the nearest other one or a share of the domain's width."""

    points: np.ndarray
    boxes: tuple[AttractingBox, ...]
    rows: np.ndarray
    others: np.ndarray
    spacing: np.ndarray
    near: float

    @classmethod
    def of(cls, arena: Arena, points: CriticalPoints, frames: dict[int, Eigenframe], sign: float) -> Goals:
        """The goals of the flow upwards (``sign`` 1), or downwards in the interior (-1)."""
        if sign > 0:
            attracts = points.indices == 0
        else:
            attracts = (points.indices == points.points.shape[1]) & (points.n_free == points.points.shape[1])
        return cls.at(arena, points, frames, sign, attracts)

    @classmethod
    def at(
        cls, arena: Arena, points: CriticalPoints, frames: dict[int, Eigenframe], sign: float, attracts: np.ndarray
    ) -> Goals:
        """The goals whose rows are those that the mask ``attracts`` (n,) marks."""
        rows = np.flatnonzero(attracts)
        boxes = attracting_boxes(arena, [frames[int(row)] for row in rows if int(row) in frames], sign)
        return cls(
            points.points,
            tuple(boxes),
            rows,
            np.flatnonzero(~attracts),
            spacing(points.points, arena.width),
            NEAR * arena.width,
        )

    def reached(self, x: np.ndarray) -> np.ndarray:
        """Row of the attracting point that each x (m, dim) has arrived at, -1 elsewhere."""
        found = np.full(len(x), -1)
        if not self.rows.size:
            return found
        away = np.linalg.norm(x[:, None] - self.points[self.rows], axis=2)
        close = away <= CAPTURE * self.spacing[self.rows]
        found = np.where(close.any(axis=1), self.rows[close.argmax(axis=1)], found)
        if self.boxes:
            centers, maps = self.maps
            deep = np.abs(np.einsum("bij,mbj->mbi", maps, x[:, None] - centers)).max(axis=2) <= DEEP
            owners = np.array([box.row for box in self.boxes])
            found = np.where(deep.any(axis=1), owners[deep.argmax(axis=1)], found)
        return found

    @cached_property
    def maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Centers (b, dim) of the boxes and matrices (b, dim, dim) that take x - center to xi / reach, off a face to much."""
        dim = self.points.shape[1]
        centers = np.array([box.frame.center for box in self.boxes])
        maps = np.zeros((len(self.boxes), dim, dim))
        for matrix, box in zip(maps, self.boxes, strict=True):
            free = box.frame.free
            held = np.setdiff1d(np.arange(dim), free)
            matrix[np.ix_(free, free)] = (box.frame.vectors / box.reach).T
            matrix[held, held] = 1.0 / max(box.depth, 1e-300)
        return centers, maps

    def beside(self, x: np.ndarray, leaving: np.ndarray) -> np.ndarray:
        """Row of a point that does not attract and lies within ``near`` of x (m, dim), other than that being left; or -1."""
        if not self.others.size:
            return np.full(len(x), -1)
        away = np.linalg.norm(x[:, None] - self.points[self.others], axis=2)
        close = away <= np.minimum(self.near, CAPTURE * self.spacing[self.others])
        close &= leaving[:, None] != self.others
        return np.where(close.any(axis=1), self.others[close.argmax(axis=1)], -1)

    def boxes_of(self, row: int, free: np.ndarray) -> list[AttractingBox]:
        """The proved boxes of one point that can end a branch whose coordinates ``free`` (dim,) move."""
        return [box for box in self.boxes if box.row == row and box.serves(free)]


def spacing(points: np.ndarray, width: float) -> np.ndarray:
    """Distance of each point (n, dim) to the nearest other one, at most a quarter of the ``width``, (n,)."""
    if len(points) < 2:
        return np.full(len(points), 0.25 * width)
    gaps = np.linalg.norm(points[:, None] - points[None], axis=2)
    np.fill_diagonal(gaps, np.inf)
    return np.minimum(gaps.min(axis=1), 0.25 * width)
