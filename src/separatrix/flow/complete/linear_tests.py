"""Rigorous tests on batches of boxes from the enclosure of the gradient's slope: exclusion, injectivity, contraction (§8).

For a zero x of the free gradient g in a box X about m there is a matrix H in H(X) with g(m) + H (x - m) = 0: the rows of H
are means of g' along the segment from m to x. With any real matrix Y, A = Y H and b = Y g(m),

    b + A (x - m) = 0                                                                                      (8.2)

so that X holds no zero where an enclosure of a component of (8.2) excludes 0, or where Gauss-Seidel steps leave nothing.
|I - A| <= D entry by entry and D v < v for a v > 0 bound the spectral radius of I - A below 1 (Collatz), for every such H:
then Y (g(x) - g(y)) = Y H (x - y) is not 0 for x, y in X with x != y, and g is injective on X.

Sums have at most a dozen terms, whose rounding errors ``grown`` covers: (1 + 12 u)^3 < 1 + 1e-14, and each product
underflows by less than eta / 2.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from separatrix.numerics.rounding import down, up

Array = np.ndarray
UNDERFLOW = 1e-321  # 200 eta
ROUNDING = 4e-15  # more than 12 u with the roundings of its own product
SINGULAR = 1e-6
FLOOR = 1e-3


def grown(x: Array) -> Array:
    """An upper bound of a sum of at most a dozen non-negative products that came to ``x``."""
    return x * (1.0 + 1e-14) + UNDERFLOW


def inverses(h: Array) -> Array:
    """Approximate inverses of symmetric matrices (n, k, k); small eigenvalues are raised where nearly singular."""
    k = h.shape[1]
    if k == 1:
        y = 1.0 / h
    elif k == 2:
        det = h[:, 0, 0] * h[:, 1, 1] - h[:, 0, 1] * h[:, 1, 0]
        y = np.empty_like(h)
        y[:, 0, 0], y[:, 1, 1] = h[:, 1, 1] / det, h[:, 0, 0] / det
        y[:, 0, 1], y[:, 1, 0] = -h[:, 0, 1] / det, -h[:, 1, 0] / det
    else:
        y = _solved(h)
    finite = np.isfinite(h).all(axis=(1, 2))
    size = np.abs(h).max(axis=(1, 2), initial=0.0) * np.abs(y).max(axis=(1, 2), initial=0.0)
    near = finite & ~(size < 1.0 / SINGULAR)
    if near.any():
        y[near] = _raised(h[near])
    y[~finite] = np.eye(k)
    return y


def _solved(h: Array) -> Array:
    try:
        return np.linalg.inv(np.where(np.isfinite(h), h, 0.0) + 1e-300 * np.eye(h.shape[1]))
    except np.linalg.LinAlgError:
        return np.full_like(h, np.inf)


def _raised(h: Array) -> Array:
    try:
        values, vectors = np.linalg.eigh(0.5 * (h + h.mT))
    except np.linalg.LinAlgError:
        return np.broadcast_to(np.eye(h.shape[1]), h.shape)
    size = np.abs(values)
    floor = np.maximum(FLOOR * size.max(axis=1, keepdims=True), 1e-280)
    raised = np.where(values < 0, -1.0, 1.0) * np.maximum(size, floor)
    return (vectors / raised[:, None, :]) @ vectors.mT


@dataclass(frozen=True, eq=False)
class Linearised:
    """(8.2) on n boxes of k free coordinates: x - m in [low, high] (n, k), A = am +- ar (n, k, k), b = bm +- br (n, k)."""

    low: Array
    high: Array
    am: Array
    ar: Array
    bm: Array
    br: Array

    @classmethod
    def of(cls, offsets: tuple[Array, Array], slopes: tuple[Array, Array], gradient: tuple[Array, Array]) -> Linearised:
        """From x - m (n, k), the slopes H (n, k, k) and g(m) (n, k), each as (lower, upper)."""
        hm, hr = centred(*slopes)
        gm, gr = centred(*gradient)
        y = inverses(hm)
        size = np.abs(y)
        am = y @ hm
        ar = grown(size @ grown(hr + ROUNDING * np.abs(hm)))
        bm = (y @ gm[:, :, None])[:, :, 0]
        br = grown((size @ grown(gr + ROUNDING * np.abs(gm))[:, :, None])[:, :, 0])
        return cls(*offsets, am, ar, bm, br)

    def excludes(self) -> tuple[Array, Array]:
        """(boxes without a zero by the components of (8.2) (n,), how near each is to that: 0 far, 1 there (n,))."""
        middle, radius = centred(self.low, self.high)
        size = np.abs(self.am)
        total = np.abs(self.bm + (self.am @ middle[:, :, None])[:, :, 0])
        reach = (size @ radius[:, :, None] + self.ar @ (np.abs(middle) + radius)[:, :, None])[:, :, 0]
        rounding = ROUNDING * (np.abs(self.bm) + (size @ np.abs(middle)[:, :, None])[:, :, 0])
        reach = grown(reach + self.br + rounding)
        near = np.fmax.reduce(total / reach, axis=1, initial=0.0)
        return np.asarray((total > reach).any(axis=1)), near

    def is_injective(self) -> Array:
        """Boxes on which the gradient is proved injective, (n,)."""
        defect = grown(np.abs(np.eye(self.am.shape[1]) - self.am) + self.ar)
        v = np.maximum(self.high - self.low, 1e-300)
        found = np.zeros(v.shape[0], dtype=bool)
        for _ in range(3):
            w = (defect @ v[:, :, None])[:, :, 0]
            found |= (grown(w) < v).all(axis=1)
            v = w / w.max(axis=1, keepdims=True) + v / v.max(axis=1, keepdims=True)
        return found

    def contracted(self) -> tuple[Array, Array, Array]:
        """(low, high, empty): one Gauss-Seidel sweep; rows ``empty`` hold no zero."""
        low, high = self.low.copy(), self.high.copy()
        empty = np.zeros(low.shape[0], dtype=bool)
        for i in range(low.shape[1]):
            a_low, a_high = down(self.am[:, i, i] - self.ar[:, i, i]), up(self.am[:, i, i] + self.ar[:, i, i])
            middle, radius = centred(low, high)
            middle[:, i], radius[:, i] = 0.0, 0.0
            row = self.am[:, i]
            total = self.bm[:, i] + (row * middle).sum(axis=1)
            spread = (np.abs(row) * radius + self.ar[:, i] * (np.abs(middle) + radius)).sum(axis=1)
            rounding = ROUNDING * (np.abs(self.bm[:, i]) + np.abs(row * middle).sum(axis=1))
            reach = grown(spread + self.br[:, i] + rounding)
            least, most = down(-total - reach), up(reach - total)
            new_low = down(np.minimum(least / a_low, least / a_high))
            new_high = up(np.maximum(most / a_low, most / a_high))
            sure = (a_low > 0) & (new_low <= new_high)  # NaN is not
            low[:, i] = np.where(sure, np.maximum(low[:, i], new_low), low[:, i])
            high[:, i] = np.where(sure, np.minimum(high[:, i], new_high), high[:, i])
            lost = low[:, i] > high[:, i]
            empty |= lost
            low[lost], high[lost] = self.low[lost], self.high[lost]
        return low, high, empty


def centred(low: Array, high: Array) -> tuple[Array, Array]:
    """(mid, rad) with |x - mid| <= rad for low <= x <= high; (0, inf) where an end is not finite."""
    middle = 0.5 * low + 0.5 * high
    radius = up(np.maximum(high - middle, middle - low))
    lost = ~np.isfinite(radius)
    if lost.any():
        middle, radius = np.where(lost, 0.0, middle), np.where(lost, np.inf, radius)
    return middle, radius


def mean_value(gradient: tuple[Array, Array], slopes: tuple[Array, Array], reach: Array) -> tuple[Array, Array]:
    """Enclosure of g(m) + H [-reach, reach], (n, rows): gradients at m (n, rows), slopes (n, rows, k), reach (n, k)."""
    size = np.maximum(np.abs(slopes[0]), np.abs(slopes[1]))
    spread = grown((size @ reach[:, :, None])[:, :, 0])
    return down(gradient[0] - spread), up(gradient[1] + spread)
