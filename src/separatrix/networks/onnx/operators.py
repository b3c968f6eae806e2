"""What each ONNX operator does to a value that depends on the input (§1); ``graph`` walks the graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.layers import Sum
from separatrix.networks.onnx.activation_operators import ACTIVATION_RULES
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.index_operators import INDEX_RULES
from separatrix.networks.onnx.shape_operators import SHAPE_RULES, common_shape, row, widened
from separatrix.networks.onnx.tensors import BFLOAT16, is_floating
from separatrix.networks.onnx.window_operators import WINDOW_RULES
from separatrix.networks.traced_layers import Pending
from separatrix.networks.traced_operations import (
    copied,
    dense,
    maximum,
    normalised,
    relu,
    scaled,
    selected,
)
from separatrix.networks.traced_patterns import chosen, product, reciprocal, times
from separatrix.networks.traced_values import Shape, Unsupported, Value

Rule = Callable[[Call], Value | tuple[Value, ...]]
WIDTH_LIMIT = 1 << 22  # entries of one point's value


def _operands(call: Call) -> tuple[list[Value | np.ndarray], Shape]:
    """All inputs broadcast to one shape without the batch: values, and flat constants."""
    shape = common_shape(call)
    n_axes, operands = len(shape) + call.first_axis, []
    for position in range(len(call.inputs)):
        operand = call.operand(position)
        if isinstance(operand, Value):
            operands.append(widened(call, operand, shape))
        else:
            operands.append(np.broadcast_to(row(call, call.reals(position), n_axes), shape).ravel())
    return operands, shape


def _add(call: Call) -> Value:
    operands, shape = _operands(call)
    values = [x for x in operands if isinstance(x, Value)]
    total = values[0] if len(values) == 1 else call.building.append(Sum(), *values)
    constants = [x for x in operands if not isinstance(x, Value)]
    return scaled(call.building, total, np.ones(prod(shape)), sum(constants[1:], constants[0])) if constants else total


def _sub(call: Call) -> Value:
    (x, y), shape = _operands(call)
    if isinstance(y, Value):
        y = times(call.building, y, -1.0)
        if isinstance(x, Value):
            return call.building.append(Sum(), x, y)
        return scaled(call.building, y, np.ones(prod(shape)), x)
    assert isinstance(x, Value)
    return scaled(call.building, x, np.ones(prod(shape)), -y)


def _greater(is_reversed: bool) -> Rule:
    """x > y (or y > x), which can be read only as the condition of Where."""

    def rule(call: Call) -> Value:
        inputs = call.inputs[::-1] if is_reversed else call.inputs
        return call.building.append(Pending("positive", call.building.place), _sub(replace(call, inputs=inputs)))

    return rule


def _where(call: Call) -> Value:
    if not isinstance(call.operand(0), Value):
        return _picked(call)
    (condition, *choices), shape = _operands(call)
    assert isinstance(condition, Value)
    tested = Value([call.building.nodes[condition.index].parents[0]], shape)
    zero = times(call.building, tested, 0.0)
    x, y = (
        x if isinstance(x, Value) else scaled(call.building, zero, np.ones(prod(shape)), x) if x.any() else zero
        for x in choices
    )
    return chosen(call.building, condition, x, y)


def _picked(call: Call) -> Value:
    """Where by a constant condition."""
    shape = common_shape(call)
    mask = np.broadcast_to(row(call, call.constant(0), len(shape) + call.first_axis), shape).ravel() != 0
    parts, shift = [], np.zeros(prod(shape))
    for position, kept in ((1, mask), (2, ~mask)):
        operand = call.operand(position)
        if isinstance(operand, Value):
            index = np.broadcast_to(np.arange(prod(operand.shape)).reshape(operand.shape), shape).ravel()
            parts.append(selected(call.building, operand, np.where(kept, index, -1), shape))
        else:
            constant = np.broadcast_to(row(call, call.reals(position), len(shape) + call.first_axis), shape).ravel()
            shift = np.where(kept, constant, shift)
    whole = parts[0] if len(parts) == 1 else call.building.append(Sum(), *parts)
    return scaled(call.building, whole, np.ones(shift.size), shift) if shift.any() else whole


def _mul(call: Call) -> Value:
    (x, y), shape = _operands(call)
    if isinstance(x, Value) and isinstance(y, Value):
        return product(call.building, x, y)
    value, factor = (x, y) if isinstance(x, Value) else (y, x)
    assert isinstance(value, Value) and isinstance(factor, np.ndarray)
    return scaled(call.building, value, factor, np.zeros(prod(shape)))


def _div(call: Call) -> Value:
    (x, y), shape = _operands(call)
    zeros = np.zeros(prod(shape))
    if not isinstance(y, Value):
        assert isinstance(x, Value)
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            return scaled(call.building, x, 1.0 / y, zeros)
    inverse = reciprocal(call.building, y)
    return product(call.building, x, inverse) if isinstance(x, Value) else scaled(call.building, inverse, x, zeros)


def _pow(call: Call) -> Value:
    exponent, x = call.number(1), call.value()
    if exponent == 1:
        return x
    if exponent not in (2, 3):
        raise Unsupported("with an exponent other than 1, 2 or 3")
    return call.building.append(Pending(f"power {int(exponent)}", call.building.place), x)


def _mean(call: Call) -> Value:
    return times(call.building, _add(call), 1.0 / len(call.inputs))


def _extreme(sign: float) -> Rule:
    """Max (sign 1) or Min (sign -1) of values and constants."""

    def rule(call: Call) -> Value:
        operands, shape = _operands(call)
        values = [times(call.building, x, sign) for x in operands if isinstance(x, Value)]
        total = values[0]
        for other in values[1:]:
            total = maximum(call.building, total, other)
        for bound in (sign * x for x in operands if not isinstance(x, Value)):
            if np.isnan(bound).any():
                raise Unsupported("with NaN")
            if (bound == -np.inf).all():
                continue
            ones = np.ones(prod(shape))
            total = relu(call.building, scaled(call.building, total, ones, -bound) if bound.any() else total)
            total = scaled(call.building, total, ones, bound) if bound.any() else total
        return times(call.building, total, sign)

    return rule


def _small(shape: Shape) -> Shape:
    """A shape of a value, before anything is made for it."""
    if prod(shape) > WIDTH_LIMIT:
        raise Unsupported("makes a value that is too large")
    return shape


def _product_with_matrix(call: Call, x: Value, y: Any) -> Value:
    """x @ y for a constant matrix (or vector) y: along the last axis of x."""
    weight = np.asarray(y)
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    if weight.ndim not in (1, 2) or not x.shape or x.shape[-1] != weight.shape[0]:
        raise Unsupported("of shapes that do not fit")
    shape = _small((*x.shape[:-1], *weight.shape[1:]))
    return dense(call.building, shape, x, weight.reshape(weight.shape[0], -1).T, None)


def _matrix_with_product(call: Call, x: Any, y: Value) -> Value:
    """x @ y for a constant matrix x on the left: along the last axis but one of y, or its only one."""
    weight, whole = np.asarray(x), call.shape(y)
    while weight.ndim > 2 and weight.shape[0] == 1:
        weight = weight[0]
    axis = max(len(whole) - 2, 0)
    if weight.ndim not in (1, 2) or axis < call.first_axis:
        raise Unsupported("with the matrix on the left of a batch")
    if whole[axis] != weight.shape[-1]:
        raise Unsupported("of shapes that do not fit")
    before = y.shape[: axis - call.first_axis]
    shape = _small((*before, *weight.shape[:-1], *whole[axis + 1 :]))
    weight, after = np.atleast_2d(weight), prod(whole[axis + 1 :])
    return copied(call.building, shape, y, weight, np.zeros(weight.shape[0]), prod(before), after)


def _matmul(call: Call) -> Value:
    x, y = call.operand(0), call.operand(1)
    if isinstance(x, Value) and isinstance(y, Value):
        raise Unsupported("of two computed values")
    if isinstance(x, Value):
        return _product_with_matrix(call, x, call.reals(1))
    return _matrix_with_product(call, call.reals(0), call.value(1))


def _gemm(call: Call) -> Value:
    x, y = call.operand(0), call.operand(1)
    alpha, beta = call.attribute("alpha", 1.0), call.attribute("beta", 1.0)
    if isinstance(x, Value) == isinstance(y, Value):
        raise Unsupported("of two computed values")
    first = 0 if isinstance(x, Value) else 1
    value, constant = call.value(first), call.reals(1 - first)
    if call.attribute("transB" if first == 0 else "transA", 0):
        constant = constant.T
    if call.attribute("transA" if first == 0 else "transB", 0):
        if call.building.batch or len(value.shape) != 2 or 1 not in value.shape:
            raise Unsupported("of a transposed computed value")
        value = Value(value.cell, value.shape[::-1])
    if len(call.shape(value)) != 2 or constant.ndim != 2:
        raise Unsupported("of shapes that do not fit")
    out = _gemm_product(call, value, constant if alpha == 1 else alpha * constant, first)
    if not call.given(2):
        return out
    third = call.operand(2) if isinstance(call.operand(2), Value) else call.reals(2)
    third = third if beta == 1 else times(call.building, third, beta) if isinstance(third, Value) else beta * third
    added = Call(call.building, "Add", call.opset, (out, third), {}, 1, call.folder)
    if np.broadcast_shapes(call.shape(out), call.shape(third)) != call.shape(out):
        raise Unsupported("of shapes that do not fit")
    return _add(added)


def _gemm_product(call: Call, value: Value, constant: np.ndarray, first: int) -> Value:
    return _product_with_matrix(call, value, constant) if first == 0 else _matrix_with_product(call, constant, value)


def _batch_norm(call: Call) -> Value:
    x, axis = call.value(), 1 - call.first_axis
    if call.attribute("training_mode", 0) or call.attribute("spatial", 1) == 0:
        raise Unsupported("with statistics of the batch")
    if call.opset < 14 and call.n_outputs > 1:
        raise Unsupported("in training mode, with its statistics as further outputs")
    weight, bias, mean, variance = (call.reals(i) for i in range(1, 5))
    if len(x.shape) <= axis or any(part.shape != (x.shape[axis],) for part in (weight, bias, mean, variance)):
        raise Unsupported("of shapes that do not fit")
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        scale = weight / np.sqrt(variance + call.real("epsilon", 1e-5))
        return normalised(call.building, x, scale, bias - mean * scale, axis)


def _cast(call: Call) -> Value:
    kind = call.attribute("to", 0)
    if not is_floating(kind):
        raise Unsupported("to integers, truth values or text")
    if kind in (10, BFLOAT16):
        call.building.note("casts to half precision were read as the identity")
    return call.value()


def _cast_like(call: Call) -> Value:
    like = call.operand(1)
    if isinstance(like, np.ndarray) and like.dtype != np.float64:
        raise Unsupported("to integers or truth values")
    return call.value()


def _dropout(call: Call) -> Value:
    if call.given(2) and bool(call.constant(2).any()):
        raise Unsupported("in training mode")
    return call.value()


def _ml_scaler(call: Call) -> Value:
    """(x - offset) * scale, as converters write StandardScaler."""
    x = call.value()
    offset, scale = (np.array(call.attribute(name, [0.0]), np.float64) for name in ("offset", "scale"))
    if any(part.size not in (1, x.shape[-1] if x.shape else 1) for part in (offset, scale)):
        raise Unsupported("of shapes that do not fit")
    offset, scale = (np.broadcast_to(part, x.shape).ravel() for part in (offset, scale))
    return scaled(call.building, x, scale, -offset * scale)


RULES: dict[str, Rule] = {
    **SHAPE_RULES, **ACTIVATION_RULES, **WINDOW_RULES, **INDEX_RULES,
    "Add": _add, "Sum": _add, "Sub": _sub, "Mul": _mul, "Div": _div, "Pow": _pow, "Mean": _mean,
    "Greater": _greater(False), "GreaterOrEqual": _greater(False), "Less": _greater(True), "LessOrEqual": _greater(True),
    "Where": _where, "Max": _extreme(1.0), "Min": _extreme(-1.0), "MatMul": _matmul, "Gemm": _gemm,
    "BatchNormalization": _batch_norm, "Cast": _cast, "CastLike": _cast_like,
    "Identity": lambda call: call.value(), "Dropout": _dropout, "ai.onnx.ml::Scaler": _ml_scaler,
}  # fmt: skip
