"""ONNX operators that write or pick entries by constant indices, read on numbers of the entries (§1)."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

from separatrix.networks.onnx.calls import Call
from separatrix.networks.traced_codes import Codes
from separatrix.networks.traced_values import Unsupported, Value

ENTRIES_LIMIT = 1 << 24  # of all rows


def _by_codes(take: Callable[..., np.ndarray]) -> Callable[[Call], Value]:
    """The rule of an operator that writes or picks by constant indices: ``take`` on numbers of data and updates."""

    def rule(call: Call) -> Value:
        values = [x for x in call.inputs if isinstance(x, Value)]
        if max(call.building.batch, 1) * sum(prod(x.shape) for x in values) > ENTRIES_LIMIT:
            raise Unsupported("moves too many entries about")
        codes = Codes(call.building, values)
        arrays = []
        for position, x in enumerate(call.inputs):
            if isinstance(x, Value):
                arrays.append(codes.value(x))
            else:
                array = call.constant(position)
                arrays.append(array if array.dtype == np.int64 else codes.constant(call.reals(position)))
        if arrays[1].dtype != np.int64:
            raise Unsupported("with computed indices")
        return codes.decoded(take(call, *arrays))

    return rule


def _scattered(call: Call, data: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
    if call.attribute("reduction", "none") != "none":
        raise Unsupported("with a reduction")
    found: Any = data.copy()
    places = tuple(np.moveaxis(indices, -1, 0))
    found[places] = updates
    return found


def _scattered_elements(call: Call, data: np.ndarray, indices: np.ndarray, updates: np.ndarray) -> np.ndarray:
    if call.attribute("reduction", "none") != "none":
        raise Unsupported("with a reduction")
    found: Any = data.copy()
    places = _places(call, data, indices)
    found[places] = updates
    return found


def _gathered_elements(call: Call, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
    return data[_places(call, data, indices)]


def _places(call: Call, data: np.ndarray, indices: np.ndarray) -> Any:
    """Where indices of one axis point, each in its own place along the others."""
    if indices.ndim != data.ndim:
        raise Unsupported("of shapes that do not fit")
    places: Any = list(np.indices(indices.shape, sparse=True))
    places[call.axis(call.attribute("axis", 0), data.ndim)] = indices
    return tuple(np.broadcast_arrays(*places))


def _gathered_nd(call: Call, data: np.ndarray, indices: np.ndarray) -> np.ndarray:
    if call.attribute("batch_dims", 0):
        raise Unsupported("with batch_dims")
    return data[tuple(np.moveaxis(indices, -1, 0))]


INDEX_RULES: dict[str, Callable[[Call], Value]] = {
    "ScatterND": _by_codes(_scattered),
    "ScatterElements": _by_codes(_scattered_elements),
    "GatherElements": _by_codes(_gathered_elements),
    "GatherND": _by_codes(_gathered_nd),
}
