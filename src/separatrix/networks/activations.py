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
GELU_SCALE = math.sqrt(8.0 / math.pi)
GELU_CUBIC = 0.044715
SMALL_SLOPE = 1e-3
LOST = 1e-30  # below, a product with u may underflow


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
    """A special function (``erfc`` or ``expit``) of the array's own library."""
    if isinstance(u, np.ndarray):
        import scipy.special

        return getattr(scipy.special, name)(u)
    return getattr(__import__("torch").special, name)(u)


def sigmoid(xp: Any, u: Array) -> Array:
    """1 / (1 + exp(-u)), 0 where the exponential overflows."""
    if not isinstance(u, np.ndarray):
        return special(xp, "expit", u)
    found = np.negative(u, dtype=np.result_type(u, np.float32))
    with np.errstate(over="ignore"):
        np.exp(found, out=found)
    found += 1.0
    return np.divide(1.0, found, out=found)


def _gate(xp: Any, u: Array, s: Array, exact: Callable[[], Array]) -> Array:
    """g(u) from s = u g(u), g(0) = 1/2: a quotient is right up to rounding, and costs less than g."""
    if not isinstance(u, np.ndarray):
        return exact()
    lost = np.abs(u) < LOST
    if lost.any():
        return np.where(lost, 0.5, s / np.where(lost, 1.0, u)).astype(u.dtype, copy=False)
    return s / u


def softplus(xp: Any, u: Array) -> Array:
    """log(1 + exp(u)) without overflow."""
    return xp.maximum(u, xp.zeros_like(u)) + xp.log1p(xp.exp(-xp.abs(u)))


def _step(xp: Any, u: Array, slope: float) -> Array:
    if isinstance(u, np.ndarray):
        return np.array([slope, 1.0], u.dtype)[(u > 0).view(np.int8)]  # quicker than where, which branches
    return xp.where(u > 0, xp.ones_like(u), slope * xp.ones_like(u))


def _logistic_slope(xp: Any, u: Array) -> Array:
    """The derivative of the logistic function, without a difference 1 - p that loses the tails."""
    e = xp.exp(-xp.abs(u))
    return e / ((1.0 + e) * (1.0 + e))


def _with_tails(xp: Any, cheap: Array, exact: Callable[[Array], Array], u: Array) -> Array:
    """``cheap``, a new array of slopes in which 1 - s cancels, with ``exact(u)`` where they are small, not 0."""
    small = cheap < SMALL_SLOPE
    if not isinstance(u, np.ndarray):
        return xp.where(small, exact(u), cheap)
    if small.any():
        cheap[small] = exact(u[small])
    return cheap


def _sigmoid_first(xp: Any, u: Array, s: Array) -> Array:
    return _with_tails(xp, s * (1.0 - s), lambda v: _logistic_slope(xp, v), u)


def _tanh_first(xp: Any, u: Array, s: Array) -> Array:
    return _with_tails(xp, 1.0 - s * s, lambda v: 4.0 * _logistic_slope(xp, 2.0 * v), u)


def _normal_density(xp: Any, u: Array) -> Array:
    return DENSITY_AT_ZERO * xp.exp(-0.5 * u * u)


def _normal_distribution(xp: Any, u: Array) -> Array:
    return 0.5 * special(xp, "erfc", -SQRT_HALF * u)


def _gelu_tanh_inner(u: Array) -> tuple[Array, Array]:
    """w and w' with (1 + tanh(w / 2)) / 2 = logistic(w)."""
    square = GELU_CUBIC * u * u
    return GELU_SCALE * (u + square * u), GELU_SCALE * (1.0 + 3.0 * square)


def _gelu_tanh_first(xp: Any, u: Array, s: Array, slope: float) -> Array:
    w, inner = _gelu_tanh_inner(u)
    return _gate(xp, u, s, lambda: sigmoid(xp, w)) + u * (_logistic_slope(xp, w) * inner)


def _gelu_tanh_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    w, inner = _gelu_tanh_inner(u)
    growth = GELU_SCALE * (2.0 + 12.0 * GELU_CUBIC * u * u)  # 2 w' + u w''
    return _logistic_slope(xp, w) * (growth + u * ((1.0 - 2.0 * sigmoid(xp, w)) * (inner * inner)))


def _silu_first(xp: Any, u: Array, s: Array, slope: float) -> Array:
    p = _gate(xp, u, s, lambda: sigmoid(xp, u))
    return p + s * (1.0 - p)


def _silu_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    return _logistic_slope(xp, u) * (2.0 + u * (1.0 - 2.0 * sigmoid(xp, u)))


def _mish_gate(xp: Any, u: Array) -> tuple[Array, Array, Array]:
    """tanh(softplus(u)) = n / d and its derivative, in e = exp(-|u|) and therefore without overflow or cancellation."""
    e, falls = xp.exp(-xp.abs(u)), u < 0
    n = xp.where(falls, e * (2.0 + e), 1.0 + 2.0 * e)
    d = n + xp.where(falls, 2.0 * xp.ones_like(e), 2.0 * e * e)
    return n / d, 4.0 * (1.0 + e) * xp.where(falls, e, e * e) / (d * d), d


def _mish_first(xp: Any, u: Array, s: Array, slope: float) -> Array:
    gate, first, _ = _mish_gate(xp, u)
    return gate + u * first


def _mish_second(xp: Any, u: Array, s: Array, slope: float) -> Array:
    _, first, d = _mish_gate(xp, u)
    e = xp.exp(-xp.abs(u))
    left = (2.0 + 2.0 * e + e * e) * 2.0 * (1.0 + e) + u * (2.0 + e * (2.0 - e * (3.0 + 2.0 * e)))
    right = (1.0 + 2.0 * e + 2.0 * e * e) * 2.0 * (1.0 + e) - u * (2.0 + e * (3.0 - 2.0 * e * (1.0 + e)))
    return first / (1.0 + e) * xp.where(u < 0, left, right) / d


_TABLE = (
    ActivationFunction(
        "identity",
        lambda xp, u, a: u,
        lambda xp, u, s, a: xp.ones_like(u),
        lambda xp, u, s, a: xp.zeros_like(u),
        is_piecewise_linear=True,
        is_increasing=True,
        is_onto=True,
    ),
    ActivationFunction(
        "relu",
        lambda xp, u, a: xp.maximum(u, xp.zeros_like(u)),
        lambda xp, u, s, a: _step(xp, u, 0.0),
        lambda xp, u, s, a: xp.zeros_like(u),
        is_piecewise_linear=True,
    ),
    ActivationFunction(
        "leaky_relu",
        lambda xp, u, a: xp.maximum(u, a * u) if 0.0 <= a <= 1.0 else xp.where(u > 0, u, a * u),
        lambda xp, u, s, a: _step(xp, u, a),
        lambda xp, u, s, a: xp.zeros_like(u),
        is_piecewise_linear=True,
        is_increasing=True,
        is_onto=True,
    ),
    ActivationFunction(
        "sigmoid",
        lambda xp, u, a: sigmoid(xp, u),
        lambda xp, u, s, a: _sigmoid_first(xp, u, s),
        lambda xp, u, s, a: _sigmoid_first(xp, u, s) * (1.0 - 2.0 * s),
        is_increasing=True,
    ),
    ActivationFunction(
        "tanh",
        lambda xp, u, a: xp.tanh(u),
        lambda xp, u, s, a: _tanh_first(xp, u, s),
        lambda xp, u, s, a: -2.0 * s * _tanh_first(xp, u, s),
        is_increasing=True,
    ),
    ActivationFunction(
        "softplus",
        lambda xp, u, a: softplus(xp, u),
        lambda xp, u, s, a: sigmoid(xp, u),
        lambda xp, u, s, a: _logistic_slope(xp, u),
        is_increasing=True,
    ),
    ActivationFunction(
        "gelu",
        lambda xp, u, a: u * _normal_distribution(xp, u),
        lambda xp, u, s, a: _gate(xp, u, s, lambda: _normal_distribution(xp, u)) + u * _normal_density(xp, u),
        lambda xp, u, s, a: _normal_density(xp, u) * (2.0 - u * u),
        is_monotone=False,
    ),
    ActivationFunction(
        "gelu_tanh",
        lambda xp, u, a: u * sigmoid(xp, _gelu_tanh_inner(u)[0]),
        _gelu_tanh_first,
        _gelu_tanh_second,
        is_monotone=False,
    ),
    ActivationFunction("silu", lambda xp, u, a: u * sigmoid(xp, u), _silu_first, _silu_second, is_monotone=False),
    ActivationFunction("mish", lambda xp, u, a: u * _mish_gate(xp, u)[0], _mish_first, _mish_second, is_monotone=False),
)
ACTIVATIONS = {function.name: function for function in _TABLE}


def activation_function(name: object) -> ActivationFunction:
    """The activation of that name; InputError lists the known ones."""
    if not isinstance(name, str) or name not in ACTIVATIONS:
        raise InputError(f"unknown activation {printable(name)!r}; known are {', '.join(sorted(ACTIVATIONS))}")
    return ACTIVATIONS[name]
