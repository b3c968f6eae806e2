"""Operators that onnx's reference evaluator gets wrong, lacks in some versions, or computes in float32 (§1)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from math import prod
from typing import Any

import numpy as np
from onnx.reference.op_run import OpRun
from onnx.reference.ops import op_conv

WINDOWS_AT_ONCE = 1 << 18


class Erf(OpRun):
    """The error function in float64; the evaluator's own is computed in float32."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (np.vectorize(math.erf, otypes=[np.float64])(x),)


class Erfc(OpRun):
    """1 - erf, which ONNX does not have and tf2onnx writes for Keras' GELU."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (np.vectorize(math.erfc, otypes=[np.float64])(x),)


class Gelu(OpRun):
    """GELU in float64; the evaluator's own is put together in float32."""

    op_domain = ""

    def _run(self, x: np.ndarray, approximate: str | None = None) -> tuple[np.ndarray]:
        if approximate == "tanh":
            return (0.5 * x * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x**3))),)
        return (0.5 * x * (1.0 + np.vectorize(math.erf, otypes=[np.float64])(x / math.sqrt(2.0))),)


class Pad(OpRun):
    """Pad with widths that may be negative, which the evaluator does not take."""

    op_domain = ""

    def _run(
        self, x: np.ndarray, *inputs: Any, pads: Any = None, mode: str | None = None, value: float | None = None
    ) -> Any:
        given = [*inputs, None, None, None]
        widths = np.asarray(given[0] if pads is None else pads).reshape(2, -1)
        number = value if pads is not None else given[1]
        axes = range(x.ndim) if given[2] is None else [int(axis) for axis in np.asarray(given[2])]
        for (before, after), axis in zip(widths.T.tolist(), axes, strict=True):
            stop = x.shape[axis] + min(after, 0)
            x = np.take(x, range(-min(before, 0), stop), axis)
            sides = [(0, 0)] * x.ndim
            sides[axis] = (max(before, 0), max(after, 0))
            if (mode or "constant") == "constant":
                x = np.pad(x, sides, constant_values=0.0 if number is None else float(np.asarray(number).reshape(())))
            else:
                x = np.pad(x, sides, mode=mode)  # pyright: ignore
        return (x,)


class BatchNormalization(OpRun):
    """A batch norm in evaluation mode; the evaluator takes the batch's own statistics before opset 14."""

    op_domain = ""

    def _run(
        self,
        x: np.ndarray,
        scale: np.ndarray,
        shift: np.ndarray,
        mean: np.ndarray,
        variance: np.ndarray,
        epsilon: float | None = None,
        **_: Any,
    ) -> tuple[np.ndarray]:
        sides = (-1, *(1,) * (x.ndim - 2))
        deviation = np.sqrt(variance + (1e-5 if epsilon is None else epsilon))
        return ((x - mean.reshape(sides)) * (scale / deviation).reshape(sides) + shift.reshape(sides),)


class Conv(op_conv.Conv):
    """The evaluator's own, which writes all windows of its images out, on a few channels at a time."""

    op_domain = ""

    def _run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: np.ndarray, kernel: np.ndarray, bias: np.ndarray | None = None, **given: Any
    ) -> tuple[np.ndarray]:
        channels, windows = x.shape[1] if x.ndim > 2 else 1, x.size * prod(kernel.shape[2:])
        if windows <= WINDOWS_AT_ONCE or channels == 1 or (given.get("group") or 1) != 1:
            return super()._run(x, kernel, bias, **given)
        each = max(1, channels * WINDOWS_AT_ONCE // windows)
        (total,) = super()._run(x[:, :each], kernel[:, :each], bias, **given)
        for start in range(each, channels, each):
            part = slice(start, start + each)
            total = total + super()._run(x[:, part], kernel[:, part], None, **given)[0]
        return (total,)


class MaxPool(OpRun):
    """Max pooling by its definition; the evaluator's own swaps uneven pads and miscounts windows of SAME_LOWER."""

    op_domain = ""

    def _run(self, x: np.ndarray, **given: Any) -> tuple[np.ndarray]:
        for axis, (starts, places, before, _) in enumerate(_windows(x.shape[2:], given), 2):
            sides = [(0, 0)] * x.ndim
            sides[axis] = (before, max(0, starts[-1] + places[-1] + 1 - before - x.shape[axis]))
            wide = np.pad(x, sides, constant_values=-np.inf)
            x = np.take(wide, starts, axis)
            for place in places[1:]:
                x = np.maximum(x, np.take(wide, starts + place, axis))
        return (x,)


class AveragePool(OpRun):
    """Average pooling by its definition; the evaluator's own miscounts windows that ceil_mode cuts, and is slow."""

    op_domain = ""

    def _run(self, x: np.ndarray, **given: Any) -> tuple[np.ndarray]:
        for axis, (starts, places, before, after) in enumerate(_windows(x.shape[2:], given), 2):
            size, sides, counted = x.shape[axis], [(0, 0)] * x.ndim, starts[:, None] + places
            first, last = (0, before + size + after) if given.get("count_include_pad") else (before, before + size)
            sides[axis] = (before, max(0, starts[-1] + places[-1] + 1 - before - size))
            wide = np.pad(x, sides)
            total = sum(np.take(wide, starts + place, axis) for place in places)
            counts = ((counted >= first) & (counted < last)).sum(axis=1)
            x = total / counts.reshape(-1, *(1,) * (x.ndim - axis - 1))
        return (x,)


def _windows(sizes: Sequence[int], given: Mapping[str, Any]) -> Iterator[tuple[np.ndarray, np.ndarray, int, int]]:
    """For every axis the starts of the windows in the padded values, the places in a window, and the pads on both sides."""
    window = given["kernel_shape"]
    axes, mode = len(window), given.get("auto_pad") or "NOTSET"
    strides, gaps = given.get("strides") or [1] * axes, given.get("dilations") or [1] * axes
    pads = (given.get("pads") if mode == "NOTSET" else None) or [0] * (2 * axes)
    for i, (size, width, step, gap) in enumerate(zip(sizes, window, strides, gaps, strict=True)):
        span, before, after = (width - 1) * gap + 1, pads[i], pads[i + axes]
        if mode.startswith("SAME"):
            count = -(-size // step)
            short = max(0, (count - 1) * step + span - size)
            before = short // 2 if mode == "SAME_UPPER" else short - short // 2
            after = short - before
        else:
            room = size + before + after - span
            count = (-(-room // step) if given.get("ceil_mode") else room // step) + 1
            count -= bool(given.get("ceil_mode")) and (count - 1) * step >= size + before
        yield np.arange(count) * step, np.arange(width) * gap, before, after


class GlobalMaxPool(OpRun):
    """The maximum over all axes but rows and channels; the evaluator's own is for two spatial axes alone."""

    op_domain = ""

    def _run(self, x: np.ndarray) -> tuple[np.ndarray]:
        return (x.max(axis=tuple(range(2, x.ndim)), keepdims=True),)


class DequantizeLinear(OpRun):
    """(x - zero point) * scale in every version of the standard; the evaluator has newer ones only."""

    op_domain = ""

    def _run(
        self, x: np.ndarray, scale: np.ndarray, zero: np.ndarray | None = None, axis: int | None = None, **_: Any
    ) -> Any:
        sides = [1] * x.ndim
        if scale.size > 1:
            sides[1 if axis is None else axis] = -1
        scale, zero = (np.asarray(0 if part is None else part, np.float64).ravel() for part in (scale, zero))
        return ((x - zero.reshape(sides if zero.size > 1 else ())) * scale.reshape(sides if scale.size > 1 else ()),)


class _FlatSoftmax(OpRun):
    """A softmax over all axes from one on, as before opset 13; the evaluator takes one axis."""

    op_domain = ""
    is_log = False

    def _run(self, x: np.ndarray, axis: int | None = None) -> tuple[np.ndarray]:
        first = (1 if axis is None else axis) % x.ndim
        rows = x.reshape(prod(x.shape[:first]), -1)
        rows = rows - rows.max(axis=1, keepdims=True)
        total = np.exp(rows).sum(axis=1, keepdims=True)
        return ((rows - np.log(total) if self.is_log else np.exp(rows) / total).reshape(x.shape),)


OWN_OPERATORS = [Conv, Erf, Erfc, Gelu, Pad, BatchNormalization, MaxPool, AveragePool, GlobalMaxPool, DequantizeLinear]
OLD_SOFTMAX = [type("Softmax", (_FlatSoftmax,), {}), type("LogSoftmax", (_FlatSoftmax,), {"is_log": True})]
