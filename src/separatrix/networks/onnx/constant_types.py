"""Constants of ONNX in other types: casts, and stored integers as real numbers (§1)."""

from __future__ import annotations

import numpy as np

from separatrix.networks.onnx.calls import Call
from separatrix.networks.onnx.tensors import BFLOAT16, is_floating, is_integer
from separatrix.networks.traced_values import Unsupported

BOOL, HALVES = 9, (10, BFLOAT16)
LARGEST_HALF = 65504.0
RANGES = {
    2: (0, 255),
    3: (-128, 127),
    4: (0, 65535),
    5: (-(2**15), 2**15 - 1),
    6: (-(2**31), 2**31 - 1),
    12: (0, 2**32 - 1),
}


def cast(call: Call) -> np.ndarray:
    """Cast of a constant; Unsupported for numbers that their new type does not hold."""
    kind, x = call.attribute("to", 0), call.constant(0)
    if is_floating(kind):
        if kind in HALVES:
            if kind == HALVES[0] and (np.abs(x) > LARGEST_HALF).any():
                raise Unsupported("of numbers out of the range of half precision")
            call.building.note("casts to half precision were read as the identity")
        return x.astype(np.float64)
    if is_integer(kind):
        if not np.isfinite(x.astype(np.float64)).all():
            raise Unsupported("of NaN or infinity to integers")
        least, largest = RANGES.get(kind, (-(2**63), 2**63 - 1))
        if x.size and not least <= int(x.min()) <= int(x.max()) <= largest:
            raise Unsupported("of numbers out of the range of their new type")
        return x.astype(np.int64)
    if kind == BOOL:
        return x != 0
    raise Unsupported("to a type that is not read")


def dequantised(call: Call) -> np.ndarray:
    """(x - zero point) * scale of stored integers, one scale for all or one a slice of an axis."""
    x, scale = call.constant(0), call.reals(1)
    zero = call.constant(2) if call.given(2) else np.zeros((), np.int64)
    if x.dtype != np.int64 or zero.dtype != np.int64 or call.attribute("block_size", 0):
        raise Unsupported("of stored numbers that are no integers, or in blocks")
    if scale.size > 1 or scale.ndim == 1:
        sides = [1] * x.ndim
        sides[call.axis(call.attribute("axis", 1), x.ndim)] = -1
        scale, zero = scale.reshape(sides if scale.size > 1 else ()), zero.reshape(sides if zero.size > 1 else ())
    return (x - zero) * scale
