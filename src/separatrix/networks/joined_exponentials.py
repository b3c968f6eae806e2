"""Logarithms of sums of exponentials over windows of numpy rows, with their derivatives (§1).

With e_j = exp(x_j - max x), S = sum of e_j over a window and p_j = e_j / S, the logarithm L = max x + log S has the tangent
sum p_j v_j and passes p_j y on. Windows whose entries all lie far below the row's largest have a largest entry of their own.
Windows that lack one entry each of a group, as in a softmax, are added up from both ends: no difference, no cancellation.
"""

from __future__ import annotations

import numpy as np

from separatrix.networks.joined_pairs import Joined

SMALLEST_SUM = 1e-3


class Exponentials:
    """The exponentials of the rows ``x`` (n, in) and their sums over the windows of ``layer``; ``logarithm`` (n, out)."""

    def __init__(self, layer: Joined, x: np.ndarray) -> None:
        self.layer, top = layer, x.max(axis=1, keepdims=True)
        with np.errstate(invalid="ignore"):  # infinite entries give NaN, as everywhere
            self.parts = np.exp(x - top)
        self.sums = sums_over(layer, self.parts)
        self.rows, self.windows = np.nonzero(self.sums < SMALLEST_SUM)
        self.sums[self.rows, self.windows] = 1.0
        self.logarithm = top + np.log(self.sums)
        if self.rows.size:
            inside = layer.windows[self.windows]
            own = np.where(inside >= 0, x[self.rows[:, None], inside], -np.inf)
            highest = own.max(axis=1, keepdims=True)
            with np.errstate(invalid="ignore"):
                powers = np.exp(own - highest)
            total = powers.sum(axis=1, keepdims=True)
            self.logarithm[self.rows, self.windows] = (highest + np.log(total))[:, 0]
            self.inside, self.shares = inside, powers / total

    def averages(self, v: np.ndarray) -> np.ndarray:
        """The means (n, out) of the entries ``v`` (n, in) over the windows, weighed by p."""
        found = sums_over(self.layer, self.parts * v) / self.sums
        if self.rows.size:
            found[self.rows, self.windows] = (self.shares * v[self.rows[:, None], self.inside]).sum(axis=1)
        return found

    def passed(self, y: np.ndarray) -> np.ndarray:
        """For every entry the sum (n, in) of p y over the windows that hold it, ``y`` (n, out)."""
        shared = y / self.sums
        shared[self.rows, self.windows] = 0.0
        found = self.parts * sums_over(self.layer, shared, transposed=True)
        if self.rows.size:
            own = self.shares * y[self.rows, self.windows][:, None]
            np.add.at(found, (self.rows[:, None], self.inside), own)  # -1 stands behind a window, with share 0
        return found


def sums_over(layer: Joined, x: np.ndarray, transposed: bool = False) -> np.ndarray:
    """The sums (n, out) of x (n, in) over the windows, or of x (n, out) over the windows of every entry."""
    if layer.groups is None:
        return layer.membership.pull(x) if transposed else layer.membership.linear(x)
    groups, lacking = layer.groups
    if transposed:
        x = x[:, np.argsort(lacking)]
    parts, found = x[:, groups], np.empty_like(x)
    total = np.zeros_like(parts)
    total[..., 1:] = np.cumsum(parts[..., :-1], axis=2)
    total[..., :-1] += np.cumsum(parts[..., :0:-1], axis=2)[..., ::-1]
    found[:, groups] = total
    return found if transposed else found[:, lacking]
