"""Where batches of points are computed: this machine's processor, or a GPU through torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from separatrix.errors import InputError, KindError, MissingExtraError, printable

CPU = "cpu"


def checked_device(device: Any) -> str:
    """The name of a device, "cpu" for None. Raises InputError where it is not there, KindError for what is no name.

    >>> checked_device(None), checked_device("cpu")
    ('cpu', 'cpu')
    """
    if device is None:
        return CPU
    if not isinstance(device, str):
        raise KindError(f"device: expected a name such as 'cuda' or None, came {type(device).__name__}")
    kind = device.partition(":")[0]
    if kind not in (CPU, "cuda"):
        raise InputError(
            f"device: expected 'cpu', 'cuda' or 'cuda:1', came {printable(device, 40)}; others lack float64"
        )
    if kind == CPU:
        return CPU
    try:
        import torch
    except ImportError:
        raise MissingExtraError("device='cuda' needs torch: pip install 'separatrix[torch]'") from None
    number = device.partition(":")[2] or "0"
    if not number.isdecimal() or int(number) >= torch.cuda.device_count():
        raise InputError(
            f"device: {printable(device, 40)} is not there: torch sees {torch.cuda.device_count()} CUDA devices; leave "
            "device out to compute on the CPU"
        )
    return f"cuda:{int(number)}"


def on_device(x: np.ndarray, device: str) -> Any:
    """Points as a float64 tensor on a GPU, or as they are."""
    if device == CPU:
        return x
    import torch

    return torch.tensor(x, dtype=torch.float64, device=device)
