"""Affine layers on columns of midpoints and radii, forward and backward, with rigorous radii (§8).

The bound of rounding is that of :mod:`separatrix.networks.batches`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from separatrix.networks.layers import AffineMap
from separatrix.networks.structured_map import StructuredMap
from separatrix.numerics.rounding import UNIT, Array

TINY = 1e-300


class Columns(NamedTuple):
    """Midpoints and radii, each (units, n) or (units, k, n)."""

    mid: Array
    rad: Array


def forward(layer: AffineMap, mid: Array, rad: Array) -> tuple[Array, Array]:
    """W x for columns x (inputs, k, n)."""
    if isinstance(layer, StructuredMap):
        return _structured(layer, mid, rad)
    weight, k = layer.weight, layer.n_inputs
    shape = (weight.shape[0], *mid.shape[1:])
    size = np.abs(mid)
    spread = rad + (k + 4) * UNIT * size + TINY
    out = np.abs(weight) @ spread.reshape(k, -1)
    if layer.weight_radius is not None:
        out += layer.weight_radius @ (size + spread).reshape(k, -1)
    return (weight @ mid.reshape(k, -1)).reshape(shape), (out * (1.0 + (2 * k + 24) * UNIT) + TINY).reshape(shape)


def back(layer: AffineMap, delta: Columns, total: float) -> Columns:
    """W^T delta for the first rows of W, (inputs, n); ``total``: what delta adds up to (NaN: unknown)."""
    height = len(delta.mid)
    if isinstance(layer, StructuredMap) and height == layer.n_outputs:
        return _structured_back(layer, delta)
    weight, g, size = layer.weight[:height], (height + 10) * UNIT, np.abs(delta.mid)
    found = weight.T @ delta.mid, np.abs(weight).T @ (delta.rad + g * size + TINY)
    loss = 0.0 if layer.weight_radius is None else layer.weight_radius[:height].T @ (size + delta.rad)
    grow = 1.0 + (2 * height + 24) * UNIT
    plain = Columns(found[0], (found[1] + loss) * grow + TINY)
    if total != total or height < 2:
        return plain
    mean = weight.mean(axis=0)
    mid = found[0] + mean[:, None] * (total - delta.mid.sum(axis=0))
    around = (np.abs(weight) + np.abs(mean)).T @ size + np.abs(mean)[:, None] * abs(total)
    rad = (np.abs(weight - mean).T @ (delta.rad + TINY) + 2.0 * g * around + loss) * grow + TINY
    # the one does not lose sight of derivatives that nearly vanish, the other is narrow where they may be anything
    low, high = plain.mid - plain.rad, plain.mid + plain.rad
    slack = 4.0 * UNIT * (np.abs(plain.mid) + plain.rad), 4.0 * UNIT * (np.abs(mid) + rad)
    return Columns(
        *middle(np.fmax(low - slack[0], mid - rad - slack[1]), np.fmin(high + slack[0], mid + rad + slack[1]))
    )


def _structured(layer: StructuredMap, mid: Array, rad: Array) -> tuple[Array, Array]:
    """W x for columns x (inputs, k, n), W given by its maps on rows."""
    width, k = len(mid), layer.terms
    rows = [
        np.ascontiguousarray(part.reshape(width, -1).T) for part in (mid, rad + (k + 4) * UNIT * np.abs(mid) + TINY)
    ]
    out = layer.magnitude(rows[1]) * (1.0 + (2 * k + 24) * UNIT) + TINY
    shape = (layer.n_outputs, *mid.shape[1:])
    return tuple(np.ascontiguousarray(part.T).reshape(shape) for part in (layer.linear(rows[0]), out))  # pyright: ignore


def _structured_back(layer: StructuredMap, delta: Columns) -> Columns:
    """W^T delta, (inputs, n), W given by its maps on rows."""
    k = layer.pull_terms
    rows = [
        np.ascontiguousarray(part.T) for part in (delta.mid, delta.rad + (k + 10) * UNIT * np.abs(delta.mid) + TINY)
    ]
    out = layer.pull_magnitude(rows[1]) * (1.0 + (2 * k + 24) * UNIT) + TINY
    return Columns(*(np.ascontiguousarray(part.T) for part in (layer.pull(rows[0]), out)))


def middle(low: Array, high: Array) -> tuple[Array, Array]:
    """Midpoints and radii; 0 and inf where an end is not finite."""
    mid = 0.5 * low + 0.5 * high
    rad = np.maximum(high - mid, mid - low) * (1.0 + 4.0 * UNIT) + TINY
    unknown = ~(rad < 1e308)
    return np.where(unknown, 0.0, mid), np.where(unknown, np.inf, rad)
