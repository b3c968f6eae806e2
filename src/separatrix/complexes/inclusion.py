"""How the cells of a subcomplex lie in the complex that it was taken from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np


@dataclass(frozen=True, eq=False)
class Inclusion:
    """``ids[k]`` (cells of the subcomplex,) int32: the number of each k-cell in the parent, which has ``counts`` cells."""

    ids: tuple[np.ndarray, ...]
    counts: tuple[int, ...]

    @cached_property
    def masks(self) -> tuple[np.ndarray, ...]:
        """The subcomplex as boolean masks of the parent's cells, one a dimension."""
        found = []
        for k, count in enumerate(self.counts):
            mask = np.zeros(count, dtype=bool)
            if k < len(self.ids):
                mask[self.ids[k]] = True
            found.append(mask)
        return tuple(found)
