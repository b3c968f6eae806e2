"""Values of dense steps that are kept from the walk that finds their signs, for the step's own cuts (§6).

When a neuron is inserted, its values are wanted at the vertices of the cells that it cuts, and a walk to these takes all
products once more. But a vertex of a cell that a neuron cuts is no farther from where the neuron vanishes than the cell is long,
so that its value is small; the walk that finds the signs keeps the values that are. Which ones it keeps decides nothing: for
those that turn out to be missing the walk is taken.
"""

from __future__ import annotations

import numpy as np

from separatrix.surface.arrangement.step_bounds import StepBounds
from separatrix.surface.arrangement.walk_plan import Block

FACTOR = 1.5  # times the length of the cells at a vertex and how fast the neuron's values change around it

Kept = tuple[np.ndarray, np.ndarray, np.ndarray]
"""Vertices (r,), bits (r,), and (2, r): values, bounds of their errors."""


class NearValues:
    """By step, what was kept."""

    def __init__(self) -> None:
        self._kept: dict[int, list[Kept]] = {}

    def add(self, k: int, x: np.ndarray, reach: np.ndarray, bound: StepBounds, block: Block) -> None:
        """Keep the small ones of the values of step k, dense; ``x`` (V, n), ``reach`` (V,): positions, lengths of cells."""
        from separatrix.surface.arrangement.near_kernels import near_zero, steepest

        ids, values, numbers = block
        slopes, most = np.empty(bound.creased.size), ids.size * bound.creased.size
        steepest(ids, x, reach, values, bound.creased, slopes)
        vertices, bits, found = np.empty(most, dtype=np.int32), np.empty(most, dtype=np.int32), np.empty((2, most))
        count = near_zero(
            ids, values, numbers, bound.rows, bound.exact_bias, bound.creased, reach, FACTOR, slopes, vertices, bits, found
        )  # fmt: skip
        kept = vertices[:count].copy(), bits[:count].copy(), found[:, :count].copy()
        self._kept.setdefault(k, []).append(kept)

    def fill(self, k: int, pairs: np.ndarray, places: np.ndarray, out: np.ndarray) -> np.ndarray:
        """The values of step k at the pairs (V, words) in ``out``, as far as they were kept; (V,): where one is missing.

        What was kept of the step is forgotten.
        """
        from separatrix.surface.arrangement.near_kernels import chained, fill_pairs

        kept = self._kept.pop(k, [])
        if not kept:
            return places[1:] > places[:-1]
        vertices, bits = np.concatenate([part[0] for part in kept]), np.concatenate([part[1] for part in kept])
        found = np.concatenate([part[2] for part in kept], axis=1)
        heads, following = np.full(len(pairs), -1, dtype=np.int32), np.empty(vertices.size, dtype=np.int32)
        chained(vertices, heads, following)
        is_missing = np.zeros(len(pairs), dtype=bool)
        fill_pairs(pairs, places, heads, following, bits, found, out, is_missing)
        return is_missing

    def clear(self) -> None:
        """Forget all: vertices are numbered anew."""
        self._kept.clear()
