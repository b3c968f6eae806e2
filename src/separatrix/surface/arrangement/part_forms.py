"""A network's values on small boxes as affine functions of the position with bounds of what is left (§6).

On a box of centre m and half widths h, x = m + h e with |e_i| <= 1, a coordinate is

    y(x) = c + sum_i g_i e_i + d,    |d| <= r,                                                                        (3)

for all x of the box. An affine map takes c and g to its values on them and r to |W| r, and what its rounding and its own
radius take is charged to r, by (1) of ``step_bounds`` for each of c, g and by the Cauchy-Schwarz inequality for d. A crease of
slope a <= 1 below zero on values in [L, U], L < 0 < U, differs from t -> l t, a <= l <= 1, by something between 0 and
M = max((1 - l) U, (l - a) (-L)), for it is above that line and the difference is largest at an end: c, g and r are multiplied by
l, and M / 2 is added to c and to r.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.surface.arrangement.norms import UNIT, norm_up, raised
from separatrix.surface.arrangement.step_bounds import StepBounds


@dataclass(frozen=True, eq=False)
class PartForms:
    """``values`` (n + 1, boxes, m): c, then g; ``rest`` (boxes, m): r."""

    values: np.ndarray
    rest: np.ndarray

    @classmethod
    def of_boxes(cls, centers: np.ndarray, halves: np.ndarray) -> PartForms:
        """The inputs on boxes of these centres and half widths (boxes, n)."""
        count, n = centers.shape
        values = np.zeros((n + 1, count, n))
        values[0] = centers
        values[1 + np.arange(n), :, np.arange(n)] = halves.T
        return cls(values, np.zeros((count, n)))

    def ranges(self) -> tuple[np.ndarray, np.ndarray]:
        """Bounds (boxes, m) of the coordinates from below and above."""
        around = raised(np.abs(self.values[1:]).sum(axis=0) + self.rest, self.values.shape[0] + 1)
        around = raised(around + UNIT * np.abs(self.values[0]))
        return self.values[0] - around, self.values[0] + around

    def mapped(self, bounds: StepBounds) -> PartForms:
        """The values of a step before its crease."""
        p, q, constant = bounds.rows
        n = self.values.shape[0] - 1
        values = bounds.times(self.values)
        values[0] += bounds.bias
        length = raised(norm_up(self.values).sum(axis=0) + norm_up(self.rest), n + 2)
        own = np.asarray(raised(p * bounds.norms[0] + q))
        rest = bounds.sizes_times(self.rest) + length[:, None] * own + (constant + n * bounds.lost)
        return PartForms(values, raised(rest))

    def creased(self, slope: np.ndarray, ranges: tuple[np.ndarray, np.ndarray]) -> PartForms:
        """Behind a crease of slopes (m,) in [0, 1] below zero, for values between ``ranges``."""
        low, high = ranges
        below, above = np.minimum(low, 0.0), np.maximum(high, 0.0)
        chord = (above - slope * below) / (above - below)  # nan where both are 0, or one is not finite
        line = np.where(above == below, 1.0, np.clip(chord, slope, 1.0))
        off = raised(np.maximum((1.0 - line) * above, (line - slope) * -below), 4)
        values = self.values * line
        values[0] += off / 2
        lost = UNIT * (np.abs(values).sum(axis=0) + off)
        return PartForms(values, raised(line * self.rest + off / 2 + 2 * lost, 8 + values.shape[0]))
