"""The activations and their slopes as sympy expressions in t (§2)."""

from __future__ import annotations

from typing import Any

import sympy as sp
from sympy.codegen.cfunctions import log1p

from separatrix.networks.layers import Activation

T = sp.Symbol("t")
LOGISTIC, LOGISTIC_SLOPE = 1 / (1 + sp.exp(-T)), 1 / (4 * sp.cosh(T / 2) ** 2)
NORMAL, DENSITY = sp.erfc(-T / sp.sqrt(2)) / 2, sp.exp(-(T**2) / 2) / sp.sqrt(2 * sp.pi)
CUBIC = sp.Rational(44715, 10**6)
INNER = 2 * sp.sqrt(2 / sp.pi) * (T + CUBIC * T**3)  # gelu_tanh is t logistic(INNER)
SOFTPLUS = (T + sp.Abs(T)) / 2 + log1p(sp.exp(-sp.Abs(T)))
GATE = sp.tanh(SOFTPLUS)  # of mish
SHAPES = {
    "identity": (T, sp.Integer(1)),
    "sigmoid": (LOGISTIC, LOGISTIC_SLOPE),
    "tanh": (sp.tanh(T), 1 / sp.cosh(T) ** 2),
    "softplus": (SOFTPLUS, LOGISTIC),
    "gelu": (T * NORMAL, NORMAL + T * DENSITY),
    "silu": (T * LOGISTIC, LOGISTIC + T * LOGISTIC_SLOPE),
    "mish": (T * GATE, GATE + T * (1 - GATE**2) * LOGISTIC),
    "gelu_tanh": (
        T * LOGISTIC.subs(T, INNER),
        LOGISTIC.subs(T, INNER) + T * sp.diff(INNER, T) * LOGISTIC_SLOPE.subs(T, INNER),
    ),
}


def shape_of(layer: Activation, order: int) -> Any:
    """s (order 0) or s' (order 1) of an activation in t; on a crease the slope of the side t <= 0."""
    if layer.name in ("relu", "leaky_relu"):
        left = sp.Integer(0) if layer.name == "relu" else sp.Float(layer.slope)
        at_zero: Any = sp.Integer(0)
        slope = left + (1 - left) * sp.Heaviside(T, at_zero)
        return slope if order else T * slope
    return SHAPES[layer.name][order]
