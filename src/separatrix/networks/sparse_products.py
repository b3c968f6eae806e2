"""Sparse maps as arrays: entries that are all the same are stored once, and products are sums in the order of a row (§1)."""

from __future__ import annotations

from typing import Any

import numpy as np

MANY = 1 << 12  # numbers that are looked at for being all the same


def stored_once(numbers: np.ndarray) -> np.ndarray:
    """A view of many numbers; where all are the same, of that one number: moves of large images have ones and zeros only."""
    if numbers.size < MANY or numbers.strides == (0,) or not (numbers == numbers[0]).all():
        return numbers.view()
    return np.broadcast_to(numbers[:1].copy(), numbers.shape).view()


def parts_of(matrix: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts of the rows, columns and entries of a CSR array."""
    return matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int64, copy=False), matrix.data


def times_rows(starts: np.ndarray, columns: np.ndarray, entries: np.ndarray, x: Any) -> Any:
    """W x for rows (n, width) and the rows of W in CSR: sums in the order of the row."""
    if isinstance(x, np.ndarray):
        from separatrix.networks.window_kernels import sparse_rows

        found = np.empty((len(x), starts.size - 1))
        sparse_rows(starts, columns, np.array(entries), np.ascontiguousarray(x, np.float64), found)
        return found.astype(x.dtype, copy=False)
    import torch

    numbers = np.repeat(np.arange(starts.size - 1), np.diff(starts)), np.array(columns)
    rows, places = (torch.as_tensor(part, device=x.device) for part in numbers)
    values = torch.as_tensor(np.array(entries), dtype=x.dtype, device=x.device)
    return x.new_zeros((x.shape[0], starts.size - 1)).index_add_(1, rows, x[:, places] * values)
