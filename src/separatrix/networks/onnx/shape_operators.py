"""ONNX operators that move, pick, join or repeat the entries of a value that depends on the input (§1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate
from math import prod

import numpy as np

from separatrix.networks.layers import Sum
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.constants import (
    flattened,
    permutation,
    reshaped,
    sliced,
    split_points,
    squeezed,
    unsqueezed,
)
from separatrix.networks.traced_operations import scaled, selected
from separatrix.networks.traced_values import Shape, Unsupported, Value


def row(call: Call, constant: np.ndarray, n_axes: int) -> np.ndarray:
    """A constant without the batch axis that it has where it has all ``n_axes`` axes; it must be the same for all rows."""
    if not call.building.batch or constant.ndim < n_axes:
        return constant
    if constant.shape[0] != 1 and not (constant == constant[:1]).all():
        raise Unsupported("differs between the rows of a batch")
    return constant[0]


def common_shape(call: Call) -> Shape:
    """The shape without the batch to which all inputs broadcast."""
    whole = [call.shape(call.operand(i)) for i in range(len(call.inputs))]
    try:
        shape = np.broadcast_shapes(*whole)
    except ValueError:
        raise Unsupported("of shapes that do not fit") from None
    for operand in call.inputs:
        if call.building.batch and isinstance(operand, Value) and len(operand.shape) + 1 != len(shape):
            raise Unsupported("mixes the rows of a batch")
    return call.features(shape)


def widened(call: Call, x: Value, shape: Shape) -> Value:
    """A value broadcast to a shape without the batch."""
    if x.shape == shape:
        return x
    _counted(shape)
    index = np.arange(prod(x.shape)).reshape(x.shape)
    return selected(call.building, x, np.broadcast_to(index, shape), shape)


def _counted(shape: Sequence[int]) -> None:
    if prod(shape) > 1 << 24:
        raise Unsupported("makes a value that is too large")


def _moved(take: Callable[[Call, np.ndarray], np.ndarray]) -> Callable[[Call], Value]:
    """The rule of an operator that picks entries: ``take`` on the array of their numbers, the batch in front."""

    def rule(call: Call) -> Value:
        x = call.value()
        index = np.arange(prod(x.shape)).reshape((1, *x.shape) if call.building.batch else x.shape)
        picked = take(call, index)
        _counted(picked.shape)
        shape = picked.shape[1:] if call.building.batch else picked.shape
        return selected(call.building, x, picked, shape)

    return rule


def _kept(call: Call, axis: int) -> int:
    """An axis that is not the batch."""
    if axis < call.first_axis:
        raise Unsupported("mixes the rows of a batch")
    return axis


def _transposed(call: Call, index: np.ndarray) -> np.ndarray:
    axes = permutation(call, index.ndim)
    if call.building.batch and axes[0] != 0:
        raise Unsupported("moves the batch away from the front")
    return index.transpose(axes)


def _sliced(call: Call, index: np.ndarray) -> np.ndarray:
    taken = sliced(call, call.shape(call.value()))
    if call.building.batch and len(range(call.building.batch)[taken[0]]) != call.building.batch:
        raise Unsupported("picks rows of a batch")
    if call.building.batch and (taken[0].step or 1) != 1:
        raise Unsupported("mixes the rows of a batch")
    return index[(slice(None), *taken[1:])] if call.building.batch else index[taken]


def _gathered(call: Call, index: np.ndarray) -> np.ndarray:
    picks = call.constant(1)
    if picks.dtype != np.int64:
        raise Unsupported("with indices that are no integers")
    axis = _kept(call, call.axis(call.attribute("axis", 0), index.ndim))
    _counted([*index.shape[:axis], *picks.shape, *index.shape[axis + 1 :]])
    try:
        return np.take(index, picks, axis)
    except IndexError:
        raise Unsupported("with indices outside the axis") from None


def _features_picked(call: Call, index: np.ndarray) -> np.ndarray:
    """ArrayFeatureExtractor: entries of the last axis."""
    picks = call.constant(1)
    if picks.dtype != np.int64:
        raise Unsupported("with indices that are no integers")
    _kept(call, index.ndim - 1)
    _counted([*index.shape[:-1], picks.size])
    try:
        return np.take(index, picks.ravel(), -1)
    except IndexError:
        raise Unsupported("with indices outside the axis") from None


def _expanded(call: Call, index: np.ndarray) -> np.ndarray:
    whole = call.shape(call.value())
    try:
        shape = np.broadcast_shapes(whole, tuple(call.integers(1)))
    except ValueError:
        raise Unsupported("to a shape that does not fit") from None
    if call.building.batch and len(shape) != len(whole):
        raise Unsupported("mixes the rows of a batch")
    features = call.features(shape)
    _counted(features)
    return np.broadcast_to(index, (1, *features) if call.building.batch else features)


def _tiled(call: Call, index: np.ndarray) -> np.ndarray:
    times = call.integers(1)
    if len(times) != index.ndim or min(times) < 0 or (call.building.batch and times[0] != 1):
        raise Unsupported("mixes the rows of a batch")
    _counted([n * side for n, side in zip(times, index.shape, strict=True)])
    return np.tile(index, times)


def _pad_widths(call: Call, n_axes: int) -> list[tuple[int, int]]:
    """Entries added before and after every axis, negative where they are cut off."""
    pads = call.attribute("pads", []) if "pads" in call.attributes else call.integers(1)
    axes = [call.axis(n, n_axes) for n in call.integers(3)] if call.given(3) else list(range(n_axes))
    if len(pads) != 2 * len(axes) or any(abs(n) > 1 << 24 for n in pads):
        raise Unsupported("with widths that do not fit")
    widths = [(0, 0)] * n_axes
    for i, axis in enumerate(axes):
        widths[axis] = (pads[i], pads[i + len(axes)])
    if call.building.batch and widths[0] != (0, 0):
        raise Unsupported("adds rows to a batch")
    return widths


def _padded(call: Call) -> Value:
    """Pad in all its modes, numbers of entries in the place of values."""
    x = call.value()
    index = np.arange(prod(x.shape)).reshape((1, *x.shape) if call.building.batch else x.shape)
    widths, mode = _pad_widths(call, index.ndim), call.attribute("mode", "constant")
    value = call.attribute("value", 0.0) if call.opset < 11 else call.number(2) or 0.0
    if mode not in ("constant", "reflect", "edge", "wrap"):
        raise Unsupported("in an unknown mode")
    _counted([n + max(sum(width), 0) for n, width in zip(index.shape, widths, strict=True)])
    cut = tuple(slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(index.shape, widths, strict=True))
    added = [(max(a, 0), max(b, 0)) for a, b in widths]
    index = index[cut]
    if index.size == 0 or (mode == "reflect" and any(max(w) >= n for w, n in zip(added, index.shape, strict=True))):
        raise Unsupported("with widths that do not fit")
    if mode == "constant":
        picked = np.pad(index, added, constant_values=-1)
    else:
        picked = np.pad(index, added, mode=mode)
    shape = picked.shape[1:] if call.building.batch else picked.shape
    found = selected(call.building, x, picked, shape)
    if value == 0 or mode != "constant":
        return found
    return scaled(call.building, found, np.ones(picked.size), np.where(picked.ravel() < 0, float(value), 0.0))


def _depth_to_space(call: Call, index: np.ndarray) -> np.ndarray:
    n, c, h, w = index.shape
    b = call.attribute("blocksize", 0)
    if b < 1 or c % (b * b):
        raise Unsupported("of shapes that do not fit")
    if call.attribute("mode", "DCR") == "DCR":
        return index.reshape(n, b, b, c // b**2, h, w).transpose(0, 3, 4, 1, 5, 2).reshape(n, c // b**2, h * b, w * b)
    return index.reshape(n, c // b**2, b, b, h, w).transpose(0, 1, 4, 2, 5, 3).reshape(n, c // b**2, h * b, w * b)


def _space_to_depth(call: Call, index: np.ndarray) -> np.ndarray:
    n, c, h, w = index.shape
    b = call.attribute("blocksize", 0)
    if b < 1 or h % b or w % b:
        raise Unsupported("of shapes that do not fit")
    return index.reshape(n, c, h // b, b, w // b, b).transpose(0, 3, 5, 1, 2, 4).reshape(n, c * b * b, h // b, w // b)


def _renamed(whole: Callable[[Call, Shape], Sequence[int]]) -> Callable[[Call], Value]:
    """The rule of an operator that changes the shape alone."""

    def rule(call: Call) -> Value:
        x = call.value()
        return Value(x.cell, call.features(whole(call, call.shape(x))))

    return rule


def _split(call: Call) -> tuple[Value, ...]:
    x = call.value()
    whole = call.shape(x)
    axis = _kept(call, call.axis(call.attribute("axis", 0), len(whole)))
    index = np.arange(prod(x.shape)).reshape(x.shape)
    parts = np.split(index, split_points(call, whole[axis]), axis - call.first_axis)
    return tuple(selected(call.building, x, part, part.shape) for part in parts[: call.n_outputs])


def concatenated(call: Call) -> Value:
    """Concat of values and constants, as a sum of values padded with zeros."""
    n_axes = len(call.shape(next(operand for operand in call.inputs if isinstance(operand, Value))))
    axis = _kept(call, call.axis(call.attribute("axis", 0), n_axes)) - call.first_axis
    parts = [x if isinstance(x, Value) else row(call, call.reals(i), n_axes) for i, x in enumerate(call.inputs)]
    _counted([len(parts), sum(prod(part.shape) for part in parts)])
    sides = [[*part.shape[:axis], *part.shape[axis + 1 :]] for part in parts]
    if any(len(part.shape) != n_axes - call.first_axis for part in parts) or any(side != sides[0] for side in sides):
        raise Unsupported("of shapes that do not fit")
    starts = [0, *accumulate(part.shape[axis] for part in parts)]
    shape = (*sides[0][:axis], starts[-1], *sides[0][axis:])
    joined: list[Value] = []
    shift: np.ndarray | None = None
    for part, start, stop in zip(parts, starts, starts[1:], strict=False):
        place = (*[slice(None)] * axis, slice(start, stop))
        if isinstance(part, Value):
            if prod(part.shape):
                index = np.full(shape, -1)
                index[place] = np.arange(prod(part.shape)).reshape(part.shape)
                joined.append(selected(call.building, part, index, shape))
        else:
            shift = np.zeros(shape) if shift is None else shift
            shift[place] = part
    if not joined:
        raise Unsupported("of values without entries")
    total = joined[0] if len(joined) == 1 else call.building.append(Sum(), *joined)
    return total if shift is None else scaled(call.building, total, np.ones(shift.size), shift.ravel())


def _triangle(call: Call, index: np.ndarray) -> np.ndarray:
    offset = int(call.number(1) or 0)
    take = np.triu if call.attribute("upper", 1) else np.tril
    return take(index + 1, offset) - 1


SHAPE_RULES: dict[str, Callable[[Call], Value | tuple[Value, ...]]] = {
    "Reshape": _renamed(reshaped),
    "Flatten": _renamed(flattened),
    "Squeeze": _renamed(lambda call, shape: squeezed(shape, call.axes(1, len(shape)))),
    "Unsqueeze": _renamed(unsqueezed),
    "Transpose": _moved(_transposed),
    "Slice": _moved(_sliced),
    "Gather": _moved(_gathered),
    "ai.onnx.ml::ArrayFeatureExtractor": _moved(_features_picked),
    "Expand": _moved(_expanded),
    "Tile": _moved(_tiled),
    "Pad": _padded,
    "DepthToSpace": _moved(_depth_to_space),
    "SpaceToDepth": _moved(_space_to_depth),
    "Trilu": _moved(_triangle),
    "Split": _split,
    "Concat": concatenated,
}
