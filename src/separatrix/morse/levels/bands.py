"""Where on the scale of values a piecewise linear function may be how far from f (§10).

On every block of the box both functions take values in [low, high] and differ by at most ``error``. Cut off above c2 and below
c1 they differ, everywhere, by at most the largest error of the blocks whose values meet [c1, c2]; their sets at levels between c1
and c2 are those of f and g. Statements about a level need the blocks about it alone.                                 (10.12)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray
ENTRIES = 4_000_000


@dataclass(frozen=True, eq=False)
class Bands:
    """``rows`` (k, 3): low, high and error of every block; no rows where the two functions are one."""

    rows: Array

    def over(self, low: Array, high: Array) -> Array:
        """The largest error of the blocks that meet [low, high], (n,)."""
        low, high = np.atleast_1d(low), np.atleast_1d(high)
        found = np.zeros(len(low))
        if not len(self.rows):
            return found
        step = max(1, ENTRIES // len(self.rows))
        for start in range(0, len(low), step):
            part = slice(start, start + step)
            meets = (self.rows[:, 0] <= high[part, None]) & (self.rows[:, 1] >= low[part, None])
            found[part] = np.where(meets, self.rows[:, 2], 0.0).max(axis=1)
        return found

    def at(self, levels: Array, reach: float) -> Array:
        """The least e with ``over(c - reach e, c + reach e) <= e`` at every level c (n,); infinite levels have 0."""
        levels = np.atleast_1d(np.asarray(levels, dtype=np.float64))
        found = np.zeros(len(levels))
        open_ = np.isfinite(levels)
        while open_.any():
            c, e = levels[open_], found[open_]
            room = reach * e * (1.0 + 1e-12) + 4e-15 * np.abs(c)
            larger = self.over(c - room, c + room)
            grows = larger > e
            found[open_] = np.maximum(e, larger)
            open_[np.flatnonzero(open_)[~grows]] = False
        return found
