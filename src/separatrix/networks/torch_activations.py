"""ATen operators that are functions of each coordinate (§1)."""

from __future__ import annotations

import math
from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.layers import Activation, Sum
from separatrix.networks.torch_constants import along_features, array
from separatrix.networks.traced_layers import Pending, Softmax
from separatrix.networks.traced_operations import (
    clipped,
    maximum,
    parametric_relu,
    relu,
    scaled,
    shifted,
    softplus_of,
)
from separatrix.networks.traced_patterns import BENT_AT_ZERO, is_comparison, logarithm, reciprocal, soft_shrunk, times
from separatrix.networks.traced_values import Building, Shape, Unsupported, Value

Rule = Callable[..., Value]
NO_SUCH_ACTIVATION = "is not among the activations that are read; train with gelu, silu or mish"
NOT_SMOOTH = "neither twice differentiable nor piecewise linear; train with gelu, silu, mish or relu"


def _activation(name: str) -> Rule:
    return lambda building, shape, x: building.append(Activation(name), x)


def _pending(kind: str) -> Rule:
    return lambda building, shape, x: building.append(Pending(kind, building.place), x)


def _leaky_relu(building: Building, shape: Shape, x: Value, slope: float = 0.01) -> Value:
    return building.append(Activation("leaky_relu", float(slope)), x)


def _rrelu(
    building: Building,
    shape: Shape,
    x: Value,
    lower: float = 0.125,
    upper: float = 1 / 3,
    training: bool = False,
    *_: Any,
) -> Value:
    if training:
        raise Unsupported("in training mode whatever the module's mode")
    return building.append(Activation("leaky_relu", (float(lower) + float(upper)) / 2), x)


def _prelu(building: Building, shape: Shape, x: Value, slopes: Any) -> Value:
    values = array(slopes)
    if values.size not in (1, shape[0] if shape else 1) and values.size != prod(shape):
        raise Unsupported("of shapes that do not fit")
    if values.size == prod(shape) or values.size == 1:
        wide = np.broadcast_to(values.ravel(), (prod(shape),))
    else:
        wide = np.repeat(values.ravel(), prod(shape[1:]))
    return parametric_relu(building, x, wide)


def _gelu(building: Building, shape: Shape, x: Value, approximate: str = "none") -> Value:
    return building.append(Activation("gelu_tanh" if approximate == "tanh" else "gelu"), x)


def _softplus(building: Building, shape: Shape, x: Value, beta: float = 1, threshold: float = 20) -> Value:
    if not 0 < beta < math.inf:
        raise Unsupported(f"beta = {beta:g}, which is not positive")
    if math.frexp(beta)[0] != 0.5:
        building.note(f"softplus with beta = {beta:g} was read as softplus(beta u) / beta, rounded")
    if threshold < 20:
        raise Unsupported(f"threshold = {threshold:g} below 20, not smooth")
    building.note(
        f"softplus was read as log(1 + exp(u)); torch returns u above {threshold:g}, a difference of at most "
        f"{math.exp(-threshold) / beta:.1e}"
    )
    building.has_cut_softplus = True
    return times(building, building.append(Activation("softplus"), times(building, x, float(beta))), 1 / float(beta))


def _bound(constant: Any, shape: Shape) -> np.ndarray | None:
    """A bound at every coordinate; None where it is no bound."""
    if constant is None:
        return None
    found = along_features(constant, shape)
    if np.isnan(found).any():
        raise Unsupported("with NaN as a bound")
    return found


def _clamp(building: Building, shape: Shape, x: Value, min: Any = None, max: Any = None) -> Value:
    if any(isinstance(bound, Value) for bound in (min, max)):
        for bound, sign in ((min, 1), (max, -1)):
            x = x if bound is None else extreme_of_two(building, shape, x, bound, sign)
        return x
    lower, upper = _bound(min, shape), _bound(max, shape)
    lower = None if lower is None or (lower == -np.inf).all() else lower
    upper = None if upper is None or (upper == np.inf).all() else upper
    if lower is not None and upper is None and not lower.any():
        return relu(building, x)
    if all(bound is None or (bound == bound[0]).all() for bound in (lower, upper)):
        ends = (None if bound is None else float(bound[0]) for bound in (lower, upper))
        return clipped(building, x, *ends)
    for bound, sign in ((lower, 1), (upper, -1)):
        x = x if bound is None else _above(building, x, bound, sign)
    return x


def _above(building: Building, x: Value, bound: np.ndarray, sign: int) -> Value:
    """max(x, bound) for the sign 1, min(x, bound) for -1."""
    ones = np.ones(bound.size)
    over = relu(building, scaled(building, x, sign * ones, -sign * bound))
    return scaled(building, over, sign * ones, bound)


def extreme_of_two(building: Building, shape: Shape, x: Any, y: Any, sign: int) -> Value:
    """The larger (sign 1) or smaller (sign -1) of two tensors of one shape, one of which may be constant."""
    if isinstance(x, Value) and isinstance(y, Value):
        x, y = (times(building, part, float(sign)) for part in (x, y))
        return times(building, maximum(building, x, y), float(sign))
    value, bound = (x, _bound(y, shape)) if isinstance(x, Value) else (y, _bound(x, shape))
    if bound is None:
        raise Unsupported("with a missing operand")
    if not bound.any() and sign == 1:
        return relu(building, value)
    return _above(building, value, bound, sign)


def _hardtanh(building: Building, shape: Shape, x: Value, lower: float = -1.0, upper: float = 1.0) -> Value:
    return _clamp(building, shape, x, lower, upper)


def _hard_sigmoid(building: Building, shape: Shape, x: Value) -> Value:
    """relu6(x + 3) / 6."""
    return times(building, clipped(building, shifted(building, x, 3.0), 0.0, 6.0), 1 / 6)


def _threshold(building: Building, shape: Shape, x: Value, threshold: float, value: float) -> Value:
    if threshold != value:
        raise Unsupported("with a value other than its threshold, which is a step")
    return shifted(building, relu(building, shifted(building, x, -float(threshold))), float(threshold))


def _soft_shrink(building: Building, shape: Shape, x: Value, half: float = 0.5) -> Value:
    return soft_shrunk(building, x, float(half))


def _absolute(building: Building, shape: Shape, x: Value) -> Value:
    return building.append(Sum(), relu(building, x), relu(building, times(building, x, -1.0)))


def _log_sigmoid(building: Building, shape: Shape, x: Value) -> Value:
    return times(building, building.append(Activation("softplus"), times(building, x, -1.0)), -1.0)


def _log(building: Building, shape: Shape, x: Value) -> Value:
    layer = building.nodes[x.index].layer
    before = Value([building.nodes[x.index].parents[0]], x.shape) if building.nodes[x.index].parents else x
    if isinstance(layer, Softmax) and not layer.is_log:
        return building.append(Softmax(True, layer.groups, building.place), before)
    if isinstance(layer, Activation) and layer.name == "sigmoid":
        return _log_sigmoid(building, shape, before)
    return logarithm(building, x)


def _log1p(building: Building, shape: Shape, x: Value) -> Value:
    return logarithm(building, shifted(building, x, 1.0))


def _log_add_exp(building: Building, shape: Shape, x: Any, y: Any) -> Value:
    """x + softplus(y - x)."""
    if not (isinstance(x, Value) and isinstance(y, Value) and x.shape == y.shape):
        raise Unsupported("with a constant operand")
    return softplus_of(building, x, y)


def _power(building: Building, shape: Shape, x: Any, exponent: Any = 2) -> Value:
    if not isinstance(x, Value) or not isinstance(exponent, (int, float)) or exponent not in (-1, 1, 2, 3):
        raise Unsupported("with an exponent other than 1, 2 or 3")
    if exponent == 1:
        return x
    if exponent == -1:
        return reciprocal(building, x)
    return building.append(Pending(f"power {int(exponent)}", building.place), x)


def _compared(is_reversed: bool) -> Rule:
    """A comparison, which can be read only as the condition of a choice."""

    def rule(building: Building, shape: Shape, x: Any, y: Any) -> Value:
        sign = -1.0 if is_reversed else 1.0
        if isinstance(x, Value) and isinstance(y, Value):
            difference = building.append(Sum(), times(building, x, sign), times(building, y, -sign))
        else:
            value, constant = (x, y) if isinstance(x, Value) else (y, x)
            sign = sign if isinstance(x, Value) else -sign
            bound = along_features(constant, shape)
            if value.shape != shape:
                raise Unsupported("of two shapes")
            difference = scaled(building, value, np.full(prod(shape), sign), -sign * bound)
        return building.append(Pending("positive", building.place), difference)

    return rule


def _not(building: Building, shape: Shape, x: Value) -> Value:
    """The comparison that holds where another does not, boundaries apart, where what is read is continuous."""
    if not is_comparison(building, x):
        raise Unsupported("of a computed condition")
    tested = Value([building.nodes[x.index].parents[0]], x.shape)
    return building.append(Pending("positive", building.place), times(building, tested, -1.0))


def _step(building: Building, shape: Shape, *_: Any, **__: Any) -> Value:
    raise Unsupported("a step, which has no gradient; use a continuous function")


def _elu(
    building: Building, shape: Shape, x: Value, alpha: float = 1.0, scale: float = 1.0, inner: float = 1.0
) -> Value:
    """scale x, or scale alpha (exp(inner x) - 1) for x < 0."""
    raise Unsupported(BENT_AT_ZERO if alpha * inner == 1.0 else NOT_SMOOTH)


def _refused(why: str) -> Rule:
    def rule(building: Building, shape: Shape, *_: Any, **__: Any) -> Value:
        raise Unsupported(why)

    return rule


def _gated_unit(building: Building, shape: Shape, x: Value, dim: int = -1) -> Value:
    raise Unsupported("of two computed values")


ACTIVATION_RULES: dict[str, Rule] = {
    **{name: _activation(name) for name in ("relu", "sigmoid", "tanh", "silu", "mish")},
    "leaky_relu": _leaky_relu, "rrelu": _rrelu, "prelu": _prelu, "_prelu_kernel": _prelu, "gelu": _gelu,
    "softplus": _softplus, "clamp": _clamp, "clip": _clamp,
    "clamp_min": lambda building, shape, x, bound: _clamp(building, shape, x, bound),
    "clamp_max": lambda building, shape, x, bound: _clamp(building, shape, x, None, bound),
    "hardtanh": _hardtanh, "relu6": lambda building, shape, x: _hardtanh(building, shape, x, 0.0, 6.0),
    "hardsigmoid": _hard_sigmoid, "threshold": _threshold, "softshrink": _soft_shrink, "abs": _absolute,
    "log_sigmoid": _log_sigmoid, "log_sigmoid_forward": _log_sigmoid, "logsigmoid": _log_sigmoid, "log": _log,
    "log1p": _log1p, "logaddexp": _log_add_exp, "exp": _pending("exp"), "erf": _pending("erf"),
    **dict.fromkeys(("sign", "sgn"), _pending("sign")),
    "pow": _power,
    "square": _power, "reciprocal": lambda building, shape, x: reciprocal(building, x), "special_expit": _activation("sigmoid"),
    "gt": _compared(False), "ge": _compared(False), "lt": _compared(True), "le": _compared(True),
    "greater": _compared(False), "less": _compared(True), "bitwise_not": _not, "logical_not": _not,
    **dict.fromkeys(("round", "floor", "ceil", "trunc", "heaviside", "hardshrink", "bernoulli"), _step),
    **dict.fromkeys(("selu", "hardswish"), _refused(NOT_SMOOTH)),
    **dict.fromkeys(("celu", "softsign"), _refused(BENT_AT_ZERO)), "elu": _elu,
    **dict.fromkeys(("sin", "cos", "tan", "atan", "sinh", "cosh", "sqrt", "rsqrt", "expm1"), _refused(NO_SUCH_ACTIVATION)),
    "glu": _gated_unit,
}  # fmt: skip
