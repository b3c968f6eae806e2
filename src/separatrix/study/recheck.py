"""Basin labels of a few samples held against those of full integration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Recheck:
    """``label`` and ``full`` (n,): rows of sinks found early and by full integration, -1 where there is none.

    >>> Recheck(np.array([0, 1, -1]), np.array([0, 2, 2])).n_alike
    1
    """

    label: np.ndarray
    full: np.ndarray

    @property
    def both(self) -> np.ndarray:
        """Which samples both resolve, (n,)."""
        return (self.label >= 0) & (self.full >= 0)

    @property
    def n_alike(self) -> int:
        """How many samples lead to the same sink, or to none, both times."""
        return int((self.label == self.full).sum())

    def n_same_class(self, sink_class: np.ndarray) -> int:
        """How many samples that both resolve lead to sinks of one class; sinks that one of them met do not count."""
        known = self.both & (self.full < len(sink_class))
        return int((sink_class[self.label[known]] == sink_class[self.full[known]]).sum())
