"""The layers of a network graph (§1); how values and derivatives pass through them is in ``propagation``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from separatrix.errors import InputError
from separatrix.networks.activations import ActivationFunction, activation_function


class Layer(ABC):
    """A node's operation. An extender adds its rules to ``propagation``, ``bounds`` and ``balls``."""

    @abstractmethod
    def output_width(self, widths: Sequence[int]) -> int:
        """Width of the output for parents of these widths; InputError where they do not chain."""


@dataclass(frozen=True, eq=False)
class Affine(Layer):
    """x -> W x + b, ``weight`` (out, in), ``bias`` (out,), float64.

    ``weight_radius`` and ``bias_radius`` bound how far the stored numbers may lie from the network's own where a
    composition had to be rounded; proofs add them, searches ignore them.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_radius: np.ndarray | None = None
    bias_radius: np.ndarray | None = None

    def output_width(self, widths: Sequence[int]) -> int:
        """Rows of the weight."""
        if len(widths) != 1 or widths[0] != self.weight.shape[1]:
            raise InputError(f"layers do not chain: a weight of shape {self.weight.shape} needs {self.weight.shape[1]} inputs, "
                             f"came {widths[0] if widths else 0}; weights are (out, in), check for a transposed matrix")
        return self.weight.shape[0]

    def after(self, contrasts: np.ndarray) -> Affine:
        """The affine map ``contrasts`` (m, out; entries -1, 0, 1, at most two a row) after this one, rounding bounded."""
        weight, bias = contrasts @ self.weight, contrasts @ self.bias
        unit = np.finfo(np.float64).eps
        if (np.abs(contrasts).sum(axis=1) <= 1).all():
            return Affine(weight, bias)
        return Affine(weight, bias, np.abs(weight) * unit, np.abs(bias) * unit)


@dataclass(frozen=True, eq=False)
class Activation(Layer):
    """A scalar function on every coordinate; ``slope`` is the left slope of a leaky ReLU."""

    name: str
    slope: float = 0.01

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        return widths[0]

    @property
    def function(self) -> ActivationFunction:
        """The function with its derivatives and properties."""
        return activation_function(self.name)


@dataclass(frozen=True, eq=False)
class Sum(Layer):
    """The sum of its parents: skip connections."""

    def output_width(self, widths: Sequence[int]) -> int:
        """The parents' common width."""
        if len(set(widths)) != 1:
            raise InputError(f"a sum needs parents of one width, came {list(widths)}")
        return widths[0]


@dataclass(frozen=True)
class Node:
    """A layer applied to earlier nodes (node 0 is the input)."""

    layer: Layer
    parents: tuple[int, ...]
