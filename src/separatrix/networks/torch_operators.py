"""What each ATen operator does to a value that depends on the input (§1); ``torch_graph`` walks the graph.

A rule takes the graph being built, the shape of the result without the batch, and the operator's own arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.layers import Sum
from separatrix.networks.torch_activations import ACTIVATION_RULES, extreme_of_two
from separatrix.networks.torch_constants import along_features, array
from separatrix.networks.torch_windows import WINDOW_RULES
from separatrix.networks.traced_operations import dense, normalised, scaled, selected
from separatrix.networks.traced_patterns import chosen, product, reciprocal, times, zero_of
from separatrix.networks.traced_values import Building, Shape, Unsupported, Value


def widened(building: Building, x: Value, shape: Shape) -> Value:
    """A value broadcast to a shape, both without the batch."""
    if x.shape == shape:
        return x
    if len(x.shape) > len(shape):
        raise Unsupported("mixes the rows of a batch")
    try:
        index = np.broadcast_to(np.arange(prod(x.shape)).reshape(x.shape), shape)
    except ValueError:
        raise Unsupported("mixes the rows of a batch") from None
    if len(x.shape) != len(shape):
        raise Unsupported("mixes the rows of a batch")
    return selected(building, x, index, shape)


def _linear(building: Building, shape: Shape, x: Any, weight: Any, bias: Any = None) -> Value:
    if not isinstance(x, Value):
        raise Unsupported("with a computed weight")
    return dense(building, shape, x, array(weight), None if bias is None else array(bias))


def _matmul(building: Building, shape: Shape, x: Any, matrix: Any) -> Value:
    if isinstance(x, Value) and isinstance(matrix, Value):
        raise Unsupported("of two computed values")
    if not isinstance(x, Value) or array(matrix).ndim > 2:
        raise NotImplementedError  # runs on the unit vectors
    weight = array(matrix)
    return dense(building, shape, x, weight.reshape(weight.shape[0], -1).T, None)


def _addmm(
    building: Building, shape: Shape, bias: Any, x: Any, matrix: Any, beta: float = 1, alpha: float = 1
) -> Value:
    if isinstance(bias, Value) and not isinstance(x, Value):
        return _add(building, shape, bias, alpha * (x.double() @ matrix.double()), 1)
    if not isinstance(x, Value) or isinstance(matrix, Value):
        raise Unsupported("with the matrix on the left, or of two computed values")
    out = dense(building, shape, x, alpha * array(matrix).T, None)
    if isinstance(bias, Value):
        return building.append(Sum(), out, times(building, widened(building, bias, shape), float(beta)))
    return scaled(building, out, np.ones(prod(shape)), beta * along_features(bias, shape))


def _add(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    if isinstance(x, Value) and isinstance(y, Value):
        y = times(building, widened(building, y, shape), float(alpha))
        return building.append(Sum(), widened(building, x, shape), y, shape=shape)
    if isinstance(x, Value):
        shift = alpha * along_features(y, shape)
        return scaled(building, widened(building, x, shape), np.ones(prod(shape)), shift)
    factor = np.full(prod(shape), float(alpha))
    return scaled(building, widened(building, y, shape), factor, along_features(x, shape))


def _sub(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    return _add(building, shape, x, y, -alpha)


def _rsub(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    return _add(building, shape, y, x, -alpha)


def _mul(building: Building, shape: Shape, x: Any, y: Any) -> Value:
    if isinstance(x, Value) and isinstance(y, Value):
        return product(building, widened(building, x, shape), widened(building, y, shape))
    value, constant = (x, y) if isinstance(x, Value) else (y, x)
    value = widened(building, value, shape)
    return scaled(building, value, along_features(constant, shape), np.zeros(prod(shape)))


def _div(building: Building, shape: Shape, x: Any, y: Any, rounding_mode: str | None = None) -> Value:
    if rounding_mode is not None:
        raise Unsupported("with rounding")
    if isinstance(y, Value):
        return _mul(building, shape, x, reciprocal(building, y))
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        factors = 1.0 / along_features(y, shape)
    return scaled(building, widened(building, x, shape), factors, np.zeros(prod(shape)))


def _neg(building: Building, shape: Shape, x: Value) -> Value:
    return times(building, x, -1.0)


def _add_product(divides: bool) -> Callable[..., Value]:
    """addcmul and addcdiv: x + value * (y times z, or y over z)."""

    def rule(building: Building, shape: Shape, x: Any, y: Any, z: Any, value: float = 1) -> Value:
        if not isinstance(y, Value) and not isinstance(z, Value):
            constant = array(y) / array(z) if divides else array(y) * array(z)
            if constant.ndim == len(shape) + 1 and constant.shape[0] != 1:
                raise Unsupported("differs between the rows of a batch")
            wide = np.broadcast_to(constant[0] if constant.ndim == len(shape) + 1 else constant, shape).ravel()
            return scaled(building, widened(building, x, shape), np.ones(prod(shape)), value * wide)
        inner = _div(building, shape, y, z) if divides else _mul(building, shape, y, z)
        return _add(building, shape, x, inner, value)

    return rule


def _lerp(building: Building, shape: Shape, x: Any, y: Any, weight: Any) -> Value:
    """(1 - weight) x + weight y for a constant weight."""
    part, total = along_features(weight, shape), None
    for operand, factor in ((x, 1.0 - part), (y, part)):
        if isinstance(operand, Value):
            term = scaled(building, widened(building, operand, shape), factor, np.zeros(part.size))
            total = term if total is None else building.append(Sum(), total, term)
    assert total is not None
    for operand, factor in ((x, 1.0 - part), (y, part)):
        if not isinstance(operand, Value):
            total = scaled(building, total, np.ones(part.size), factor * along_features(operand, shape))
    return total


def _normalised_rows(building: Building, shape: Shape, *_: Any, **__: Any) -> Value:
    raise Unsupported("with statistics of the point itself; train with batch norm, or without it")


def _normalise(building: Building, x: Value, weight: Any, bias: Any, mean: Any, variance: Any, eps: float) -> Value:
    center, spread = array(mean), np.sqrt(array(variance) + eps)
    scale = (1.0 if weight is None else array(weight)) / spread
    shift = (0.0 if bias is None else array(bias)) - center * scale
    return normalised(building, x, scale, shift)


def _batch_norm(
    building: Building, shape: Shape, x: Value, weight: Any, bias: Any, mean: Any, variance: Any,
    training: bool, momentum: float, eps: float, *_: Any,
) -> Value:  # fmt: skip
    if training or mean is None:
        raise Unsupported("with statistics of the batch")
    return _normalise(building, x, weight, bias, mean, variance, eps)


def _batch_norm_inference(
    building: Building,
    shape: Shape,
    x: Value,
    weight: Any,
    bias: Any,
    mean: Any,
    variance: Any,
    momentum: float,
    eps: float,
) -> Value:
    return _normalise(building, x, weight, bias, mean, variance, eps)


def _dropout(building: Building, shape: Shape, x: Value, p: float, train: bool = True) -> Value:
    if train and p > 0:
        raise Unsupported("in training mode whatever the module's mode")
    return Value(x.cell, x.shape)


def _reshape(building: Building, shape: Shape, x: Value, *_: Any, **__: Any) -> Value:
    if prod(shape) != prod(x.shape):
        raise Unsupported("mixes the rows of a batch")
    return Value(x.cell, shape)


def _copy(building: Building, shape: Shape, x: Value, *_: Any, **__: Any) -> Value:
    if x.shape != shape:
        raise Unsupported("broadcasts to a larger shape")
    return Value([x.index], shape)


def _alias(building: Building, shape: Shape, x: Value, *_: Any, **__: Any) -> Value:
    if x.shape != shape:
        raise Unsupported("broadcasts to a larger shape")
    return Value(x.cell, shape)


def _where(building: Building, shape: Shape, condition: Any, x: Any, y: Any) -> Value:
    """A choice by a comparison, where it makes an activation."""
    if not isinstance(condition, Value):
        raise NotImplementedError  # moves entries
    x, y = (
        widened(building, part, shape)
        if isinstance(part, Value)
        else scaled(
            building,
            widened(building, zero_of(building, condition), shape),
            np.ones(prod(shape)),
            along_features(part, shape),
        )
        for part in (x, y)
    )
    return chosen(building, condition, x, y)


def _masked_fill(building: Building, shape: Shape, x: Any, mask: Any, value: Any) -> Value:
    """A constant where a comparison holds, which makes a ReLU or a clip, or nothing that is read."""
    return _where(building, shape, mask, value, x)


def _index_put(building: Building, shape: Shape, x: Any, indices: Any, value: Any, accumulate: bool = False) -> Value:
    """As of :func:`_masked_fill` for x[mask] = value."""
    if not any(isinstance(index, Value) for index in indices):
        raise NotImplementedError  # moves entries
    if len(indices) != 1 or indices[0].shape != shape or accumulate or isinstance(value, Value):
        raise Unsupported("by a computed mask of parts of a point")
    return _where(building, shape, indices[0], value, x)


def _extreme_operator(sign: int, name: str) -> Callable[..., Any]:
    """max or min: of two tensors, or along an axis with its indices."""

    def rule(building: Building, shape: Shape, x: Any, y: Any = None, keepdim: bool = False, dim: Any = None) -> Any:
        if isinstance(y, int) or dim is not None:
            found = WINDOW_RULES[name](building, shape, x, y if dim is None else dim, keepdim)
            return [found, None]
        if y is None:
            raise Unsupported("mixes the rows of a batch")
        x, y = (widened(building, part, shape) if isinstance(part, Value) else part for part in (x, y))
        return extreme_of_two(building, shape, x, y, sign)

    return rule


def _table(**rules: Callable[..., Any]) -> dict[str, Callable[..., Any]]:
    table = dict(rules)
    table |= dict.fromkeys(("matmul", "mm", "mv"), _matmul)
    table |= dict.fromkeys(
        ("view", "reshape", "flatten", "squeeze", "unsqueeze", "_unsafe_view", "unflatten", "view_as", "reshape_as",
         "view_copy", "unsqueeze_copy", "squeeze_copy", "atleast_2d", "atleast_3d"),
        _reshape,
    )  # fmt: skip
    table |= dict.fromkeys(("clone", "_to_copy", "lift_fresh_copy", "expand_copy", "detach_copy"), _copy)
    table |= dict.fromkeys(
        ("detach", "contiguous", "alias", "lift_fresh", "to", "type_as", "float", "double", "identity", "positive"),
        _alias,
    )
    table |= dict.fromkeys(
        ("dropout", "native_dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout", "dropout1d"),
        _dropout,
    )
    table |= dict.fromkeys(
        ("layer_norm", "native_layer_norm", "group_norm", "native_group_norm", "instance_norm", "rms_norm", "std", "var",
         "std_mean", "var_mean", "norm", "linalg_vector_norm", "local_response_norm"),
        _normalised_rows,
    )  # fmt: skip
    table |= dict.fromkeys(("maximum", "max"), _extreme_operator(1, "amax"))
    table |= dict.fromkeys(("minimum", "min"), _extreme_operator(-1, "amin"))
    return table


RULES = {**ACTIVATION_RULES, **WINDOW_RULES, **_table(
    linear=_linear, addmm=_addmm, add=_add, sub=_sub, subtract=_sub, rsub=_rsub, mul=_mul, multiply=_mul, div=_div,
    divide=_div, true_divide=_div, neg=_neg, negative=_neg, batch_norm=_batch_norm, addcmul=_add_product(False),
    addcdiv=_add_product(True), lerp=_lerp, where=_where, masked_fill=_masked_fill,
    index_put=_index_put, native_batch_norm=_batch_norm,
    _native_batch_norm_legit=_batch_norm, _native_batch_norm_legit_no_training=_batch_norm_inference,
    cudnn_batch_norm=_batch_norm,
)}  # fmt: skip
