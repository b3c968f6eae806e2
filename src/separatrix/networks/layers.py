"""The layers of a network graph (§1); how values and derivatives pass through them is in ``propagation``."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np

from separatrix.errors import InputError, printable
from separatrix.networks.activations import ActivationFunction, activation_function


class Layer(ABC):
    """A node's operation. An extender adds its rules to ``propagation``, ``bounds`` and ``balls``."""

    @abstractmethod
    def output_width(self, widths: Sequence[int]) -> int:
        """Width of the output for parents of these widths; InputError where they do not chain."""


class AffineMap(Layer):
    """x -> W x + b on flat values: :class:`Affine`, or one of the maps of ``structured_layers``, which store no matrix.

    ``weight`` (out, in) is W, float64 and read-only, a structured map writing it down when it is asked for (KindError where it
    is too large); ``bias`` (out,); ``n_inputs``, ``n_outputs`` their sizes; ``terms``: the largest number of
    products in a row. Rows of points (n, in), numpy or torch, go through :meth:`linear` (W x), :meth:`pull` (W^T y) and
    :meth:`magnitude` (|W| r, rounded to nearest, for bounds). ``weight_radius``, ``bias_radius``: None where both are exact.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_radius: np.ndarray | None = None
    bias_radius: np.ndarray | None = None

    @property
    def short_name(self) -> str:
        """How the layer appears in a network's architecture; "" not at all."""
        return str(self.n_outputs)

    @property
    @abstractmethod
    def n_inputs(self) -> int:
        """Width of the input."""

    @property
    @abstractmethod
    def n_outputs(self) -> int:
        """Width of the output."""

    @property
    @abstractmethod
    def terms(self) -> int:
        """The largest number of products that are added up in one output."""

    @property
    @abstractmethod
    def pull_terms(self) -> int:
        """The largest number of products that are added up in one entry of W^T y."""

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """How many numbers are stored."""

    @abstractmethod
    def linear(self, x: Any) -> Any:
        """W x for rows (n, in), without the bias."""

    @abstractmethod
    def pull(self, y: Any) -> Any:
        """W^T y for rows (n, out)."""

    @abstractmethod
    def magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W| r for rows (n, in), r >= 0."""

    @abstractmethod
    def pull_magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W|^T r for rows (n, out), r >= 0."""

    @abstractmethod
    def rows(self) -> Any:
        """W as a scipy CSR array of the exact entries."""

    def output_width(self, widths: Sequence[int]) -> int:
        """Rows of the weight."""
        if len(widths) != 1 or widths[0] != self.n_inputs:
            raise InputError(
                f"layers do not chain: a layer of {self.n_inputs} inputs came after {widths[0] if widths else 0} values"
            )
        return self.n_outputs


@dataclass(frozen=True, eq=False)
class Affine(AffineMap):
    """x -> W x + b, ``weight`` (out, in), ``bias`` (out,), float64.

    ``weight_radius`` and ``bias_radius`` bound how far the stored numbers may lie from the network's own where a
    composition had to be rounded; proofs add them, searches ignore them.
    """

    weight: np.ndarray
    bias: np.ndarray
    weight_radius: np.ndarray | None = None
    bias_radius: np.ndarray | None = None

    def __post_init__(self) -> None:
        for name, array in vars(self).items():
            if array is not None:
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    def output_width(self, widths: Sequence[int]) -> int:
        """Rows of the weight."""
        if len(widths) != 1 or widths[0] != self.weight.shape[1]:
            raise InputError(
                f"layers do not chain: a weight of shape {self.weight.shape} needs {self.weight.shape[1]} inputs, "
                f"came {widths[0] if widths else 0}; weights are (out, in), check for a transposed matrix"
            )
        return self.weight.shape[0]

    @property
    def n_inputs(self) -> int:
        """Columns of the weight."""
        return self.weight.shape[1]

    @property
    def n_outputs(self) -> int:
        """Rows of the weight."""
        return self.weight.shape[0]

    @property
    def terms(self) -> int:
        """Columns of the weight."""
        return self.weight.shape[1]

    @property
    def pull_terms(self) -> int:
        """Rows of the weight."""
        return self.weight.shape[0]

    @property
    def n_parameters(self) -> int:
        """Entries of the weight and the bias."""
        return self.weight.size + self.bias.size

    def linear(self, x: Any) -> Any:
        """W x for rows; those of another library than numpy need its own weights (see ``propagation.Parameters``)."""
        return x @ self.weight.T

    def pull(self, y: Any) -> Any:
        """W^T y for rows, likewise."""
        return y @ self.weight

    def magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W| r."""
        return r @ np.abs(self.weight).T

    def pull_magnitude(self, r: np.ndarray) -> np.ndarray:
        """|W|^T r."""
        return r @ np.abs(self.weight)

    def rows(self) -> Any:
        """The weight as a CSR array."""
        from scipy.sparse import csr_array

        return csr_array(self.weight)

    def after(self, contrasts: np.ndarray) -> Affine | None:
        """The affine map ``contrasts`` (m, out) after this one, its rounding bounded.

        None where there is no good bound: entries other than -1, 0, 1, more than two of them in a row (a sum of two
        doubles is rounded once, relative to itself), rounded weights here, or overflow.
        """
        terms = np.abs(contrasts).sum(axis=1)
        rounded = self.weight_radius is not None or self.bias_radius is not None
        if rounded or not np.isin(contrasts, (-1.0, 0.0, 1.0)).all() or not (terms <= 2).all():
            return None
        with np.errstate(over="ignore", invalid="ignore"):
            weight, bias = contrasts @ self.weight, contrasts @ self.bias
        if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
            return None
        if (terms <= 1).all():
            return Affine(weight, bias)
        unit = np.finfo(np.float64).eps
        return Affine(weight, bias, np.abs(weight) * unit, np.abs(bias) * unit)


@dataclass(frozen=True, eq=False)
class Activation(Layer):
    """A scalar function on every coordinate; ``slope`` is the left slope of a leaky ReLU."""

    name: str
    slope: float = 0.01

    def __post_init__(self) -> None:
        activation_function(self.name)
        if not isinstance(self.slope, Real) or not math.isfinite(self.slope):
            raise InputError(f"{self.name}: expected a finite number as its slope, came {printable(repr(self.slope))}")
        object.__setattr__(self, "slope", float(self.slope))

    def output_width(self, widths: Sequence[int]) -> int:
        """The parent's width."""
        if len(widths) != 1:
            raise InputError(f"an activation needs one parent, came {len(widths)}")
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
