"""ATen convolutions, poolings, reductions and softmaxes of values that depend on the input (§1)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from separatrix.errors import InputError
from separatrix.networks.structured_layers import Convolution
from separatrix.networks.torch_constants import array
from separatrix.networks.traced_values import Building, Shape, Unknown, Unsupported, Value
from separatrix.networks.traced_windows import (
    Windows,
    adaptive,
    convolved,
    largest_over,
    log_sum_exp_over,
    pooled_max,
    pooled_mean,
    sliding,
    softmax_over,
    summed_over,
    transposed_convolution,
)


def _each(values: Any, axes: int) -> list[int]:
    """One number an axis, as torch's lists of one or of all."""
    values = [values] if isinstance(values, int) else list(values)
    return values * axes if len(values) == 1 else values


def _convolution(
    building: Building, shape: Shape, x: Any, weight: Any, bias: Any = None,
    stride: Any = 1, padding: Any = 0, dilation: Any = 1, groups: int = 1,
) -> Value:  # fmt: skip
    if not isinstance(x, Value):
        raise Unsupported("with a computed kernel")
    kernel = array(weight)
    axes = kernel.ndim - 2
    dilation = _each(dilation, axes)
    if padding == "same":
        totals = [gap * (side - 1) for gap, side in zip(dilation, kernel.shape[2:], strict=True)]
        pads = [(total // 2, total - total // 2) for total in totals]
    else:
        pads = [(n, n) for n in ([0] * axes if padding == "valid" else _each(padding, axes))]
    shift = None if bias is None else array(bias)
    return convolved(building, x, kernel, shift, _each(stride, axes), pads, dilation, groups)


def _transposed(
    building: Building, shape: Shape, x: Any, weight: Any, bias: Any = None,
    stride: Any = 1, padding: Any = 0, output_padding: Any = 0, groups: int = 1, dilation: Any = 1,
) -> Value:  # fmt: skip
    if not isinstance(x, Value):
        raise Unsupported("with a computed kernel")
    kernel = array(weight)
    axes = kernel.ndim - 2
    pads = tuple((n, n) for n in _each(padding, axes))
    try:
        strides, gaps = tuple(_each(stride, axes)), tuple(_each(dilation, axes))
        forward = Convolution(kernel, array([0.0] * kernel.shape[0]), shape, strides, pads, gaps, groups)
    except InputError as error:
        raise Unsupported(f"of shapes that do not fit: {error}") from None
    return transposed_convolution(building, x, kernel, None if bias is None else array(bias), forward)


def _general_convolution(
    building: Building, shape: Shape, x: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    transposed: bool, output_padding: Any, groups: int,
) -> Value:  # fmt: skip
    if transposed:
        return _transposed(building, shape, x, weight, bias, stride, padding, output_padding, groups, dilation)
    return _convolution(building, shape, x, weight, bias, stride, padding, dilation, groups)


def _sides(x: Value, axes: int) -> Shape:
    if len(x.shape) < axes:
        raise Unsupported("of shapes that do not fit")
    return x.shape[len(x.shape) - axes :]


def _max_pool(axes: int, has_indices: bool) -> Callable[..., Any]:
    def rule(
        building: Building, shape: Shape, x: Value, width: Any, stride: Any = (), padding: Any = 0, dilation: Any = 1,
        has_ceil: bool = False,
    ) -> Any:  # fmt: skip
        numbers = [_each(n, axes) for n in (width, stride or width, padding, dilation)]
        windows = [
            sliding(size, k, step, (pad, pad), gap, has_ceil)
            for size, k, step, pad, gap in zip(_sides(x, axes), *numbers, strict=True)
        ]
        pooled = pooled_max(building, x, windows)
        return [pooled, Unknown()] if has_indices else pooled

    return rule


def _mean_pool(axes: int) -> Callable[..., Value]:
    def rule(
        building: Building, shape: Shape, x: Value, width: Any, stride: Any = (), padding: Any = 0, has_ceil: bool = False,
        counts_pads: bool = True, divisor_override: int | None = None,
    ) -> Value:  # fmt: skip
        numbers = [_each(n, axes) for n in (width, stride or width, padding)]
        windows = [
            sliding(size, k, step, (pad, pad), 1, has_ceil, counts_pads)
            for size, k, step, pad in zip(_sides(x, axes), *numbers, strict=True)
        ]
        return pooled_mean(building, x, windows, divisor_override)

    return rule


def _adaptive_windows(x: Value, sizes: Any, axes: int) -> list[Windows]:
    return [adaptive(size, count) for size, count in zip(_sides(x, axes), _each(sizes, axes), strict=True)]


def _adaptive_mean(axes: int) -> Callable[..., Value]:
    return lambda building, shape, x, sizes: pooled_mean(building, x, _adaptive_windows(x, sizes, axes))


def _adaptive_max(axes: int) -> Callable[..., Any]:
    return lambda building, shape, x, sizes: [pooled_max(building, x, _adaptive_windows(x, sizes, axes)), Unknown()]


def feature_axes(x: Value, dims: Any) -> list[int]:
    """Axes of the value without the batch; Unsupported where the batch is among them."""
    n_axes = len(x.shape) + 1
    dims = range(n_axes) if dims is None or dims == [] else [dims] if isinstance(dims, int) else dims
    axes = [dim % n_axes for dim in dims]
    if 0 in axes:
        raise Unsupported("mixes the rows of a batch")
    return [axis - 1 for axis in axes]


def _reduced(is_mean: bool) -> Callable[..., Value]:
    def rule(building: Building, shape: Shape, x: Value, dims: Any = None, keeps: bool = False, **_: Any) -> Value:
        return summed_over(building, x, feature_axes(x, dims), is_mean, keeps)

    return rule


def _extreme(sign: int, has_indices: bool) -> Callable[..., Any]:
    def rule(building: Building, shape: Shape, x: Value, dims: Any = None, keepdim: bool = False) -> Any:
        found = largest_over(building, x, feature_axes(x, dims), sign, keepdim)
        return [found, Unknown()] if has_indices else found

    return rule


def _softmax(is_log: bool) -> Callable[..., Value]:
    def rule(building: Building, shape: Shape, x: Value, dim: int, *_: Any, **__: Any) -> Value:
        if dim % (len(shape) + 1) == 0:
            raise Unsupported("over the batch, not over the classes")
        return softmax_over(building, x, feature_axes(x, dim), is_log)

    return rule


def _log_sum_exp(building: Building, shape: Shape, x: Value, dims: Sequence[int], keeps: bool = False) -> Value:
    return log_sum_exp_over(building, x, feature_axes(x, dims), keeps)


WINDOW_RULES: dict[str, Callable[..., Any]] = {
    **dict.fromkeys(("conv1d", "conv2d"), _convolution), "convolution": _general_convolution,
    "_convolution": lambda building, shape, *args: _general_convolution(building, shape, *args[:9]),
    **dict.fromkeys(("conv_transpose1d", "conv_transpose2d"), _transposed),
    "max_pool1d": _max_pool(1, False), "max_pool2d": _max_pool(2, False),
    "max_pool3d": _max_pool(3, False), "avg_pool3d": _mean_pool(3), "adaptive_avg_pool3d": _adaptive_mean(3),
    "max_pool1d_with_indices": _max_pool(1, True),
    "max_pool2d_with_indices": _max_pool(2, True), "avg_pool1d": _mean_pool(1), "avg_pool2d": _mean_pool(2),
    "adaptive_avg_pool1d": _adaptive_mean(1), "adaptive_avg_pool2d": _adaptive_mean(2),
    "_adaptive_avg_pool2d": _adaptive_mean(2),
    "adaptive_max_pool1d": _adaptive_max(1), "adaptive_max_pool2d": _adaptive_max(2), "mean": _reduced(True),
    "sum": _reduced(False), "amax": _extreme(1, False), "amin": _extreme(-1, False), "softmax": _softmax(False),
    "_softmax": _softmax(False), "log_softmax": _softmax(True), "_log_softmax": _softmax(True), "logsumexp": _log_sum_exp,
    "_safe_softmax": _softmax(False),
}  # fmt: skip
