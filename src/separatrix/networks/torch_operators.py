"""What each ATen operator does to a value that depends on the input (§1); ``torch_graph`` walks the graph.

A rule takes the graph being built, the shape of the result without the batch, and the operator's own arguments.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.graph_folding import Softmax
from separatrix.networks.layers import Activation, Sum
from separatrix.networks.traced_operations import dense, normalised, scaled
from separatrix.networks.traced_patterns import product
from separatrix.networks.traced_values import Building, Shape, Unknown, Unsupported, Value


def _array(constant: Any) -> np.ndarray:
    """A parameter, buffer or number as float64."""
    if isinstance(constant, (Value, Unknown)) or constant is None:
        raise Unsupported("with a computed operand")
    if isinstance(constant, (int, float)):
        return np.array(float(constant))
    if hasattr(constant, "detach") and not constant.is_complex():
        return constant.detach().double().cpu().numpy()
    raise Unsupported("with this operand")


def _along_features(constant: Any, shape: Shape) -> np.ndarray:
    """A constant broadcast over one row of a value, flat."""
    array = _array(constant)
    if array.ndim == len(shape) + 1:
        if array.shape[0] != 1:
            raise Unsupported("differs between the rows of a batch")
        array = array[0]
    try:
        return np.broadcast_to(array, shape).astype(np.float64).ravel()
    except ValueError:
        raise Unsupported("broadcasts to a larger shape") from None


def _linear(building: Building, shape: Shape, x: Any, weight: Any, bias: Any = None) -> Value:
    if not isinstance(x, Value):
        raise Unsupported("with a computed weight")
    return dense(building, shape, x, _array(weight), None if bias is None else _array(bias))


def _matmul(building: Building, shape: Shape, x: Any, matrix: Any) -> Value:
    if not isinstance(x, Value):
        raise Unsupported("with the matrix on the left")
    return dense(building, shape, x, _array(matrix).T, None)


def _addmm(
    building: Building, shape: Shape, bias: Any, x: Any, matrix: Any, beta: float = 1, alpha: float = 1
) -> Value:
    if not isinstance(x, Value):
        raise Unsupported("with the matrix on the left")
    array = _array(bias)
    if array.ndim > 1 and array.shape[0] != 1:
        raise Unsupported("differs between the rows of a batch")
    return dense(building, shape, x, alpha * _array(matrix).T, beta * array.reshape(-1))


def _add(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    if isinstance(x, Value) and isinstance(y, Value):
        if x.shape != shape or y.shape != shape:
            raise Unsupported("broadcasts between computed values")
        if alpha != 1:
            y = scaled(building, y, np.full(prod(shape), float(alpha)), np.zeros(prod(shape)))
        return building.append(Sum(), x, y)
    if isinstance(x, Value):
        _same(x, shape)
        return scaled(building, x, np.ones(prod(shape)), alpha * _along_features(y, shape))
    _same(y, shape)
    return scaled(building, y, np.full(prod(shape), float(alpha)), _along_features(x, shape))


def _sub(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    return _add(building, shape, x, y, -alpha)


def _rsub(building: Building, shape: Shape, x: Any, y: Any, alpha: float = 1) -> Value:
    return _add(building, shape, y, x, -alpha)


def _mul(building: Building, shape: Shape, x: Any, y: Any) -> Value:
    if isinstance(x, Value) and isinstance(y, Value):
        if x.shape != shape or y.shape != shape:
            raise Unsupported("broadcasts between computed values")
        return product(building, x, y)
    value, constant = (x, y) if isinstance(x, Value) else (y, x)
    _same(value, shape)
    return scaled(building, value, _along_features(constant, shape), np.zeros(prod(shape)))


def _div(building: Building, shape: Shape, x: Any, y: Any) -> Value:
    if not isinstance(x, Value) or isinstance(y, Value):
        raise Unsupported("by a computed value")
    _same(x, shape)
    with np.errstate(divide="ignore", invalid="ignore"):
        return scaled(building, x, 1.0 / _along_features(y, shape), np.zeros(prod(shape)))


def _neg(building: Building, shape: Shape, x: Value) -> Value:
    return scaled(building, x, -np.ones(prod(shape)), np.zeros(prod(shape)))


def _same(x: Value, shape: Shape) -> None:
    if x.shape != shape:
        raise Unsupported("broadcasts to a larger shape")


def _normalise(building: Building, x: Value, weight: Any, bias: Any, mean: Any, variance: Any, eps: float) -> Value:
    center, spread = _array(mean), np.sqrt(_array(variance) + eps)
    scale = (1.0 if weight is None else _array(weight)) / spread
    shift = (0.0 if bias is None else _array(bias)) - center * scale
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


def _activation(name: str) -> Callable[..., Value]:
    return lambda building, shape, x: building.append(Activation(name), x)


def _leaky_relu(building: Building, shape: Shape, x: Value, slope: float = 0.01) -> Value:
    return building.append(Activation("leaky_relu", float(slope)), x)


def _prelu(building: Building, shape: Shape, x: Value, slopes: Any) -> Value:
    values = np.unique(_array(slopes))
    if values.size != 1:
        raise Unsupported("with a slope for each channel")
    building.note("PReLU was read as a leaky ReLU with its trained slope")
    return building.append(Activation("leaky_relu", float(values[0])), x)


def _gelu(building: Building, shape: Shape, x: Value, approximate: str = "none") -> Value:
    return building.append(Activation("gelu_tanh" if approximate == "tanh" else "gelu"), x)


def _softplus(building: Building, shape: Shape, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    if beta <= 0 or math.frexp(beta)[0] != 0.5:
        raise Unsupported(f"beta = {beta:g}, which is no power of 2")
    if threshold < 20:
        raise Unsupported(f"threshold = {threshold:g} below 20, not smooth")
    building.note(
        f"softplus was read as log(1 + exp(u)); torch returns u above {threshold:g}, a difference of at most "
        f"{math.exp(-threshold) / beta:.1e}"
    )
    ones, zeros = np.ones(prod(shape)), np.zeros(prod(shape))
    if beta == 1:
        return building.append(Activation("softplus"), x)
    return scaled(
        building, building.append(Activation("softplus"), scaled(building, x, beta * ones, zeros)), ones / beta, zeros
    )


def _clamp(building: Building, shape: Shape, x: Value, min: Any = None, max: Any = None) -> Value:
    if max is not None or min is None or (_array(min) != 0).any():
        raise Unsupported("with bounds other than min = 0")
    return building.append(Activation("relu"), x)


def _maximum(building: Building, shape: Shape, x: Any, y: Any) -> Value:
    value, bound = (x, y) if isinstance(x, Value) else (y, x)
    _same(value, shape)
    return _clamp(building, shape, value, bound)


def _threshold(building: Building, shape: Shape, x: Value, threshold: float, value: float) -> Value:
    if threshold != 0 or value != 0:
        raise Unsupported("other than at 0")
    return building.append(Activation("relu"), x)


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


def _softmax(is_log: bool) -> Callable[..., Value]:
    def rule(building: Building, shape: Shape, x: Value, dim: int, *_: Any, **__: Any) -> Value:
        axis = dim if dim >= 0 else dim + len(shape) + 1
        if axis < 1 or shape[axis - 1] != prod(shape):
            raise Unsupported("not over the classes")
        return building.append(Softmax(is_log, building.place), x)

    return rule


def _table(**rules: Callable[..., Value]) -> dict[str, Callable[..., Value]]:
    table = dict(rules)
    table |= {name: _activation(name) for name in ("relu", "sigmoid", "tanh", "silu")}
    table |= dict.fromkeys(("matmul", "mm"), _matmul)
    table |= dict.fromkeys(
        ("view", "reshape", "flatten", "squeeze", "unsqueeze", "_unsafe_view", "unflatten"), _reshape
    )
    table |= dict.fromkeys(("clone", "_to_copy", "lift_fresh_copy"), _copy)
    table |= dict.fromkeys(("detach", "contiguous", "alias", "lift_fresh", "expand", "to"), _alias)
    table |= dict.fromkeys(
        ("dropout", "native_dropout", "feature_dropout", "alpha_dropout", "feature_alpha_dropout"), _dropout
    )
    return table


RULES = _table(
    linear=_linear, addmm=_addmm, add=_add, sub=_sub, rsub=_rsub, mul=_mul, div=_div, neg=_neg, batch_norm=_batch_norm,
    _native_batch_norm_legit_no_training=_batch_norm_inference, leaky_relu=_leaky_relu, prelu=_prelu,
    _prelu_kernel=_prelu, gelu=_gelu, softplus=_softplus, clamp=_clamp, clamp_min=_clamp, maximum=_maximum,
    threshold=_threshold, softmax=_softmax(False), _softmax=_softmax(False), log_softmax=_softmax(True),
    _log_softmax=_softmax(True),
)  # fmt: skip
