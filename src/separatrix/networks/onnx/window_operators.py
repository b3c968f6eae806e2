"""ONNX convolutions, poolings, reductions, and softmax of values that depend on the input (§1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.networks.onnx.calls import Call
from separatrix.networks.structured_layers import Convolution
from separatrix.networks.traced_values import Unsupported, Value
from separatrix.networks.traced_windows import (
    Windows,
    convolved,
    largest_over,
    log_sum_exp_over,
    pooled_max,
    pooled_mean,
    same_padding,
    sliding,
    softmax_over,
    summed_over,
    transposed_convolution,
)

Rule = Callable[[Call], Value]


def _image(call: Call) -> Value:
    """The first input as (channels, *sizes)."""
    x = call.value()
    if call.building.batch:
        return x
    if not x.shape or x.shape[0] != 1:
        raise Unsupported("mixes the rows of a batch")
    return Value(x.cell, x.shape[1:])


def _whole(call: Call, value: Value) -> Value:
    return value if call.building.batch else Value(value.cell, (1, *value.shape))


def _numbers(call: Call, name: str, count: int, default: int) -> list[int]:
    numbers = call.attribute(name, []) or [default] * count
    if len(numbers) != count or any(n < 0 for n in numbers):
        raise Unsupported(f"with {name} that do not fit")
    return numbers


def _pads(
    call: Call, sizes: Sequence[int], window: Sequence[int], stride: Sequence[int], dilation: Sequence[int]
) -> list[tuple[int, int]]:
    """Zeros before and after every axis."""
    mode, axes = call.attribute("auto_pad", "NOTSET"), len(sizes)
    if mode in ("SAME_UPPER", "SAME_LOWER"):
        if min(*stride, *window, *dilation) < 1:
            raise Unsupported("with a window or stride that is not positive")
        parts = list(zip(sizes, window, stride, dilation, strict=True))
        if any((-(-n // step) - 1) * step + (width - 1) * gap + 1 - n < -1 for n, width, step, gap in parts):
            raise Unsupported("with SAME padding and strides beyond the windows, which runtimes place differently")
        return [same_padding(*part, mode == "SAME_UPPER") for part in parts]
    if mode not in ("NOTSET", "VALID", ""):
        raise Unsupported("with an unknown auto_pad")
    given = [0] * (2 * axes) if mode == "VALID" else _numbers(call, "pads", 2 * axes, 0)
    return list(zip(given[:axes], given[axes:], strict=True))


def _convolution(call: Call) -> Value:
    if not isinstance(call.operand(1), np.ndarray):
        raise Unsupported("with a computed kernel")
    x, kernel = _image(call), call.reals(1)
    axes = kernel.ndim - 2
    if axes > 2:
        raise NotImplementedError  # runs on the unit vectors
    if len(x.shape) != axes + 1 or call.attribute("kernel_shape", list(kernel.shape[2:])) != list(kernel.shape[2:]):
        raise Unsupported("of shapes that do not fit")
    stride, dilation = _numbers(call, "strides", axes, 1), _numbers(call, "dilations", axes, 1)
    pads = _pads(call, x.shape[1:], kernel.shape[2:], stride, dilation)
    bias = call.reals(2) if call.given(2) else None
    found = convolved(call.building, x, kernel, bias, stride, pads, dilation, call.attribute("group", 1))
    return _whole(call, found)


def _transposed(call: Call) -> Value:
    x, kernel = _image(call), call.reals(1)
    axes = kernel.ndim - 2
    if axes not in (1, 2) or len(x.shape) != axes + 1:
        raise Unsupported("in more than 2 dimensions, or of shapes that do not fit")
    stride, dilation = _numbers(call, "strides", axes, 1), _numbers(call, "dilations", axes, 1)
    extra, groups = _numbers(call, "output_padding", axes, 0), call.attribute("group", 1)
    parts = list(zip(x.shape[1:], stride, kernel.shape[2:], dilation, extra, strict=True))
    full = [step * (n - 1) + more + (width - 1) * gap + 1 for n, step, width, gap, more in parts]
    mode, asked = call.attribute("auto_pad", "NOTSET"), call.attribute("output_shape", [])
    if mode in ("SAME_UPPER", "SAME_LOWER") or asked:
        asked = asked or [n * step for n, step in zip(x.shape[1:], stride, strict=True)]
        totals = [whole - size for whole, size in zip(full, asked[-axes:], strict=True)]
        if min(totals) < 0 and call.attribute("output_shape", []):
            raise Unsupported("with an output_shape beyond the last window; say output_padding instead")
        totals = [max(0, total) for total in totals]
        halves = [(total // 2, total - total // 2) for total in totals]
        pads = halves if mode == "SAME_UPPER" else [(b, a) for a, b in halves]
    else:
        pads = _pads(call, x.shape[1:], kernel.shape[2:], stride, dilation)
    sizes = tuple(whole - sum(pad) for whole, pad in zip(full, pads, strict=True))
    try:
        shape = (kernel.shape[1] * groups, *sizes)
        forward = Convolution(
            kernel, np.zeros(kernel.shape[0]), shape, tuple(stride), tuple(pads), tuple(dilation), groups
        )
    except InputError as error:
        raise Unsupported(f"of shapes that do not fit: {error}") from None
    bias = call.reals(2) if call.given(2) else None
    return _whole(call, transposed_convolution(call.building, x, kernel, bias, forward))


def _windows(call: Call, x: Value, counts_pads: bool) -> list[Windows]:
    axes = len(_spatial(x))
    width = _numbers(call, "kernel_shape", axes, 0)
    stride, dilation = _numbers(call, "strides", axes, 1), _numbers(call, "dilations", axes, 1)
    pads = _pads(call, x.shape[1:], width, stride, dilation)
    has_ceil = bool(call.attribute("ceil_mode", 0)) and call.attribute("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    parts = zip(x.shape[1:], width, stride, pads, dilation, strict=True)
    return [sliding(*part, has_ceil, counts_pads) for part in parts]


def _max_pool(call: Call) -> Value:
    x = _image(call)
    return _whole(call, pooled_max(call.building, x, _windows(call, x, False)))


def _mean_pool(call: Call) -> Value:
    x = _image(call)
    windows = _windows(call, x, bool(call.attribute("count_include_pad", 0)))
    return _whole(call, pooled_mean(call.building, x, windows))


def _spatial(x: Value) -> list[int]:
    if len(x.shape) < 2:
        raise Unsupported("of shapes that do not fit")
    return list(range(1, len(x.shape)))


def _global_mean(call: Call) -> Value:
    x = _image(call)
    return _whole(call, summed_over(call.building, x, _spatial(x), True, True))


def _global_max(call: Call) -> Value:
    x = _image(call)
    return _whole(call, largest_over(call.building, x, _spatial(x), 1, True))


def _axes(call: Call) -> list[int] | None:
    """Axes of a reduction without the batch; None where nothing is reduced."""
    n_axes = len(call.shape(call.value()))
    axes = call.axes(1, n_axes)
    if not axes:
        if call.attribute("noop_with_empty_axes", 0):
            return None
        axes = list(range(n_axes))
    if min(axes) < call.first_axis:
        raise Unsupported("mixes the rows of a batch")
    return sorted({axis - call.first_axis for axis in axes})


def _reduced(kind: str) -> Rule:
    def rule(call: Call) -> Value:
        x, axes, keeps = call.value(), _axes(call), bool(call.attribute("keepdims", 1))
        if axes is None:
            return x
        if kind in ("sum", "mean"):
            return summed_over(call.building, x, axes, kind == "mean", keeps)
        if kind == "log_sum_exp":
            return log_sum_exp_over(call.building, x, axes, keeps)
        return largest_over(call.building, x, axes, 1 if kind == "max" else -1, keeps)

    return rule


def _softmax(is_log: bool) -> Rule:
    def rule(call: Call) -> Value:
        x, whole = call.value(), call.shape(call.value())
        axis = call.axis(call.attribute("axis", -1 if call.opset >= 13 else 1), len(whole))
        if axis < call.first_axis:
            raise Unsupported("not over the classes")
        axes = range(axis, len(whole)) if call.opset < 13 else [axis]
        return softmax_over(call.building, x, [n - call.first_axis for n in axes], is_log)

    return rule


def _upsampled(call: Call) -> Value:
    """By repeated entries, which moves them; the standard left open between which points other modes interpolate."""
    mode = call.attribute("mode", "nearest")
    if mode != "nearest":
        raise Unsupported(
            f"in mode {printable(mode, 20)}, whose points older exporters placed differently; export with opset 11"
        )
    raise NotImplementedError  # runs on the unit vectors


WINDOW_RULES: dict[str, Rule] = {
    "Conv": _convolution, "ConvTranspose": _transposed, "MaxPool": _max_pool, "AveragePool": _mean_pool,
    "GlobalAveragePool": _global_mean, "GlobalMaxPool": _global_max, "ReduceSum": _reduced("sum"),
    "ReduceMean": _reduced("mean"), "ReduceMax": _reduced("max"), "ReduceMin": _reduced("min"),
    "ReduceLogSumExp": _reduced("log_sum_exp"), "Upsample": _upsampled, "Softmax": _softmax(False), "LogSoftmax": _softmax(True),
}  # fmt: skip
