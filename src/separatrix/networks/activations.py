"""Activation functions with their first two derivatives and the properties that theorems ask for (§1).

Every function is written against the array API, so that numpy arrays and torch tensors run the same lines.
Rigorous ranges of the same functions live in :mod:`separatrix.numerics`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from separatrix.errors import InputError, printable

Array = Any
SQRT_HALF = math.sqrt(0.5)
DENSITY_AT_ZERO = 1.0 / math.sqrt(2.0 * math.pi)
GELU_SCALE = math.sqrt(2.0 / math.pi)
GELU_CUBIC = 0.044715


@dataclass(frozen=True)
class ActivationFunction:
    """A scalar function s with ``value(xp, u, slope)``, ``first(xp, u, s, slope)`` = s'(u) and ``second`` = s''(u).

    ``s`` is the value at u, handed over because s' and s'' are often cheap functions of it.
    ``is_increasing``: s' > 0 on all of R; ``is_onto``: continuous, strictly increasing, with range R.
    """

    name: str
    value: Callable[..., Array]
    first: Callable[..., Array]
    second: Callable[..., Array]
    is_piecewise_linear: bool = False
    is_increasing: bool = False
    is_onto: bool = False
    is_monotone: bool = True


def special(xp: Any, name: str, u: Array) -> Array:
    """A special function (``erf`` or ``expit``) of the array's own library."""
    if isinstance(u, np.ndarray):
        import scipy.special
        return getattr(scipy.special, name)(u)
    return getattr(__import__("torch").special, name)(u)


def sigmoid(xp: Any, u: Array) -> Array:
    """1 / (1 + exp(-u)) without overflow."""
    return special(xp, "expit", u)


def softplus(xp: Any, u: Array) -> Array:
    """log(1 + exp(u)) without overflow."""
    return xp.maximum(u, xp.zeros_like(u)) + xp.log1p(xp.exp(-xp.abs(u)))


def _step(xp: Any, u: Array, slope: float) -> Array:
    return xp.where(u > 0, xp.ones_like(u), slope * xp.ones_like(u))


def _normal_density(xp: Any, u: Array) -> Array:
    return DENSITY_AT_ZERO * xp.exp(-0.5 * u * u)


def _normal_distribution(xp: Any, u: Array) -> Array:
    return 0.5 * (1.0 + special(xp, "erf", SQRT_HALF * u))


def _gelu_tanh_parts(xp: Any, u: Array) -> tuple[Array, Array, Array]:
    t = xp.tanh(GELU_SCALE * (u + GELU_CUBIC * u * u * u))
    inner = GELU_SCALE * (1.0 + 3.0 * GELU_CUBIC * u * u)
    return t, inner, 1.0 - t * t


def _gelu_tanh_first(xp: Any, u: Array, s: Array, slope: float) -> Array:
    t, inner, decay = _gelu_tanh_parts(xp, u)
    return 0.5 * (1.0 + t) + 0.5 * u * decay * inner


def _gelu_tanh_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    t, inner, decay = _gelu_tanh_parts(xp, u)
    curvature = 6.0 * GELU_SCALE * GELU_CUBIC * u
    return decay * inner + 0.5 * u * (decay * curvature - 2.0 * t * decay * inner * inner)


def _silu_first(xp: Any, u: Array, s: Array, slope: float) -> Array:
    p = sigmoid(xp, u)
    return p + s * (1.0 - p)


def _silu_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    p = sigmoid(xp, u)
    return p * (1.0 - p) * (2.0 + u * (1.0 - 2.0 * p))


def _sigmoid_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    return s * (1.0 - s) * (1.0 - 2.0 * s)


def _softplus_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    p = sigmoid(xp, u)
    return p * (1.0 - p)


_TABLE = (
    ActivationFunction("identity", lambda xp, u, a: u, lambda xp, u, s, a: xp.ones_like(u),
                       lambda xp, u, s, a: xp.zeros_like(u), is_piecewise_linear=True, is_increasing=True, is_onto=True),
    ActivationFunction("relu", lambda xp, u, a: xp.maximum(u, xp.zeros_like(u)), lambda xp, u, s, a: _step(xp, u, 0.0),
                       lambda xp, u, s, a: xp.zeros_like(u), is_piecewise_linear=True),
    ActivationFunction("leaky_relu", lambda xp, u, a: xp.where(u > 0, u, a * u), lambda xp, u, s, a: _step(xp, u, a),
                       lambda xp, u, s, a: xp.zeros_like(u), is_piecewise_linear=True, is_increasing=True, is_onto=True),
    ActivationFunction("sigmoid", lambda xp, u, a: sigmoid(xp, u), lambda xp, u, s, a: s * (1.0 - s), _sigmoid_second,
                       is_increasing=True),
    ActivationFunction("tanh", lambda xp, u, a: xp.tanh(u), lambda xp, u, s, a: 1.0 - s * s,
                       lambda xp, u, s, a: -2.0 * s * (1.0 - s * s), is_increasing=True),
    ActivationFunction("softplus", lambda xp, u, a: softplus(xp, u), lambda xp, u, s, a: sigmoid(xp, u), _softplus_second,
                       is_increasing=True),
    ActivationFunction("gelu", lambda xp, u, a: u * _normal_distribution(xp, u),
                       lambda xp, u, s, a: _normal_distribution(xp, u) + u * _normal_density(xp, u),
                       lambda xp, u, s, a: _normal_density(xp, u) * (2.0 - u * u), is_monotone=False),
    ActivationFunction("gelu_tanh", lambda xp, u, a: 0.5 * u * (1.0 + xp.tanh(GELU_SCALE * (u + GELU_CUBIC * u * u * u))),
                       _gelu_tanh_first, _gelu_tanh_second, is_monotone=False),
    ActivationFunction("silu", lambda xp, u, a: u * sigmoid(xp, u), _silu_first, _silu_second, is_monotone=False),
)
ACTIVATIONS = {function.name: function for function in _TABLE}


def activation_function(name: object) -> ActivationFunction:
    """The activation of that name; InputError lists the known ones."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise InputError(f"unknown activation {printable(name)!r}; known are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]
