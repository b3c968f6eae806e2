"""The gradient of a head at the centres of boxes, from the propagation over the boxes (§8).

A :class:`BatchPropagation` follows the units at the centres of its boxes, too (column 0). With the neurons' slopes there one
backward pass gives the gradient at the centres: no second propagation is needed for the mean value form.
"""

from __future__ import annotations

import numpy as np

from separatrix.networks.batches import BatchPropagation, interval_of, rows_of
from separatrix.networks.column_products import TINY, Columns, back, middle
from separatrix.networks.layers import Activation, AffineMap
from separatrix.numerics.intervals import Interval
from separatrix.numerics.rounding import UNIT, Array


def centre_outputs(state: BatchPropagation, m: int) -> Interval:
    """The first m outputs at the centres, (n, m); the whole line on lost boxes."""
    mid, rad = (part[:m, 0] for part in state.columns[-1])
    with np.errstate(all="ignore"):
        spread = rad * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(mid) + TINY
        return interval_of((mid - spread).T, (mid + spread).T, state.lost)


def centre_gradient(state: BatchPropagation, slopes: Interval, total: float) -> Interval:
    """The gradient (n, dim) at the centres; ``slopes`` (n, m): derivatives of the head by the first m outputs there, which
    add up to ``total`` (NaN: unknown)."""
    with np.errstate(all="ignore"):
        found = _backward(state, slopes, total)
        spread = found.rad * (1.0 + 4.0 * UNIT) + 4.0 * UNIT * np.abs(found.mid) + TINY
        return interval_of((found.mid - spread).T, (found.mid + spread).T, state.lost)


def _backward(state: BatchPropagation, slopes: Interval, total: float) -> Columns:
    """The derivatives by the inputs, (dim, n)."""
    last = len(state.nodes) - 1
    found: list[Columns | None] = [None] * last + [Columns(*middle(*rows_of(slopes)))]
    for index in range(last, 0, -1):
        node, here = state.nodes[index], found[index]
        if here is None:
            continue
        if isinstance(node.layer, AffineMap):
            here = back(node.layer, here, total if index == last else np.nan)
        elif isinstance(node.layer, Activation) and node.layer.name != "identity":
            here = _scaled(here, *state.centre_slopes[index])
        for parent in node.parents:
            known = found[parent]
            if known is not None:
                mid = known.mid + here.mid
                here = Columns(mid, (known.rad + here.rad + 2.0 * UNIT * np.abs(mid)) * (1.0 + 8.0 * UNIT))
            found[parent] = here
    nothing = np.zeros((state.dim, state.n))
    return found[0] or Columns(nothing, nothing)


def _scaled(delta: Columns, low: Array, high: Array) -> Columns:
    """The product of delta (units, n) and slopes in [low, high]."""
    from separatrix.numerics.kernels.interval_products import scaled

    own = [part[:, None] for part in delta]
    passed = [np.empty_like(part) for part in own]
    scaled(low, high, *own, 0, *passed)
    return Columns(*(part[:, 0] for part in passed))
