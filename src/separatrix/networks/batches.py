"""Values, gradients and Hessians of heads on a smooth network over thousands of boxes, enclosed (§8).

Every unit is followed as midpoints and radii in columns (units, 2 + dim, n): its value at the centres of the boxes (0), its range
over them (1) and its derivatives by x_1, …, x_dim over them (2, …). A range is the natural one cut with the mean value form
u(c) + J [-d, d]. Derivatives in adjoint form: with delta the derivatives of f by the units,

    grad f = delta at the inputs,   Hess f = sum over neurons delta s''(u) J_u^T J_u + sum over pairs c_st F_s^T F_t,

J_u the derivatives of a neuron's argument, F_s those of the output s, c_st the coefficients of Hess Phi. Where the derivatives y
of Phi add up to a known number, sum_a y_a W_a = sum_a ȳ_a W_a + tau w + sum_a (y_a - ȳ_a) (W_a - w) for every w, tau what the
midpoints ȳ lack of that number: radii are then multiplied by differences of weights only.

Rounding. A sum of K products and a bias is off by at most (K + 3) u (sum |w m| + |b|) in any order, with or without FMA; its
radius is |W| (r + (K + 4) u |m| + TINY) + R (|m| + r) + …, itself enlarged by (2 K + 24) u for its own roundings, and by TINY;
TINY covers underflow, of K products and of u |m| before a large W multiplies it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from separatrix.networks.column_products import TINY, Columns, back, forward, middle
from separatrix.networks.layers import Activation, AffineMap, Layer, Sum
from separatrix.networks.network import Network
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import UNIT, Array
from separatrix.numerics.taylor_tables import ORDERS, REACH, TaylorTable, taylor_table

MOST_INPUTS = 16  # beyond, Hessians are better taken one box at a time
NUMBERS_AT_ONCE = 2**17
MAX = float(np.finfo(np.float64).max)


class HeadBounds(NamedTuple):
    """What is known of a head on n boxes: ``slopes`` (n, m), its derivatives by the first m outputs, which add up to ``total``
    (NaN: unknown); ``pairs`` of outputs (t, 2) and the ``coefficients`` (n, t) of their products in its Hessian, a pair (a, b)
    standing for (b, a) too."""

    slopes: Interval
    total: float
    pairs: Array
    coefficients: Interval


def serves(network: Network) -> bool:
    """Whether the batches here serve a network: smooth, few inputs, an affine last layer."""
    smooth = set(network.activations) <= {*REACH, "identity"}
    return smooth and network.n_inputs <= MOST_INPUTS and isinstance(network.nodes[-1].layer, AffineMap)


def n_together(network: Network) -> int:
    """How many boxes go together, so that all units stay in the cache."""
    return max(64, NUMBERS_AT_ONCE // (sum(network.widths) * (2 + network.n_inputs)))


class BatchPropagation:
    """All units over boxes [lower, upper] (n, dim); ``lost`` (n,): nothing is known; ``centred``: for :mod:`.batch_centres`."""

    def __init__(self, network: Network, lower: Array, upper: Array, order: int, centred: bool = False) -> None:
        self.nodes, self.order, self.centred = network.nodes, order, centred
        self.centre_slopes: dict[int, tuple[Array, Array]] = {}
        self.n, self.dim = lower.shape
        self.lost = np.zeros(self.n, dtype=bool)
        self.slopes: dict[int, tuple[Array, Array]] = {}
        self.curvatures: dict[int, tuple[Array, Array]] = {}
        with np.errstate(all="ignore"):
            self.columns = [self._inputs(lower.T, upper.T)]
            for index, node in enumerate(self.nodes[1:], 1):
                self.columns.append(self._column(index, node.layer, [self.columns[i] for i in node.parents]))

    def _inputs(self, lower: Array, upper: Array) -> Columns:
        mid, rad = np.zeros((self.dim, 2 + self.dim, self.n)), np.zeros((self.dim, 2 + self.dim, self.n))
        thin = lower == upper
        mid[:, 0] = np.where(thin, lower, 0.5 * lower + 0.5 * upper)
        mid[:, 1] = mid[:, 0]
        reach = np.maximum(upper - mid[:, 0], mid[:, 0] - lower) * (1.0 + 4.0 * UNIT) + TINY
        rad[:, 1] = self.reach = np.where(thin, 0.0, reach)
        mid[np.arange(self.dim), 2 + np.arange(self.dim)] = 1.0
        return Columns(mid, rad)

    def _column(self, index: int, layer: Layer, parents: list[Columns]) -> Columns:
        if isinstance(layer, AffineMap):
            mid, rad = forward(layer, *parents[0])
            loss = 0.0 if layer.bias_radius is None else layer.bias_radius
            mid[:, :2] += layer.bias[:, None, None]
            g = (layer.terms + 4) * UNIT
            rad[:, :2] += (1.0 + 16.0 * UNIT) * (g * np.abs(layer.bias) + loss)[:, None, None]
            return Columns(mid, rad)
        if isinstance(layer, Activation):
            return parents[0] if layer.name == "identity" else self._activation(index, layer.name, parents[0])
        assert isinstance(layer, Sum)
        mid, rad = parents[0]
        for other in parents[1:]:
            mid = mid + other.mid
            rad = (rad + other.rad + 2.0 * UNIT * np.abs(mid)) * (1.0 + 8.0 * UNIT)
        return Columns(mid, rad)

    def range_of(self, columns: Columns) -> tuple[Array, Array]:
        """Bounds (units, n): the natural range and the mean value form, the better of each."""
        mid, rad = columns
        change = ((np.abs(mid[:, 2:]) + rad[:, 2:]) * self.reach).sum(axis=1) + rad[:, 0]
        change = change * (1.0 + (self.dim + 8) * UNIT) + 4.0 * UNIT * np.abs(mid[:, 0]) + TINY
        spread = rad[:, 1] * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(mid[:, 1]) + TINY
        return (
            np.fmax(mid[:, 1] - spread, mid[:, 0] - change),
            np.fmin(mid[:, 1] + spread, mid[:, 0] + change),
        )

    def _activation(self, index: int, name: str, before: Columns) -> Columns:
        from separatrix.numerics.kernels.interval_products import scaled

        table = taylor_table(name)
        reach, steepest = table.meta[0], table.meta[1]
        left, right = self.range_of(before)
        centre, loose = before.mid[:, 0].copy(), before.rad[:, 0].copy()
        inside = (left >= -reach) & (right <= reach) & (left <= right) & (np.abs(centre) <= reach) & (loose < 1.0)
        if not inside.all():
            self.lost |= ~inside.all(axis=0)
            for array in (left, right, centre, loose):
                array[~inside] = 0.0
        low, high = _table_ranges(table, left, right)
        if self.centred:
            middle_low, middle_high, loose = *self._about_centres(index, table, centre, loose), 0.0
        else:
            middle_low, middle_high = _table_ranges(table, centre, centre)
        mid, rad = np.empty_like(before.mid), np.empty_like(before.rad)
        for column, ends in enumerate(((middle_low[0], middle_high[0]), (low[0], high[0]))):
            mid[:, column], rad[:, column] = middle(*ends)
        rad[:, 0] = (rad[:, 0] + steepest * loose) * (1.0 + 8.0 * UNIT) + TINY
        self.slopes[index] = low[1], high[1]
        if self.order > 1:
            self.curvatures[index] = low[2], high[2]
        scaled(low[1], high[1], before.mid, before.rad, 2, mid, rad)
        return Columns(mid, rad)

    def _about_centres(self, index: int, table: TaylorTable, centre: Array, loose: Array) -> tuple[Array, Array]:
        """Bounds of s, s', s'' at the neurons' arguments at the centres, which lie within ``loose`` of ``centre``."""
        spread = loose * (1.0 + 4.0 * UNIT) + 2.0 * UNIT * np.abs(centre) + TINY
        left, right = np.maximum(centre - spread, -table.meta[0]), np.minimum(centre + spread, table.meta[0])
        self.lost |= (np.abs(centre) + spread > table.meta[0]).any(axis=0)
        low, high = _table_ranges(table, left, right)
        self.centre_slopes[index] = low[1], high[1]
        return low, high

    def outputs(self, m: int) -> Interval:
        """The first m outputs, (n, m); the whole line on lost boxes."""
        with np.errstate(all="ignore"):
            low, high = self.range_of(self.columns[-1])
        return interval_of(low[:m].T, high[:m].T, self.lost)

    def derivatives(self, head: HeadBounds, free: Array) -> tuple[Interval, Interval]:
        """Gradient (n, dim) and Hessian's columns ``free`` (n, dim, k) of a head on the outputs."""
        chosen = {int(j) for j in free}
        pairs = [(i, j) for i in range(self.dim) for j in range(i, self.dim) if i in chosen or j in chosen]
        low, high = np.zeros((len(pairs), self.n)), np.zeros((len(pairs), self.n))
        with np.errstate(all="ignore"):
            for (a, b), ends in zip(head.pairs, _rows(head.coefficients), strict=True):
                weights = Columns(*(part[None] for part in middle(*ends)))
                one = Columns(*(part[a : a + 1] for part in self.columns[-1]))
                if a == b:
                    self._add(pairs, weights, one, one, (low, high))
                    continue
                other = Columns(*(part[b : b + 1] for part in self.columns[-1]))
                self._add(pairs, weights, one, other, (low, high))
                self._add(pairs, weights, other, one, (low, high))
            gradient = self._backward(head, pairs, low, high)
            spread = gradient.rad * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(gradient.mid) + TINY
            ends = gradient.mid - spread, gradient.mid + spread
        place = {pair: row for row, pair in enumerate(pairs)}
        order = np.array(
            [[place[min(i, int(j)), max(i, int(j))] for j in free] for i in range(self.dim)], dtype=np.int64
        )
        order = order.reshape(self.dim, len(free))
        hessian = np.moveaxis(low[order], -1, 0), np.moveaxis(high[order], -1, 0)
        return interval_of(ends[0].T, ends[1].T, self.lost), interval_of(hessian[0], hessian[1], self.lost)

    def _add(
        self,
        pairs: list[tuple[int, int]],
        weight: Columns,
        one: Columns,
        other: Columns,
        sums: tuple[Array, Array],
    ) -> None:
        """Add the sum over units of weight J_i K_j for all pairs (i, j)."""
        from separatrix.numerics.kernels.interval_products import add_products

        for row, (i, j) in enumerate(pairs):
            square = one is other and i == j
            add_products(*weight, *one, *other, 2 + i, 2 + j, square, sums[0][row], sums[1][row])

    def _backward(self, head: HeadBounds, pairs: list[tuple[int, int]], low: Array, high: Array) -> Columns:
        """The derivatives by the inputs (dim, n), the neurons' terms being added to the Hessian on the way."""
        from separatrix.numerics.kernels.interval_products import scaled

        last = len(self.nodes) - 1
        found: list[Columns | None] = [None] * last + [Columns(*middle(*rows_of(head.slopes)))]
        for index in range(last, 0, -1):
            node, here = self.nodes[index], found[index]
            if here is None:
                continue
            layer = node.layer
            if isinstance(layer, AffineMap):
                here = back(layer, here, head.total if index == last else np.nan)
            elif isinstance(layer, Activation) and layer.name != "identity":
                before = self.columns[node.parents[0]]
                delta = [part[:, None] for part in here]
                if self.order > 1 and pairs:
                    bent = [np.empty_like(part) for part in delta]
                    scaled(*self.curvatures[index], *delta, 0, *bent)
                    self._add(pairs, Columns(*(part[:, 0] for part in bent)), before, before, (low, high))
                passed = [np.empty_like(part) for part in delta]
                scaled(*self.slopes[index], *delta, 0, *passed)
                here = Columns(*(part[:, 0] for part in passed))
            for parent in node.parents:
                known = found[parent]
                if known is not None:
                    mid = known.mid + here.mid
                    here = Columns(mid, (known.rad + here.rad + 2.0 * UNIT * np.abs(mid)) * (1.0 + 8.0 * UNIT))
                found[parent] = here
        gradient = found[0]
        return Columns(np.zeros((self.dim, self.n)), np.zeros((self.dim, self.n))) if gradient is None else gradient


def _table_ranges(table: TaylorTable, left: Array, right: Array) -> tuple[Array, Array]:
    """Bounds (3, units, n) of s, s', s'' on [left, right] (units, n)."""
    from separatrix.numerics.kernels.table_ranges import table_ranges

    low, high = np.empty((ORDERS, left.size)), np.empty((ORDERS, left.size))
    table_ranges(table.rows, table.meta, left.ravel(), right.ravel(), low, high)
    return low.reshape(ORDERS, *left.shape), high.reshape(ORDERS, *left.shape)


def rows_of(x: Interval) -> tuple[Array, Array]:
    """The ends (n, m) as arrays (m, n)."""
    return np.ascontiguousarray(x.lower.T), np.ascontiguousarray(x.upper.T)


def _rows(x: Interval) -> list[tuple[Array, Array]]:
    return list(zip(*rows_of(x), strict=True))


def interval_of(low: Array, high: Array, lost: Array) -> Interval:
    """Bounds that are not finite, and those of lost boxes, become infinite."""
    gone = lost.reshape(-1, *(1,) * (low.ndim - 1))
    return Interval(
        np.where((np.abs(low) <= MAX) & ~gone, low, -np.inf), np.where((np.abs(high) <= MAX) & ~gone, high, np.inf)
    )
