"""Blocks about saddles of index 1, and discs that hold the unstable surface of a point of index 2 (§8, (8.11), (8.12)).

In eigencoordinates (xi' = A xi, see eigenframes) of a saddle q of index 1 let u be the unstable one, w the others, N = {|u| <= r,
|w| <= rho}, and over the hull of N A_uu >= a, |A_uw| and |A_wu| <= b, lambda_max(sym A_ww) <= -d. If a r > b rho and d rho > b r,

- an orbit leaves N only through its exits |u| = r, at once, and one that never leaves it ends in q;
- one that comes to u >= (b / a) rho leaves it through u = r;
- 2 (f - f(q)) is at least a r^2 - 2 b r rho - e rho^2 on the exits, where -e <= A_ww.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.flow.projection import Arena
from separatrix.morse.tubes.cones import largest_quotient, least_slope
from separatrix.morse.tubes.eigenframes import Eigenframe

MARGIN = 1.0 + 1e-9
SIZES = 0.2 * 0.7 ** np.arange(16)
SLIM = 0.3
SKEW, CLEAR = 0.15, 0.15
WIDEST = 0.25


@dataclass(frozen=True, eq=False)
class Block:
    """The block of a saddle: half widths ``along`` its unstable axis (column ``column`` of the frame) and ``across``;
    ``decided``: |u| from which the exit is decided; ``exit_value``: bound of f - f(q) from below on the exits;
    ``highest``, ``coupling``, ``contraction``: the bounds A_uu <= highest, b, d; ``blur``: of 2 (f - f(q)) by the frame."""

    frame: Eigenframe
    column: int
    along: float
    across: float
    decided: float
    exit_value: float
    highest: float
    coupling: float
    contraction: float
    blur: float

    def coordinates(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(u (m,), |w| (m,)) of the rows of ``x`` (m, dim), in doubles."""
        xi = (x - self.frame.center) @ self.frame.vectors
        return xi[:, self.column], np.linalg.norm(np.delete(xi, self.column, axis=1), axis=1)

    def holds(self, x: np.ndarray, radius: float) -> bool:
        """Whether the ball of ``radius`` about ``x`` (dim,) lies inside, below all exits."""
        u, w = (abs(float(part[0])) for part in self.coordinates(x[None]))
        reach = self._reach(x, radius)
        if not (u + reach < self.along and w + reach < self.across):
            return False
        near = max(w - reach, 0.0)
        value = self.highest * (u + reach) ** 2 + 2.0 * self.coupling * (u + reach) * (w + reach)
        value = value * MARGIN - self.contraction * near**2 / MARGIN + self.blur
        return 0.5 * value * (1.0 + 1e-9 * np.sign(value)) < self.exit_value

    def side(self, x: np.ndarray, radius: float) -> int:
        """+1 or -1 where the whole ball of ``radius`` about ``x`` (dim,) leaves through that exit, 0 where that is open."""
        u = float(self.coordinates(x[None])[0][0])
        clear = abs(u) - self._reach(x, radius) > self.decided
        return int(np.sign(u)) if clear and self.holds(x, radius) else 0

    def _reach(self, x: np.ndarray, radius: float) -> float:
        """The radius in eigencoordinates, with what the frame and rounding leave open."""
        size = float(np.abs(x).max() + np.abs(self.frame.center).max())
        spread = float(np.linalg.norm(self.frame.doubt)) + 1e-13 * size
        return (radius * (MARGIN + self.frame.center.size * self.frame.defect) + spread) * MARGIN


def block_of(arena: Arena, frame: Eigenframe) -> Block | None:
    """The largest proved block of a saddle of index 1 in the interior, None where none is proved."""
    k = frame.free.size
    column, others = k - 1, np.arange(k - 1)
    if k < 2 or k < frame.center.size or not frame.spectrum[column] > 0 > frame.spectrum[column - 1]:
        return None
    slim = min(1.0, np.sqrt(SLIM * frame.spectrum[column] / -frame.spectrum[0]))
    along = SIZES * arena.width
    reaches = np.tile((slim * along)[:, None], (1, k))
    reaches[:, column] = along
    lower, upper = frame.hull(reaches)
    inside = ((lower >= arena.limits.lower) & (upper <= arena.limits.upper)).all(axis=1)
    matrix = frame.in_coordinates(arena.potential.enclose_batch(lower, upper)[1], 1.0)
    interval, magnitude = matrix.to_interval(), matrix.magnitude
    for place in np.flatnonzero(inside & np.isfinite(matrix.rad).all(axis=(1, 2))):
        size = magnitude[place]
        b = float(max(np.linalg.norm(size[column, others]), np.linalg.norm(size[others, column]))) * MARGIN
        a, highest = float(interval.lower[place, column, column]), float(interval.upper[place, column, column])
        part = matrix.mid[place][np.ix_(others, others)], matrix.rad[place][np.ix_(others, others)]
        d, e = -largest_quotient(*part), largest_quotient(-part[0], part[1])
        r, rho = float(along[place]), float(slim * along[place])
        if not (a > 0 and d > 0 and b <= SKEW * a and a * r > b * rho * MARGIN and d * rho > b * r * MARGIN):
            continue
        blur = float(size.sum()) * frame.defect * k * (r + rho) ** 2 * 2.0 + 1e-300
        exits = 0.5 * (a * r**2 / MARGIN - (2.0 * b * r * rho + e * rho**2) * MARGIN - blur)
        exits -= 1e-9 * abs(exits)
        if exits > CLEAR * a * r**2:
            return Block(frame, column, r, rho, b / a * rho * MARGIN, exits, highest, b, d, blur)
    return None


def unstable_disc(arena: Arena, frame: Eigenframe, length: float) -> float | None:
    """The slope e of a proved disc at a point of index 2 in the interior of space, None where none is proved.

    With v the two unstable coordinates and w the stable one the unstable surface is, over |v| <= ``length``, a graph
    w = h(v) with |h(v) - h(v')| <= e |v - v'|.
    """
    k = frame.free.size
    if k != 3 or frame.center.size != 3 or not frame.spectrum[1] > 0 > frame.spectrum[0]:
        return None
    reaches = np.array([[WIDEST * length, length, length]])
    lower, upper = frame.hull(reaches)
    if not ((lower >= arena.limits.lower) & (upper <= arena.limits.upper)).all():
        return None
    matrix = frame.in_coordinates(arena.potential.enclose_batch(lower, upper)[1], 1.0)
    if not np.isfinite(matrix.rad).all():
        return None
    mid, rad, size = matrix.mid[0], matrix.rad[0], matrix.magnitude[0]
    lowest = -largest_quotient(-mid[1:, 1:], rad[1:, 1:])
    b, c = (float(np.linalg.norm(part)) * MARGIN for part in (size[1:, 0], size[0, 1:]))
    return least_slope(lowest, (b, c), float((mid[0, 0] + rad[0, 0]) * 1.0 + 1e-14 * size[0, 0]))
