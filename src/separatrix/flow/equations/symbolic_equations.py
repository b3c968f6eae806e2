"""The sympy objects of one equation, made when they are asked for, and their numbers (§2, §4)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from separatrix.errors import InputError
from separatrix.flow.equations import symbolic
from separatrix.flow.equations.equation_parts import Gradient
from separatrix.networks.layers import Activation, AffineMap

MOST_TERMS = 50_000


class Equations:
    """``matrix``: grad f in the matrix symbols x, W_1, b_1, …; ``slope``: y(u), the gradient by u = W_1 x + b_1, in u, W_2, …;
    ``reduced``: W_1 W_1^T y(u), (4.1).
    """

    def __init__(self, gradient: Gradient) -> None:
        self.gradient = gradient
        self._functions: dict[str, tuple[Callable[..., Any], list[str]]] = {}

    @cached_property
    def matrix(self) -> Any:
        """grad f in matrix symbols."""
        return symbolic.matrix_gradient(self.gradient)

    @property
    def _layer(self) -> AffineMap:
        layer = self.gradient.input_layer
        if layer is None:
            raise InputError(
                "closed_form: there is no reduction, for the input does not act through one affine layer alone"
            )
        return layer

    @cached_property
    def slope(self) -> Any:
        """y(u) in matrix symbols. Raises InputError where the input does not act through one affine layer alone."""
        return symbolic.matrix_gradient(self.gradient, self._layer)

    @cached_property
    def reduced(self) -> Any:
        """W_1 W_1^T y(u) in matrix symbols. Raises InputError as ``slope`` does."""
        return symbolic.reduced_field(self.gradient, self._layer)

    @cached_property
    def is_short(self) -> bool:
        """Whether grad f, written out in x1, …, xn, has at most MOST_TERMS terms."""
        return n_terms(self.gradient) <= MOST_TERMS

    def explicit(self, exact: bool = False) -> Any:
        """grad f written out in the symbols x1, …, xn, a column (n, 1); ``exact``: with the weights as rationals.

        Raises InputError where that would be too long to be of use.
        """
        if not self.is_short:
            raise InputError(
                f"closed_form: written out in x1, …, x{self.gradient.n_inputs} the equation has about "
                f"{n_terms(self.gradient):.1g} terms, more than {MOST_TERMS:,}; use the matrix form"
            )
        return symbolic.explicit_gradient(self.gradient, exact)

    def evaluate(self, name: str, rows: np.ndarray) -> np.ndarray:
        """The object ``name`` (matrix, slope, reduced) at the rows of the array (n, m), row by row."""
        try:
            found = self._evaluated(name, rows)
        except (NotImplementedError, ValueError) as error:
            raise InputError(
                "closed_form: sympy cannot evaluate its matrices where a hidden layer has one neuron of this activation; "
                f"use potential.gradient, or the explicit form `sympy` ({type(error).__name__})"
            ) from error
        return np.array(found, dtype=np.float64).reshape(rows.shape)

    def _evaluated(self, name: str, rows: np.ndarray) -> list[np.ndarray]:
        if name not in self._functions:
            unknown = "x" if name == "matrix" else "u"
            self._functions[name] = symbolic.compiled(getattr(self, name), unknown, rows.shape[1])
        function, names = self._functions[name]
        values = [self.gradient.parameters[key] for key in names]
        with np.errstate(over="ignore", under="ignore", divide="ignore"):  # exp of a large number: 1 / inf = 0
            return [np.asarray(function(row[:, None], *values)).reshape(-1) for row in rows]


def n_terms(gradient: Gradient) -> float:
    """About how many operations grad f has when nothing is shared: the length of the explicit form."""
    cost: list[float] = [1.0]
    for node in gradient.nodes[1:]:
        parent = cost[node.parents[0]]
        if isinstance(node.layer, AffineMap):
            cost.append(node.layer.n_inputs * (parent + 2.0))
        else:
            cost.append(parent + 4.0 if isinstance(node.layer, Activation) else sum(cost[i] for i in node.parents))
    size = gradient.n_classes
    softmax = 0.0 if size == 2 and gradient.kind in ("log-odds", "margin") else 2.0 * size * (cost[-1] + 2.0)
    heads = {"margin": 1.0, "confidence": softmax * size * size, "negative entropy": softmax * size}
    back = [0.0] * (len(gradient.nodes) - 1) + [heads.get(gradient.kind, 1.0 + softmax)]
    for index in range(len(gradient.nodes) - 1, 0, -1):
        node = gradient.nodes[index]
        if isinstance(node.layer, AffineMap):
            back[node.parents[0]] += node.layer.n_outputs * (back[index] + 2.0)
        else:
            for parent in node.parents:
                back[parent] += back[index] + (cost[parent] + 6.0 if isinstance(node.layer, Activation) else 0.0)
    return gradient.n_inputs * back[0]
