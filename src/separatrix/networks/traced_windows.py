"""Convolutions, pooling and sums over axes, as readers of graphs meet them (§1).

Values have the shape (channels, *sizes) without the batch. Poolings go axis by axis, so that windows which overlap share
their work: a largest entry of largest entries, a mean of means.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.layers import Sum
from separatrix.networks.structured_layers import Convolution, SparseAffine
from separatrix.networks.traced_layers import Pool, Scale, Selection, Softmax
from separatrix.networks.traced_values import Building, Shape, Unsupported, Value

OUTPUTS_LIMIT = 1 << 24


@dataclass(frozen=True)
class Windows:
    """Windows along one axis of ``size`` entries: ``places`` (out, k), -1 outside; ``counts`` (out,) for a mean.

    ``step``: stride, zeros before, and dilation of windows that slide; None for others.
    """

    size: int
    places: np.ndarray
    counts: np.ndarray
    step: tuple[int, int, int] | None = None


def sliding(
    size: int,
    width: int,
    stride: int,
    pads: tuple[int, int],
    dilation: int = 1,
    has_ceil: bool = False,
    counts_pads: bool = False,
) -> Windows:
    """Windows of a pooling; ``counts_pads``: whether padding counts in a mean. Unsupported for sizes that do not fit."""
    if min(width, stride, dilation) < 1 or min(pads) < 0:
        raise Unsupported("with a window, stride or padding that is not positive")
    room = size + sum(pads) - dilation * (width - 1) - 1
    count = -(-room // stride) + 1 if has_ceil else room // stride + 1
    if (room < 0 and not has_ceil) or count < 1 or width > 1 << 20:
        raise Unsupported("with a window larger than the image")
    if has_ceil and (count - 1) * stride >= size + pads[0]:
        count -= 1
    _countable(count * width)
    places = np.arange(count)[:, None] * stride - pads[0] + dilation * np.arange(width)
    inside = (places >= 0) & (places < size)
    counts = (places < size + pads[1]).sum(axis=1) if counts_pads else inside.sum(axis=1)
    return Windows(size, np.where(inside, places, -1), counts, (stride, pads[0], dilation))


def adaptive(size: int, count: int) -> Windows:
    """``count`` windows that cover an axis."""
    if count < 1:
        raise Unsupported("to no entries")
    starts = np.arange(count) * size // count
    ends = -(-np.arange(1, count + 1) * size // count)
    width = int((ends - starts).max())
    _countable(count * width)
    places = starts[:, None] + np.arange(width)
    return Windows(size, np.where(places < ends[:, None], places, -1), ends - starts)


def _countable(entries: int) -> None:
    if entries > OUTPUTS_LIMIT:
        raise Unsupported("makes a value that is too large")


def _axes(x: Value, windows: Sequence[Windows]) -> Shape:
    if len(x.shape) <= len(windows) - 1 or any(
        side != axis.size for side, axis in zip(x.shape[len(x.shape) - len(windows) :], windows, strict=True)
    ):
        raise Unsupported("of shapes that do not fit")
    return x.shape[: len(x.shape) - len(windows)]


def pooled_max(building: Building, x: Value, windows: Sequence[Windows]) -> Value:
    """The largest entry of each window over the last axes."""
    channels = _axes(x, windows)
    shape = x.shape
    for axis, part in enumerate(windows, len(channels)):
        if (part.counts < 1).any() and (part.places < 0).all(axis=1).any():
            raise Unsupported("with a window in the padding alone")
        if part.places.shape[1] > 1 or not np.array_equal(part.places[:, 0], np.arange(part.size)):
            x = _pooled_axis(building, x, shape, axis, part)
        shape = (*shape[:axis], part.places.shape[0], *shape[axis + 1 :])
    return x if x.shape == shape else Value(x.cell, shape)


def _pooled_axis(building: Building, x: Value, shape: Shape, axis: int, part: Windows) -> Value:
    """Windows along one axis of the shape."""
    after = (*shape[:axis], part.places.shape[0], *shape[axis + 1 :])
    n_windows = prod(after)
    _countable(n_windows * part.places.shape[1])
    building.spend(n_windows * part.places.shape[1])
    numbers = np.moveaxis(np.arange(prod(shape)).reshape(shape), axis, 0)
    picked = np.where((part.places >= 0)[..., *(None,) * (len(shape) - 1)], numbers[part.places], -1)
    table = np.moveaxis(np.moveaxis(picked, 1, -1), 0, axis).reshape(n_windows, -1)
    if (table < 0).any():  # entries that are there stand first
        table = np.take_along_axis(table, np.argsort(table < 0, axis=1, kind="stable"), axis=1)
    return building.append(Pool(table, np.ones(n_windows, np.int64), prod(shape)), x, shape=after)


def largest_over(building: Building, x: Value, axes: Sequence[int], sign: int, keeps: bool) -> Value:
    """The largest (sign 1) or smallest (sign -1) entry over axes of the value."""
    kept, table = _gathered(x.shape, axes)
    building.spend(table.size)
    pool = Pool(table, np.full(table.shape[0], sign, np.int64), prod(x.shape))
    return building.append(pool, x, shape=_remaining(kept, axes, keeps))


def summed_over(building: Building, x: Value, axes: Sequence[int], is_mean: bool, keeps: bool) -> Value:
    """The sum or the mean over axes of the value."""
    kept, table = _gathered(x.shape, axes)
    building.spend(table.size)
    factor = 1.0 / table.shape[1] if is_mean else 1.0
    starts = np.arange(table.shape[0] + 1) * table.shape[1]
    columns = np.sort(table, axis=1).ravel()
    layer = SparseAffine(starts, columns, np.full(columns.size, factor), np.zeros(table.shape[0]), prod(x.shape))
    return building.append(layer, x, shape=_remaining(kept, axes, keeps))


def _gathered(shape: Shape, axes: Sequence[int]) -> tuple[list[int], np.ndarray]:
    """The shape with the axes of length 1, and for each of its entries the numbers of those that go into it."""
    if prod(shape) == 0 or any(not 0 <= axis < len(shape) for axis in axes):
        raise Unsupported("along an axis that is not there")
    rest = [axis for axis in range(len(shape)) if axis not in axes]
    numbers = np.arange(prod(shape)).reshape(shape).transpose([*rest, *sorted(set(axes))])
    kept = [1 if axis in axes else side for axis, side in enumerate(shape)]
    return kept, numbers.reshape(prod(kept), -1)


def _remaining(kept: Sequence[int], axes: Sequence[int], keeps: bool) -> Shape:
    return tuple(kept) if keeps else tuple(side for axis, side in enumerate(kept) if axis not in axes)


def pooled_mean(building: Building, x: Value, windows: Sequence[Windows], divisor: int | None = None) -> Value:
    """The mean of each window over the last axes, or its sum over ``divisor``."""
    channels = _axes(x, windows)
    shape = (*channels, *(part.places.shape[0] for part in windows))
    widths = prod(part.places.shape[1] for part in windows)
    _countable(prod(shape) * widths)
    building.spend(prod(shape) * widths)
    layer = _uniform_mean(channels, shape, windows, divisor) or _cut_mean(channels, windows, divisor)
    return building.append(layer, x, shape=shape)


def _uniform_mean(channels: Shape, shape: Shape, windows: Sequence[Windows], divisor: int | None) -> Convolution | None:
    """The mean as a convolution of each channel, where all windows count the same; None elsewhere."""
    if len(channels) != 1 or len(windows) > 2 or divisor == 0:
        return None
    steps = [part.step for part in windows if part.step is not None and (part.counts == part.counts[0]).all()]
    if len(steps) < len(windows) or any(part.counts[0] < 1 for part in windows):
        return None
    widths = [part.places.shape[1] for part in windows]
    pads = []
    for part, width, (stride, before, gap) in zip(windows, widths, steps, strict=True):
        reach = (part.places.shape[0] - 1) * stride + gap * (width - 1) + 1
        pads.append((before, max(0, reach - before - part.size)))
    count = prod(int(part.counts[0]) for part in windows) if divisor is None else divisor
    kernel, bias = np.full((*channels, 1, *widths), 1.0 / count), np.zeros(channels)
    strides, gaps = tuple(step[0] for step in steps), tuple(step[2] for step in steps)
    image = (*channels, *(part.size for part in windows))
    found = Convolution(kernel, bias, image, strides, tuple(pads), gaps, channels[0])
    return found if found.output_shape == shape else None


def _cut_mean(channels: Shape, windows: Sequence[Windows], divisor: int | None) -> SparseAffine:
    """The mean of windows of which some are cut off at the edge."""
    from scipy.sparse import csr_array, eye_array, kron

    matrix: Any = eye_array(prod(channels), format="csr")
    counts = np.ones(prod(channels))
    for part in windows:
        rows, entries = np.nonzero(part.places >= 0)
        ones = csr_array((np.ones(rows.size), (rows, part.places[rows, entries])), (part.places.shape[0], part.size))
        matrix = kron(matrix, ones, format="csr")
        counts = np.kron(counts, part.counts)
    if divisor is not None:
        counts = np.full(counts.size, float(divisor))
    if not (counts != 0).all():
        raise Unsupported("with a window in the padding alone, or the divisor 0")
    matrix.data /= np.repeat(counts, np.diff(matrix.indptr))
    return SparseAffine.of(matrix)


def convolved(
    building: Building,
    x: Value,
    kernel: np.ndarray,
    bias: np.ndarray | None,
    stride: Sequence[int],
    padding: Sequence[tuple[int, int]],
    dilation: Sequence[int],
    groups: int,
) -> Value:
    """The cross-correlation with ``kernel`` (out, in / groups, *window)."""
    if kernel.ndim not in (3, 4):
        raise Unsupported(f"in {kernel.ndim - 2} dimensions; convolutions in 1 and 2 dimensions are read")
    bias = np.zeros(kernel.shape[0]) if bias is None else bias
    if not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        where = f"{building.source}: layer {building.place or '(top)'}"
        raise InputError(f"{where}: the kernel or bias has NaN or infinite entries; retrain or repair the network")
    if len(x.shape) != kernel.ndim - 1:
        raise Unsupported("of shapes that do not fit")
    if any(n > 1 << 24 for n in (*stride, *dilation, *(n for pads in padding for n in pads))):
        raise Unsupported("with a stride, padding or dilation that is too large")
    building.hold(kernel.size)
    try:
        layer = Convolution(kernel, bias, x.shape, tuple(stride), tuple(padding), tuple(dilation), groups)
    except InputError as error:
        raise Unsupported(f"of shapes that do not fit: {error}") from None
    _countable(layer.n_outputs)
    building.multiply(layer.n_outputs * layer.terms)
    return building.append(layer, x, shape=layer.output_shape)


def transposed_convolution(
    building: Building,
    x: Value,
    kernel: np.ndarray,
    bias: np.ndarray | None,
    forward: Convolution,
) -> Value:
    """The transpose of the convolution ``forward``, as a sparse map."""
    if prod(x.shape) != forward.n_outputs or not np.isfinite(kernel).all():
        raise Unsupported("of shapes that do not fit")
    building.spend(forward.n_outputs * forward.terms)
    channels, positions = forward.shape[0], prod(forward.shape[1:])
    shift = np.zeros(channels) if bias is None else bias
    if shift.shape != (channels,) or not np.isfinite(shift).all():
        raise Unsupported("with a bias that does not fit")
    return building.append(SparseAffine.of(forward.rows().T, np.repeat(shift, positions)), x, shape=forward.shape)


def softmax_over(building: Building, x: Value, axes: Sequence[int], is_log: bool) -> Value:
    """A softmax over axes of the value; whether it can stay is known at the end."""
    _, groups = _gathered(x.shape, axes)
    building.spend(groups.size * (1 if is_log else groups.shape[1]))
    return building.append(Softmax(is_log, groups, building.place), x)


def log_sum_exp_over(building: Building, x: Value, axes: Sequence[int], keeps: bool) -> Value:
    """log of the sum of exponentials over axes: x_0 - log_softmax(x)_0."""
    kept, groups = _gathered(x.shape, axes)
    logarithm = softmax_over(building, x, axes, True)
    negated = building.append(Scale(-np.ones(groups.size), np.zeros(groups.size)), logarithm)
    total = building.append(Sum(), x, negated)
    picked = Selection(groups[:, 0], groups.size)
    return building.append(picked, total, shape=_remaining(kept, axes, keeps))


def same_padding(size: int, width: int, stride: int, dilation: int, is_upper: bool) -> tuple[int, int]:
    """Zeros before and after an axis so that it has ceil(size / stride) windows; the odd one after (upper) or before."""
    total = max(0, (-(-size // stride) - 1) * stride + dilation * (width - 1) + 1 - size)
    return (total // 2, total - total // 2) if is_upper else (total - total // 2, total // 2)
