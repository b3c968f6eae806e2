"""ONNX operators that are functions of each coordinate (§1)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from separatrix.networks.layers import Activation, Sum
from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.shape_operators import row
from separatrix.networks.traced_layers import Pending, Softmax
from separatrix.networks.traced_operations import clipped, parametric_relu, relu, shifted
from separatrix.networks.traced_patterns import logarithm, reciprocal, soft_shrunk, times
from separatrix.networks.traced_values import Unsupported, Value

Rule = Callable[[Call], Value]


def _activation(name: str) -> Rule:
    return lambda call: call.building.append(Activation(name), call.value())


def _pending(kind: str) -> Rule:
    return lambda call: call.building.append(Pending(kind, call.building.place), call.value())


def _leaky_relu(call: Call) -> Value:
    return call.building.append(Activation("leaky_relu", call.real("alpha", 0.01)), call.value())


def _prelu(call: Call) -> Value:
    x, slopes = call.value(), call.reals(1)
    if np.broadcast_shapes(call.shape(x), slopes.shape) != call.shape(x):
        raise Unsupported("of shapes that do not fit")
    slopes = row(call, slopes, len(call.shape(x)))
    return parametric_relu(call.building, x, np.broadcast_to(slopes, x.shape).ravel())


def _gelu(call: Call) -> Value:
    name = "gelu_tanh" if call.attribute("approximate", "none") == "tanh" else "gelu"
    return call.building.append(Activation(name), call.value())


def _swish(call: Call) -> Value:
    alpha = call.attribute("alpha", 1.0)
    if alpha == 0:
        raise Unsupported("with alpha = 0")
    silu = call.building.append(Activation("silu"), times(call.building, call.value(), alpha))
    return times(call.building, silu, 1.0 / alpha)


def _clip(call: Call) -> Value:
    x = call.value()
    bounds = [call.attribute("min", 0.0), call.attribute("max", 0.0)] if call.opset < 11 else []
    if call.opset < 11:
        lower, upper = (bounds[i] if name in call.attributes else None for i, name in enumerate(("min", "max")))
    else:
        lower, upper = call.number(1), call.number(2)
    lower = None if lower is not None and lower <= -3e38 else lower
    upper = None if upper is not None and upper >= 3e38 else upper
    if any(bound is not None and not np.isfinite(bound) for bound in (lower, upper)):
        raise Unsupported("with NaN or infinite bounds")
    return clipped(call.building, x, lower, upper)


def _hard_sigmoid(call: Call) -> Value:
    slope = times(call.building, call.value(), call.real("alpha", 0.2))
    return clipped(call.building, shifted(call.building, slope, call.attribute("beta", 0.5)), 0.0, 1.0)


def _complementary(call: Call) -> Value:
    """1 - erf(u): no ONNX operator, but what tf2onnx writes for Keras' GELU."""
    call.building.note("Erfc, which ONNX does not have, was read as 1 - erf")
    return shifted(call.building, times(call.building, _pending("erf")(call), -1.0), 1.0)


def _thresholded(call: Call) -> Value:
    if call.attribute("alpha", 1.0) != 0:
        raise Unsupported("with a threshold other than 0, a step")
    return relu(call.building, call.value())


def _absolute(call: Call) -> Value:
    x = call.value()
    return call.building.append(Sum(), relu(call.building, x), relu(call.building, times(call.building, x, -1.0)))


def _log(call: Call) -> Value:
    x = call.value()
    layer = call.building.nodes[x.index].layer
    if isinstance(layer, Softmax) and not layer.is_log:
        before = Value([call.building.nodes[x.index].parents[0]], x.shape)
        return call.building.append(Softmax(True, layer.groups, call.building.place), before)
    if isinstance(layer, Activation) and layer.name == "sigmoid":  # log sigmoid(u) = -softplus(-u)
        before = Value([call.building.nodes[x.index].parents[0]], x.shape)
        return times(
            call.building, call.building.append(Activation("softplus"), times(call.building, before, -1.0)), -1.0
        )
    return logarithm(call.building, x)


def _shrink(call: Call) -> Value:
    """relu(x - half) - relu(-x - half), where it has no step."""
    half, bias, x = call.attribute("lambd", 0.5), call.attribute("bias", 0.0), call.value()
    if half != bias or half < 0:
        raise Unsupported("with a bias other than lambd, or a negative one, which is a step")
    return soft_shrunk(call.building, x, half)


ACTIVATION_RULES: dict[str, Rule] = {
    **{name: _activation(name.lower()) for name in ("Relu", "Sigmoid", "Tanh", "Softplus", "Mish")},
    "LeakyRelu": _leaky_relu, "PRelu": _prelu, "Gelu": _gelu, "Swish": _swish, "Clip": _clip,
    "HardSigmoid": _hard_sigmoid, "ThresholdedRelu": _thresholded, "Abs": _absolute, "Erf": _pending("erf"),
    "Erfc": _complementary,
    "Sign": _pending("sign"),
    "Exp": _pending("exp"), "Log": _log, "Shrink": _shrink,
    "Reciprocal": lambda call: reciprocal(call.building, call.value()),
    "Neg": lambda call: times(call.building, call.value(), -1.0),
}  # fmt: skip
