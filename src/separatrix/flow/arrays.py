"""Rows of a batch where the user has them: numpy on the CPU, torch on an accelerator, the same lines for both.

A tensor on the CPU is the same memory as a numpy array and is treated as one, so that its answers are the same bits.
Torch is never imported here: its functions are reached through the tensor that the user gives.
"""

from __future__ import annotations

import math
from typing import Any

import array_api_compat
import numpy as np

from separatrix.domains import points
from separatrix.errors import InputError, KindError
from separatrix.networks.propagation import namespace

Array = Any


def is_tensor(x: Any) -> bool:
    """Whether ``x`` is a torch tensor."""
    return array_api_compat.is_torch_array(x)


def is_on_accelerator(x: Any) -> bool:
    """Whether ``x`` is a tensor in the memory of another device than the CPU."""
    return is_tensor(x) and x.device.type != "cpu"


def on_host(x: Array) -> np.ndarray:
    """``x`` as a numpy array, not copied where the CPU holds it."""
    return x.cpu().numpy() if is_tensor(x) else x


def beside(array: np.ndarray, x: Array) -> Array:
    """``array``, its kind of numbers unchanged, in the library and on the device of ``x``."""
    if not is_tensor(x):
        return array
    # a copy, because PyTorch warns of memory that may not be written
    return namespace(x).asarray(np.array(array), device=array_api_compat.device(x))


def rows(x: Any, dim: int, what: str, *, on_device: bool) -> Array:
    """``x`` as float64 rows (n, dim); one point (dim,) is one row.

    With ``on_device`` a tensor on an accelerator stays there. Every other tensor becomes a numpy array, that of a device
    without float64 (Metal) included; what is no tensor is treated by :func:`separatrix.domains.points`.

    Raises InputError for other shapes and for NaN or infinite entries, KindError for what is no dense array of numbers.
    """
    if not is_tensor(x):
        return points(x, dim, what)
    refused = _kind(x)
    if refused:
        raise KindError(
            f"{what}: expected a dense tensor of real numbers of shape (n, {dim}), came {refused}; "
            "pass a strided tensor of integers or floating-point numbers that holds its data"
        )
    x, float64 = x.detach().resolve_neg(), namespace(x).float64
    if on_device and is_on_accelerator(x) and x.device.type != "mps":
        return _checked(x.to(float64), dim, what)
    return points(on_host(x.cpu().to(float64)), dim, what)


def _kind(x: Any) -> str:
    """What makes a tensor unfit, in words; empty where nothing does."""
    if x.device.type == "meta":
        return "a tensor of the meta device, which holds no numbers"
    if x.is_complex():
        return f"a complex tensor ({x.dtype})"
    if x.is_quantized or x.is_nested or not str(x.layout).endswith("strided"):
        return f"a {'quantized' if x.is_quantized else 'nested' if x.is_nested else 'sparse'} tensor ({x.layout})"
    return ""


def _checked(x: Any, dim: int, what: str) -> Any:
    """The tensor as rows (n, dim) of finite numbers, by the rules of :func:`separatrix.domains.points`."""
    shape = tuple(x.shape)
    if len(shape) == 1 and shape[0] in (0, dim):
        x = x.reshape((shape[0] // dim, dim))
    if len(shape) > 2 and math.prod(shape[1:]) == dim:
        x = x.reshape((shape[0], dim))
    if x.ndim != 2 or x.shape[1] != dim:
        raise InputError(f"{what}: expected shape (n, {dim}), came {shape}; one row a point")
    unfit = on_host(~namespace(x).isfinite(x).all(axis=1))
    if unfit.any():
        raise InputError(
            f"{what}: expected finite numbers, row {int(unfit.argmax())} has NaN or infinity; remove or repair it"
        )
    return x
