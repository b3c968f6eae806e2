"""Steps of branches between their ends, and where within them something happens first (§3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

SECTIONS, CUTS = 16, 13


@dataclass(frozen=True, eq=False)
class Step:
    """Steps from ``x`` (m, dim) to ``new`` of lengths ``h`` (m,), with the tangents at both ends."""

    x: np.ndarray
    slope: np.ndarray
    new: np.ndarray
    last: np.ndarray
    h: np.ndarray

    def at(self, s: np.ndarray) -> np.ndarray:
        """Points (m, dim) at the lengths ``s`` (m,): the cubics through ends and tangents."""
        size, theta = self.h[:, None], (s / self.h)[:, None]
        chord = (self.new - self.x) / size
        bend, twist = 3.0 * chord - 2.0 * self.slope - self.last, self.slope + self.last - 2.0 * chord
        return self.x + size * theta * (self.slope + theta * (bend + theta * twist))

    def of(self, chosen: np.ndarray) -> Step:
        """The ``chosen`` steps alone."""
        return Step(self.x[chosen], self.slope[chosen], self.new[chosen], self.last[chosen], self.h[chosen])


def first(test: Callable[[np.ndarray, np.ndarray], np.ndarray], low: np.ndarray, high: np.ndarray) -> np.ndarray:
    """The lengths (m,) between ``low`` and ``high`` from which on a test holds: SECTIONS places at once, CUTS times.

    ``test(s, rows)``: whether it holds at the lengths s (k,) of the rows (k,), numbers below m.
    """
    every, shares = np.arange(low.size), np.arange(1, SECTIONS) / SECTIONS
    rows = np.repeat(every, shares.size)
    for _ in range(CUTS):
        places = low[:, None] + shares * (high - low)[:, None]
        holds = np.asarray(test(places.ravel(), rows)).reshape(places.shape)
        found = holds.any(axis=1)
        k = holds.argmax(axis=1)
        before = np.where(found, k - 1, shares.size - 1)
        low = np.where(before >= 0, places[every, before], low)
        high = np.where(found, places[every, k], high)
    return high
