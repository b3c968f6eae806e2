"""What readers of graphs have in common: each operation on a value that depends on the input, with numpy constants (§1)."""

from __future__ import annotations

from math import prod

import numpy as np

from separatrix.networks.layers import Activation, Sum
from separatrix.networks.network import affine
from separatrix.networks.structured_layers import SparseAffine
from separatrix.networks.traced_layers import Scale, Selection
from separatrix.networks.traced_patterns import times
from separatrix.networks.traced_values import Building, Shape, Unsupported, Value

DENSE_LIMIT = 1 << 16
LAST_PICKS = 32  # selections of one value among which an equal one is looked for


def scaled(building: Building, x: Value, scale: np.ndarray, shift: np.ndarray, repeat: int = 1) -> Value:
    """scale * x + shift, both flat, one number for every ``repeat`` entries of x."""
    if not (np.isfinite(scale).all() and np.isfinite(shift).all()):
        raise Unsupported("with NaN or infinite constants")
    building.spend(2 * scale.size * repeat)
    if scale.size > 1 and (scale == scale[0]).all() and (shift == shift[0]).all():
        scale, shift, repeat = scale[:1].copy(), shift[:1].copy(), scale.size * repeat
    return building.append(Scale(scale, shift, repeat), x)


def shifted(building: Building, x: Value, shift: float) -> Value:
    """x + shift."""
    return x if shift == 0 else scaled(building, x, np.ones(1), np.full(1, shift), prod(x.shape))


def dense(building: Building, shape: Shape, x: Value, weight: np.ndarray, bias: np.ndarray | None) -> Value:
    """W x + b along the last axis; further axes are independent copies."""
    if weight.ndim != 2 or not x.shape:
        raise Unsupported("with a weight that is no matrix")
    bias = np.zeros(weight.shape[0]) if bias is None else np.broadcast_to(bias, weight.shape[:1])
    return copied(building, shape, x, weight, bias, prod(x.shape[:-1]), 1)


def copied(
    building: Building, shape: Shape, x: Value, weight: np.ndarray, bias: np.ndarray, before: int, after: int
) -> Value:
    """W x + b on every one of ``before`` times ``after`` copies that stand around the axis of the matrix.

    ``bias`` (out,) is one number a row of W. Dense where the whole is small, sparse otherwise.
    """
    if before * after == 1:
        return matrix(building, shape, x, weight, bias)
    if weight.size == 0 or not (np.isfinite(weight).all() and np.isfinite(bias).all()):
        raise Unsupported("with an empty matrix, NaN or infinite entries")
    wide = np.tile(np.repeat(bias, after), before)
    building.spend(before * after * weight.size)
    if (before * after) ** 2 * weight.size <= DENSE_LIMIT:
        whole = np.kron(np.eye(before), np.kron(weight, np.eye(after)))
        return matrix(building, shape, x, whole, wide)
    from scipy.sparse import csr_array, eye_array, kron

    whole = kron(eye_array(before), kron(csr_array(weight), eye_array(after)), format="csr")
    return building.append(SparseAffine.of(whole, wide), x, shape=shape)


def matrix(building: Building, shape: Shape, x: Value, weight: np.ndarray, bias: np.ndarray) -> Value:
    """W x + b on the flat value."""
    building.hold(weight.size)
    where = f"{building.source}: layer {building.place or '(top)'}"
    return building.append(affine(weight, bias, where, copies=not building.owns_constants), x, shape=shape)


def normalised(building: Building, x: Value, scale: np.ndarray, shift: np.ndarray, channel_axis: int = 0) -> Value:
    """A batch norm in evaluation mode: scale * x + shift, one number a channel."""
    if scale.shape != shift.shape or scale.shape != x.shape[channel_axis : channel_axis + 1]:
        raise Unsupported("of shapes that do not fit")
    repeat = prod(x.shape[channel_axis + 1 :])
    wide = [np.tile(part, prod(x.shape[:channel_axis])) for part in (scale, shift)]
    building.note("batch norm was folded into an affine map in float64, with its running mean and variance")
    return scaled(building, x, wide[0], wide[1], repeat)


def selected(building: Building, x: Value, index: np.ndarray, shape: Shape) -> Value:
    """The entries ``index`` of the flat value, -1 for 0; the value itself where they are all of it in order."""
    building.work(index.size)
    index = np.ascontiguousarray(index).ravel()
    if index.size and not prod(x.shape):
        raise Unsupported("of a value without entries")
    if index.size == prod(x.shape) and np.array_equal(index, np.arange(index.size)):
        return Value(x.cell, shape)
    building.spend(index.size)
    before = building.nodes[x.index]
    if isinstance(before.layer, Scale) and before.layer.factors.size == 1 and index.size and index.min() >= 0:
        inner = selected(building, Value([before.parents[0]], x.shape), index, shape)  # one factor minds no order
        return building.append(Scale(before.layer.factors, before.layer.shifts, index.size), inner, shape=shape)
    for number in building.picked.get(x.index, [])[-LAST_PICKS:]:
        known = building.nodes[number].layer
        if isinstance(known, Selection) and np.array_equal(known.index, index):
            return Value([number], shape)
    found = building.append(Selection(index, prod(x.shape)), x, shape=shape)
    building.picked.setdefault(x.index, []).append(found.index)
    return found


def relu(building: Building, x: Value) -> Value:
    """max(x, 0)."""
    return building.append(Activation("relu"), x)


def clipped(building: Building, x: Value, lower: float | None, upper: float | None) -> Value:
    """min(max(x, lower), upper), as a sum of ReLUs: lower + relu(x - lower) - relu(x - upper)."""
    if lower is not None and upper is not None and not lower < upper:
        raise Unsupported("with bounds in the wrong order")
    if upper is None:
        return x if lower is None else shifted(building, relu(building, shifted(building, x, -lower)), lower)
    if lower is None:
        rest = relu(building, shifted(building, times(building, x, -1.0), upper))
        return shifted(building, times(building, rest, -1.0), upper)
    building.note("a clip was read as a difference of two ReLUs, which is the same function")
    above = times(building, relu(building, shifted(building, x, -upper)), -1.0)
    return shifted(building, building.append(Sum(), relu(building, shifted(building, x, -lower)), above), lower)


def maximum(building: Building, x: Value, y: Value) -> Value:
    """max(x, y) = x + relu(y - x)."""
    above = relu(building, building.append(Sum(), y, times(building, x, -1.0)))
    return building.append(Sum(), x, above)


def softplus_of(building: Building, x: Value, y: Value) -> Value:
    """log(e^x + e^y) = x + softplus(y - x)."""
    above = building.append(Activation("softplus"), building.append(Sum(), y, times(building, x, -1.0)))
    return building.append(Sum(), x, above)


def parametric_relu(building: Building, x: Value, slopes: np.ndarray) -> Value:
    """A leaky ReLU with one slope (``slopes`` flat, as long as x), or relu(x) - slopes relu(-x)."""
    if not np.isfinite(slopes).all():
        raise Unsupported("with NaN or infinite slopes")
    if (slopes == slopes[0]).all():
        building.note("PReLU was read as a leaky ReLU with its trained slope")
        return building.append(Activation("leaky_relu", float(slopes[0])), x)
    building.note("a PReLU with several slopes was read as relu(x) - slope relu(-x), which is the same function")
    below = relu(building, times(building, x, -1.0))
    return building.append(Sum(), relu(building, x), scaled(building, below, -slopes, np.zeros(slopes.size)))
