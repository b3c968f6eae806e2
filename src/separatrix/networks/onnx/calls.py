"""One application of an ONNX operator: its inputs, computed or constant, and its attributes, asked for by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.onnx.tensors import sparse_array, tensor_array
from separatrix.networks.traced_values import Building, Shape, Unsupported, Value

EVALUATED_LIMIT, AXES_LIMIT = 1 << 24, 24
Operand = Value | np.ndarray | None


@dataclass(frozen=True)
class Call:
    """An operator of version ``opset`` applied to ``inputs`` (None: left out); ``folder`` is the model's own."""

    building: Building
    operator: str
    opset: int
    inputs: Sequence[Operand]
    attributes: Mapping[str, Any]
    n_outputs: int
    folder: str

    def given(self, position: int) -> bool:
        """Whether there is an input at this position."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def operand(self, position: int) -> Value | np.ndarray:
        """The input at this position."""
        operand = self.inputs[position] if self.given(position) else None
        if operand is None:
            raise Unsupported(f"without its input {position}")
        return operand

    def value(self, position: int = 0) -> Value:
        """An input that depends on the network's input."""
        operand = self.operand(position)
        if not isinstance(operand, Value):
            raise Unsupported("with a constant where a computed value is expected")
        return operand

    def constant(self, position: int) -> np.ndarray:
        """An input that is a constant."""
        operand = self.operand(position)
        if isinstance(operand, Value):
            raise Unsupported("with a computed operand")
        return operand

    def reals(self, position: int) -> np.ndarray:
        """An input that is a constant of real numbers."""
        array = self.constant(position)
        if array.dtype != np.float64:
            raise Unsupported("with integers or truth values where real numbers are expected")
        return array

    def number(self, position: int) -> float | None:
        """A constant input that is one number, or None where it is left out."""
        if not self.given(position):
            return None
        array = self.constant(position)
        if array.size != 1:
            raise Unsupported("with several numbers where one is expected")
        return float(array.reshape(()))

    def integers(self, position: int) -> list[int]:
        """A constant input that is a list of integers, such as a shape or axes."""
        array = self.constant(position)
        if array.dtype != np.int64 or array.ndim > 1 or array.size > 1000:
            raise Unsupported("with a shape or axes that are no short list of integers")
        return [int(n) for n in array.ravel()]

    def attribute(self, name: str, default: Any = None) -> Any:
        """An attribute of the kind of ``default``; Unsupported for another kind."""
        value = self.attributes.get(name, default)
        if value is None or default is None or isinstance(value, type(default)):
            return value
        raise Unsupported(f"with a wrong kind of attribute {name}")

    def real(self, name: str, default: float) -> float:
        """An attribute that is a real number, single precision as files hold it; its default too."""
        return self.attribute(name, float(np.float32(default)))

    def axes(self, position: int, n_axes: int) -> list[int] | None:
        """Axes, an attribute or an input by the version, counted from the front; None where they are left out."""
        axes = self.attribute("axes") if "axes" in self.attributes else None
        if axes is None and self.given(position):
            axes = self.integers(position)
        return None if axes is None else [self.axis(axis, n_axes) for axis in axes]

    def axis(self, axis: Any, n_axes: int) -> int:
        """An axis counted from the front."""
        if not isinstance(axis, int) or not -n_axes <= axis < n_axes:
            raise Unsupported("along an axis that is not there")
        return axis % n_axes

    def tensor(self, name: str) -> np.ndarray:
        """An attribute that is a tensor, dense or sparse."""
        proto, where = self.attributes[name], f"{self.building.source}: constant of {self.building.place}"
        if hasattr(proto, "indices"):
            return sparse_array(proto, self.folder, where)
        if not hasattr(proto, "data_type"):
            raise Unsupported(f"with a wrong kind of attribute {name}")
        return tensor_array(proto, self.folder, where)

    def shape(self, operand: Value | np.ndarray) -> Shape:
        """The whole shape of an input, with the batch if there is one."""
        if not isinstance(operand, Value):
            return operand.shape
        return (self.building.batch, *operand.shape) if self.building.batch else operand.shape

    def features(self, shape: Sequence[int]) -> Shape:
        """A whole shape without the batch; Unsupported where the batch is no longer its first axis."""
        if self.building.batch and (not shape or shape[0] != self.building.batch):
            raise Unsupported("mixes the rows of a batch")
        if len(shape) > AXES_LIMIT:
            raise Unsupported("with too many axes")
        return tuple(shape[1:] if self.building.batch else shape)

    @property
    def first_axis(self) -> int:
        """The first axis that is no batch."""
        return 1 if self.building.batch else 0


def bounded(shape: Sequence[int]) -> Shape:
    """A shape of a constant that is small enough to be made."""
    if any(n < 0 for n in shape) or prod(shape) > EVALUATED_LIMIT:
        raise Unsupported("makes a constant that is too large")
    return tuple(int(n) for n in shape)
