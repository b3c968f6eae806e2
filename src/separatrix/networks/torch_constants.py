"""Parameters, buffers and numbers of a torch graph as float64 arrays (§1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.networks.traced_values import Shape, Unknown, Unsupported, Value


def array(constant: Any) -> np.ndarray:
    """A parameter, buffer or number as float64."""
    if isinstance(constant, (Value, Unknown)) or constant is None:
        raise Unsupported("with a computed operand")
    if isinstance(constant, (int, float)):
        return np.array(float(constant))
    if isinstance(constant, (list, tuple)):
        return np.array(constant, np.float64)
    if hasattr(constant, "detach") and not constant.is_complex():
        return constant.detach().double().cpu().numpy()
    raise Unsupported("with this operand")


def along_features(constant: Any, shape: Shape) -> np.ndarray:
    """A constant broadcast over one row of a value, flat."""
    found = array(constant)
    if found.ndim == len(shape) + 1:
        if found.shape[0] != 1 and not (found == found[:1]).all():
            raise Unsupported("differs between the rows of a batch")
        found = found[0]
    try:
        return np.broadcast_to(found, shape).astype(np.float64).ravel()
    except ValueError:
        raise Unsupported("broadcasts to a larger shape") from None
