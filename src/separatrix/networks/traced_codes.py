"""Numbers in the place of values: what an operator that moves entries does, from running it on their numbers (§1)."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import numpy as np

from separatrix.networks.layers import Sum
from separatrix.networks.traced_operations import scaled, selected
from separatrix.networks.traced_values import Building, Unsupported, Value


class Codes:
    """Numbers for the entries of values (positive, different in every row) and of constants (negative); 0 is zero.

    Arrays have the batch in front where the source has one; without it there is one row and no axis for it.
    """

    def __init__(self, building: Building, values: Sequence[Value]) -> None:
        self.building = building
        self.starts: list[tuple[Value, int]] = []
        self.constants: list[np.ndarray] = []
        self.n_constants, self.total = 0, 0
        for value in values:
            self.starts.append((value, self.total))
            self.total += prod(value.shape)
        self.rows = max(building.batch, 1)
        building.work(self.rows * self.total)

    def value(self, value: Value) -> np.ndarray:
        """Numbers of a value's entries, float64."""
        start = next(offset for known, offset in self.starts if known is value)
        numbers = np.arange(self.rows)[:, None] * self.total + 1 + start + np.arange(prod(value.shape))
        shape = (self.rows, *value.shape) if self.building.batch else value.shape
        return numbers.astype(np.float64).reshape(shape)

    def constant(self, array: np.ndarray) -> np.ndarray:
        """Numbers of constant entries, the same for the same value."""
        self.building.work(array.size)
        values, places = np.unique(array, return_inverse=True)
        codes = -1.0 - self.n_constants - np.asarray(places, np.float64).reshape(array.shape)
        self.constants.append(values)
        self.n_constants += values.size
        return codes

    def decoded(self, numbers: np.ndarray) -> Value:
        """The value whose entries have these numbers."""
        building, codes = self.building, numbers.astype(np.int64)
        codes = codes if building.batch else codes[None]
        if codes.ndim == 0 or codes.shape[0] != self.rows:
            raise Unsupported("mixes the rows of a batch")
        rows = np.arange(self.rows).reshape(-1, *(1,) * (codes.ndim - 1)) * self.total
        if (np.where(codes > 0, codes - rows, codes) != codes[:1]).any():
            raise Unsupported("mixes the rows of a batch")
        shape, flat = codes.shape[1:], codes[0].ravel()
        building.work(flat.size * (1 + len(self.starts)))
        if flat.size == 0:
            raise Unsupported("gives an empty tensor")
        return Value(self._picked(flat, shape).cell, shape)

    def _picked(self, flat: np.ndarray, shape: tuple[int, ...]) -> Value:
        building, parts = self.building, []
        for value, start in self.starts:
            index = np.where((flat > start) & (flat <= start + prod(value.shape)), flat - 1 - start, -1)
            if (index >= 0).any():
                parts.append(selected(building, value, index, shape))
        if not parts:
            parts.append(selected(building, self.starts[0][0], np.full(flat.size, -1), shape))
        whole = parts[0] if len(parts) == 1 else building.append(Sum(), *parts)
        if not (flat < 0).any():
            return whole
        table = np.concatenate([[0.0], *self.constants])
        return scaled(building, whole, np.ones(flat.size), table[np.where(flat < 0, -flat, 0)])
