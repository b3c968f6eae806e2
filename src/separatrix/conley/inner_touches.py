"""Where orbits in the plane touch the sides of a box from inside, and where these orbits come from and lead to (9.3).

On the side x_i = const let g be the outward slope. An orbit touches where g = 0; it does so from inside only if the outward
component of H grad f is not positive there. Cells of the sides are cut until one of these is excluded, or g is strictly
monotone on the cell and the component negative: then there is one touching point at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from separatrix.domains import Box, Domain
from separatrix.flow.critical_points import CriticalPoints
from separatrix.flow.projection import Arena, Bounds
from separatrix.morse.tubes.followed import Followed
from separatrix.morse.tubes.tracing import SADDLE, SPENT, STANDS, Start, Tracer
from separatrix.potentials.base import Potential

FIRST_CELLS, MOST_CUTS, MOST_CELLS = 32, 34, 512
BISECTIONS, NEAR = 60, 1e-9
ROOM = 1e-7


@dataclass(frozen=True, eq=False)
class Touch:
    """A piece [lower, upper] of a side where an orbit may touch from inside; ``point``: the place, where it ``is_simple``:
    one point at most, and neighbouring orbits on one side of it leave the box."""

    lower: np.ndarray
    upper: np.ndarray
    point: np.ndarray
    is_simple: bool


def inner_touches(potential: Potential, box: Domain) -> tuple[Touch, ...] | None:
    """All places on the sides of a box of the plane where orbits may touch them from inside; None where there are too many."""
    assert isinstance(box, Box)
    found: list[Touch] = []
    for axis in (0, 1):
        for side in (-1.0, 1.0):
            place = box.upper[axis] if side > 0 else box.lower[axis]
            knots = np.linspace(box.lower[1 - axis], box.upper[1 - axis], FIRST_CELLS + 1)
            cells = np.stack([knots[:-1], knots[1:]], axis=1)
            for cut in range(MOST_CUTS):
                cells, simple = _searched(potential, (axis, side, place), cells)
                found += [t for cell in simple if (t := _simple(potential, (axis, side, place), cell)) is not None]
                if not len(cells) or cut == MOST_CUTS - 1:
                    break
                middle = 0.5 * (cells[:, :1] + cells[:, 1:])
                cells = np.concatenate([np.hstack([cells[:, :1], middle]), np.hstack([middle, cells[:, 1:]])])
                if len(cells) > MOST_CELLS:
                    return None
            found += [Touch(*_box(axis, place, cell), _box(axis, place, cell)[0], False) for cell in cells]
    return tuple(found)


def _box(axis: int, place: float, cell: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    lower, upper = np.full(2, place), np.full(2, place)
    lower[1 - axis], upper[1 - axis] = cell
    return lower, upper


def _searched(
    potential: Potential, where: tuple[int, float, float], cells: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(cells to be cut, cells with one touching point at most)."""
    axis, side, place = where
    boxes = [_box(axis, place, cell) for cell in cells]
    lower, upper = np.array([b[0] for b in boxes]), np.array([b[1] for b in boxes])
    with np.errstate(all="ignore"):
        gradient, column = potential.enclose_batch(lower, upper, np.array([axis]))
        slope, along = gradient[:, axis], column[:, 1 - axis, 0]
        touch = (column[:, :, 0] * gradient).sum(axis=1) * side
    settled = slope.is_positive | slope.is_negative | touch.is_positive
    simple = ~settled & touch.is_negative & (along.is_positive | along.is_negative)
    return cells[~settled & ~simple], cells[simple]


def _simple(potential: Potential, where: tuple[int, float, float], cell: np.ndarray) -> Touch | None:
    """The touching point of a cell on which the slope is strictly monotone; None where it keeps its sign."""
    axis, _, place = where

    def signs(places: np.ndarray) -> np.ndarray:
        points = np.array([_box(axis, place, np.array([t, t]))[0] for t in places])
        slope = potential.gradient_batch(points, points)[:, axis]
        return slope.is_positive.astype(int) - slope.is_negative.astype(int)

    ends = signs(cell)
    if ends[0] * ends[1] > 0:
        return None
    low, high = cell.tolist()
    if ends[0] * ends[1] < 0:
        for _ in range(BISECTIONS):
            middle = 0.5 * (low + high)
            sign = int(signs(np.array([middle]))[0])
            if sign == 0 or high - low < NEAR * (cell[1] - cell[0]):
                break
            low, high = (middle, high) if sign == ends[0] else (low, middle)
    lower, upper = _box(axis, place, np.array([low, high]))
    return Touch(lower, upper, 0.5 * lower + 0.5 * upper, True)


def touching_ends(arena: Arena, points: CriticalPoints, touches: tuple[Touch, ...]) -> list[tuple[int, int]] | None:
    """(source, target) of the orbit through each touching point, -1 where it leaves the box; None where one was not followed.

    Integrated in floating point, so verified at best.
    """
    if not touches:
        return []
    limits = arena.limits
    room = ROOM * arena.width
    wider = replace(arena, limits=Bounds(limits.lower - room, limits.upper + room))
    followed = Followed.of(arena, points, np.random.default_rng(0))
    free, held = np.ones(2, dtype=bool), np.zeros(2)
    starts = [Start(-1, 1, sign, np.zeros(2), touch.point, free, held) for touch in touches for sign in (-1.0, 1.0)]
    traces = Tracer(wider, followed.goals, starts).run()
    if any(trace.reason in (SADDLE, SPENT, STANDS) for trace in traces):
        return None
    ends = [trace.target for trace in traces]
    return list(zip(ends[::2], ends[1::2], strict=True))
